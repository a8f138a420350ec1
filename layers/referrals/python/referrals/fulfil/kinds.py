"""The kinds of reward, and what each of them needs to be handed over.

A kind is a function that takes a reward in FULFILLING and gives what to write beside its last move:
`HandOver`, `NotNow` when it has to wait, or `Dispatched` when a system outside has to be asked.
What it writes is in the transaction of that move, so a reward has been handed over exactly when it
says so.
"""

from collections.abc import Callable, Mapping

from referrals.domain.rewards import Reward
from referrals.domain.rules import RewardKind
from referrals.fulfil import cash, coupons, credit, gifts, offers, points
from referrals.fulfil.handing import Dispatched, HandOver, NotNow
from referrals.store.transactions import Write

Outcome = HandOver | NotNow | Dispatched

KINDS: Mapping[RewardKind, Callable[[Reward], Outcome]] = {
    RewardKind.CREDIT: credit.hand_over,
    RewardKind.POINTS: points.hand_over,
    RewardKind.COUPON: coupons.hand_over,
    RewardKind.GIFT: gifts.hand_over,
    RewardKind.CASH: cash.hand_over,
    RewardKind.PARTNER: offers.hand_over,
}


def hand_over(reward: Reward) -> Outcome:
    """Hand a reward over in the way of its kind."""
    return KINDS[reward.kind](reward)


def given_back(reward: Reward) -> tuple[Write, ...]:
    """Give what to write beside the move that takes a reward back: stock that returns."""
    return gifts.given_back(reward) if reward.kind is RewardKind.GIFT else ()
