"""All rules together: modes, failures, and what two flags do that one does not."""

from collections.abc import Mapping

import pytest

from referrals.domain.fraud.rules import RULES, fraud_faults
from referrals.domain.fraud.runner import flags_of, verdict
from referrals.domain.fraud.signals import FlagInputs, FraudRule, SignalKind, Signals, signal_hash
from referrals.domain.fraud.terms import Flag, FraudMode, FraudTerms
from tests.domain.fraud.cases import ANNA, BORIS, HONEST, some_signals

OFF, SHADOW, REVIEW, BLOCK = FraudMode
ALL_BLOCK = FraudTerms(modes={rule.name: BLOCK for rule in RULES})
AT_THE_ADVOCATES = some_signals(network_owners=(ANNA,))


def _modes(flags: tuple[Flag, ...]) -> Mapping[str, FraudMode]:
    return {flag.rule: flag.mode for flag in flags}


def _broken(_signals: Signals, _limit: int) -> FlagInputs | None:
    raise ZeroDivisionError


def test_an_honest_conversion_has_no_flags_though_every_rule_may_block() -> None:
    assert flags_of(HONEST, ALL_BLOCK) == ()
    assert verdict(()) is OFF


def test_every_rule_of_the_issue_is_run_and_has_a_name_of_its_own() -> None:
    assert [rule.name for rule in RULES] == [
        *("same_person", "same_email", "same_payment", "disposable_address", "velocity"),
        *("similar_names", "too_fast", "paid_traffic", "same_network"),
    ]


def test_rules_that_are_off_are_not_run() -> None:
    rule = FraudRule(name="broken", look=_broken)
    assert flags_of(HONEST, FraudTerms(), rules=[rule]) == ()


MODES = [
    (SHADOW, OFF),
    (REVIEW, REVIEW),
    (BLOCK, BLOCK),
]


@pytest.mark.parametrize(("mode", "effect"), MODES)
def test_a_flag_does_what_its_mode_says_and_a_shadow_nothing(
    mode: FraudMode, effect: FraudMode
) -> None:
    terms = FraudTerms(modes={"disposable_address": mode})
    flags = flags_of(some_signals(is_disposable_address=True), terms)
    assert _modes(flags) == {"disposable_address": mode}
    assert verdict(flags) is effect


def test_the_strongest_flag_counts() -> None:
    flags = tuple(
        Flag(rule=rule.name, mode=mode) for rule, mode in zip(RULES, FraudMode, strict=False)
    )
    assert verdict(flags) is BLOCK
    assert verdict(flags[:3]) is REVIEW
    assert verdict(flags[:2]) is OFF


def test_a_shadow_that_fails_has_no_effect_either() -> None:
    flags = flags_of(
        HONEST,
        FraudTerms(modes={"broken": SHADOW}),
        rules=[FraudRule(name="broken", look=_broken)],
    )
    assert flags == (Flag(rule="broken", mode=SHADOW, inputs={"failed": True}),)
    assert verdict(flags) is OFF


@pytest.mark.parametrize("mode", [REVIEW, BLOCK])
def test_a_rule_that_fails_holds_and_never_denies(mode: FraudMode) -> None:
    flags = flags_of(
        HONEST,
        FraudTerms(modes={"broken": mode}),
        rules=[FraudRule(name="broken", look=_broken)],
    )
    assert flags == (Flag(rule="broken", mode=REVIEW, inputs={"failed": True}),)
    assert verdict(flags) is REVIEW


def test_a_page_that_cannot_be_read_holds() -> None:
    terms = FraudTerms(modes={"paid_traffic": BLOCK})
    flags = flags_of(some_signals(landing_url="https://["), terms)
    assert verdict(flags) is REVIEW


def test_a_rule_that_fails_does_not_keep_the_others_from_being_run() -> None:
    broken = FraudRule(name="broken", look=_broken)
    terms = FraudTerms(modes={"broken": REVIEW, "same_person": BLOCK})
    flags = flags_of(some_signals(friend_id=ANNA), terms, rules=[broken, *RULES])
    assert _modes(flags) == {"broken": REVIEW, "same_person": BLOCK}


@pytest.mark.parametrize("mode", [SHADOW, REVIEW, BLOCK])
def test_a_shared_network_alone_is_recorded_and_has_no_effect(mode: FraudMode) -> None:
    flags = flags_of(AT_THE_ADVOCATES, FraudTerms(modes={"same_network": mode}))
    assert _modes(flags) == {"same_network": SHADOW}
    assert verdict(flags) is OFF


def test_a_shared_network_beside_a_shadow_has_no_effect_either() -> None:
    terms = FraudTerms(modes={"same_network": BLOCK, "same_email": SHADOW})
    flags = flags_of(some_signals(network_owners=(ANNA,), email_owners=(ANNA,)), terms)
    assert _modes(flags) == {"same_email": SHADOW, "same_network": SHADOW}
    assert verdict(flags) is OFF


def test_a_shared_network_beside_a_rule_that_failed_does_not_deny() -> None:
    broken = FraudRule(name="broken", look=_broken)
    terms = FraudTerms(modes={"same_network": BLOCK, "broken": BLOCK})
    flags = flags_of(AT_THE_ADVOCATES, terms, rules=[broken, *RULES])
    assert _modes(flags) == {"broken": REVIEW, "same_network": SHADOW}
    assert verdict(flags) is REVIEW


def test_a_shared_network_beside_another_flag_does_what_its_mode_says() -> None:
    terms = FraudTerms(modes={"same_network": BLOCK, "same_email": REVIEW})
    flags = flags_of(some_signals(network_owners=(ANNA,), email_owners=(ANNA,)), terms)
    assert _modes(flags) == {"same_email": REVIEW, "same_network": BLOCK}
    assert verdict(flags) is BLOCK


def test_a_verdict_trusts_no_flag_of_a_network_alone() -> None:
    assert verdict([Flag(rule="same_network", mode=BLOCK)]) is OFF


def test_the_limit_of_the_terms_takes_the_place_of_the_rules_own() -> None:
    signals = some_signals(recent_signups=3)
    modes = {"velocity": REVIEW}
    assert flags_of(signals, FraudTerms(modes=modes)) == ()
    assert flags_of(signals, FraudTerms(modes=modes, limits={"velocity": 2})) != ()


def test_no_flag_carries_personal_data() -> None:
    signals = some_signals(
        friend_id=ANNA,
        email_owners=(ANNA,),
        payment_owners=(ANNA,),
        network_owners=(ANNA,),
        is_disposable_address=True,
        recent_signups=99,
        friend_name="Anna Petrova",
        clicked_at=HONEST.signed_up_at,
        landing_url="https://shop.example/?gclid=Cj0",
    )
    flags = flags_of(signals, ALL_BLOCK)
    assert len(flags) == len(RULES)
    values = [value for flag in flags for value in flag.inputs.values()]
    assert {type(value) for value in values} == {int, bool}


def test_signals_do_not_show_personal_data_in_logs() -> None:
    shown = repr(HONEST)
    assert not [each for each in ("Anna", "Orlov", "c-1", "shop.example") if each in shown]
    assert BORIS in shown


def test_terms_are_told_of_unknown_rules_and_of_limits_that_make_no_sense() -> None:
    terms = FraudTerms(
        modes={"sam_email": BLOCK, "same_email": BLOCK},
        limits={"velocity": 0, "similar_names": 101, "same_person": 3, "x": 1, "too_fast": 9},
    )
    assert [(fault.field, fault.says) for fault in fraud_faults(terms)] == [
        ("fraud.sam_email", "names no fraud rule"),
        ("fraud.x", "names no fraud rule"),
        ("fraud.same_person.limit", "is set, and the rule has none"),
        ("fraud.similar_names.limit", "is above 100"),
        ("fraud.velocity.limit", "is below 1"),
    ]


def test_one_value_has_another_hash_under_another_key_and_as_another_kind() -> None:
    hashes = {
        signal_hash(kind, "anna@mail.example", key=key)
        for kind in SignalKind
        for key in (b"one key", b"another key")
    }
    assert len(hashes) == 6
    assert all(len(each) == 32 for each in hashes)
