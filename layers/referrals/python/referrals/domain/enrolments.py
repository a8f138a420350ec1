"""Enrolments: what an advocate is promised for sharing, before anybody has come.

An enrolment is decided once, in the transaction that makes somebody an advocate, and kept like a
conversion whose friend is the advocate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from referrals.domain.conversions import (
    Conversion,
    Surroundings,
    Verdict,
    conversion_event,
)
from referrals.domain.decisions import Outcome, Reason, decision
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.granting import Claim, Grants, Occasion, note, promise_event
from referrals.domain.ids import ConversionId, PersonId, ProgramId, derive
from referrals.domain.people import Advocate
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.rewards import Reward, price


def enrolment_id(program_id: ProgramId, advocate_id: PersonId) -> ConversionId:
    """Give the id of an advocate's enrolment: one per program, for ever."""
    return ConversionId(derive("cnv", program_id, ConversionKind.ENROLMENT, advocate_id))


def decide_enrolment(
    advocate: Advocate,
    *,
    program: Program,
    surroundings: Surroundings,
    is_known: bool = False,
    now: datetime,
) -> Verdict:
    """Decide every rule about enrolments for a new advocate.

    Whoever enrols while the program is not running, may not refer, or `is_known` to have been here
    before and to have been forgotten, is promised nothing.
    """
    advocate_id = advocate.person_id
    conversion = _conversion(advocate, program, now)
    refusal = Reason.NOT_NEW_CUSTOMER if is_known else _refusal(advocate, program, now)
    if refusal is not None:
        return _declined(conversion, refusal, program, now)
    grants = Grants(
        Occasion(
            source=conversion.conversion_id,
            occurred_at=conversion.occurred_at,
            conversion_id=conversion.conversion_id,
            segment=advocate.segment,
            variant=program.variant_of(advocate_id),
        ),
        program=program,
        balances=surroundings.balances,
        budget=surroundings.budget,
        now=now,
    )
    for rule in program.rules_for(ConversionKind.ENROLMENT):
        claim = Claim(owner_id=advocate_id, promised_minor=price(rule, 0), count=1)
        grants.decide(rule, claim)
    journal = grants.book(conversion.cause, grants.grant_postings())
    decided = replace(
        conversion,
        outcome=Outcome.CREDITED,
        decisions=tuple(grants.decisions),
        rewards=tuple(note(reward) for reward in grants.rewards),
    )
    return Verdict(
        conversion=decided,
        bond=None,
        rewards=tuple(grants.rewards),
        journal=journal,
        balances=grants.changed_balances(surroundings.balances),
        slices=grants.changed_slices(surroundings.budget),
        events=tuple(_events(decided, grants.rewards, now)),
        is_short_of_budget=grants.has_waited_in_vain(surroundings.budget),
    )


def _conversion(advocate: Advocate, program: Program, now: datetime) -> Conversion:
    conversion_id = enrolment_id(program.program_id, advocate.person_id)
    return Conversion(
        conversion_id=conversion_id,
        program_id=program.program_id,
        version=program.version,
        kind=ConversionKind.ENROLMENT,
        friend_id=advocate.person_id,
        advocate_id=advocate.person_id,
        occurred_at=now,
        recorded_at=now,
        fingerprint=conversion_id,  # it has no content that could differ
    )


def _refusal(advocate: Advocate, program: Program, now: datetime) -> Reason | None:
    if not program.landing.is_running(now):
        return Reason.PROGRAM_NOT_RUNNING
    eligible = program.eligibility.segments
    if eligible and advocate.segment not in eligible:
        return Reason.ADVOCATE_NOT_ELIGIBLE
    return None


def _declined(conversion: Conversion, reason: Reason, program: Program, now: datetime) -> Verdict:
    declined = replace(
        conversion,
        outcome=Outcome.DECLINED,
        reason=reason,
        decisions=(decision("program", program.version, reason),),
    )
    told = conversion_event(
        declined, EventName.CONVERSION_DECLINED, cause=conversion.cause, now=now
    )
    return Verdict(conversion=declined, bond=None, events=(told,))


def _events(
    conversion: Conversion, rewards: Sequence[Reward], now: datetime
) -> Iterator[DomainEvent]:
    yield conversion_event(
        conversion, EventName.CONVERSION_RECORDED, cause=conversion.cause, now=now
    )
    for reward in rewards:
        yield promise_event(reward, cause=conversion.cause, now=now)
