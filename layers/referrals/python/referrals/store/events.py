"""The log of domain events: appended in the transaction of what happened, read by its stream."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.events import DomainEvent
from referrals.domain.ids import derive
from referrals.store.rows import Body, Row, RowMeta, TableName
from referrals.store.transactions import Write

_BODY = Body(list[DomainEvent])
_SHARDS_PER_DAY = 8


class EventsRow(Row):
    """The events of one use case, in order."""

    class Meta(RowMeta):
        table_name = TableName("events")

    day_shard = UnicodeAttribute(hash_key=True)
    position = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute()


def append(events: Sequence[DomainEvent], *, now: datetime) -> Write | None:
    """Add what happened as one item; nothing when nothing did."""
    if not events:
        return None
    batch_id = derive("bat", *(event.event_id for event in events))
    row = EventsRow(
        day_shard=f"{now.date().isoformat()}#{sum(batch_id.encode()) % _SHARDS_PER_DAY}",
        position=f"{now.isoformat(timespec='microseconds')}#{batch_id}",
        body=_BODY.write(list(events)),
    )
    return lambda transaction: transaction.save(row, condition=EventsRow.position.does_not_exist())


def read_body(text: str) -> list[DomainEvent]:
    """Read the events of one item, as its stream record carries them."""
    return _BODY.read(text)


def iter_all() -> Iterator[DomainEvent]:
    """Read every event there is, in no order."""
    for row in EventsRow.scan(consistent_read=True):
        yield from _BODY.read(row.body)
