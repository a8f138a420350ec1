"""Accounts for payouts: given once or again, found by the next payday, gone with their owner."""

from dataclasses import replace

import pytest

from referrals.domain.details import PayeeDetails
from referrals.domain.errors import PersonForgottenError
from referrals.store import details
from referrals.usecases.export_payouts import export_payouts
from referrals.usecases.forget_person import forget_person
from referrals.usecases.give_details import give_payee
from referrals.usecases.start_payouts import PayoutRun, start_payouts
from tests import shop
from tests.shop import KEYS, NOON
from tests.usecases.test_payouts import A_DAY, ANNA, BY_BANK, IBAN, earn, open_shop
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

ACCOUNT = PayeeDetails(person_id=ANNA, name="Anna Tee", iban=IBAN)


def test_an_account_lets_the_next_payday_pay_and_stands_in_the_file() -> None:
    open_shop(BY_BANK)
    earn(500)
    assert start_payouts(now=NOON) == PayoutRun(unreachable=1)
    give_payee(ACCOUNT)
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert f",Anna Tee,{IBAN},5.00,EUR," in export_payouts(now=NOON + A_DAY).text


def test_an_account_given_again_takes_the_place_of_the_first() -> None:
    give_payee(ACCOUNT)
    give_payee(replace(ACCOUNT, name="Anna Teekanne"))
    kept = details.find_payee(ANNA)
    assert kept is not None
    assert kept.name == "Anna Teekanne"


def test_two_accounts_at_once_leave_one_of_them_whole() -> None:
    other = replace(ACCOUNT, name="Other", iban="BG80BNBG96611020345678")
    at_once([lambda: give_payee(ACCOUNT), lambda: give_payee(other)])
    kept = details.find_payee(ANNA)
    assert kept is not None
    assert (kept.name, kept.iban) in {("Anna Tee", IBAN), ("Other", other.iban)}


def test_whoever_is_forgotten_has_no_account_and_gives_none() -> None:
    open_shop(BY_BANK)
    earn(500)
    shop.enrol("anna")
    give_payee(ACCOUNT)
    forget_person("anna", keys=KEYS, now=NOON)
    assert shop.dump()["details"] == []
    with pytest.raises(PersonForgottenError):
        give_payee(ACCOUNT)
    assert shop.dump()["details"] == []
