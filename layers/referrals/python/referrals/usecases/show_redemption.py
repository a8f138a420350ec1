"""What a customer spent under one of the shop's ids, and what became of it."""

from referrals.domain.errors import RedemptionNotFoundError
from referrals.domain.ids import ProgramId, person_id
from referrals.store import programs
from referrals.store.transactions import until_settled
from referrals.usecases.keys import Keys
from referrals.usecases.spendings import (
    Redeemed,
    read_holder,
    read_item_reward,
    told_redemption,
)


def show_redemption(
    customer_id: str, program_id: ProgramId, reference: str, *, keys: Keys
) -> Redeemed:
    """Show a redemption as it is now.

    ProgramNotFoundError, AdvocateNotFoundError, RedemptionNotFoundError.
    """
    programs.get_live(program_id)
    owner_id = person_id(customer_id, key=keys.identity)
    holder = until_settled(lambda: read_holder(program_id, owner_id, reference))
    if holder.redemption is None:
        raise RedemptionNotFoundError(reference)
    return told_redemption(holder.redemption, holder.balance, read_item_reward(holder.redemption))
