"""How a fake behaves: well, unless it was told to misbehave for the next calls."""

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from infra.local.gateway import PageRequest, PageResponse

# longer than any of our calls waits for an answer
SLOW_S = 12.0
# for so long nobody is to call who was told so
PEACE_S = 1_800
_JSON = {"Content-Type": "application/json"}


class Misbehaviour(StrEnum):
    """What goes wrong with a call."""

    TIME_OUT = "time_out"  # does the work, and answers too late
    HANG_UP = "hang_up"  # does the work, and the connection breaks
    FAIL_AFTER = "fail_after"  # does the work, and answers 500
    GIBBERISH = "gibberish"  # does the work, and answers what cannot be read
    FAIL_BEFORE = "fail_before"  # answers 500 and does nothing
    BUSY = "busy"  # answers 429 and does nothing
    BUSY_FOR_LONG = "busy_for_long"  # the same, and asks for half an hour of peace
    REFUSE = "refuse"  # says no for good
    DUPLICATE = "duplicate"  # does the work twice
    LATE = "late"  # is done only when it is looked up for the second time
    WRONG_AMOUNT = "wrong_amount"  # does another amount
    GONE = "gone"  # answers 410
    REDIRECT = "redirect"  # sends the caller elsewhere


class Conduct:
    """What a fake does with its next calls, one misbehaviour for each."""

    def __init__(self, *, slow_s: float = SLOW_S) -> None:
        self._slow_s = slow_s
        self._ahead: defaultdict[str, deque[Misbehaviour]] = defaultdict(deque)
        self._closing = threading.Event()

    def misbehave(self, kind: Misbehaviour, *, times: int = 1, method: str = "POST") -> None:
        """Let the next calls by a method go wrong."""
        self._ahead[method].extend([kind] * times)

    def behave(self) -> None:
        """Let all calls go right from now on."""
        self._ahead.clear()

    def ahead(self) -> list[str]:
        """Say what is still to go wrong."""
        return [f"{method} {kind}" for method, kinds in list(self._ahead.items()) for kind in kinds]

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._closing.set()

    def answered(
        self, request: PageRequest, work: Callable[[Misbehaviour | None], PageResponse]
    ) -> PageResponse:
        """Answer one call by its work, which is told what goes wrong with it."""
        kind = self._next(request.method)
        match kind:
            case Misbehaviour.FAIL_BEFORE:
                return _failed()
            case Misbehaviour.BUSY | Misbehaviour.BUSY_FOR_LONG:
                return _busy(is_for_long=kind is Misbehaviour.BUSY_FOR_LONG)
        answer = work(kind)
        match kind:
            case Misbehaviour.TIME_OUT:
                self._closing.wait(self._slow_s)
            case Misbehaviour.HANG_UP:
                return replace(answer, is_broken_off=True)
            case Misbehaviour.FAIL_AFTER:
                return _failed()
            case Misbehaviour.GIBBERISH:
                return PageResponse(body="<html>This page was moved.</html>")
        return answer

    def _next(self, method: str) -> Misbehaviour | None:
        try:
            return self._ahead[method].popleft()
        except IndexError:
            return None


def as_json(content: Mapping[str, Any], *, status: HTTPStatus = HTTPStatus.OK) -> PageResponse:
    """Answer with JSON; decimal amounts become numbers, as providers write them."""
    body = json.dumps(content, default=float)
    return PageResponse(body=body, status=status.value, headers=_JSON)


def read_json(request: PageRequest) -> dict[str, Any]:
    """Read a JSON object; an empty one when there is none."""
    try:
        content = json.loads(request.body, parse_float=Decimal)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _busy(*, is_for_long: bool) -> PageResponse:
    too_many = {"errors": {"message": "Too many requests", "payload": {}}}
    answer = as_json(too_many, status=HTTPStatus.TOO_MANY_REQUESTS)
    asked = {"Retry-After": str(PEACE_S)} if is_for_long else {}
    return replace(answer, headers={**answer.headers, **asked})


def _failed() -> PageResponse:
    return as_json({"errors": {"message": "oops"}}, status=HTTPStatus.INTERNAL_SERVER_ERROR)
