"""Cash through a provider with the API of Tremendous: one order with one reward for each payout.

An order is idempotent by its `external_id`, which is the id of the dispatch: asked again, the API
answers 201 with the order that exists. It is paid for when it is EXECUTED, and has arrived when the
delivery of its reward SUCCEEDED. A delivery that failed is still paid for, and can be sent again:
such an order stays pending until somebody resends or cancels it, because to pay it once more under
another id would pay it twice.

Orders: https://developers.tremendous.com/reference/core-orders-create and
https://developers.tremendous.com/reference/obj-schema-orders (CART is called OPEN since 2025).
Errors: https://developers.tremendous.com/docs/error-handling; 429 is for a request that was not
looked at: https://developers.tremendous.com/docs/rate-limiting. Lists, newest first:
https://developers.tremendous.com/docs/pagination.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from referrals import outbound
from referrals.domain.dispatches import UNDELIVERED
from referrals.domain.ids import DispatchId
from referrals.domain.money import EXPONENTS, is_currency, written
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
from referrals.fulfil.answers import BrokenAnswerError, json_object
from referrals.outbound import Answer, AnswerLostError, OutboundError

# An order is some thousand characters long, and a page has to be read whole.
_PAGE, _MOST_BYTES = 50, 1_000_000
_LONGEST_REASON, _LOOKED_AT = 200, 1_000
_MOST_DIGITS = 15
_REFERENCE = re.compile(r"[!-~]{1,100}")
_FIELD = re.compile(r"[a-z_0-9]{1,40}")
_AMOUNT = "<amount>"
_OURS = "pay_"
_DEAD = frozenset({"FAILED", "CANCELED"})
_WAITING = frozenset({"OPEN", "CART"})
# Nothing was done: our key, our funds, our address, or too many calls are what is wrong.
_NOTHING_DONE = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_NO_FOR_GOOD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tremendous:
    """A Provider; `base_url` ends in `/api/v2`."""

    base_url: str
    api_key: str = field(repr=False)
    clock: Callable[[], datetime]
    timeout_seconds: float = 10

    def ask(self, asking: Asking) -> TheirOrder | Refused | NotNow | Unknown:
        """Order one reward, sent to the recipient by e-mail."""
        if asking.recipient is None or not is_currency(asking.unit):
            return Refused(reason="a payout is of money, and to somebody")
        try:
            answer = self._call("POST", "/orders", body=_order_body(asking, asking.recipient))
        except AnswerLostError as error:
            return Unknown(reason=f"no answer: {error}")
        except OutboundError as error:
            return NotNow(reason=f"not reached: {error}")
        return _asked(answer, asking.recipient, now=self.clock())

    def look_up(self, dispatch_id: DispatchId) -> TheirOrder | NotNow | Unknown | None:
        """Find the order under an id; more than one that is alive count together."""
        try:
            answer = self._call("GET", "/orders", query={"external_id": dispatch_id})
        except AnswerLostError as error:
            return Unknown(reason=f"no answer: {error}")
        except OutboundError as error:
            return NotNow(reason=f"not reached: {error}")
        if answer.status in _NOTHING_DONE:
            not_before = answer.not_before(self.clock())
            return NotNow(reason=f"answered {answer.status}", not_before=not_before)
        try:
            return _found(answer, dispatch_id)
        except BrokenAnswerError as error:
            return Unknown(reason=str(error))

    def iter_orders(self, since: datetime) -> Iterator[TheirOrder]:
        """List all orders since a moment; OutboundError when it cannot be read whole.

        The list begins with the newest order, so one that comes in between moves the others down:
        what was seen already is passed over, and all that were there at first have to be seen.
        Orders of others that cannot be read are left out.
        """
        seen: set[str] = set()
        page, total = self._page(since, 0)
        at_first, offset = total, 0
        while page:
            for document in page:
                reference = str(document.get("id"))
                if reference not in seen:
                    seen.add(reference)
                    yield from _listed(document)
            offset += len(page)
            page, total = self._page(since, offset) if offset < total else ([], total)
        if len(seen) < at_first:
            raise AnswerLostError("the list of orders is not whole")

    def _page(self, since: datetime, offset: int) -> tuple[list[dict[str, Any]], int]:
        query = {"created_at[gte]": since.isoformat(), "offset": str(offset), "limit": str(_PAGE)}
        answer = self._call("GET", "/orders", query=query)
        try:
            return _orders(answer)
        except BrokenAnswerError as error:
            raise AnswerLostError(str(error)) from None

    def _call(
        self, method: str, path: str, *, body: bytes = b"", query: Mapping[str, str] | None = None
    ) -> Answer:
        url = f"{self.base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        return outbound.send(
            method,
            url,
            body=body,
            headers=headers,
            timeout_seconds=self.timeout_seconds,
            most_bytes=_MOST_BYTES,
        )


def options_of(terms: PayoutTerms) -> dict[str, str]:
    """Give the options of an `Asking` that a program's terms mean."""
    products = {"products": ",".join(terms.products)} if terms.products else {}
    campaign = {"campaign_id": terms.campaign_id} if terms.campaign_id else {}
    return {"funding_source": terms.funding_source, **campaign, **products}


def _order_body(asking: Asking, recipient: Recipient) -> bytes:
    options = asking.options
    reward: dict[str, Any] = {"value": {"denomination": _AMOUNT, "currency_code": asking.unit}}
    if "campaign_id" in options:
        reward["campaign_id"] = options["campaign_id"]
    if "products" in options:
        reward["products"] = options["products"].split(",")
    reward["recipient"] = {"name": recipient.name, "email": recipient.email}
    reward["delivery"] = {"method": "EMAIL"}
    document = {
        "rewards": [reward],
        "external_id": asking.dispatch_id,
        "payment": {"funding_source_id": options.get("funding_source", "balance")},
    }
    # the amount is put in as text, and first in the document: a float is never made of it
    amount = written(asking.amount_minor, asking.unit).removesuffix(f" {asking.unit}")
    return json.dumps(document).replace(f'"{_AMOUNT}"', amount, 1).encode()


def _asked(
    answer: Answer, recipient: Recipient, *, now: datetime
) -> TheirOrder | Refused | NotNow | Unknown:
    if answer.status in _NO_FOR_GOOD:
        return Refused(reason=_reason(answer, recipient))
    if answer.status in _NOTHING_DONE:
        reason = f"answered {answer.status}: {_reason(answer, recipient)}"
        return NotNow(reason=reason, not_before=answer.not_before(now))
    try:
        document = _document(answer).get("order")
        return _order(document if isinstance(document, dict) else {})
    except BrokenAnswerError as error:
        return Unknown(reason=str(error))


def _found(answer: Answer, dispatch_id: DispatchId) -> TheirOrder | None:
    documents, total = _orders(answer)
    if total > len(documents) or any(each.get("external_id") != dispatch_id for each in documents):
        raise BrokenAnswerError("the answer lists other orders")
    orders = [_order(each) for each in documents]
    live = [order for order in orders if order.status is not TheirStatus.FAILED]
    if len(live) > 1:
        return _together(live)
    return next(iter(live or orders), None)


def _together(live: Sequence[TheirOrder]) -> TheirOrder:
    """Count orders under one id as one: as much as was paid for the dispatch in all."""
    if len({order.unit for order in live}) > 1:
        raise BrokenAnswerError("there are orders in several currencies under one id")
    return replace(
        live[0],
        reference=" ".join(sorted(order.reference for order in live)),
        amount_minor=sum(order.amount_minor for order in live),
    )


def _listed(document: Mapping[str, Any]) -> Iterator[TheirOrder]:
    try:
        yield _order(document)
    except BrokenAnswerError as error:
        if str(document.get("external_id")).startswith(_OURS):
            raise AnswerLostError(f"an order in the list: {error}") from None


def _orders(answer: Answer) -> tuple[list[dict[str, Any]], int]:
    """Give the orders of a page, and how many there are on all pages."""
    content = _document(answer)
    orders, total = content.get("orders"), content.get("total_count")
    if not isinstance(orders, list) or not all(isinstance(each, dict) for each in orders):
        raise BrokenAnswerError("the answer has no orders")
    if type(total) is not int:
        raise BrokenAnswerError("the answer does not say how many orders there are")
    return orders, total


def _document(answer: Answer) -> dict[str, Any]:
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise BrokenAnswerError(f"answered {answer.status}")
    return json_object(answer, parse_float=Decimal)


def _order(document: Mapping[str, Any]) -> TheirOrder:
    reference, status = document.get("id"), document.get("status")
    rewards = document.get("rewards")
    is_order = isinstance(reference, str) and _REFERENCE.fullmatch(reference)
    if not (is_order and isinstance(status, str) and isinstance(rewards, list)):
        raise BrokenAnswerError("the answer has no order")
    amount_minor, unit = _value(rewards)
    return TheirOrder(
        external_id=_external_id(document),
        reference=str(reference),
        amount_minor=amount_minor,
        unit=unit,
        status=_status(status, rewards),
        created_at=_moment(document.get("created_at")),
        details=_details(document, rewards),
    )


def _external_id(document: Mapping[str, Any]) -> str:
    """Give the id that an order was made under, empty for none and for what cannot be an id."""
    given = document.get("external_id")
    return given if isinstance(given, str) and _REFERENCE.fullmatch(given) else ""


def _value(rewards: Sequence[Any]) -> tuple[int, str]:
    """Add up what the rewards of an order are worth, in minor units of their currency."""
    values = [each.get("value") for each in rewards if isinstance(each, dict)]
    known = [each for each in values if isinstance(each, dict)]
    units = {str(each.get("currency_code")) for each in known}
    if len(known) != len(rewards) or len(units) != 1:
        raise BrokenAnswerError("the order is not in one currency")
    unit = units.pop()
    if not is_currency(unit):
        raise BrokenAnswerError("the order is in no currency that we know")
    return sum(_minor(each.get("denomination"), unit) for each in known), unit


def _minor(denomination: object, unit: str) -> int:
    if type(denomination) is not int and not isinstance(denomination, Decimal):
        raise BrokenAnswerError("the order has no amount")
    amount = Decimal(denomination)
    digits = len(amount.as_tuple().digits)
    if max(abs(amount.adjusted()), digits) > _MOST_DIGITS or amount < 0:
        raise BrokenAnswerError("the order's amount is out of all bounds")
    minor = amount.scaleb(EXPONENTS[unit])
    if minor != minor.to_integral_value():
        raise BrokenAnswerError("the order's amount has more decimals than its currency")
    return int(minor)


def _status(status: str, rewards: Sequence[Mapping[str, Any]]) -> TheirStatus:
    if status in _DEAD:
        return TheirStatus.FAILED
    if status in _WAITING or status.startswith("PENDING"):
        return TheirStatus.PENDING
    if status != "EXECUTED":
        raise BrokenAnswerError("the order has a status that we do not know")
    is_done = all(_delivery(each) == "SUCCEEDED" for each in rewards)
    return TheirStatus.DONE if is_done else TheirStatus.PENDING


def _delivery(reward: Mapping[str, Any]) -> str:
    delivery = reward.get("delivery")
    return str(delivery.get("status")) if isinstance(delivery, dict) else ""


def _details(document: Mapping[str, Any], rewards: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Say what else is of interest: whose campaign it is, and that a delivery came back."""
    campaigns = [each.get("campaign_id") for each in (document, *rewards)]
    known = [each for each in campaigns if isinstance(each, str)]
    campaign = {"campaign_id": known[0]} if known else {}
    is_returned = any(_delivery(each) == "FAILED" for each in rewards)
    return campaign | (dict([UNDELIVERED]) if is_returned else {})


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _reason(answer: Answer, recipient: Recipient) -> str:
    """Give the provider's words for its no: without whom it is about, and cut."""
    try:
        content = json.loads(answer.body)
        errors = content.get("errors") or content["error"]
        message, fields = str(errors["message"]), _fields(errors.get("payload"))
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return "said no more"
    where = f" ({', '.join(fields)})" if fields else ""
    return (_without(message, recipient) + where)[:_LONGEST_REASON]


def _fields(payload: object) -> list[str]:
    """Name the fields that a refusal is about; what it says of each may repeat what was sent."""
    if not isinstance(payload, dict):
        return []
    named = [(name, _fields(below)) for name, below in payload.items() if _FIELD.fullmatch(name)]
    return [f"{name}.{each}" if each else name for name, below in named for each in (below or [""])]


def _without(message: str, recipient: Recipient) -> str:
    """Blot out a recipient's name and every address in what a provider says."""
    plain = "".join(each if each.isprintable() else " " for each in message[:_LOOKED_AT])
    if len(message) > _LOOKED_AT:
        plain = plain[: plain.rfind(" ") + 1]  # half a name would not be known for one
    plain = re.sub(r"\S+@\S+", "***", plain)
    local_part = recipient.email.partition("@")[0]
    for part in sorted([recipient.name, *recipient.name.split(), local_part], key=len)[::-1]:
        if part:
            plain = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "***", plain, flags=re.IGNORECASE)
    return plain
