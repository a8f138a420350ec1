"""The clock strikes: what the stream of the event log never brought is announced from the log.

    cursor - 3 h            cursor                    now - 15 min
    |  late commits         |   swept by this run     |   left to the stream
    |-----------------------|-------------------------|---------------------> log

Whatever has no mark is announced, in the order in which it happened, and then marked. What fails is
tried by five sweeps, and holds nobody else up; then a dead letter names it. When no message at all
can go out, everything waits for the next hour instead, until an item has waited for three weeks: it
gets its letter while there is time to act on it. Each shard has a cursor, which stays before the
first item that is still to be tried.
"""

import heapq
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from referrals.domain.entries import LogEntry
from referrals.notify import dead_letters
from referrals.notify.dead_letters import LostItem
from referrals.notify.emails import MailHeldUpError
from referrals.notify.sms import SmsHeldUpError
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
# A letter is kept for two weeks; what it names has to be within sight for all of them, and a day.
LONGEST_WAIT = FURTHEST_LOOK - timedelta(days=15)
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
    cursors, until = announced.cursors(), now - SETTLING
    reached = until
    outcomes, failed = Counter[Outcome](), dict[int, datetime]()
    for entry, is_settled in _in_order(cursors, until=until, now=now):
        place = entry.place
        if not has_time():
            reached = place.recorded_at
            break
        if is_settled:
            continue
        outcome = _announce(entry, keys, now)
        outcomes[outcome] += 1
        if outcome is Outcome.FAILED:
            failed.setdefault(place.shard, place.recorded_at)
        if outcome is Outcome.POSTPONED:
            reached = place.recorded_at
            break
    for shard in range(events.SHARDS_PER_DAY):
        before = cursors.get(shard)
        # a run that came to an end before this shard's cursor leaves it where it is
        swept_until = max(reached, min(before or reached, until))
        after = min(swept_until, failed.get(shard, swept_until))
        announced.move_cursor(shard, before=before, after=after)
    return outcomes


def _in_order(
    cursors: Mapping[int, datetime], *, until: datetime, now: datetime
) -> Iterator[tuple[LogEntry, bool]]:
    """Read all shards as one log: what happened to one object lies in several of them."""
    shards = [
        _entries(shard, since=_start(cursors.get(shard), now), until=until)
        for shard in range(events.SHARDS_PER_DAY)
    ]
    return heapq.merge(*shards, key=lambda read: read[0].position)


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
    except (MailHeldUpError, SmsHeldUpError) as error:
        if now - entry.place.recorded_at <= LONGEST_WAIT:
            return Outcome.POSTPONED
        return _given_up(entry, error.reason)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with an item, the next must not wait for it
        _LOG.warning("not announced: %s", entry.place, exc_info=True)
        return _failed(entry, type(error).__name__, now)
    announced.mark([entry.place], now=now)
    return Outcome.ANNOUNCED


def _failed(entry: LogEntry, why: str, now: datetime) -> Outcome:
    if announced.count_failure(entry.place, now=now) < MOST_TRIES:
        return Outcome.FAILED
    return _given_up(entry, why)


def _given_up(entry: LogEntry, why: str) -> Outcome:
    """Leave an item to people; the letter comes first, so that none is given up unseen."""
    dead_letters.send(LostItem(place=entry.place, why=why))
    announced.give_up(entry.place)
    return Outcome.GIVEN_UP
