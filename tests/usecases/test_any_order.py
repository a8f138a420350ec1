"""Whatever order an order's story arrives in, and however often, it ends in the same balances."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.conftest import fresh_tables
from tests.shop import NOON, Purse, a_click_of, buy, give_back, purse_of, sign_up

pytestmark = pytest.mark.usefixtures("tables")

Step = Callable[[], object]
LATER_THAT_DAY = NOON + timedelta(hours=3)

STORY: dict[str, Step] = {
    "sign-up": lambda: sign_up(clicks=[a_click_of()]),
    "purchase": lambda: buy(amount_minor=3_333, occurred_at=LATER_THAT_DAY),
    "refund": lambda: give_back(amount_minor=1_000, occurred_at=LATER_THAT_DAY),
    "second refund": lambda: give_back(refund_id="R-2", amount_minor=777),
}


def ending(steps: Sequence[str]) -> tuple[Purse, Purse]:
    """Play steps in a shop of their own; gives what advocate and friend have then."""
    with fresh_tables():
        shop.open_shop()
        for step in steps:
            STORY[step]()
        assert verify_ledger().faults == ()
        return purse_of("anna"), purse_of("boris")


# a tenth of 33.33, of which 15.56 stand: 3.33 x 1556/3333 = 1.55; for the friend 3.00 and 5.00
EXPECTED = (Purse(held=155), Purse(held=800))


@pytest.mark.parametrize("order", list(permutations(["sign-up", "purchase", "refund"])))
def test_every_order_of_sign_up_purchase_and_refund_ends_the_same(order: Sequence[str]) -> None:
    # 3.33 x 2333/3333 = 2.33
    assert ending(order) == (Purse(held=233), Purse(held=800))


@settings(max_examples=20)
@given(
    st.permutations(list(STORY)), st.lists(st.sampled_from(list(STORY)), max_size=6), st.randoms()
)
def test_any_order_and_any_repetition_end_the_same(
    order: list[str], repeated: list[str], chance: object
) -> None:
    steps = order + repeated
    chance.shuffle(steps)  # type: ignore[attr-defined]
    assert ending(steps) == EXPECTED


def test_a_sign_up_without_a_click_is_taken_up_when_the_purchase_brings_one() -> None:
    shop.open_shop()
    sign_up()
    buy(clicks=[a_click_of()])
    after_purchase = purse_of("boris")
    assert after_purchase == Purse(held=800)


def test_the_purchase_before_the_sign_up_is_answered_with_its_credit_once_it_has_one() -> None:
    shop.open_shop()
    buy()
    sign_up(clicks=[a_click_of()])
    again = buy()
    assert (again.is_new, again.outcome, again.advocate) == (False, "credited", "anna")


def test_a_purchase_from_before_the_click_is_not_owed_to_it() -> None:
    shop.open_shop()
    buy(occurred_at=NOON - timedelta(days=2))
    sign_up(clicks=[a_click_of(at=NOON - timedelta(days=1))])
    again = buy(occurred_at=NOON - timedelta(days=2))
    assert (again.outcome, again.reason) == ("declined", "before_referral")
    assert purse_of("anna") == Purse()


def test_many_waiting_orders_are_all_taken_up_at_once() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    for number in range(12):
        buy(order_id=f"A-{number}", amount_minor=1_000)
    sign_up(clicks=[a_click_of()])
    assert purse_of("anna") == Purse(held=1_200)
