"""A shop lets a customer spend credit or points: once, and never more than there are."""

from datetime import datetime

from referrals.domain.errors import DuplicateRedemptionError
from referrals.domain.ids import PersonId, person_id
from referrals.domain.programs import Program
from referrals.domain.redemptions import (
    RedemptionReport,
    Refusal,
    item_of,
    item_reward_id,
    redeem,
    redemption_id_of,
)
from referrals.domain.rules import Side
from referrals.store import coupons, programs
from referrals.store.transactions import until_settled
from referrals.usecases.keys import Keys
from referrals.usecases.spendings import (
    Redeemed,
    read_holder,
    read_item_reward,
    told_redemption,
    told_refusal,
    told_spending,
    write_spending,
)


def redeem_credit(report: RedemptionReport, *, keys: Keys, now: datetime) -> Redeemed:
    """Spend what is asked for, unless it was spent before under this reference; a no is data.

    Friends have credit, too. Of a no nothing is kept, so that the same may be asked again later.
    ProgramNotFoundError; AdvocateNotFoundError when nobody with this id takes part;
    DuplicateRedemptionError when something else was spent under this reference.
    """
    program = programs.get_live(report.program_id)
    owner_id = person_id(report.customer_id, key=keys.identity)
    return until_settled(lambda: _redeem(report, program, owner_id, now))


def _redeem(
    report: RedemptionReport, program: Program, owner_id: PersonId, now: datetime
) -> Redeemed:
    holder = read_holder(program.program_id, owner_id, report.reference)
    known = holder.redemption
    if known is not None:
        if not known.is_of(report):
            raise DuplicateRedemptionError(report.reference)
        return told_redemption(known, holder.balance, read_item_reward(known))
    decided = redeem(
        report,
        program=program,
        balance=holder.balance,
        side=Side.ADVOCATE if holder.advocate else Side.FRIEND,
        is_in_stock=_is_in_stock(report, program, owner_id),
        now=now,
    )
    if isinstance(decided, Refusal):
        return told_refusal(report, decided, program=program, balance=holder.balance)
    write_spending(decided, now=now)
    return told_spending(decided, is_new=True)


def _is_in_stock(report: RedemptionReport, program: Program, owner_id: PersonId) -> bool:
    """Whether the pool of an item has one now; what has no pool is never out of stock.

    Nothing is set aside: who is overtaken waits for the pool to be filled, as all rewards do.
    """
    item = item_of(program, report.item_id)
    if item is None or item.pool is None:
        return True
    redemption_id = redemption_id_of(program.program_id, owner_id, report.reference)
    reward_id = item_reward_id(redemption_id, item.item_id, owner_id)
    return coupons.find_free(program.program_id, item.pool, reward_id) is not None
