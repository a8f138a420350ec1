"""A receiver of outgoing webhooks: checks signatures, keeps a log, and is slow or says no if told.

POST /<name>        each name is an endpoint of its own, with a conduct of its own
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from infra.local.fakes.conduct import Conduct, Misbehaviour, as_json
from infra.local.fakes.signed import is_signed
from infra.local.gateway import PageRequest, PageResponse
from referrals.runtime import clock

_KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One call, as it came in."""

    name: str
    message_id: str
    body: str
    is_signed: bool
    at: datetime


class Receiver:
    """The receiver; `log` is what came in, the oldest first."""

    MISBEHAVIOURS = (
        Misbehaviour.TIME_OUT,
        Misbehaviour.HANG_UP,
        Misbehaviour.FAIL_BEFORE,
        Misbehaviour.BUSY,
        Misbehaviour.BUSY_FOR_LONG,
        Misbehaviour.GONE,
        Misbehaviour.REDIRECT,
    )

    def __init__(self, *, new_conduct: Callable[[], Conduct]) -> None:
        self.log: deque[Received] = deque(maxlen=_KEPT)
        self._conducts: defaultdict[str, Conduct] = defaultdict(new_conduct)
        self._secrets: list[str] = []
        self._lock = threading.Lock()

    def trust(self, secret: str) -> None:
        """Take calls that are signed with a secret; without any, none is taken."""
        self._secrets.append(secret)

    def conduct(self, name: str) -> Conduct:
        """Give the conduct of one endpoint."""
        with self._lock:
            return self._conducts[name]

    def close(self) -> None:
        """Let nobody wait any longer."""
        for conduct in self._conducts.values():
            conduct.close()

    def page(self, request: PageRequest) -> PageResponse:
        """Answer one call."""
        name = request.path.strip("/")
        if request.method != "POST":
            return as_json({"says": "POST only"}, status=HTTPStatus.METHOD_NOT_ALLOWED)
        received = Received(
            name=name,
            message_id=request.headers.get("webhook-id", ""),
            body=request.body.decode(errors="replace"),
            is_signed=is_signed(request, self._secrets),
            at=clock.utc_now(),
        )
        self.log.append(received)
        return self.conduct(name).answered(request, lambda kind: _answer(received, kind))


def _answer(received: Received, kind: Misbehaviour | None) -> PageResponse:
    if kind is Misbehaviour.GONE:
        return as_json({"says": "gone"}, status=HTTPStatus.GONE)
    if kind is Misbehaviour.REDIRECT:
        headers = {"Location": "http://169.254.169.254/latest/meta-data/"}
        return PageResponse(body="", status=HTTPStatus.FOUND.value, headers=headers)
    if not received.is_signed:
        return as_json({"says": "not signed"}, status=HTTPStatus.UNAUTHORIZED)
    return as_json({"says": "thank you"})
