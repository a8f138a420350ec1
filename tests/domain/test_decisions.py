"""Decisions: every "no" has words that an operator and an advocate can read."""

import pytest

from referrals.domain.decisions import SAYS_TO_ADVOCATE, Reason, decision


def test_every_reason_has_words_for_the_advocate() -> None:
    assert set(SAYS_TO_ADVOCATE) == set(Reason)


def test_no_two_reasons_are_told_alike() -> None:
    assert len(set(SAYS_TO_ADVOCATE.values())) == len(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_what_an_advocate_is_told_is_one_sentence(reason: Reason) -> None:
    says = SAYS_TO_ADVOCATE[reason]
    assert says[0].isupper()
    assert says.endswith(".")
    assert says.count(".") == 1
    assert len(says) <= 80


@pytest.mark.parametrize("reason", Reason)
def test_what_an_advocate_is_told_names_no_field_and_no_number(reason: Reason) -> None:
    says = SAYS_TO_ADVOCATE[reason]
    assert "_" not in says
    assert not any(sign.isdigit() for sign in says)


def test_a_rule_that_said_yes_granted() -> None:
    granted = decision("reward:advocate-tenth", 3)
    assert (granted.outcome, granted.reason) == ("granted", None)
    assert granted.says == "This counts."


@pytest.mark.parametrize("reason", Reason)
def test_a_rule_that_said_no_declined_for_its_reason(reason: Reason) -> None:
    declined = decision("reward:advocate-tenth", 3, reason)
    assert declined.outcome == "declined"
    assert declined.says == SAYS_TO_ADVOCATE[reason]


def test_an_operator_reads_all_that_was_looked_at_in_one_line() -> None:
    declined = decision("reward:advocate-tenth", 3, Reason.BELOW_MINIMUM, order_minor=1_999, rank=1)
    assert declined.says_to_operator == (
        "reward:advocate-tenth (terms v3) no: below_minimum [order_minor=1999, rank=1]"
    )


def test_an_operator_reads_a_rule_that_was_given_nothing() -> None:
    assert decision("program", 1).says_to_operator == "program (terms v1) granted"
