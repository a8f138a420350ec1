"""Dead letters of the event log: what could not be announced, by its place and never by content.

Two senders write them: the sweep, about one item, and the stream, about a stretch of time.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from referrals import settings
from referrals.clients import client
from referrals.domain.entries import LogPlace


class MalformedLetterError(ValueError):
    """A dead letter that names nothing of the event log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostItem:
    """One item that could not be announced, and the name of the error."""

    place: LogPlace
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LostStretch:
    """Records that the stream gave up on; when the first and the last of them came in."""

    first_at: datetime
    last_at: datetime
    items: int


def send(lost: LostItem) -> None:
    """Leave a dead letter about an item of the log."""
    told = {
        "day_shard": lost.place.day_shard,
        "position": lost.place.position,
        "why": lost.why,
    }
    client("sqs").send_message(
        QueueUrl=settings.events_dead_queue_url(), MessageBody=json.dumps(told)
    )


def read(body: str) -> LostItem | LostStretch:
    """Read a dead letter of either kind; MalformedLetterError."""
    try:
        content = json.loads(body)
        if "DDBStreamBatchInfo" in content:
            return _stretch(content["DDBStreamBatchInfo"])
        place = LogPlace(day_shard=content["day_shard"], position=content["position"])
        _ = place.shard, place.recorded_at  # a place without them is none
        return LostItem(place=place, why=str(content.get("why", "")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedLetterError(body[:200]) from error


def _stretch(told: dict[str, str]) -> LostStretch:
    return LostStretch(
        first_at=datetime.fromisoformat(told["approximateArrivalOfFirstRecord"]),
        last_at=datetime.fromisoformat(told["approximateArrivalOfLastRecord"]),
        items=int(told["batchSize"]),
    )
