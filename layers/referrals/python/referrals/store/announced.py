"""Marks beside the event log: which items were announced, and how far the log has been swept.

    announced   every event of the item was announced
    failed      so often the sweep tried in vain
    given up    a dead letter names the item; it waits for people

A mark is kept longer than anybody looks back for what has none.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.exceptions import DeleteError, PutError, UpdateError

from referrals.domain.entries import LogPlace
from referrals.store.keys import sortable
from referrals.store.rows import CONDITION_FAILED, Row, RowMeta, TableName

KEPT = timedelta(days=40)

_CURSORS = "cursor"


class AnnouncedRow(Row):
    """The mark of the item of the log that has the same key; or how far a shard was swept."""

    class Meta(RowMeta):
        table_name = TableName("announced")

    day_shard = UnicodeAttribute(hash_key=True)
    position = UnicodeAttribute(range_key=True)
    announced_at = UTCDateTimeAttribute(null=True)
    failed = NumberAttribute(null=True)
    is_given_up = BooleanAttribute(null=True)
    swept_until = UnicodeAttribute(null=True)
    expires_at = TTLAttribute(null=True)


def mark(places: Iterable[LogPlace], *, now: datetime) -> None:
    """Note that items were announced; to note it again changes nothing."""
    with AnnouncedRow.batch_write() as batch:
        for place in dict.fromkeys(places):
            row = AnnouncedRow(
                day_shard=place.day_shard,
                position=place.position,
                announced_at=now,
                expires_at=now + KEPT,
            )
            batch.save(row)


def iter_settled(day_shard: str, *, since: datetime, until: datetime) -> Iterator[str]:
    """Read, in order, the positions of a shard's items that were announced or given up."""
    rows = AnnouncedRow.query(
        day_shard,
        AnnouncedRow.position.between(sortable(since), sortable(until)),
        consistent_read=True,
    )
    for row in rows:
        if row.announced_at is not None or row.is_given_up:
            yield row.position


def count_failure(place: LogPlace, *, now: datetime) -> int:
    """Note that an item could not be announced; gives how often that was."""
    row = AnnouncedRow(day_shard=place.day_shard, position=place.position)
    row.update(
        actions=[AnnouncedRow.failed.add(1), AnnouncedRow.expires_at.set(now + KEPT)],
    )
    return int(row.failed or 0)


def give_up(place: LogPlace) -> None:
    """Leave an item to people; nothing when it was announced meanwhile."""
    row = AnnouncedRow(day_shard=place.day_shard, position=place.position)
    try:
        row.update(
            actions=[AnnouncedRow.is_given_up.set(True)],
            condition=AnnouncedRow.announced_at.does_not_exist(),
        )
    except UpdateError as error:
        _raise_unless_beaten(error)


def take_up_again(place: LogPlace) -> bool:
    """Forget that an item failed, so that it is announced; False when it was announced."""
    row = AnnouncedRow(day_shard=place.day_shard, position=place.position)
    try:
        row.delete(condition=AnnouncedRow.announced_at.does_not_exist())
    except DeleteError as error:
        _raise_unless_beaten(error)
        return False
    return True


def cursors() -> Mapping[int, datetime]:
    """Give the moment until which each shard was swept; none for one that never was."""
    rows = AnnouncedRow.query(_CURSORS, consistent_read=True)
    return {int(row.position): datetime.fromisoformat(row.swept_until) for row in rows}


def move_cursor(shard: int, *, before: datetime | None, after: datetime) -> bool:
    """Note how far a shard was swept; False when somebody else moved its cursor meanwhile."""
    row = AnnouncedRow(day_shard=_CURSORS, position=str(shard), swept_until=sortable(after))
    is_as_read = (
        AnnouncedRow.swept_until.does_not_exist()
        if before is None
        else AnnouncedRow.swept_until == sortable(before)
    )
    try:
        row.save(condition=is_as_read)
    except PutError as error:
        _raise_unless_beaten(error)
        return False
    return True


def _raise_unless_beaten(error: PutError | UpdateError | DeleteError) -> None:
    if error.cause_response_code != CONDITION_FAILED:
        raise error
