"""Budgets: given out to the last minor unit and never more, however many slices it lies in."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.budgets import SLICES, Budget, Draw, Slice, shared_out, slice_of
from referrals.domain.programs import BudgetTerms
from tests.factories import TEA, TODAY, a_budget, a_slice

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
UNLIMITED = BudgetTerms()
AMOUNTS = st.integers(min_value=0, max_value=1_000)


def spent(budget: Budget) -> list[int]:
    return [each.spent_minor for each in budget.slices]


def drawn(budget: Budget, amount_minor: int, today: date = TODAY) -> tuple[Budget, list[Draw]]:
    """Draw what the budget must have."""
    result = budget.draw(amount_minor, today)
    assert result is not None
    return result[0], list(result[1])


def a_draw(number: int, amount_minor: int, of_today_minor: int | None = None) -> Draw:
    """Make a draw of as much of the day as of the total, unless it says otherwise."""
    of_today = amount_minor if of_today_minor is None else of_today_minor
    return Draw(slice=number, amount_minor=amount_minor, of_today_minor=of_today)


@pytest.mark.parametrize(
    ("of_budget", "left_minor"),
    [
        pytest.param(a_slice(), None, id="no limit"),
        pytest.param(a_slice(per_day_minor=500), None, id="no limit but by the day"),
        pytest.param(a_slice(total_minor=1_000), 1_000, id="nothing spent"),
        pytest.param(a_slice(total_minor=1_000, spent_minor=400), 600, id="some spent"),
        pytest.param(a_slice(total_minor=1_000, spent_minor=1_000), 0, id="all spent"),
        pytest.param(a_slice(total_minor=1_000, spent_minor=1_500), 0, id="lowered since"),
    ],
)
def test_a_slice_has_left_what_is_not_spent(of_budget: Slice, left_minor: int | None) -> None:
    assert of_budget.left_in_all() == left_minor


@pytest.mark.parametrize(
    ("of_budget", "left_minor"),
    [
        pytest.param(a_slice(total_minor=900), None, id="no limit by the day"),
        pytest.param(a_slice(per_day_minor=500), 500, id="nothing spent"),
        pytest.param(
            a_slice(per_day_minor=500, spent_minor=9_000, spent_today_minor=200, on=TODAY),
            300,
            id="some spent today",
        ),
        pytest.param(
            a_slice(per_day_minor=500, spent_today_minor=700, on=TODAY), 0, id="lowered since"
        ),
        pytest.param(
            a_slice(per_day_minor=500, spent_today_minor=500, on=YESTERDAY), 500, id="a new day"
        ),
        pytest.param(
            a_slice(per_day_minor=500, spent_today_minor=200, on=TOMORROW),
            300,
            id="a clock that is behind at midnight",
        ),
    ],
)
def test_a_slice_has_left_of_a_day_what_is_not_spent_on_it(
    of_budget: Slice, left_minor: int | None
) -> None:
    assert of_budget.left_today(TODAY) == left_minor


def test_what_is_spent_counts_for_its_day() -> None:
    once = a_slice().spend(300, 300, TODAY).spend(200, 200, TODAY)
    assert (once.spent_minor, once.spent_today_minor, once.on) == (500, 500, TODAY)


def test_a_new_day_begins_with_what_is_spent_on_it() -> None:
    later = a_slice().spend(300, 300, TODAY).spend(200, 200, TOMORROW)
    assert (later.spent_minor, later.spent_today_minor, later.on) == (500, 200, TOMORROW)


def test_a_clock_that_is_behind_spends_of_the_day_that_has_begun() -> None:
    later = a_slice().spend(300, 300, TODAY).spend(200, 200, YESTERDAY)
    assert (later.spent_today_minor, later.on) == (500, TODAY)


def test_the_day_of_the_grant_gets_it_back() -> None:
    back = a_slice().spend(300, 300, TODAY).give_back(100, 100, TODAY)
    assert (back.spent_minor, back.spent_today_minor) == (200, 200)


def test_another_day_does_not_get_it_back() -> None:
    back = (
        a_slice().spend(300, 300, YESTERDAY).spend(200, 200, TODAY).give_back(100, 100, YESTERDAY)
    )
    assert (back.spent_minor, back.spent_today_minor) == (400, 200)


@pytest.mark.parametrize(
    ("amount_minor", "draws", "left_spent"),
    [
        pytest.param(300, [a_draw(0, 300)], [300, 0, 0], id="from the first"),
        pytest.param(400, [a_draw(0, 400)], [400, 0, 0], id="all of the first"),
        pytest.param(
            500,
            [a_draw(0, 400, 500), a_draw(2, 100, 0)],
            [400, 0, 100],
            id="past one that has nothing",
        ),
        pytest.param(
            700, [a_draw(0, 400, 700), a_draw(2, 300, 0)], [400, 0, 300], id="the last cent"
        ),
        pytest.param(0, [], [0, 0, 0], id="nothing"),
    ],
)
def test_an_amount_is_drawn_from_one_slice_after_the_other(
    amount_minor: int, draws: list[Draw], left_spent: list[int]
) -> None:
    after, taken = drawn(a_budget(400, 0, 300), amount_minor)
    assert taken == draws
    assert spent(after) == left_spent


def test_what_is_more_than_is_left_is_not_drawn_in_part() -> None:
    assert a_budget(400, 300).draw(701, TODAY) is None


def test_without_a_limit_there_is_always_enough() -> None:
    unlimited = Budget(slices=(a_slice(number=3),), is_whole=True)
    after, draws = drawn(unlimited, 10**12)
    assert draws == [a_draw(3, 10**12)]
    assert spent(after) == [10**12]


def test_a_day_that_is_used_up_ends_at_midnight() -> None:
    slices = tuple(a_slice(number=number, per_day_minor=500) for number in range(2))
    after, _ = drawn(Budget(slices=slices, is_whole=True), 1_000)
    assert after.draw(1, TODAY) is None
    later, draws = drawn(after, 600, TOMORROW)
    assert draws == [a_draw(0, 600, 500), a_draw(1, 0, 100)]
    assert [each.spent_today_minor for each in later.slices] == [500, 100]


def test_a_day_that_is_short_in_one_slice_is_drawn_from_another_than_the_total() -> None:
    budget = Budget(
        slices=(
            a_slice(number=0, total_minor=900, per_day_minor=0),
            a_slice(number=1, total_minor=0, per_day_minor=900),
        ),
        is_whole=True,
    )
    after, draws = drawn(budget, 900)
    assert draws == [a_draw(0, 900, 0), a_draw(1, 0, 900)]
    assert after.draw(1, TODAY) is None
    back, none = after.give_back(draws, 900, TODAY)
    assert none == ()
    assert [(each.left_in_all(), each.left_today(TODAY)) for each in back.slices] == [
        (900, 0),
        (0, 900),
    ]


@pytest.mark.parametrize(
    ("total_minor", "per_day_minor"),
    [pytest.param(99, 500, id="in all"), pytest.param(500, 99, id="today")],
)
def test_nothing_is_drawn_where_either_limit_is_short(total_minor: int, per_day_minor: int) -> None:
    short = a_slice(total_minor=total_minor, per_day_minor=per_day_minor)
    assert Budget(slices=(short,), is_whole=True).draw(100, TODAY) is None


@pytest.mark.parametrize(
    ("amount_minor", "kept", "left_spent"),
    [
        pytest.param(0, [a_draw(0, 400, 500), a_draw(1, 100, 0)], [400, 100], id="nothing"),
        pytest.param(
            60, [a_draw(0, 400, 440), a_draw(1, 40, 0)], [400, 40], id="from the last draw"
        ),
        pytest.param(100, [a_draw(0, 400)], [400, 0], id="all of the last draw"),
        pytest.param(150, [a_draw(0, 350)], [350, 0], id="from both"),
        pytest.param(500, [], [0, 0], id="everything"),
    ],
)
def test_what_is_given_back_goes_to_the_slices_it_came_from(
    amount_minor: int, kept: list[Draw], left_spent: list[int]
) -> None:
    after, draws = drawn(a_budget(400, 300), 500)
    back, still_drawn = after.give_back(draws, amount_minor, TODAY)
    assert list(still_drawn) == kept
    assert spent(back) == left_spent


def test_more_than_was_drawn_is_not_given_back() -> None:
    after, draws = drawn(a_budget(400, 300), 500)
    back, still_drawn = after.give_back(draws, 900, TODAY)
    assert (spent(back), still_drawn) == ([0, 0], ())


def test_only_slices_that_changed_are_written() -> None:
    before = a_budget(400, 0, 300)
    after, _ = drawn(before, 300)
    assert [each.number for each in after.changed_from(before)] == [0]
    assert before.changed_from(before) == ()


def test_a_key_always_asks_the_same_slice_first() -> None:
    assert slice_of("cnv_order") == slice_of("cnv_order")
    assert {slice_of(f"cnv_{number}") for number in range(100)} == set(range(8))


def test_limits_are_shared_out_evenly_to_the_cent() -> None:
    terms = BudgetTerms(total_minor=1_003, per_day_minor=81)
    slices = shared_out(terms, program_id=TEA, known=(), today=TODAY)
    assert [each.number for each in slices] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [each.total_minor for each in slices] == [126, 126, 126, 125, 125, 125, 125, 125]
    assert [each.per_day_minor for each in slices] == [11, 10, 10, 10, 10, 10, 10, 10]


def test_a_program_without_limits_has_slices_without_limits() -> None:
    slices = shared_out(UNLIMITED, program_id=TEA, known=(), today=TODAY)
    assert {(each.total_minor, each.per_day_minor) for each in slices} == {(None, None)}


def test_what_is_spent_stays_spent_when_limits_change() -> None:
    known = [a_slice(number=2, total_minor=100, spent_minor=100, spent_today_minor=40, on=TODAY)]
    terms = BudgetTerms(total_minor=900, per_day_minor=840)
    slices = shared_out(terms, program_id=TEA, known=known, today=TODAY)
    assert slices[2] == a_slice(
        number=2,
        total_minor=200,
        per_day_minor=140,
        spent_minor=100,
        spent_today_minor=40,
        on=TODAY,
    )
    assert [each.left_in_all() for each in slices] == [100] * 8
    assert [each.left_today(TODAY) for each in slices] == [100] * 8


def test_a_limit_below_what_is_spent_leaves_nothing() -> None:
    known = [a_slice(number=0, spent_minor=600), a_slice(number=1, spent_minor=400)]
    slices = shared_out(BudgetTerms(total_minor=500), program_id=TEA, known=known, today=TODAY)
    assert [each.total_minor for each in slices] == [300, 200, 0, 0, 0, 0, 0, 0]
    assert [each.left_in_all() for each in slices] == [0] * 8


def test_what_was_spent_yesterday_takes_nothing_of_today() -> None:
    known = [a_slice(number=0, spent_minor=800, spent_today_minor=800, on=YESTERDAY)]
    slices = shared_out(BudgetTerms(per_day_minor=800), program_id=TEA, known=known, today=TODAY)
    assert [each.left_today(TODAY) for each in slices] == [100] * 8


def test_limits_that_are_set_by_a_clock_that_is_behind_leave_what_the_new_day_has() -> None:
    known = [a_slice(number=0, spent_minor=50, spent_today_minor=50, on=TODAY)]
    slices = shared_out(BudgetTerms(per_day_minor=80), program_id=TEA, known=known, today=YESTERDAY)
    assert sum(each.left_today(TODAY) or 0 for each in slices) == 30


def test_what_is_given_back_makes_no_room_while_a_lowered_limit_is_overdrawn() -> None:
    known = [a_slice(number=0, spent_minor=100), a_slice(number=1, spent_minor=100)]
    slices = shared_out(BudgetTerms(total_minor=100), program_id=TEA, known=known, today=TODAY)
    lowered = Budget(slices=slices, is_whole=True)
    after, _ = lowered.give_back([a_draw(0, 100)], 60, TODAY)
    assert after.draw(1, TODAY) is None
    room, _ = after.give_back([a_draw(1, 100)], 50, TODAY)
    assert room.draw(11, TODAY) is None
    assert room.draw(10, TODAY) is not None
    assert replace(room, is_whole=False).draw(10, TODAY) is None


@given(
    slices=st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=8),
    amount_minor=st.integers(min_value=0, max_value=9_000),
)
def test_a_draw_takes_what_is_left_and_never_more(
    slices: list[tuple[int, int, int]], amount_minor: int
) -> None:
    before = Budget(
        slices=tuple(
            a_slice(
                number=number,
                total_minor=total_minor,
                spent_minor=spent_minor,
                per_day_minor=per_day_minor,
                on=TODAY,
            )
            for number, (total_minor, spent_minor, per_day_minor) in enumerate(slices)
        ),
        is_whole=True,
    )
    left = [each.left_in_all() or 0 for each in before.slices]
    left_today = [each.left_today(TODAY) or 0 for each in before.slices]
    result = before.draw(amount_minor, TODAY)
    if amount_minor > min(sum(left), sum(left_today)):
        assert result is None
        return
    assert result is not None
    after, draws = result
    assert sum(draw.amount_minor for draw in draws) == amount_minor
    assert sum(draw.of_today_minor for draw in draws) == amount_minor
    assert all(draw.amount_minor <= left[draw.slice] for draw in draws)
    assert all(draw.of_today_minor <= left_today[draw.slice] for draw in draws)
    assert sum(spent(after)) - sum(spent(before)) == amount_minor
    assert sum(each.left_in_all() or 0 for each in after.slices) == sum(left) - amount_minor
    left_then = [each.left_today(TODAY) or 0 for each in after.slices]
    assert sum(left_then) == sum(left_today) - amount_minor


@given(
    totals=st.lists(AMOUNTS, min_size=1, max_size=8),
    part=st.integers(min_value=0, max_value=10_000),
    data=st.data(),
)
def test_giving_back_restores_exactly_what_was_drawn(
    totals: list[int], part: int, data: st.DataObject
) -> None:
    before = a_budget(*totals)
    amount_minor = sum(totals) * part // 10_000
    after, draws = drawn(before, amount_minor)
    back_minor = data.draw(st.integers(min_value=0, max_value=amount_minor))
    partly, kept = after.give_back(draws, back_minor, TODAY)
    assert sum(draw.amount_minor for draw in kept) == amount_minor - back_minor
    assert sum(spent(partly)) == amount_minor - back_minor
    wholly, none = partly.give_back(kept, amount_minor - back_minor, TODAY)
    assert none == ()
    assert spent(wholly) == spent(before)
    assert [each.left_in_all() for each in wholly.slices] == totals
    assert [each.spent_today_minor for each in wholly.slices] == [0] * len(totals)


LIMITS = st.none() | st.integers(min_value=0, max_value=2_000)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("draw"), st.integers(min_value=1, max_value=400)),
        st.tuples(st.just("give back"), st.integers(min_value=0, max_value=400)),
        st.tuples(st.just("next day"), st.just(0)),
        st.tuples(st.just("limits"), st.tuples(LIMITS, LIMITS)),
    ),
    max_size=25,
)


class Purse:
    """A budget with what it may hold at most, by total and by day, counted the plain way."""

    def __init__(self) -> None:
        self.today = TODAY
        self.budget = Budget(slices=(), is_whole=True)
        self.promises: list[tuple[tuple[Draw, ...], date]] = []
        self.spent_minor = self.spent_today_minor = 0
        self.terms = UNLIMITED
        self.set_limits(UNLIMITED)

    def set_limits(self, terms: BudgetTerms) -> None:
        slices = shared_out(terms, program_id=TEA, known=self.budget.slices, today=self.today)
        self.budget, self.terms = Budget(slices=slices, is_whole=True), terms
        # what was promised before limits were lowered stays promised
        self.most_minor = max(terms.total_minor or 0, self.spent_minor)
        self.most_today_minor = max(terms.per_day_minor or 0, self.spent_today_minor)

    def draw(self, amount_minor: int) -> None:
        result = self.budget.draw(amount_minor, self.today)
        if result is None:
            return
        self.budget, draws = result
        self.promises.append((draws, self.today))
        self.spent_minor += amount_minor
        self.spent_today_minor += amount_minor
        assert amount_minor == 0 or self.spent_minor <= (self.terms.total_minor or 10**9)
        assert amount_minor == 0 or self.spent_today_minor <= (self.terms.per_day_minor or 10**9)

    def give_back(self, amount_minor: int) -> None:
        if not self.promises:
            return
        draws, on = self.promises.pop(amount_minor % len(self.promises))
        back_minor = min(amount_minor, sum(draw.amount_minor for draw in draws))
        self.budget, kept = self.budget.give_back(draws, back_minor, on)
        self.promises.append((kept, on))
        self.spent_minor -= back_minor
        self.spent_today_minor -= back_minor if on == self.today else 0

    def begin_next_day(self) -> None:
        self.today += timedelta(days=1)
        self.spent_today_minor = 0
        self.most_today_minor = self.terms.per_day_minor or 0


@given(STEPS)
def test_whatever_is_drawn_given_back_raised_and_lowered_limits_hold(
    steps: list[tuple[str, int | tuple[int | None, int | None]]],
) -> None:
    purse = Purse()
    for name, value in steps:
        match name, value:
            case "draw", int(amount_minor):
                purse.draw(amount_minor)
            case "give back", int(amount_minor):
                purse.give_back(amount_minor)
            case "next day", _:
                purse.begin_next_day()
            case _, (total_minor, per_day_minor):
                purse.set_limits(BudgetTerms(total_minor=total_minor, per_day_minor=per_day_minor))
        assert sum(spent(purse.budget)) == purse.spent_minor
        assert all(each.spent_minor >= 0 for each in purse.budget.slices)
        assert all(each.spent_today_minor >= 0 for each in purse.budget.slices)
        if purse.terms.total_minor is not None:
            assert purse.spent_minor <= purse.most_minor
        if purse.terms.per_day_minor is not None:
            assert purse.spent_today_minor <= purse.most_today_minor


@given(
    spent_minor=st.lists(AMOUNTS, min_size=SLICES, max_size=SLICES),
    total_minor=st.integers(min_value=0, max_value=10_000),
    per_day_minor=st.integers(min_value=0, max_value=10_000),
)
def test_new_limits_leave_what_they_are_above_what_is_spent(
    spent_minor: list[int], total_minor: int, per_day_minor: int
) -> None:
    known = [
        a_slice(number=number, spent_minor=each, spent_today_minor=each // 2, on=TODAY)
        for number, each in enumerate(spent_minor)
    ]
    terms = BudgetTerms(total_minor=total_minor, per_day_minor=per_day_minor)
    slices = shared_out(terms, program_id=TEA, known=known, today=TODAY)
    free_minor = max(total_minor - sum(spent_minor), 0)
    free_today_minor = max(per_day_minor - sum(each // 2 for each in spent_minor), 0)
    assert sum(each.total_minor or 0 for each in slices) == total_minor
    assert sum(each.per_day_minor or 0 for each in slices) == per_day_minor
    assert sum(each.left_in_all() or 0 for each in slices) == free_minor
    assert sum(each.left_today(TODAY) or 0 for each in slices) == free_today_minor
