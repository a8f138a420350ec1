"""Conversions: a sign-up or a purchase, every rule that was looked at, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from referrals.domain.attribution import CLOCK_SKEW, Credited, Touch, attribute
from referrals.domain.budgets import Budget, Slice
from referrals.domain.decisions import Decision, Outcome, Reason, decision
from referrals.domain.eligibility import Candidate, judged
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.fraud.terms import Flag, FraudMode
from referrals.domain.granting import Claim, Grants, Occasion, RewardNote, note, promise_event
from referrals.domain.ids import ConversionId, PersonId, ProgramId, ReferralId, derive
from referrals.domain.ledger import Balance, Journal
from referrals.domain.milestones import earn, scored
from referrals.domain.money import split
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.referrals import (
    Bond,
    Part,
    Referral,
    kept_waiting,
    no_longer_waiting,
    referral_to,
)
from referrals.domain.reports import ChargebackStatus, Circumstances
from referrals.domain.rewards import Reward, price
from referrals.domain.rules import Counted, RewardRule, Side

ORDERS = frozenset({ConversionKind.PURCHASE, ConversionKind.RENEWAL})


class ReviewState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What people made of a flagged conversion; `actor` and `reason` are theirs, once decided."""

    state: ReviewState
    opened_at: datetime
    actor: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One sign-up or purchase, as reported and as decided; `amount_minor` is 0 for a sign-up.

    `version` is the program's when it was recorded: it is decided by those terms for ever.
    """

    conversion_id: ConversionId
    program_id: ProgramId
    version: int
    kind: ConversionKind
    friend_id: PersonId
    occurred_at: datetime
    recorded_at: datetime
    fingerprint: str
    order_id: str | None = None
    amount_minor: int = 0
    currency: str | None = None
    touches: tuple[Touch, ...] = ()
    outcome: Outcome = Outcome.WAITING
    reason: Reason | None = None
    decisions: tuple[Decision, ...] = ()
    advocate_id: PersonId | None = None
    referral_id: ReferralId | None = None
    rewards: tuple[RewardNote, ...] = ()
    circumstances: Circumstances = Circumstances()
    channel: str | None = None
    flags: tuple[Flag, ...] = ()
    review: Review | None = None

    @property
    def is_order(self) -> bool:
        return self.kind in ORDERS

    @property
    def is_in_review(self) -> bool:
        return self.review is not None and self.review.state is ReviewState.OPEN

    @property
    def is_rejected(self) -> bool:
        return self.review is not None and self.review.state is ReviewState.REJECTED

    @property
    def cause(self) -> str:
        return f"conversion:{self.conversion_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that went back to the friend; `rewards` are those it changed, once it is applied.

    Of a chargeback `status` says whether this is the money that went, or that it was won back.
    """

    refund_id: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    recorded_at: datetime
    fingerprint: str
    is_applied: bool = False
    reason: Reason | None = None
    rewards: tuple[RewardNote, ...] = ()
    chargeback_id: str | None = None
    status: ChargebackStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that was reported of one sign-up or order. A refund may come before its purchase.

    `revision` is None until it is stored.
    """

    conversion_id: ConversionId
    conversion: Conversion | None = None
    refunds: tuple[Refund, ...] = ()
    revision: int | None = None

    def refund(self, refund_id: str) -> Refund | None:
        return next((each for each in self.refunds if each.refund_id == refund_id), None)

    def with_refund(self, refund: Refund) -> "Case":
        """Give the case with a refund added, or put in place of the one with the same id."""
        others = tuple(each for each in self.refunds if each.refund_id != refund.refund_id)
        return replace(self, refunds=(*others, refund))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whose a conversion is, as far as its friend's bond and its touches tell."""

    referral: Referral | None
    reason: Reason | None
    decisions: tuple[Decision, ...]
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Everything that one conversion changes, to be written at once or not at all.

    `is_short_of_budget` says that a reward was queued before the whole budget was looked at.
    """

    conversion: Conversion
    bond: Bond | None
    rewards: tuple[Reward, ...] = ()
    journal: Journal | None = None
    balances: tuple[Balance, ...] = ()
    slices: tuple[Slice, ...] = ()
    events: tuple[DomainEvent, ...] = ()
    is_short_of_budget: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a conversion is credited against: read at one moment, and written back with it.

    `balances` holds everybody who may be rewarded, `segments` those of advocates. In a rehearsal
    the same is decided, and there are neither journals nor events.
    """

    balances: Mapping[PersonId, Balance]
    segments: Mapping[PersonId, str | None] = field(default_factory=dict)
    budget: Budget | None = None
    is_rehearsal: bool = False


def signup_id(program_id: ProgramId, friend_id: PersonId) -> ConversionId:
    """Give the id of a friend's sign-up: one per friend and program, for ever."""
    return ConversionId(derive("cnv", program_id, ConversionKind.SIGNUP, friend_id))


def purchase_id(program_id: ProgramId, order_id: str) -> ConversionId:
    """Give the id of an order's purchase: one per order and program, for ever."""
    return ConversionId(derive("cnv", program_id, ConversionKind.PURCHASE, order_id))


def find(
    conversion: Conversion,
    *,
    program: Program,
    bond: Bond,
    candidates: Mapping[PersonId, Candidate],
) -> Finding:
    """Say whose a conversion is: the bound advocate's, or the one's that its touches lead to.

    `candidates` holds every advocate whom a touch names; nobody is asked for a bound friend.
    """
    refused = not_eligible(conversion, program)
    if refused is not None:
        refusal = decision("program", program.version, refused)
        return Finding(referral=None, reason=refused, decisions=(refusal,), is_final=True)
    if bond.referral is not None:
        return _find_bound(conversion, bond.referral, program.version)
    attribution = attribute(
        judged(
            conversion.touches,
            terms=program.eligibility,
            friend=bond,
            is_new_customer=conversion.circumstances.is_new_customer,
            candidates=candidates,
        ),
        program=program,
        friend_id=conversion.friend_id,
        occurred_at=conversion.occurred_at,
    )
    if not isinstance(attribution, Credited):
        return Finding(referral=None, reason=attribution.reason, decisions=attribution.decisions)
    winner = candidates.get(attribution.winner.advocate_id)
    referral = referral_to(
        attribution,
        program=program,
        friend_id=bond.friend_id,
        second_level_id=winner.second_level_id if winner else None,
        at=conversion.occurred_at,
    )
    return Finding(referral=referral, reason=None, decisions=attribution.decisions)


def not_eligible(conversion: Conversion, program: Program) -> Reason | None:
    """Say why a conversion is nobody's whatever came with it; None when nothing speaks against."""
    if not program.landing.is_running(conversion.occurred_at):
        return Reason.PROGRAM_NOT_RUNNING
    if conversion.currency not in {None, program.currency}:
        return Reason.OTHER_CURRENCY
    return None


def _find_bound(conversion: Conversion, referral: Referral, version: int) -> Finding:
    is_before = conversion.occurred_at < referral.attributable_from - CLOCK_SKEW
    reason = Reason.BEFORE_REFERRAL if is_before else None
    seen = decision(
        "referral",
        version,
        reason,
        referral_id=referral.referral_id,
        attributable_from=referral.attributable_from.isoformat(),
        attributed_by=referral.attributed_by,
        note=referral.note,
    )
    return Finding(
        referral=None if reason else referral, reason=reason, decisions=(seen,), is_final=is_before
    )


def blocked(conversion: Conversion, finding: Finding) -> Finding:
    """Give the finding of a conversion that a fraud rule blocks: nobody's, and for good."""
    refusal = decision("fraud", conversion.version, Reason.SUSPECTED_FRAUD)
    return Finding(
        referral=None,
        reason=Reason.SUSPECTED_FRAUD,
        decisions=(*finding.decisions, refusal),
        is_final=True,
    )


def left_open(
    conversion: Conversion,
    finding: Finding,
    *,
    bond: Bond,
    is_rehearsal: bool = False,
    now: datetime,
) -> Verdict:
    """Keep a conversion that is nobody's, so that it is taken up if the friend is bound later.

    Without any touch an order waits for a sign-up; anything else is declined, for now or, when the
    finding is final, for good.
    """
    is_silent_order = conversion.is_order and finding.reason is Reason.NO_TOUCH
    reason = Reason.NO_SIGNUP_YET if is_silent_order else finding.reason
    decided = replace(
        conversion,
        outcome=Outcome.WAITING if is_silent_order else Outcome.DECLINED,
        reason=reason,
        decisions=finding.decisions,
    )
    if finding.is_final:
        kept = no_longer_waiting(bond, conversion.conversion_id)
    else:
        kept = kept_waiting(bond, conversion.conversion_id)
    if is_rehearsal:
        return Verdict(conversion=decided, bond=kept)
    name = EventName.CONVERSION_WAITING if is_silent_order else EventName.CONVERSION_DECLINED
    told = conversion_event(
        decided, name, cause=f"open:{conversion.conversion_id}:{reason}", now=now
    )
    return Verdict(conversion=decided, bond=kept, events=(told,))


def credit(
    conversion: Conversion,
    finding: Finding,
    *,
    referral: Referral,
    program: Program,
    bond: Bond,
    surroundings: Surroundings,
    flagged: FraudMode = FraudMode.OFF,
    has_waiting_refunds: bool = False,
    now: datetime,
) -> Verdict:
    """Credit a conversion to `referral` and decide every rule of the program about it.

    `flagged` says what its fraud flags come to. With refunds still to be applied a conversion that
    waits goes on waiting, so that an interruption between the two is seen.
    """
    is_in_review = flagged is FraudMode.REVIEW or bond.is_in_review
    grants = Grants(
        _occasion(conversion, referral, program, bond, surroundings, is_in_review=is_in_review),
        program=program,
        balances=surroundings.balances,
        budget=surroundings.budget,
        is_rehearsal=surroundings.is_rehearsal,
        now=now,
    )
    for rule in program.rules_for(conversion.kind):
        for claim in _claims(rule, conversion, referral, bond, surroundings.balances):
            grants.decide(rule, claim)
    if any(rule.to is Side.SECOND_LEVEL for rule in program.rules_for(conversion.kind)):
        grants.decisions += _second_level_missing(program, referral)
    _count(grants, conversion, referral, program)
    journal = grants.book(conversion.cause, grants.grant_postings())
    decided = replace(
        conversion,
        outcome=Outcome.CREDITED,
        reason=Reason.IN_REVIEW if is_in_review else None,
        decisions=(*finding.decisions, *_review_decision(is_in_review, program), *grants.decisions),
        advocate_id=referral.advocate_id,
        referral_id=referral.referral_id,
        channel=referral.channel,
        rewards=tuple(note(reward) for reward in grants.rewards),
        review=Review(state=ReviewState.OPEN, opened_at=now) if is_in_review else None,
    )
    return Verdict(
        conversion=decided,
        bond=_bond_after(
            bond,
            conversion,
            referral,
            is_in_review=is_in_review,
            goes_on_waiting=has_waiting_refunds,
        ),
        rewards=tuple(grants.rewards),
        journal=journal,
        balances=grants.changed_balances(surroundings.balances),
        slices=grants.changed_slices(surroundings.budget),
        events=()
        if surroundings.is_rehearsal
        else tuple(_credit_events(decided, grants.rewards, referral, bond, now)),
        is_short_of_budget=grants.has_waited_in_vain(surroundings.budget),
    )


def participants(conversion: Conversion, referral: Referral) -> frozenset[PersonId]:
    """Name everybody whom a conversion may reward."""
    people = {part.advocate_id for part in referral.shared_by} | {conversion.friend_id}
    if referral.second_level_id is not None:
        people.add(referral.second_level_id)
    return frozenset(people)


def _occasion(
    conversion: Conversion,
    referral: Referral,
    program: Program,
    bond: Bond,
    surroundings: Surroundings,
    *,
    is_in_review: bool,
) -> Occasion:
    return Occasion(
        source=conversion.conversion_id,
        occurred_at=conversion.occurred_at,
        conversion_id=conversion.conversion_id,
        order_id=conversion.order_id,
        amount_minor=conversion.amount_minor,
        purchases=bond.purchases,
        circumstances=conversion.circumstances,
        channel=referral.channel,
        segment=surroundings.segments.get(referral.advocate_id),
        variant=program.variant_of(referral.advocate_id),
        is_in_review=is_in_review,
    )


def _claims(
    rule: RewardRule,
    conversion: Conversion,
    referral: Referral,
    bond: Bond,
    balances: Mapping[PersonId, Balance],
) -> Iterator[Claim]:
    """Say who claims what by a rule: advocates who share a referral share what can be cut."""
    match rule.to:
        case Side.FRIEND:
            count = bond.purchases + 1
            yield _claim(rule, conversion, conversion.friend_id, count)
        case Side.SECOND_LEVEL:
            owner_id = referral.second_level_id
            if owner_id is not None:
                yield _claim(rule, conversion, owner_id, _rank(balances[owner_id], conversion))
        case Side.ADVOCATE:
            rank = _rank(balances[referral.advocate_id], conversion)
            if rule.is_whole:
                yield _claim(rule, conversion, referral.advocate_id, rank)
            else:
                yield from _shared_claims(rule, conversion, referral.shared_by, rank)


def _rank(balance: Balance, conversion: Conversion) -> int:
    return 1 + (balance.purchases if conversion.is_order else balance.signups)


def _claim(rule: RewardRule, conversion: Conversion, owner_id: PersonId, count: int) -> Claim:
    promised_minor = price(rule, conversion.amount_minor, count=count)
    return Claim(owner_id=owner_id, promised_minor=promised_minor, count=count)


def _shared_claims(
    rule: RewardRule, conversion: Conversion, parts: Sequence[Part], count: int
) -> Iterator[Claim]:
    whole_minor = price(rule, conversion.amount_minor, count=count)
    amounts = split(whole_minor, [part.share_bps for part in parts])
    for part, amount_minor in zip(parts, amounts, strict=True):
        yield Claim(
            owner_id=part.advocate_id,
            promised_minor=amount_minor,
            count=count,
            share_bps=part.share_bps,
        )


def _second_level_missing(program: Program, referral: Referral) -> tuple[Decision, ...]:
    if referral.second_level_id is not None:
        return ()
    return tuple(
        decision(f"reward:{rule.rule_id}", program.version, Reason.NO_SECOND_LEVEL)
        for rule in program.rules
        if rule.to is Side.SECOND_LEVEL
    )


def _review_decision(is_in_review: bool, program: Program) -> tuple[Decision, ...]:  # noqa: FBT001
    if not is_in_review:
        return ()
    return (decision("fraud", program.version, Reason.IN_REVIEW),)


def _count(grants: Grants, conversion: Conversion, referral: Referral, program: Program) -> None:
    """Count a conversion for its advocate, with the milestones it reaches."""
    advocate_id = referral.advocate_id
    balance = grants.balances[advocate_id]
    if conversion.kind is ConversionKind.SIGNUP:
        grants.balances[advocate_id] = replace(balance, signups=balance.signups + 1)
        earn(grants, advocate_id, Counted.SIGNUPS)
        return
    is_purchase = conversion.kind is ConversionKind.PURCHASE
    grants.balances[advocate_id] = scored(
        replace(balance, purchases=balance.purchases + is_purchase),
        program,
        occurred_at=conversion.occurred_at,
        purchases=int(is_purchase),
        revenue_minor=conversion.amount_minor,
    )
    if is_purchase:
        earn(grants, advocate_id, Counted.PURCHASES)


def _bond_after(
    bond: Bond,
    conversion: Conversion,
    referral: Referral,
    *,
    is_in_review: bool,
    goes_on_waiting: bool,
) -> Bond:
    return replace(
        bond if goes_on_waiting else no_longer_waiting(bond, conversion.conversion_id),
        referral=referral,
        is_in_review=is_in_review,
        is_signed_up=bond.is_signed_up or conversion.kind is ConversionKind.SIGNUP,
        purchases=bond.purchases + (conversion.kind is ConversionKind.PURCHASE),
    )


def _credit_events(
    conversion: Conversion,
    rewards: Sequence[Reward],
    referral: Referral,
    bond: Bond,
    now: datetime,
) -> Iterator[DomainEvent]:
    if bond.referral is None:
        yield referral_event(
            referral,
            cause=conversion.cause,
            program_id=conversion.program_id,
            friend_id=conversion.friend_id,
            kind=conversion.kind,
            now=now,
        )
    yield conversion_event(
        conversion, EventName.CONVERSION_RECORDED, cause=conversion.cause, now=now
    )
    for reward in rewards:
        yield promise_event(reward, cause=conversion.cause, now=now)


def referral_event(
    referral: Referral,
    *,
    cause: str,
    program_id: ProgramId,
    friend_id: PersonId,
    kind: ConversionKind | None = None,
    now: datetime,
) -> DomainEvent:
    """Tell that a friend was bound, with all that the bond is, and by what `kind` of conversion."""
    return event(
        EventName.REFERRAL_CREATED,
        cause=cause,
        program_id=program_id,
        occurred_at=now,
        referral_id=referral.referral_id,
        advocate_id=referral.advocate_id,
        friend_id=friend_id,
        kind=kind,
        code=referral.code,
        channel=referral.channel,
        since=referral.since.isoformat(),
        attributable_from=referral.attributable_from.isoformat(),
        parts=",".join(f"{each.advocate_id}:{each.share_bps}" for each in referral.parts),
        second_level_id=referral.second_level_id,
        attributed_by=referral.attributed_by,
        note=referral.note,
    )


def conversion_event(
    conversion: Conversion, name: EventName, *, cause: str, now: datetime
) -> DomainEvent:
    """Tell of a conversion as it was decided."""
    circumstances = conversion.circumstances
    return event(
        name,
        cause=cause,
        program_id=conversion.program_id,
        occurred_at=now,
        conversion_id=conversion.conversion_id,
        kind=conversion.kind,
        version=conversion.version,
        friend_id=conversion.friend_id,
        advocate_id=conversion.advocate_id,
        order_id=conversion.order_id,
        amount_minor=conversion.amount_minor,
        currency=conversion.currency,
        outcome=conversion.outcome,
        reason=conversion.reason,
        happened_at=conversion.occurred_at.isoformat(),
        recorded_at=conversion.recorded_at.isoformat(),
        country=circumstances.country,
        month=circumstances.month,
        flags=",".join(f"{flag.rule}:{flag.mode}" for flag in conversion.flags),
    )
