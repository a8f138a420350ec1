"""The systems of partners, each of whom makes codes and checks that a call is signed to it.

POST /<partner>/codes         {id, amount_minor, currency}
GET  /<partner>/codes/<id>    what was made: {id, code, amount_minor, currency, expires_at}, or 404
"""

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from infra.local.fakes.conduct import Conduct, Misbehaviour, as_json, read_json
from infra.local.fakes.signed import is_signed
from infra.local.gateway import PageRequest, PageResponse
from referrals.runtime import clock

_VALID_FOR = timedelta(days=365)
# a code that is late is there by then
_LOOKS = 2
_PATH = re.compile(r"/(?P<partner>[a-z0-9-]+)/codes(?:/(?P<id>[a-z0-9_]+))?")


class Partners:
    """The partners; `codes` are what they made, in order, `stock` how many more they will make."""

    MISBEHAVIOURS = tuple(
        kind for kind in Misbehaviour if kind not in {Misbehaviour.GONE, Misbehaviour.REDIRECT}
    )

    def __init__(
        self, *, secret: Callable[[str], str], conduct: Conduct, stock: int | None = None
    ) -> None:
        self.conduct = conduct
        self.stock = stock
        self.codes: list[dict[str, Any]] = []
        self._secret = secret
        self._looks: dict[str, int] = {}
        self._lock = threading.Lock()

    def page(self, request: PageRequest) -> PageResponse:
        """Answer one call."""
        match = _PATH.fullmatch(request.path)
        if match is None or request.method != ("GET" if match["id"] else "POST"):
            return _no(HTTPStatus.NOT_FOUND, "there is no such path")
        if not is_signed(request, [self._secret(match["partner"])]):
            return _no(HTTPStatus.UNAUTHORIZED, "the signature is not right")
        return self.conduct.answered(request, lambda kind: self._work(request, match, kind))

    def made(self, order_id: str) -> int:
        """Give how many codes were made for an id."""
        return sum(code["id"] == order_id for code in self.codes)

    def _work(
        self, request: PageRequest, match: re.Match[str], kind: Misbehaviour | None
    ) -> PageResponse:
        with self._lock:
            if match["id"]:
                return self._look(match["id"])
            return self._make(match["partner"], read_json(request), kind)

    def _make(
        self, partner: str, content: Mapping[str, Any], kind: Misbehaviour | None
    ) -> PageResponse:
        order_id, amount_minor = content.get("id"), content.get("amount_minor")
        if not isinstance(order_id, str) or type(amount_minor) is not int:
            return _no(HTTPStatus.UNPROCESSABLE_ENTITY, "id or amount_minor is missing")
        known = self._find(order_id)
        if known is not None:
            return self._shown(known)
        if kind is Misbehaviour.REFUSE or self.stock == 0:
            return _no(HTTPStatus.CONFLICT, "sold out")
        if kind is Misbehaviour.LATE:
            self._looks[order_id] = 0
        for number in range(2 if kind is Misbehaviour.DUPLICATE else 1):
            self.codes.append(
                {
                    "id": order_id,
                    "code": _code(partner, order_id, number),
                    "amount_minor": amount_minor * (1 + (kind is Misbehaviour.WRONG_AMOUNT)),
                    "currency": content.get("currency"),
                    "expires_at": (clock.utc_now() + _VALID_FOR).isoformat(),
                }
            )
        if self.stock is not None:
            self.stock -= 1
        return self._shown(self.codes[-1], status=HTTPStatus.CREATED)

    def _look(self, order_id: str) -> PageResponse:
        known = self._find(order_id)
        if known is None:
            return _no(HTTPStatus.NOT_FOUND, "there is no such code")
        if order_id in self._looks:
            self._looks[order_id] += 1
            if self._looks[order_id] >= _LOOKS:
                del self._looks[order_id]
        return self._shown(known)

    def _shown(
        self, code: Mapping[str, Any], *, status: HTTPStatus = HTTPStatus.OK
    ) -> PageResponse:
        if code["id"] not in self._looks:
            return as_json(code, status=status)
        pending = {name: code[name] for name in ("id", "amount_minor", "currency")}
        return as_json(pending, status=HTTPStatus.ACCEPTED)

    def _find(self, order_id: str) -> dict[str, Any] | None:
        return next((code for code in self.codes if code["id"] == order_id), None)


def _code(partner: str, order_id: str, number: int) -> str:
    digest = hashlib.sha256(f"{order_id} {number}".encode()).digest()
    return f"{partner.upper()}-{base64.b32encode(digest)[:8].decode()}"


def _no(status: HTTPStatus, reason: str) -> PageResponse:
    return as_json({"reason": reason}, status=status)
