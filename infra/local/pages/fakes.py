"""The systems outside: their books, and buttons that let the next call to one of them go wrong.

GET  /              the books of the payer, the codes of partners, what the receiver got
GET  /state         the same as JSON
POST /misbehave     {fake, kind, method?, name?}: a form; one call goes wrong
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from infra.local.fakes import Conduct, Fakes, Misbehaviour, Received
from infra.local.gateway import Page, PageRequest, PageResponse
from infra.local.pages.rendering import (
    PageRefusedError,
    not_found,
    read_form,
    rendered,
    require,
)

_SHOWN = 50
_METHODS = ("POST", "GET")


def page(fakes: Fakes) -> Page:
    """Give the page of these fakes."""

    def outside(request: PageRequest) -> PageResponse:
        if request.path == "/misbehave":
            require(request, "POST")
            return _misbehave(fakes, read_form(request))
        require(request, "GET", "HEAD")
        match request.path:
            case "/":
                return rendered("fakes", **_state(fakes), kinds=_kinds(fakes))
            case "/state":
                headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
                return PageResponse(body=json.dumps(_state(fakes), default=str), headers=headers)
        raise not_found()

    return outside


def _state(fakes: Fakes) -> dict[str, Any]:
    """Give the newest of what each of them knows, the newest first."""
    return {
        "orders": fakes.payer.orders[: -_SHOWN - 1 : -1],
        "codes": fakes.partners.codes[: -_SHOWN - 1 : -1],
        "received": [
            {
                "name": each.name,
                "message_id": each.message_id,
                "type": _event_type(each),
                "body": each.body,
                "is_signed": each.is_signed,
                "at": each.at,
            }
            for each in list(fakes.receiver.log)[: -_SHOWN - 1 : -1]
        ],
        "ahead": {
            "payer": fakes.payer.conduct.ahead(),
            "partners": fakes.partners.conduct.ahead(),
            "receiver": [
                each for name in _endpoints(fakes) for each in fakes.receiver.conduct(name).ahead()
            ],
        },
    }


def _endpoints(fakes: Fakes) -> list[str]:
    """Name the endpoints that were ever called, and the one without a name."""
    return sorted({"", *(each.name for each in list(fakes.receiver.log))})


def _event_type(received: Received) -> str:
    """Say what an endpoint was told of; nothing when it cannot be read."""
    try:
        content = json.loads(received.body)
    except ValueError:
        return ""
    return str(content.get("type", "")) if isinstance(content, dict) else ""


def _kinds(fakes: Fakes) -> dict[str, tuple[Misbehaviour, ...]]:
    return {
        "payer": fakes.payer.MISBEHAVIOURS,
        "partners": fakes.partners.MISBEHAVIOURS,
        "receiver": fakes.receiver.MISBEHAVIOURS,
    }


def _misbehave(fakes: Fakes, form: Mapping[str, str]) -> PageResponse:
    name, method = form.get("fake", ""), form.get("method", "POST")
    kinds = _kinds(fakes).get(name, ())
    if form.get("kind") not in kinds or method not in _METHODS:
        raise PageRefusedError(HTTPStatus.BAD_REQUEST, "nothing of the kind can go wrong there")
    _conduct(fakes, name, form.get("name", "")).misbehave(Misbehaviour(form["kind"]), method=method)
    headers = {"Location": f"/fakes#{name}"}
    return PageResponse(body="", status=HTTPStatus.SEE_OTHER.value, headers=headers)


def _conduct(fakes: Fakes, name: str, endpoint: str) -> Conduct:
    match name:
        case "payer":
            return fakes.payer.conduct
        case "partners":
            return fakes.partners.conduct
        case _:
            return fakes.receiver.conduct(endpoint)
