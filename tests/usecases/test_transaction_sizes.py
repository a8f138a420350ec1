"""What one transaction writes: a hundred items at most, and nothing that many people share."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import botocore.client
import pytest

from infra.local import engine
from infra.local.straight_line import straight_line
from referrals.domain.programs import (
    MOST_RULES_AT_ONCE,
    MOST_SHARES,
    AttributionModel,
    AttributionTerms,
    BudgetTerms,
    Program,
)
from referrals.domain.rules import Flat, Milestone, RewardKind, RewardRule, Side, Trigger
from referrals.store import coupons
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.shop import LATER, NOON, TEA, a_click_of, buy, fulfil_all, give_back, sign_up

pytestmark = pytest.mark.usefixtures("tables")

MOST_ITEMS = 100
NAMES = [f"anna{number}" for number in range(MOST_SHARES)]
CODES = [f"ANNA{number}0" for number in range(MOST_SHARES)]
# whose items are, by table: those of one person, of one case, or of nobody else ever again
OF_ONE = {"balances", "conversions", "events", "journals", "people", "referrals", "rewards"}
OF_ONE |= {"advocates", "coupons", "links"}
SHARED = "budgets"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tables: None) -> Any:
    """Collect every item of every transaction, as its table and its key."""
    seen = list[list[tuple[str, str]]]()
    with straight_line():
        real: Callable[..., Any] = botocore.client.BaseClient._make_api_call

        def call(client: Any, operation: str, parameters: Any) -> Any:
            if operation == "TransactWriteItems":
                seen.append([_place(item) for item in parameters["TransactItems"]])
            return real(client, operation, parameters)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        yield seen
        monkeypatch.undo()


def _place(item: dict[str, Any]) -> tuple[str, str]:
    ((kind, body),) = item.items()
    content = body["Item"] if kind == "Put" else body["Key"]
    keys = engine._backend().get_table(body["TableName"]).table_key_attrs
    return body["TableName"].rsplit("-", 1)[-1], repr([content[key] for key in keys])


def the_widest_program() -> Program:
    """Give all rules that one purchase may set off, shared by as many advocates as there may be."""
    milestones = 2
    shared = MOST_RULES_AT_ONCE - milestones - 2
    rules = [
        *(replace(shop.ADVOCATE_TENTH, rule_id=f"tenth-{number}") for number in range(shared)),
        shop.FRIEND_THANKS,
        replace(shop.ADVOCATE_TENTH, rule_id="second-level", to=Side.SECOND_LEVEL),
        *(_a_milestone(number) for number in range(milestones)),
    ]
    return replace(
        shop.a_program(rules=rules),
        attribution=AttributionTerms(model=AttributionModel.LINEAR),
        budget=BudgetTerms(total_minor=100_000, per_day_minor=50_000),
    )


def _a_milestone(number: int) -> RewardRule:
    return RewardRule(
        rule_id=f"milestone-{number}",
        on=Trigger.MILESTONE,
        to=Side.ADVOCATE,
        kind=RewardKind.CREDIT,
        reward=Flat(amount_minor=700),
        milestone=Milestone(every=1),
    )


def open_wide_shop() -> None:
    """Enrol as many advocates as can share a friend, all of them brought by Sofia."""
    apply_program(shop.a_program(rules=()), now=NOON)
    shop.enrol("sofia", code="SOFIA10")
    for name, code in zip(NAMES, CODES, strict=True):
        shop.enrol(name, code=code)
        sign_up(name, codes=["SOFIA10"])
    apply_program(the_widest_program(), now=NOON)


def clicks_of_all() -> list[str]:
    return [
        a_click_of(code, at=NOON - timedelta(hours=hours))
        for hours, code in enumerate(reversed(CODES), start=1)
    ]


def test_the_widest_purchase_there_can_be_is_one_transaction_of_less_than_a_hundred_items(
    written: list[list[tuple[str, str]]],
) -> None:
    open_wide_shop()
    written.clear()
    buy(amount_minor=50_000, clicks=clicks_of_all())
    (items,) = written
    tables = Counter(table for table, _ in items)
    # eight rules for five advocates, two milestones, the friend's and the second level's
    assert tables["rewards"] == 8 * 5 + 2 + 2
    assert tables["balances"] == 5 + 1 + 1
    assert len(items) <= MOST_ITEMS


def test_the_refund_of_the_widest_purchase_and_its_return_stay_within_a_hundred_items(
    written: list[list[tuple[str, str]]],
) -> None:
    open_wide_shop()
    buy(amount_minor=50_000, clicks=clicks_of_all())
    written.clear()
    give_back(amount_minor=50_000)
    assert max(len(items) for items in written) <= MOST_ITEMS


def test_of_what_many_people_share_only_slices_of_the_budget_are_written(
    written: list[list[tuple[str, str]]],
) -> None:
    shop.open_shop()
    terms = replace(shop.a_program(), budget=BudgetTerms(total_minor=100_000))
    apply_program(terms, now=NOON)
    coupons.add(TEA, "welcome", "TEA-1")
    written.clear()
    for friend in ("boris", "elsa", "fred"):
        sign_up(friend, clicks=[a_click_of()])
        buy(friend, order_id=f"A-{friend}")
        give_back(order_id=f"A-{friend}")
        fulfil_all(friend, now=LATER)
    fulfil_all("anna", now=LATER)
    tables = {table for items in written for table, _ in items}
    assert tables <= {*OF_ONE, SHARED}
    for items in written:
        assert sum(table == SHARED for table, _ in items) <= 1, "one slice had enough"


def test_no_item_but_an_advocates_own_is_written_for_every_friend(
    written: list[list[tuple[str, str]]],
) -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH, shop.FRIEND_THANKS])
    written.clear()
    for friend, code in (("boris", "ANNA10"), ("elsa", "CLARA10")):
        sign_up(friend, clicks=[a_click_of(code)])
        buy(friend, order_id=f"A-{friend}")
    half = len(written) // 2
    first = {place for items in written[:half] for place in items}
    second = {place for items in written[half:] for place in items}
    shared = {(table, key) for table, key in first & second if table != "events"}
    assert shared == set(), "friends of different advocates have nothing in common"
