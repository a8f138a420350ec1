"""People: who somebody is to the shop, and whether they share.

Personal data is here and nowhere else.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referrals.domain.ids import PersonId, ProgramId


class AdvocateStatus(StrEnum):
    ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Personal data of an advocate or a friend; `customer_id` is the shop's own."""

    person_id: PersonId
    customer_id: str
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    phone: str | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advocate:
    """Somebody who shares in one program, with the code of their link."""

    person_id: PersonId
    program_id: ProgramId
    code: str
    status: AdvocateStatus
    created_at: datetime
    segment: str | None = None
