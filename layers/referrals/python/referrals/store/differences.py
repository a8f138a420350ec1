"""Differences between a provider's books and ours, each found once, until people resolve it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.reconciliation import Difference
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, commit, read, until_settled

_BODY = Body(Difference)


class DifferenceRow(Row):
    class Meta(RowMeta):
        table_name = TableName("differences")

    provider = UnicodeAttribute(hash_key=True)
    difference_id = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def find(provider: str, difference_id: str) -> Difference | None:
    wanted = Wanted(DifferenceRow, provider, difference_id, _difference)
    read(wanted)
    return wanted.value


def insert(difference: Difference) -> Write:
    """Add a difference; the commit is beaten when it was found before."""
    row = _row(difference)
    return lambda transaction: transaction.save(row)


def list_of_provider(provider: str) -> list[Difference]:
    """List every difference that was found with a provider, the oldest first."""
    rows = DifferenceRow.query(provider, consistent_read=True)
    return sorted((_difference(row) for row in rows), key=lambda each: each.found_at)


def list_open(provider: str) -> list[Difference]:
    """List what nobody has resolved yet, the oldest first."""
    return [each for each in list_of_provider(provider) if each.resolved_at is None]


def iter_all() -> Iterator[Difference]:
    """Read every difference there is, in no order."""
    yield from (_difference(row) for row in DifferenceRow.scan(consistent_read=True))


def resolve(
    provider: str, difference_id: str, *, actor: str, note: str, now: datetime
) -> Difference | None:
    """Note that somebody looked into a difference; the first word stays. None when there is none.

    What it is about is not changed by it.
    """
    return until_settled(lambda: _resolve(provider, difference_id, actor, note, now))


def _resolve(
    provider: str, difference_id: str, actor: str, note: str, now: datetime
) -> Difference | None:
    wanted = Wanted(DifferenceRow, provider, difference_id, lambda row: row)
    read(wanted)
    if wanted.value is None:
        return None
    found = _difference(wanted.value)
    if found.resolved_at is not None:
        return found
    resolved = replace(found, resolved_at=now, resolved_by=actor, note=note)
    row = _row(resolved, revision=wanted.value.revision)
    commit(lambda transaction: transaction.save(row))
    return resolved


def _row(difference: Difference, *, revision: int | None = None) -> DifferenceRow:
    return DifferenceRow(
        provider=difference.provider,
        difference_id=difference.difference_id,
        body=_BODY.write(difference),
        revision=revision,
    )


def _difference(row: DifferenceRow) -> Difference:
    return _BODY.read(row.body)
