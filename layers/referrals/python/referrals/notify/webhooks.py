"""Posts to webhook endpoints, signed as Standard Webhooks has it."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from referrals import outbound
from referrals.domain.events import DomainEvent
from referrals.domain.ids import EventId, derive
from referrals.domain.signing_keys import derived_secret, signed_headers
from referrals.domain.webhooks import Endpoint, Try
from referrals.notify.topics import envelope
from referrals.outbound import Answer, OutboundError

_TIMEOUT_SECONDS = 10
# of an answer only its status is looked at, and when it asks to be called again
_MOST_BYTES = 64 * 1024
_LONGEST_ERROR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came of a post, and the moment before which the receiver asks for no other."""

    outcome: Try
    not_before: datetime | None = None


def body_of(happened: DomainEvent) -> str:
    """Write an event as endpoints are sent it; the same text at every try."""
    return _written(envelope(happened))


def secrets_of(endpoint: Endpoint, *, outgoing: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Give the live secrets of an endpoint, the current one first."""
    labels = endpoint.secret_labels(now)
    return tuple(derived_secret(key, label) for key in outgoing for label in labels)


def post(
    endpoint: Endpoint, event_id: EventId, body: str, *, outgoing: Sequence[str], now: datetime
) -> Posted:
    """Post an event once; whatever comes of it is the answer."""
    content = body.encode()
    secrets = secrets_of(endpoint, outgoing=outgoing, now=now)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Sarafan-Webhooks/1",
        **signed_headers(event_id, content, secrets=secrets, now=now),
    }
    started = time.monotonic()
    answer, error = None, None
    try:
        answer = outbound.send(
            "POST",
            endpoint.url,
            body=content,
            headers=headers,
            timeout_seconds=_TIMEOUT_SECONDS,
            most_bytes=_MOST_BYTES,
        )
    except OutboundError as refusal:
        error = f"{type(refusal).__name__}: {refusal}"[:_LONGEST_ERROR]
    duration_ms = round((time.monotonic() - started) * 1000)
    status = answer.status if answer else None
    outcome = Try(at=now, duration_ms=duration_ms, status=status, error=error)
    return Posted(outcome=outcome, not_before=_not_before(answer, outcome))


def _not_before(answer: Answer | None, outcome: Try) -> datetime | None:
    """Give the moment that a receiver asked for; its seconds count from when it answered."""
    if answer is None or not outcome.may_ask_for_time:
        return None
    return answer.not_before(outcome.at + timedelta(milliseconds=outcome.duration_ms))


def post_test(endpoint: Endpoint, *, outgoing: Sequence[str], now: datetime) -> Try:
    """Post an event of no consequence, `webhook.test`, to see whether it is taken."""
    event_id = EventId(derive("evt", "webhook.test", endpoint.endpoint_id, now.isoformat()))
    told = {
        "id": event_id,
        "type": "webhook.test",
        "timestamp": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {"endpoint_id": endpoint.endpoint_id},
    }
    return post(endpoint, event_id, _written(told), outgoing=outgoing, now=now).outcome


def _written(told: Mapping[str, object]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
