"""Rewards: one promise each, its price, its life and its undoing.

    HELD ──> AVAILABLE ──> FULFILLING ──> FULFILLED ──> CLAWED_BACK
      └──────────┴──> VOIDED

A reversal before the hand-over voids, one after it claws back. A reward that is reversed in part
stays in its state with less in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from referrals.domain.errors import MoveNotAllowedError
from referrals.domain.ids import ConversionId, PersonId, ProgramId, RewardId, derive
from referrals.domain.ledger import Place, Posting, account_of, expense_of
from referrals.domain.money import in_proportion, percent_of
from referrals.domain.programs import (
    ConversionKind,
    Flat,
    Percent,
    RewardKind,
    RewardRule,
    Side,
)

# Rewards that wait for stock are looked at this often.
STOCK_RETRY_AFTER = timedelta(hours=1)


class RewardState(StrEnum):
    HELD = "held"
    AVAILABLE = "available"
    FULFILLING = "fulfilling"
    FULFILLED = "fulfilled"
    VOIDED = "voided"
    CLAWED_BACK = "clawed_back"


_MOVES: Mapping[RewardState, frozenset[RewardState]] = {
    RewardState.HELD: frozenset({RewardState.AVAILABLE, RewardState.VOIDED}),
    RewardState.AVAILABLE: frozenset({RewardState.FULFILLING, RewardState.VOIDED}),
    RewardState.FULFILLING: frozenset({RewardState.FULFILLED, RewardState.AVAILABLE}),
    RewardState.FULFILLED: frozenset({RewardState.CLAWED_BACK}),
    RewardState.VOIDED: frozenset(),
    RewardState.CLAWED_BACK: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """One promise made to one person.

    `amount_minor` is what was granted; what was taken back of it before the hand-over is in
    `voided_minor`, what after it in `clawed_back_minor`. `due_at` is when something is to be done
    for it next, None when nothing is. `revision` is None until it is stored.
    """

    reward_id: RewardId
    program_id: ProgramId
    version: int
    rule_id: str
    conversion_id: ConversionId
    order_id: str | None
    owner_id: PersonId
    side: Side
    kind: RewardKind
    pool: str | None
    unit: str
    amount_minor: int
    state: RewardState
    held_until: datetime
    granted_at: datetime
    due_at: datetime | None
    voided_minor: int = 0
    clawed_back_minor: int = 0
    handed_over: Mapping[str, str] | None = None
    revision: int | None = None

    @property
    def remaining_minor(self) -> int:
        """What of it still stands."""
        return self.amount_minor - self.voided_minor - self.clawed_back_minor

    @property
    def because(self) -> str:
        """Say in one sentence why it was promised and what became of it; safe for its owner."""
        what = f"order {self.order_id}" if self.order_id else "a sign-up"
        back_minor = self.voided_minor + self.clawed_back_minor
        if not back_minor:
            return f"Promised for {what}."
        if self.remaining_minor:
            return f"Promised for {what}; part of it was taken back after a refund."
        return f"Promised for {what}; taken back after a refund."

    @property
    def to_hand_over_minor(self) -> int:
        """What is or was handed over: claw-backs come out of a debt instead."""
        return self.amount_minor - self.voided_minor


def price(rule: RewardRule, amount_minor: int) -> int:
    """Give what a rule promises for a purchase of `amount_minor`, before any cap per person."""
    match rule.reward:
        case Flat(amount_minor=flat):
            return flat
        case Percent(rate_bps=rate_bps, max_minor=max_minor):
            share = percent_of(amount_minor, rate_bps)
            return share if max_minor is None else min(share, max_minor)


def lowest_amount(rule: RewardRule) -> int:
    """Give the least that a conversion must be worth; an order of nothing never earns anything."""
    return max(rule.min_amount_minor, 1) if rule.on is ConversionKind.PURCHASE else 0


def granted(
    rule: RewardRule,
    amount_minor: int,
    *,
    program_id: ProgramId,
    version: int,
    conversion_id: ConversionId,
    order_id: str | None,
    owner_id: PersonId,
    unit: str,
    held_from: datetime,
    now: datetime,
) -> Reward:
    """Promise `amount_minor` by a rule; the hold runs from the conversion, not from its report."""
    held_until = held_from + rule.hold
    return Reward(
        reward_id=RewardId(derive("rwd", conversion_id, rule.rule_id)),
        program_id=program_id,
        version=version,
        rule_id=rule.rule_id,
        conversion_id=conversion_id,
        order_id=order_id,
        owner_id=owner_id,
        side=rule.to,
        kind=rule.kind,
        pool=rule.pool,
        unit=unit,
        amount_minor=amount_minor,
        state=RewardState.HELD,
        held_until=held_until,
        granted_at=now,
        due_at=held_until,
    )


def moved_to(reward: Reward, state: RewardState, *, due_at: datetime | None) -> Reward:
    """Move a reward on; MoveNotAllowedError when its state does not lead there."""
    if state not in _MOVES[reward.state]:
        raise MoveNotAllowedError(reward.reward_id, reward.state, state)
    return replace(reward, state=state, due_at=due_at)


def grant_posting(reward: Reward) -> Posting:
    return _posting(
        reward,
        expense_of(reward.program_id),
        account_of(reward.owner_id, Place.HELD),
        reward.amount_minor,
    )


def release_posting(reward: Reward) -> Posting:
    """Move what is still promised out of the hold."""
    return _posting(
        reward,
        account_of(reward.owner_id, Place.HELD),
        account_of(reward.owner_id, Place.AVAILABLE),
        reward.to_hand_over_minor,
    )


def hand_over_posting(reward: Reward) -> Posting:
    """Move what is handed over to what was paid."""
    return _posting(
        reward,
        account_of(reward.owner_id, Place.AVAILABLE),
        account_of(reward.owner_id, Place.PAID),
        reward.to_hand_over_minor,
    )


def put_back(reward: Reward, *, due_at: datetime) -> tuple[Reward, Posting | None]:
    """Take a claim on a reward back: it was not handed over, and is AVAILABLE again.

    What was clawed back meanwhile had become a debt; as nothing went out, it becomes a void. A
    reward of which nothing is left is VOIDED.
    """
    available = moved_to(reward, RewardState.AVAILABLE, due_at=due_at)
    back_minor = reward.clawed_back_minor
    if not back_minor:
        return available, None
    settled = replace(available, voided_minor=reward.voided_minor + back_minor, clawed_back_minor=0)
    posting = _posting(
        reward,
        account_of(reward.owner_id, Place.AVAILABLE),
        account_of(reward.owner_id, Place.DEBT),
        back_minor,
    )
    is_nothing_left = settled.remaining_minor == 0
    return _ended(settled) if is_nothing_left else settled, posting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A reward after something was taken back, with the posting that does it."""

    reward: Reward
    posting: Posting
    is_whole: bool

    @property
    def is_claw_back(self) -> bool:
        return self.posting.source.endswith(f":{Place.DEBT}")


def owed_after_refunds(
    reward: Reward, *, paid_minor: int, refunded_minor: int, min_amount_minor: int, is_percent: bool
) -> int:
    """Give what a reward is worth when so much of its order was refunded in all.

    A percentage shrinks in proportion to the order, to the minor unit. A flat reward stays whole.
    Neither survives an order that falls below the rule's minimum, or to nothing. As it depends on
    the sum alone, the order in which refunds arrive does not matter.
    """
    kept_minor = max(paid_minor - refunded_minor, 0)
    if kept_minor == 0 or kept_minor < min_amount_minor:
        return 0
    if not is_percent:
        return reward.amount_minor
    return in_proportion(reward.amount_minor, part=kept_minor, whole=paid_minor)


def reversed_to(reward: Reward, owed_minor: int) -> Reversal | None:
    """Take back what of a reward stands above `owed_minor`; None when nothing does."""
    back_minor = reward.remaining_minor - owed_minor
    if back_minor <= 0:
        return None
    is_handed_over = reward.state in {RewardState.FULFILLING, RewardState.FULFILLED}
    place = {
        RewardState.HELD: Place.HELD,
        RewardState.AVAILABLE: Place.AVAILABLE,
    }.get(reward.state, Place.DEBT)
    source = account_of(reward.owner_id, place)
    posting = _posting(reward, source, expense_of(reward.program_id), back_minor)
    if is_handed_over:
        shrunk = replace(reward, clawed_back_minor=reward.clawed_back_minor + back_minor)
    else:
        shrunk = replace(reward, voided_minor=reward.voided_minor + back_minor)
    is_whole = shrunk.remaining_minor == 0
    return Reversal(
        reward=_ended(shrunk) if is_whole else shrunk, posting=posting, is_whole=is_whole
    )


def _ended(reward: Reward) -> Reward:
    if reward.state is RewardState.FULFILLING:
        return reward  # it is in somebody's hands: it ends when the hand-over is known
    state = RewardState.CLAWED_BACK if reward.state is RewardState.FULFILLED else RewardState.VOIDED
    return moved_to(reward, state, due_at=None)


def _posting(reward: Reward, source: str, destination: str, amount_minor: int) -> Posting:
    return Posting(
        source=source, destination=destination, amount_minor=amount_minor, unit=reward.unit
    )
