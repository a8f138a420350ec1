"""What is written to the payout provider, and what is read of its answers: exact, and of nobody."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from referrals import outbound
from referrals.domain.ids import DispatchId
from referrals.domain.payouts import PayoutTerms
from referrals.domain.providers import (
    Asking,
    NotNow,
    Recipient,
    Refused,
    TheirOrder,
    TheirStatus,
    Unknown,
)
from referrals.fulfil.tremendous import Tremendous, options_of
from referrals.outbound import Answer, AnswerLostError, NotReachedError, TargetRefusedError
from tests.shop import NOON

PAYER = Tremendous(
    base_url="https://payer.example/api/v2", api_key="an API key", clock=lambda: NOON
)
ID = DispatchId("pay_1")
ANNA = Recipient(name="Anna Petrova", email="anna.p@customer.example")


def an_asking(*, amount_minor: int = 1_250, unit: str = "EUR", **options: str) -> Asking:
    return Asking(
        dispatch_id=ID,
        amount_minor=amount_minor,
        unit=unit,
        recipient=ANNA,
        options={"funding_source": "balance", "campaign_id": "C1", **options},
    )


def an_order(
    *,
    denomination: str = "12.5",
    unit: str = "EUR",
    status: str = "EXECUTED",
    delivery: str = "SUCCEEDED",
    external_id: str = "pay_1",
    order_id: str = "ORDER1",
    times: int = 1,
) -> str:
    """Write an order as the provider does; the denomination stands in it as it is."""
    value = f'{{"denomination": {denomination}, "currency_code": "{unit}"}}'
    reward = f'{{"value": {value}, "delivery": {{"status": "{delivery}"}}}}'
    return (
        f'{{"id": "{order_id}", "external_id": "{external_id}", "campaign_id": "C1",'
        f' "status": "{status}", "created_at": "2026-05-04T12:00:00.000Z",'
        f' "rewards": [{", ".join([reward] * times)}]}}'
    )


class Wire:
    """Stands where requests leave: keeps what was sent, gives what it was told to answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.answers: list[Answer | Exception] = []

    def send(self, method: str, url: str, **more: Any) -> Answer:
        self.sent.append((method, url, more.get("body", b""), dict(more["headers"])))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, body: str, status: int = 200) -> None:
        self.answers.append(Answer(status=status, body=body.encode()))


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(outbound, "send", wire.send)
    return wire


def test_an_order_is_written_as_the_provider_wants_it(wire: Wire) -> None:
    wire.answer(f'{{"order": {an_order()}}}')

    PAYER.ask(an_asking(products="P1,P2"))

    method, url, body, headers = wire.sent[0]
    assert (method, url) == ("POST", "https://payer.example/api/v2/orders")
    assert headers["Authorization"] == "Bearer an API key"
    assert json.loads(body) == {
        "external_id": "pay_1",
        "payment": {"funding_source_id": "balance"},
        "rewards": [
            {
                "value": {"denomination": 12.5, "currency_code": "EUR"},
                "campaign_id": "C1",
                "products": ["P1", "P2"],
                "recipient": {"name": "Anna Petrova", "email": "anna.p@customer.example"},
                "delivery": {"method": "EMAIL"},
            }
        ],
    }


@pytest.mark.parametrize(
    ("amount_minor", "unit", "text"),
    [
        (1_250, "EUR", "12.50"),
        (5, "EUR", "0.05"),
        (500, "JPY", "500"),
        (1_234, "KWD", "1.234"),
        (9_007_199_254_740_993, "EUR", "90071992547409.93"),
    ],
)
def test_an_amount_is_written_to_the_last_digit(
    wire: Wire, amount_minor: int, unit: str, text: str
) -> None:
    wire.answer("{}")

    PAYER.ask(an_asking(amount_minor=amount_minor, unit=unit))

    assert f'"denomination": {text},' in wire.sent[0][2].decode()


def test_a_name_cannot_stand_in_for_the_amount(wire: Wire) -> None:
    wire.answer("{}")
    asking = Asking(
        dispatch_id=ID,
        amount_minor=100,
        unit="EUR",
        recipient=Recipient(name="<amount>", email="anna@customer.example"),
    )

    PAYER.ask(asking)

    reward = json.loads(wire.sent[0][2], parse_float=Decimal)["rewards"][0]
    assert reward["value"]["denomination"] == Decimal("1.00")
    assert reward["recipient"]["name"] == "<amount>"


@pytest.mark.parametrize(
    ("text", "unit", "minor"),
    [
        ("12.5", "EUR", 1_250),
        ("12", "EUR", 1_200),
        ("12.50", "EUR", 1_250),
        ("1.25e1", "EUR", 1_250),
        ("0.07", "EUR", 7),
        ("1.10", "EUR", 110),
        ("500.0", "JPY", 500),
        ("1.234", "KWD", 1_234),
    ],
)
def test_an_amount_is_read_to_the_last_digit(wire: Wire, text: str, unit: str, minor: int) -> None:
    wire.answer(f'{{"order": {an_order(denomination=text, unit=unit)}}}')

    order = PAYER.ask(an_asking())

    assert isinstance(order, TheirOrder)
    assert (order.amount_minor, order.unit) == (minor, unit)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("12.505", "EUR"),
        ("12.50000000000000000000000000001", "EUR"),
        ("500.5", "JPY"),
        ("-12.5", "EUR"),
        ('"12.5"', "EUR"),
        ("true", "EUR"),
        ("null", "EUR"),
        ("NaN", "EUR"),
        ("1e999999", "EUR"),
        ("1e-999999999", "EUR"),
        ("1" * 5_000, "EUR"),
        ("12.5", "POINTS"),
        ("12.5", "XXX"),
    ],
)
def test_an_amount_that_is_none_leaves_the_order_unknown(wire: Wire, text: str, unit: str) -> None:
    wire.answer(f'{{"order": {an_order(denomination=text, unit=unit)}}}')

    assert isinstance(PAYER.ask(an_asking()), Unknown)


@pytest.mark.parametrize(
    ("status", "delivery", "means"),
    [
        ("OPEN", "SCHEDULED", TheirStatus.PENDING),
        ("CART", "SCHEDULED", TheirStatus.PENDING),
        ("PENDING APPROVAL", "SCHEDULED", TheirStatus.PENDING),
        ("PENDING INTERNAL PAYMENT APPROVAL", "PENDING", TheirStatus.PENDING),
        ("EXECUTED", "SCHEDULED", TheirStatus.PENDING),
        ("EXECUTED", "PENDING", TheirStatus.PENDING),
        ("EXECUTED", "SUCCEEDED", TheirStatus.DONE),
        ("EXECUTED", "FAILED", TheirStatus.PENDING),
        ("FAILED", "SCHEDULED", TheirStatus.FAILED),
        ("CANCELED", "SUCCEEDED", TheirStatus.FAILED),
    ],
)
def test_a_status_means(wire: Wire, status: str, delivery: str, means: TheirStatus) -> None:
    wire.answer(f'{{"order": {an_order(status=status, delivery=delivery)}}}')

    order = PAYER.ask(an_asking())

    assert isinstance(order, TheirOrder)
    assert order.status is means


def test_a_delivery_that_came_back_is_told_and_stays_paid_for(wire: Wire) -> None:
    wire.answer(f'{{"order": {an_order(delivery="FAILED")}}}')

    order = PAYER.ask(an_asking())

    assert isinstance(order, TheirOrder)
    assert order.details == {"campaign_id": "C1", "delivery": "failed"}
    assert order.created_at == datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "null",
        "{}",
        '{"order": null}',
        '{"order": []}',
        '{"order": {"id": 7, "status": "EXECUTED", "rewards": []}}',
        '{"order": {"id": "ORDER1", "status": "EXECUTED", "rewards": []}}',
        '{"order": {"id": "ORDER1", "status": "EXECUTED", "rewards": [null]}}',
        '{"order": {"id": "ORDER1", "status": "EXECUTED", "rewards": [{"value": []}]}}',
        f'{{"order": {an_order(order_id="a b")}}}',
        f'{{"order": {an_order(order_id="x" * 101)}}}',
        f'{{"order": {an_order(status="TELEPORTED")}}}',
        "[" * 100_000,
    ],
)
def test_an_answer_that_is_no_order_leaves_it_unknown(wire: Wire, body: str) -> None:
    wire.answer(body)

    assert isinstance(PAYER.ask(an_asking()), Unknown)


def test_several_rewards_in_one_order_count_together(wire: Wire) -> None:
    wire.answer(f'{{"order": {an_order(times=2)}}}')

    order = PAYER.ask(an_asking())

    assert isinstance(order, TheirOrder)
    assert order.amount_minor == 2_500


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, Refused),
        (401, NotNow),
        (402, NotNow),
        (403, NotNow),
        (404, NotNow),
        (408, Unknown),
        (409, Unknown),
        (422, Refused),
        (429, NotNow),
        (302, Unknown),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
    ],
)
def test_a_status_of_http_means(wire: Wire, status: int, answer: type) -> None:
    wire.answer('{"errors": {"message": "no"}}', status)

    assert type(PAYER.ask(an_asking())) is answer


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_order_is_one_whether_it_is_new_known_or_waits_for_approval(
    wire: Wire, status: int
) -> None:
    wire.answer(f'{{"order": {an_order()}}}', status)

    assert isinstance(PAYER.ask(an_asking()), TheirOrder)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (NotReachedError("no connection"), NotNow(reason="not reached: no connection")),
        (TargetRefusedError("is no https"), NotNow(reason="not reached: is no https")),
        (AnswerLostError("TimeoutError"), Unknown(reason="no answer: TimeoutError")),
    ],
)
def test_a_call_without_an_answer_means(
    wire: Wire, error: Exception, answer: NotNow | Unknown
) -> None:
    wire.answers += [error, error]

    assert PAYER.ask(an_asking()) == answer
    assert PAYER.look_up(ID) == answer


def test_a_refusal_is_told_without_whom_it_is_about(wire: Wire) -> None:
    message = "Order failed: ANNA PETROVA <anna.p@customer.example>, Anna or anna.p\n, is not known"
    payload = {"rewards": {"recipient": {"email": "anna.p@customer.example is odd"}, "A b": 1}}
    wire.answer(json.dumps({"errors": {"message": message, "payload": payload}}), 422)

    assert PAYER.ask(an_asking()) == Refused(
        reason="Order failed: *** *** *** or *** , is not known (rewards.recipient.email)"
    )


def test_a_long_refusal_is_cut_and_no_half_of_a_name_is_left(wire: Wire) -> None:
    message = "anna.p@customer.example " * 40 + "x" * 30 + " Anna Petrova"
    wire.answer(json.dumps({"errors": {"message": message}}), 400)

    refused = PAYER.ask(an_asking())

    assert isinstance(refused, Refused)
    assert len(refused.reason) <= 200
    assert not any(part in refused.reason.lower() for part in ("ann", "petr", "customer"))


@pytest.mark.parametrize("body", ["", "[]", '{"errors": null}', '{"errors": {}}', "[" * 100_000])
def test_a_refusal_without_words_is_a_refusal(wire: Wire, body: str) -> None:
    wire.answer(body, 422)

    assert PAYER.ask(an_asking()) == Refused(reason="said no more")


def test_points_and_payouts_to_nobody_are_refused_without_a_call(wire: Wire) -> None:
    to_nobody = Asking(dispatch_id=ID, amount_minor=100, unit="EUR", recipient=None)

    assert isinstance(PAYER.ask(an_asking(unit="points")), Refused)
    assert isinstance(PAYER.ask(to_nobody), Refused)
    assert wire.sent == []


def test_an_order_is_looked_up_by_our_id(wire: Wire) -> None:
    wire.answer(f'{{"orders": [{an_order()}], "total_count": 1}}')

    order = PAYER.look_up(ID)

    assert isinstance(order, TheirOrder)
    assert order.external_id == "pay_1"
    assert wire.sent[0][:2] == ("GET", "https://payer.example/api/v2/orders?external_id=pay_1")


@pytest.mark.parametrize(
    "body",
    [
        '{"orders": [], "total_count": 1}',
        '{"orders": []}',
        '{"orders": [7], "total_count": 1}',
        '{"total_count": 0}',
        f'{{"orders": [{an_order(external_id="pay_2")}], "total_count": 1}}',
        f'{{"orders": [{an_order()}, {an_order(external_id="pay_2")}], "total_count": 2}}',
        f'{{"orders": [{an_order()}, {an_order(unit="USD")}], "total_count": 2}}',
    ],
)
def test_a_list_that_is_not_of_our_id_alone_says_nothing(wire: Wire, body: str) -> None:
    wire.answer(body)

    assert isinstance(PAYER.look_up(ID), Unknown)


def test_an_order_that_failed_does_not_count_beside_one_that_lives(wire: Wire) -> None:
    failed = an_order(status="CANCELED", order_id="ORDER1")
    wire.answer(f'{{"orders": [{failed}, {an_order(order_id="ORDER2")}], "total_count": 2}}')

    order = PAYER.look_up(ID)

    assert isinstance(order, TheirOrder)
    assert (order.reference, order.amount_minor) == ("ORDER2", 1_250)


def test_a_list_that_ends_too_early_is_not_taken_for_the_books(wire: Wire) -> None:
    wire.answer(f'{{"orders": [{an_order()}], "total_count": 3}}')
    wire.answer('{"orders": [], "total_count": 3}')

    with pytest.raises(AnswerLostError):
        list(PAYER.iter_orders(NOON))


def test_a_list_that_repeats_itself_is_not_taken_for_the_books(wire: Wire) -> None:
    for _ in range(2):
        wire.answer(f'{{"orders": [{an_order()}], "total_count": 2}}')

    with pytest.raises(AnswerLostError):
        list(PAYER.iter_orders(NOON))


def test_an_order_of_ours_that_cannot_be_read_spoils_the_books(wire: Wire) -> None:
    wire.answer(f'{{"orders": [{an_order(status="TELEPORTED")}], "total_count": 1}}')

    with pytest.raises(AnswerLostError):
        list(PAYER.iter_orders(NOON))


def test_orders_of_others_that_cannot_be_read_are_left_out(wire: Wire) -> None:
    other = an_order(status="TELEPORTED", external_id="gift-7", order_id="ORDER2")
    wire.answer(f'{{"orders": [{other}, {an_order()}], "total_count": 2}}')

    assert [order.external_id for order in PAYER.iter_orders(NOON)] == ["pay_1"]


def test_a_key_does_not_show(wire: Wire) -> None:
    assert "an API key" not in repr(PAYER)


def test_terms_become_options() -> None:
    terms = PayoutTerms(campaign_id="C1", products=("P1", "P2"), funding_source="FUND")

    assert options_of(terms) == {
        "funding_source": "FUND",
        "campaign_id": "C1",
        "products": "P1,P2",
    }
    assert options_of(PayoutTerms()) == {"funding_source": "balance"}
