"""Six events of one friend, in each of their 720 orders: the end is the same."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from infra.local import engine
from infra.local.straight_line import straight_line
from referrals.domain.ids import fingerprint, person_id
from referrals.domain.programs import BudgetTerms
from referrals.domain.reports import ChargebackReport, ChargebackStatus
from referrals.domain.rules import Cap, Flat, Milestone, RewardKind, RewardRule, Side, Trigger
from referrals.store import budgets, ledger, programs, referrals, rewards
from referrals.store.transactions import read
from referrals.usecases.apply_program import apply_program
from referrals.usecases.record_chargeback import record_chargeback
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import KEYS, NOON, TEA, a_click_of, buy, give_back, sign_up

pytestmark = pytest.mark.usefixtures("tables")

LATER_THAT_DAY = NOON + timedelta(hours=3)
CLICK = a_click_of()


def disputed(status: ChargebackStatus) -> None:
    report = ChargebackReport(
        program_id=TEA,
        order_id="A-1",
        chargeback_id="CB-1",
        amount_minor=1_111,
        currency="EUR",
        status=status,
        occurred_at=NOON,
        fingerprint=fingerprint("CB-1", key=KEYS.identity),
    )
    record_chargeback(report, now=NOON)


STORY: dict[str, Callable[[], object]] = {
    "sign-up": lambda: sign_up(clicks=[CLICK]),
    "first purchase": lambda: buy(amount_minor=3_333, occurred_at=LATER_THAT_DAY),
    "second purchase": lambda: buy(
        order_id="A-2", amount_minor=4_999, occurred_at=LATER_THAT_DAY, codes=["ANNA10"]
    ),
    "refund in part": lambda: give_back(amount_minor=1_000, occurred_at=LATER_THAT_DAY),
    "chargeback opened": lambda: disputed(ChargebackStatus.OPENED),
    "chargeback won": lambda: disputed(ChargebackStatus.WON),
}

# nothing in these depends on which order came first; what all of it comes to fits caps and budget
RULES = (
    shop.capped(shop.ADVOCATE_TENTH, Cap(rewards=5, amount_minor=5_000)),
    shop.FRIEND_THANKS,
    shop.FRIEND_WELCOME,
    RewardRule(
        rule_id="second-purchase",
        on=Trigger.MILESTONE,
        to=Side.ADVOCATE,
        kind=RewardKind.CREDIT,
        reward=Flat(amount_minor=700),
        hold_days=14,
        milestone=Milestone(at=(2,)),
    ),
)


@pytest.fixture
def opened(tables: None) -> Iterator[Any]:
    """Give the tables of a shop with a budget in which nothing has happened yet."""
    with straight_line():
        shop.open_shop(rules=RULES)
        terms = replace(
            shop.a_program(rules=RULES), budget=BudgetTerms(total_minor=9_000, per_day_minor=9_000)
        )
        apply_program(terms, now=NOON)
        yield engine.copied_tables()


def ending(steps: Sequence[str], tables: Any) -> dict[str, Any]:
    """Play six events in one order; gives everything that counts from then on."""
    engine.put_tables(tables)
    programs.forget_cached()
    for step in steps:
        STORY[step]()
    balances = list(ledger.iter_balances())
    bond = referrals.wanted(TEA, person_id("boris", key=KEYS.identity))
    read(bond)
    return {
        "people": sorted(
            (
                each.person_id,
                sorted((key, amount) for key, amount in each.amounts.items() if amount),
                sorted(
                    (rule, use.all_time.rewards, use.all_time.amount_minor)
                    for rule, use in each.caps.items()
                ),
                sorted(key for key, mark in each.milestones.items() if mark.reward_id),
                each.signups,
                each.purchases,
            )
            for each in balances
        ),
        "bond": bond.value and replace(bond.value, revision=None, referral=None),
        "whose": bond.value and bond.value.referral and bond.value.referral.advocate_id,
        "standing": _standing(),
        "spent": sum(each.spent_minor for each in budgets.iter_all()),
    }


def _standing() -> list[tuple[str, ...]]:
    """Give what stands by rule, owner and order; parts of one promise are added up."""
    sums: dict[tuple[str, ...], int] = {}
    for each in rewards.iter_all():
        if each.remaining_minor:
            source = str(each.step or each.order_id or "sign-up")
            key = (each.rule_id, each.owner_id, source, each.state)
            sums[key] = sums.get(key, 0) + each.remaining_minor
    return sorted((*key, str(amount)) for key, amount in sums.items())


def check(orders: Sequence[Sequence[str]], tables: Any) -> None:
    expected = ending(list(STORY), tables)
    for order in orders:
        found = ending(order, tables)
        assert found == expected, f"in the order {order}"
    assert verify_ledger().faults == ()


def test_a_sample_of_the_orders_of_six_events_ends_the_same(opened: Any) -> None:
    check(random.Random(6).sample(list(permutations(STORY)), 120), opened)


def test_six_events_end_in_what_they_are_worth(opened: Any) -> None:
    found = ending(list(STORY), opened)
    # a tenth of 33.33, of which 23.33 stand, is 2.33; of 49.99 it is 5.00; the milestone is 7.00;
    # the friend has 3.00 for each order and 5.00 for the sign-up
    assert found["spent"] == 233 + 500 + 700 + 300 + 300 + 500
    assert [each[4] for each in found["people"] if each[5]] == [1]


@pytest.mark.torture
def test_all_720_orders_of_six_events_end_the_same(opened: Any) -> None:
    check(list(permutations(STORY)), opened)
