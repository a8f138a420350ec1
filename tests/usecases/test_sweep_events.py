"""The sweep announces what nobody announced, tries what fails, and gives up in writing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from referrals.domain.entries import LogPlace
from referrals.domain.events import DomainEvent, EventName, event
from referrals.notify import dead_letters
from referrals.notify.dead_letters import LostItem, LostStretch
from referrals.notify.emails import (
    MailAnswerLostError,
    MailError,
    MailHeldUpError,
    MailNotSentError,
    MailStoppedError,
)
from referrals.notify.sms import SmsError, SmsHeldUpError, SmsNotSentError
from referrals.store import announced, events
from referrals.store.keys import sortable
from referrals.store.transactions import commit
from referrals.usecases import sweep_events as module
from referrals.usecases.announce_again import TooLongAgoError, announce_again
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


def test_items_are_announced_in_the_order_of_time_whatever_shard_they_lie_in(
    announcer: Announcer,
) -> None:
    hours = [timedelta(hours=number) for number in range(40)]
    places = {str(at): record(str(at), at=NOON + at) for at in reversed(hours)}
    assert {place.shard for place in places.values()} == set(range(events.SHARDS_PER_DAY))
    sweep(NOON + timedelta(hours=42))
    assert announcer.heard == [str(at) for at in hours]


def test_an_item_without_events_is_nobodys_business() -> None:
    assert events.append([], now=NOON) is None
    row = events.EventsRow(
        day_shard="2026-05-04#0",
        position=f"{sortable(NOON)}#bat_1",
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
        record(f"{number:02}", at=NOON + number * HOUR)
    # of the five that a run has time for, some are read once more: they lie before the cursor
    runs = [sweep(NOON + HOUR * (13 + run), items=5) for run in range(8)]
    assert runs[0] == {Outcome.ANNOUNCED: 5}
    assert sum(run.get(Outcome.ANNOUNCED, 0) for run in runs) == 12
    assert sorted(announcer.heard) == [f"{number:02}" for number in range(12)]


def test_a_sweep_whose_time_is_up_before_it_came_to_the_cursors_leaves_them_there() -> None:
    for number in range(6):
        record(f"{number:02}", at=NOON + number * HOUR)
    sweep(NOON + 6 * HOUR)
    before = announced.cursors()
    assert set(before.values()) == {NOON + 6 * HOUR - 15 * MINUTE}
    for run in range(3):
        sweep(NOON + (7 + run) * HOUR, items=1)
    assert announced.cursors() == before


def test_cursors_that_a_wrong_clock_put_into_the_future_come_back(announcer: Announcer) -> None:
    sweep(NOON + timedelta(days=30))
    sweep(NOON)
    record("ANNA", at=NOON)
    assert sweep(NOON + HOUR) == {Outcome.ANNOUNCED: 1}


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


@pytest.mark.parametrize(
    "error",
    [
        MailStoppedError("SendingPausedException"),
        MailHeldUpError("TooManyRequestsException"),
        SmsHeldUpError("Throttled"),
    ],
)
def test_while_no_message_can_go_out_nothing_is_given_up(
    announcer: Announcer, letters: list[LostItem], error: Exception
) -> None:
    record("ANNA", at=NOON)
    announcer.failing["ANNA"] = error
    assert sweep_hourly(NOON, 12) == [{Outcome.POSTPONED: 1}] * 12
    announcer.failing.clear()
    assert sweep(NOON + 13 * HOUR) == {Outcome.ANNOUNCED: 1}
    assert (announcer.heard, letters) == (["ANNA"], [])


def of_one_shard(count: int) -> list[str]:
    """Record items until one shard has so many of them; give their codes."""
    of_shard: dict[int, list[str]] = {}
    for number in range(events.SHARDS_PER_DAY * count):
        code = f"{number:03}"
        codes = of_shard.setdefault(record(code, at=NOON + number * MINUTE / 60).shard, [])
        codes.append(code)
        if len(codes) == count:
            return codes
    raise AssertionError


@pytest.mark.parametrize(
    "error",
    [
        MailNotSentError("AccessDeniedException"),
        MailAnswerLostError("ReadTimeoutError"),
        SmsNotSentError("AuthorizationError"),
    ],
)
def test_one_message_that_is_never_taken_keeps_no_other_item_waiting(
    announcer: Announcer, letters: list[LostItem], error: MailError | SmsError
) -> None:
    first, second = of_one_shard(2)
    announcer.failing[first] = error
    sweep(NOON + HOUR)
    assert second in announcer.heard
    sweep_hourly(NOON + HOUR, 4)
    assert [letter.why for letter in letters] == [type(error).__name__]


def test_when_mail_is_stopped_for_weeks_each_item_is_named_while_it_can_still_be_announced(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    codes = of_one_shard(2)
    for code in codes:
        announcer.failing[code] = MailStoppedError("SendingPausedException")
    for day in range(1, 23):
        sweep(NOON + timedelta(days=day))
    assert letters == []
    sweep(NOON + timedelta(days=23, hours=1))
    assert [letter.why for letter in letters] == ["SendingPausedException"] * 2
    # a letter is kept for two weeks, and the sweep after that is a day late
    announcer.failing.clear()
    announcer.heard.clear()
    for letter in letters:
        assert announce_again(letter, now=NOON + timedelta(days=37))
    sweep(NOON + timedelta(days=37, hours=23))
    assert announcer.heard == codes


def test_a_letter_about_what_no_sweep_would_see_is_not_taken_for_done(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    record("ANNA", at=NOON)
    announcer.failing["ANNA"] = RuntimeError()
    sweep_hourly(NOON, 5)
    with pytest.raises(TooLongAgoError):
        announce_again(letters[0], now=NOON + timedelta(days=38))


def test_what_was_given_up_is_announced_when_an_operator_asks_for_it(
    announcer: Announcer, letters: list[LostItem]
) -> None:
    record("ANNA", at=NOON)
    announcer.failing["ANNA"] = RuntimeError()
    sweep_hourly(NOON, 12)
    announcer.failing.clear()
    now = NOON + 13 * HOUR
    assert announce_again(letters[0], now=now)
    assert sweep(now) == {Outcome.ANNOUNCED: 1}
    assert not announce_again(letters[0], now=now)
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
        assert announce_again(stretch, now=NOON + 11 * HOUR)
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
            announce_again(LostItem(place=place, why=""), now=NOON)
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
