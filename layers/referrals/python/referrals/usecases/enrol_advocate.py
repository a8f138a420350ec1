"""A customer becomes an advocate."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count

from referrals.domain.errors import DuplicateAdvocateError, DuplicateCodeError
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.ids import PersonId, person_id
from referrals.domain.links import (
    LinkStatus,
    ShareLink,
    generated_code,
    vanity_code,
)
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.reports import EnrolmentReport
from referrals.store import advocates, events, links, people, programs
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.keys import Keys
from referrals.usecases.settlement import details_to_save


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    advocate: Advocate
    is_new: bool


def enrol_advocate(report: EnrolmentReport, *, keys: Keys, now: datetime) -> Enrolled:
    """Give a customer a code and a link; who has one keeps it.

    ProgramNotFoundError; CodeNotAllowedError; DuplicateCodeError when somebody else has the code;
    DuplicateAdvocateError when the customer is enrolled with another code than the one wished for.
    """
    programs.get_live(report.program_id)
    advocate_id = person_id(report.customer.customer_id, key=keys.identity)
    wished = vanity_code(report.code) if report.code else None
    return until_settled(lambda: _enrol(report, advocate_id, wished, keys, now))


def _enrol(
    report: EnrolmentReport, advocate_id: PersonId, wished: str | None, keys: Keys, now: datetime
) -> Enrolled:
    wanted_advocate = advocates.wanted(report.program_id, advocate_id)
    wanted_person = people.wanted(advocate_id)
    read(wanted_advocate, wanted_person)
    person = details_to_save(wanted_person.value, advocate_id, report.customer)
    known = wanted_advocate.value
    if known is not None:
        if wished and wished != known.code:
            raise DuplicateAdvocateError(known.code)
        if person is not None:
            commit(people.save(person))
        return Enrolled(advocate=known, is_new=False)
    advocate = Advocate(
        person_id=advocate_id,
        program_id=report.program_id,
        code=_free_code(report, advocate_id, wished, keys),
        status=AdvocateStatus.ACTIVE,
        created_at=now,
        segment=report.segment,
    )
    commit(
        links.insert(_link(advocate)),
        advocates.insert(advocate),
        people.save(person) if person else None,
        events.append([_enrolled(advocate, now)], now=now),
    )
    return Enrolled(advocate=advocate, is_new=True)


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
