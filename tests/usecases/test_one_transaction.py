"""What one event costs, counted: calls, items, and nothing outside the one transaction."""

from typing import Any

import botocore.client
import pytest

from tests import shop
from tests.faults import calls_counted
from tests.shop import NOON, a_click_of, buy, give_back, sign_up

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collect the tables of every transaction that is written."""
    real, seen = botocore.client.BaseClient._make_api_call, list[list[str]]()

    def call(client: Any, operation: str, parameters: Any) -> Any:
        if operation == "TransactWriteItems":
            items = [body for item in parameters["TransactItems"] for body in item.values()]
            seen.append(sorted(item["TableName"].rsplit("-", 1)[-1] for item in items))
        return real(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return seen


def test_a_two_sided_purchase_is_one_transaction_of_eight_items(
    transactions: list[list[str]],
) -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    transactions.clear()
    buy()
    assert transactions == [
        [
            *("balances", "balances", "conversions", "events"),
            *("journals", "referrals", "rewards", "rewards"),
        ]
    ]


def test_a_first_contact_that_signs_up_or_buys_stays_within_ten_items(
    transactions: list[list[str]],
) -> None:
    shop.open_shop()
    transactions.clear()
    buy(clicks=[a_click_of()])
    sign_up("dora", clicks=[a_click_of()])
    assert [len(tables) for tables in transactions] == [10, 9]


def test_a_purchase_is_two_rounds_of_reads_and_one_write() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    with calls_counted() as made:
        buy()
    assert made == ["TransactGetItems", "TransactGetItems", "TransactWriteItems", "GetItem"]


def test_a_refund_of_a_two_sided_purchase_is_one_transaction(
    transactions: list[list[str]],
) -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    transactions.clear()
    give_back(amount_minor=5_000)
    assert [len(tables) for tables in transactions] == [7]


def test_a_purchase_costs_the_same_calls_when_there_were_many_before() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    sign_up(clicks=[a_click_of()])
    with calls_counted() as first:
        buy(order_id="A-0")
    for number in range(1, 40):
        buy(order_id=f"A-{number}", occurred_at=NOON)
    with calls_counted() as last:
        buy(order_id="A-40")
    assert first == last
