"""Codes that a partner's system makes: a signed call, told of an amount and of nobody.

    POST {url}        {id, program?, amount_minor, currency}
    GET  {url}/{id}
      -> 200, 201     {id, code, amount_minor, currency, expires_at?}
      -> 202          {id, amount_minor, currency}: it is being made
      -> 404          to GET only: there is no such code
      -> 409, 422     {reason}: no for good, such as `sold out`

A partner makes one code for an id, however often it is asked, and says what the code is worth, so
that a wrong one is noticed. Calls carry Standard Webhooks signatures; to GET the body is empty. Any
other answer may have done the work, and is looked up.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from referrals import outbound
from referrals.domain.ids import DispatchId
from referrals.domain.providers import (
    Asking,
    NotNow,
    Refused,
    TheirOrder,
    TheirStatus,
    Unknown,
)
from referrals.domain.signing_keys import derived_secret, signed_headers
from referrals.fulfil.answers import BrokenAnswerError, json_object
from referrals.outbound import Answer, AnswerLostError, OutboundError

_LONGEST_REASON = 200
_ID, _UNIT = re.compile(r"[!-~]{1,100}"), re.compile(r"[A-Za-z]{1,10}")
_CODE = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
_MOST_MINOR = 10**15
_MADE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
# Nothing was done: our secret, our address, or too many calls are what is wrong.
_NOTHING_DONE = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_NO_FOR_GOOD = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})


class NoBooksError(OutboundError):
    """A partner lists no orders: its codes are looked up one by one."""


def partner_secret(outgoing: str, partner: str) -> str:
    """Give the secret that a partner checks our calls with."""
    return derived_secret(outgoing, f"partner/{partner}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A Provider; `secrets` are those that are live, the current one first."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    clock: Callable[[], datetime]
    timeout_seconds: float = 10

    def ask(self, asking: Asking) -> TheirOrder | Refused | NotNow | Unknown:
        """Ask for one code."""
        program = {"program": asking.options["program"]} if "program" in asking.options else {}
        document = {
            "id": asking.dispatch_id,
            **program,
            "amount_minor": asking.amount_minor,
            "currency": asking.unit,
        }
        answer = self._call("POST", self.url, asking.dispatch_id, json.dumps(document).encode())
        if isinstance(answer, NotNow | Unknown):
            return answer
        if answer.status in _NO_FOR_GOOD:
            return Refused(reason=_reason(answer))
        if answer.status in _NOTHING_DONE:
            return self._not_now(answer)
        return _read(answer)

    def look_up(self, dispatch_id: DispatchId) -> TheirOrder | NotNow | Unknown | None:
        """Find the code that was made under an id."""
        answer = self._call("GET", f"{self.url}/{dispatch_id}", dispatch_id)
        if isinstance(answer, NotNow | Unknown):
            return answer
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status in _NOTHING_DONE:
            return self._not_now(answer)
        return _read(answer)

    def iter_orders(self, since: datetime) -> Iterator[TheirOrder]:
        """Refuse: a partner gives no books. NoBooksError."""
        raise NoBooksError(f"no list of codes since {since:%Y-%m-%d}")

    def _call(
        self, method: str, url: str, message_id: str, body: bytes = b""
    ) -> Answer | NotNow | Unknown:
        signed = signed_headers(message_id, body, secrets=self.secrets, now=self.clock())
        headers = {"Content-Type": "application/json", "Accept": "application/json", **signed}
        try:
            return outbound.send(
                method, url, body=body, headers=headers, timeout_seconds=self.timeout_seconds
            )
        except AnswerLostError as error:
            return Unknown(reason=f"no answer: {error}")
        except OutboundError as error:
            return NotNow(reason=f"not reached: {error}")

    def _not_now(self, answer: Answer) -> NotNow:
        not_before = answer.not_before(self.clock())
        return NotNow(reason=f"answered {answer.status}", not_before=not_before)


def _read(answer: Answer) -> TheirOrder | Unknown:
    try:
        return _order(answer)
    except BrokenAnswerError as error:
        return Unknown(reason=str(error))


def _order(answer: Answer) -> TheirOrder:
    is_made = answer.status in _MADE
    if not is_made and answer.status != HTTPStatus.ACCEPTED:
        raise BrokenAnswerError(f"answered {answer.status}")
    content = json_object(answer)
    order_id, amount_minor, unit = (content.get(n) for n in ("id", "amount_minor", "currency"))
    if not (isinstance(order_id, str) and _ID.fullmatch(order_id)):
        raise BrokenAnswerError("the answer does not say what it is for")
    if type(amount_minor) is not int or not 0 <= amount_minor <= _MOST_MINOR:
        raise BrokenAnswerError("the answer does not say what the code is worth")
    if not (isinstance(unit, str) and _UNIT.fullmatch(unit)):
        raise BrokenAnswerError("the answer does not say in what the code is worth it")
    return TheirOrder(
        external_id=order_id,
        reference=order_id,
        amount_minor=amount_minor,
        unit=unit,
        status=TheirStatus.DONE if is_made else TheirStatus.PENDING,
        details=_code(content) if is_made else {},
    )


def _code(content: Mapping[str, Any]) -> dict[str, str]:
    code, expires_at = content.get("code"), content.get("expires_at")
    if not (isinstance(code, str) and _CODE.fullmatch(code)):
        raise BrokenAnswerError("the answer has no code that could be shown to anybody")
    if expires_at is None:
        return {"coupon_code": code}
    return {"coupon_code": code, "expires_at": _moment(expires_at).isoformat()}


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BrokenAnswerError("expires_at is no moment")
    return moment


def _reason(answer: Answer) -> str:
    """Give the partner's words for its no; nothing that was sent is about a person."""
    try:
        reason = str(json.loads(answer.body)["reason"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return "said no more"
    return "".join(each for each in reason if each.isprintable())[:_LONGEST_REASON]
