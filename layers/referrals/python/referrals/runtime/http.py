"""From an HTTP request to a checked body, and from what a use case says to an HTTP answer."""

import binascii
import functools
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from chalice import Response
from chalice.app import Request
from pydantic import ValidationError

from referrals.domain.errors import (
    AdvocateNotFoundError,
    DuplicateError,
    Fault,
    NotFoundError,
    RedemptionNotFoundError,
    ReferralError,
)
from referrals.runtime import clock
from referrals.runtime.bodies import SLUG, Body
from referrals.runtime.observability import logger
from referrals.runtime.problems import ProblemError, problem
from referrals.runtime.secrets import renewed_secret, secret
from referrals.runtime.signatures import RefusedError, bearer_key, check_key, check_signature
from referrals.store.transactions import ContentionError

MAX_BODY_BYTES = 256 * 1024
# A body can be wrong in so many places that the answer would outgrow what Lambda may give back.
MAX_FAULTS = 20

_LONGEST_FIELD = 100  # callers can make names up

B = TypeVar("B", bound=Body)
View = Callable[..., Response]


def answers(view: View) -> View:
    """Let a view raise: refusals become problem documents; only their codes are logged."""

    @functools.wraps(view)
    def answering(*arguments: Any, **named: Any) -> Response:
        try:
            return view(*arguments, **named)
        except ProblemError as error:
            refusal = error
        except ReferralError as error:
            refusal = _as_problem(error)
        logger.info("refused", extra={"code": refusal.code, "status": refusal.status.value})
        return problem(refusal)

    return answering


def _as_problem(error: ReferralError) -> ProblemError:
    return ProblemError(_status(error), error.code, str(error), faults=error.faults)


def _status(error: ReferralError) -> HTTPStatus:
    match error:
        case AdvocateNotFoundError() | RedemptionNotFoundError():
            return HTTPStatus.NOT_FOUND
        case DuplicateError():
            return HTTPStatus.CONFLICT
        case ContentionError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case NotFoundError() | _:  # a program that does not exist is a wrong field, not a wrong URL
            return HTTPStatus.BAD_REQUEST


def signed_body(request: Request, body_type: type[B]) -> B:
    """Give the body of a request by somebody who may call; ProblemError 400, 401 or 413."""
    raw = _raw_body(request)
    authorize(request, raw)
    return read_body(raw, body_type)


def authorize(request: Request, raw: bytes = b"") -> None:
    """Let a caller with an API key or a webhook signature pass; RefusedError."""
    headers = request.headers
    key = bearer_key(headers)
    if key is not None:
        _check("api_key", lambda live: check_key(key, live=live))
    elif "webhook-signature" in headers:
        now = clock.utc_now()
        _check("webhook", lambda live: check_signature(headers, raw, live=live, now=now))
    else:
        raise RefusedError("a webhook signature or an API key is needed")


def _check(name: str, check: Callable[[Sequence[str]], None]) -> None:
    """Check with a secret as it is kept here, and if that fails, as it is by now."""
    kept = secret(name)
    try:
        check(kept.values)
    except RefusedError:
        renewed = renewed_secret(name)
        if renewed == kept:
            raise
        check(renewed.values)


def read_body(raw: bytes, body_type: type[B]) -> B:
    """Check a JSON body; ProblemError 400 names the fields at fault, the first twenty of them."""
    try:
        return body_type.model_validate_json(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:MAX_FAULTS]
        faults = list({fault.field: fault for fault in map(_fault, found)}.values())
        named = ", ".join(fault.field for fault in faults)
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "malformed_body",
            f"the body is wrong in: {named}",
            faults=faults,
        ) from None


def _raw_body(request: Request) -> bytes:
    try:
        raw = bytes(request.raw_body)
    except (binascii.Error, ValueError):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "malformed_body", "the body cannot be decoded"
        ) from None
    if len(raw) > MAX_BODY_BYTES:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body_too_large",
            f"the body is over {MAX_BODY_BYTES} bytes",
        )
    return raw


def _fault(error: Any) -> Fault:
    # behind the name of an entry of `metadata` pydantic tells which types it tried
    parts = error["loc"][:2] if error["loc"][:1] == ("metadata",) else error["loc"]
    field = ".".join(str(part) for part in parts)[:_LONGEST_FIELD] or "body"
    says = str(error["msg"]).removeprefix("Value error, ")
    return Fault(field=field, says=says[:1].lower() + says[1:])


def program_parameter(request: Request) -> str:
    """Give the `program` of a query; ProblemError 400 without one."""
    program = str((request.query_params or {}).get("program") or "")
    if not SLUG.fullmatch(program):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "malformed_query",
            "the query names no program",
            faults=[Fault(field="program", says="is missing, or no program id")],
        )
    return program
