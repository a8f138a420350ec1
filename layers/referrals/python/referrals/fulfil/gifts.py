"""Gifts: a unit from the stock that the rule names, which goes back when the gift is taken back.

One that is sent waits for the address first, so that it keeps no unit from others meanwhile; from
the hand-over on it is a parcel, until somebody has sent it. The address is read when it is packed,
and is nowhere in the reward.
"""

from referrals.domain.details import DetailsKind
from referrals.domain.rewards import Reward, RewardState
from referrals.fulfil.handing import HandOver, NotNow
from referrals.fulfil.stock import out_of_stock
from referrals.store import coupons, details, parcels
from referrals.store.parcels import Parcel
from referrals.store.rewards import RewardKey
from referrals.store.transactions import Write

_UNIT = "gift_unit"


def hand_over(reward: Reward) -> HandOver | NotNow:
    if reward.ships and not details.is_given(reward.owner_id, DetailsKind.SHIPPING):
        still_missing = details.not_given(reward.owner_id, DetailsKind.SHIPPING)
        return NotNow(again_after=None, writes=(still_missing,))
    stock = reward.pool or ""
    unit = coupons.find_free(reward.program_id, stock, reward.reward_id)
    if unit is None:
        return out_of_stock(reward)
    taken = coupons.take(reward.program_id, stock, unit, reward.reward_id)
    packed = (parcels.pack(_parcel(reward, unit)),) if reward.ships else ()
    return HandOver(details={_UNIT: unit}, writes=(*taken, *packed))


def given_back(reward: Reward) -> tuple[Write, ...]:
    """Give the writes that put the unit of a gift that was clawed back into stock again.

    What is on its way already does not come back by itself.
    """
    unit = (reward.handed_over or {}).get(_UNIT)
    if reward.state is not RewardState.CLAWED_BACK or unit is None:
        return ()  # people who hand a gift over themselves take it from no stock of ours
    returned = coupons.give_back(reward.program_id, reward.pool or "", unit, reward.reward_id)
    if not reward.ships:
        return returned
    parcel = _parcel(reward, unit)
    return (*returned, parcels.unpack(parcel)) if parcels.is_here(parcel) else ()


def _parcel(reward: Reward, unit: str) -> Parcel:
    key = RewardKey(
        program_id=reward.program_id, owner_id=reward.owner_id, reward_id=reward.reward_id
    )
    return Parcel(key=key, stock=reward.pool or "", unit=unit, granted_at=reward.granted_at)
