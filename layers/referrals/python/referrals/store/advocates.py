"""Who shares in which program."""

from collections.abc import Iterator

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.store.rows import Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read


class AdvocateRow(Row):
    class Meta(RowMeta):
        table_name = TableName("advocates")

    person_id = UnicodeAttribute(hash_key=True)
    program_id = UnicodeAttribute(range_key=True)
    code = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    segment = UnicodeAttribute(null=True)


def wanted(program_id: ProgramId, person_id: PersonId) -> Wanted[Advocate]:
    return Wanted(AdvocateRow, person_id, program_id, _advocate)


def find(program_id: ProgramId, person_id: PersonId) -> Advocate | None:
    advocate = wanted(program_id, person_id)
    read(advocate)
    return advocate.value


def list_of_person(person_id: PersonId) -> list[Advocate]:
    """List where somebody shares, by program."""
    return [_advocate(row) for row in AdvocateRow.query(person_id, consistent_read=True)]


def iter_all() -> Iterator[Advocate]:
    """Read every advocate there is, in no order."""
    for row in AdvocateRow.scan(consistent_read=True):
        yield _advocate(row)


def insert(advocate: Advocate) -> Write:
    """Enrol somebody; the commit is beaten when they are enrolled."""
    row = AdvocateRow(
        person_id=advocate.person_id,
        program_id=advocate.program_id,
        code=advocate.code,
        status=advocate.status.value,
        created_at=advocate.created_at,
        segment=advocate.segment,
    )
    condition = AdvocateRow.person_id.does_not_exist()
    return lambda transaction: transaction.save(row, condition=condition)


def set_status(advocate: Advocate, status: AdvocateStatus) -> Write:
    """Say how an advocate stands; all else of them stays as it is."""
    row = AdvocateRow(advocate.person_id, advocate.program_id)
    return lambda transaction: transaction.update(
        row,
        actions=[AdvocateRow.status.set(status.value)],
        condition=AdvocateRow.person_id.exists(),
    )


def set_segment(advocate: Advocate, segment: str) -> Write:
    """Say which segment an advocate is in from now on."""
    row = AdvocateRow(advocate.person_id, advocate.program_id)
    return lambda transaction: transaction.update(
        row,
        actions=[AdvocateRow.segment.set(segment)],
        condition=AdvocateRow.person_id.exists(),
    )


def _advocate(row: AdvocateRow) -> Advocate:
    return Advocate(
        person_id=PersonId(row.person_id),
        program_id=ProgramId(row.program_id),
        code=row.code,
        status=AdvocateStatus(row.status),
        created_at=row.created_at,
        segment=row.segment,
    )
