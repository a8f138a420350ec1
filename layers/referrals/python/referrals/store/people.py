"""Personal data, under opaque ids, apart from everything else."""

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.ids import PersonId
from referrals.domain.people import Person
from referrals.store.rows import Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read


class PersonRow(Row):
    class Meta(RowMeta):
        table_name = TableName("people")

    person_id = UnicodeAttribute(hash_key=True)
    customer_id = UnicodeAttribute()
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    locale = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    revision = Revision()


def wanted(person_id: PersonId) -> Wanted[Person]:
    return Wanted(PersonRow, person_id, None, _person)


def find(person_id: PersonId) -> Person | None:
    person = wanted(person_id)
    read(person)
    return person.value


def find_all(person_ids: Iterable[PersonId]) -> dict[PersonId, Person]:
    """Read many people at once, a hundred a call; whoever is unknown is left out."""
    rows = PersonRow.batch_get(list(dict.fromkeys(person_ids)))
    return {PersonId(row.person_id): _person(row) for row in rows}


def save(person: Person) -> Write:
    row = PersonRow(
        person_id=person.person_id,
        customer_id=person.customer_id,
        email=person.email,
        name=person.name,
        locale=person.locale,
        phone=person.phone,
        revision=person.revision,
    )
    return lambda transaction: transaction.save(row)


def _person(row: PersonRow) -> Person:
    return Person(
        person_id=PersonId(row.person_id),
        customer_id=row.customer_id,
        email=row.email,
        name=row.name,
        locale=row.locale,
        phone=row.phone,
        revision=row.revision,
    )
