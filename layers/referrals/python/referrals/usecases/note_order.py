"""An order was credited: it is noted for the summary of its month."""

from datetime import datetime

from referrals.domain.conversions import ORDERS, ReviewState
from referrals.domain.decisions import Reason
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import ConversionId, PersonId
from referrals.store import friends_orders


def note_order(event: DomainEvent) -> None:
    """Note an order for its advocate, once however often it is announced.

    One that people look at is noted when they have approved it.
    """
    advocate_id = event.data.get("advocate_id")
    if not advocate_id or event.data.get("kind") not in ORDERS or not _counts(event):
        return
    placed_at = event.data.get("happened_at")
    friends_orders.note(
        event.program_id,
        PersonId(str(advocate_id)),
        ConversionId(str(event.data["conversion_id"])),
        placed_at=datetime.fromisoformat(str(placed_at)) if placed_at else event.occurred_at,
    )


def _counts(event: DomainEvent) -> bool:
    match event.name:
        case EventName.CONVERSION_RECORDED:
            return event.data.get("reason") != Reason.IN_REVIEW
        case EventName.CONVERSION_REVIEWED:
            return event.data.get("state") == ReviewState.APPROVED
        case _:
            return False
