"""Gifts: a unit of a stock each, which returns when the gift is taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from referrals.domain.rewards import RewardState
from referrals.domain.rules import Flat, RewardKind
from referrals.store import coupons
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import LATER, TEA, Purse, a_click_of, buy, give_back, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

TEAPOT = replace(
    shop.ADVOCATE_TENTH,
    rule_id="teapot",
    kind=RewardKind.GIFT,
    reward=Flat(amount_minor=1_500),
    pool="teapots",
)
AN_HOUR_LATER = LATER + timedelta(hours=1)


def stock(*units: str) -> None:
    for unit in units:
        coupons.add(TEA, "teapots", unit)


def earn_teapots(count: int = 1) -> None:
    shop.open_shop(rules=[TEAPOT])
    for number in range(count):
        buy(order_id=f"A-{number}", clicks=[a_click_of()])


def states() -> list[RewardState]:
    return sorted(reward.state for reward in shop.rewards_of("anna"))


def test_a_gift_takes_a_unit_of_its_stock() -> None:
    earn_teapots()
    stock("D1-1", "D1-2")
    shop.fulfil_all("anna", now=LATER)
    (reward,) = shop.rewards_of("anna")
    assert (reward.handed_over or {})["gift_unit"] in {"D1-1", "D1-2"}
    assert coupons.count(TEA, "teapots") == (1, 1)
    assert purse_of("anna") == Purse(paid=1_500)


def test_gifts_wait_for_stock_and_go_out_when_it_is_filled() -> None:
    earn_teapots(3)
    stock("D1-1")
    shop.fulfil_all("anna", now=LATER)
    assert states() == [RewardState.AVAILABLE, RewardState.AVAILABLE, RewardState.FULFILLED]
    stock("D2-1", "D2-2")
    shop.fulfil_all("anna", now=AN_HOUR_LATER)
    assert states() == [RewardState.FULFILLED] * 3
    assert coupons.count(TEA, "teapots") == (0, 3)
    assert verify_ledger().faults == ()


def test_the_unit_of_a_gift_that_is_clawed_back_goes_to_whoever_waits() -> None:
    earn_teapots(2)
    stock("D1-1")
    shop.fulfil_all("anna", now=LATER)
    (out,) = [each for each in shop.rewards_of("anna") if each.state is RewardState.FULFILLED]
    give_back(order_id=str(out.order_id), amount_minor=5_000, now=LATER)
    assert coupons.count(TEA, "teapots") == (1, 0)
    assert purse_of("anna") == Purse(available=1_500, paid=1_500, debt=-1_500)
    shop.fulfil_all("anna", now=AN_HOUR_LATER)
    assert states() == [RewardState.CLAWED_BACK, RewardState.FULFILLED]
    assert coupons.count(TEA, "teapots") == (0, 1)
    assert verify_ledger().faults == ()


def test_a_refund_in_part_takes_no_part_of_a_gift_back() -> None:
    earn_teapots()
    stock("D1-1")
    shop.fulfil_all("anna", now=LATER)
    give_back(order_id="A-0", amount_minor=1_000, now=LATER)
    assert states() == [RewardState.FULFILLED]
    assert coupons.count(TEA, "teapots") == (0, 1)


def test_a_gift_that_was_never_handed_over_gives_nothing_back_to_the_stock() -> None:
    earn_teapots()
    shop.fulfil_all("anna", now=LATER)
    stock("D1-1")
    give_back(order_id="A-0", amount_minor=5_000, now=LATER)
    assert states() == [RewardState.VOIDED]
    assert coupons.count(TEA, "teapots") == (1, 0)


def test_the_same_refund_twice_puts_one_unit_back() -> None:
    earn_teapots()
    stock("D1-1")
    shop.fulfil_all("anna", now=LATER)
    for _ in range(2):
        give_back(order_id="A-0", amount_minor=5_000, now=LATER)
    assert coupons.count(TEA, "teapots") == (1, 0)


def test_a_hand_over_and_a_refund_at_once_neither_lose_nor_double_a_unit() -> None:
    earn_teapots()
    stock("D1-1")
    at_once(
        [
            lambda: shop.fulfil_all("anna", now=LATER),
            lambda: give_back(order_id="A-0", amount_minor=5_000, now=LATER),
        ]
    )
    shop.fulfil_all("anna", now=AN_HOUR_LATER)
    assert states() in ([RewardState.VOIDED], [RewardState.CLAWED_BACK])
    assert coupons.count(TEA, "teapots") == (1, 0)
    assert verify_ledger().faults == ()
