"""Conversions: a sign-up or a purchase, every rule that was looked at, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.attribution import CLOCK_SKEW, Credited, Touch, attribute
from referrals.domain.decisions import Decision, Outcome, Reason, decision
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.ids import ConversionId, PersonId, ProgramId, ReferralId, RewardId, derive
from referrals.domain.ledger import Balance, Journal, after, journal_for, with_cap_use
from referrals.domain.programs import ConversionKind, Program, RewardKind, RewardRule, Side
from referrals.domain.referrals import (
    Bond,
    Referral,
    kept_waiting,
    no_longer_waiting,
    referral_to,
)
from referrals.domain.rewards import (
    Reward,
    RewardState,
    grant_posting,
    granted,
    lowest_amount,
    price,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardNote:
    """A reward as an answer told of it; kept, so that the same question gets the same answer."""

    reward_id: RewardId
    owner_id: PersonId
    to: Side
    kind: RewardKind
    state: RewardState
    amount_minor: int
    unit: str
    held_until: datetime


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

    @property
    def cause(self) -> str:
        return f"conversion:{self.conversion_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that the shop gave back; `rewards` are those it changed, once it is applied."""

    refund_id: str
    amount_minor: int
    currency: str
    occurred_at: datetime
    recorded_at: datetime
    fingerprint: str
    is_applied: bool = False
    reason: Reason | None = None
    rewards: tuple[RewardNote, ...] = ()


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
    """Everything that one conversion changes, to be written at once or not at all."""

    conversion: Conversion
    bond: Bond | None
    rewards: tuple[Reward, ...] = ()
    journal: Journal | None = None
    balances: tuple[Balance, ...] = ()
    events: tuple[DomainEvent, ...] = ()


def signup_id(program_id: ProgramId, friend_id: PersonId) -> ConversionId:
    """Give the id of a friend's sign-up: one per friend and program, for ever."""
    return ConversionId(derive("cnv", program_id, ConversionKind.SIGNUP, friend_id))


def purchase_id(program_id: ProgramId, order_id: str) -> ConversionId:
    """Give the id of an order's purchase: one per order and program, for ever."""
    return ConversionId(derive("cnv", program_id, ConversionKind.PURCHASE, order_id))


def find(conversion: Conversion, *, program: Program, bond: Bond) -> Finding:
    """Say whose a conversion is: the bound advocate's, or the one's that its touches lead to."""
    not_eligible = _not_eligible(conversion, program)
    if not_eligible is not None:
        refusal = decision("program", program.version, not_eligible)
        return Finding(referral=None, reason=not_eligible, decisions=(refusal,), is_final=True)
    if bond.referral is not None:
        return _find_bound(conversion, bond.referral, program.version)
    attribution = attribute(
        conversion.touches,
        program=program,
        friend_id=conversion.friend_id,
        occurred_at=conversion.occurred_at,
    )
    if not isinstance(attribution, Credited):
        return Finding(referral=None, reason=attribution.reason, decisions=attribution.decisions)
    referral = referral_to(
        attribution.winner, program=program, friend_id=bond.friend_id, at=conversion.occurred_at
    )
    return Finding(referral=referral, reason=None, decisions=attribution.decisions)


def _not_eligible(conversion: Conversion, program: Program) -> Reason | None:
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
    )
    return Finding(
        referral=None if reason else referral, reason=reason, decisions=(seen,), is_final=is_before
    )


def left_open(
    conversion: Conversion, finding: Finding, *, program: Program, bond: Bond, now: datetime
) -> Verdict:
    """Keep a conversion that is nobody's, so that it is taken up if the friend is bound later.

    Without any touch a purchase waits for a sign-up; anything else is declined, for now or, when
    the finding is final, for good.
    """
    is_silent_purchase = (
        conversion.kind is ConversionKind.PURCHASE and finding.reason is Reason.NO_TOUCH
    )
    reason = Reason.NO_SIGNUP_YET if is_silent_purchase else finding.reason
    decided = replace(
        conversion,
        outcome=Outcome.WAITING if is_silent_purchase else Outcome.DECLINED,
        reason=reason,
        decisions=finding.decisions,
    )
    if finding.is_final:
        kept = no_longer_waiting(bond, conversion.conversion_id)
    else:
        kept = kept_waiting(bond, conversion.conversion_id, now=now, terms=program.attribution)
    name = EventName.CONVERSION_WAITING if is_silent_purchase else EventName.CONVERSION_DECLINED
    told = _told(decided, name, cause=f"open:{conversion.conversion_id}:{reason}", now=now)
    return Verdict(conversion=decided, bond=None if kept == bond else kept, events=(told,))


def credit(
    conversion: Conversion,
    finding: Finding,
    *,
    referral: Referral,
    program: Program,
    bond: Bond,
    balances: Mapping[PersonId, Balance],
    has_waiting_refunds: bool = False,
    now: datetime,
) -> Verdict:
    """Credit a conversion to `referral` and decide every rule of the program about it.

    `balances` holds the advocate's and the friend's. With refunds still to be applied a conversion
    that waits goes on waiting, so that an interruption between the two is seen.
    """
    held = dict(balances)
    advocate_id, is_signup = referral.advocate_id, conversion.kind is ConversionKind.SIGNUP
    decisions, rewards = list(finding.decisions), []
    for rule in program.rules_for(conversion.kind):
        owner_id = advocate_id if rule.to is Side.ADVOCATE else conversion.friend_id
        ruling, amount_minor = _ruling(rule, conversion, program, bond, held[owner_id])
        decisions.append(ruling)
        if ruling.reason is None:
            rewards.append(
                _promise(
                    rule, amount_minor, conversion, owner_id=owner_id, program=program, now=now
                )
            )
            held[owner_id] = with_cap_use(
                held[owner_id], rule.rule_id, rewards=1, amount_minor=amount_minor
            )
    held[advocate_id] = replace(
        held[advocate_id],
        signups=held[advocate_id].signups + is_signup,
        purchases=held[advocate_id].purchases + (not is_signup),
    )
    decided = replace(
        conversion,
        outcome=Outcome.CREDITED,
        reason=None,
        decisions=tuple(decisions),
        advocate_id=advocate_id,
        referral_id=referral.referral_id,
        rewards=tuple(note(reward) for reward in rewards),
    )
    journal = _grant_journal(decided, rewards, held, now)
    if journal is not None:
        held.update({person: after(held[person], journal) for person in journal.people})
    return Verdict(
        conversion=decided,
        bond=_bond_after(bond, conversion, referral, goes_on_waiting=has_waiting_refunds),
        rewards=tuple(rewards),
        journal=journal,
        balances=tuple(each for person, each in held.items() if each != balances[person]),
        events=tuple(_credit_events(decided, rewards, referral, bond, now)),
    )


def _ruling(
    rule: RewardRule, conversion: Conversion, program: Program, bond: Bond, balance: Balance
) -> tuple[Decision, int]:
    """Decide one reward rule; gives the decision and, when it granted, the amount."""
    use, cap = balance.cap_use(rule.rule_id), rule.cap
    promised_minor = price(rule, conversion.amount_minor)
    left_minor = (
        promised_minor if cap.amount_minor is None else max(cap.amount_minor - use.amount_minor, 0)
    )
    amount_minor = min(promised_minor, left_minor)
    reason = None
    if conversion.amount_minor < lowest_amount(rule):
        reason = Reason.BELOW_MINIMUM
    elif rule.is_first_purchase_only and bond.purchases:
        reason = Reason.NOT_FIRST_PURCHASE
    elif promised_minor == 0:
        reason = Reason.ROUNDS_TO_NOTHING
    elif amount_minor == 0 or (cap.rewards is not None and use.rewards >= cap.rewards):
        reason = Reason.CAP_REACHED
    ruling = decision(
        f"reward:{rule.rule_id}",
        program.version,
        reason,
        order_minor=conversion.amount_minor,
        rank=bond.purchases + 1,
        promised_minor=promised_minor,
        granted_minor=0 if reason else amount_minor,
        rewards_so_far=use.rewards,
        amount_so_far_minor=use.amount_minor,
    )
    return ruling, amount_minor


def _promise(
    rule: RewardRule,
    amount_minor: int,
    conversion: Conversion,
    *,
    owner_id: PersonId,
    program: Program,
    now: datetime,
) -> Reward:
    return granted(
        rule,
        amount_minor,
        program_id=program.program_id,
        version=program.version,
        conversion_id=conversion.conversion_id,
        order_id=conversion.order_id,
        owner_id=owner_id,
        unit=program.currency,
        held_from=conversion.occurred_at,
        now=now,
    )


def _grant_journal(
    conversion: Conversion,
    rewards: Sequence[Reward],
    balances: Mapping[PersonId, Balance],
    now: datetime,
) -> Journal | None:
    if not rewards:
        return None
    return journal_for(
        conversion.cause,
        [grant_posting(reward) for reward in rewards],
        program_id=conversion.program_id,
        version=conversion.version,
        now=now,
        balances=balances,
    )


def _bond_after(
    bond: Bond, conversion: Conversion, referral: Referral, *, goes_on_waiting: bool
) -> Bond:
    is_signup = conversion.kind is ConversionKind.SIGNUP
    return replace(
        bond if goes_on_waiting else no_longer_waiting(bond, conversion.conversion_id),
        referral=referral,
        expires_at=None,
        is_signed_up=bond.is_signed_up or is_signup,
        purchases=bond.purchases + (not is_signup),
    )


def note(reward: Reward) -> RewardNote:
    """Give what an answer tells of a reward as it is now."""
    return RewardNote(
        reward_id=reward.reward_id,
        owner_id=reward.owner_id,
        to=reward.side,
        kind=reward.kind,
        state=reward.state,
        amount_minor=reward.remaining_minor,
        unit=reward.unit,
        held_until=reward.held_until,
    )


def _credit_events(
    conversion: Conversion,
    rewards: Sequence[Reward],
    referral: Referral,
    bond: Bond,
    now: datetime,
) -> Iterator[DomainEvent]:
    if bond.referral is None:
        yield event(
            EventName.REFERRAL_CREATED,
            cause=conversion.cause,
            program_id=conversion.program_id,
            occurred_at=now,
            referral_id=referral.referral_id,
            advocate_id=referral.advocate_id,
            friend_id=conversion.friend_id,
            code=referral.code,
            channel=referral.channel,
        )
    yield _told(conversion, EventName.CONVERSION_RECORDED, cause=conversion.cause, now=now)
    for reward in rewards:
        yield reward_event(EventName.REWARD_HELD, reward, cause=conversion.cause, now=now)


def _told(conversion: Conversion, name: EventName, *, cause: str, now: datetime) -> DomainEvent:
    return event(
        name,
        cause=cause,
        program_id=conversion.program_id,
        occurred_at=now,
        conversion_id=conversion.conversion_id,
        kind=conversion.kind,
        friend_id=conversion.friend_id,
        advocate_id=conversion.advocate_id,
        order_id=conversion.order_id,
        amount_minor=conversion.amount_minor,
        currency=conversion.currency,
        reason=conversion.reason,
    )


def reward_event(
    name: EventName, reward: Reward, *, cause: str, now: datetime, **more: str | int | None
) -> DomainEvent:
    """Tell of a reward as it is after `cause`."""
    return event(
        name,
        cause=cause,
        program_id=reward.program_id,
        occurred_at=now,
        reward_id=reward.reward_id,
        person_id=reward.owner_id,
        conversion_id=reward.conversion_id,
        order_id=reward.order_id,
        rule=reward.rule_id,
        side=reward.side,
        kind=reward.kind,
        unit=reward.unit,
        amount_minor=reward.remaining_minor,
        held_until=reward.held_until.isoformat(),
        **more,
    )
