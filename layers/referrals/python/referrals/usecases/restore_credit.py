"""A shop cancelled what credit or points were spent on: their owner has them again."""

from datetime import datetime

from referrals.domain.errors import RedemptionNotFoundError
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.redemptions import Refusal, restore
from referrals.store import programs
from referrals.store.transactions import until_settled
from referrals.usecases.keys import Keys
from referrals.usecases.spendings import (
    Redeemed,
    read_holder,
    read_item_reward,
    told_redemption,
    told_spending,
    write_spending,
)


def restore_credit(
    customer_id: str, program_id: ProgramId, reference: str, *, keys: Keys, now: datetime
) -> Redeemed:
    """Give back the whole of a redemption, once; asked again, nothing changes.

    What was redeemed for an item is given back as long as nobody has claimed its reward: after
    that the item is on its way to its owner, and the answer says no.
    ProgramNotFoundError, AdvocateNotFoundError, RedemptionNotFoundError.
    """
    programs.get_live(program_id)
    owner_id = person_id(customer_id, key=keys.identity)
    return until_settled(lambda: _restore(program_id, owner_id, reference, now))


def _restore(program_id: ProgramId, owner_id: PersonId, reference: str, now: datetime) -> Redeemed:
    holder = read_holder(program_id, owner_id, reference)
    redemption = holder.redemption
    if redemption is None:
        raise RedemptionNotFoundError(reference)
    reward = read_item_reward(redemption)
    if redemption.restored_at is not None:
        return told_redemption(redemption, holder.balance, reward)
    decided = restore(redemption, reward=reward, balance=holder.balance, now=now)
    if isinstance(decided, Refusal):
        return told_redemption(redemption, holder.balance, reward, reason=decided)
    write_spending(decided, now=now)
    return told_spending(decided, is_new=True)
