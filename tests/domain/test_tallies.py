"""Tallies: which clicks count, by day and channel, and in slices that fit a transaction."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.tallies import Hour, SeenClick, Tally, TallyKey, counted, sliced
from tests.factories import AN_HOUR, NOW, a_seen_click

NOBODY: dict[Hour, frozenset[str]] = {}
NOON = Hour(code="ANNA10", start=NOW)

SEEN = st.builds(
    a_seen_click,
    code=st.integers(min_value=0, max_value=60).map(lambda number: f"CODE{number}"),
    channel=st.sampled_from(["link", "whatsapp", "qr"]),
    visitor=st.sampled_from(["aa", "bb", "cc"]),
    clicked_at=st.integers(min_value=0, max_value=72).map(lambda hours: NOW + hours * AN_HOUR),
)
MANY_SEEN = st.lists(SEEN, max_size=40)


def key(code: str = "ANNA10", on: date = date(2026, 5, 20), channel: str = "link") -> TallyKey:
    return TallyKey(code=code, day=on, channel=channel)


def of_many_codes(number: int) -> list[SeenClick]:
    return [a_seen_click(code=f"CODE{position}") for position in range(number)]


def items_of(slice_: list[SeenClick]) -> int:
    """Count what a slice writes: a tally, an hour and a total of each code."""
    return len({item for seen in slice_ for item in (seen.key, seen.hour, seen.code)})


def test_a_click_counts_under_its_code_day_and_channel() -> None:
    count = counted([a_seen_click(channel="whatsapp")], visitors=NOBODY)
    assert count.tallies == {key(channel="whatsapp"): Tally(clicks=1)}


def test_a_visitor_who_comes_again_within_the_hour_is_a_repeat() -> None:
    seen = [a_seen_click(), a_seen_click(clicked_at=NOW + timedelta(minutes=59, seconds=59))]
    assert counted(seen, visitors=NOBODY).tallies == {key(): Tally(clicks=1, repeats=1)}


def test_a_visitor_who_comes_again_in_the_next_hour_counts_again() -> None:
    seen = [a_seen_click(), a_seen_click(clicked_at=NOW + AN_HOUR)]
    assert counted(seen, visitors=NOBODY).tallies == {key(): Tally(clicks=2)}


def test_a_visitor_who_comes_again_through_another_channel_is_a_repeat_there() -> None:
    seen = [a_seen_click(), a_seen_click(channel="qr")]
    assert counted(seen, visitors=NOBODY).tallies == {
        key(): Tally(clicks=1),
        key(channel="qr"): Tally(repeats=1),
    }


def test_a_visitor_who_follows_another_code_counts_there() -> None:
    seen = [a_seen_click(), a_seen_click(code="CLARA7")]
    assert counted(seen, visitors=NOBODY).tallies == {
        key(): Tally(clicks=1),
        key("CLARA7"): Tally(clicks=1),
    }


def test_two_visitors_count_twice() -> None:
    seen = [a_seen_click(), a_seen_click(visitor="fedcba9876543210")]
    assert counted(seen, visitors=NOBODY).tallies == {key(): Tally(clicks=2)}


def test_a_visitor_known_from_an_earlier_batch_is_a_repeat() -> None:
    count = counted([a_seen_click(visitor="aa")], visitors={NOON: frozenset({"aa"})})
    assert count.tallies == {key(): Tally(repeats=1)}


def test_who_came_is_kept_with_who_had_come_before() -> None:
    count = counted([a_seen_click(visitor="bb")], visitors={NOON: frozenset({"aa"})})
    assert count.visitors == {NOON: frozenset({"aa", "bb"})}


@pytest.mark.parametrize(
    ("clicked_at", "on"),
    [
        pytest.param(datetime(2026, 5, 20, 23, 59, 59, tzinfo=UTC), date(2026, 5, 20), id="late"),
        pytest.param(datetime(2026, 5, 21, tzinfo=UTC), date(2026, 5, 21), id="at midnight"),
    ],
)
def test_days_end_at_midnight_utc(clicked_at: datetime, on: date) -> None:
    count = counted([a_seen_click(clicked_at=clicked_at)], visitors=NOBODY)
    assert count.tallies == {key(on=on): Tally(clicks=1)}


def test_beyond_two_thousand_visitors_of_an_hour_repeats_are_not_told_from_clicks() -> None:
    full = frozenset(f"visitor-{number}" for number in range(2_000))
    count = counted([a_seen_click(), a_seen_click()], visitors={NOON: full})
    assert count.tallies == {key(): Tally(clicks=2)}
    assert count.visitors == {NOON: full}


def test_a_known_visitor_of_a_full_hour_is_still_a_repeat() -> None:
    full = frozenset(f"visitor-{number}" for number in range(2_000))
    count = counted([a_seen_click(visitor="visitor-7")], visitors={NOON: full})
    assert count.tallies == {key(): Tally(repeats=1)}


def test_totals_of_a_code_add_up_its_days_and_channels() -> None:
    seen = [a_seen_click(), a_seen_click(channel="qr"), a_seen_click(clicked_at=NOW + 24 * AN_HOUR)]
    assert counted(seen, visitors=NOBODY).totals == {"ANNA10": Tally(clicks=2, repeats=1)}


def test_nothing_seen_counts_nothing() -> None:
    count = counted([], visitors=NOBODY)
    assert (count.tallies, count.totals) == ({}, {})


@given(MANY_SEEN)
def test_every_click_is_counted_or_a_repeat(seen: list[SeenClick]) -> None:
    tallies = counted(seen, visitors=NOBODY).tallies.values()
    assert sum(tally.clicks + tally.repeats for tally in tallies) == len(seen)


@given(MANY_SEEN)
def test_each_visitor_counts_once_an_hour_and_code(seen: list[SeenClick]) -> None:
    tallies = counted(seen, visitors=NOBODY).tallies.values()
    assert sum(tally.clicks for tally in tallies) == len(
        {(each.hour, each.visitor) for each in seen}
    )


@given(MANY_SEEN, st.integers(min_value=0, max_value=40))
def test_two_batches_count_what_one_would(seen: list[SeenClick], cut: int) -> None:
    first = counted(seen[:cut], visitors=NOBODY)
    second = counted(seen[cut:], visitors=first.visitors)
    whole = counted(seen, visitors=NOBODY)
    clicks = sum(tally.clicks for each in (first, second) for tally in each.tallies.values())
    assert clicks == sum(tally.clicks for tally in whole.tallies.values())
    assert second.visitors == whole.visitors


def test_a_few_clicks_are_one_slice() -> None:
    seen = of_many_codes(30)
    assert list(sliced(seen)) == [seen]


def test_the_thirty_first_code_begins_a_new_slice() -> None:
    seen = of_many_codes(31)
    assert list(sliced(seen)) == [seen[:30], seen[30:]]


def test_a_new_channel_of_a_known_code_is_one_item_more() -> None:
    seen = [*of_many_codes(30), a_seen_click(code="CODE0", channel="qr")]
    assert [len(slice_) for slice_ in sliced(seen)] == [30, 1]


def test_a_repeat_of_a_known_click_is_no_item_more() -> None:
    seen = [*of_many_codes(30), a_seen_click(code="CODE0")]
    assert [len(slice_) for slice_ in sliced(seen)] == [31]


def test_a_thousand_clicks_on_one_link_are_one_slice() -> None:
    seen = [a_seen_click(visitor=f"visitor-{number}") for number in range(1_000)]
    assert list(sliced(seen)) == [seen]


def test_no_clicks_are_no_slice() -> None:
    assert list(sliced([])) == []


@given(st.lists(SEEN, max_size=100))
def test_slices_hold_all_clicks_in_their_order(seen: list[SeenClick]) -> None:
    assert [each for slice_ in sliced(seen) for each in slice_] == seen


@given(st.lists(SEEN, max_size=100))
def test_no_slice_is_empty_or_writes_more_than_ninety_items(seen: list[SeenClick]) -> None:
    assert all(0 < items_of(slice_) <= 90 for slice_ in sliced(seen))


@given(st.lists(SEEN, max_size=60))
def test_the_same_clicks_are_cut_the_same_way(seen: list[SeenClick]) -> None:
    assert list(sliced(seen)) == list(sliced(iter(seen)))
