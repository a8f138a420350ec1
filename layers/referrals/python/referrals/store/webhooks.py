"""Webhooks: who is told of events, what they were sent, and what is still to be sent, in order."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cachetools import TTLCache
from pynamodb.attributes import TTLAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from referrals.domain.ids import EndpointId, EventId
from referrals.domain.webhooks import (
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointNotFoundError,
    Lane,
    LaneKey,
)
from referrals.store.keys import sortable
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_KEPT = timedelta(days=90)
_ENDPOINT = Body(Endpoint, left_out=frozenset({"revision"}))
_DELIVERY = Body(Delivery, left_out=frozenset({"revision"}))
_LANE = Body(Lane, left_out=frozenset({"revision"}))
_ALL = "all"
_listed: TTLCache[str, tuple[Endpoint, ...]] = TTLCache(1, 60, timer=time.monotonic)


class EndpointRow(Row):
    class Meta(RowMeta):
        table_name = TableName("webhook-endpoints")

    endpoint_id = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    revision = Revision()


class ByTime(GlobalSecondaryIndex["DeliveryRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_time"
        projection = AllProjection()

    endpoint_id = UnicodeAttribute(hash_key=True)
    queued_at = UnicodeAttribute(range_key=True)


class DeliveryRow(Row):
    class Meta(RowMeta):
        table_name = TableName("webhook-deliveries")

    endpoint_id = UnicodeAttribute(hash_key=True)
    event_id = UnicodeAttribute(range_key=True)
    queued_at = UnicodeAttribute()
    state = UnicodeAttribute()
    body = UnicodeAttribute()
    expires_at = TTLAttribute()
    revision = Revision()
    by_time = ByTime()


class ByDue(GlobalSecondaryIndex["LaneRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class LaneRow(Row):
    """A lane that holds something; an empty one has no row. Its shard is its group."""

    class Meta(RowMeta):
        table_name = TableName("webhook-lanes")

    lane_key = UnicodeAttribute(hash_key=True)
    due_shard = UnicodeAttribute()
    due_at = UnicodeAttribute()
    body = UnicodeAttribute()
    revision = Revision()
    by_due = ByDue()


def list_endpoints() -> list[Endpoint]:
    """List every endpoint there is, the oldest first."""
    found = [_endpoint(row) for row in EndpointRow.scan(consistent_read=True)]
    return sorted(found, key=lambda each: (each.created_at, each.endpoint_id))


def list_endpoints_kept() -> tuple[Endpoint, ...]:
    """List the endpoints as they were within the last minute."""
    if _ALL not in _listed:
        _listed[_ALL] = tuple(list_endpoints())
    return _listed[_ALL]


def forget_cached() -> None:
    _listed.clear()


def wanted_endpoint(endpoint_id: EndpointId) -> Wanted[Endpoint]:
    return Wanted(EndpointRow, endpoint_id, None, _endpoint)


def get_endpoint(endpoint_id: EndpointId) -> Endpoint:
    """Read an endpoint as it is now; EndpointNotFoundError."""
    wanted = wanted_endpoint(endpoint_id)
    read(wanted)
    if wanted.value is None:
        raise EndpointNotFoundError(endpoint_id)
    return wanted.value


def save_endpoint(endpoint: Endpoint) -> Write:
    row = EndpointRow(
        endpoint_id=endpoint.endpoint_id,
        body=_ENDPOINT.write(endpoint),
        revision=endpoint.revision,
    )
    return lambda transaction: transaction.save(row)


def wanted_delivery(endpoint_id: EndpointId, event_id: EventId) -> Wanted[Delivery]:
    return Wanted(DeliveryRow, endpoint_id, event_id, _delivery)


def save_delivery(delivery: Delivery) -> Write:
    row = DeliveryRow(
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        queued_at=sortable(delivery.queued_at),
        state=delivery.state.value,
        body=_DELIVERY.write(delivery),
        expires_at=delivery.queued_at + _KEPT,
        revision=delivery.revision,
    )
    return lambda transaction: transaction.save(row)


def iter_deliveries(
    endpoint_id: EndpointId, *, states: Sequence[DeliveryState] = ()
) -> Iterator[Delivery]:
    """Find, page by page, what was sent to an endpoint, the newest first; in all states for ()."""
    in_states = DeliveryRow.state.is_in(*states) if states else None
    rows = DeliveryRow.by_time.query(
        endpoint_id, filter_condition=in_states, scan_index_forward=False
    )
    return (_delivery(row) for row in rows)


def wanted_lane(key: LaneKey) -> Wanted[Lane]:
    return Wanted(LaneRow, _lane_key(key), None, _lane)


def save_lane(lane: Lane) -> Write:
    """Write a lane; one that holds nothing any more is deleted."""
    row = LaneRow(
        lane_key=_lane_key(lane.key),
        due_shard=lane.key.group,
        due_at=sortable(lane.due_at),
        body=_LANE.write(lane),
        revision=lane.revision,
    )
    if not lane.pending:
        return lambda transaction: transaction.delete(row)
    return lambda transaction: transaction.save(row)


def list_due(group: str, now: datetime, *, most: int) -> list[tuple[LaneKey, datetime]]:
    """List the lanes of a group that are due by `now`, with the moment, the longest due first."""
    rows = LaneRow.by_due.query(group, ByDue.due_at <= sortable(now), limit=most)
    return [(_read_key(row.lane_key), datetime.fromisoformat(row.due_at)) for row in rows]


def _lane_key(key: LaneKey) -> str:
    return f"{key.endpoint_id}#{key.subject}"


def _read_key(text: str) -> LaneKey:
    endpoint_id, _, subject = text.partition("#")
    return LaneKey(endpoint_id=EndpointId(endpoint_id), subject=subject)


def _endpoint(row: EndpointRow) -> Endpoint:
    return replace(_ENDPOINT.read(row.body), revision=row.revision)


def _delivery(row: DeliveryRow) -> Delivery:
    return replace(_DELIVERY.read(row.body), revision=row.revision)


def _lane(row: LaneRow) -> Lane:
    return replace(_LANE.read(row.body), revision=row.revision)
