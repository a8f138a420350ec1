"""Request bodies: what is taken, what is refused, and that a refusal names the field."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from referrals.domain.errors import Fault
from referrals.domain.reports import (
    ChargebackStatus,
    Circumstances,
    CustomerDetails,
    Evidence,
    ReportedSignals,
)
from referrals.runtime import clock
from referrals.runtime.bodies import (
    AdvocateBody,
    Body,
    ChargebackHook,
    PurchaseHook,
    RefundHook,
    SignupHook,
)
from referrals.runtime.http import read_body
from referrals.runtime.problems import ProblemError
from tests.factories import NOW

KEY = b"an identity key of this test suite"
SIGNUP: Mapping[str, Any] = {"program": "tea", "friend": {"id": "customer-2"}}
PURCHASE: Mapping[str, Any] = {
    "program": "tea",
    "order_id": "order-1",
    "friend": {"id": "customer-2"},
    "amount_minor": 10_000,
    "currency": "EUR",
}
REFUND: Mapping[str, Any] = {
    "program": "tea",
    "order_id": "order-1",
    "refund_id": "refund-1",
    "amount_minor": 2_500,
    "currency": "EUR",
}
CHARGEBACK: Mapping[str, Any] = {
    "program": "tea",
    "order_id": "order-1",
    "chargeback_id": "dispute-1",
    "amount_minor": 10_000,
    "currency": "EUR",
    "status": "opened",
}
ADVOCATE: Mapping[str, Any] = {"program": "tea", "id": "customer-1", "email": "anna@shop.test"}
BODIES = [
    pytest.param(SignupHook, SIGNUP, id="sign-up"),
    pytest.param(PurchaseHook, PURCHASE, id="purchase"),
    pytest.param(RefundHook, REFUND, id="refund"),
    pytest.param(ChargebackHook, CHARGEBACK, id="chargeback"),
    pytest.param(AdvocateBody, ADVOCATE, id="advocate"),
]
NOT_AN_INTEGER = "input should be a valid integer"
NOT_A_STRING = "input should be a valid string"
NOT_PRINTABLE = "has characters that cannot be printed"
NO_COUNTRY = "is not an ISO 3166-1 alpha-2 code of a country"
NOT_A_TIME = "is not an RFC 3339 time such as 2026-11-21T08:00:00Z"


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOW)


def purchase(**changes: Any) -> PurchaseHook:
    return read_body(json.dumps({**PURCHASE, **changes}).encode(), PurchaseHook)


def signup(**changes: Any) -> SignupHook:
    return read_body(json.dumps({**SIGNUP, **changes}).encode(), SignupHook)


def chargeback(**changes: Any) -> ChargebackHook:
    return read_body(json.dumps({**CHARGEBACK, **changes}).encode(), ChargebackHook)


# signup or purchase, where both take the same
Told = Callable[..., SignupHook | PurchaseHook]


def refused(raw: bytes, body_type: type[Body] = PurchaseHook) -> ProblemError:
    """Read a body that must be refused, and as malformed at that."""
    with pytest.raises(ProblemError) as refusal:
        read_body(raw, body_type)
    assert refusal.value.status is HTTPStatus.BAD_REQUEST
    assert refusal.value.code == "malformed_body"
    return refusal.value


def faults_of(changes: Mapping[str, Any], body_type: type[Body] = PurchaseHook) -> list[Fault]:
    whole = {
        SignupHook: SIGNUP,
        PurchaseHook: PURCHASE,
        RefundHook: REFUND,
        ChargebackHook: CHARGEBACK,
        AdvocateBody: ADVOCATE,
    }
    raw = json.dumps({**whole[body_type], **changes}).encode()
    return list(refused(raw, body_type).faults)


@pytest.mark.parametrize(("body_type", "content"), BODIES)
def test_the_least_that_can_be_sent_is_taken(
    body_type: type[Body], content: Mapping[str, Any]
) -> None:
    assert read_body(json.dumps(content).encode(), body_type)


@pytest.mark.parametrize(("body_type", "content"), BODIES)
def test_a_field_that_is_missing_is_named(
    body_type: type[Body], content: Mapping[str, Any]
) -> None:
    assert {fault.field for fault in refused(b"{}", body_type).faults} == set(content)


@pytest.mark.parametrize(("body_type", "content"), BODIES)
def test_a_field_that_nobody_reads_is_named(
    body_type: type[Body], content: Mapping[str, Any]
) -> None:
    faults = refused(json.dumps({**content, "amount": 1}).encode(), body_type).faults
    assert faults == (Fault(field="amount", says="extra inputs are not permitted"),)


@pytest.mark.parametrize(
    ("amount_minor", "says"),
    [
        pytest.param(True, NOT_AN_INTEGER, id="a boolean"),
        pytest.param("100", NOT_AN_INTEGER, id="digits in quotes"),
        pytest.param(100.0, NOT_AN_INTEGER, id="a whole number with a point"),
        pytest.param(1.5, NOT_AN_INTEGER, id="a fraction"),
        pytest.param(None, NOT_AN_INTEGER, id="null"),
        pytest.param([100], NOT_AN_INTEGER, id="a list"),
        pytest.param({"value": 100}, NOT_AN_INTEGER, id="an object"),
        pytest.param(float("nan"), NOT_AN_INTEGER, id="not a number"),
        pytest.param(float("inf"), NOT_AN_INTEGER, id="infinity"),
        pytest.param(-1, "input should be greater than or equal to 0", id="less than nothing"),
        pytest.param(
            10**12 + 1, "input should be less than or equal to 1000000000000", id="a mistake"
        ),
        pytest.param(
            10**400, "input should be less than or equal to 1000000000000", id="400 digits"
        ),
    ],
)
def test_an_amount_that_is_no_number_of_minor_units_is_refused(
    amount_minor: object, says: str
) -> None:
    faults = faults_of({"amount_minor": amount_minor})
    assert faults == [Fault(field="amount_minor", says=says)]


@pytest.mark.parametrize("amount_minor", [0, 1, 10**12])
def test_an_amount_is_a_number_of_minor_units(amount_minor: int) -> None:
    assert purchase(amount_minor=amount_minor).amount_minor == amount_minor


@pytest.mark.parametrize("body_type", [RefundHook, ChargebackHook])
def test_a_refund_or_chargeback_of_nothing_is_refused(body_type: type[Body]) -> None:
    faults = faults_of({"amount_minor": 0}, body_type)
    assert [fault.field for fault in faults] == ["amount_minor"]


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        pytest.param({"program": "Tea"}, "program", None, id="a program in capitals"),
        pytest.param({"program": "tea\n"}, "program", None, id="a program and a line break"),
        pytest.param({"program": "-tea"}, "program", None, id="a program that starts with a dash"),
        pytest.param({"program": "t" * 64}, "program", None, id="a program of 64 signs"),
        pytest.param({"program": ""}, "program", None, id="a program without a name"),
        pytest.param({"program": 5}, "program", NOT_A_STRING, id="a program by number"),
        pytest.param({"order_id": 5}, "order_id", NOT_A_STRING, id="an order by number"),
        pytest.param({"order_id": True}, "order_id", NOT_A_STRING, id="an order by truth"),
        pytest.param({"order_id": None}, "order_id", NOT_A_STRING, id="an order of null"),
        pytest.param({"order_id": ""}, "order_id", None, id="an order without an id"),
        pytest.param({"order_id": "x" * 129}, "order_id", None, id="an order of 129 signs"),
        pytest.param({"order_id": "a\x00b"}, "order_id", NOT_PRINTABLE, id="a null in an order"),
        pytest.param({"order_id": "a\nb"}, "order_id", NOT_PRINTABLE, id="a line break in one"),
        pytest.param({"order_id": "a\u202eb"}, "order_id", NOT_PRINTABLE, id="text turned round"),
        pytest.param({"order_id": "a\u200bb"}, "order_id", NOT_PRINTABLE, id="a space of no width"),
        pytest.param({"currency": "XXX"}, "currency", None, id="no currency"),
        pytest.param({"currency": "XAU"}, "currency", None, id="gold"),
        pytest.param({"currency": "EURO"}, "currency", None, id="four letters"),
        pytest.param({"currency": "E\u00dc"}, "currency", None, id="other letters"),
        pytest.param({"currency": 978}, "currency", NOT_A_STRING, id="a currency by number"),
        pytest.param({"click": 5}, "click", NOT_A_STRING, id="a click by number"),
        pytest.param({"click": "x" * 1_001}, "click", None, id="a click of 1,001 signs"),
        pytest.param({"code": "x" * 65}, "code", None, id="a code of 65 signs"),
        pytest.param({"code": "ANNA\x00"}, "code", NOT_PRINTABLE, id="a null in a code"),
        pytest.param({"coupon": ["ANNA10"]}, "coupon", NOT_A_STRING, id="several coupons"),
        pytest.param({"metadata": []}, "metadata", None, id="metadata as a list"),
        pytest.param({"metadata": "x"}, "metadata", None, id="metadata as text"),
        pytest.param(
            {"metadata": {"note": "x" * 10_000}},
            "metadata",
            "is over 10000 characters",
            id="much metadata",
        ),
        pytest.param({"stated_advocate": 7}, "stated_advocate", NOT_A_STRING, id="one by number"),
        pytest.param({"stated_advocate": "x" * 129}, "stated_advocate", None, id="a long one"),
        pytest.param({"stated_advocate": "a\nb"}, "stated_advocate", NOT_PRINTABLE, id="in lines"),
        pytest.param({"country": "XX"}, "country", NO_COUNTRY, id="no country"),
        pytest.param({"country": "UK"}, "country", NO_COUNTRY, id="a kingdom by its web address"),
        pytest.param({"country": "EU"}, "country", NO_COUNTRY, id="a union of countries"),
        pytest.param({"country": "DEU"}, "country", None, id="a country by three letters"),
        pytest.param({"country": 276}, "country", NOT_A_STRING, id="a country by number"),
        pytest.param({"is_new_customer": "true"}, "is_new_customer", None, id="truth in quotes"),
        pytest.param({"is_new_customer": 1}, "is_new_customer", None, id="truth as a number"),
        pytest.param({"products": "tea"}, "products", None, id="one product as text"),
        pytest.param({"products": ["p"] * 51}, "products", "are more than 50", id="51 products"),
        pytest.param({"products": ["p", ""]}, "products.1", None, id="a product without an id"),
        pytest.param({"products": ["p", 7]}, "products.1", NOT_A_STRING, id="one by number"),
        pytest.param({"subscription": 2}, "subscription", None, id="a subscription as a number"),
        pytest.param({"subscription": {"month": 2}}, "subscription.id", None, id="without an id"),
        pytest.param({"subscription": {"id": "s"}}, "subscription.month", None, id="no month"),
        pytest.param(
            {"subscription": {"id": "s", "month": 0}}, "subscription.month", None, id="month 0"
        ),
        pytest.param(
            {"subscription": {"id": "s", "month": 1_201}},
            "subscription.month",
            None,
            id="a hundred years and a month",
        ),
        pytest.param(
            {"subscription": {"id": "s", "month": "2"}},
            "subscription.month",
            NOT_AN_INTEGER,
            id="a month in quotes",
        ),
        pytest.param({"signals": "203.0.113.7"}, "signals", None, id="signals as text"),
        pytest.param({"signals": {"ip": "203.0.113.7"}}, "signals.ip", None, id="one unknown"),
        pytest.param({"signals": {"agent": 7}}, "signals.agent", NOT_A_STRING, id="an agent"),
        pytest.param(
            {"signals": {"landing_url": "x" * 4_001}}, "signals.landing_url", None, id="a long page"
        ),
        pytest.param({"touches": ["a"] * 21}, "touches", "are more than 20", id="21 touches"),
        pytest.param({"friend": "customer-2"}, "friend", None, id="a friend as text"),
        pytest.param({"friend": None}, "friend", None, id="no friend"),
        pytest.param({"friend": {}}, "friend.id", "field required", id="a friend without an id"),
        pytest.param({"friend": {"id": 7}}, "friend.id", NOT_A_STRING, id="a friend by number"),
        pytest.param({"friend": {"id": "b", "age": 7}}, "friend.age", None, id="a friend's age"),
        pytest.param(
            {"friend": {"id": "b", "email": "boris"}},
            "friend.email",
            "is not an e-mail address",
            id="half an address",
        ),
        pytest.param(
            {"friend": {"id": "b", "email": "b@shop.test\r\nBcc: all@shop.test"}},
            "friend.email",
            "is not an e-mail address",
            id="an address and a header",
        ),
        pytest.param(
            {"friend": {"id": "b", "email": f"{'x' * 250}@a.test"}},
            "friend.email",
            None,
            id="an address of 257 signs",
        ),
        pytest.param(
            {"friend": {"id": "b", "name": "x" * 201}}, "friend.name", None, id="a long name"
        ),
        pytest.param(
            {"friend": {"id": "b", "name": "Bo\nris"}}, "friend.name", NOT_PRINTABLE, id="two lines"
        ),
        pytest.param(
            {"friend": {"id": "b", "locale": "en/../.."}}, "friend.locale", None, id="a path"
        ),
        pytest.param(
            {"friend": {"id": "b", "phone": "030 1234"}}, "friend.phone", None, id="a local number"
        ),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(
    changes: Mapping[str, Any], field: str, says: str | None
) -> None:
    faults = faults_of(changes)
    assert [fault.field for fault in faults] == [field]
    assert says in {None, faults[0].says}


def test_a_problem_names_all_fields_at_fault() -> None:
    problem = refused(json.dumps({**PURCHASE, "amount_minor": "1", "order_id": 1}).encode())
    assert problem.detail == "the body is wrong in: order_id, amount_minor"


def test_a_problem_never_repeats_what_was_sent() -> None:
    problem = refused(
        json.dumps({**PURCHASE, "friend": {"id": "b", "email": "secret words"}}).encode()
    )
    assert "secret" not in problem.detail + "".join(fault.says for fault in problem.faults)


def test_a_body_with_ten_thousand_faults_names_twenty() -> None:
    extra = {f"field-{number}": 1 for number in range(10_000)}
    assert len(faults_of(extra)) == 20


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_metadata_is_one_level_deep(value: object) -> None:
    faults = faults_of({"metadata": {"cart": value}})
    assert all(fault.field.startswith("metadata.cart") for fault in faults)


@pytest.mark.parametrize("value", ["tea", 1, 1.5, True, None, 10**30])
def test_metadata_may_hold_any_scalar(value: object) -> None:
    assert purchase(metadata={"note": value}).report(key=KEY).fingerprint


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"tea", id="no JSON"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"tea"', id="text"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"program":"tea"} {}', id="two bodies"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param('{"program":"tea"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x00", id="a null byte"),
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b'{"a":' * 100_000, id="100,000 braces"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 brackets, closed"),
        pytest.param(b'{"order_id":"\\ud800"}', id="half a character"),
        pytest.param(b'{"order_id":"\\ud800\\u0041"}', id="half a character and a letter"),
        pytest.param(b'{"order_id":"\xed\xa0\x80"}', id="half a character in bytes"),
        pytest.param(b'{"order_id":"\x00"}', id="a bare null in text"),
        pytest.param(b'{"amount_minor":' + b"9" * 5_000 + b"}", id="5,000 digits"),
        pytest.param(b'{"amount_minor":1e400}', id="beyond all numbers"),
    ],
)
def test_what_is_no_body_at_all_is_refused_as_a_whole(raw: bytes) -> None:
    assert refused(raw).faults


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        pytest.param("2026-05-20T11:00:00Z", datetime(2026, 5, 20, 11, tzinfo=UTC), id="UTC"),
        pytest.param("2026-05-20t11:00:00z", datetime(2026, 5, 20, 11, tzinfo=UTC), id="small"),
        pytest.param(
            "2026-05-20T13:00:00+02:00", datetime(2026, 5, 20, 11, tzinfo=UTC), id="an offset"
        ),
        pytest.param(
            "2026-05-20T00:30:00.250+14:00",
            datetime(2026, 5, 19, 10, 30, 0, 250_000, tzinfo=UTC),
            id="a fraction, and yesterday in UTC",
        ),
        pytest.param(
            "2026-05-20T12:05:00Z", datetime(2026, 5, 20, 12, 5, tzinfo=UTC), id="by a fast clock"
        ),
        pytest.param("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC), id="long ago"),
    ],
)
def test_a_time_is_taken_as_utc(told: str, moment: datetime) -> None:
    occurred_at = purchase(occurred_at=told).occurred_at
    assert occurred_at == moment
    assert occurred_at is not None
    assert occurred_at.utcoffset() == timedelta(0)


def test_a_time_may_be_left_out_or_null() -> None:
    assert purchase(occurred_at=None).report(key=KEY).occurred_at is None
    assert purchase().report(key=KEY).occurred_at is None


@pytest.mark.parametrize(
    ("told", "says"),
    [
        pytest.param("2026-05-20T11:00:00", NOT_A_TIME, id="without an offset"),
        pytest.param("2026-05-20", NOT_A_TIME, id="a day"),
        pytest.param("2026-05-20 11:00:00Z", NOT_A_TIME, id="a space"),
        pytest.param("2026-02-30T11:00:00Z", NOT_A_TIME, id="the 30th of February"),
        pytest.param("2026-05-20T25:00:00Z", NOT_A_TIME, id="the 25th hour"),
        pytest.param("2026-05-20T11:00:00+25:00", NOT_A_TIME, id="an offset of 25 hours"),
        pytest.param("0000-01-01T00:00:00Z", NOT_A_TIME, id="the year 0"),
        pytest.param("2026-W21-3T11:00:00Z", NOT_A_TIME, id="a week"),
        pytest.param("yesterday", NOT_A_TIME, id="a word"),
        pytest.param("", NOT_A_TIME, id="nothing"),
        pytest.param("1747738800", NOT_A_TIME, id="seconds in quotes"),
        pytest.param(1_747_738_800, NOT_A_TIME, id="seconds"),
        pytest.param(1_747_738_800.5, NOT_A_TIME, id="seconds and a half"),
        pytest.param(True, NOT_A_TIME, id="truth"),
        pytest.param([], NOT_A_TIME, id="a list"),
        pytest.param("\u0662\u0660\u0662\u0666-05-20T11:00:00Z", NOT_A_TIME, id="other digits"),
        pytest.param("2026-05-20T12:05:00.000001Z", "lies in the future", id="too fast a clock"),
        pytest.param("2027-01-01T00:00:00Z", "lies in the future", id="next year"),
        pytest.param("9999-12-31T23:59:59-23:59", "lies in the future", id="the end of time"),
        pytest.param("1970-01-01T00:00:00Z", "is before the year 2000", id="a 0"),
        pytest.param("0001-01-01T00:00:00+23:59", "is before the year 2000", id="its beginning"),
    ],
)
def test_a_time_that_is_none_or_cannot_be_is_refused(told: object, says: str) -> None:
    assert faults_of({"occurred_at": told}) == [Fault(field="occurred_at", says=says)]


def test_a_purchase_becomes_a_report() -> None:
    report = purchase(
        friend={"id": "customer-2", "email": "Boris@SHOP.test", "name": "Boris", "locale": "ru"},
        currency="eur",
        click="a-token",
        code="anna10",
        coupon="TEA5",
        occurred_at="2026-05-20T11:00:00Z",
        metadata={"cart": 7},
    ).report(key=KEY)
    assert report.friend == CustomerDetails(
        customer_id="customer-2", email="Boris@shop.test", name="Boris", locale="ru"
    )
    assert (report.program_id, report.order_id) == ("tea", "order-1")
    assert (report.amount_minor, report.currency) == (10_000, "EUR")
    assert report.evidence == Evidence(clicks=("a-token",), codes=("anna10",), coupons=("TEA5",))
    assert report.occurred_at == datetime(2026, 5, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize("told", [signup, purchase])
def test_touches_are_told_oldest_first_and_the_click_last(told: Told) -> None:
    body = told(touches=["one", "two"], click="three", code="ANNA10", stated_advocate="customer-1")
    assert body.tokens == ("one", "two", "three")
    assert body.report(key=KEY).evidence == Evidence(
        clicks=("one", "two", "three"), codes=("ANNA10",), stated=("customer-1",)
    )


@pytest.mark.parametrize("told", [signup, purchase])
def test_an_empty_code_or_click_or_name_is_no_evidence(told: Told) -> None:
    report = told(touches=[""], click="", code="", stated_advocate="").report(key=KEY)
    assert report.evidence == Evidence()


def test_an_empty_coupon_is_no_evidence() -> None:
    assert purchase(coupon="").report(key=KEY).evidence == Evidence()


def test_a_purchase_tells_its_circumstances() -> None:
    report = purchase(
        country="de",
        is_new_customer=False,
        products=["green-tea", "teapot"],
        subscription={"id": "sub-1", "month": 2},
    ).report(key=KEY)
    assert report.circumstances == Circumstances(
        country="DE", products=("green-tea", "teapot"), month=2, is_new_customer=False
    )
    assert report.is_renewal


def test_a_sign_up_tells_its_circumstances() -> None:
    report = signup(country="GB", is_new_customer=True).report(key=KEY)
    assert report.circumstances == Circumstances(country="GB", is_new_customer=True)


@pytest.mark.parametrize("told", [signup, purchase])
def test_circumstances_may_be_left_out_empty_or_null(told: Told) -> None:
    assert told().report(key=KEY).circumstances == Circumstances()
    empty = told(country="", is_new_customer=None)
    assert empty.report(key=KEY).circumstances == Circumstances()


def test_no_products_are_the_same_as_none_told() -> None:
    assert purchase(products=[]).report(key=KEY).circumstances.products == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"products": ["tea"]}, "products", id="products"),
        pytest.param({"subscription": {"id": "s", "month": 1}}, "subscription", id="a month"),
        pytest.param({"coupon": "ANNA10"}, "coupon", id="a coupon"),
    ],
)
def test_what_only_a_purchase_has_is_no_field_of_a_sign_up(
    changes: Mapping[str, Any], field: str
) -> None:
    assert [fault.field for fault in faults_of(changes, SignupHook)] == [field]


@pytest.mark.parametrize("told", [signup, purchase])
def test_signals_are_passed_on_as_they_were_seen(told: Told) -> None:
    report = told(
        signals={
            "address": "2001:db8::7",
            "agent": "Mozilla/5.0 (\u200b)",
            "payment_fingerprint": "card-1",
            "landing_url": "",
        }
    ).report(key=KEY)
    assert report.signals == ReportedSignals(
        address="2001:db8::7", agent="Mozilla/5.0 (\u200b)", payment_fingerprint="card-1"
    )


@pytest.mark.parametrize("told", [signup, purchase])
@pytest.mark.parametrize("signals", [None, {}, {"address": "203.0.113.7"}])
def test_the_same_told_from_another_server_is_a_repetition(
    told: Told, signals: Mapping[str, str] | None
) -> None:
    seen_elsewhere = told(signals=signals).report(key=KEY)
    assert seen_elsewhere.fingerprint == told().report(key=KEY).fingerprint


def test_a_chargeback_becomes_a_report() -> None:
    report = chargeback(occurred_at="2026-05-20T11:00:00Z").report(key=KEY)
    assert (report.program_id, report.order_id) == ("tea", "order-1")
    assert (report.chargeback_id, report.status) == ("dispute-1", ChargebackStatus.OPENED)
    assert (report.amount_minor, report.currency) == (10_000, "EUR")
    assert report.occurred_at == datetime(2026, 5, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize("status", [None, "", "OPENED", "closed", 1])
def test_a_chargeback_stands_in_one_of_three_ways(status: object) -> None:
    assert [fault.field for fault in faults_of({"status": status}, ChargebackHook)] == ["status"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": "won"}, id="that was won"),
        pytest.param({"status": "lost", "occurred_at": "2026-05-20T11:00:00Z"}, id="that was lost"),
    ],
)
def test_news_of_a_chargeback_are_no_contradiction(changes: Mapping[str, Any]) -> None:
    assert chargeback(**changes).report(key=KEY).fingerprint == (
        chargeback().report(key=KEY).fingerprint
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"amount_minor": 9_999}, id="amount"),
        pytest.param({"currency": "USD"}, id="currency"),
        pytest.param({"order_id": "order-2"}, id="order"),
        pytest.param({"chargeback_id": "dispute-2"}, id="chargeback"),
    ],
)
def test_another_chargeback_of_the_same_words_is_a_contradiction(
    changes: Mapping[str, Any],
) -> None:
    assert chargeback(**changes).report(key=KEY).fingerprint != (
        chargeback().report(key=KEY).fingerprint
    )


@pytest.mark.parametrize(
    "touches",
    [
        pytest.param(["a"] * 21, id="21 of them"),
        pytest.param("a", id="one as text"),
        pytest.param({"0": "a"}, id="an object"),
    ],
)
def test_touches_are_a_list_of_twenty_at_most(touches: object) -> None:
    assert [fault.field for fault in faults_of({"touches": touches}, SignupHook)] == ["touches"]


def test_a_touch_of_the_wrong_kind_is_named_by_its_place() -> None:
    faults = faults_of({"touches": ["a", 7]}, SignupHook)
    assert faults == [Fault(field="touches.1", says=NOT_A_STRING)]


def test_a_refund_becomes_a_report() -> None:
    report = read_body(json.dumps(REFUND).encode(), RefundHook).report(key=KEY)
    assert (report.order_id, report.refund_id) == ("order-1", "refund-1")
    assert (report.amount_minor, report.currency, report.occurred_at) == (2_500, "EUR", None)


def test_an_enrolment_becomes_a_report() -> None:
    content = {**ADVOCATE, "name": "Anna", "segment": "gold", "code": "Anna-10"}
    report = read_body(json.dumps(content).encode(), AdvocateBody).report()
    assert report.customer == CustomerDetails(
        customer_id="customer-1", email="anna@shop.test", name="Anna"
    )
    assert (report.program_id, report.segment, report.code) == ("tea", "gold", "Anna-10")


@pytest.mark.parametrize(
    "address",
    [
        "anna@shop.test",
        "anna+tea@shop.test",
        "\u0430\u043d\u043d\u0430@\u0447\u0430\u0439.\u0440\u0444",
    ],
)
def test_an_address_of_any_script_is_taken(address: str) -> None:
    body = read_body(json.dumps({**ADVOCATE, "email": address}).encode(), AdvocateBody)
    assert body.email == address


def print_of(raw: str | bytes) -> str:
    content = raw.encode() if isinstance(raw, str) else raw
    return read_body(content, PurchaseHook).report(key=KEY).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"currency": "eur"}, id="a currency in small letters"),
        pytest.param({"occurred_at": "2026-05-20T13:00:00+02:00"}, id="the same moment elsewhere"),
        pytest.param({"metadata": {"size": "l", "cart": 7}}, id="metadata in another order"),
        pytest.param({"coupon": None}, id="a null for what was left out"),
        pytest.param({"country": "", "products": []}, id="empty fields for what was left out"),
        pytest.param({"signals": {"agent": "curl"}}, id="seen from another server"),
    ],
)
def test_the_same_said_in_other_words_is_a_repetition(changes: Mapping[str, Any]) -> None:
    said = {
        **PURCHASE,
        "occurred_at": "2026-05-20T11:00:00Z",
        "metadata": {"cart": 7, "size": "l"},
    }
    assert print_of(json.dumps({**said, **changes})) == print_of(json.dumps(said))


def test_the_order_of_fields_and_spaces_between_them_do_not_matter() -> None:
    backwards = json.dumps(
        {name: PURCHASE[name] for name in sorted(PURCHASE, reverse=True)}, indent=4
    )
    assert print_of(backwards) == print_of(json.dumps(PURCHASE))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"amount_minor": 10_001}, id="amount"),
        pytest.param({"currency": "USD"}, id="currency"),
        pytest.param({"friend": {"id": "customer-3"}}, id="friend"),
        pytest.param({"order_id": "order-2"}, id="order"),
        pytest.param({"code": "ANNA10"}, id="code"),
        pytest.param({"coupon": "ANNA10"}, id="coupon"),
        pytest.param({"occurred_at": "2026-05-20T11:00:00Z"}, id="time"),
        pytest.param({"metadata": {"cart": 7}}, id="metadata"),
        pytest.param({"touches": ["a-token"]}, id="touches"),
        pytest.param({"stated_advocate": "customer-1"}, id="stated advocate"),
        pytest.param({"country": "DE"}, id="country"),
        pytest.param({"is_new_customer": False}, id="new customer"),
        pytest.param({"products": ["tea"]}, id="products"),
        pytest.param({"subscription": {"id": "s", "month": 1}}, id="subscription"),
    ],
)
def test_something_else_said_is_a_contradiction(changes: Mapping[str, Any]) -> None:
    assert print_of(json.dumps({**PURCHASE, **changes})) != print_of(json.dumps(PURCHASE))


def test_a_purchase_and_a_refund_of_the_same_words_share_no_fingerprint() -> None:
    body = purchase()
    assert body.fingerprint("purchase", key=KEY) != body.fingerprint("refund", key=KEY)


JSON_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | JSON_TEXT,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(JSON_TEXT, values, max_size=3),
    max_leaves=8,
)


def test_a_refund_cannot_take_the_place_of_a_chargeback() -> None:
    with pytest.raises(ValidationError) as caught:
        RefundHook.model_validate({**REFUND, "refund_id": "chargeback:D-1:lost"})
    assert [error["loc"] for error in caught.value.errors()] == [("refund_id",)]


FIELDS = ["program", "order_id", "refund_id", "friend", "amount_minor", "currency", "click"]
MORE_FIELDS = ["code", "coupon", "touches", "occurred_at", "metadata", "id", "email", "segment"]
RARE_FIELDS = ["stated_advocate", "country", "is_new_customer", "signals", "products"]
RARER_FIELDS = ["subscription", "chargeback_id", "status"]
SOME_FIELDS = st.dictionaries(
    st.sampled_from([*FIELDS, *MORE_FIELDS, *RARE_FIELDS, *RARER_FIELDS]),
    JSON_VALUES,
    max_size=4,
)


def read_or_refused(raw: bytes, body_type: type[Body]) -> Body | tuple[Fault, ...]:
    """Give a body, or what was wrong with it; anything else that is raised fails the test."""
    try:
        return read_body(raw, body_type)
    except ProblemError as problem:
        return problem.faults


@pytest.mark.parametrize(("body_type", "content"), BODIES)
@settings(max_examples=50)  # of each of the bodies
@given(changes=SOME_FIELDS)
def test_any_json_is_taken_or_refused_with_a_field(
    body_type: type[Body], content: Mapping[str, Any], changes: Mapping[str, Any]
) -> None:
    read = read_or_refused(json.dumps({**content, **changes}).encode(), body_type)
    if isinstance(read, Body):
        assert read.fingerprint("any", key=KEY)
    else:
        assert {fault.field.split(".")[0] for fault in read} <= set(changes)
        assert read


@given(raw=st.binary(max_size=60))
def test_no_bytes_are_taken_for_a_body(raw: bytes) -> None:
    assert not isinstance(read_or_refused(raw, PurchaseHook), Body)


@given(field=st.sampled_from(sorted(PURCHASE)), value=JSON_VALUES)
def test_only_the_field_that_was_spoiled_is_named(field: str, value: object) -> None:
    read = read_or_refused(json.dumps({**PURCHASE, field: value}).encode(), PurchaseHook)
    if not isinstance(read, Body):
        assert {fault.field.split(".")[0] for fault in read} == {field}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_json_does_not_have_is_refused_and_named(number: str) -> None:
    text = json.dumps({**PURCHASE, "metadata": {"note": 0}}).replace(
        '"note": 0', f'"note": {number}'
    )
    with pytest.raises(ProblemError) as refused:
        read_body(text.encode(), PurchaseHook)
    assert [fault.field for fault in refused.value.faults] in (["metadata.note"], ["body"])
