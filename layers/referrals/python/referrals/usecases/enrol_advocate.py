"""A customer becomes an advocate, and gets what the program promises for sharing."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import count

from referrals.domain.conversions import Case, Verdict
from referrals.domain.enrolments import decide_enrolment, enrolment_id
from referrals.domain.errors import (
    DuplicateAdvocateError,
    DuplicateCodeError,
    PersonForgottenError,
    ReferralError,
)
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.ids import PersonId, person_id
from referrals.domain.links import (
    LinkStatus,
    ShareLink,
    generated_code,
    vanity_code,
)
from referrals.domain.people import Advocate, AdvocateStatus, Person
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.reports import EnrolmentReport
from referrals.domain.rewards import Reward
from referrals.store import (
    advocates,
    conversions,
    events,
    links,
    people,
    programs,
)
from referrals.store.rewards import RewardKey
from referrals.store.transactions import StoreError, Write, commit, read, until_settled
from referrals.usecases.bookings import money_writes
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.keys import Keys
from referrals.usecases.recognition import Recognition
from referrals.usecases.reversals import read_rewards
from referrals.usecases.settlement import details_to_save
from referrals.usecases.surroundings import look_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """An advocate, and what was promised to them for enrolling, as it is by now."""

    advocate: Advocate
    is_new: bool
    rewards: tuple[Reward, ...] = ()


def enrol_advocate(report: EnrolmentReport, *, keys: Keys, now: datetime) -> Enrolled:
    """Give a customer a code, a link and the rewards for enrolling; who has them keeps them.

    Rewards that are due at once are handed over before the answer, or a little later by the clock.
    ProgramNotFoundError; CodeNotAllowedError; DuplicateCodeError when somebody else has the code;
    DuplicateAdvocateError when the customer is enrolled with another code than the one wished for;
    PersonForgottenError for somebody whose data was deleted.
    """
    programs.get_live(report.program_id)
    advocate_id = person_id(report.customer.customer_id, key=keys.identity)
    wished = vanity_code(report.code) if report.code else None
    advocate, case, is_new = until_settled(lambda: _enrol(report, advocate_id, wished, keys, now))
    return Enrolled(advocate=advocate, is_new=is_new, rewards=_handed_over(case, now))


def _enrol(
    report: EnrolmentReport,
    advocate_id: PersonId,
    wished: str | None,
    keys: Keys,
    now: datetime,
) -> tuple[Advocate, Case | None, bool]:
    wanted_advocate = advocates.wanted(report.program_id, advocate_id)
    wanted_person = people.wanted(advocate_id)
    wanted_case = conversions.wanted(enrolment_id(report.program_id, advocate_id))
    program = programs.get_live(report.program_id)
    recognition = Recognition(
        advocate_id,
        report.customer.email,
        keys=keys,
        matters=bool(program.rules_for(ConversionKind.ENROLMENT)),
    )
    read(wanted_advocate, wanted_person, wanted_case, *recognition.wanted)
    if wanted_person.value is not None and wanted_person.value.is_forgotten:
        raise PersonForgottenError
    person = details_to_save(wanted_person.value, advocate_id, report.customer)
    known = wanted_advocate.value
    if known is not None:
        if wished and wished != known.code:
            raise DuplicateAdvocateError(known.code)
        return _kept(known, report.segment, person, now), wanted_case.value, False
    advocate = Advocate(
        person_id=advocate_id,
        program_id=report.program_id,
        code=_free_code(report, advocate_id, wished, keys),
        status=AdvocateStatus.ACTIVE,
        created_at=now,
        segment=report.segment,
    )
    return advocate, _write(advocate, person, recognition, now), True


def _kept(known: Advocate, segment: str | None, person: Person | None, now: datetime) -> Advocate:
    """Write what is new of somebody who is enrolled: their data, and the segment they are in."""
    if segment is None or segment == known.segment:
        if person is not None:
            commit(people.save(person))
        return known
    moved = replace(known, segment=segment)
    told = event(
        EventName.ADVOCATE_MOVED,
        cause=f"move:{known.program_id}:{known.person_id}:{now.isoformat()}",
        program_id=known.program_id,
        occurred_at=now,
        person_id=known.person_id,
        segment=segment,
    )
    commit(
        advocates.set_segment(known, segment),
        people.save(person) if person else None,
        events.append([told], now=now),
    )
    return moved


def _write(
    advocate: Advocate, person: Person | None, recognition: Recognition, now: datetime
) -> Case | None:
    """Write an advocate with everything that their enrolment earns; gives its case, if any."""
    verdict = _verdict(
        advocate, programs.get_live(advocate.program_id), now, is_known=recognition.is_known
    )
    happened = [_enrolled(advocate, now), *(verdict.events if verdict else ())]
    commit(
        links.insert(_link(advocate)),
        advocates.insert(advocate),
        people.save(person) if person else None,
        *(_earned(verdict) if verdict else ()),
        events.append(happened, journal=verdict.journal if verdict else None, now=now),
        *recognition.writes(now=now),
    )
    return _case(verdict) if verdict else None


def _verdict(
    advocate: Advocate, program: Program, now: datetime, *, is_known: bool
) -> Verdict | None:
    """Decide what an enrolment earns; None when the program has no rules about it."""
    if not program.rules_for(ConversionKind.ENROLMENT):
        return None
    verdict = _decided(advocate, program, now, is_known=is_known, is_whole=False)
    if verdict.is_short_of_budget:
        verdict = _decided(advocate, program, now, is_known=is_known, is_whole=True)
    return verdict


def _decided(
    advocate: Advocate, program: Program, now: datetime, *, is_known: bool, is_whole: bool
) -> Verdict:
    person = advocate.person_id
    around = look_at(person, program=program, natural_key=person, is_whole=is_whole)
    return decide_enrolment(
        advocate, program=program, surroundings=around, is_known=is_known, now=now
    )


def _earned(verdict: Verdict) -> Iterator[Write]:
    yield conversions.save(_case(verdict))
    yield from money_writes(verdict)


def _case(verdict: Verdict) -> Case:
    return Case(conversion_id=verdict.conversion.conversion_id, conversion=verdict.conversion)


def _handed_over(case: Case | None, now: datetime) -> tuple[Reward, ...]:
    """Hand over what is due of an enrolment's rewards; gives all of them as they are then."""
    conversion = case.conversion if case else None
    if conversion is None or not conversion.rewards:
        return ()
    for promise in conversion.rewards:
        key = RewardKey(
            program_id=conversion.program_id,
            owner_id=promise.owner_id,
            reward_id=promise.reward_id,
        )
        with suppress(ReferralError, StoreError):  # it stays due, and the clock takes it
            fulfil_reward(key, now=now)
    return tuple(until_settled(partial(read_rewards, conversion)))


def _free_code(
    report: EnrolmentReport, advocate_id: PersonId, wished: str | None, keys: Keys
) -> str:
    """Give the code wished for if nobody has it, or else the first free one of the advocate's."""
    if wished is not None:
        if links.find(wished) is not None:
            raise DuplicateCodeError(wished)
        return wished
    codes = (
        generated_code(advocate_id, report.program_id, attempt=attempt, key=keys.identity)
        for attempt in count()
    )
    return next(code for code in codes if links.find(code) is None)


def _link(advocate: Advocate) -> ShareLink:
    return ShareLink(
        code=advocate.code,
        program_id=advocate.program_id,
        advocate_id=advocate.person_id,
        status=LinkStatus.ACTIVE,
        created_at=advocate.created_at,
    )


def _enrolled(advocate: Advocate, now: datetime) -> DomainEvent:
    return event(
        EventName.ADVOCATE_ENROLLED,
        cause=f"enrolment:{advocate.program_id}:{advocate.person_id}",
        program_id=advocate.program_id,
        occurred_at=now,
        person_id=advocate.person_id,
        code=advocate.code,
    )
