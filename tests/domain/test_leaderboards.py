"""Who wins what: places, ties, periods."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ids import PersonId
from referrals.domain.leaderboards import Prize, in_force, is_settled, period_before, ranked
from referrals.domain.ledger import Score
from referrals.domain.rules import Counted, Period
from tests import shop
from tests.shop import NOON


def scores_of(**purchases: int) -> dict[PersonId, Score]:
    return {
        PersonId(name): Score(purchases=count, revenue_minor=count * 100)
        for name, count in purchases.items()
    }


def won(
    scores: Mapping[PersonId, Score], *amounts_minor: int, is_whole: bool = False
) -> list[tuple[str, int, int]]:
    prizes = ranked(scores, by=Counted.PURCHASES, amounts_minor=amounts_minor, is_whole=is_whole)
    return [(prize.person_id, prize.place, prize.amount_minor) for prize in prizes]


@pytest.mark.parametrize(
    ("story", "scores", "amounts", "expected"),
    [
        ("nobody brought anything", {}, (100,), []),
        ("a score of 0 wins nothing", {"a": 0, "b": 0}, (100,), []),
        ("what refunds took below 0 wins nothing", {"a": -1, "b": 2}, (9, 5), [("b", 1, 9)]),
        ("the highest first", {"a": 1, "b": 3}, (9, 5), [("b", 1, 9), ("a", 2, 5)]),
        ("more advocates than places", {"a": 1, "b": 3, "c": 2}, (9,), [("b", 1, 9)]),
        ("more places than advocates", {"a": 1}, (9, 5, 1), [("a", 1, 9)]),
        ("two share places 1 and 2", {"a": 2, "b": 2}, (9, 5), [("a", 1, 7), ("b", 1, 7)]),
        ("what is left over goes to a", {"b": 2, "a": 2}, (10, 5), [("a", 1, 8), ("b", 1, 7)]),
        (
            "whoever is behind a tie stands at the place after it",
            {"a": 2, "b": 2, "c": 1},
            (9, 5, 3),
            [("a", 1, 7), ("b", 1, 7), ("c", 3, 3)],
        ),
        (
            "a tie at the last place shares that place alone",
            {"a": 5, "b": 2, "c": 2, "d": 2},
            (9, 5),
            [("a", 1, 9), ("b", 2, 2), ("c", 2, 2), ("d", 2, 1)],
        ),
        (
            "a tie that ends beyond the places",
            {"a": 2, "b": 2, "c": 2},
            (8, 4),
            [("a", 1, 4), ("b", 1, 4), ("c", 1, 4)],
        ),
        ("too little to share", {"a": 2, "b": 2, "c": 2}, (2,), [("a", 1, 1), ("b", 1, 1)]),
    ],
)
def test_prizes(
    story: str,
    scores: dict[str, int],
    amounts: Sequence[int],
    expected: list[tuple[str, int, int]],
) -> None:
    assert won(scores_of(**scores), *amounts) == expected, story


def test_what_is_handed_over_whole_is_shared_by_the_piece() -> None:
    tied = scores_of(a=3, b=2, c=2, d=2)
    assert won(tied, 50, 50, 50, is_whole=True) == [("a", 1, 50), ("b", 2, 50), ("c", 2, 50)]


def test_a_leaderboard_by_revenue_ranks_by_what_was_paid() -> None:
    scores = {
        PersonId("many"): Score(purchases=5, revenue_minor=500),
        PersonId("large"): Score(purchases=1, revenue_minor=900),
    }
    assert ranked(scores, by=Counted.REVENUE, amounts_minor=(10,)) == (
        Prize(person_id=PersonId("large"), place=1, amount_minor=10, score=900),
    )


@given(
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(-2, 4)),
    st.lists(st.integers(1, 100), min_size=1, max_size=6).map(lambda all_: sorted(all_)[::-1]),
)
def test_all_that_can_be_won_is_won_and_equals_get_the_same_but_for_one_unit(
    scores: dict[str, int], amounts: list[int]
) -> None:
    prizes = won(scores_of(**scores), *amounts)
    winners = sum(score > 0 for score in scores.values())
    assert sum(amount for *_, amount in prizes) == sum(amounts[:winners])
    for place in {place for _, place, _ in prizes}:
        shared = [amount for _, at, amount in prizes if at == place]
        assert max(shared) - min(shared) <= 1
        assert shared == sorted(shared, reverse=True)


@pytest.mark.parametrize(
    ("per", "today", "expected"),
    [
        (Period.MONTH, date(2026, 5, 1), ("2026-04", date(2026, 4, 1), date(2026, 4, 30))),
        (Period.MONTH, date(2026, 5, 31), ("2026-04", date(2026, 4, 1), date(2026, 4, 30))),
        (Period.MONTH, date(2026, 1, 2), ("2025-12", date(2025, 12, 1), date(2025, 12, 31))),
        (Period.MONTH, date(2028, 3, 1), ("2028-02", date(2028, 2, 1), date(2028, 2, 29))),
        (Period.QUARTER, date(2026, 5, 4), ("2026-Q1", date(2026, 1, 1), date(2026, 3, 31))),
        (Period.QUARTER, date(2026, 12, 31), ("2026-Q3", date(2026, 7, 1), date(2026, 9, 30))),
        (Period.QUARTER, date(2026, 2, 1), ("2025-Q4", date(2025, 10, 1), date(2025, 12, 31))),
        (Period.YEAR, date(2026, 1, 1), ("2025", date(2025, 1, 1), date(2025, 12, 31))),
        (Period.YEAR, date(2026, 12, 31), ("2025", date(2025, 1, 1), date(2025, 12, 31))),
    ],
)
def test_the_period_before(per: Period, today: date, expected: tuple[str, date, date]) -> None:
    assert period_before(per, today) == expected


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.sampled_from([Period.MONTH, Period.QUARTER, Period.YEAR]),
)
def test_a_period_goes_from_its_first_day_to_the_one_before_the_next(
    today: date, per: Period
) -> None:
    label, first, last = period_before(per, today)
    a_day = timedelta(days=1)
    assert per.label(first) == per.label(last) == label
    assert per.label(first - a_day) != label
    assert per.label(last + a_day) == per.label(today) != label


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 5, 1, 0, 30, tzinfo=UTC), False),
        (datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 5, 2, tzinfo=UTC), True),
        (datetime(2026, 5, 2, 0, 30, tzinfo=UTC), True),
    ],
)
def test_a_period_is_ranked_a_day_after_its_end(now: datetime, *, expected: bool) -> None:
    assert is_settled(date(2026, 4, 30), now) is expected


def test_the_terms_in_force_are_the_newest_before_the_end() -> None:
    program = shop.a_program()
    versions = [(program, NOON), (shop.a_program(rules=[]), NOON + timedelta(days=1))]
    assert in_force(versions, until=NOON) is None
    assert in_force(versions, until=NOON + timedelta(hours=1)) == program
