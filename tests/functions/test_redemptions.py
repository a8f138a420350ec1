"""Credit and points are spent over HTTP: answers, refusals, and nothing that makes a 5xx."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from infra.local.cloud import LocalCloud
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.rules import Flat, RewardKind
from referrals.runtime import clock
from referrals.store import coupons
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Answer, Api
from tests.functions.requests import ADVOCATE, PURCHASE, SIGNUP, is_problem
from tests.shop import NOON

SPENT = {
    "program": "tea",
    "redemption_id": "S-1",
    "amount_minor": 200,
    "currency": "EUR",
    "order_id": "B-1",
}
POINTS = replace(
    shop.ADVOCATE_TENTH,
    rule_id="points",
    kind=RewardKind.POINTS,
    reward=Flat(amount_minor=50),
    hold_days=0,
)
MUG = CatalogueItem(
    item_id="mug", name="A mug", points=30, kind=RewardKind.COUPON, amount_minor=900, pool="mugs"
)


@pytest.fixture
def rich(api: Api, cloud: LocalCloud) -> Api:
    """Give a shop in which Anna has 500 of credit and 50 points, Boris 300 of credit."""
    clock.set_source(lambda: NOON)
    terms = shop.a_program(rules=[shop.ADVOCATE_TENTH, shop.FRIEND_THANKS, POINTS])
    apply_program(replace(terms, catalogue=(MUG,)), now=NOON)
    for path, body in (
        ("/api/advocates", ADVOCATE),
        ("/hooks/signup", SIGNUP),
        ("/hooks/purchase", PURCHASE),
    ):
        assert api.post(path, body).status == 201
    clock.set_source(lambda: NOON + timedelta(days=14))
    cloud.run_schedules()
    cloud.settle()
    return api


def redeem(api: Api, body: Any = SPENT, *, customer: str = "anna", **more: Any) -> Answer:
    return api.post(
        f"/api/advocates/{quote(customer)}/redemptions",
        body,
        route="/api/advocates/{customer_id}/redemptions",
        parameters={"customer_id": quote(customer)},
        **more,
    )


def restore(api: Api, reference: str = "S-1", *, body: Any = None) -> Answer:
    route = "/api/advocates/{customer_id}/redemptions/{redemption_id}/restore"
    return api.post(
        f"/api/advocates/anna/redemptions/{quote(reference)}/restore",
        {"program": "tea"} if body is None else body,
        route=route,
        parameters={"customer_id": "anna", "redemption_id": quote(reference)},
    )


def show(api: Api, reference: str = "S-1", *, key: str | None = None) -> Answer:
    return api.call(
        "GET",
        f"/api/advocates/anna/redemptions/{quote(reference, safe='')}",
        route="/api/advocates/{customer_id}/redemptions/{redemption_id}",
        parameters={"customer_id": "anna", "redemption_id": quote(reference, safe="")},
        query={"program": "tea"},
        headers={"authorization": f"Bearer {api.key if key is None else key}"},
    )


def test_credit_is_spent_shown_and_given_back(rich: Api) -> None:
    first = redeem(rich)
    assert (first.status, first.json) == (
        201,
        {
            "outcome": "redeemed",
            "redemption_id": "S-1",
            "unit": "EUR",
            "amount_minor": 200,
            "credit_minor": 300,
            "order_id": "B-1",
            "redeemed_at": "2026-05-18T12:00:00Z",
        },
    )
    again = redeem(rich)
    assert (again.status, again.json) == (200, first.json)
    assert (show(rich).status, show(rich).json) == (200, first.json)
    balances = {each["unit"]: each for each in rich.advocate("anna").json["balances"]}
    assert (balances["EUR"]["credit_minor"], balances["EUR"]["paid_minor"]) == (300, 500)
    assert (balances["points"]["credit_minor"], balances["points"]["paid_minor"]) == (50, 50)
    back = restore(rich)
    assert (back.status, back.json["outcome"], back.json["credit_minor"]) == (201, "restored", 500)
    assert back.json["restored_at"] == "2026-05-18T12:00:00Z"
    once_more = restore(rich)
    assert (once_more.status, once_more.json) == (200, back.json)
    assert redeem(rich).json == back.json


def test_too_much_is_declined_with_its_reason_and_that_is_a_success(rich: Api) -> None:
    answer = redeem(rich, {**SPENT, "amount_minor": 501})
    assert (answer.status, answer.json) == (
        200,
        {
            "outcome": "declined",
            "reason": "insufficient_credit",
            "redemption_id": "S-1",
            "unit": "EUR",
            "amount_minor": 501,
            "credit_minor": 500,
        },
    )
    assert redeem(rich).status == 201


def test_an_item_of_the_catalogue_is_redeemed_for_points(rich: Api, cloud: LocalCloud) -> None:
    asked = {"program": "tea", "redemption_id": "S-2", "item": "mug"}
    assert redeem(rich, asked).json["reason"] == "out_of_stock"
    coupons.add(shop.TEA, "mugs", "MUG-1")
    answer = redeem(rich, asked)
    assert (answer.status, answer.json["unit"], answer.json["item"]) == (201, "points", "mug")
    assert (answer.json["amount_minor"], answer.json["credit_minor"]) == (30, 20)
    reward = answer.json["reward"]
    assert (reward["kind"], reward["state"], reward["amount_minor"]) == ("coupon", "available", 900)
    cloud.run_schedules()
    cloud.settle()
    assert show(rich, "S-2").json["reward"]["coupon_code"] == "MUG-1"
    refused = restore(rich, "S-2")
    assert (refused.status, refused.json["outcome"], refused.json["reason"]) == (
        200,
        "declined",
        "reward_not_available",
    )


def test_a_friend_spends_credit_too(rich: Api) -> None:
    answer = redeem(rich, {**SPENT, "amount_minor": 300}, customer="boris")
    assert (answer.status, answer.json["credit_minor"]) == (201, 0)


def test_ids_are_whatever_the_shop_calls_things(rich: Api) -> None:
    reference = "order/7 ?#% ü"
    assert redeem(rich, {**SPENT, "redemption_id": reference}).status == 201
    assert show(rich, reference).json["redemption_id"] == reference


def test_other_content_under_the_same_id_is_a_409(rich: Api) -> None:
    redeem(rich)
    answer = redeem(rich, {**SPENT, "amount_minor": 201})
    assert (answer.status, answer.json["code"]) == (409, "same_key_other_content")


def test_who_is_not_there_is_a_404(rich: Api) -> None:
    stranger = redeem(rich, customer="stranger")
    assert (stranger.status, stranger.json["code"]) == (404, "advocate_not_found")
    for answer in (show(rich), restore(rich)):
        assert (answer.status, answer.json["code"]) == (404, "redemption_not_found")


def test_a_program_that_is_not_there_is_a_400_that_names_the_field(rich: Api) -> None:
    for answer in (redeem(rich, {**SPENT, "program": "x"}), restore(rich, body={"program": "x"})):
        assert (answer.status, answer.json["errors"][0]["field"]) == (400, "program")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"program": None}, "program"),
        ({"redemption_id": ""}, "redemption_id"),
        ({"redemption_id": "x" * 129}, "redemption_id"),
        ({"amount_minor": None}, "amount_minor"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": 10**12 + 1}, "amount_minor"),
        ({"amount_minor": 1.0}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": "200"}, "amount_minor"),
        ({"currency": None}, "unit"),
        ({"currency": "XXX"}, "currency"),
        ({"unit": "points"}, "unit"),
        ({"unit": "EUR", "currency": None}, "unit"),
        ({"item": "mug", "currency": None}, "amount_minor"),
        ({"item": "mug", "amount_minor": None}, "unit"),
        ({"item": "A mug", "currency": None, "amount_minor": None}, "item"),
        ({"order_id": 7}, "order_id"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"customer": "boris"}, "customer"),
    ],
)
def test_bad_input_is_a_400_that_names_the_field_and_nothing_is_written(
    standing_api: Api, change: dict[str, Any], field: str
) -> None:
    before = shop.dump()
    answer = redeem(standing_api, {**SPENT, **change})
    assert (answer.status, is_problem(answer)) == (400, True)
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert shop.dump() == before


def test_who_may_not_call_is_a_401(standing_api: Api) -> None:
    for headers in ({}, {"authorization": "Bearer no"}):
        answer = standing_api.call(
            "POST",
            "/api/advocates/anna/redemptions",
            SPENT,
            route="/api/advocates/{customer_id}/redemptions",
            parameters={"customer_id": "anna"},
            headers=headers,
        )
        assert answer.status == 401
    assert show(standing_api, key="no").status == 401


def test_a_signature_of_another_body_is_a_401_and_one_of_this_body_is_not(rich: Api) -> None:
    now = NOON + timedelta(days=14)
    signed = Webhook(rich.webhook_secret).sign("msg_1", now, json.dumps(SPENT))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signed,
    }
    for body, status in (({**SPENT, "amount_minor": 500}, 401), (SPENT, 201)):
        answer = rich.call(
            "POST",
            "/api/advocates/anna/redemptions",
            body,
            route="/api/advocates/{customer_id}/redemptions",
            parameters={"customer_id": "anna"},
            headers=headers,
        )
        assert answer.status == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from([*SPENT, "item", "unit", "occurred_at", "x"])


@settings(max_examples=60)
@given(st.dictionaries(FIELDS, JSON), st.text(max_size=40), st.binary(max_size=40))
def test_nothing_that_is_sent_makes_a_5xx(
    standing_api: Api, change: dict[str, Any], customer: str, raw: bytes
) -> None:
    path = quote(customer, errors="replace") or "x"
    assert redeem(standing_api, json.dumps({**SPENT, **change}), customer=path).status < 500
    assert redeem(standing_api, raw.decode(errors="replace")).status < 500
    assert restore(standing_api, path, body=json.dumps(change)).status < 500
