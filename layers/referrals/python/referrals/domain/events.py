"""Domain events: what happened, in the words that outgoing messages and webhooks use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referrals.domain.ids import EventId, ProgramId, derive

EventValue = str | int | bool | None


class EventName(StrEnum):
    """Names that subscribers see; a name is never given another meaning."""

    ADVOCATE_ENROLLED = "advocate.enrolled"
    ADVOCATE_MOVED = "advocate.moved"
    PERSON_FORGOTTEN = "person.forgotten"
    REFERRAL_CREATED = "referral.created"
    CONVERSION_RECORDED = "conversion.recorded"
    CONVERSION_DECLINED = "conversion.declined"
    CONVERSION_WAITING = "conversion.waiting"
    CONVERSION_REVIEWED = "conversion.reviewed"
    REFUND_RECORDED = "refund.recorded"
    REFUND_WAITING = "refund.waiting"
    REWARD_IN_REVIEW = "reward.in_review"
    REWARD_QUEUED = "reward.queued"
    REWARD_HELD = "reward.held"
    REWARD_AVAILABLE = "reward.available"
    REWARD_EXTENDED = "reward.extended"
    REWARD_NETTED = "reward.netted"
    REWARD_EXPIRED = "reward.expired"
    REWARD_FULFILLED = "reward.fulfilled"
    REWARD_RETURNED = "reward.returned"
    REWARD_VOIDED = "reward.voided"
    REWARD_CLAWED_BACK = "reward.clawed_back"
    CREDIT_REDEEMED = "credit.redeemed"
    CREDIT_RESTORED = "credit.restored"
    PAYOUT_RESERVED = "payout.reserved"
    PAYOUT_SENT = "payout.sent"
    PAYOUT_FAILED = "payout.failed"
    PAYOUT_RETURNED = "payout.returned"
    PAYOUT_STUCK = "payout.stuck"
    PAYOUT_DIFFERENCE = "payout.difference"
    PAYEE_CHANGED = "payee.changed"
    WEBHOOK_FAILING = "webhook.failing"
    WEBHOOK_DISABLED = "webhook.disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """One thing that happened. `data` holds opaque ids, amounts and dates, never personal data."""

    event_id: EventId
    name: EventName
    program_id: ProgramId
    occurred_at: datetime
    data: Mapping[str, EventValue]


_SUBJECTS = ("reward_id", "conversion_id", "dispatch_id", "redemption_id", "endpoint_id")


def event(
    name: EventName,
    *,
    cause: str,
    program_id: ProgramId,
    occurred_at: datetime,
    **data: EventValue,
) -> DomainEvent:
    """Make an event whose id derives from what caused it and from its subject in `data`.

    The same cause gives the same id, however often it is handled.
    """
    subject = str(next((data[name] for name in _SUBJECTS if data.get(name)), ""))
    event_id = EventId(derive("evt", cause, name, subject))
    return DomainEvent(
        event_id=event_id, name=name, program_id=program_id, occurred_at=occurred_at, data=data
    )
