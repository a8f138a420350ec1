"""What partners are told, and what is taken of what they answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from referrals import outbound
from referrals.domain.ids import DispatchId
from referrals.domain.providers import Asking, NotNow, Refused, TheirOrder, TheirStatus, Unknown
from referrals.fulfil.partners import Partner, partner_secret
from referrals.outbound import Answer
from tests.shop import NOON

ID = DispatchId("dsp_1")
CURRENT = partner_secret("an outgoing key", "cinema")
PREVIOUS = partner_secret("an outgoing key of last year", "cinema")
CINEMA = Partner(
    url="https://cinema.example/codes", secrets=(CURRENT, PREVIOUS), clock=lambda: NOON
)
ASKING = Asking(
    dispatch_id=ID, amount_minor=900, unit="EUR", recipient=None, options={"program": "tea"}
)
CODE = {"id": "dsp_1", "code": "CINEMA-7", "amount_minor": 900, "currency": "EUR"}


class Wire:
    """Stands where requests leave: keeps what was sent, gives what it was told to answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.answers: list[Answer] = []

    def send(self, method: str, url: str, **more: Any) -> Answer:
        self.sent.append((method, url, more.get("body", b""), dict(more["headers"])))
        return self.answers.pop(0)

    def answer(self, content: object, status: int = 200) -> None:
        self.answers.append(Answer(status=status, body=json.dumps(content).encode()))


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(outbound, "send", wire.send)
    return wire


def test_a_partner_is_told_an_amount_and_of_nobody(wire: Wire) -> None:
    wire.answer(CODE)

    CINEMA.ask(ASKING)

    method, url, body, _ = wire.sent[0]
    assert (method, url) == ("POST", "https://cinema.example/codes")
    assert json.loads(body) == {
        "id": "dsp_1",
        "program": "tea",
        "amount_minor": 900,
        "currency": "EUR",
    }


def test_a_code_is_looked_up_by_our_id(wire: Wire) -> None:
    wire.answer(CODE)

    order = CINEMA.look_up(ID)

    assert wire.sent[0][:3] == ("GET", "https://cinema.example/codes/dsp_1", b"")
    assert order == TheirOrder(
        external_id="dsp_1",
        reference="dsp_1",
        amount_minor=900,
        unit="EUR",
        status=TheirStatus.DONE,
        details={"coupon_code": "CINEMA-7"},
    )


@pytest.mark.parametrize("secret", [CURRENT, PREVIOUS], ids=["current", "previous"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_every_call_is_signed_with_each_live_secret(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, secret: str, method: str
) -> None:
    wire.answer(CODE)
    partner = replace(CINEMA, clock=lambda: datetime.now(UTC))  # the library knows no other clock
    partner.ask(ASKING) if method == "POST" else partner.look_up(ID)
    _, _, body, headers = wire.sent[0]

    Webhook(secret).verify(body, headers, json_parse=False)

    assert headers["webhook-id"] == "dsp_1"


def test_partners_have_secrets_of_their_own() -> None:
    assert partner_secret("an outgoing key", "cinema") != partner_secret("an outgoing key", "opera")
    assert CURRENT not in repr(CINEMA)


def test_when_a_code_expires_is_kept_with_it(wire: Wire) -> None:
    wire.answer({**CODE, "expires_at": "2027-05-04T12:00:00Z"}, 201)

    order = CINEMA.ask(ASKING)

    assert isinstance(order, TheirOrder)
    assert order.details == {
        "coupon_code": "CINEMA-7",
        "expires_at": "2027-05-04T12:00:00+00:00",
    }


def test_a_code_that_is_being_made_is_pending(wire: Wire) -> None:
    wire.answer({"id": "dsp_1", "amount_minor": 900, "currency": "EUR"}, 202)

    order = CINEMA.ask(ASKING)

    assert isinstance(order, TheirOrder)
    assert (order.status, order.details) == (TheirStatus.PENDING, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""},
        {"code": None},
        {"code": 7},
        {"code": " A"},
        {"code": "A\nB"},
        {"code": "A\u202eB"},
        {"code": "\N{PARTY POPPER}"},
        {"code": "A" * 101},
        {"id": None},
        {"id": ""},
        {"id": "dsp_1\n"},
        {"currency": "\x1b[31m"},
        {"amount_minor": None},
        {"amount_minor": "900"},
        {"amount_minor": 9.0},
        {"amount_minor": True},
        {"amount_minor": -900},
        {"amount_minor": 10**30},
        {"currency": None},
        {"expires_at": "tomorrow"},
        {"expires_at": "2027-05-04"},
        {"expires_at": 7},
    ],
)
def test_an_answer_that_is_no_code_leaves_it_unknown(wire: Wire, wrong: dict[str, Any]) -> None:
    wire.answer({**CODE, **wrong})

    assert isinstance(CINEMA.ask(ASKING), Unknown)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_an_answer_that_cannot_be_read_leaves_it_unknown(wire: Wire, body: bytes) -> None:
    wire.answers += [Answer(status=200, body=body)] * 2

    assert isinstance(CINEMA.ask(ASKING), Unknown)
    assert isinstance(CINEMA.look_up(ID), Unknown)


@pytest.mark.parametrize(
    ("status", "to_ask", "to_look"),
    [
        (302, Unknown, Unknown),
        (400, Unknown, Unknown),
        (401, NotNow, NotNow),
        (403, NotNow, NotNow),
        (404, NotNow, type(None)),
        (409, Refused, Unknown),
        (410, Unknown, Unknown),
        (422, Refused, Unknown),
        (429, NotNow, NotNow),
        (500, Unknown, Unknown),
        (503, Unknown, Unknown),
    ],
)
def test_a_status_of_http_means(wire: Wire, status: int, to_ask: type, to_look: type) -> None:
    wire.answer({}, status)
    wire.answer({}, status)

    assert type(CINEMA.ask(ASKING)) is to_ask
    assert type(CINEMA.look_up(ID)) is to_look


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"reason": "sold out"}, "sold out"),
        ({"reason": "sold\x1b[31m out\n" + "x" * 300}, "sold[31m out" + "x" * 188),
        ({}, "said no more"),
        ([], "said no more"),
    ],
)
def test_a_refusal_is_told_in_the_partners_words(wire: Wire, content: object, reason: str) -> None:
    wire.answer(content, 409)

    assert CINEMA.ask(ASKING) == Refused(reason=reason)
