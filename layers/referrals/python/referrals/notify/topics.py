"""The topic of domain events: what systems that subscribe are told, at least once, in any order."""

import json
from datetime import UTC
from typing import Any

from referrals import settings
from referrals.clients import client
from referrals.domain.events import DomainEvent


def envelope(event: DomainEvent) -> dict[str, Any]:
    """Give an event as subscribers read it, in the shape of a Standard Webhooks payload.

    The `id` is the same however often an event is published: subscribers drop repetitions by it.
    """
    return {
        "id": event.event_id,
        "type": event.name.value,
        "timestamp": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {**event.data, "program": event.program_id},
    }


def publish(event: DomainEvent) -> None:
    """Publish an event, with its type and program beside it for subscription filters."""
    told = envelope(event)
    client("sns").publish(
        TopicArn=settings.events_topic_arn(),
        Message=json.dumps(told, ensure_ascii=False, separators=(",", ":")),
        MessageAttributes={
            "type": _attribute(told["type"]),
            "program": _attribute(event.program_id),
        },
    )


def _attribute(text: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": text}
