"""Two hundred rewards at once want the last of a budget: one gets it, none is lost."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from infra.local import engine
from infra.local.straight_line import straight_line
from referrals.domain.programs import BudgetTerms
from referrals.domain.rewards import BUDGET_RETRY_AFTER, RewardState
from referrals.domain.rules import Flat
from referrals.store import budgets, programs, rewards
from referrals.store.rewards import RewardKey
from referrals.usecases.apply_program import apply_program
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import NOON, a_click_of, buy, sign_up

pytestmark = pytest.mark.usefixtures("tables")

AT_ONCE, THREADS = 200, 32
EURO = 100
FRIENDS = [f"friend-{number}" for number in range(AT_ONCE)]
# each friend has an advocate of their own, so that the budget is all that they fight for
ADVOCATES = {friend: f"CODE{number:03d}" for number, friend in enumerate(FRIENDS)}
RULE = replace(shop.FRIEND_THANKS, reward=Flat(amount_minor=EURO))


def a_budget(total_minor: int) -> None:
    terms = shop.a_program(rules=[RULE])
    apply_program(replace(terms, budget=BudgetTerms(total_minor=total_minor)), now=NOON)


_CROWD: list[Any] = []


@pytest.fixture
def crowd(tables: None) -> Iterator[Any]:
    """Give the tables of a shop with two hundred friends who are about to buy."""
    before = sys.getswitchinterval()
    with straight_line():
        if not _CROWD:  # it takes seconds
            _CROWD.append(_gathered())
        sys.setswitchinterval(0.0005)  # threads take turns within a request, not after it
        yield _CROWD[0]
    sys.setswitchinterval(before)


def _gathered() -> Any:
    apply_program(shop.a_program(rules=[RULE]), now=NOON)
    for friend, code in ADVOCATES.items():
        shop.enrol(f"advocate of {friend}", code=code)
        sign_up(friend, clicks=[a_click_of(code)])
    a_budget(EURO)
    for table in engine._backend().tables.values():
        table.stream_shard = None
    return engine.copied_tables()


def at_once(actions: Sequence[Callable[[], object]]) -> None:
    """Do all actions on as many threads as there are, which start at the same moment."""
    barrier = Barrier(THREADS)

    def run(part: Sequence[Callable[[], object]]) -> None:
        barrier.wait()
        for action in part:
            action()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, [actions[number::THREADS] for number in range(THREADS)]))


def states() -> Counter[RewardState]:
    return Counter(each.state for each in rewards.iter_all())


def spent() -> int:
    return sum(each.spent_minor for each in budgets.iter_all())


def look_again(*, times: int) -> None:
    """Let the clock come by: everybody asks for what waits, several at once."""
    now = NOON + BUDGET_RETRY_AFTER * times
    keys = [
        RewardKey(program_id=each.program_id, owner_id=each.owner_id, reward_id=each.reward_id)
        for each in rewards.iter_all()
        if each.state is RewardState.QUEUED
    ]
    at_once([lambda key=key: fulfil_reward(key, now=now) for key in keys])  # type: ignore[misc]


def race(tables: Any) -> None:
    engine.put_tables(tables)
    programs.forget_cached()
    at_once([lambda f=f: buy(f, order_id=f"A-{f}") for f in FRIENDS])  # type: ignore[misc]
    assert states() == {RewardState.HELD: 1, RewardState.QUEUED: AT_ONCE - 1}
    assert spent() == EURO, "more was promised than there was"


def test_two_hundred_purchases_for_the_last_euro_of_a_budget_promise_one(crowd: Any) -> None:
    for _ in range(3):
        race(crowd)
        assert verify_ledger().faults == ()


def test_as_many_are_released_as_fit_a_raised_budget_and_in_the_end_all(crowd: Any) -> None:
    race(crowd)
    a_budget(8 * EURO + 50)
    look_again(times=1)
    assert states() == {RewardState.HELD: 8, RewardState.QUEUED: AT_ONCE - 8}
    a_budget(AT_ONCE * EURO)
    look_again(times=2)
    assert states() == {RewardState.HELD: AT_ONCE}
    assert spent() == AT_ONCE * EURO
    assert verify_ledger().faults == ()


@pytest.mark.torture
def test_in_a_hundred_races_for_the_last_euro_nothing_is_overspent(crowd: Any) -> None:
    for number in range(1, 101):
        race(crowd)
        sys.stderr.write(f"\r{number} of 100 races for the last euro")
    sys.stderr.write("\n")
