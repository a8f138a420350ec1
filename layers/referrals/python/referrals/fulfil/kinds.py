"""The kinds of reward, and what each of them needs to be handed over.

A kind is a function that takes a reward in FULFILLING and gives what to write beside its last move:
`HandOver`, or `NotNow` when it has to wait. What it writes is in the transaction of that move, so a
reward has been handed over exactly when it says so.
"""

from collections.abc import Callable, Mapping

from referrals.domain.programs import RewardKind
from referrals.domain.rewards import Reward
from referrals.fulfil import coupons, credit
from referrals.fulfil.handing import HandOver, NotNow

KINDS: Mapping[RewardKind, Callable[[Reward], HandOver | NotNow]] = {
    RewardKind.CREDIT: credit.hand_over,
    RewardKind.COUPON: coupons.hand_over,
}


def hand_over(reward: Reward) -> HandOver | NotNow:
    """Hand a reward over in the way of its kind."""
    return KINDS[reward.kind](reward)
