"""Which addresses and numbers nothing is sent to."""

from datetime import datetime, timedelta

import pytest

from referrals.domain.suppressions import (
    Feedback,
    FeedbackKind,
    Recipient,
    Suppression,
    SuppressionReason,
    address_mark,
    after_feedback,
    number_mark,
    stopped,
)
from tests.factories import NOW

KEY = b"identity"
ANNA = Recipient(mark="m")


def told(kind: FeedbackKind, at: datetime = NOW, detail: str = "Permanent/General") -> Feedback:
    return Feedback(
        feedback_id=f"{kind}{at}",
        kind=kind,
        addresses=("anna@shop.example",),
        detail=detail,
        occurred_at=at,
    )


def soft_bounced(*on_days: float) -> Recipient:
    recipient = ANNA
    for day in on_days:
        feedback = told(FeedbackKind.SOFT_BOUNCE, NOW + timedelta(days=day), "Transient/General")
        recipient = after_feedback(recipient, feedback)
    return recipient


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("anna@shop.example", "Anna@SHOP.example", True),
        ("anna@shop.example", " anna@shop.example ", True),
        ("anna@почта.рф", "anna@xn--80a1acny.xn--p1ai", True),
        ("anna@shop.example", "anna+tea@shop.example", False),
        ("anna@shop.example", "a.nna@shop.example", False),
    ],
)
def test_an_address_is_recognised_however_it_is_written(
    one: str, other: str, *, is_same: bool
) -> None:
    assert (address_mark(one, key=KEY) == address_mark(other, key=KEY)) is is_same


def test_a_mark_shows_no_address_and_needs_the_key() -> None:
    mark = address_mark("anna@shop.example", key=KEY)
    assert len(mark) == 32
    assert int(mark, 16)
    assert mark != address_mark("anna@shop.example", key=b"another")


def test_a_number_is_recognised_by_its_digits_and_never_taken_for_an_address() -> None:
    assert number_mark("+4915112345678", key=KEY) == number_mark("+49 151 12345678", key=KEY)
    assert number_mark("1", key=KEY) != address_mark("1", key=KEY)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FeedbackKind.HARD_BOUNCE, SuppressionReason.BOUNCE),
        (FeedbackKind.COMPLAINT, SuppressionReason.COMPLAINT),
    ],
)
def test_a_hard_bounce_and_a_complaint_suppress_at_once(
    kind: FeedbackKind, reason: SuppressionReason
) -> None:
    after = after_feedback(ANNA, told(kind))
    assert after.suppression == Suppression(reason=reason, since=NOW, detail="Permanent/General")


def test_a_hint_says_nothing_of_anybody() -> None:
    assert after_feedback(ANNA, told(FeedbackKind.HINT)) == ANNA


@pytest.mark.parametrize(
    ("on_days", "is_suppressed"),
    [
        ((0,), False),
        ((0, 1, 2, 3), False),
        ((0, 1, 2, 3, 4), True),
        ((0, 0.01, 0.02, 0.03, 0.04), False),
        ((0, 7, 14, 21, 28), True),
        ((0, 8, 16, 24, 32), False),
        ((4, 3, 2, 1, 0), True),
    ],
    ids=[
        "once",
        "four days",
        "five days",
        "five on one day",
        "five within 30 days",
        "five in a longer time",
        "told out of order",
    ],
)
def test_soft_bounces_suppress_on_the_fifth_day_within_30(
    on_days: tuple[float, ...], *, is_suppressed: bool
) -> None:
    assert (soft_bounced(*on_days).suppression is not None) is is_suppressed


def test_who_is_suppressed_stays_so_for_the_first_reason() -> None:
    bounced = after_feedback(ANNA, told(FeedbackKind.HARD_BOUNCE))
    later = told(FeedbackKind.COMPLAINT, NOW + timedelta(days=1))
    assert after_feedback(bounced, later) == bounced


def test_the_newest_stop_of_a_number_counts() -> None:
    later = NOW + timedelta(days=3)
    again = stopped(stopped(ANNA, at=NOW), at=later)
    assert again.suppression == Suppression(reason=SuppressionReason.STOP, since=later)
    assert stopped(again, at=NOW) == again


def test_a_stop_does_not_lift_what_a_person_suppressed() -> None:
    by_hand = Recipient(
        mark="m", suppression=Suppression(reason=SuppressionReason.MANUAL, since=NOW)
    )
    assert stopped(by_hand, at=NOW) == by_hand
