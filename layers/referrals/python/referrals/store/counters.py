"""Daily clicks by code and channel; a slice of click lines is counted exactly once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pynamodb.attributes import (
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.expressions.update import Action

from referrals.domain.tallies import Count, Hour, Tally
from referrals.store.rows import Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, commit, read

_TOTAL, _VISITORS, _COUNTED = "total", "visitors#", "counted"
# CloudWatch Logs and Lambda give up on a batch within hours; a month is generous.
_SLICE_KEPT = timedelta(days=30)
_VISITORS_KEPT = timedelta(hours=26)


class CounterRow(Row):
    class Meta(RowMeta):
        table_name = TableName("counters")

    subject = UnicodeAttribute(hash_key=True)
    bucket = UnicodeAttribute(range_key=True)
    clicks = NumberAttribute(null=True)
    repeats = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class VisitorsRow(Row):
    """Who followed a code in one hour, by keyed hash; forgotten a day later."""

    class Meta(RowMeta):
        table_name = TableName("counters")

    subject = UnicodeAttribute(hash_key=True)
    bucket = UnicodeAttribute(range_key=True)
    visitors = UnicodeSetAttribute()
    expires_at = TTLAttribute()
    revision = Revision()


class SliceReading:
    """What has to be known to count a slice: whether it was counted, and who came before."""

    def __init__(self, slice_id: str, hours: Iterable[Hour]) -> None:
        self._mark = Wanted(CounterRow, f"slice#{slice_id}", _COUNTED, lambda _row: True)
        self._rows = {
            hour: Wanted(VisitorsRow, _subject(hour.code), _hour_bucket(hour), _same)
            for hour in sorted(set(hours))
        }
        self.slice_id = slice_id
        read(self._mark, *self._rows.values())

    @property
    def is_counted(self) -> bool:
        return self._mark.value is not None

    @property
    def visitors(self) -> dict[Hour, frozenset[str]]:
        return {
            hour: frozenset(wanted.value.visitors) if wanted.value else frozenset()
            for hour, wanted in self._rows.items()
        }

    def add(self, count: Count, *, now: datetime) -> None:
        """Add a count, and mark the slice, at once; beaten when others counted meanwhile."""
        commit(
            self._marking(now),
            *(
                _adding(key.code, f"{key.day.isoformat()}#{key.channel}", tally)
                for key, tally in count.tallies.items()
            ),
            *(_adding(code, _TOTAL, tally) for code, tally in count.totals.items()),
            *(self._remembering(hour, who) for hour, who in count.visitors.items()),
        )

    def _marking(self, now: datetime) -> Write:
        mark = CounterRow(
            subject=f"slice#{self.slice_id}", bucket=_COUNTED, expires_at=now + _SLICE_KEPT
        )
        return lambda transaction: transaction.save(
            mark, condition=CounterRow.subject.does_not_exist()
        )

    def _remembering(self, hour: Hour, who: frozenset[str]) -> Write:
        known = self._rows[hour].value
        row = VisitorsRow(
            subject=_subject(hour.code),
            bucket=_hour_bucket(hour),
            visitors=set(who),
            expires_at=hour.start + _VISITORS_KEPT,
            revision=known.revision if known else None,
        )
        return lambda transaction: transaction.save(row)


def list_of_code(code: str) -> dict[str, Tally]:
    """List the tallies of a code by bucket: `2026-11-21#email` for a day, and `total`."""
    rows = CounterRow.query(_subject(code), CounterRow.bucket < _VISITORS, consistent_read=True)
    return {
        row.bucket: Tally(clicks=int(row.clicks or 0), repeats=int(row.repeats or 0))
        for row in rows
    }


def wanted_total(code: str) -> Wanted[Tally]:
    return Wanted(
        CounterRow,
        _subject(code),
        _TOTAL,
        lambda row: Tally(clicks=int(row.clicks or 0), repeats=int(row.repeats or 0)),
    )


def _subject(code: str) -> str:
    return f"code#{code}"


def _hour_bucket(hour: Hour) -> str:
    return f"{_VISITORS}{hour.start.isoformat(timespec='hours')}"


def _same(row: VisitorsRow) -> VisitorsRow:
    return row


def _adding(code: str, bucket: str, tally: Tally) -> Write:
    row = CounterRow(subject=_subject(code), bucket=bucket)
    actions: list[Action] = [
        CounterRow.clicks.add(tally.clicks),
        CounterRow.repeats.add(tally.repeats),
    ]
    return lambda transaction: transaction.update(row, actions=actions)
