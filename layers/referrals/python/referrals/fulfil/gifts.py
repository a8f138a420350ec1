"""Gifts: a unit from the stock that the rule names, which goes back when the gift is taken back."""

from referrals.domain.rewards import STOCK_RETRY_AFTER, Reward, RewardState
from referrals.fulfil.handing import HandOver, NotNow
from referrals.store import coupons
from referrals.store.transactions import Write

_UNIT = "gift_unit"


def hand_over(reward: Reward) -> HandOver | NotNow:
    stock = reward.pool or ""
    unit = coupons.find_free(reward.program_id, stock, reward.reward_id)
    if unit is None:
        return NotNow(again_after=STOCK_RETRY_AFTER)
    return HandOver(
        details={_UNIT: unit}, writes=coupons.take(reward.program_id, stock, unit, reward.reward_id)
    )


def given_back(reward: Reward) -> tuple[Write, ...]:
    """Give the writes that put the unit of a gift that was clawed back into stock again."""
    unit = (reward.handed_over or {}).get(_UNIT)
    if reward.state is not RewardState.CLAWED_BACK or unit is None:
        return ()  # people who hand a gift over themselves take it from no stock of ours
    return coupons.give_back(reward.program_id, reward.pool or "", unit, reward.reward_id)
