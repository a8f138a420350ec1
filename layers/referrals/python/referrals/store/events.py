"""The log of domain events: appended in the transaction of what happened, read by its stream."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.entries import LogEntry
from referrals.domain.events import DomainEvent
from referrals.domain.ids import JournalId, derive
from referrals.domain.ledger import Journal
from referrals.store.keys import sortable
from referrals.store.rows import Body, Row, RowMeta, TableName
from referrals.store.transactions import Write

_BODY = Body(list[DomainEvent])
SHARDS_PER_DAY = 8


class EventsRow(Row):
    """The events of one use case, in order, and the journal that was written with them."""

    class Meta(RowMeta):
        table_name = TableName("events")

    day_shard = UnicodeAttribute(hash_key=True)
    position = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute()
    journal_id = UnicodeAttribute(null=True)
    journal_digest = UnicodeAttribute(null=True)
    digest = UnicodeAttribute()


def append(
    events: Sequence[DomainEvent], *, now: datetime, journal: Journal | None = None
) -> Write | None:
    """Add what happened as one item; nothing when nothing did.

    `journal` is the one written in the same transaction: the item vouches for it. A journal without
    events gets an item too, so that each is named once.
    """
    if not events and journal is None:
        return None
    happened: list[str] = [event.event_id for event in events]
    if journal is not None and not happened:
        happened = [journal.journal_id]
    batch_id = derive("bat", *happened)
    entry = LogEntry(
        day_shard=_day_shard(now.date(), sum(batch_id.encode()) % SHARDS_PER_DAY),
        position=f"{sortable(now)}#{batch_id}",
        body=_BODY.write(list(events)),
        journal_id=journal.journal_id if journal else None,
        journal_digest=journal.digest if journal else None,
    )
    row = EventsRow(
        day_shard=entry.day_shard,
        position=entry.position,
        body=entry.body,
        journal_id=entry.journal_id,
        journal_digest=entry.journal_digest,
        digest=entry.digest,
    )
    return lambda transaction: transaction.save(row, condition=EventsRow.position.does_not_exist())


def read_body(text: str) -> list[DomainEvent]:
    """Read the events of one item, as its stream record carries them."""
    return _BODY.read(text)


def iter_all() -> Iterator[DomainEvent]:
    """Read every event there is, in no order."""
    for row in EventsRow.scan(consistent_read=True):
        yield from _BODY.read(row.body)


def iter_entries() -> Iterator[tuple[LogEntry, str]]:
    """Read every entry of the log, in no order, each with the digest it was stored with."""
    for row in EventsRow.scan(consistent_read=True):
        yield _stored(row)


def iter_day(day: date) -> Iterator[tuple[LogEntry, str]]:
    """Read the entries of a day, each shard from its beginning, with their digests."""
    for shard in range(SHARDS_PER_DAY):
        for row in EventsRow.query(_day_shard(day, shard), consistent_read=True):
            yield _stored(row)


def iter_shard(shard: int, *, since: datetime, until: datetime) -> Iterator[LogEntry]:
    """Read the entries of one shard in order, from `since` on, those at `until` left out."""
    day = since.date()
    while day <= until.date():
        for row in EventsRow.query(
            _day_shard(day, shard),
            EventsRow.position.between(sortable(since), sortable(until)),
            consistent_read=True,
        ):
            yield _stored(row)[0]
        day += timedelta(days=1)


def iter_digests_of_day(day: date) -> Iterator[str]:
    """Read the digests alone of a day's entries, in no order."""
    for shard in range(SHARDS_PER_DAY):
        rows = EventsRow.query(
            _day_shard(day, shard), consistent_read=True, attributes_to_get=["digest"]
        )
        for row in rows:
            yield row.digest


def _day_shard(day: date, shard: int) -> str:
    return f"{day.isoformat()}#{shard}"


def _stored(row: EventsRow) -> tuple[LogEntry, str]:
    entry = LogEntry(
        day_shard=row.day_shard,
        position=row.position,
        body=row.body,
        journal_id=JournalId(row.journal_id) if row.journal_id else None,
        journal_digest=row.journal_digest,
    )
    return entry, row.digest
