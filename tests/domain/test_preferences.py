"""What people want to be written about, how often they are asked, what they agreed to."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ids import PersonId
from referrals.domain.message_kinds import Purpose
from referrals.domain.preferences import (
    Ask,
    Preferences,
    SmsConsent,
    asked,
    chosen,
    consented,
    may_be_asked,
    turned_off,
    withdrawn,
)
from tests.factories import NOW

ANNA = Preferences(person_id=PersonId("per_anna"))
CONSENT = SmsConsent(number_mark="n1", given_at=NOW, wording="Text me", source="checkout")


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_whoever_chose_nothing_gets_everything() -> None:
    assert ANNA.off == frozenset()


def test_one_purpose_is_turned_off_and_the_other_stays() -> None:
    assert turned_off(ANNA, Purpose.NEWS, now=NOW).off == {Purpose.NEWS}


def test_what_is_awaited_cannot_be_turned_off() -> None:
    assert chosen(ANNA, set(Purpose), now=NOW).off == {Purpose.NEWS, Purpose.ASK}


def test_a_choice_replaces_the_one_before() -> None:
    off = turned_off(ANNA, Purpose.ASK, now=NOW)
    assert chosen(off, (), now=NOW).off == frozenset()


@pytest.mark.parametrize(
    ("asked_days_ago", "may"),
    [
        ((), True),
        ((30,), True),
        ((29.99,), False),
        ((31, 61, 91, 121, 151), True),
        ((31, 61, 91, 121, 151, 181), False),
        ((61, 91, 121, 151, 181, 366), True),
    ],
)
def test_somebody_is_asked_once_in_30_days_and_six_times_a_year(
    asked_days_ago: tuple[float, ...], *, may: bool
) -> None:
    asks = tuple(Ask(message_id=f"m{ago}", asked_at=NOW - days(ago)) for ago in asked_days_ago)
    anna = Preferences(person_id=ANNA.person_id, asks=asks)
    assert may_be_asked(anna, "new", now=NOW) is may


def test_a_message_that_is_tried_again_is_not_one_more_ask() -> None:
    once = asked(ANNA, "m1", now=NOW)
    assert may_be_asked(once, "m1", now=NOW + days(1))
    assert asked(once, "m1", now=NOW + days(1)) == once
    assert not may_be_asked(once, "m2", now=NOW + days(1))


@given(st.lists(st.floats(min_value=0, max_value=40), max_size=60))
def test_however_often_programs_ask_nobody_is_asked_too_often(pauses: list[float]) -> None:
    anna, now, times = ANNA, NOW, list[datetime]()
    for number, pause in enumerate(pauses):
        now += days(pause)
        if may_be_asked(anna, f"m{number}", now=now):
            anna = asked(anna, f"m{number}", now=now)
            times.append(now)
    assert all(later - earlier >= days(30) for earlier, later in pairwise(times))
    assert all(last - first >= days(365) for first, last in zip(times, times[6:], strict=False))
    assert len(anna.asks) <= 6


def test_consent_is_kept_with_its_words() -> None:
    assert consented(ANNA, CONSENT).sms == CONSENT


@pytest.mark.parametrize(
    ("given_after", "counts"), [(days(-1), False), (days(0), False), (days(1), True)]
)
def test_only_newer_consent_replaces_what_is_known(given_after: timedelta, *, counts: bool) -> None:
    newer = SmsConsent(
        number_mark="n2", given_at=NOW + given_after, wording="Text me more", source="till"
    )
    known = consented(ANNA, CONSENT)
    assert (consented(known, newer).sms == newer) is counts


def test_an_old_consent_told_again_does_not_undo_a_withdrawal() -> None:
    gone = withdrawn(consented(ANNA, CONSENT), now=NOW + days(2))
    assert consented(gone, CONSENT) == gone
    between = SmsConsent(number_mark="n1", given_at=NOW + days(1), wording="x", source="y")
    assert consented(gone, between) == gone


def test_a_withdrawal_keeps_what_was_agreed_to_and_its_first_date() -> None:
    gone = withdrawn(consented(ANNA, CONSENT), now=NOW + days(1))
    assert gone.sms is not None
    assert gone.sms.wording == "Text me"
    assert gone.sms.withdrawn_at == NOW + days(1)
    assert withdrawn(gone, now=NOW + days(5)) == gone


def test_who_never_agreed_has_nothing_to_withdraw() -> None:
    assert withdrawn(ANNA, now=NOW) == ANNA
