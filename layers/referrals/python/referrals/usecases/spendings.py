"""What redeeming, restoring and showing share: to write what is spent, and to tell of it."""

from dataclasses import dataclass
from datetime import datetime

from referrals.domain.errors import AdvocateNotFoundError
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.ledger import Balance, spendable_minor
from referrals.domain.people import Advocate
from referrals.domain.programs import Program
from referrals.domain.redemptions import (
    Redemption,
    RedemptionOutcome,
    RedemptionReport,
    Refusal,
    Spending,
    item_of,
    redemption_id_of,
)
from referrals.domain.rewards import Reward
from referrals.store import advocates, events, ledger, redemptions
from referrals.store.rewards import RewardKey
from referrals.store.transactions import commit, read
from referrals.usecases.bookings import money_writes
from referrals.usecases.fulfil_reward import read_reward


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What a shop is told of a redemption as it is now; `credit_minor` can be spent still.

    `redemption` is None when nothing was spent, and `amount_minor` when there is no such item.
    """

    is_new: bool
    outcome: RedemptionOutcome
    reference: str
    unit: str
    amount_minor: int | None
    credit_minor: int
    reason: Refusal | None = None
    item_id: str | None = None
    redemption: Redemption | None = None
    reward: Reward | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whoever may spend, as read at one moment, and what they spent under a reference."""

    advocate: Advocate | None
    balance: Balance
    redemption: Redemption | None


def read_holder(program_id: ProgramId, owner_id: PersonId, reference: str) -> Holder:
    """Read an advocate or a friend with what they have; AdvocateNotFoundError for nobody."""
    advocate = advocates.wanted(program_id, owner_id)
    balance = ledger.wanted_balance(program_id, owner_id)
    redemption_id = redemption_id_of(program_id, owner_id, reference)
    redemption = redemptions.wanted(program_id, owner_id, redemption_id)
    read(advocate, balance, redemption)
    if advocate.value is None and balance.value is None:
        raise AdvocateNotFoundError(program_id)
    return Holder(
        advocate=advocate.value,
        balance=balance.value or Balance(program_id=program_id, person_id=owner_id),
        redemption=redemption.value,
    )


def read_item_reward(redemption: Redemption) -> Reward | None:
    """Read the reward that the item of a redemption became, as it is now."""
    if redemption.reward_id is None:
        return None
    key = RewardKey(
        program_id=redemption.program_id,
        owner_id=redemption.person_id,
        reward_id=redemption.reward_id,
    )
    return read_reward(key)


def write_spending(spending: Spending, *, now: datetime) -> None:
    """Write a redemption and all it moves at once; BeatenError when somebody wrote meanwhile."""
    commit(
        redemptions.save(spending.redemption),
        *money_writes(spending),
        events.append(spending.events, journal=spending.journal, now=now),
    )


def told_spending(spending: Spending, *, is_new: bool) -> Redeemed:
    """Tell of what was just written."""
    reward = next(iter(spending.rewards), None)
    return told_redemption(spending.redemption, spending.balances[0], reward, is_new=is_new)


def told_redemption(
    redemption: Redemption,
    balance: Balance,
    reward: Reward | None,
    *,
    is_new: bool = False,
    reason: Refusal | None = None,
) -> Redeemed:
    """Tell of a redemption as it is now; with a `reason`, why it could not be restored."""
    return Redeemed(
        is_new=is_new,
        outcome=RedemptionOutcome.DECLINED if reason else redemption.outcome,
        reference=redemption.reference,
        unit=redemption.unit,
        amount_minor=redemption.amount_minor,
        credit_minor=spendable_minor(balance, redemption.unit),
        reason=reason,
        item_id=redemption.item_id,
        redemption=redemption,
        reward=reward,
    )


def told_refusal(
    report: RedemptionReport, reason: Refusal, *, program: Program, balance: Balance
) -> Redeemed:
    """Tell why nothing was spent."""
    item = item_of(program, report.item_id)
    return Redeemed(
        is_new=False,
        outcome=RedemptionOutcome.DECLINED,
        reference=report.reference,
        unit=report.unit,
        amount_minor=item.points if item else report.amount_minor,
        credit_minor=spendable_minor(balance, report.unit),
        reason=reason,
        item_id=report.item_id,
    )
