"""Counting clicks: which of them count, and under what day and channel."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

# With the mark of the slice itself it stays within the 100 items of one transaction.
MAX_ITEMS_PER_SLICE = 90
# Beyond that many visitors of one code in one hour, repeats are no longer told from clicks: what is
# kept of the hour stays under 32 KB, and so does the price of writing it.
MAX_VISITORS_KEPT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenClick:
    """A click line of the redirect's log; `is_meant` when a person, not a program, made it."""

    code: str
    channel: str
    visitor: str
    clicked_at: datetime
    is_meant: bool

    @property
    def key(self) -> "TallyKey":
        return TallyKey(code=self.code, day=self.clicked_at.date(), channel=self.channel)

    @property
    def hour(self) -> "Hour":
        start = self.clicked_at.replace(minute=0, second=0, microsecond=0)
        return Hour(code=self.code, start=start)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TallyKey:
    code: str
    day: date
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Hour:
    """A clock hour, in UTC, of one code."""

    code: str
    start: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Clicks that count, and those by a visitor who had come within the same hour."""

    clicks: int = 0
    repeats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What some clicks add: tallies by day and channel, and who came in which hour so far."""

    tallies: Mapping[TallyKey, Tally]
    visitors: Mapping[Hour, frozenset[str]]

    @property
    def totals(self) -> dict[str, Tally]:
        """Give the tallies by code alone."""
        clicks: Counter[str] = Counter()
        repeats: Counter[str] = Counter()
        for key, tally in self.tallies.items():
            clicks[key.code] += tally.clicks
            repeats[key.code] += tally.repeats
        return {
            code: Tally(clicks=clicks[code], repeats=repeats[code])
            for code in sorted({*clicks, *repeats})
        }


def counted(seen: Iterable[SeenClick], *, visitors: Mapping[Hour, frozenset[str]]) -> Count:
    """Count clicks by code, UTC day and channel.

    The first click of a visitor on a code within a clock hour counts, the others of that hour are
    repeats; `visitors` says who had come before.
    """
    known = {hour: set(who) for hour, who in visitors.items()}
    clicks: Counter[TallyKey] = Counter()
    repeats: Counter[TallyKey] = Counter()
    for each in seen:
        here = known.setdefault(each.hour, set())
        (repeats if each.visitor in here else clicks)[each.key] += 1
        if len(here) < MAX_VISITORS_KEPT:
            here.add(each.visitor)
    keys = sorted({*clicks, *repeats})
    return Count(
        tallies={key: Tally(clicks=clicks[key], repeats=repeats[key]) for key in keys},
        visitors={hour: frozenset(who) for hour, who in known.items()},
    )


def sliced(seen: Iterable[SeenClick]) -> Iterator[list[SeenClick]]:
    """Cut clicks into slices that one transaction can count; the same clicks give the same cuts."""
    slice_: list[SeenClick] = []
    items: set[object] = set()
    for each in seen:
        new_items = {each.key, each.hour, each.code}
        if len(items | new_items) > MAX_ITEMS_PER_SLICE:
            yield slice_
            slice_, items = [], set()
        slice_.append(each)
        items |= new_items
    if slice_:
        yield slice_
