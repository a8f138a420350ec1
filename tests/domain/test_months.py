"""Months: which one is summed up, and what of it is told."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from referrals.domain.months import clicks_in, earned_in, month_of, month_to_sum_up
from referrals.domain.rewards import RewardState
from referrals.domain.rules import RewardKind
from referrals.domain.tallies import Tally
from tests.factories import a_reward

MAY = month_of("2026-05")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "label"),
    [
        ("2026-06-01T00:00", "2026-05"),
        ("2026-06-01T09:00", "2026-05"),
        ("2026-06-03T23:59", "2026-05"),
        ("2026-06-04T00:00", None),
        ("2026-05-31T23:59", None),
        ("2027-01-01T09:00", "2026-12"),
        ("2028-03-01T09:00", "2028-02"),
    ],
)
def test_a_month_is_summed_up_in_the_three_days_after_it(now: str, label: str | None) -> None:
    month = month_to_sum_up(at(now))
    assert (month.label if month else None) == label


def test_a_month_has_its_first_and_its_last_moment() -> None:
    assert (MAY.first, MAY.last) == (date(2026, 5, 1), date(2026, 5, 31))
    assert MAY.has(at("2026-05-01T00:00"))
    assert MAY.has(at("2026-05-31T23:59"))
    assert not MAY.has(at("2026-06-01T00:00"))
    assert not MAY.has(at("2026-04-30T23:59"))


def test_a_label_that_is_no_month_is_refused() -> None:
    with pytest.raises(ValueError, match="month must be"):
        month_of("2026-13")


def test_clicks_of_other_months_and_the_total_do_not_count() -> None:
    tallies = {
        "2026-04-30#email": Tally(clicks=5),
        "2026-05-01#email": Tally(clicks=2, repeats=1),
        "2026-05-31#link": Tally(clicks=3),
        "2026-06-01#link": Tally(clicks=7),
        "total": Tally(clicks=17),
    }
    assert clicks_in(MAY, tallies) == 5


def test_earned_is_what_still_stands_of_the_rewards_of_the_month_by_unit() -> None:
    in_may = replace(a_reward(amount_minor=500), granted_at=at("2026-05-10T10:00"))
    rewards = [
        in_may,
        replace(in_may, amount_minor=300, voided_minor=100),
        replace(in_may, amount_minor=50, unit="points", kind=RewardKind.POINTS),
        replace(in_may, amount_minor=400, kind=RewardKind.COUPON),
        # worth something for the books only
        replace(in_may, amount_minor=2_000, kind=RewardKind.GIFT),
        # not paid for yet, and of another month
        replace(in_may, state=RewardState.IN_REVIEW),
        replace(in_may, state=RewardState.QUEUED),
        replace(in_may, granted_at=at("2026-06-01T00:00")),
    ]
    assert earned_in(MAY, rewards) == {"EUR": 1_100, "points": 50}


def test_a_month_in_which_all_was_taken_back_earned_nothing() -> None:
    gone = replace(a_reward(amount_minor=500), granted_at=at("2026-05-10T10:00"), voided_minor=500)
    assert earned_in(MAY, [gone]) == {}
