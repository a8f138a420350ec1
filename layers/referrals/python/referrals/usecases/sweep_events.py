"""The clock strikes: what the stream of the event log never brought is announced from the log.

    cursor - 3 h            cursor                    now - 15 min
    |  late commits         |   swept by this run     |   left to the stream
    |-----------------------|-------------------------|---------------------> log of one shard

Whatever has no mark is announced in order and then marked. What fails is tried by five sweeps, and
holds nobody else up; then a dead letter names it. When messages cannot go out, the shard waits for
the next hour instead, however often. A cursor stays before the first item that is still to be
tried.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from referrals.domain.entries import LogEntry
from referrals.notify import dead_letters
from referrals.notify.dead_letters import LostItem
from referrals.notify.emails import MailNotSentError
from referrals.notify.sms import SmsNotSentError
from referrals.store import announced, events
from referrals.usecases.announce_event import announce_event
from referrals.usecases.keys import MailKeys

# What is younger the stream is about to bring.
SETTLING = timedelta(minutes=15)
# An item is written later than its place says: by no more than the 15 minutes that a function has,
# and by how much the clock of whoever wrote it is behind.
OVERLAP = timedelta(hours=3)
# Where a deployment begins that has never swept: what its stream did announce has no mark.
FIRST_LOOK = timedelta(days=2)
# Older marks are about to be forgotten, and their items would look as if nobody had heard of them.
FURTHEST_LOOK = announced.KEPT - timedelta(days=2)
MOST_TRIES = 5

_LOG = logging.getLogger(__name__)


class Outcome(StrEnum):
    ANNOUNCED = "announced"
    POSTPONED = "postponed"
    FAILED = "failed"
    GIVEN_UP = "given_up"


def sweep_events(
    *, keys: MailKeys, now: datetime, has_time: Callable[[], bool]
) -> Counter[Outcome]:
    """Announce the items of the log that have no mark; gives how many came to what.

    `has_time` is asked before each item: a run that ends early is gone on with by the next.
    """
    swept_until = announced.cursors()
    # whoever is the furthest behind comes first, so that no shard starves
    shards = sorted(
        range(events.SHARDS_PER_DAY),
        key=lambda shard: swept_until.get(shard, datetime.min.replace(tzinfo=UTC)),
    )
    return Counter(
        outcome
        for shard in shards
        for outcome in _sweep_shard(shard, swept_until.get(shard), keys, now, has_time)
    )


def _sweep_shard(
    shard: int,
    cursor: datetime | None,
    keys: MailKeys,
    now: datetime,
    has_time: Callable[[], bool],
) -> Iterator[Outcome]:
    reached = now - SETTLING
    for entry, is_settled in _entries(shard, since=_start(cursor, now), until=reached):
        if not has_time():
            reached = min(reached, entry.place.recorded_at)
            break
        if is_settled:
            continue
        outcome = _announce(entry, keys, now)
        yield outcome
        if outcome in {Outcome.FAILED, Outcome.POSTPONED}:
            reached = min(reached, entry.place.recorded_at)
        if outcome is Outcome.POSTPONED:
            break
    announced.move_cursor(shard, before=cursor, after=reached)


def _start(cursor: datetime | None, now: datetime) -> datetime:
    if cursor is None:
        return now - FIRST_LOOK
    return max(cursor - OVERLAP, now - FURTHEST_LOOK)


def _entries(shard: int, *, since: datetime, until: datetime) -> Iterator[tuple[LogEntry, bool]]:
    """Read the items of a shard that tell of something, each with whether it is settled."""
    day_shard, marks = "", iter(list[str]())
    settled: str | None = None
    for entry in events.iter_shard(shard, since=since, until=until):
        if entry.day_shard != day_shard:
            day_shard = entry.day_shard
            marks = announced.iter_settled(day_shard, since=since, until=until)
            settled = next(marks, None)
        while settled is not None and settled < entry.position:
            settled = next(marks, None)
        if entry.has_events:
            yield entry, settled == entry.position


def _announce(entry: LogEntry, keys: MailKeys, now: datetime) -> Outcome:
    try:
        for happened in events.read_body(entry.body):
            announce_event(happened, keys=keys, now=now)
    except (MailNotSentError, SmsNotSentError):
        return Outcome.POSTPONED
    except Exception as error:  # noqa: BLE001 - whatever is wrong with an item, the next must not wait for it
        _LOG.warning("not announced: %s", entry.place, exc_info=True)
        return _failed(entry, type(error).__name__, now)
    announced.mark([entry.place], now=now)
    return Outcome.ANNOUNCED


def _failed(entry: LogEntry, why: str, now: datetime) -> Outcome:
    """Count a failure; after the last one leave a letter first, so that none is given up unseen."""
    if announced.count_failure(entry.place, now=now) < MOST_TRIES:
        return Outcome.FAILED
    dead_letters.send(LostItem(place=entry.place, why=why))
    announced.give_up(entry.place)
    return Outcome.GIVEN_UP
