"""Hooks and enrolment over HTTP: who may call, what may be said, what is answered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from infra.local.cloud import LocalCloud
from referrals.runtime import clock
from tests import shop
from tests.api import Answer, Api
from tests.functions.requests import ADVOCATE, PURCHASE, REFUND, SIGNUP, is_problem
from tests.shop import NOON


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOON)


def signed(api: Api, path: str, body: Any, *, at: datetime = NOON, secret: str = "") -> Answer:
    text = json.dumps(body)
    signature = Webhook(secret or api.webhook_secret).sign("msg_1", at, text)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    return api.call("POST", path, text, headers=headers)


def test_a_referral_through_the_hooks_answers_as_the_contract_says(api: Api) -> None:
    enrolled = api.post("/api/advocates", ADVOCATE)
    assert enrolled.status == 201
    assert enrolled.json == {
        "id": "anna",
        "program": "tea",
        "code": "ANNA10",
        "link": "http://127.0.0.1/r/ANNA10",
        "status": "active",
        "created_at": "2026-05-04T12:00:00Z",
        "rewards": [],
    }
    assert api.post("/api/advocates", ADVOCATE).status == 200
    signed_up = api.post("/hooks/signup", SIGNUP)
    assert (signed_up.status, signed_up.json["outcome"]) == (201, "credited")
    bought = api.post("/hooks/purchase", PURCHASE)
    assert (bought.status, bought.json["advocate_id"]) == (201, "anna")
    rewards = [
        (each["to"], each["kind"], each["state"], each["amount_minor"], each["unit"])
        for each in bought.json["rewards"]
    ]
    assert rewards == [
        ("advocate", "credit", "held", 500, "EUR"),
        ("friend", "credit", "held", 300, "EUR"),
    ]
    assert [each["rule"] for each in bought.json["decisions"]] == [
        "referral",
        "reward:advocate-tenth",
        "reward:friend-thanks",
    ]
    assert all(each["says"] for each in bought.json["decisions"])
    again = api.post("/hooks/purchase", PURCHASE)
    assert (again.status, again.json) == (200, bought.json)
    refunded = api.post("/hooks/refund", REFUND)
    assert (refunded.status, refunded.json["outcome"]) == (201, "credited")
    shown = api.advocate("anna").json
    assert shown["balances"] == [
        {
            "unit": "EUR",
            "held_minor": 400,
            "available_minor": 0,
            "credit_minor": 0,
            "paid_minor": 0,
            "debt_minor": 0,
        }
    ]
    assert shown["counts"] == {"clicks": 0, "signups": 1, "purchases": 1}
    assert [(r["friend_id"], r["state"]) for r in shown["referrals"]] == [("boris", "purchased")]
    assert [(r["amount_minor"], r["because"]) for r in shown["rewards"]] == [
        (400, "Promised for order A-1; part of it was taken back after a refund.")
    ]


def test_a_friend_who_never_enrolled_is_answered_with_what_they_have(
    api: Api, cloud: LocalCloud
) -> None:
    api.post("/api/advocates", ADVOCATE)
    assert api.advocate("boris").status == 404
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10"})
    clock.set_source(lambda: NOON + timedelta(days=14))
    cloud.run_schedules()
    cloud.settle()
    answer = api.advocate("boris")
    shown = answer.json
    (reward,) = shown.pop("rewards")
    assert answer.status == 200
    assert shown == {
        "id": "boris",
        "program": "tea",
        "code": None,
        "link": None,
        "status": "not_enrolled",
        "balances": [
            {
                "unit": "EUR",
                "held_minor": 0,
                "available_minor": 0,
                "credit_minor": 300,
                "paid_minor": 300,
                "debt_minor": 0,
            }
        ],
        "counts": {"clicks": 0, "signups": 0, "purchases": 0},
        "referrals": [],
    }
    assert (reward["state"], reward["amount_minor"]) == ("fulfilled", 300)
    enrolled = api.post("/api/advocates", {**ADVOCATE, "id": "boris", "code": "BORIS10"})
    assert (enrolled.status, enrolled.json["status"]) == (201, "active")
    again = api.advocate("boris").json
    assert (again["code"], again["link"]) == ("BORIS10", "http://127.0.0.1/r/BORIS10")
    assert again["balances"] == shown["balances"]


def test_a_signature_is_as_good_as_a_key(api: Api) -> None:
    assert signed(api, "/api/advocates", ADVOCATE).status == 201


def test_a_secret_that_is_being_rotated_out_still_signs(api: Api, cloud: LocalCloud) -> None:
    from typer.testing import CliRunner

    from infra.local.cloud import forget_caches
    from referrals.cli.main import app

    before, key_before = api.webhook_secret, api.key
    runner = CliRunner()
    for name in ("webhook-secret", "api-key"):
        assert runner.invoke(app, ["secrets", "rotate", name]).exit_code == 0
    forget_caches()
    assert cloud.secret("webhook-secret") != before.removeprefix("whsec_")
    assert signed(api, "/api/advocates", ADVOCATE, secret=before).status == 201
    assert api.post("/api/advocates", ADVOCATE).status == 200
    fresh = f"whsec_{cloud.secret('webhook-secret')}"
    assert signed(api, "/api/advocates", ADVOCATE, secret=fresh).status == 200
    assert key_before != cloud.secret("api-key")


def test_a_signature_that_is_old_or_of_another_body_is_refused(api: Api) -> None:
    assert signed(api, "/api/advocates", ADVOCATE, at=NOON - timedelta(seconds=301)).status == 401
    assert signed(api, "/api/advocates", ADVOCATE, at=NOON + timedelta(seconds=301)).status == 401
    good = Webhook(api.webhook_secret).sign("msg_1", NOON, json.dumps(ADVOCATE))
    forged = json.dumps({**ADVOCATE, "email": "mallory@customer.example"})
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOON.timestamp())),
        "webhook-signature": good,
    }
    assert api.call("POST", "/api/advocates", forged, headers=headers).status == 401


def test_a_body_that_is_no_json_by_its_type_is_a_415_problem(api: Api) -> None:
    answer = api.call("POST", "/hooks/purchase", "x", headers={"content-type": "text/plain"})
    assert (answer.status, is_problem(answer)) == (415, True)


def test_the_same_order_with_other_content_is_a_409(api: Api) -> None:
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", PURCHASE)
    before = shop.dump()
    answer = api.post("/hooks/purchase", {**PURCHASE, "amount_minor": 1})
    assert (answer.status, answer.json["code"]) == (409, "same_key_other_content")
    assert shop.dump() == before


def test_the_same_content_spelled_differently_is_the_same(api: Api) -> None:
    first = api.post("/hooks/purchase", PURCHASE)
    spelled = json.dumps(dict(reversed(list(PURCHASE.items()))), indent=2).replace("EUR", "eur")
    again = api.post("/hooks/purchase", spelled)
    assert (first.status, again.status) == (201, 200)


def test_a_code_of_somebody_else_is_a_409_that_names_the_field(api: Api) -> None:
    api.post("/api/advocates", ADVOCATE)
    answer = api.post("/api/advocates", {**ADVOCATE, "id": "clara"})
    assert (answer.status, answer.json["errors"][0]["field"]) == (409, "code")


def test_a_declined_conversion_is_a_success_with_its_reason(api: Api) -> None:
    api.post("/api/advocates", ADVOCATE)
    answer = api.post("/hooks/signup", {**SIGNUP, "friend": {"id": "anna"}})
    assert (answer.status, answer.json["outcome"]) == (201, "declined")
    assert answer.json["reason"] == "self_referral"


def test_a_click_token_that_is_not_ours_is_a_no_and_not_an_error(api: Api) -> None:
    answer = api.post("/hooks/signup", {**SIGNUP, "code": None, "click": "forged"})
    assert (answer.status, answer.json["reason"]) == (201, "click_not_genuine")


def test_an_advocate_whom_nobody_knows_is_a_404_and_a_missing_program_a_400(api: Api) -> None:
    assert (api.advocate("nobody").status, api.advocate("nobody").json["code"]) == (
        404,
        "advocate_not_found",
    )
    assert api.advocate("anna", program="").status == 400
    assert api.advocate("anna", program="no-such").status == 400


def test_no_log_line_holds_personal_data(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/signup", SIGNUP)
    api.post("/hooks/signup", {**SIGNUP, "friend": {"id": "x", "email": "oops@@"}})
    written = "".join(capsys.readouterr())
    for personal in ("customer.example", "Boris", "oops@@"):
        assert personal not in written


def test_times_are_answered_in_utc(api: Api) -> None:
    clock.set_source(lambda: datetime(2026, 5, 4, 12, 0, tzinfo=UTC))
    assert api.post("/api/advocates", ADVOCATE).json["created_at"].endswith("Z")


def test_an_empty_field_of_a_form_is_the_same_as_none(api: Api) -> None:
    body = {**SIGNUP, "code": None}
    assert api.post("/hooks/signup", body).status == 201
    empties: list[dict[str, Any]] = [
        {"click": ""},
        {"code": ""},
        {"touches": None},
        {"touches": []},
    ]
    for empty in empties:
        assert api.post("/hooks/signup", {**body, **empty}).status == 200
