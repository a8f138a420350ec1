"""Personal data, under opaque ids, apart from everything else.

Of somebody who is forgotten an item stays, with the opaque id and the date: nothing that is told of
them later is kept again.
"""

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from referrals.domain.ids import PersonId
from referrals.domain.people import Person
from referrals.store.rows import Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read


class PersonRow(Row):
    class Meta(RowMeta):
        table_name = TableName("people")

    person_id = UnicodeAttribute(hash_key=True)
    customer_id = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    locale = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    forgotten_at = UTCDateTimeAttribute(null=True)
    revision = Revision()


def wanted(person_id: PersonId) -> Wanted[Person]:
    """Want what is kept of somebody, that they are forgotten included."""
    return Wanted(PersonRow, person_id, None, _person)


def find(person_id: PersonId) -> Person | None:
    """Read somebody's personal data; None when there is none, or none any more."""
    person = wanted(person_id)
    read(person)
    return None if person.value and person.value.is_forgotten else person.value


def find_all(person_ids: Iterable[PersonId]) -> dict[PersonId, Person]:
    """Read many people at once, a hundred a call; whoever is unknown is left out."""
    rows = PersonRow.batch_get(list(dict.fromkeys(person_ids)))
    return {PersonId(row.person_id): _person(row) for row in rows if row.forgotten_at is None}


def not_forgotten(person_id: PersonId) -> Write:
    """Beat a commit when somebody is forgotten: nothing that they said is kept again."""
    condition = PersonRow.forgotten_at.does_not_exist()
    return lambda transaction: transaction.condition_check(
        PersonRow, person_id, condition=condition
    )


def save(person: Person) -> Write:
    row = PersonRow(
        person_id=person.person_id,
        customer_id=person.customer_id or None,
        email=person.email,
        name=person.name,
        locale=person.locale,
        phone=person.phone,
        forgotten_at=person.forgotten_at,
        revision=person.revision,
    )
    return lambda transaction: transaction.save(row)


def _person(row: PersonRow) -> Person:
    return Person(
        person_id=PersonId(row.person_id),
        customer_id=row.customer_id or "",
        email=row.email,
        name=row.name,
        locale=row.locale,
        phone=row.phone,
        forgotten_at=row.forgotten_at,
        revision=row.revision,
    )
