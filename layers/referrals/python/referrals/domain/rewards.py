"""Rewards: one promise each, its price, its life and its undoing.

    IN_REVIEW ──> QUEUED ──> HELD ──> AVAILABLE ──> FULFILLING ──> FULFILLED ──> CLAWED_BACK
        │           │         │        │  │  ^                        │              │
        │           │         │        │  │  └── cash that came back ─┴──────────────┘
        │           │         │        │  └──> EXPIRED
        └───────────┴─────────┴────────┴─────> VOIDED

A reward that is in review, or queued because the budget has no room, was promised no money yet. A
reversal before the hand-over voids, one after it claws back. A reward that is reversed in part
stays in its state with less in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from referrals.domain.budgets import Draw
from referrals.domain.errors import MoveNotAllowedError
from referrals.domain.ids import (
    ConversionId,
    DispatchId,
    PersonId,
    ProgramId,
    RewardId,
    derive,
)
from referrals.domain.ledger import Place, Posting, account_of, expense_of, owner_of
from referrals.domain.money import in_proportion, percent_of, shrunk
from referrals.domain.rules import (
    WHOLE_KINDS,
    Flat,
    Percent,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Tiers,
    Trigger,
)

# Rewards that wait for stock are looked at this often, those that wait for a budget likewise.
STOCK_RETRY_AFTER = timedelta(hours=1)
BUDGET_RETRY_AFTER = timedelta(minutes=15)


class RewardState(StrEnum):
    IN_REVIEW = "in_review"
    QUEUED = "queued"
    HELD = "held"
    AVAILABLE = "available"
    FULFILLING = "fulfilling"
    FULFILLED = "fulfilled"
    EXPIRED = "expired"
    VOIDED = "voided"
    CLAWED_BACK = "clawed_back"


_MOVES: Mapping[RewardState, frozenset[RewardState]] = {
    RewardState.IN_REVIEW: frozenset({RewardState.QUEUED, RewardState.HELD, RewardState.VOIDED}),
    RewardState.QUEUED: frozenset({RewardState.HELD, RewardState.VOIDED}),
    RewardState.HELD: frozenset({RewardState.AVAILABLE, RewardState.VOIDED}),
    RewardState.AVAILABLE: frozenset(
        {RewardState.FULFILLING, RewardState.EXPIRED, RewardState.VOIDED}
    ),
    RewardState.FULFILLING: frozenset({RewardState.FULFILLED, RewardState.AVAILABLE}),
    RewardState.FULFILLED: frozenset({RewardState.CLAWED_BACK, RewardState.AVAILABLE}),
    RewardState.EXPIRED: frozenset(),
    RewardState.VOIDED: frozenset(),
    RewardState.CLAWED_BACK: frozenset({RewardState.AVAILABLE}),
}
HANDED_OVER = frozenset({RewardState.FULFILLED, RewardState.CLAWED_BACK})
# No money was moved for these yet, or it was moved back.
_UNFUNDED = frozenset({RewardState.IN_REVIEW, RewardState.QUEUED, RewardState.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """One promise made to one person.

    `amount_minor` is what was granted; what was taken back of it before the hand-over is in
    `voided_minor`, what after it in `clawed_back_minor`, and what paid a debt of the owner instead
    of being handed over in `netted_minor`: below 0 while it takes along what they paid too much.
    `draws` say which slices of the budget it stands in. `conversion_id` is None for a prize, `step`
    the count of a milestone, `generation` how often the same thing was promised before and taken
    back, plus one. `due_at` is when something is to be done for it next, None when nothing is.
    `dispatch_id` says in which dispatch a provider outside is or was asked for it. `written_before`
    counts its writings in tables that are no more; `revision` is None until it is stored.
    """

    reward_id: RewardId
    program_id: ProgramId
    version: int
    rule_id: str
    conversion_id: ConversionId | None
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
    netted_minor: int = 0
    draws: tuple[Draw, ...] = ()
    expires_after_days: int | None = None
    expires_at: datetime | None = None
    trigger: Trigger = Trigger.PURCHASE
    step: int | None = None
    generation: int = 1
    partner: str | None = None
    ships: bool = False
    dispatch_id: DispatchId | None = None
    handed_over: Mapping[str, str] | None = None
    written_before: int = 0
    revision: int | None = None

    @property
    def writing(self) -> int:
        """Say which writing of it the next one is, also over tables that were rebuilt."""
        return self.written_before + (self.revision or 0) + 1

    @property
    def remaining_minor(self) -> int:
        """What of it still stands."""
        return self.amount_minor - self.voided_minor - self.clawed_back_minor

    @property
    def to_hand_over_minor(self) -> int:
        """What is or was handed over: claw-backs come out of a debt instead."""
        return self.amount_minor - self.voided_minor - self.netted_minor

    @property
    def is_undone_in_part(self) -> bool:
        """Whether, while it is being fulfilled, something was clawed back that has not gone out.

        Or all of it was, even what had paid a debt: then there is nothing left to fulfil.
        """
        return min(self.clawed_back_minor, self.to_hand_over_minor) > 0 or not self.remaining_minor

    @property
    def is_funded(self) -> bool:
        """Whether the ledger holds it."""
        return self.state not in _UNFUNDED

    @property
    def is_cut_to_fit(self) -> bool:
        """Whether a part of it is worth something: a coupon is handed over whole or not at all."""
        return self.kind not in WHOLE_KINDS

    @property
    def because(self) -> str:
        """Say in one sentence why it was promised and what became of it; safe for its owner."""
        what = self._what()
        back_minor = self.voided_minor + self.clawed_back_minor
        if self.state is RewardState.IN_REVIEW:
            return f"Promised for {what}, once it has been looked at."
        if self.state is RewardState.QUEUED:
            return f"Promised for {what}; it waits until the program's budget has room."
        if self.state is RewardState.EXPIRED:
            return f"Promised for {what}; not taken up in time."
        if not back_minor:
            return f"Promised for {what}."
        if self.remaining_minor:
            return f"Promised for {what}; part of it was taken back after a refund."
        return f"Promised for {what}; taken back after a refund."

    def _what(self) -> str:
        match self.trigger:
            case Trigger.MILESTONE:
                return f"milestone {self.step}"
            case Trigger.PERIOD_END:
                return f"place {self.step} of the leaderboard"
            case Trigger.ENROLMENT:
                return "sharing"
            case Trigger.REDEMPTION:
                return "points"
        return f"order {self.order_id}" if self.order_id else "a sign-up"


def price(rule: RewardRule, amount_minor: int, *, count: int = 1) -> int:
    """Give what a rule promises for a purchase of `amount_minor`, before any cap per person.

    `count` says the how-many-th time it is, or for a leaderboard which place.
    """
    amount = rule.reward.at(count) if isinstance(rule.reward, Tiers) else rule.reward
    match amount:
        case Flat(amount_minor=flat):
            return flat
        case Percent(rate_bps=rate_bps, max_minor=max_minor):
            share = percent_of(amount_minor, rate_bps)
            return share if max_minor is None else min(share, max_minor)
        case Places(amounts_minor=amounts):
            return amounts[count - 1] if count <= len(amounts) else 0


def shrinks_with_order(rule: RewardRule, *, count: int) -> bool:
    """Whether the `count`-th reward of a rule is a share of its order: refunds make it smaller."""
    amount = rule.reward.at(count) if isinstance(rule.reward, Tiers) else rule.reward
    return isinstance(amount, Percent)


def lowest_amount(rule: RewardRule) -> int:
    """Give the least that a conversion must be worth; an order of nothing never earns anything."""
    is_of_money = rule.on in {Trigger.PURCHASE, Trigger.RENEWAL}
    return max(rule.min_amount_minor, 1) if is_of_money else 0


def reward_id_of(source: str, rule_id: str, owner_id: PersonId, *, generation: int = 1) -> RewardId:
    """Give the id of what a rule promises somebody for a source: a conversion or a milestone."""
    return RewardId(derive("rwd", source, rule_id, owner_id, str(generation)))


def moved_to(reward: Reward, state: RewardState, *, due_at: datetime | None) -> Reward:
    """Move a reward on; MoveNotAllowedError when its state does not lead there."""
    if state not in _MOVES[reward.state]:
        raise MoveNotAllowedError(reward.reward_id, reward.state, state)
    return replace(reward, state=state, due_at=due_at)


def available(reward: Reward, *, now: datetime) -> Reward:
    """End a hold: from now on it can be handed over, and the time to do so runs."""
    days = reward.expires_after_days
    return replace(
        moved_to(reward, RewardState.AVAILABLE, due_at=now),
        expires_at=None if days is None else now + timedelta(days=days),
    )


def grant_posting(reward: Reward) -> Posting:
    """Promise what of it stands."""
    return _posting(
        reward,
        expense_of(reward.program_id),
        account_of(reward.owner_id, Place.HELD),
        reward.remaining_minor,
    )


def release_posting(reward: Reward) -> Posting:
    """Move what is still promised out of the hold."""
    return _between(reward, Place.HELD, Place.AVAILABLE, reward.to_hand_over_minor)


def hand_over_place(kind: RewardKind) -> Place:
    """Say where what was handed over sits: credit and points are there to be spent."""
    return Place.CREDIT if kind in {RewardKind.CREDIT, RewardKind.POINTS} else Place.PAID


def hand_over_posting(reward: Reward) -> Posting | None:
    """Move what is handed over to where it sits then; nothing when all of it paid a debt."""
    if not reward.to_hand_over_minor:
        return None
    return _between(
        reward, Place.AVAILABLE, hand_over_place(reward.kind), reward.to_hand_over_minor
    )


def netted(reward: Reward, debt_minor: int) -> tuple[Reward, Posting | None]:
    """Let a reward that is to be handed over pay its owner's debt first, as far as it goes.

    Below 0 the debt is what its owner paid too much, and goes out with the reward.
    """
    part_minor = min(reward.to_hand_over_minor, debt_minor)
    if not part_minor or not reward.is_cut_to_fit:
        return reward, None
    less = replace(reward, netted_minor=reward.netted_minor + part_minor)
    if part_minor > 0:
        return less, _between(reward, Place.AVAILABLE, Place.DEBT, part_minor)
    return less, _between(reward, Place.DEBT, Place.AVAILABLE, -part_minor)


def expired(reward: Reward) -> tuple[Reward, tuple[Posting, ...]]:
    """Let a reward that nobody took up lapse: what was not handed over goes back."""
    alone, kept = _without_company(reward)
    lapsed = moved_to(alone, RewardState.EXPIRED, due_at=None)
    if not alone.to_hand_over_minor:
        return lapsed, kept
    source = account_of(reward.owner_id, Place.AVAILABLE)
    posting = _posting(reward, source, expense_of(reward.program_id), alone.to_hand_over_minor)
    return lapsed, (posting, *kept)


def _without_company(reward: Reward) -> tuple[Reward, tuple[Posting, ...]]:
    """Let a reward end without what its owner paid too much: that waits for the next one."""
    if reward.netted_minor >= 0:
        return reward, ()
    posting = _between(reward, Place.AVAILABLE, Place.DEBT, -reward.netted_minor)
    return replace(reward, netted_minor=0), (posting,)


def dispatched(reward: Reward, dispatch_id: DispatchId) -> Reward:
    """Put a reward into a dispatch, which looks after it from now on."""
    claimed = reward
    if reward.state is not RewardState.FULFILLING:
        claimed = moved_to(reward, RewardState.FULFILLING, due_at=None)
    return replace(claimed, due_at=None, dispatch_id=dispatch_id)


def handed_over(reward: Reward, details: Mapping[str, str]) -> Reward:
    """Hand a claimed reward over; what was taken back of it meanwhile is a debt that stands."""
    fulfilled = moved_to(
        replace(reward, handed_over=dict(details)), RewardState.FULFILLED, due_at=None
    )
    return fulfilled if fulfilled.remaining_minor else _ended(fulfilled)


def extended(reward: Reward, *, since: datetime, now: datetime) -> Reward:
    """Give the time back that a dispatch took in vain since it claimed a reward.

    Cash missed its payday by it, and has its whole term once more. Anything else has what was left
    of its time, if that ran out meanwhile.
    """
    if reward.expires_at is None:
        return reward
    left = reward.expires_at - since if reward.expires_at <= now else timedelta()
    if reward.kind is RewardKind.CASH:
        left = max(left, timedelta(days=reward.expires_after_days or 0))
    return replace(reward, expires_at=max(reward.expires_at, now + left))


def put_back(reward: Reward, *, due_at: datetime | None) -> tuple[Reward, Posting | None]:
    """Take a claim on a reward back: it was not handed over, and is AVAILABLE again.

    What was clawed back meanwhile had become a debt; as nothing went out, it becomes a void. A
    reward of which nothing is left is VOIDED.
    """
    again = replace(moved_to(reward, RewardState.AVAILABLE, due_at=due_at), dispatch_id=None)
    back_minor = min(again.clawed_back_minor, again.to_hand_over_minor)
    settled = replace(
        again,
        voided_minor=again.voided_minor + back_minor,
        clawed_back_minor=again.clawed_back_minor - back_minor,
    )
    if not settled.remaining_minor:
        settled = _ended(_without_company(settled)[0])
    to_debt_minor = reward.to_hand_over_minor - settled.to_hand_over_minor
    if not to_debt_minor:
        return settled, None
    return settled, _between(reward, Place.AVAILABLE, Place.DEBT, to_debt_minor)


# with a reference behind it: why what was sent under that came back
RETURNED = "returned:"


def return_details(reference: str, *, reason: str, actor: str) -> dict[str, str]:
    """Give what is kept of what was sent under a reference and came back."""
    return {RETURNED + reference: reason, "returned_by": actor}


def came_back(
    reward: Reward, details: Mapping[str, str], *, now: datetime
) -> tuple[Reward, tuple[Posting, ...]]:
    """Take cash back in that was sent and came back: it is AVAILABLE again, with its whole term.

    `details` say so in place of how it was sent. What was clawed back since becomes a void, as in
    `put_back`. MoveNotAllowedError when it is not cash, or nothing of it was sent.
    """
    sent_minor = reward.to_hand_over_minor if reward.kind is RewardKind.CASH else 0
    if reward.state not in HANDED_OVER or not sent_minor:
        raise MoveNotAllowedError(reward.reward_id, reward.state, RewardState.AVAILABLE)
    longer = replace(extended(reward, since=now, now=now), handed_over=dict(details))
    again, posting = put_back(longer, due_at=now)
    received = _between(reward, Place.PAID, Place.AVAILABLE, sent_minor)
    return again, (received, posting) if posting else (received,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A reward after something was taken back, with the postings that do it."""

    reward: Reward
    back_minor: int
    postings: tuple[Posting, ...]
    is_whole: bool

    @property
    def returned_minor(self) -> int:
        """What the program gets back by it: nothing of what was not paid for, or lapsed before."""
        return sum(
            posting.amount_minor
            for posting in self.postings
            if owner_of(posting.destination) is None
        )

    @property
    def is_claw_back(self) -> bool:
        return any(posting.source.endswith(f":{Place.DEBT}") for posting in self.postings)


def owed_after_refunds(
    granted_minor: Sequence[int],
    *,
    paid_minor: int,
    refunded_minor: int,
    min_amount_minor: int,
    is_percent: bool,
) -> tuple[int, ...]:
    """Give what the rewards of one rule are worth when so much of their order was refunded in all.

    A percentage shrinks in proportion to the order, to the minor unit; where advocates share it,
    nobody's part grows while the whole shrinks (`shrunk`). A flat reward stays whole. Neither
    survives an order that falls below the rule's minimum, or to nothing. As it depends on the sum
    alone, the order in which refunds arrive does not matter.
    """
    kept_minor = max(paid_minor - refunded_minor, 0)
    if kept_minor == 0 or kept_minor < min_amount_minor:
        return (0,) * len(granted_minor)
    if not is_percent or not any(granted_minor):
        return tuple(granted_minor)
    total_minor = in_proportion(sum(granted_minor), part=kept_minor, whole=paid_minor)
    return shrunk(granted_minor, total_minor)


def reversed_to(reward: Reward, owed_minor: int) -> Reversal | None:
    """Take back what of a reward stands above `owed_minor`; None when nothing does."""
    back_minor = reward.remaining_minor - owed_minor
    if back_minor <= 0 or reward.state in {RewardState.VOIDED, RewardState.CLAWED_BACK}:
        return None
    voided_minor = _not_handed_over(reward, back_minor)
    shrunk = replace(
        reward,
        voided_minor=reward.voided_minor + voided_minor,
        clawed_back_minor=reward.clawed_back_minor + back_minor - voided_minor,
    )
    is_whole, kept = shrunk.remaining_minor == 0, tuple[Posting, ...]()
    if is_whole and reward.state is RewardState.AVAILABLE:
        shrunk, kept = _without_company(shrunk)
    return Reversal(
        reward=_ended(shrunk) if is_whole else shrunk,
        back_minor=back_minor,
        postings=(*_reversal_postings(reward, voided_minor, back_minor - voided_minor), *kept),
        is_whole=is_whole,
    )


def _not_handed_over(reward: Reward, back_minor: int) -> int:
    """Give what of a reversal nobody had yet, neither in hand nor off a debt."""
    if reward.state in {RewardState.FULFILLING, RewardState.FULFILLED}:
        return 0
    return min(back_minor, reward.to_hand_over_minor)


def _reversal_postings(
    reward: Reward, voided_minor: int, clawed_back_minor: int
) -> tuple[Posting, ...]:
    """Give what a reversal moves: of a reward that lapsed only what had paid a debt is there."""
    place = Place.HELD if reward.state is RewardState.HELD else Place.AVAILABLE
    in_place_minor = voided_minor if reward.is_funded else 0
    return tuple(
        _posting(
            reward, account_of(reward.owner_id, source), expense_of(reward.program_id), amount_minor
        )
        for source, amount_minor in ((place, in_place_minor), (Place.DEBT, clawed_back_minor))
        if amount_minor
    )


def _ended(reward: Reward) -> Reward:
    if reward.state in {RewardState.FULFILLING, RewardState.EXPIRED}:
        return reward  # it is in somebody's hands, and ends when that is known; or it has ended
    state = RewardState.CLAWED_BACK if reward.state is RewardState.FULFILLED else RewardState.VOIDED
    return moved_to(reward, state, due_at=None)


def _between(reward: Reward, source: Place, destination: Place, amount_minor: int) -> Posting:
    owner_id = reward.owner_id
    return _posting(
        reward, account_of(owner_id, source), account_of(owner_id, destination), amount_minor
    )


def _posting(reward: Reward, source: str, destination: str, amount_minor: int) -> Posting:
    return Posting(
        source=source, destination=destination, amount_minor=amount_minor, unit=reward.unit
    )
