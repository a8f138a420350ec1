"""What a customer has is shown to the shop: of advocates, of friends, and of nobody else."""

from datetime import timedelta

import pytest

from referrals.domain.errors import AdvocateNotFoundError
from referrals.domain.ledger import spendable_minor
from referrals.store import programs
from referrals.usecases.apply_program import apply_program
from referrals.usecases.forget_person import forget_person
from referrals.usecases.show_advocate import Standing, show_advocate
from tests.faults import calls_counted
from tests.shop import (
    ADVOCATE_TENTH,
    KEYS,
    NOON,
    TEA,
    a_click_of,
    a_program,
    buy,
    enrol,
    fulfil_all,
    open_shop,
    sign_up,
)

LATER = NOON + timedelta(days=15)


@pytest.fixture(autouse=True)
def _shop(tables: None) -> None:
    open_shop()


def show(customer_id: str) -> Standing:
    return show_advocate(customer_id, TEA, keys=KEYS)


def test_a_friend_who_never_enrolled_is_shown_with_what_they_can_spend() -> None:
    buy(clicks=[a_click_of()])
    fulfil_all("boris", now=LATER)
    shown = show("boris")
    assert (shown.advocate, shown.status, shown.customer_id) == (None, "not_enrolled", "boris")
    assert spendable_minor(shown.balance, "EUR") == 300
    assert [(each.kind, each.state) for each in shown.rewards] == [("credit", "fulfilled")]
    assert (shown.clicks.clicks, shown.referrals) == (0, ())


@pytest.mark.parametrize("customer_id", ["nobody", "igor", "boris"])
def test_who_neither_enrolled_nor_has_a_balance_is_not_found(customer_id: str) -> None:
    apply_program(a_program(rules=[ADVOCATE_TENTH]), now=NOON)
    assert sign_up("igor").outcome == "declined"
    assert sign_up("boris", clicks=[a_click_of()]).outcome == "credited"
    with pytest.raises(AdvocateNotFoundError):
        show(customer_id)


def test_a_friend_who_enrols_later_is_an_advocate_with_the_same_balance() -> None:
    buy(clicks=[a_click_of()])
    before = show("boris")
    enrolled = enrol("boris", code="BORIS10", now=LATER)
    shown = show("boris")
    assert (enrolled.is_new, shown.status) == (True, "active")
    assert shown.advocate == enrolled.advocate
    assert (shown.balance, shown.rewards) == (before.balance, before.rewards)


def test_a_friend_who_is_forgotten_is_shown_as_an_advocate_would_be() -> None:
    buy(clicks=[a_click_of()])
    forget_person("boris", keys=KEYS, now=LATER)
    forget_person("anna", keys=KEYS, now=LATER)
    assert [show(each).status for each in ("anna", "boris")] == ["forgotten", "forgotten"]
    assert [len(show(each).rewards) for each in ("anna", "boris")] == [1, 1]


@pytest.mark.parametrize(
    ("customer_id", "calls"),
    [
        # the advocate, balance and clicks, referrals, the friends' customer ids, rewards
        ("anna", ["GetItem", "TransactGetItems", "Query", "BatchGetItem", "Query"]),
        ("boris", ["GetItem", "GetItem", "Query"]),
    ],
)
def test_to_look_somebody_up_costs_so_many_reads(customer_id: str, calls: list[str]) -> None:
    buy(clicks=[a_click_of()])
    programs.get_live(TEA)  # kept for a minute
    with calls_counted() as made:
        show(customer_id)
    assert made == calls
