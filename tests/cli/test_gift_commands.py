"""Gifts by post from the command line: what is to be sent, where, and that it was."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner, Result

from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.details import ShippingDetails
from referrals.domain.ids import person_id
from referrals.domain.rules import Flat, RewardKind
from referrals.runtime import clock
from referrals.store import coupons
from referrals.usecases.forget_person import forget_person
from referrals.usecases.give_details import give_shipping
from tests import shop
from tests.shop import KEYS, LATER, NOON, TEA, a_click_of, buy

TEAPOT = replace(
    shop.ADVOCATE_TENTH,
    rule_id="teapot",
    kind=RewardKind.GIFT,
    reward=Flat(amount_minor=1_500),
    pool="teapots",
    ships=True,
)


@pytest.fixture(autouse=True)
def _shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a teapot for Anna be packed, and let no line be broken."""
    monkeypatch.setattr(out, "_width", 200)
    shop.open_shop(rules=[TEAPOT])
    coupons.add(TEA, "teapots", "D1-1")
    buy(clicks=[a_click_of()])
    address = ShippingDetails(
        person_id=person_id("anna", key=KEYS.identity),
        name="Anna [b]Tee[/b]",
        street="Teestraße 1",
        postal_code="10115",
        city="Berlin",
        country="DE",
    )
    give_shipping(address, now=NOON)
    shop.fulfil_all("anna", now=LATER)


def run(*arguments: str) -> Result:
    clock.set_source(lambda: LATER)
    return CliRunner().invoke(app, ["gifts", *arguments])


def reward_id() -> str:
    (reward,) = shop.rewards_of("anna")
    return reward.reward_id


def test_what_is_to_be_sent_is_listed_with_its_address() -> None:
    shown = run("to-ship", "tea").output
    for word in (reward_id(), "D1-1", "Anna [b]Tee[/b]", "Teestraße 1", "10115 Berlin", "DE"):
        assert word in shown


def test_whoever_was_forgotten_has_no_address_any_more() -> None:
    forget_person("anna", keys=KEYS, now=LATER)
    shown = run("to-ship", "tea").output
    assert "deleted: its owner was forgotten" in shown
    assert "Teestraße" not in shown


def test_what_was_sent_leaves_the_list() -> None:
    sent = run("shipped", "tea", reward_id(), "--reference", "DHL 1")
    assert sent.output == f"{reward_id()}: sent, DHL 1\n"
    assert reward_id() not in run("to-ship", "tea").output
    assert run("shipped", "tea", reward_id(), "--reference", "DHL 1").exit_code == 0


@pytest.mark.parametrize("other", ["DHL 2", "dhl 1"])
def test_another_reference_is_refused(other: str) -> None:
    run("shipped", "tea", reward_id(), "--reference", "DHL 1")
    answer = run("shipped", "tea", reward_id(), "--reference", other)
    assert (answer.exit_code, reward_id() in answer.output) == (1, True)


def test_a_reward_that_is_not_packed_is_refused() -> None:
    assert run("shipped", "tea", "rwd_nothing", "--reference", "DHL 1").exit_code == 1
