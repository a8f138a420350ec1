"""Debts are paid by the next rewards of the same unit, before anything of these is handed over."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local import engine
from referrals.domain.events import EventName
from referrals.domain.ledger import moved, read_journal
from referrals.domain.programs import BudgetTerms
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import Flat, RewardKind, RewardRule
from referrals.store import budgets, coupons, events, ledger
from referrals.store.rewards import RewardKey
from referrals.store.transactions import read
from referrals.usecases.apply_program import apply_program
from referrals.usecases.confirm_hand_over import confirm_hand_over
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import NOON, TEA, Purse, a_click_of, buy, enrol, give_back, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

CREDIT = replace(shop.ADVOCATE_TENTH, hold_days=0)
CASH = replace(CREDIT, rule_id="cash", kind=RewardKind.CASH, expires_after_days=30)
POINTS = replace(CREDIT, rule_id="points", kind=RewardKind.POINTS, reward=Flat(amount_minor=50))
COUPON = replace(shop.ADVOCATE_COUPON, hold_days=0)
EXPIRY = NOON + timedelta(days=30)


def in_debt(*rules: RewardRule) -> None:
    """Let Anna owe 500: a reward was paid, and its order refunded."""
    terms = shop.a_program(rules=rules or [CREDIT])
    apply_program(replace(terms, budget=BudgetTerms(total_minor=100_000)), now=NOON)
    enrol("anna", code="ANNA10")
    earn("A-1", 5_000)
    give_back(order_id="A-1", refund_id="R-1", amount_minor=5_000)


def earn(order_id: str, amount_minor: int) -> Reward:
    """Let Anna earn the rewards of an order and have them handed over; gives the last."""
    buy(order_id=order_id, amount_minor=amount_minor, clicks=[a_click_of()])
    shop.fulfil_all("anna", now=NOON)
    return reward_of(order_id)


def reward_of(order_id: str, kind: RewardKind | None = None) -> Reward:
    found = [each for each in shop.rewards_of("anna") if each.order_id == order_id]
    return next(each for each in found if kind in {None, each.kind})


def spent() -> int:
    wanted = budgets.wanted_all(TEA)
    read(*wanted)
    return sum(part.spent_minor for part in budgets.found(wanted))


def assert_all_sums_are_right() -> None:
    """Add every journal up: to nothing in all, and to what each balance says."""
    postings = [
        posting
        for _, canonical, _ in ledger.iter_journals()
        for posting in read_journal(canonical).postings
    ]
    sums = moved(postings)
    units: Counter[str] = Counter()
    for (_, unit), amount in sums.items():
        units[unit] += amount
    assert set(units.values()) <= {0}
    for balance in ledger.iter_balances():
        for key, amount in balance.amounts.items():
            place, unit = key.split(":")
            assert sums[f"person:{balance.person_id}:{place}", unit] == amount
    assert verify_ledger().faults == ()


def test_a_debt_is_paid_by_the_next_rewards_until_nothing_of_it_is_left() -> None:
    in_debt()
    assert purse_of("anna") == Purse(paid=500, debt=-500)
    first = earn("A-2", 3_000)
    assert (first.state, first.netted_minor, first.to_hand_over_minor) == (
        RewardState.FULFILLED,
        300,
        0,
    )
    assert purse_of("anna") == Purse(paid=500, debt=-200)
    second = earn("A-3", 3_000)
    assert (second.netted_minor, second.to_hand_over_minor) == (200, 100)
    assert purse_of("anna") == Purse(paid=600)
    assert earn("A-4", 3_000).netted_minor == 0
    assert purse_of("anna") == Purse(paid=900)
    assert spent() == 900
    assert_all_sums_are_right()


def test_a_reward_that_paid_a_debt_as_a_whole_ends_without_a_hand_over() -> None:
    in_debt(CREDIT, CASH)
    assert reward_of("A-1", RewardKind.CASH).state is RewardState.VOIDED
    earn("A-2", 2_000)
    cash = reward_of("A-2", RewardKind.CASH)
    assert (cash.state, cash.netted_minor, cash.handed_over) == (RewardState.FULFILLED, 200, {})
    told = [each for each in events.iter_all() if each.name is EventName.REWARD_NETTED]
    assert [each.data["paid_minor"] for each in told] == [200, 200]
    assert_all_sums_are_right()


def test_a_debt_in_money_is_not_paid_in_points() -> None:
    in_debt(CREDIT)
    apply_program(shop.a_program(rules=[POINTS]), now=NOON)
    earn("A-2", 1_000)
    assert purse_of("anna") == Purse(paid=500, debt=-500)
    assert purse_of("anna", unit="points") == Purse(paid=50)
    assert_all_sums_are_right()


def test_coupons_are_handed_over_whole_whatever_is_owed() -> None:
    in_debt(CREDIT, COUPON)
    coupons.add(TEA, "thanks", "TEA-1")
    earn("A-2", 1_000)
    coupon = reward_of("A-2", RewardKind.COUPON)
    assert (coupon.state, coupon.netted_minor) == (RewardState.FULFILLED, 0)
    assert purse_of("anna") == Purse(paid=900, debt=-400)
    assert_all_sums_are_right()


def test_a_refund_of_what_paid_a_debt_brings_the_debt_back() -> None:
    in_debt()
    earn("A-2", 3_000)
    give_back(order_id="A-2", refund_id="R-2", amount_minor=3_000)
    assert reward_of("A-2").state is RewardState.CLAWED_BACK
    assert purse_of("anna") == Purse(paid=500, debt=-500)
    assert spent() == 0
    assert_all_sums_are_right()


def test_a_refund_in_part_of_what_paid_a_debt_in_part_owes_that_part() -> None:
    in_debt()
    earn("A-2", 8_000)
    assert purse_of("anna") == Purse(paid=800)
    give_back(order_id="A-2", refund_id="R-2", amount_minor=2_000)
    assert purse_of("anna") == Purse(paid=800, debt=-200)
    assert (reward_of("A-2").remaining_minor, spent()) == (600, 600)
    assert_all_sums_are_right()


def cash_in_debt() -> None:
    """Let Anna owe 500 that people had handed over, and earn 800 more in cash."""
    apply_program(
        replace(shop.a_program(rules=[CASH]), budget=BudgetTerms(total_minor=100_000)), now=NOON
    )
    enrol("anna", code="ANNA10")
    earn("A-1", 5_000)
    confirm("A-1")
    give_back(order_id="A-1", refund_id="R-1", amount_minor=5_000)
    earn("A-2", 8_000)


def confirm(order_id: str) -> None:
    reward = reward_of(order_id)
    key = RewardKey(program_id=TEA, owner_id=reward.owner_id, reward_id=reward.reward_id)
    confirm_hand_over(key, reference=f"transfer {order_id}", actor="olga", now=NOON)


def test_cash_that_waits_for_people_is_less_by_what_was_owed() -> None:
    cash_in_debt()
    assert (reward_of("A-2").state, reward_of("A-2").to_hand_over_minor) == (
        RewardState.AVAILABLE,
        300,
    )
    assert purse_of("anna") == Purse(available=300, paid=500)
    confirm("A-2")
    assert purse_of("anna") == Purse(paid=800)
    assert_all_sums_are_right()


def test_a_refund_of_cash_that_waits_voids_what_waits_before_it_brings_the_debt_back() -> None:
    cash_in_debt()
    give_back(order_id="A-2", refund_id="R-2", amount_minor=1_000)
    assert purse_of("anna") == Purse(available=200, paid=500)
    give_back(order_id="A-2", refund_id="R-3", amount_minor=7_000)
    assert reward_of("A-2").state is RewardState.VOIDED
    assert (purse_of("anna"), spent()) == (Purse(paid=500, debt=-500), 0)
    assert_all_sums_are_right()


def test_of_cash_that_expires_the_part_that_paid_a_debt_stays_paid() -> None:
    cash_in_debt()
    shop.fulfil_all("anna", now=EXPIRY)
    assert reward_of("A-2").state is RewardState.EXPIRED
    assert (purse_of("anna"), spent()) == (Purse(paid=500), 500)
    assert_all_sums_are_right()


def test_a_refund_after_the_expiry_brings_back_the_debt_that_was_paid() -> None:
    cash_in_debt()
    shop.fulfil_all("anna", now=EXPIRY)
    give_back(order_id="A-2", refund_id="R-2", amount_minor=8_000, now=EXPIRY)
    assert reward_of("A-2").state is RewardState.EXPIRED
    assert (purse_of("anna"), spent()) == (Purse(paid=500, debt=-500), 0)
    assert_all_sums_are_right()


def test_rewards_that_are_handed_over_at_once_pay_a_debt_once() -> None:
    in_debt()
    for number in range(6):
        buy(order_id=f"B-{number}", amount_minor=2_000, clicks=[a_click_of()])
    keys = shop.reward_keys("anna")
    at_once([lambda key=key: fulfil_reward(key, now=NOON) for key in keys])  # type: ignore[misc]
    assert purse_of("anna") == Purse(paid=500 + 6 * 200 - 500)
    assert sum(each.netted_minor for each in shop.rewards_of("anna")) == 500
    assert_all_sums_are_right()


def test_netting_that_is_cut_off_anywhere_is_done_once() -> None:
    in_debt()
    buy(order_id="A-2", amount_minor=8_000, clicks=[a_click_of()])
    tables = engine.copied_tables()
    calls = every_kill(lambda: shop.fulfil_all("anna", now=NOON))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                shop.fulfil_all("anna", now=NOON)
            shop.fulfil_all("anna", now=NOON)
            assert shop.dump() == once
    assert purse_of("anna") == Purse(paid=800)


@pytest.mark.parametrize("amount_minor", [3_000, 8_000])
def test_a_refund_while_a_reward_pays_a_debt_leaves_the_debt_as_it_was(amount_minor: int) -> None:
    in_debt()
    buy(order_id="A-2", amount_minor=amount_minor, clicks=[a_click_of()])
    tables = engine.copied_tables()
    calls = every_kill(lambda: shop.fulfil_all("anna", now=NOON))
    for at_call in range(1, calls + 1):
        engine.put_tables(tables)
        with killed(at_call=at_call, is_after=True), pytest.raises(KilledError):
            shop.fulfil_all("anna", now=NOON)
        give_back(order_id="A-2", refund_id="R-2", amount_minor=amount_minor)
        shop.fulfil_all("anna", now=NOON)
        purse = purse_of("anna")
        assert purse.paid + purse.debt == 0
        assert (purse.held, purse.available, spent()) == (0, 0, 0)
        assert reward_of("A-2").state in {RewardState.VOIDED, RewardState.CLAWED_BACK}
        assert_all_sums_are_right()
