"""Gathering: only what is asked for, nothing personal kept, and rotations that lose nobody."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from referrals.domain.fraud.rules import RULES
from referrals.domain.fraud.runner import flags_of, verdict
from referrals.domain.fraud.signals import SignalKind, Signals
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import PersonId
from referrals.domain.people import Person
from referrals.domain.reports import CustomerDetails, ReportedSignals
from referrals.usecases.fraud_signals import Occasion, gather, remember
from referrals.usecases.keys import Keys
from tests import shop
from tests.faults import calls_counted
from tests.shop import KEYS, NOON

pytestmark = pytest.mark.usefixtures("tables")

ANNA_ID, BORIS_ID, CLARA_ID = (PersonId(f"per_{name}") for name in ("anna", "boris", "clara"))
ANNA = Person(person_id=ANNA_ID, customer_id="c-1", email="anna@gmail.com", name="Anna Petrova")
BORIS = CustomerDetails(customer_id="c-2", email="Boris@Mail.example", name="Boris Orlov")
CLARA = CustomerDetails(customer_id="c-3", email="clara@mail.example", name="Clara Vogt")
PHONE = ReportedSignals(
    address="203.0.113.9",
    agent="Mozilla/5.0 (Phone)",
    payment_fingerprint="Xt5EWLLDS7FJjR1c",
    landing_url="https://shop.example/welcome?via=ANNA10&gclid=Cj0KCQ",
)
ALL = FraudTerms(modes={rule.name: FraudMode.REVIEW for rule in RULES})


def _only(*rules: str) -> FraudTerms:
    return FraudTerms(modes=dict.fromkeys(rules, FraudMode.REVIEW))


def _gathered(
    friend: CustomerDetails = BORIS,
    reported: ReportedSignals = PHONE,
    *,
    friend_id: PersonId = BORIS_ID,
    terms: FraudTerms = ALL,
    keys: Keys = KEYS,
    **changes: Any,
) -> Signals:
    occasion = Occasion(
        friend_id=friend_id,
        advocate_id=ANNA_ID,
        advocate=ANNA,
        occurred_at=NOON,
        clicked_at=NOON - timedelta(minutes=4),
        is_new_friend=True,
    )
    return gather(
        friend,
        reported,
        occasion=replace(occasion, **changes),
        terms=terms,
        keys=keys,
        now=NOON,
    )


def _rotated(keys: Keys, fresh: bytes) -> Keys:
    return replace(keys, signal=(fresh, keys.signal[0]))


def test_nothing_is_asked_or_kept_when_every_rule_is_off() -> None:
    with calls_counted() as made:
        _gathered(terms=FraudTerms())
    assert made == []
    assert shop.dump()["signals"] == []


CALLS = [
    ("same_email", ["UpdateItem"]),
    ("same_payment", ["UpdateItem"]),
    ("same_network", ["UpdateItem"]),
    ("velocity", ["UpdateItem", "Query"]),
    ("same_person", []),
    ("disposable_address", []),
    ("similar_names", []),
    ("too_fast", []),
    ("paid_traffic", []),
]


@pytest.mark.parametrize(("rule", "calls"), CALLS)
def test_a_rule_makes_the_calls_it_needs_and_no_others(rule: str, calls: list[str]) -> None:
    with calls_counted() as made:
        _gathered(terms=_only(rule))
    assert made == calls


def test_a_shadow_is_looked_at_too() -> None:
    with calls_counted() as made:
        _gathered(terms=FraudTerms(modes={"same_email": FraudMode.SHADOW}))
    assert made == ["UpdateItem"]


def test_the_first_friend_shares_nothing_with_anybody() -> None:
    signals = _gathered()
    assert (signals.email_owners, signals.payment_owners, signals.network_owners) == ((), (), ())
    assert (signals.recent_signups, signals.recent_signups_day) == (1, 1)


def test_what_two_friends_share_is_found_however_they_spell_it() -> None:
    _gathered()
    twin = replace(CLARA, email="boris+tea@mail.example")
    signals = _gathered(twin, friend_id=CLARA_ID)
    assert signals.email_owners == (BORIS_ID,)
    assert signals.payment_owners == (BORIS_ID,)
    assert signals.network_owners == (BORIS_ID,)
    assert signals.recent_signups == 2


def test_the_advocates_own_mailbox_is_known_without_having_been_noted() -> None:
    with calls_counted() as made:
        signals = _gathered(
            replace(BORIS, email="a.nna+tea@googlemail.com"), terms=_only("same_email")
        )
    assert signals.email_owners == (ANNA_ID,)
    assert made == ["UpdateItem"]


def test_the_advocates_own_card_is_known_by_what_the_advocate_bought() -> None:
    anna = CustomerDetails(customer_id="c-1")
    remember(anna, PHONE, person_id=ANNA_ID, terms=ALL, keys=KEYS, now=NOON)
    assert _gathered().payment_owners == (ANNA_ID,)


def test_the_same_browser_on_another_line_is_another_network() -> None:
    _gathered()
    elsewhere = replace(PHONE, address="203.0.113.10", payment_fingerprint=None)
    signals = _gathered(CLARA, elsewhere, friend_id=CLARA_ID)
    assert signals.network_owners == ()


def test_an_address_without_an_agent_says_nothing() -> None:
    with calls_counted() as made:
        _gathered(reported=replace(PHONE, agent=None), terms=_only("same_network"))
    assert made == []


def test_gathering_twice_changes_nothing() -> None:
    first = _gathered()
    before = shop.dump()
    assert _gathered() == first
    assert shop.dump() == before


def test_a_later_purchase_of_the_same_friend_is_not_another_signup() -> None:
    _gathered()
    signals = _gathered(is_new_friend=False, clicked_at=None)
    assert (signals.recent_signups, signals.recent_signups_day) == (0, 0)
    assert signals.payment_owners == ()


def test_nothing_personal_is_kept() -> None:
    _gathered()
    _gathered(replace(CLARA, email="boris@mail.example"), friend_id=CLARA_ID)
    kept = json.dumps(shop.dump()).lower()
    told = (
        *("boris@", "mail.example", "orlov", "petrova", "vogt", "c-1", "c-2", "c-3", "gmail"),
        *("203.0.113.9", "mozilla", "phone", "xt5ewllds7fjjr1c", "gclid", "shop.example"),
    )
    assert [each for each in told if each in kept] == []
    assert [len(items) for items in shop.dump().values() if items] == [4]


def test_without_the_key_nobody_can_try_addresses_against_the_table() -> None:
    _gathered()
    _gathered(friend_id=CLARA_ID, keys=replace(KEYS, signal=(b"a guess",)))
    hashes = [item["signal"]["S"] for item in shop.dump()["signals"] if "people" in item]
    assert len(set(hashes)) == 6


def test_after_a_rotation_people_are_still_recognised() -> None:
    _gathered()
    fresh = _rotated(KEYS, b"a fresh key")
    signals = _gathered(replace(CLARA, email=BORIS.email), friend_id=CLARA_ID, keys=fresh)
    assert signals.email_owners == (BORIS_ID,)
    assert signals.payment_owners == (BORIS_ID,)
    assert signals.network_owners == (BORIS_ID,)


def test_a_rotation_costs_one_more_read_for_all_signals() -> None:
    with calls_counted() as made:
        _gathered(terms=_only("same_email", "same_payment"), keys=_rotated(KEYS, b"a fresh key"))
    assert made == ["UpdateItem", "UpdateItem", "TransactGetItems"]


def test_who_is_seen_after_a_rotation_is_noted_under_the_fresh_key() -> None:
    fresh = _rotated(KEYS, b"a fresh key")
    _gathered(keys=fresh)
    second = replace(fresh, signal=(b"the next key", b"a fresh key"))
    signals = _gathered(CLARA, friend_id=CLARA_ID, keys=second)
    assert signals.payment_owners == (BORIS_ID,)


def test_two_rotations_make_strangers_of_those_who_were_not_seen_in_between() -> None:
    _gathered()
    second = replace(KEYS, signal=(b"the next key", b"a fresh key"))
    assert _gathered(CLARA, friend_id=CLARA_ID, keys=second).payment_owners == ()


def test_rules_that_recognise_people_are_not_run_without_a_key() -> None:
    with pytest.raises(ValueError, match="signal key"):
        _gathered(keys=replace(KEYS, signal=()))


def test_an_advocate_whose_data_is_deleted_is_still_counted_for() -> None:
    signals = _gathered(advocate=None)
    assert signals.advocate_name is None
    assert signals.recent_signups == 1


def test_no_two_kinds_of_signals_share_an_item() -> None:
    _gathered()
    kinds = {item["signal"]["S"].partition("#")[0] for item in shop.dump()["signals"]}
    assert kinds == {*SignalKind, "signups"}


def test_an_honest_friend_from_the_advocates_own_line_is_not_held() -> None:
    at_home = replace(PHONE, landing_url=None)
    remember(CLARA, at_home, person_id=ANNA_ID, terms=_only("same_network"), keys=KEYS, now=NOON)
    flags = flags_of(_gathered(reported=replace(at_home, payment_fingerprint=None)), ALL)
    assert [(flag.rule, flag.mode) for flag in flags] == [("same_network", FraudMode.SHADOW)]
    assert verdict(flags) is FraudMode.OFF


def test_somebody_who_recommends_to_themselves_is_held() -> None:
    again = CustomerDetails(customer_id="C-1 ", email="anna@gmail.com", name="Anna Petrova")
    flags = flags_of(_gathered(again, replace(PHONE, landing_url=None)), ALL)
    assert [flag.rule for flag in flags] == ["same_person", "same_email", "similar_names"]
    assert verdict(flags) is FraudMode.REVIEW
