"""A provider for tests: it does as it is told, and otherwise what it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from referrals.domain.dispatches import Dispatch
from referrals.domain.ids import DispatchId
from referrals.domain.providers import Asking, NotNow, Refused, TheirOrder, TheirStatus, Unknown

Answer = TheirOrder | Refused | NotNow | Unknown


@dataclass
class Payer:
    """Pays at once, unless `answers` hold something else to say to the next questions."""

    answers: list[Answer] = field(default_factory=list)
    found: list[TheirOrder | NotNow | Unknown | None] = field(default_factory=list)
    asked: list[Asking] = field(default_factory=list)
    orders: dict[str, TheirOrder] = field(default_factory=dict)
    looked_up: int = 0

    def __call__(self, _dispatch: Dispatch) -> "Payer":
        return self

    def ask(self, asking: Asking) -> Answer:
        self.asked.append(asking)
        if self.answers:
            return self.answers.pop(0)
        return self.pay(asking)

    def pay(self, asking: Asking, *, status: TheirStatus = TheirStatus.DONE) -> TheirOrder:
        order = order_for(asking, status=status)
        self.orders[asking.dispatch_id] = order
        return order

    def look_up(self, dispatch_id: DispatchId) -> TheirOrder | NotNow | Unknown | None:
        self.looked_up += 1
        if self.found:
            return self.found.pop(0)
        return self.orders.get(dispatch_id)

    def iter_orders(self, since: datetime) -> Iterator[TheirOrder]:
        return (
            order
            for order in self.orders.values()
            if order.created_at is None or order.created_at >= since
        )


def order_for(
    asked: Asking | Dispatch,
    *,
    status: TheirStatus = TheirStatus.DONE,
    amount_minor: int | None = None,
) -> TheirOrder:
    """Make the order that fits what was asked for, with the code CINEMA-1."""
    return TheirOrder(
        external_id=asked.dispatch_id,
        reference=f"T-{asked.dispatch_id}",
        amount_minor=asked.amount_minor if amount_minor is None else amount_minor,
        unit=asked.unit,
        status=status,
        details={"coupon_code": "CINEMA-1"},
    )
