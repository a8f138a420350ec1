"""Redemptions: credit and points that are spent, once each, and never more than there are.

    credit ──> paid        spent; for an item of the catalogue also expense ──> available
    paid ──> credit        restored, because the shop cancelled what it was spent on

What somebody owes is not theirs to spend. An item of the catalogue becomes a reward that is to be
handed over at once: its price is paid, so no hold, no cap and no budget binds it, and it is worth
what the catalogue says, in the program's currency. Credit may be spent whether or not the program
still runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from referrals.domain.budgets import Slice
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.granting import reward_event
from referrals.domain.ids import PersonId, ProgramId, RedemptionId, RewardId, derive
from referrals.domain.ledger import (
    Balance,
    Journal,
    Place,
    Posting,
    account_of,
    after,
    expense_of,
    journal_for,
    spendable_minor,
)
from referrals.domain.programs import Program
from referrals.domain.rewards import Reward, RewardState, reversed_to, reward_id_of
from referrals.domain.rules import Flat, RewardRule, Side, Trigger

_ITEM_RULE = "catalogue:"


class RedemptionOutcome(StrEnum):
    """What became of a redemption."""

    REDEEMED = "redeemed"
    RESTORED = "restored"
    DECLINED = "declined"


class Refusal(StrEnum):
    """Why nothing was spent, or nothing restored."""

    INSUFFICIENT_CREDIT = "insufficient_credit"
    NO_SUCH_ITEM = "no_such_item"
    OUT_OF_STOCK = "out_of_stock"
    NOT_ACTIVE = "not_active"  # their data was deleted
    REWARD_NOT_AVAILABLE = "reward_not_available"  # the item is on its way to them, or theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionReport:
    """What a shop asks to spend: an amount of a unit, or an item of the catalogue for points.

    `reference` is the shop's own id of it; `amount_minor` is None for an item, which has a price.
    """

    program_id: ProgramId
    customer_id: str
    reference: str
    unit: str
    amount_minor: int | None = None
    item_id: str | None = None
    order_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """What somebody spent, as the shop named it; `restored_at` is None while it is spent.

    `version` is of the program whose catalogue was live. `occurred_at` is kept as the shop told it.
    """

    redemption_id: RedemptionId
    reference: str
    program_id: ProgramId
    version: int
    person_id: PersonId
    unit: str
    amount_minor: int
    redeemed_at: datetime
    item_id: str | None = None
    order_id: str | None = None
    occurred_at: datetime | None = None
    restored_at: datetime | None = None
    revision: int | None = None

    @property
    def reward_id(self) -> RewardId | None:
        """Give the id of the reward that its item became; None when it was for no item."""
        if self.item_id is None:
            return None
        return item_reward_id(self.redemption_id, self.item_id, self.person_id)

    @property
    def outcome(self) -> RedemptionOutcome:
        is_spent = self.restored_at is None
        return RedemptionOutcome.REDEEMED if is_spent else RedemptionOutcome.RESTORED

    def is_of(self, report: RedemptionReport) -> bool:
        """Whether a report asks for just this; of an item the price may have changed since."""
        is_same = (self.unit, self.item_id, self.order_id, self.occurred_at) == (
            report.unit,
            report.item_id,
            report.order_id,
            report.occurred_at,
        )
        return is_same and report.amount_minor in {None, self.amount_minor}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """A redemption as it is after a decision, with all that it moves; written at once."""

    redemption: Redemption
    rewards: tuple[Reward, ...]
    journal: Journal
    balances: tuple[Balance, ...]
    events: tuple[DomainEvent, ...]
    slices: tuple[Slice, ...] = ()


def redemption_id_of(program_id: ProgramId, owner_id: PersonId, reference: str) -> RedemptionId:
    """Give the id of what a shop calls `reference`, of one customer in one program."""
    return RedemptionId(derive("rdm", program_id, owner_id, reference))


def item_rule_id(item_id: str) -> str:
    """Give what the rewards of an item are known by, in place of a rule."""
    return f"{_ITEM_RULE}{item_id}"


def item_reward_id(redemption_id: RedemptionId, item_id: str, owner_id: PersonId) -> RewardId:
    """Give the id of the reward that an item becomes when it is redeemed."""
    return reward_id_of(redemption_id, item_rule_id(item_id), owner_id)


def item_of(program: Program, item_id: str | None) -> CatalogueItem | None:
    """Give the item of this id; None when the catalogue has none."""
    return next((each for each in program.catalogue if each.item_id == item_id), None)


def item_rule(program: Program, reward: Reward) -> RewardRule:
    """Say as a rule what the terms promise of the item that a reward was redeemed for.

    KeyError when the catalogue of this version has none.
    """
    item = item_of(program, reward.rule_id.removeprefix(_ITEM_RULE))
    if item is None:
        raise KeyError(reward.rule_id)
    return RewardRule(
        rule_id=reward.rule_id,
        on=Trigger.REDEMPTION,
        to=reward.side,
        kind=item.kind,
        reward=Flat(amount_minor=item.amount_minor),
        pool=item.pool,
        partner=item.partner,
        ships=item.ships,
    )


def redeem(
    report: RedemptionReport,
    *,
    program: Program,
    balance: Balance,
    side: Side,
    is_in_stock: bool = True,
    now: datetime,
) -> Spending | Refusal:
    """Spend what a shop asks for, or say why not.

    `balance` is the customer's, `side` theirs in the program: whose reward an item becomes.
    """
    item = item_of(program, report.item_id)
    amount_minor = item.points if item else report.amount_minor
    if balance.is_closed:
        return Refusal.NOT_ACTIVE
    if amount_minor is None or (item is None and report.item_id is not None):
        return Refusal.NO_SUCH_ITEM
    if amount_minor > spendable_minor(balance, report.unit):
        return Refusal.INSUFFICIENT_CREDIT
    if not is_in_stock:
        return Refusal.OUT_OF_STOCK
    redemption = _redemption(report, program, balance.person_id, amount_minor, now)
    rewards = [_item_reward(redemption, item, program, side, now)] if item else []
    spent = _moved(redemption, Place.CREDIT, Place.PAID)
    cause = _cause("redemption", redemption)
    return _spending(
        redemption,
        rewards,
        cause=cause,
        postings=[spent, *map(_item_posting, rewards)],
        events=[
            _event(EventName.CREDIT_REDEEMED, redemption, cause, now),
            *(
                reward_event(EventName.REWARD_AVAILABLE, each, cause=cause, now=now)
                for each in rewards
            ),
        ],
        balance=balance,
        now=now,
    )


def restore(
    redemption: Redemption, *, reward: Reward | None, balance: Balance, now: datetime
) -> Spending | Refusal:
    """Give back the whole of what was spent, or say why not.

    `reward` is the one that its item became: it is taken back, as long as nobody has claimed it.
    """
    is_open = reward is not None and reward.state is RewardState.AVAILABLE
    if redemption.item_id is not None and not is_open:
        return Refusal.REWARD_NOT_AVAILABLE
    reversal = reversed_to(reward, 0) if reward else None
    restored, cause = replace(redemption, restored_at=now), _cause("restoration", redemption)
    events = [_event(EventName.CREDIT_RESTORED, restored, cause, now)]
    if reversal is not None:
        events.append(
            reward_event(
                EventName.REWARD_VOIDED,
                reversal.reward,
                cause=cause,
                now=now,
                reversed_minor=reversal.back_minor,
                returned_minor=reversal.returned_minor,
            )
        )
    return _spending(
        restored,
        [reversal.reward] if reversal else [],
        cause=cause,
        postings=[
            _moved(redemption, Place.PAID, Place.CREDIT),
            *(reversal.postings if reversal else ()),
        ],
        events=events,
        balance=balance,
        now=now,
    )


def _redemption(
    report: RedemptionReport,
    program: Program,
    owner_id: PersonId,
    amount_minor: int,
    now: datetime,
) -> Redemption:
    return Redemption(
        redemption_id=redemption_id_of(program.program_id, owner_id, report.reference),
        reference=report.reference,
        program_id=program.program_id,
        version=program.version,
        person_id=owner_id,
        unit=report.unit,
        amount_minor=amount_minor,
        redeemed_at=now,
        item_id=report.item_id,
        order_id=report.order_id,
        occurred_at=report.occurred_at,
    )


def _item_reward(
    redemption: Redemption, item: CatalogueItem, program: Program, side: Side, now: datetime
) -> Reward:
    return Reward(
        reward_id=item_reward_id(redemption.redemption_id, item.item_id, redemption.person_id),
        program_id=program.program_id,
        version=program.version,
        rule_id=item_rule_id(item.item_id),
        conversion_id=None,
        order_id=None,
        owner_id=redemption.person_id,
        side=side,
        kind=item.kind,
        pool=item.pool,
        partner=item.partner,
        ships=item.ships,
        unit=program.currency,
        amount_minor=item.amount_minor,
        state=RewardState.AVAILABLE,
        held_until=now,
        granted_at=now,
        due_at=now,
        trigger=Trigger.REDEMPTION,
    )


def _item_posting(reward: Reward) -> Posting:
    return Posting(
        source=expense_of(reward.program_id),
        destination=account_of(reward.owner_id, Place.AVAILABLE),
        amount_minor=reward.amount_minor,
        unit=reward.unit,
    )


def _moved(redemption: Redemption, source: Place, destination: Place) -> Posting:
    return Posting(
        source=account_of(redemption.person_id, source),
        destination=account_of(redemption.person_id, destination),
        amount_minor=redemption.amount_minor,
        unit=redemption.unit,
    )


def _cause(kind: str, redemption: Redemption) -> str:
    return f"{kind}:{redemption.redemption_id}:{redemption.reference}"


def _event(name: EventName, redemption: Redemption, cause: str, now: datetime) -> DomainEvent:
    """Tell of a redemption: all of it, so that it can be rebuilt from that."""
    occurred_at = redemption.occurred_at
    return event(
        name,
        cause=cause,
        program_id=redemption.program_id,
        occurred_at=now,
        redemption_id=redemption.redemption_id,
        reference=redemption.reference,
        person_id=redemption.person_id,
        version=redemption.version,
        unit=redemption.unit,
        amount_minor=redemption.amount_minor,
        item=redemption.item_id,
        order_id=redemption.order_id,
        redeemed_at=redemption.redeemed_at.isoformat(),
        happened_at=occurred_at.isoformat() if occurred_at else None,
    )


def _spending(
    redemption: Redemption,
    rewards: Sequence[Reward],
    *,
    cause: str,
    postings: Sequence[Posting],
    events: Sequence[DomainEvent],
    balance: Balance,
    now: datetime,
) -> Spending:
    """Book all postings of one event in one journal."""
    journal = journal_for(
        cause,
        postings,
        program_id=redemption.program_id,
        version=redemption.version,
        now=now,
        balances={redemption.person_id: balance},
    )
    return Spending(
        redemption=redemption,
        rewards=tuple(rewards),
        journal=journal,
        balances=(after(balance, journal),),
        events=tuple(events),
    )
