"""Accounts for payouts: given once or again, found by the next payday, gone with their owner."""

from dataclasses import replace
from datetime import datetime

import pytest

from referrals.domain.details import PayeeDetails
from referrals.domain.errors import PersonForgottenError
from referrals.domain.events import EventName
from referrals.store import details
from referrals.usecases.export_payouts import export_payouts
from referrals.usecases.forget_person import forget_person
from referrals.usecases.give_details import give_payee
from referrals.usecases.replay_log import replay_log
from referrals.usecases.start_payouts import PayoutRun, start_payouts
from tests import shop
from tests.shop import KEYS, NOON, TEA
from tests.usecases.test_payouts import A_DAY, ANNA, BY_BANK, IBAN, earn, open_shop, told
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

ACCOUNT = PayeeDetails(person_id=ANNA, name="Anna Tee", iban=IBAN)
OTHER = replace(ACCOUNT, name="Other", iban="BG80BNBG96611020345678")


def give(account: PayeeDetails = ACCOUNT, *, now: datetime = NOON) -> None:
    give_payee(account, program_id=TEA, now=now)


def given() -> list[tuple[str, datetime]]:
    """Say who is told to have given an account, and when, the first first."""
    changes = [
        (str(each.data["person_id"]), each.occurred_at) for each in told(EventName.PAYEE_CHANGED)
    ]
    return sorted(changes, key=lambda each: each[1])


def test_an_account_lets_the_next_payday_pay_and_stands_in_the_file() -> None:
    open_shop(BY_BANK)
    earn(500)
    assert start_payouts(now=NOON) == PayoutRun(unreachable=1)
    give()
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert f",Anna Tee,{IBAN},5.00,EUR," in export_payouts(now=NOON + A_DAY).text


def test_an_account_given_again_takes_the_place_of_the_first() -> None:
    give()
    give(replace(ACCOUNT, name="Anna Teekanne"))
    kept = details.find_payee(ANNA)
    assert kept is not None
    assert kept.name == "Anna Teekanne"


def test_two_accounts_at_once_leave_one_of_them_whole() -> None:
    at_once([give, lambda: give(OTHER)])
    kept = details.find_payee(ANNA)
    assert kept is not None
    assert (kept.name, kept.iban) in {("Anna Tee", IBAN), ("Other", "BG80BNBG96611020345678")}
    assert given() == [(ANNA, NOON)] * 2


def test_an_account_is_told_of_in_the_program_that_asked_and_nothing_of_it_is() -> None:
    give()
    (change,) = told(EventName.PAYEE_CHANGED)
    assert (change.program_id, change.occurred_at) == (TEA, NOON)
    assert change.data == {"person_id": ANNA}


def test_the_very_same_account_given_again_changes_nothing_and_is_not_told_of() -> None:
    give()
    before = shop.dump()
    give(now=NOON + A_DAY)
    assert shop.dump() == before


def test_each_change_of_an_account_is_told_of_also_back_to_the_first() -> None:
    for days, account in enumerate((ACCOUNT, OTHER, ACCOUNT)):
        give(account, now=NOON + days * A_DAY)
    assert given() == [(ANNA, NOON), (ANNA, NOON + A_DAY), (ANNA, NOON + 2 * A_DAY)]
    assert len({each.event_id for each in told(EventName.PAYEE_CHANGED)}) == 3


def test_whoever_is_forgotten_has_no_account_and_gives_none() -> None:
    open_shop(BY_BANK)
    earn(500)
    shop.enrol("anna")
    give()
    forget_person("anna", keys=KEYS, now=NOON)
    assert shop.dump()["details"] == []
    with pytest.raises(PersonForgottenError):
        give()
    assert shop.dump()["details"] == []
    assert given() == [(ANNA, NOON)]


def test_an_account_leaves_nothing_to_rebuild_from_the_log() -> None:
    shop.open_shop()
    give()
    assert replay_log().faults == ()
