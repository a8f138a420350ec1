"""Rewards and gifts from the command line."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from referrals import settings
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Flat, RewardKind
from referrals.runtime import clock
from referrals.store import coupons
from tests import shop
from tests.shop import LATER, TEA, Purse, a_click_of, buy, purse_of

CASH = replace(shop.ADVOCATE_TENTH, rule_id="advocate-cash", kind=RewardKind.CASH)
TEAPOT = replace(
    CASH,
    rule_id="teapot",
    kind=RewardKind.GIFT,
    reward=Flat(amount_minor=1_500),
    pool="teapots",
)
OF_ANNA = ("--customer", "anna", "--program", "tea")


@pytest.fixture(autouse=True)
def _shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Anna have earned cash and a teapot, and let no line be broken."""
    monkeypatch.setattr(out, "_width", 200)
    secret: Any = boto3.client("secretsmanager")
    content = json.dumps({"current": shop.KEYS.identity.decode()})
    secret.create_secret(Name=settings.table_name("identity-key"), SecretString=content)
    shop.open_shop(rules=[CASH, TEAPOT])
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=LATER)


def run(*arguments: str) -> Result:
    clock.set_source(lambda: LATER)
    return CliRunner().invoke(app, arguments)


def cash_id() -> str:
    return next(each for each in shop.rewards_of("anna") if each.rule_id == CASH.rule_id).reward_id


def test_the_rewards_of_a_customer_are_listed_with_what_is_to_be_handed_over() -> None:
    shown = run("rewards", "list", *OF_ANNA).output
    assert cash_id() in shown
    assert "5.00 EUR" in shown
    assert "15.00 EUR" in shown
    assert "Promised for order A-1." in shown


def test_rewards_of_one_state_are_listed_alone() -> None:
    assert cash_id() in run("rewards", "list", *OF_ANNA, "--state", "available").output
    assert cash_id() not in run("rewards", "list", *OF_ANNA, "--state", "held").output


def confirm(reference: str) -> Result:
    return run(
        *("rewards", "confirm", cash_id(), *OF_ANNA),
        *("--reference", reference, "--actor", "olga"),
    )


def test_a_hand_over_is_confirmed_with_its_reference_and_once() -> None:
    done = confirm("transfer 7")
    assert (done.exit_code, done.output.strip()) == (
        0,
        f"{cash_id()}: 5.00 EUR handed over, transfer 7",
    )
    assert purse_of("anna") == Purse(available=1_500, paid=500)
    assert confirm("transfer 7").exit_code == 0
    other = confirm("transfer 8")
    assert (other.exit_code, "not with this reference" in other.output) == (1, True)
    assert purse_of("anna") == Purse(available=1_500, paid=500)


def come_back(reference: str) -> Result:
    return CliRunner().invoke(
        app,
        [
            *("rewards", "came-back", cash_id(), *OF_ANNA, "--reference", reference),
            *("--reason", "account closed", "--actor", "olga"),
        ],
    )


def test_a_hand_over_that_came_back_is_available_again() -> None:
    confirm("transfer 7")
    other = come_back("transfer 8")
    assert other.exit_code == 1
    assert "not with this reference" in other.output
    assert "is available" in come_back("transfer 7").output
    assert come_back("transfer 7").exit_code == 0
    assert "handed over, transfer 9" in confirm("transfer 9").output


def test_a_reward_of_nobody_is_not_confirmed() -> None:
    answer = run(
        *("rewards", "confirm", "rwd_unknown", *OF_ANNA),
        *("--reference", "transfer 7", "--actor", "olga"),
    )
    assert (answer.exit_code, "nobody was promised" in answer.output) == (1, True)


def test_a_delivery_fills_a_stock_once_and_what_waited_goes_out() -> None:
    delivery = ("gifts", "add", "tea", "teapots", "--units", "3", "--name", "D1")
    assert run(*delivery).output == "3 new units in teapots; 1 of what waited goes out\n"
    assert run(*delivery).output == "0 new units in teapots\n"
    assert run("gifts", "count", "tea", "teapots").output == "teapots: 3 left, 0 handed out\n"
    shop.fulfil_all("anna", now=LATER)  # at once, not in an hour
    assert run("gifts", "count", "tea", "teapots").output == "teapots: 2 left, 1 handed out\n"
    states = {each.kind: each.state for each in shop.rewards_of("anna")}
    assert states[RewardKind.GIFT] is RewardState.FULFILLED


def test_a_longer_delivery_of_the_same_name_adds_what_is_missing() -> None:
    run("gifts", "add", "tea", "teapots", "--units", "2", "--name", "D1")
    more = run("gifts", "add", "tea", "teapots", "--units", "5", "--name", "D1")
    assert more.output == "3 new units in teapots\n"
    assert coupons.count(TEA, "teapots") == (5, 0)


@pytest.mark.parametrize(
    ("stock", "name"), [("samovars", "D1"), ("teapots", ""), ("teapots", "x" * 41)]
)
def test_a_stock_that_nothing_names_and_a_name_that_is_none_are_refused(
    stock: str, name: str
) -> None:
    answer = run("gifts", "add", "tea", stock, "--units", "1", "--name", name)
    assert answer.exit_code == 1
    assert coupons.count(TEA, "teapots") == (0, 0)


def test_units_of_a_stock_can_be_loaded_by_name_like_coupons(tmp_path: Any) -> None:
    file = tmp_path / "serial-numbers.txt"
    file.write_text("TP-0001\nTP-0002\n")
    added = run("coupons", "add", "tea", "teapots", str(file))
    assert (added.exit_code, coupons.count(TEA, "teapots")) == (0, (2, 0))
