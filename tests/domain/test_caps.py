"""Caps: what is used of a day, a month, a year and of all time, and what room that leaves."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.caps import CapUse, Use, room
from referrals.domain.rules import Cap, Period

MAY_20, MAY_21, MAY_31 = date(2026, 5, 20), date(2026, 5, 21), date(2026, 5, 31)
JUNE_1, NEW_YEARS_EVE, NEW_YEAR = date(2026, 6, 1), date(2026, 12, 31), date(2027, 1, 1)
NOTHING = Use()
ONE_TENNER = Use(rewards=1, amount_minor=1_000)
CAPPED_PERIODS = [Period.DAY, Period.MONTH, Period.YEAR, Period.ALL_TIME]


def used(*grants: tuple[date, int]) -> CapUse:
    """Grant some amounts, each on its day, one after the other."""
    use = CapUse()
    for on, amount_minor in grants:
        use = use.plus(rewards=1, amount_minor=amount_minor, on=on)
    return use


def by_period(use: CapUse, on: date) -> dict[str, Use]:
    return {period.value: use.of(period, on) for period in CAPPED_PERIODS}


@pytest.mark.parametrize("period", CAPPED_PERIODS)
def test_of_a_cap_that_was_never_used_nothing_is_used(period: Period) -> None:
    assert CapUse().of(period, MAY_20) == NOTHING


@pytest.mark.parametrize(
    ("granted_on", "asked_on", "still_used"),
    [
        pytest.param(MAY_20, MAY_20, {"day", "month", "year", "all_time"}, id="the same day"),
        pytest.param(MAY_20, MAY_21, {"month", "year", "all_time"}, id="after midnight"),
        pytest.param(MAY_31, JUNE_1, {"year", "all_time"}, id="after the end of the month"),
        pytest.param(NEW_YEARS_EVE, NEW_YEAR, {"all_time"}, id="after the end of the year"),
        pytest.param(MAY_20, date(2027, 5, 20), {"all_time"}, id="a year later to the day"),
        pytest.param(
            date(2026, 5, 1), date(2026, 5, 31), {"month", "year", "all_time"}, id="a whole month"
        ),
        pytest.param(
            date(2028, 2, 29), date(2028, 3, 1), {"year", "all_time"}, id="after a leap day"
        ),
    ],
)
def test_a_period_begins_anew_when_the_calendar_says_so(
    granted_on: date, asked_on: date, still_used: set[str]
) -> None:
    use = used((granted_on, 1_000))
    assert {name for name, of in by_period(use, asked_on).items() if of == ONE_TENNER} == still_used
    assert {of for name, of in by_period(use, asked_on).items() if name not in still_used} <= {
        NOTHING
    }


def test_grants_of_one_day_add_up() -> None:
    use = used((MAY_20, 1_000), (MAY_20, 500))
    assert by_period(use, MAY_20) == dict.fromkeys(
        ["day", "month", "year", "all_time"], Use(rewards=2, amount_minor=1_500)
    )


def test_the_next_day_counts_with_its_month_and_alone() -> None:
    use = used((MAY_20, 1_000), (MAY_21, 500))
    assert by_period(use, MAY_21) == {
        "day": Use(rewards=1, amount_minor=500),
        "month": Use(rewards=2, amount_minor=1_500),
        "year": Use(rewards=2, amount_minor=1_500),
        "all_time": Use(rewards=2, amount_minor=1_500),
    }


def test_the_first_grant_of_a_month_begins_it_anew() -> None:
    use = used((MAY_31, 1_000), (JUNE_1, 500))
    assert by_period(use, JUNE_1) == {
        "day": Use(rewards=1, amount_minor=500),
        "month": Use(rewards=1, amount_minor=500),
        "year": Use(rewards=2, amount_minor=1_500),
        "all_time": Use(rewards=2, amount_minor=1_500),
    }


def test_a_clock_that_is_behind_at_midnight_counts_for_the_day_that_has_begun() -> None:
    use = used((MAY_21, 1_000), (MAY_20, 500))
    assert use.on == MAY_21
    assert use.of(Period.DAY, MAY_21) == Use(rewards=2, amount_minor=1_500)


def test_a_clock_that_is_behind_sees_the_day_that_has_begun() -> None:
    assert used((JUNE_1, 1_000)).of(Period.DAY, MAY_31) == ONE_TENNER
    assert used((JUNE_1, 1_000)).of(Period.MONTH, MAY_31) == ONE_TENNER


def test_a_reversal_on_the_day_of_the_grant_gives_back_to_every_period() -> None:
    use = used((MAY_20, 1_000)).less(rewards=1, amount_minor=1_000, granted_on=MAY_20)
    assert by_period(use, MAY_20) == dict.fromkeys(["day", "month", "year", "all_time"], NOTHING)


@pytest.mark.parametrize(
    ("granted_on", "latest_on", "given_back"),
    [
        pytest.param(MAY_20, MAY_21, {"month", "year", "all_time"}, id="of yesterday"),
        pytest.param(MAY_31, JUNE_1, {"year", "all_time"}, id="of last month"),
        pytest.param(NEW_YEARS_EVE, NEW_YEAR, {"all_time"}, id="of last year"),
    ],
)
def test_a_reversal_gives_back_to_the_periods_of_its_grant_that_still_run(
    granted_on: date, latest_on: date, given_back: set[str]
) -> None:
    before = used((granted_on, 1_000), (latest_on, 500))
    after = before.less(rewards=1, amount_minor=1_000, granted_on=granted_on)
    assert {
        name: (of.rewards, of.amount_minor) for name, of in by_period(after, latest_on).items()
    } == dict.fromkeys(("day", "month", "year", "all_time"), (1, 500))
    assert {
        name
        for name, of in by_period(before, latest_on).items()
        if of != by_period(after, latest_on)[name]
    } == given_back


def test_a_part_that_is_reversed_gives_back_its_amount_and_not_the_reward() -> None:
    use = used((MAY_20, 1_000)).less(rewards=0, amount_minor=250, granted_on=MAY_20)
    assert use.of(Period.MONTH, MAY_20) == Use(rewards=1, amount_minor=750)


def test_a_reversal_of_what_was_counted_for_a_later_day_keeps_that_day_used() -> None:
    use = used((MAY_21, 1_000), (MAY_20, 500))
    back = use.less(rewards=1, amount_minor=500, granted_on=MAY_20)
    assert back.of(Period.DAY, MAY_21) == Use(rewards=2, amount_minor=1_500)
    assert back.of(Period.MONTH, MAY_21) == ONE_TENNER


def test_of_what_was_never_used_nothing_is_given_back() -> None:
    assert CapUse().less(rewards=1, amount_minor=1_000, granted_on=MAY_20) == CapUse()


@pytest.mark.parametrize(
    ("caps", "room_minor"),
    [
        pytest.param((), 1_000, id="no cap"),
        pytest.param((Cap(rewards=3),), 1_000, id="one reward left"),
        pytest.param((Cap(rewards=2),), 0, id="no reward left"),
        pytest.param((Cap(amount_minor=2_100),), 600, id="a part"),
        pytest.param((Cap(amount_minor=2_500),), 1_000, id="just enough"),
        pytest.param((Cap(amount_minor=1_500),), 0, id="no money left"),
        pytest.param((Cap(amount_minor=1_400),), 0, id="lowered since"),
        pytest.param((Cap(per=Period.DAY, rewards=2),), 1_000, id="today is another day"),
        pytest.param((Cap(per=Period.DAY, amount_minor=700),), 200, id="a part of today"),
        pytest.param((Cap(per=Period.MONTH, amount_minor=1_600),), 100, id="a part of the month"),
        pytest.param((Cap(per=Period.YEAR, rewards=2),), 0, id="the year is used up"),
        pytest.param(
            (Cap(per=Period.DAY, amount_minor=700), Cap(per=Period.MONTH, amount_minor=1_600)),
            100,
            id="the tighter of two amounts",
        ),
        pytest.param(
            (Cap(per=Period.DAY, amount_minor=700), Cap(rewards=2)), 0, id="one of two is reached"
        ),
        pytest.param((Cap(rewards=3, amount_minor=2_000),), 500, id="both limits of one cap"),
    ],
)
def test_caps_leave_room_for_a_reward_of_ten_euro(caps: tuple[Cap, ...], room_minor: int) -> None:
    # ten euro yesterday, five today
    use = used((MAY_20, 1_000), (MAY_21, 500))
    assert room(caps, use, 1_000, MAY_21) == room_minor


@pytest.mark.parametrize(
    ("cap", "room_minor"),
    [
        pytest.param(Cap(rewards=1), 250, id="the reward is counted already"),
        pytest.param(Cap(rewards=1, amount_minor=1_100), 100, id="its amount is weighed"),
    ],
)
def test_what_adds_to_a_reward_is_not_another(cap: Cap, room_minor: int) -> None:
    assert room([cap], used((MAY_20, 1_000)), 250, MAY_20, is_another=False) == room_minor


def test_caps_by_the_day_leave_all_their_room_tomorrow() -> None:
    cap = Cap(per=Period.DAY, rewards=1, amount_minor=1_000)
    assert room([cap], used((MAY_20, 1_000)), 1_000, MAY_20) == 0
    assert room([cap], used((MAY_20, 1_000)), 1_000, MAY_21) == 1_000


def test_a_clock_that_is_behind_finds_no_second_room_at_midnight() -> None:
    cap = Cap(per=Period.DAY, rewards=1)
    assert room([cap], used((MAY_21, 1_000)), 1_000, MAY_20) == 0


DAYS = st.integers(min_value=0, max_value=800).map(lambda days: MAY_20 + timedelta(days=days))
GRANTS = st.lists(st.tuples(DAYS, st.integers(min_value=1, max_value=1_000)), max_size=12)


@given(grants=GRANTS, of_today=st.integers(min_value=0, max_value=1_000))
def test_each_period_holds_what_was_granted_in_it(
    grants: list[tuple[date, int]], of_today: int
) -> None:
    in_order = sorted(grants)
    today = in_order[-1][0] if in_order else MAY_20
    use = used(*in_order, (today, of_today))
    sums: Counter[str] = Counter()
    for on, amount_minor in [*in_order, (today, of_today)]:
        sums["day"] += amount_minor * (on == today)
        sums["month"] += amount_minor * ((on.year, on.month) == (today.year, today.month))
        sums["year"] += amount_minor * (on.year == today.year)
        sums["all_time"] += amount_minor
    assert {name: of.amount_minor for name, of in by_period(use, today).items()} == sums


@given(grants=GRANTS, reversed_at=st.sets(st.integers(min_value=0, max_value=11)))
def test_whatever_is_granted_and_reversed_no_period_falls_below_nothing(
    grants: list[tuple[date, int]], reversed_at: set[int]
) -> None:
    use = used(*grants)
    back = [grant for place, grant in enumerate(grants) if place in reversed_at]
    for on, amount_minor in back:
        use = use.less(rewards=1, amount_minor=amount_minor, granted_on=on)
    for of in (use.day, use.month, use.year, use.all_time):
        assert of.rewards >= 0
        assert of.amount_minor >= 0
    assert use.all_time.rewards == len(grants) - len(back)
    assert use.all_time.amount_minor == sum(each for _, each in grants) - sum(
        each for _, each in back
    )


@given(
    wanted=st.lists(st.tuples(DAYS, st.integers(min_value=1, max_value=500)), max_size=15),
    day_minor=st.integers(min_value=1, max_value=600),
    month_minor=st.integers(min_value=600, max_value=1_500),
)
def test_nobody_is_granted_more_than_the_caps_in_any_day_or_month(
    wanted: list[tuple[date, int]], day_minor: int, month_minor: int
) -> None:
    caps = (
        Cap(per=Period.DAY, amount_minor=day_minor),
        Cap(per=Period.MONTH, amount_minor=month_minor),
    )
    use, by_day, by_month = CapUse(), Counter[str](), Counter[str]()
    for on, amount_minor in sorted(wanted):
        granted_minor = room(caps, use, amount_minor, on)
        if granted_minor:
            use = use.plus(rewards=1, amount_minor=granted_minor, on=on)
        by_day[f"{on}"] += granted_minor
        by_month[f"{on:%Y-%m}"] += granted_minor
    assert max(by_day.values(), default=0) <= day_minor
    assert max(by_month.values(), default=0) <= month_minor
