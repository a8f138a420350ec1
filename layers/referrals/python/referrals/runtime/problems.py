"""Problem documents (RFC 9457): the one place that knows HTTP statuses of what went wrong.

Kept free of pydantic and Powertools: the redirect answers with problems too.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from chalice import Chalice, Response

from referrals.domain.errors import Fault

PROBLEM_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that is answered with a problem document."""

    def __init__(
        self, status: HTTPStatus, code: str, detail: str, *, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.faults = status, code, detail, tuple(faults)


def problem(error: ProblemError) -> Response:
    """Answer with a problem document; `errors` names each field at fault."""
    document: dict[str, Any] = {
        "type": "about:blank",  # RFC 9457, 4.2.1: the title is the status phrase; `code` says more
        "title": error.status.phrase,
        "status": error.status.value,
        "detail": error.detail,
        "code": error.code,
    }
    if error.faults:
        document["errors"] = [{"field": f.field, "says": f.says} for f in error.faults]
    headers = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store"}
    if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    if error.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body=json.dumps(document), status_code=error.status.value, headers=headers)


class ProblemApp(Chalice):  # type: ignore[misc]
    """A Chalice app whose own refusals (405, 415, 500 ...) are problem documents too."""

    def __init__(self, app_name: str) -> None:
        super().__init__(app_name=app_name, configure_logs=False)

    def __call__(self, event: Any, context: Any) -> Any:
        answer = super().__call__(event, context)
        return _as_problem(answer) if _is_bare_refusal(answer) else answer


def _is_bare_refusal(answer: Any) -> bool:
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return False
    kinds = {**answer.get("headers", {}), **answer.get("multiValueHeaders", {})}
    kind = next((v for k, v in kinds.items() if k.lower() == "content-type"), None)
    return answer["statusCode"] >= HTTPStatus.BAD_REQUEST and kind in {None, "application/json"}


def _as_problem(answer: dict[str, Any]) -> dict[str, Any]:
    status = HTTPStatus(answer["statusCode"])
    code = status.name.lower()
    refused = problem(ProblemError(status, code, _DETAILS.get(status, status.description)))
    return {**answer, **refused.to_dict()}


_DETAILS = {
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take that method",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body must be application/json",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something went wrong here; it is safe to try again",
}
