"""Reviews, late attribution, explanations and erasure from the command line."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from referrals import settings
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.runtime import clock
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.shop import LATER, NOON, Purse, a_click_of, buy, enrol, purse_of

EARLIER = NOON - timedelta(hours=1)
BY_VERA = ("--actor", "vera", "--reason", "a gift")


@pytest.fixture(autouse=True)
def _shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a shop that looks at what comes too fast, and let no line be broken."""
    monkeypatch.setattr(out, "_width", 200)
    secret: Any = boto3.client("secretsmanager")
    content = json.dumps({"current": shop.KEYS.identity.decode()})
    secret.create_secret(Name=settings.table_name("identity-key"), SecretString=content)
    program = replace(
        shop.a_program(rules=[shop.ADVOCATE_TENTH]),
        fraud=FraudTerms(modes={"too_fast": FraudMode.REVIEW}),
    )
    apply_program(program, now=NOON)
    enrol("anna", code="ANNA10")


def run(*arguments: str, typed: str | None = None) -> Result:
    clock.set_source(lambda: LATER)
    return CliRunner().invoke(app, arguments, input=typed)


def flagged() -> str:
    return buy(clicks=[a_click_of()]).conversion_id


def test_what_waits_for_people_is_listed_with_what_was_flagged() -> None:
    conversion_id = flagged()
    shown = run("review", "list", "tea").output
    assert conversion_id in shown
    assert "purchase A-1, 50.00 EUR" in shown
    assert "too_fast" in shown
    assert "cnv_" not in run("review", "list", "coffee").output


def test_a_review_is_shown_with_flags_decisions_and_rewards() -> None:
    shown = run("review", "show", flagged()).output
    for part in (
        "purchase A-1, 50.00 EUR, credited",
        "flag too_fast (review) [seconds=0, limit=5]",
        "fraud (terms v1) no: in_review",
        "(advocate): 5.00 EUR",
        "review open, since 2026-05-04 12:00:00 UTC",
    ):
        assert part in shown
    assert run("review", "show", "cnv_nothing").exit_code == 1


def test_a_conversion_is_approved_and_paid_for() -> None:
    conversion_id = flagged()
    result = run("review", "approve", conversion_id, *BY_VERA)
    assert (result.exit_code, "is approved, by vera" in result.output) == (0, True)
    assert purse_of("anna") == Purse(held=500)
    assert "approved by vera: a gift" in run("review", "show", conversion_id).output


def test_a_conversion_is_rejected_and_not_decided_otherwise_after_that() -> None:
    conversion_id = flagged()
    assert run("review", "reject", conversion_id, *BY_VERA).exit_code == 0
    assert run("review", "reject", conversion_id, *BY_VERA).exit_code == 0
    result = run("review", "approve", conversion_id, *BY_VERA)
    assert (result.exit_code, "does not wait for a review" in result.output) == (1, True)
    assert purse_of("anna") == Purse()


@pytest.mark.parametrize("named", [("boris",), ("--order", "A-1")], ids=["by id", "by order"])
def test_a_friend_is_attributed_by_hand(named: tuple[str, ...]) -> None:
    buy()
    result = run(
        *("attribute", *named, "--program", "tea", "--to", "anna-10"),
        *("--since", "2026-05-01", *BY_VERA),
    )
    assert (result.exit_code, "is bound to per_" in result.output) == (0, True)
    assert purse_of("anna") == Purse(held=500)


@pytest.mark.parametrize(
    ("named", "code", "says"),
    [
        (("boris", "--order", "A-1"), "ANNA10", "name the friend, or an --order"),
        ((), "ANNA10", "name the friend, or an --order"),
        (("--order", "A-9"), "ANNA10", "nothing was reported as order A-9"),
        (("boris",), "NOBODY", "nobody has this code"),
        (("anna",), "ANNA10", "does not count for oneself"),
    ],
)
def test_an_attribution_that_cannot_be_is_refused_in_a_line(
    named: tuple[str, ...], code: str, says: str
) -> None:
    buy()
    result = run(
        *("attribute", *named, "--program", "tea", "--to", code),
        *("--since", "2026-05-01", *BY_VERA),
    )
    assert (result.exit_code, says in result.output) == (1, True)


def reward_id() -> str:
    (reward,) = shop.rewards_of("anna")
    return reward.reward_id


def test_a_reward_is_explained_with_its_story_and_its_sum() -> None:
    buy(clicks=[a_click_of(at=EARLIER)], amount_minor=3_333)
    for more in ((), ("--customer", "anna", "--program", "tea")):
        result = run("explain", reward_id(), *more)
        assert result.exit_code == 0
        assert "touches considered\n  click ANNA10 at" in result.output
        assert "3.33 EUR recomputed, 3.33 EUR stored: the same" in result.output


def test_an_explanation_as_json_has_minor_units() -> None:
    buy(clicks=[a_click_of(at=EARLIER)], amount_minor=3_333)
    content = json.loads(run("explain", reward_id(), "--format", "json").output)
    assert (content["recomputed_minor"], content["stored_minor"]) == (333, 333)
    assert content["is_same"] is True
    assert content["sections"]["worked out"] == ["price of 33.33 EUR, time 1: 3.33 EUR"]


def test_a_reward_that_was_changed_is_told_with_status_1() -> None:
    buy(clicks=[a_click_of(at=EARLIER)])
    client: Any = boto3.client("dynamodb")
    name = settings.table_name("rewards")
    (item,) = client.scan(TableName=name)["Items"]
    body = {**json.loads(item["body"]["S"]), "amount_minor": 501}
    client.put_item(TableName=name, Item={**item, "body": {"S": json.dumps(body)}})
    result = run("explain", reward_id())
    assert result.exit_code == 1
    assert "5.00 EUR recomputed, 5.01 EUR stored: NOT the same" in result.output


def test_a_reward_that_is_not_there_is_not_explained() -> None:
    assert run("explain", "rwd_nothing").exit_code == 1
    assert run("explain", "rwd_nothing", "--customer", "anna").exit_code == 1


def test_somebody_is_forgotten_after_a_question() -> None:
    buy(clicks=[a_click_of(at=EARLIER)])
    result = run("forget", "anna", typed="y\n")
    assert result.exit_code == 0
    assert "personal data deleted" in result.output
    assert "1 codes closed for good" in result.output
    assert "0 rewards voided, 1 stay promised" in result.output
    assert "anna" not in result.output.lower()
    assert "was forgotten before" in run("forget", "anna", "--yes").output


def test_nobody_is_forgotten_when_the_answer_is_no() -> None:
    before = shop.dump()
    assert run("forget", "anna", typed="n\n").exit_code == 1
    assert shop.dump() == before


def test_what_was_promised_is_voided_when_that_is_said() -> None:
    buy(clicks=[a_click_of(at=EARLIER)])
    assert "1 rewards voided, 0 stay promised" in run("forget", "anna", "--yes", "--void").output
    assert purse_of("anna") == Purse()


def test_nobody_is_forgotten_by_a_slip_of_the_pen() -> None:
    result = run("forget", "nobody", "--yes")
    assert (result.exit_code, "nobody with this id is known" in result.output) == (1, True)


def test_a_code_that_is_closed_does_not_work_again() -> None:
    run("forget", "anna", "--yes")
    result = run("links", "resume", "ANNA10")
    assert (result.exit_code, "closed for good" in result.output) == (1, True)
