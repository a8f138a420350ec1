"""The queue of webhook lanes that are due: groups take turns, and in a group one waits for another.

A message names a lane; what to do is in the lane. What is lost on the way, the clock finds again.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from referrals import settings
from referrals.domain.ids import EndpointId, derive
from referrals.domain.webhooks import LaneKey
from referrals.queues import send_batches


class MalformedLaneError(ValueError):
    """A message on the queue that names no lane."""


def send_all(lanes: Iterable[tuple[LaneKey, datetime]], *, because: str) -> int:
    """Queue lanes with the moments since when they are due; gives how many were taken.

    For five minutes SQS takes the same lane, moment and `because` only once.
    """
    messages = (_message(key, due_at, because) for key, due_at in lanes)
    taken, _ = send_batches(settings.webhook_queue_url(), messages)
    return taken


def _message(key: LaneKey, due_at: datetime, because: str) -> dict[str, str]:
    return {
        "MessageBody": written(key),
        "MessageGroupId": key.group,
        "MessageDeduplicationId": derive(
            "msg", key.endpoint_id, key.subject, due_at.isoformat(), because
        ),
    }


def written(key: LaneKey) -> str:
    return json.dumps({"endpoint": key.endpoint_id, "subject": key.subject})


def read(body: str) -> LaneKey:
    """Read a message; MalformedLaneError."""
    try:
        content = json.loads(body)
        return LaneKey(
            endpoint_id=EndpointId(str(content["endpoint"])), subject=str(content["subject"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedLaneError(body[:200]) from error
