"""A payout provider with the API of Tremendous, whose books are in this process.

POST /orders        one order; 201 and the order that exists when its external_id is known
GET  /orders        all of them, the newest first, by external_id, created_at[gte], offset, limit
"""

import hmac
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from infra.local.fakes.conduct import Conduct, Misbehaviour, as_json, read_json
from infra.local.gateway import PageRequest, PageResponse
from referrals.domain.money import EXPONENTS
from referrals.runtime import clock

_PAGE, _LONGEST_PAGE = 10, 100
# a delivery that is late has arrived by then
_LOOKS = 2


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, message: str, **payload: object) -> None:
        super().__init__(message)
        self.status, self.message, self.payload = status, message, payload


class Payer:
    """The provider; `orders` are its books, the oldest first."""

    MISBEHAVIOURS = tuple(
        kind for kind in Misbehaviour if kind not in {Misbehaviour.GONE, Misbehaviour.REDIRECT}
    )

    def __init__(self, *, api_key: Callable[[], str], conduct: Conduct) -> None:
        self.conduct = conduct
        self.orders: list[dict[str, Any]] = []
        self._api_key = api_key
        self._looks: dict[str, int] = {}
        self._lock = threading.Lock()

    def page(self, request: PageRequest) -> PageResponse:
        """Answer one call."""
        try:
            self._check(request)
            return self.conduct.answered(request, lambda kind: self._work(request, kind))
        except _RefusedError as refusal:
            errors = {"message": refusal.message, "payload": refusal.payload}
            return as_json({"errors": errors}, status=refusal.status)

    def plant(self, *, external_id: str, amount_minor: int, currency: str) -> None:
        """Put an order into the books that nobody asked for."""
        denomination = Decimal(amount_minor).scaleb(-EXPONENTS[currency])
        value = {"denomination": denomination, "currency_code": currency}
        with self._lock:
            self._book(external_id, [{"value": value}], campaign_id=None)

    def paid(self, external_id: str) -> int:
        """Give how many orders were made under an id."""
        return sum(order["external_id"] == external_id for order in self.orders)

    def _check(self, request: PageRequest) -> None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._api_key()}".encode()):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        if request.path != "/orders" or request.method not in {"GET", "POST"}:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "Not found")

    def _work(self, request: PageRequest, kind: Misbehaviour | None) -> PageResponse:
        with self._lock:
            return self._listed(request) if request.method == "GET" else self._order(request, kind)

    def _order(self, request: PageRequest, kind: Misbehaviour | None) -> PageResponse:
        content = read_json(request)
        rewards = _rewards(content)
        external_id = str(content.get("external_id") or "")
        known = [order for order in self.orders if external_id == order["external_id"] != ""]
        if known:
            return as_json({"order": known[0]}, status=HTTPStatus.CREATED)
        if kind is Misbehaviour.REFUSE:
            email = rewards[0]["recipient"]["email"]
            fault = {"recipient": {"email": f"{email} is not allowed"}}
            message = f"Order failed: {email} cannot be sent rewards"
            raise _RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, message, rewards=fault)
        if kind is Misbehaviour.WRONG_AMOUNT:
            for reward in rewards:
                reward["value"]["denomination"] *= 2
        times = 2 if kind is Misbehaviour.DUPLICATE else 1
        is_late = kind is Misbehaviour.LATE
        made = [
            self._book(
                external_id, rewards, campaign_id=rewards[0].get("campaign_id"), is_late=is_late
            )
            for _ in range(times)
        ]
        return as_json({"order": made[0]})

    def _book(
        self,
        external_id: str,
        rewards: Sequence[Mapping[str, Any]],
        *,
        campaign_id: str | None,
        is_late: bool = False,
    ) -> dict[str, Any]:
        order_id = f"ORDER{len(self.orders) + 1:07}"
        status = "PENDING" if is_late else "SUCCEEDED"
        order = {
            "id": order_id,
            "external_id": external_id,
            "campaign_id": campaign_id,
            "created_at": clock.utc_now().isoformat(),
            "status": "EXECUTED",
            "rewards": [
                {
                    "id": f"{order_id}R{number}",
                    "order_id": order_id,
                    "value": dict(reward["value"]),
                    "delivery": {"method": "EMAIL", "status": status},
                }
                for number, reward in enumerate(rewards, start=1)
            ],
        }
        self.orders.append(order)
        if is_late:
            self._looks[order_id] = 0
        return order

    def _listed(self, request: PageRequest) -> PageResponse:
        asked = {name: values[-1] for name, values in request.query.items()}
        found = [order for order in self.orders[::-1] if _fits(order, asked)]
        if "external_id" in asked:
            self._look(found)
        offset, limit = int(asked.get("offset", 0)), int(asked.get("limit", _PAGE))
        page = found[offset : offset + min(limit, _LONGEST_PAGE)]
        return as_json({"orders": page, "total_count": len(found)})

    def _look(self, orders: Sequence[dict[str, Any]]) -> None:
        for order in orders:
            if order["id"] in self._looks:
                self._looks[order["id"]] += 1
                if self._looks[order["id"]] >= _LOOKS:
                    del self._looks[order["id"]]
                    for reward in order["rewards"]:
                        reward["delivery"]["status"] = "SUCCEEDED"


def _fits(order: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    since = asked.get("created_at[gte]")
    is_since = since is None or _moment(order["created_at"]) >= _moment(since)
    return is_since and asked.get("external_id", order["external_id"]) == order["external_id"]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _rewards(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Check an order as far as it matters here."""
    rewards, payment = content.get("rewards"), content.get("payment")
    if not (isinstance(payment, dict) and payment.get("funding_source_id")):
        fault = {"funding_source_id": "is missing"}
        message = "Order failed: validation failure"
        raise _RefusedError(HTTPStatus.BAD_REQUEST, message, payment=fault)
    if not (isinstance(rewards, list) and rewards and all(map(_is_reward, rewards))):
        fault = {"value": "or its recipient is not valid"}
        message = "Order failed: validation failure"
        raise _RefusedError(HTTPStatus.BAD_REQUEST, message, rewards=fault)
    return rewards


def _is_reward(reward: Any) -> bool:
    try:
        value, recipient = reward["value"], reward["recipient"]
        exponent = EXPONENTS[value["currency_code"]]
        minor = Decimal(value["denomination"]).scaleb(exponent)
        is_deliverable = "@" in recipient["email"] and reward["delivery"]["method"] == "EMAIL"
    except (KeyError, TypeError, ValueError):
        return False
    has_products = bool(reward.get("campaign_id") or reward.get("products"))
    return minor > 0 and minor == minor.to_integral_value() and is_deliverable and has_products
