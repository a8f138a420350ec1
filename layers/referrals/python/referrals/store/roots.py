"""Daily roots: one a day, written once."""

from collections.abc import Iterator
from datetime import date

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from referrals.domain.roots import DailyRoot
from referrals.store.rows import Row, RowMeta, TableName
from referrals.store.transactions import Write

# all of them in one partition: they are one chain, and one a day
_CHAIN = "daily"


class RootRow(Row):
    class Meta(RowMeta):
        table_name = TableName("roots")

    chain = UnicodeAttribute(hash_key=True, default=_CHAIN)
    day = UnicodeAttribute(range_key=True)
    entries = NumberAttribute()
    digest = UnicodeAttribute()
    previous = UnicodeAttribute()
    key_id = UnicodeAttribute(null=True)
    signature = UnicodeAttribute(null=True)


def insert(root: DailyRoot) -> Write:
    """Add a root; the commit is beaten when its day has one."""
    row = RootRow(
        chain=_CHAIN,
        day=root.day.isoformat(),
        entries=root.entries,
        digest=root.digest,
        previous=root.previous,
        key_id=root.key_id,
        signature=root.signature,
    )
    return lambda transaction: transaction.save(row, condition=RootRow.day.does_not_exist())


def find(day: date) -> DailyRoot | None:
    try:
        return _root(RootRow.get(_CHAIN, day.isoformat(), consistent_read=True))
    except RootRow.DoesNotExist:
        return None


def find_last() -> DailyRoot | None:
    """Give the newest root."""
    rows = RootRow.query(_CHAIN, consistent_read=True, scan_index_forward=False, limit=1)
    return next((_root(row) for row in rows), None)


def iter_all() -> Iterator[DailyRoot]:
    """Read every root, oldest first."""
    for row in RootRow.query(_CHAIN, consistent_read=True):
        yield _root(row)


def _root(row: RootRow) -> DailyRoot:
    return DailyRoot(
        day=date.fromisoformat(row.day),
        entries=int(row.entries),
        digest=row.digest,
        previous=row.previous,
        key_id=row.key_id,
        signature=row.signature,
    )
