"""Coupons: one from the pool that the rule names, or a wait until it is filled; or a partner's."""

from referrals.domain.rewards import Reward
from referrals.fulfil.handing import Dispatched, HandOver, NotNow
from referrals.fulfil.stock import out_of_stock
from referrals.store import coupons


def hand_over(reward: Reward) -> HandOver | NotNow | Dispatched:
    if reward.partner is not None:
        return Dispatched(partner=reward.partner)
    pool = reward.pool or ""
    coupon_code = coupons.find_free(reward.program_id, pool, reward.reward_id)
    if coupon_code is None:
        return out_of_stock(reward)
    return HandOver(
        details={"coupon_code": coupon_code},
        writes=coupons.take(reward.program_id, pool, coupon_code, reward.reward_id),
    )
