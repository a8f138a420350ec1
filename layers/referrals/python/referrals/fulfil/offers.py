"""Offers of partners: a code that their system makes; where the terms name none, people send it."""

from referrals.domain.rewards import Reward
from referrals.fulfil.handing import Dispatched, NotNow


def hand_over(reward: Reward) -> NotNow | Dispatched:
    if reward.partner is None:
        return NotNow(again_after=None)
    return Dispatched(partner=reward.partner)
