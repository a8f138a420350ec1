"""Budgets, one item a slice: written only on the condition that nobody else wrote it since."""

from collections.abc import Iterable
from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.budgets import Slice, slices_from
from referrals.domain.ids import ProgramId
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_BODY = Body(Slice, left_out=frozenset({"revision"}))


class SliceRow(Row):
    class Meta(RowMeta):
        table_name = TableName("budgets")

    slice_key = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def wanted(program_id: ProgramId, number: int) -> Wanted[Slice]:
    return Wanted(SliceRow, _key(program_id, number), None, _slice)


def wanted_all(program_id: ProgramId, *, first: int = 0) -> list[Wanted[Slice]]:
    """Want every slice of a budget, beginning with the one that is asked first."""
    return [wanted(program_id, number) for number in slices_from(first)]


def found(wanted_slices: Iterable[Wanted[Slice]]) -> tuple[Slice, ...]:
    """Give the slices that were there to be read, in the order wanted."""
    return tuple(each.value for each in wanted_slices if each.value is not None)


def save(part: Slice) -> Write:
    row = SliceRow(
        slice_key=_key(part.program_id, part.number),
        body=_BODY.write(part),
        revision=part.revision,
    )
    return lambda transaction: transaction.save(row)


def iter_all() -> Iterable[Slice]:
    for row in SliceRow.scan(consistent_read=True):
        yield _slice(row)


def _key(program_id: ProgramId, number: int) -> str:
    return f"{program_id}#{number}"


def _slice(row: SliceRow) -> Slice:
    return replace(_BODY.read(row.body), revision=row.revision)
