"""Fraud rules at work: what is looked at, held, declined, and only noted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from referrals.domain.fraud.rules import RULES
from referrals.domain.fraud.runner import flags_of as flags_of_rules
from referrals.domain.fraud.signals import FraudRule, Signals
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import fingerprint
from referrals.domain.reports import (
    CustomerDetails,
    Evidence,
    PurchaseReport,
    ReportedSignals,
    SignupReport,
)
from referrals.domain.rewards import RewardState
from referrals.usecases import fraud_watch
from referrals.usecases.answers import Recorded
from referrals.usecases.apply_program import apply_program
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_signup import record_signup
from referrals.usecases.reversals import read_case
from tests import shop
from tests.faults import calls_counted
from tests.shop import KEYS, NOON, TEA, Purse, a_click_of, enrol, purse_of

pytestmark = pytest.mark.usefixtures("tables")

EARLIER = NOON - timedelta(hours=1)
ONE_CARD = ReportedSignals(payment_fingerprint="Xt5EWLLDS7FJjR1c")


def open_shop(modes: Mapping[str, FraudMode]) -> None:
    program = replace(
        shop.a_program(rules=[shop.ADVOCATE_TENTH]), fraud=FraudTerms(modes=dict(modes))
    )
    apply_program(program, now=NOON)
    enrol("anna", code="ANNA10")


def buy(
    friend: str = "boris",
    *,
    email: str | None = None,
    clicked_at: datetime | None = EARLIER,
    signals: ReportedSignals = ONE_CARD,
) -> Recorded:
    clicks = (a_click_of(at=clicked_at),) if clicked_at else ()
    report = PurchaseReport(
        program_id=TEA,
        order_id=f"A-{friend}",
        friend=CustomerDetails(customer_id=friend, email=email),
        amount_minor=5_000,
        currency="EUR",
        evidence=Evidence(clicks=clicks),
        occurred_at=NOON,
        fingerprint=fingerprint(f"buy {friend}", key=KEYS.identity),
        signals=signals,
    )
    return record_purchase(report, keys=KEYS, now=NOON)


def sign_up(friend: str, *, signals: ReportedSignals = ONE_CARD) -> Recorded:
    report = SignupReport(
        program_id=TEA,
        friend=CustomerDetails(customer_id=friend),
        evidence=Evidence(),
        occurred_at=NOON,
        fingerprint=fingerprint(f"sign up {friend}", key=KEYS.identity),
        signals=signals,
    )
    return record_signup(report, keys=KEYS, now=NOON)


def flags_of(answer: Recorded) -> list[tuple[str, FraudMode]]:
    conversion = read_case(answer.conversion_id).conversion
    assert conversion is not None
    return [(flag.rule, flag.mode) for flag in conversion.flags]


def test_a_card_that_two_friends_share_is_held_for_people() -> None:
    open_shop({"same_payment": FraudMode.REVIEW})
    assert buy("boris").reason is None
    second = buy("dora")
    assert (second.outcome, second.reason) == ("credited", "in_review")
    assert flags_of(second) == [("same_payment", FraudMode.REVIEW)]
    assert [each.state for each in shop.rewards_of("anna")].count(RewardState.IN_REVIEW) == 1
    assert purse_of("anna") == Purse(held=500)


def test_what_is_blocked_is_declined_with_a_reason_that_tells_nothing() -> None:
    open_shop({"disposable_address": FraudMode.BLOCK})
    answer = buy(email="boris@mailinator.com")
    assert (answer.outcome, answer.reason, answer.rewards) == ("declined", "suspected_fraud", ())
    assert answer.decisions[-1].says == "It does not meet the terms of the program."
    assert flags_of(answer) == [("disposable_address", FraudMode.BLOCK)]
    assert purse_of("anna") == Purse()


def test_what_was_blocked_is_not_taken_up_when_its_friend_is_bound() -> None:
    open_shop({"disposable_address": FraudMode.BLOCK})
    buy(email="boris@mailinator.com")
    shop.sign_up("boris", clicks=[a_click_of(at=EARLIER)])
    assert purse_of("anna") == Purse()


def test_a_shadow_is_noted_and_changes_nothing() -> None:
    open_shop({"disposable_address": FraudMode.SHADOW})
    answer = buy(email="boris@mailinator.com")
    assert answer.reason is None
    assert flags_of(answer) == [("disposable_address", FraudMode.SHADOW)]
    assert purse_of("anna") == Purse(held=500)


def test_a_rule_that_fails_holds_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_signals: Signals, _limit: int) -> None:
        raise ZeroDivisionError

    broken = [FraudRule(name=rule.name, look=fail) for rule in RULES]
    monkeypatch.setattr(
        fraud_watch, "flags_of", lambda signals, terms: flags_of_rules(signals, terms, rules=broken)
    )
    open_shop({"too_fast": FraudMode.BLOCK})
    answer = buy()
    assert answer.reason == "in_review"
    assert flags_of(answer) == [("too_fast", FraudMode.REVIEW)]
    assert purse_of("anna") == Purse()


def test_the_advocates_card_is_known_by_an_order_that_nobody_brought() -> None:
    open_shop({"same_payment": FraudMode.REVIEW})
    assert buy("anna", clicked_at=None).outcome == "waiting"
    assert buy("boris").reason == "in_review"


def test_a_card_is_known_by_a_sign_up_that_nobody_brought() -> None:
    open_shop({"same_payment": FraudMode.REVIEW})
    assert sign_up("dora").outcome == "declined"
    assert buy("boris").reason == "in_review"


def test_nothing_is_noted_of_whom_nobody_brought_when_every_rule_is_off() -> None:
    open_shop({})
    with calls_counted() as made:
        buy("anna", clicked_at=None)
    assert "UpdateItem" not in made
    assert shop.dump()["signals"] == []


def test_the_same_report_again_notes_nothing_again() -> None:
    open_shop({"same_payment": FraudMode.REVIEW})
    buy("anna", clicked_at=None)
    before = shop.dump()
    buy("anna", clicked_at=None)
    assert shop.dump() == before
