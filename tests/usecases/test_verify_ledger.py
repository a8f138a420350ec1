"""The ledger is sound, and whatever was done to it from outside is found and named."""

import json
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from referrals import settings
from referrals.cli.main import app
from referrals.domain.ledger import read_journal
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import LATER, a_click_of, buy, give_back, sign_up

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def dynamodb(tables: None) -> Any:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    shop.fulfil_all("anna", now=LATER)
    give_back(now=LATER)
    return boto3.client("dynamodb")


def _items(dynamodb: Any, table: str) -> list[Any]:
    found: list[Any] = dynamodb.scan(TableName=settings.table_name(table))["Items"]
    return sorted(found, key=repr)


def _put_back(dynamodb: Any, table: str, item: Any, body: Any) -> None:
    changed = {**item, "body": {"S": json.dumps(body)}}
    dynamodb.put_item(TableName=settings.table_name(table), Item=changed)


def test_a_ledger_after_a_whole_story_is_sound_and_adds_up_to_nothing(dynamodb: Any) -> None:
    result = verify_ledger()
    assert result.faults == ()
    assert (result.journals, result.balances) == (5, 2)
    assert result.total("EUR") == 0
    assert result.accounts["program:tea:expense", "EUR"] == -1_200
    assert result.accounts["people:tea:credit", "EUR"] == 500


def test_a_changed_amount_in_a_journal_is_found_and_named(dynamodb: Any) -> None:
    journal = _items(dynamodb, "journals")[0]
    body = json.loads(journal["body"]["S"])
    body["postings"][0][2] += 1
    _put_back(dynamodb, "journals", journal, body)
    faults = verify_ledger().faults
    assert any(
        fault == f"journal {body['journal_id']} was changed: its digest differs" for fault in faults
    )
    assert any("and the journals say" in fault for fault in faults)


def test_a_changed_journal_with_a_recomputed_digest_breaks_its_chain(dynamodb: Any) -> None:
    stored = next(each for each in _items(dynamodb, "journals") if "hold:" in each["body"]["S"])
    body = stored["body"]["S"].replace("hold:", "gold:")
    forged = {**stored, "digest": {"S": read_journal(body).digest}, "body": {"S": body}}
    dynamodb.put_item(TableName=settings.table_name("journals"), Item=forged)
    assert any("chain of" in fault for fault in verify_ledger().faults)


def test_a_deleted_journal_is_found(dynamodb: Any) -> None:
    journal = _items(dynamodb, "journals")[0]
    key = {"journal_id": journal["journal_id"]}
    dynamodb.delete_item(TableName=settings.table_name("journals"), Key=key)
    faults = verify_ledger().faults
    assert any("journals, balance counts" in fault for fault in faults)


def test_a_changed_balance_is_found_and_named(dynamodb: Any) -> None:
    balance = _items(dynamodb, "balances")[0]
    body = json.loads(balance["body"]["S"])
    body["amounts"]["paid:EUR"] = 10**6
    _put_back(dynamodb, "balances", balance, body)
    named, summed = sorted(
        verify_ledger(checks=()).faults, key=lambda fault: fault.startswith("people")
    )
    assert named.startswith(f"{body['person_id']} has 1000000 in paid:EUR and the journals say ")
    assert summed.startswith("people and programs in EUR add up to ")


def test_a_deleted_balance_is_found(dynamodb: Any) -> None:
    balance = _items(dynamodb, "balances")[0]
    key = {"owner_key": balance["owner_key"]}
    dynamodb.delete_item(TableName=settings.table_name("balances"), Key=key)
    named, summed = sorted(
        verify_ledger(checks=()).faults, key=lambda fault: fault.startswith("people")
    )
    assert named.endswith("has journals in tea and no balance")
    assert summed.startswith("people and programs in EUR add up to ")


def test_the_command_says_sound_with_status_0_and_names_a_fault_with_status_1(
    dynamodb: Any,
) -> None:
    runner = CliRunner()
    sound = runner.invoke(app, ["ledger", "verify"])
    assert (sound.exit_code, "5 journals, 2 balances: sound" in sound.output) == (0, True)
    balance = _items(dynamodb, "balances")[0]
    body = json.loads(balance["body"]["S"])
    body["amounts"]["held:EUR"] = 1
    _put_back(dynamodb, "balances", balance, body)
    unsound = runner.invoke(app, ["ledger", "verify"])
    assert unsound.exit_code == 1
    assert "fault: " in unsound.output
