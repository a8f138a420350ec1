"""Fifty threads at once: DynamoDB judges, and there is one winner."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest

from referrals.domain.decisions import Reason
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Cap
from referrals.store import coupons
from referrals.store.transactions import ContentionError
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import LATER, NOON, Purse, a_click_of, buy, give_back, purse_of, sign_up

pytestmark = pytest.mark.usefixtures("tables")

THREADS = 50
_SENT_AGAIN = 5  # on a machine that does other things, too
T = TypeVar("T")


def at_once(actions: Sequence[Callable[[], T]]) -> list[T]:
    """Start all actions at the same moment, a thread each; who finds it busy sends again."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        barrier.wait()
        for _ in range(_SENT_AGAIN):
            try:
                return action()
            except ContentionError:  # nothing was written: a shop that hears 503 sends again
                continue
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_fifty_deliveries_of_one_purchase_make_one_conversion_and_one_journal() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH, shop.FRIEND_THANKS])
    sign_up(clicks=[a_click_of()])
    answers = at_once([buy] * THREADS)
    assert Counter(answer.is_new for answer in answers) == {True: 1, False: THREADS - 1}
    assert len({answer.rewards for answer in answers}) == 1
    stored: dict[str, list[Any]] = shop.dump()
    assert len(stored["journals"]) == 1
    assert len(stored["conversions"]) == 2
    assert purse_of("anna") == Purse(held=500)


def test_fifty_purchases_for_the_last_place_under_a_cap_make_one_reward() -> None:
    shop.open_shop(rules=[shop.capped(shop.ADVOCATE_TENTH, Cap(rewards=1))])
    friends = [f"friend-{number}" for number in range(THREADS)]
    for friend in friends:
        sign_up(friend, clicks=[a_click_of()])
    answers = at_once([lambda f=f: buy(f, order_id=f"A-{f}") for f in friends])  # type: ignore[misc]
    reasons = Counter(answer.decisions[-1].reason for answer in answers)
    assert reasons == {None: 1, Reason.CAP_REACHED: THREADS - 1}
    assert len(shop.rewards_of("anna")) == 1
    assert verify_ledger().faults == ()


def test_a_friend_whom_two_advocates_claim_at_once_is_bound_to_one() -> None:
    shop.open_shop()
    codes = ["ANNA10", "CLARA10"] * 5
    answers = at_once(
        [
            lambda code=code, number=number: buy(  # type: ignore[misc]
                order_id=f"A-{number}", clicks=[a_click_of(code)]
            )
            for number, code in enumerate(codes)
        ]
    )
    assert len({answer.advocate for answer in answers}) == 1
    assert len({answer.referral_id for answer in answers}) == 1


def test_a_purchase_and_its_sign_up_at_once_never_miss_each_other() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    friends = [f"friend-{number}" for number in range(15)]
    actions: list[Callable[[], object]] = []
    for friend in friends:
        actions.append(lambda f=friend: sign_up(f, clicks=[a_click_of()]))  # type: ignore[misc]
        actions.append(lambda f=friend: buy(f, order_id=f"A-{f}"))  # type: ignore[misc]
    at_once(actions)
    assert purse_of("anna") == Purse(held=500 * 15)


def test_a_purchase_and_its_refunds_at_once_never_miss_each_other() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    sign_up(clicks=[a_click_of()])
    refunds = [
        lambda number=number: give_back(refund_id=f"R-{number}", amount_minor=500)
        for number in range(8)
    ]
    at_once([buy, *refunds])
    assert purse_of("anna") == Purse(held=100)


def test_two_rewards_never_get_the_same_coupon_and_none_gets_two() -> None:
    shop.open_shop(rules=[shop.FRIEND_WELCOME])
    friends = [f"friend-{number}" for number in range(20)]
    for friend in friends:
        sign_up(friend, clicks=[a_click_of()])
    for number in range(20):
        coupons.add(shop.TEA, "welcome", f"TEA-{number}")
    at_once([lambda f=f: shop.fulfil_all(f, now=NOON) for f in friends * 2])  # type: ignore[misc]
    rewards = [reward for friend in friends for reward in shop.rewards_of(friend)]
    taken = [(reward.handed_over or {})["coupon_code"] for reward in rewards]
    assert len(taken) == len(set(taken)) == 20
    assert coupons.count(shop.TEA, "welcome") == (0, 20)


def test_a_reward_that_many_workers_fulfil_is_paid_once() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    sign_up(clicks=[a_click_of()])
    buy()
    at_once([lambda: shop.fulfil_all("anna", now=LATER)] * 10)
    assert purse_of("anna") == Purse(paid=500)
    assert [reward.state for reward in shop.rewards_of("anna")] == [RewardState.FULFILLED]


def test_a_refund_and_the_end_of_the_hold_at_once_leave_a_sound_ledger() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    sign_up(clicks=[a_click_of()])
    buy()
    at_once([lambda: shop.fulfil_all("anna", now=LATER), lambda: give_back(now=LATER)])
    purse = purse_of("anna")
    assert purse in {Purse(paid=400), Purse(paid=500, debt=-100)}
    assert verify_ledger().faults == ()
