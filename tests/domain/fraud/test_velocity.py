"""`velocity`: more friends in an hour, or in a day, than one person has."""

import pytest

from referrals.domain.fraud.velocity import VELOCITY
from tests.domain.fraud.cases import seen

CASES = [
    ("one friend", 10, 1, 1, False),
    ("a family chat", 10, 6, 6, False),
    ("exactly as many as are allowed", 10, 10, 10, False),
    ("a birthday: friends all day long", 10, 8, 40, False),
    ("exactly five full hours in a day", 10, 10, 50, False),
    ("an influencer, whose terms allow it", 300, 280, 1_200, False),
    ("a purchase, which brings nobody new", 10, 0, 0, False),
    ("one more than allowed in an hour", 10, 11, 11, True),
    ("a script", 10, 240, 240, True),
    ("a patient script: few an hour, all day long", 10, 9, 51, True),
    ("the second friend, where one an hour is allowed", 1, 2, 2, True),
]


@pytest.mark.parametrize(
    ("label", "limit", "in_hour", "in_day", "flags"), CASES, ids=[case[0] for case in CASES]
)
def test_it_flags_too_many_friends_at_once(
    label: str, limit: int, in_hour: int, in_day: int, *, flags: bool
) -> None:
    inputs = seen(VELOCITY, limit, recent_signups=in_hour, recent_signups_day=in_day)
    expected = {"signups_in_hour": in_hour, "signups_in_day": in_day, "limit": limit}
    assert inputs == (expected if flags else None)
