"""Requests that are right, to be sent or to be spoiled."""

from typing import Any

from tests.api import Answer

SIGNUP: dict[str, Any] = {
    "program": "tea",
    "friend": {"id": "boris", "email": "boris@customer.example", "name": "Boris"},
    "code": "ANNA10",
    "occurred_at": "2026-05-04T12:00:00Z",
}
PURCHASE = {
    "program": "tea",
    "order_id": "A-1",
    "friend": {"id": "boris"},
    "amount_minor": 5_000,
    "currency": "EUR",
    "occurred_at": "2026-05-04T12:00:00Z",
}
REFUND = {
    "program": "tea",
    "order_id": "A-1",
    "refund_id": "R-1",
    "amount_minor": 1_000,
    "currency": "EUR",
}
CHARGEBACK = {
    "program": "tea",
    "order_id": "A-1",
    "chargeback_id": "C-1",
    "amount_minor": 5_000,
    "currency": "EUR",
    "status": "opened",
}
ADVOCATE = {"program": "tea", "id": "anna", "email": "anna@customer.example", "code": "ANNA10"}
HOOKS: dict[str, dict[str, Any]] = {
    "/hooks/signup": SIGNUP,
    "/hooks/purchase": PURCHASE,
    "/hooks/refund": REFUND,
    "/hooks/chargeback": CHARGEBACK,
    "/api/advocates": ADVOCATE,
}


def is_problem(answer: Answer) -> bool:
    document = answer.json
    return (
        answer.headers["content-type"] == "application/problem+json"
        and document["status"] == answer.status
        and {"type", "title", "detail", "code"} <= set(document)
    )
