"""People: who somebody is to the shop, and whether they share.

Personal data is here and nowhere else.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referrals.domain.fraud.addresses import normalized_email
from referrals.domain.ids import PersonId, ProgramId

_MARK_BYTES = 16  # 128 bits: no two addresses of a shop will ever share a mark


class AdvocateStatus(StrEnum):
    ACTIVE = "active"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Personal data of an advocate or a friend; `customer_id` is the shop's own.

    Of somebody who is forgotten only the opaque id is kept, and since when.
    """

    person_id: PersonId
    customer_id: str
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    phone: str | None = None
    forgotten_at: datetime | None = None
    revision: int | None = None

    @property
    def is_forgotten(self) -> bool:
        return self.forgotten_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advocate:
    """Somebody who shares in one program, with the code of their link."""

    person_id: PersonId
    program_id: ProgramId
    code: str
    status: AdvocateStatus
    created_at: datetime
    segment: str | None = None


def forgotten(person: Person, *, now: datetime) -> Person:
    """Give what is kept of somebody who is forgotten: that there was somebody."""
    return Person(
        person_id=person.person_id, customer_id="", forgotten_at=now, revision=person.revision
    )


def forgotten_mark(email: str, *, key: bytes) -> str | None:
    """Give what a forgotten address is recognised by: a keyed hash, and None for no address.

    The key never rotates, so that nobody becomes a new customer by being forgotten.
    """
    mailbox = normalized_email(email)
    if mailbox is None:
        return None
    message = b"forgotten\x1f" + mailbox.encode(errors="replace")
    return hmac.digest(key, message, "sha256")[:_MARK_BYTES].hex()
