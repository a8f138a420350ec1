"""Waiting for stock: a reward that found its pool empty stands in line until it is refilled."""

from referrals.domain.rewards import STOCK_RETRY_AFTER, Reward
from referrals.fulfil.handing import NotNow
from referrals.store import coupons
from referrals.store.coupons import Waiting
from referrals.store.rewards import RewardKey


def out_of_stock(reward: Reward) -> NotNow:
    """Let a reward wait for its pool. It looks again by itself, too, in case nobody calls it."""
    key = RewardKey(
        program_id=reward.program_id, owner_id=reward.owner_id, reward_id=reward.reward_id
    )
    waiting = Waiting(key=key, pool=reward.pool or "", granted_at=reward.granted_at)
    return NotNow(again_after=STOCK_RETRY_AFTER, writes=(coupons.wait(waiting),))
