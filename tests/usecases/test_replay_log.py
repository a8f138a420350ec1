"""What is stored follows from the log: rebuilt into fresh tables it is the same again."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from infra.local import templates
from referrals import settings
from referrals.cli.main import app
from referrals.domain.ids import RewardId, person_id
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.people import Person
from referrals.domain.programs import BudgetTerms
from referrals.domain.providers import Unknown
from referrals.domain.rules import (
    Cap,
    Flat,
    Leaderboard,
    Milestone,
    Period,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.store import dispatches, ledger, people, referrals, rewards
from referrals.store.transactions import commit, read
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.apply_program import apply_program
from referrals.usecases.replay_log import replay_log
from referrals.usecases.start_payouts import start_payouts
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.payers import Payer
from tests.promises import promise
from tests.shop import KEYS, LATER, NOON, TEA, a_click_of, buy, fulfil_all, give_back, sign_up

FRESH = "sarafan-fresh-"
ANNA = person_id("anna", key=KEYS.identity)
EVERY_SECOND = RewardRule(
    rule_id="every-second",
    on=Trigger.MILESTONE,
    to=Side.ADVOCATE,
    kind=RewardKind.POINTS,
    reward=Flat(amount_minor=50),
    milestone=Milestone(every=2),
)
BEST_OF_MONTH = RewardRule(
    rule_id="best-of-month",
    on=Trigger.PERIOD_END,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Places(amounts_minor=(5_000,)),
    leaderboard=Leaderboard(per=Period.MONTH),
)
RULES = (
    replace(shop.ADVOCATE_TENTH, caps=(Cap(per=Period.MONTH, amount_minor=5_000),)),
    shop.FRIEND_THANKS,
    EVERY_SECOND,
    BEST_OF_MONTH,
)


@pytest.fixture
def told(tables: None) -> None:
    """Tell a story with milestones, refunds before and after the hand-over, a debt, a budget."""
    program = replace(shop.a_program(rules=RULES), budget=BudgetTerms(total_minor=3_000))
    apply_program(program, now=NOON)
    shop.enrol("anna", code="ANNA10")
    buy("boris", order_id="W-1")  # waits for the sign-up
    sign_up("boris", clicks=[a_click_of()])
    buy("boris", order_id="A-1", amount_minor=10_000)
    give_back(order_id="A-1", amount_minor=3_333)
    sign_up("clara", codes=["ANNA10"])
    buy("clara", order_id="C-1", amount_minor=4_000)
    fulfil_all("anna", now=LATER)
    give_back(order_id="W-1", refund_id="R-2", amount_minor=5_000, now=LATER)
    buy("clara", order_id="C-2", amount_minor=40_000, now=LATER)  # over the budget
    fulfil_all("clara", now=LATER)
    buy("dora", order_id="D-1", now=LATER)  # of nobody's


@pytest.mark.usefixtures("told")
def test_a_replay_of_the_log_gives_what_is_stored() -> None:
    result = replay_log()
    assert result.faults == ()
    assert (result.rewards, result.referrals, result.balances) == (9, 2, 3)


@pytest.mark.usefixtures("told")
def test_fresh_tables_are_filled_with_what_was_lost() -> None:
    templates.create_tables(FRESH)
    assert replay_log(into=FRESH).faults == ()
    before, anna = _anna()
    with settings.tables_of(FRESH):
        rebuilt, known = _anna()
    assert rebuilt == before
    assert [each.state for each in known] == [each.state for each in anna]


@pytest.mark.usefixtures("told")
def test_a_deployment_goes_on_from_rebuilt_tables() -> None:
    templates.create_tables(FRESH)
    replay_log(into=FRESH)
    _copy(("programs", "links", "advocates", "people", "conversions", "journals", "events"))
    with settings.tables_of(FRESH):
        buy("boris", order_id="A-2", now=LATER)
        give_back(order_id="C-1", refund_id="R-3", amount_minor=4_000, now=LATER)
        fulfil_all("anna", now=LATER + timedelta(days=20))
        assert verify_ledger().faults == ()


@pytest.mark.usefixtures("tables")
def test_what_a_provider_was_asked_for_is_not_paid_again_from_rebuilt_tables() -> None:
    terms = PayoutTerms(
        provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, products=("A",)
    )
    apply_program(replace(shop.a_program(), payouts=terms), now=NOON)
    anna = Person(person_id=ANNA, customer_id="anna", email="anna@customer.example")
    commit(people.save(anna))
    promise(RewardId("rwd_1"), owner_id=ANNA, amount_minor=500, now=NOON)
    start_payouts(now=NOON)
    (payout,) = dispatches.iter_all()
    payer = Payer(answers=[Unknown(reason="lost")])
    advance_dispatch(payout.dispatch_id, providers=payer, now=NOON)
    payer.pay(payer.asked[0])
    templates.create_tables(FRESH)
    assert replay_log(into=FRESH).faults == ()
    _copy(("programs", "people", "journals", "events"))
    with settings.tables_of(FRESH):
        assert start_payouts(now=LATER).reserved == 0
        advance_dispatch(payout.dispatch_id, providers=payer, now=LATER)
        assert [each.state for each in rewards.list_of_owner(TEA, ANNA)] == ["fulfilled"]
        assert verify_ledger().faults == ()
    assert len(payer.asked) == 1


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("table", "field", "value", "says"),
    [
        ("rewards", "amount_minor", 1, "has amount_minor 1 and the events say"),
        ("rewards", "state", "fulfilled", "has state fulfilled and the events say"),
        ("rewards", "owner_id", "per_x", "has owner_id per_x and the events say"),
        ("balances", "purchases", 7, "has purchases 7 and the events say"),
        ("balances", "caps", {}, "of the caps of"),
        ("balances", "milestones", {"every-second:purchases:9": {"reward_id": "rwd_x"}}, "9"),
        ("balances", "scores", {}, "has scores {} and the events say"),
        ("referrals", "purchases", 9, "is not what the events say"),
        ("referrals", "referral", None, "is not what the events say"),
        ("budgets", "spent_minor", 1, "has 1 spent and the rewards in it add up to"),
        ("budgets", "total_minor", 9_000, "is shared out as total_minor 72000 and the terms say"),
        ("rewards", "due_at", None, "is held and nobody will look at it"),
        ("conversions", "refunds", [], "the refunds of"),
    ],
)
def test_a_row_that_is_not_what_the_log_says_is_named(
    table: str, field: str, value: object, says: str
) -> None:
    _change_every(table, field, value)
    faults = verify_ledger().faults
    assert any(says in fault for fault in faults), faults


@pytest.mark.usefixtures("told")
def test_a_conversion_whose_amount_is_not_what_was_reported_is_named() -> None:
    client, name, items = _items("conversions")
    for item in items:
        body = json.loads(item["body"]["S"])
        body["conversion"]["amount_minor"] += 1
        client.put_item(TableName=name, Item={**item, "body": {"S": json.dumps(body)}})
    assert any(
        "conversion cnv_" in fault and "is not what the events say" in fault
        for fault in verify_ledger().faults
    )


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("rewards", "is not stored"),
        ("referrals", "is not stored"),
        ("balances", "is not stored"),
        ("budgets", "is not stored"),
    ],
)
def test_a_row_that_is_gone_is_named(table: str, says: str) -> None:
    _delete_all(table)
    assert any(says in fault for fault in verify_ledger().faults)


@pytest.mark.usefixtures("told")
def test_the_command_says_as_stored_with_status_0_and_names_a_difference_with_status_1() -> None:
    fine = CliRunner().invoke(app, ["replay"])
    assert (fine.exit_code, ": as stored" in fine.output) == (0, True)
    _change_every("balances", "signups", 5)
    wrong = CliRunner().invoke(app, ["replay"])
    assert (wrong.exit_code, "has signups 5" in wrong.output) == (1, True)


def _anna() -> tuple[object, list[Any]]:
    anna = person_id("anna", key=KEYS.identity)
    balance = ledger.find_balance(TEA, anna)
    bond = referrals.wanted(TEA, person_id("boris", key=KEYS.identity))
    read(bond)
    assert balance is not None
    assert bond.value is not None
    held = {key: amount for key, amount in balance.amounts.items() if amount}
    alike = replace(balance, amounts=held, revision=None), replace(bond.value, revision=None)
    return alike, rewards.list_of_owner(TEA, anna)


def _items(table: str) -> tuple[Any, str, list[Any]]:
    client: Any = boto3.client("dynamodb")
    name = settings.table_name(table)
    return client, name, client.scan(TableName=name)["Items"]


def _change_every(table: str, field: str, value: object) -> None:
    client, name, items = _items(table)
    for item in items:
        body = json.loads(item["body"]["S"])
        body[field] = value
        client.put_item(TableName=name, Item={**item, "body": {"S": json.dumps(body)}})


def _delete_all(table: str) -> None:
    client, name, items = _items(table)
    keys = {
        each["AttributeName"]
        for each in client.describe_table(TableName=name)["Table"]["KeySchema"]
    }
    for item in items:
        client.delete_item(TableName=name, Key={key: item[key] for key in keys})


def _copy(tables: tuple[str, ...]) -> None:
    for table in tables:
        client, _, items = _items(table)
        for item in items:
            client.put_item(TableName=FRESH + table, Item=item)
