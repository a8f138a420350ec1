"""Daily roots: one day, one root, whatever order its entries are read in."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.entries import LogEntry, read_entry
from referrals.domain.ids import JournalId
from referrals.domain.ledger import NOTHING_BEFORE
from referrals.domain.roots import (
    DailyRoot,
    RootNotAllowedError,
    days_to_seal,
    last_finished_day,
    previous_of,
    read_root,
    root_of,
)

DAY = date(2026, 5, 20)
MIDNIGHT = datetime(2026, 5, 21, tzinfo=UTC)
DIGESTS = [sha256(bytes([number])).digest() for number in range(3)]
ROOT = root_of(DAY, DIGESTS, previous=NOTHING_BEFORE)
AN_ENTRY = LogEntry(
    day_shard="2026-05-20#3",
    position="2026-05-20T12:00:00.000000+00:00#bat_1",
    body='[{"event_id":"evt_1"}]',
    journal_id=JournalId("jrn_1"),
    journal_digest="ab" * 32,
)


def test_a_root_stays_what_it_was_in_earlier_versions() -> None:
    assert ROOT.digest == "b25e9da0b6ca95c3b9fbc61a4ea6cd3f64d588bd9188346d2c12e53ec39b7085"


def test_a_root_is_over_the_day_the_count_the_root_before_and_the_sorted_digests() -> None:
    content = f"2026-05-20 3 {NOTHING_BEFORE}\n".encode() + b"".join(sorted(DIGESTS))
    assert ROOT.digest == sha256(content).hexdigest()


@given(st.permutations(DIGESTS))
def test_a_root_does_not_depend_on_the_order_of_reading(digests: list[bytes]) -> None:
    assert root_of(DAY, digests, previous=NOTHING_BEFORE) == ROOT


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(root_of(DAY, DIGESTS[:2], previous=NOTHING_BEFORE), id="an entry less"),
        pytest.param(root_of(DAY, [*DIGESTS, DIGESTS[0]], previous=NOTHING_BEFORE), id="one twice"),
        pytest.param(root_of(DAY, DIGESTS, previous=ROOT.digest), id="another root before"),
        pytest.param(
            root_of(DAY + timedelta(days=1), DIGESTS, previous=NOTHING_BEFORE), id="another day"
        ),
    ],
)
def test_anything_else_makes_another_root(other: DailyRoot) -> None:
    assert other.digest != ROOT.digest


def test_an_empty_day_has_a_root_too() -> None:
    empty = root_of(DAY, [], previous=NOTHING_BEFORE)
    assert (empty.entries, len(empty.digest)) == (0, 64)


def test_what_is_signed_names_the_day_and_everything_before_it() -> None:
    assert ROOT.signed_text == f"referrals daily root 2026-05-20 3 {NOTHING_BEFORE} {ROOT.digest}"


def test_a_root_that_is_read_is_the_one_that_was_written() -> None:
    signed = replace(ROOT, key_id="arn:aws:kms:eu-west-1:1:key/1", signature="c2lnbmVk")
    assert read_root(signed.canonical) == signed


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"day":"2026-05-20"}', '{"day":7}'])
def test_what_is_no_root_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_root(text)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        pytest.param(MIDNIGHT, date(2026, 5, 19), id="at midnight somebody may still be writing"),
        pytest.param(MIDNIGHT + timedelta(minutes=14, seconds=59), date(2026, 5, 19), id="still"),
        pytest.param(MIDNIGHT + timedelta(minutes=15), DAY, id="a quarter of an hour later not"),
        pytest.param(MIDNIGHT + timedelta(hours=23), DAY, id="the same until the next midnight"),
        pytest.param(
            datetime(2026, 5, 21, 2, 0, tzinfo=timezone(timedelta(hours=3))),
            date(2026, 5, 19),
            id="days are those of UTC",
        ),
    ],
)
def test_a_day_is_finished_a_quarter_of_an_hour_after_its_end(now: datetime, day: date) -> None:
    assert last_finished_day(now) == day


def test_the_first_day_to_seal_is_yesterday() -> None:
    assert list(days_to_seal(None, now=MIDNIGHT + timedelta(hours=1), most=40)) == [DAY]


def test_days_that_were_missed_are_sealed_in_order_a_bounded_number_at_a_time() -> None:
    now = MIDNIGHT + timedelta(days=9, hours=1)
    assert list(days_to_seal(ROOT, now=now, most=2)) == [date(2026, 5, 21), date(2026, 5, 22)]
    assert len(list(days_to_seal(ROOT, now=now, most=40))) == 9


def test_a_sealed_day_is_not_sealed_again() -> None:
    assert list(days_to_seal(ROOT, now=MIDNIGHT + timedelta(hours=1), most=40)) == []


def test_a_day_that_is_not_over_cannot_be_sealed() -> None:
    with pytest.raises(RootNotAllowedError, match="it is not over"):
        previous_of(DAY, None, now=MIDNIGHT)


def test_no_day_can_be_left_out() -> None:
    now = MIDNIGHT + timedelta(days=5)
    with pytest.raises(RootNotAllowedError, match="the last sealed day is 2026-05-20"):
        previous_of(DAY + timedelta(days=2), ROOT, now=now)


def test_a_day_is_chained_to_the_one_before() -> None:
    now = MIDNIGHT + timedelta(days=5)
    assert previous_of(DAY + timedelta(days=1), ROOT, now=now) == ROOT.digest
    assert previous_of(DAY, None, now=now) == NOTHING_BEFORE


def test_an_entry_that_is_read_is_the_one_that_was_written() -> None:
    assert read_entry(AN_ENTRY.canonical) == AN_ENTRY
    assert AN_ENTRY.day == DAY


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(AN_ENTRY, day_shard="2026-05-21#3"), id="day"),
        pytest.param(replace(AN_ENTRY, position="2026-05-20#bat_1"), id="position"),
        pytest.param(replace(AN_ENTRY, body="[]"), id="events"),
        pytest.param(replace(AN_ENTRY, journal_id=None), id="journal"),
        pytest.param(replace(AN_ENTRY, journal_digest="ac" * 32), id="what the journal was"),
    ],
)
def test_a_change_of_any_field_changes_the_seal_of_an_entry(other: LogEntry) -> None:
    assert other.digest != AN_ENTRY.digest
