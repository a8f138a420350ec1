"""What strangers and slips send: a problem document, never a 5xx, and nothing is written."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.runtime import clock
from tests import shop
from tests.api import Api
from tests.functions.requests import CHARGEBACK, HOOKS, PURCHASE, REFUND, SIGNUP, is_problem
from tests.shop import NOON


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOON)


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer ключ"},
        {"webhook-id": "m", "webhook-timestamp": "1777896000", "webhook-signature": "v1,AAAA"},
        {"webhook-id": "m", "webhook-timestamp": "NaN", "webhook-signature": "v1,AAAA"},
        {"webhook-id": "m", "webhook-timestamp": "1777896000.9", "webhook-signature": "x"},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_a_stranger_gets_401_and_nothing_is_written(
    standing_api: Api, path: str, headers: dict[str, str]
) -> None:
    before = shop.dump()
    answer = standing_api.call("POST", path, HOOKS[path], headers=headers)
    assert (answer.status, is_problem(answer)) == (401, True)
    assert shop.dump() == before


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("/hooks/purchase", {"amount_minor": "5000"}, "amount_minor"),
        ("/hooks/purchase", {"amount_minor": 50.0}, "amount_minor"),
        ("/hooks/purchase", {"amount_minor": True}, "amount_minor"),
        ("/hooks/purchase", {"amount_minor": -1}, "amount_minor"),
        ("/hooks/purchase", {"amount_minor": 10**30}, "amount_minor"),
        ("/hooks/purchase", {"currency": "EURO"}, "currency"),
        ("/hooks/purchase", {"currency": "XXX"}, "currency"),
        ("/hooks/purchase", {"order_id": ""}, "order_id"),
        ("/hooks/purchase", {"order_id": "x" * 129}, "order_id"),
        ("/hooks/purchase", {"order_id": "a\u0000b"}, "order_id"),
        ("/hooks/purchase", {"friend": None}, "friend"),
        ("/hooks/purchase", {"friend": {}}, "friend.id"),
        ("/hooks/purchase", {"friend": {"id": 7}}, "friend.id"),
        ("/hooks/purchase", {"occurred_at": "yesterday"}, "occurred_at"),
        ("/hooks/purchase", {"occurred_at": "2026-05-04T12:00:00"}, "occurred_at"),
        ("/hooks/purchase", {"occurred_at": "2026-05-04T12:06:00Z"}, "occurred_at"),
        ("/hooks/purchase", {"occurred_at": 1777896000}, "occurred_at"),
        ("/hooks/purchase", {"ordr_id": "A-1"}, "ordr_id"),
        ("/hooks/purchase", {"program": "no-such"}, "program"),
        ("/hooks/signup", {"friend": {"id": "b", "email": "nobody"}}, "friend.email"),
        ("/hooks/signup", {"touches": "x"}, "touches"),
        ("/hooks/refund", {"amount_minor": 0}, "amount_minor"),
        ("/hooks/refund", {"refund_id": None}, "refund_id"),
        ("/hooks/purchase", {"country": "UK"}, "country"),
        ("/hooks/purchase", {"subscription": {"id": "s", "month": 0}}, "subscription.month"),
        ("/hooks/signup", {"signals": {"agent": 7}}, "signals.agent"),
        ("/hooks/chargeback", {"status": "closed"}, "status"),
        ("/hooks/chargeback", {"chargeback_id": ""}, "chargeback_id"),
        ("/hooks/chargeback", {"program": "no-such"}, "program"),
        ("/api/advocates", {"email": None}, "email"),
        ("/api/advocates", {"code": "AB"}, "code"),
        ("/api/advocates", {"code": "HOOKS"}, "code"),
    ],
)
def test_bad_input_is_a_400_that_names_the_field_and_nothing_is_written(
    standing_api: Api, path: str, change: dict[str, Any], field: str
) -> None:
    before = shop.dump()
    answer = standing_api.post(path, {**HOOKS[path], **change})
    assert (answer.status, is_problem(answer)) == (400, True)
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert shop.dump() == before


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "7", '"x"', "{", "{}", "[" * 100_000, '{"a": NaN}', '"\\ud800"', "\x00"],
)
def test_what_is_no_request_is_a_400(standing_api: Api, path: str, body: str) -> None:
    answer = standing_api.post(path, body)
    assert (answer.status, is_problem(answer)) == (400, True)


@pytest.mark.parametrize("path", HOOKS)
def test_a_body_over_256_kb_is_a_413_before_anybody_is_asked_who_they_are(
    standing_api: Api, path: str
) -> None:
    answer = standing_api.call("POST", path, " " * (256 * 1024 + 1))
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*PURCHASE, *SIGNUP, *REFUND, *CHARGEBACK, "id", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(
    st.sampled_from(list(HOOKS)),
    st.dictionaries(st.sampled_from([*PURCHASE, *REFUND, *CHARGEBACK, "signals"]), JSON),
)
def test_nothing_that_is_sent_makes_a_5xx(
    standing_api: Api, path: str, change: dict[str, Any]
) -> None:
    body = {**HOOKS[path], **change} if change else change
    assert standing_api.post(path, json.dumps(body)).status < 500
