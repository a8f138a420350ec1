"""Coupons: one from the pool that the rule names, or a wait until it is filled."""

from referrals.domain.rewards import STOCK_RETRY_AFTER, Reward
from referrals.fulfil.handing import HandOver, NotNow
from referrals.store import coupons


def hand_over(reward: Reward) -> HandOver | NotNow:
    pool = reward.pool or ""
    coupon_code = coupons.find_free(reward.program_id, pool, reward.reward_id)
    if coupon_code is None:
        return NotNow(again_after=STOCK_RETRY_AFTER)
    return HandOver(
        details={"coupon_code": coupon_code},
        writes=coupons.take(reward.program_id, pool, coupon_code, reward.reward_id),
    )
