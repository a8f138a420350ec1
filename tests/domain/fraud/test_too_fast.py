"""`too_fast`: no person signs up within seconds of a click."""

from datetime import timedelta

import pytest

from referrals.domain.fraud.too_fast import TOO_FAST
from tests.domain.fraud.cases import NOON, seen

CASES = [
    ("somebody who reads the page first", 240, 5, None),
    ("somebody whose browser fills in the form", 12, 5, None),
    ("exactly at the limit", 5, 5, None),
    ("a month later", 30 * 86_400, 5, None),
    ("a code was typed: there was no click", None, 5, None),
    ("the shop's clock is behind: the click came after", -3, 5, None),
    ("a shop with one button to press", 2, 1, None),
    ("a second below the limit", 4, 5, 4),
    ("a fraction below the limit", 4.9, 5, 4),
    ("in the same second", 0, 5, 0),
    ("a minute, where a long form has to be filled in", 60, 90, 60),
]


@pytest.mark.parametrize(
    ("label", "after", "limit", "seconds"), CASES, ids=[case[0] for case in CASES]
)
def test_it_flags_a_signup_that_no_hand_made(
    label: str, after: float | None, limit: int, seconds: int | None
) -> None:
    clicked_at = None if after is None else NOON - timedelta(seconds=after)
    inputs = seen(TOO_FAST, limit, clicked_at=clicked_at)
    assert inputs == (None if seconds is None else {"seconds": seconds, "limit": limit})
