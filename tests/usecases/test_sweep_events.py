"""The sweep announces what nobody announced, tries what fails, and gives up in writing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from referrals.domain.entries import LogPlace
from referrals.domain.events import DomainEvent, EventName, event
from referrals.notify import dead_letters
from referrals.notify.dead_letters import LostItem, LostStretch
from referrals.notify.emails import MailNotSentError
from referrals.store import announced, events
from referrals.store.transactions import commit
from referrals.usecases import sweep_events as module
from referrals.usecases.announce_again import announce_again
from referrals.usecases.keys import MailKeys
from referrals.usecases.sweep_events import Outcome, sweep_events
from tests.shop import NOON, TEA

pytestmark = pytest.mark.usefixtures("tables")

KEYS = MailKeys(identity=b"an identity key", portal=("a portal key",))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Announcer:
    """Stands in for announcing: keeps the codes it was given, and fails at those in `failing`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.failing: dict[str, Exception] = {}

    def __call__(self, happened: DomainEvent, **_: object) -> None:
        code = str(happened.data["code"])
        if code in self.failing:
            raise self.failing[code]
        self.heard.append(code)


@pytest.fixture(autouse=True)
def announcer(monkeypatch: pytest.MonkeyPatch) -> Announcer:
    stand_in = Announcer()
    monkeypatch.setattr(module, "announce_event", stand_in)
    return stand_in


@pytest.fixture(autouse=True)
def letters(monkeypatch: pytest.MonkeyPatch) -> list[LostItem]:
    sent: list[LostItem] = []
    monkeypatch.setattr(dead_letters, "send", sent.append)
    return sent


def record(*codes: str, at: datetime) -> LogPlace:
    """Write one item of the log, an event for each code."""
    happened = [
        event(
            EventName.ADVOCATE_ENROLLED,
            cause=f"{code} {at}",
            program_id=TEA,
            occurred_at=at,
            code=code,
        )
        for code in codes
    ]
    commit(events.append(happened, now=at))
    return next(
        entry.place
        for shard in range(events.SHARDS_PER_DAY)
        for entry in events.iter_shard(shard, since=at, until=at + timedelta(microseconds=1))
        if codes[0] in entry.body
    )


def sweep(at: datetime, *, items: int = 1_000) -> dict[Outcome, int]:
    """Sweep, with time for so many items."""
    left = iter([True] * items)
    return dict(sweep_events(keys=KEYS, now=at, has_time=lambda: next(left, False)))


def sweep_hourly(since: datetime, hours: int) -> list[dict[Outcome, int]]:
    return [sweep(since + number * HOUR) for number in range(1, hours + 1)]


def test_what_has_no_mark_is_announced_once(announcer: Announcer) -> None:
    record("ANNA", "BORIS", at=NOON)
    assert sweep(NOON + HOUR) == {Outcome.ANNOUNCED: 1}
    assert sweep(NOON + HOUR) == {}
    assert sweep(NOON + 2 * HOUR) == {}
    assert announcer.heard == ["ANNA", "BORIS"]


def test_what_is_marked_is_left_alone(announcer: Announcer) -> None:
    marked = record("ANNA", at=NOON)
    record("BORIS", at=NOON + MINUTE)
    announced.mark([marked], now=NOON)
    assert sweep(NOON + HOUR) == {Outcome.ANNOUNCED: 1}
    assert announcer.heard == ["BORIS"]


def test_what_happened_in_the_last_quarter_of_an_hour_is_left_to_the_stream() -> None:
    record("ANNA", at=NOON)
    assert sweep(NOON + 15 * MINUTE) == {}
    assert sweep(NOON + 15 * MINUTE + timedelta(microseconds=1)) == {Outcome.ANNOUNCED: 1}


def test_items_of_a_shard_are_announced_in_the_order_of_time(announcer: Announcer) -> None:
    places = {str(n): record(str(n), at=NOON + n * MINUTE) for n in range(40)}
    sweep(NOON + 2 * HOUR)
    assert len(announcer.heard) == 40
    for shard in range(events.SHARDS_PER_DAY):
        of_shard = [int(code) for code in announcer.heard if places[code].shard == shard]
        assert of_shard == sorted(of_shard)


def test_an_item_without_events_is_nobodys_business() -> None:
    assert events.append([], now=NOON) is None
    row = events.EventsRow(
        day_shard="2026-05-04#0",
        position=f"{events.sortable(NOON)}#bat_1",
        body="[]",
        journal_id="jrn_1",
        digest="",
    )
    row.save()
    assert sweep(NOON + HOUR) == {}


def test_an_item_that_was_committed_late_is_found_behind_the_cursor(announcer: Announcer) -> None:
    record("ANNA", at=NOON)
    sweep(NOON + 3 * HOUR)
    record("BORIS", at=NOON + MINUTE)
    assert sweep(NOON + 4 * HOUR) == {Outcome.ANNOUNCED: 1}
    assert announcer.heard == ["ANNA", "BORIS"]


def test_a_sweep_that_was_off_for_a_month_misses_nothing(announcer: Announcer) -> None:
    sweep(NOON)
    for day in range(30):
        record(f"DAY{day:02}", at=NOON + timedelta(days=day))
    assert sweep(NOON + timedelta(days=30)) == {Outcome.ANNOUNCED: 30}
    assert sorted(announcer.heard) == [f"DAY{day:02}" for day in range(30)]


def test_the_first_sweep_of_a_deployment_looks_two_days_back(announcer: Announcer) -> None:
    record("OLD", at=NOON - timedelta(days=3))
    record("YESTERDAY", at=NOON - timedelta(days=1))
    assert sweep(NOON) == {Outcome.ANNOUNCED: 1}
    assert announcer.heard == ["YESTERDAY"]


def test_a_sweep_whose_time_is_up_is_gone_on_with_by_the_next(announcer: Announcer) -> None:
    for number in range(12):
        record(f"{number:02}", at=NOON + number * MINUTE)
    runs = [sweep(NOON + HOUR * (1 + run), items=5) for run in range(8)]
    assert sum(run.get(Outcome.ANNOUNCED, 0) for run in runs) == 12
    assert sorted(announcer.heard) == [f"{number:02}" for number in range(12)]


def test_an_item_that_always_fails_holds_nobody_up_and_is_given_up_after_five_sweeps(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    bad = record("BAD", at=NOON)
    for number in range(20):
        record(f"GOOD{number}", at=NOON + number * MINUTE)
    announcer.failing["BAD"] = KeyError("code")
    runs = sweep_hourly(NOON, 7)
    assert runs[0] == {Outcome.FAILED: 1, Outcome.ANNOUNCED: 20}
    assert runs[1:4] == [{Outcome.FAILED: 1}] * 3
    assert runs[4:] == [{Outcome.GIVEN_UP: 1}, {}, {}]
    assert letters == [LostItem(place=bad, why="KeyError")]
    assert len(announcer.heard) == 20


def test_what_failed_for_a_while_is_announced_and_no_letter_is_left(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    record("ANNA", at=NOON)
    announcer.failing["ANNA"] = RuntimeError()
    sweep_hourly(NOON, 4)
    announcer.failing.clear()
    assert sweep(NOON + 5 * HOUR) == {Outcome.ANNOUNCED: 1}
    assert (announcer.heard, letters) == (["ANNA"], [])


def test_while_mail_cannot_go_out_nothing_is_given_up(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    record("ANNA", at=NOON)
    announcer.failing["ANNA"] = MailNotSentError("SendingPausedException")
    assert sweep_hourly(NOON, 12) == [{Outcome.POSTPONED: 1}] * 12
    announcer.failing.clear()
    assert sweep(NOON + 13 * HOUR) == {Outcome.ANNOUNCED: 1}
    assert (announcer.heard, letters) == (["ANNA"], [])


def test_what_was_given_up_is_announced_when_an_operator_asks_for_it(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    record("ANNA", at=NOON)
    announcer.failing["ANNA"] = RuntimeError()
    sweep_hourly(NOON, 12)
    announcer.failing.clear()
    assert announce_again(letters[0])
    assert sweep(NOON + 13 * HOUR) == {Outcome.ANNOUNCED: 1}
    assert not announce_again(letters[0])
    assert sweep(NOON + 14 * HOUR) == {}
    assert announcer.heard == ["ANNA"]


def test_of_a_stretch_that_the_stream_gave_up_on_only_what_has_no_mark_is_announced(
    announcer: Announcer,
) -> None:
    marked = record("ANNA", at=NOON)
    sweep(NOON + 10 * HOUR)
    announcer.heard.clear()
    record("BORIS", at=NOON + MINUTE)  # as if it had been committed hours late
    stretch = LostStretch(first_at=NOON + 2 * MINUTE, last_at=NOON + 2 * MINUTE, items=1)
    assert sweep(NOON + 11 * HOUR) == {}
    for _ in range(2):  # a letter that is taken up twice
        assert announce_again(stretch)
    assert sweep(NOON + 12 * HOUR) == {Outcome.ANNOUNCED: 1}
    assert announcer.heard == ["BORIS"]
    assert marked.recorded_at == NOON


def test_a_sweep_that_runs_while_its_cursor_is_moved_back_does_not_move_it_on(
    announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(NOON)
    place = record("ANNA", at=NOON - 10 * HOUR)
    move, moved = announced.move_cursor, list[int]()

    def meanwhile(shard: int, **moments: Any) -> bool:
        if shard == place.shard and not moved:
            moved.append(shard)
            announce_again(LostItem(place=place, why=""))
        return move(shard, **moments)

    monkeypatch.setattr(announced, "move_cursor", meanwhile)
    assert sweep(NOON + HOUR) == {}
    assert sweep(NOON + 2 * HOUR) == {Outcome.ANNOUNCED: 1}


def test_two_sweeps_at_once_and_the_cursor_is_where_both_had_come(announcer: Announcer) -> None:
    record("ANNA", at=NOON)
    sweep(NOON + HOUR)
    before = announced.cursors()
    assert announced.move_cursor(0, before=before[0], after=NOON + 2 * HOUR)
    assert not announced.move_cursor(0, before=before[0], after=NOON + HOUR)
    assert announced.cursors()[0] == NOON + 2 * HOUR


def test_the_same_item_twice_in_a_batch_is_marked_once() -> None:
    place = record("ANNA", at=NOON)
    announced.mark([place, place], now=NOON)
    assert _settled(place) == [place.position]


def _settled(place: LogPlace) -> Sequence[str]:
    return list(announced.iter_settled(place.day_shard, since=NOON, until=NOON + HOUR))
