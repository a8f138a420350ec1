"""Credit: the ledger itself is the hand-over, the shop spends what is there."""

from referrals.domain.rewards import Reward
from referrals.fulfil.handing import HandOver


def hand_over(_reward: Reward) -> HandOver:
    return HandOver()
