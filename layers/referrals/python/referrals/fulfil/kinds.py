"""The kinds of reward, and what each of them needs to be handed over.

A kind is a function that takes a reward in FULFILLING and gives what to write beside its last move:
`HandOver`, or `NotNow` when it has to wait. What it writes is in the transaction of that move, so a
reward has been handed over exactly when it says so.
"""

from collections.abc import Callable, Mapping

from referrals.domain.rewards import Reward
from referrals.domain.rules import RewardKind
from referrals.fulfil import by_hand, coupons, credit, gifts
from referrals.fulfil.handing import HandOver, NotNow
from referrals.store.transactions import Write

KINDS: Mapping[RewardKind, Callable[[Reward], HandOver | NotNow]] = {
    RewardKind.CREDIT: credit.hand_over,
    RewardKind.POINTS: credit.hand_over,
    RewardKind.COUPON: coupons.hand_over,
    RewardKind.GIFT: gifts.hand_over,
    RewardKind.CASH: by_hand.hand_over,
    RewardKind.PARTNER: by_hand.hand_over,
}


def hand_over(reward: Reward) -> HandOver | NotNow:
    """Hand a reward over in the way of its kind."""
    return KINDS[reward.kind](reward)


def given_back(reward: Reward) -> tuple[Write, ...]:
    """Give what to write beside the move that takes a reward back: stock that returns."""
    return gifts.given_back(reward) if reward.kind is RewardKind.GIFT else ()
