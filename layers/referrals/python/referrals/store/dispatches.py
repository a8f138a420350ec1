"""Dispatches: by id, by due date while something is to be done, and by provider."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from referrals.domain.dispatches import Dispatch
from referrals.domain.ids import DispatchId
from referrals.store.keys import due_shard, due_shards, sortable
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_BODY = Body(Dispatch, left_out=frozenset({"revision"}))


class ByDue(GlobalSecondaryIndex["DispatchRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class ByProvider(GlobalSecondaryIndex["DispatchRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_provider"
        projection = AllProjection()

    provider = UnicodeAttribute(hash_key=True)
    reserved_at = UnicodeAttribute(range_key=True)


class DispatchRow(Row):
    class Meta(RowMeta):
        table_name = TableName("dispatches")

    dispatch_id = UnicodeAttribute(hash_key=True)
    provider = UnicodeAttribute()
    reserved_at = UnicodeAttribute()
    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    body = UnicodeAttribute()
    revision = Revision()
    by_due = ByDue()
    by_provider = ByProvider()


def wanted(dispatch_id: DispatchId) -> Wanted[Dispatch]:
    return Wanted(DispatchRow, dispatch_id, None, _dispatch)


def find(dispatch_id: DispatchId) -> Dispatch | None:
    dispatch = wanted(dispatch_id)
    read(dispatch)
    return dispatch.value


def iter_due(now: datetime) -> Iterator[DispatchId]:
    """Find, page by page, the dispatches for which something is to be done by `now`.

    Each minute begins with another shard, so that none waits behind a long one.
    """
    for shard in due_shards(now):
        for row in DispatchRow.by_due.query(shard, ByDue.due_at <= sortable(now)):
            yield DispatchId(row.dispatch_id)


def iter_of_provider(provider: str, *, since: datetime | None = None) -> Iterator[Dispatch]:
    """Read what a provider was to be asked for, the newest first; a moment behind what is stored.

    `since` when it was reserved.
    """
    condition = ByProvider.reserved_at >= sortable(since) if since is not None else None
    rows = DispatchRow.by_provider.query(provider, condition, scan_index_forward=False)
    yield from (_dispatch(row) for row in rows)


def iter_all() -> Iterator[Dispatch]:
    """Read every dispatch there is, in no order."""
    yield from (_dispatch(row) for row in DispatchRow.scan(consistent_read=True))


def save(dispatch: Dispatch) -> Write:
    is_due = dispatch.due_at is not None
    row = DispatchRow(
        dispatch_id=dispatch.dispatch_id,
        provider=dispatch.provider,
        reserved_at=sortable(dispatch.reserved_at),
        due_shard=due_shard(dispatch.dispatch_id) if is_due else None,
        due_at=sortable(dispatch.due_at) if dispatch.due_at is not None else None,
        body=_BODY.write(dispatch),
        revision=dispatch.revision,
    )
    return lambda transaction: transaction.save(row)


def _dispatch(row: DispatchRow) -> Dispatch:
    return replace(_BODY.read(row.body), revision=row.revision)
