"""Rewards that wait for stock go out when it is refilled: at once, the oldest promise first."""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import Flat, RewardKind, RewardRule
from referrals.fulfil import queue
from referrals.store import coupons, rewards
from referrals.store.rewards import RewardKey
from referrals.store.transactions import commit
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.refill_pool import Refilled, pools_of, refill_pool
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import LATER, TEA, a_click_of, buy, fulfil_all, give_back, rewards_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

TEAPOT = replace(
    shop.ADVOCATE_TENTH,
    rule_id="teapot",
    kind=RewardKind.GIFT,
    reward=Flat(amount_minor=1_500),
    pool="teapots",
)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[RewardKey]:
    """Collect what goes to the queue."""
    sent: list[RewardKey] = []

    def send_all(keys: list[RewardKey]) -> int:
        sent.extend(keys)
        return len(sent)

    monkeypatch.setattr(queue, "send_all", send_all)
    return sent


def earn(count: int, *, rule: RewardRule = shop.ADVOCATE_COUPON) -> None:
    """Let Anna earn rewards a minute apart, and find the pool empty when their hold ends."""
    shop.open_shop(rules=[rule])
    for number in range(count):
        buy(order_id=f"A-{number}", clicks=[a_click_of()], now=shop.NOON + number * MINUTE)
    fulfil_all("anna", now=LATER)


def of_order(order_id: str) -> Reward:
    return next(each for each in rewards_of("anna") if each.order_id == order_id)


def states() -> dict[str, RewardState]:
    return {str(each.order_id): each.state for each in rewards_of("anna")}


def refill(*codes: str, now: datetime = LATER + MINUTE) -> Refilled:
    return refill_pool(TEA, "thanks", codes, now=now)


def waiting(pool: str = "thanks") -> int:
    return len(list(coupons.iter_waiting(TEA, pool)))


def test_what_waits_goes_out_when_the_pool_is_refilled(queued: list[RewardKey]) -> None:
    earn(2)
    assert (set(states().values()), waiting()) == ({RewardState.AVAILABLE}, 2)
    assert refill("C-1", "C-2", "C-3") == Refilled(added=3, called=2)
    for key in queued:
        assert fulfil_reward(key, now=LATER + MINUTE) is RewardState.FULFILLED
    assert (len(queued), waiting()) == (2, 0)
    assert coupons.count(TEA, "thanks") == (1, 2)
    assert verify_ledger().faults == ()


def test_as_many_go_out_as_came_in_and_the_oldest_promise_goes_first(
    queued: list[RewardKey],
) -> None:
    earn(5)
    assert refill("C-1", "C-2") == Refilled(added=2, called=2)
    assert [key.reward_id for key in queued] == [
        of_order("A-0").reward_id,
        of_order("A-1").reward_id,
    ]
    fulfil_all("anna", now=LATER + MINUTE)
    assert [order for order, state in states().items() if state is RewardState.FULFILLED] == [
        "A-0",
        "A-1",
    ]
    assert waiting() == 3


def test_a_reward_that_asks_every_hour_stands_in_line_once() -> None:
    earn(1)
    for hour in range(1, 4):
        fulfil_all("anna", now=LATER + timedelta(hours=hour))
    assert waiting() == 1


def test_the_same_coupons_again_call_nobody(queued: list[RewardKey]) -> None:
    earn(2)
    refill("C-1")
    fulfil_all("anna", now=LATER + MINUTE)
    queued.clear()
    assert refill("C-1") == Refilled(added=0, called=0)
    assert (queued, waiting()) == ([], 1)


def test_a_refill_that_was_cut_off_calls_those_who_wait_when_it_is_repeated(
    queued: list[RewardKey],
) -> None:
    earn(1)
    coupons.add(TEA, "thanks", "C-1")  # and then the command was interrupted
    assert refill("C-1") == Refilled(added=0, called=1)
    assert len(queued) == 1


def test_gifts_wait_for_their_own_stock() -> None:
    earn(1, rule=TEAPOT)
    assert refill("C-1") == Refilled(added=1, called=0)
    assert refill_pool(TEA, "teapots", ["D-1"], now=LATER + MINUTE).called == 1
    fulfil_all("anna", now=LATER + MINUTE)
    assert states() == {"A-0": RewardState.FULFILLED}


def test_who_waits_no_more_is_passed_over(queued: list[RewardKey]) -> None:
    earn(3)
    give_back(order_id="A-0", amount_minor=5_000, now=LATER)
    assert states()["A-0"] is RewardState.VOIDED
    assert refill("C-1") == Refilled(added=1, called=1)
    assert [key.reward_id for key in queued] == [of_order("A-1").reward_id]
    assert waiting() == 1


def test_what_has_lapsed_takes_nobodys_place(queued: list[RewardKey]) -> None:
    shop.open_shop(rules=[replace(shop.ADVOCATE_COUPON, expires_after_days=1)])
    buy(clicks=[a_click_of()])
    fulfil_all("anna", now=LATER)
    assert refill("C-1", now=LATER + timedelta(days=2)) == Refilled(added=1, called=0)
    assert (queued, waiting()) == ([], 0)


def test_a_reward_that_is_in_hand_keeps_its_place_in_line(queued: list[RewardKey]) -> None:
    earn(1)
    commit(rewards.save(replace(of_order("A-0"), state=RewardState.FULFILLING)))
    assert refill("C-1") == Refilled(added=1, called=0)
    assert (queued, waiting()) == ([], 1)


def test_without_a_queue_the_clock_finds_what_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    earn(1)
    monkeypatch.undo()
    monkeypatch.setenv("TABLE_PREFIX", "sarafan-test-")
    monkeypatch.delenv("FULFILMENT_QUEUE_URL", raising=False)
    assert refill("C-1").called == 1
    assert [key.reward_id for key in rewards.iter_due(LATER + MINUTE)] == [
        of_order("A-0").reward_id
    ]


def test_a_refill_and_a_hand_over_at_once_give_each_coupon_once() -> None:
    earn(6)
    at_once(
        [
            lambda: refill("C-1", "C-2", "C-3"),
            lambda: fulfil_all("anna", now=LATER + timedelta(hours=1)),
            lambda: refill("C-3", "C-4"),
        ]
    )
    for _ in range(2):
        refill()
        fulfil_all("anna", now=LATER + timedelta(hours=2))
    given = [
        (each.handed_over or {})["coupon_code"] for each in rewards_of("anna") if each.handed_over
    ]
    assert sorted(given) == ["C-1", "C-2", "C-3", "C-4"]
    assert verify_ledger().faults == ()


def test_a_refill_that_dies_anywhere_is_made_up_for_by_its_repetition() -> None:
    earn(4)
    for number in range(every_kill(lambda: refill("C-0"))):
        with killed(at_call=number + 1, is_after=True), contextlib.suppress(KilledError):
            refill("C-1", "C-2", "C-3")
    refill("C-1", "C-2", "C-3")
    fulfil_all("anna", now=LATER + MINUTE)
    assert set(states().values()) == {RewardState.FULFILLED}
    assert coupons.count(TEA, "thanks") == (0, 4)


def test_pools_are_those_of_rules_and_of_the_catalogue() -> None:
    mug = CatalogueItem(
        item_id="mug", name="A mug", points=5, kind=RewardKind.GIFT, amount_minor=900, pool="mugs"
    )
    program = replace(shop.a_program(rules=[TEAPOT, shop.ADVOCATE_COUPON]), catalogue=(mug,))
    assert pools_of(program, kinds={RewardKind.GIFT}) == {"teapots", "mugs"}
    assert pools_of(program, kinds=RewardKind) == {"teapots", "thanks", "mugs"}


def test_low_counts_no_more_than_it_is_asked_for() -> None:
    for number in range(30):
        coupons.add(TEA, "thanks", f"C-{number}")
    assert coupons.low(TEA, "thanks", 10) == 10
    assert coupons.low(TEA, "thanks", 100) == 30
    assert coupons.low(TEA, "nothing", 10) == 0
