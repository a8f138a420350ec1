"""People who are forgotten: nothing of them but a mark that nobody can read."""

from datetime import UTC, datetime

import pytest

from referrals.domain.ids import PersonId
from referrals.domain.people import Person, forgotten, forgotten_mark

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BORIS = Person(
    person_id=PersonId("per_boris"),
    customer_id="c-2",
    email="boris@customer.example",
    name="Boris",
    locale="de",
    phone="+49151",
    revision=3,
)


def test_of_somebody_forgotten_the_opaque_id_and_the_date_stay() -> None:
    assert forgotten(BORIS, now=NOW) == Person(
        person_id=PersonId("per_boris"), customer_id="", forgotten_at=NOW, revision=3
    )
    assert forgotten(BORIS, now=NOW).is_forgotten
    assert not BORIS.is_forgotten


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("boris@customer.example", " Boris@Customer.EXAMPLE. "),
        ("boris@customer.example", "boris+tea@customer.example"),
        ("b.oris@gmail.com", "boris@googlemail.com"),
    ],
)
def test_one_mailbox_has_one_mark_however_it_is_spelled(one: str, other: str) -> None:
    assert forgotten_mark(one, key=b"key") == forgotten_mark(other, key=b"key") is not None


def test_another_mailbox_or_another_key_has_another_mark() -> None:
    marks = {
        forgotten_mark("boris@customer.example", key=b"key"),
        forgotten_mark("dora@customer.example", key=b"key"),
        forgotten_mark("boris@customer.example", key=b"other"),
    }
    assert len(marks) == 3


def test_what_is_no_address_has_no_mark() -> None:
    assert forgotten_mark("boris", key=b"key") is None
