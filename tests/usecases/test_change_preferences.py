"""What people chose to be written about: by one click, on a page, and after they are forgotten."""

from datetime import timedelta
from functools import partial

import pytest

from referrals.domain.errors import PersonForgottenError
from referrals.domain.ids import person_id
from referrals.domain.message_kinds import Purpose
from referrals.domain.preferences import Ask, Preferences, SmsConsent
from referrals.store import preferences
from referrals.store.transactions import commit
from referrals.usecases.change_preferences import change_preferences, unsubscribe
from referrals.usecases.forget_person import forget_person
from tests import shop
from tests.shop import KEYS, LATER, NOON
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

ANNA = person_id("anna", key=KEYS.identity)
CONSENT = SmsConsent(number_mark="mark", given_at=NOON, wording="Yes, write to me.", source="till")


@pytest.fixture(autouse=True)
def _anna(tables: None) -> None:
    shop.open_shop()


def off() -> frozenset[Purpose]:
    return preferences.find(ANNA).off


def test_one_click_turns_one_purpose_off_and_leaves_the_others() -> None:
    unsubscribe(ANNA, Purpose.NEWS, now=NOON)
    assert off() == {Purpose.NEWS}
    unsubscribe(ANNA, Purpose.ASK, now=NOON)
    assert off() == {Purpose.NEWS, Purpose.ASK}


def test_a_second_click_changes_nothing() -> None:
    unsubscribe(ANNA, Purpose.NEWS, now=NOON)
    before = shop.dump()
    unsubscribe(ANNA, Purpose.NEWS, now=LATER)
    assert shop.dump() == before


def test_two_clicks_at_once_are_both_kept() -> None:
    at_once([partial(unsubscribe, ANNA, purpose, now=NOON) for purpose in Purpose])
    assert off() == {Purpose.NEWS, Purpose.ASK}


def test_what_is_awaited_cannot_be_turned_off() -> None:
    unsubscribe(ANNA, Purpose.AWAITED, now=NOON)
    assert off() == frozenset()


def test_a_page_says_exactly_what_is_off() -> None:
    unsubscribe(ANNA, Purpose.NEWS, now=NOON)
    change_preferences(ANNA, off={Purpose.ASK}, ends_sms=False, now=LATER)
    assert off() == {Purpose.ASK}
    change_preferences(ANNA, off=set(), ends_sms=False, now=LATER)
    assert off() == frozenset()


def test_to_save_what_is_so_already_changes_nothing() -> None:
    before = shop.dump()
    change_preferences(ANNA, off=set(), ends_sms=True, now=LATER)
    assert shop.dump() == before


def test_a_page_can_take_consent_to_text_messages_back_and_cannot_give_it() -> None:
    commit(preferences.save(Preferences(person_id=ANNA, sms=CONSENT)))
    change_preferences(ANNA, off=set(), ends_sms=True, now=LATER)
    change_preferences(ANNA, off=set(), ends_sms=False, now=LATER + timedelta(days=1))
    consent = preferences.find(ANNA).sms
    assert consent is not None
    assert (consent.wording, consent.withdrawn_at) == ("Yes, write to me.", LATER)


def test_how_often_somebody_was_asked_is_not_forgotten_by_choosing() -> None:
    ask = Ask(message_id="msg_1", asked_at=NOON)
    commit(preferences.save(Preferences(person_id=ANNA, asks=(ask,))))
    unsubscribe(ANNA, Purpose.NEWS, now=LATER)
    assert preferences.find(ANNA).asks == (ask,)


def test_whoever_is_forgotten_chooses_nothing_any_more() -> None:
    unsubscribe(ANNA, Purpose.NEWS, now=NOON)
    forget_person("anna", keys=KEYS, now=LATER)
    assert shop.dump()["preferences"] == []
    with pytest.raises(PersonForgottenError):
        unsubscribe(ANNA, Purpose.NEWS, now=LATER)
    assert shop.dump()["preferences"] == []
