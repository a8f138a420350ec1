"""Rewards that nobody could be handed in time lapse: the money goes back, once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from referrals.domain.events import EventName
from referrals.domain.programs import BudgetTerms
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind, RewardRule
from referrals.store import budgets, coupons, events
from referrals.store.transactions import read
from referrals.usecases.apply_program import apply_program
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import NOON, TEA, Purse, a_click_of, buy, enrol, give_back, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

COUPON = replace(shop.ADVOCATE_COUPON, expires_after_days=30)
CASH = replace(
    shop.ADVOCATE_TENTH,
    rule_id="cash",
    kind=RewardKind.CASH,
    expires_after_days=30,
    hold_days=0,
)
EXPIRY = NOON + timedelta(days=30)


def earned(rule: RewardRule = COUPON) -> None:
    """Let Anna earn a reward that nobody can be handed yet, out of a budget of ten."""
    program = replace(shop.a_program(rules=[rule]), budget=BudgetTerms(total_minor=1_000))
    apply_program(program, now=NOON)
    enrol("anna", code="ANNA10")
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=NOON)


def annas() -> Reward:
    (reward,) = shop.rewards_of("anna")
    return reward


def spent() -> int:
    wanted = budgets.wanted_all(TEA)
    read(*wanted)
    return sum(part.spent_minor for part in budgets.found(wanted))


def test_what_is_not_handed_over_in_time_lapses_and_the_budget_has_it_back() -> None:
    earned()
    assert (annas().state, annas().expires_at, spent()) == (RewardState.AVAILABLE, EXPIRY, 400)
    shop.fulfil_all("anna", now=EXPIRY - timedelta(seconds=1))
    assert annas().state is RewardState.AVAILABLE
    shop.fulfil_all("anna", now=EXPIRY)
    assert (annas().state, annas().due_at, annas().draws) == (RewardState.EXPIRED, None, ())
    assert purse_of("anna") == Purse()
    assert spent() == 0
    assert annas().because == "Promised for order A-1; not taken up in time."
    told = [each for each in events.iter_all() if each.name is EventName.REWARD_EXPIRED]
    assert len(told) == 1
    assert verify_ledger().faults == ()


def test_a_reward_that_people_hand_over_comes_up_again_when_it_expires() -> None:
    earned(CASH)
    assert annas().due_at == EXPIRY
    shop.fulfil_all("anna", now=EXPIRY)
    assert (annas().state, spent()) == (RewardState.EXPIRED, 0)


def test_what_has_lapsed_stays_lapsed_when_the_stock_is_filled() -> None:
    earned()
    shop.fulfil_all("anna", now=EXPIRY)
    coupons.add(TEA, "thanks", "TEA-1")
    before = shop.dump()
    shop.fulfil_all("anna", now=EXPIRY + timedelta(days=1))
    assert shop.dump() == before


def test_what_is_handed_over_in_time_does_not_lapse() -> None:
    earned()
    coupons.add(TEA, "thanks", "TEA-1")
    shop.fulfil_all("anna", now=EXPIRY - timedelta(minutes=1))
    shop.fulfil_all("anna", now=EXPIRY)
    assert (annas().state, spent()) == (RewardState.FULFILLED, 400)


def test_a_reward_is_never_both_handed_over_and_lapsed() -> None:
    earned()
    coupons.add(TEA, "thanks", "TEA-1")
    shortly_before = EXPIRY - timedelta(seconds=1)
    at_once(
        [
            *[lambda: shop.fulfil_all("anna", now=shortly_before)] * 5,
            *[lambda: shop.fulfil_all("anna", now=EXPIRY)] * 5,
        ]
    )
    if annas().state is RewardState.EXPIRED:
        assert (purse_of("anna"), spent()) == (Purse(), 0)
        assert coupons.count(TEA, "thanks") == (1, 0)
    else:
        assert annas().state is RewardState.FULFILLED
        assert (purse_of("anna"), spent()) == (Purse(paid=400), 400)
        assert coupons.count(TEA, "thanks") == (0, 1)
    assert verify_ledger().faults == ()


def test_a_refund_after_the_expiry_moves_no_money() -> None:
    earned()
    shop.fulfil_all("anna", now=EXPIRY)
    journals = shop.dump()["journals"]
    give_back(amount_minor=5_000, now=EXPIRY)
    assert shop.dump()["journals"] == journals
    assert (annas().state, purse_of("anna"), spent()) == (RewardState.EXPIRED, Purse(), 0)
    assert verify_ledger().faults == ()


def test_a_refund_before_the_expiry_leaves_less_to_lapse() -> None:
    earned(CASH)
    give_back(amount_minor=1_000)
    assert (purse_of("anna"), spent()) == (Purse(available=400), 400)
    shop.fulfil_all("anna", now=EXPIRY)
    assert (purse_of("anna"), spent()) == (Purse(), 0)
    assert verify_ledger().faults == ()


def test_a_refund_and_the_expiry_at_once_give_the_money_back_once() -> None:
    earned()
    at_once(
        [
            lambda: shop.fulfil_all("anna", now=EXPIRY),
            lambda: give_back(amount_minor=5_000, now=EXPIRY),
        ]
    )
    assert annas().state in {RewardState.EXPIRED, RewardState.VOIDED}
    assert (purse_of("anna"), spent()) == (Purse(), 0)
    assert verify_ledger().faults == ()
