"""The dead-letter queues of a deployment: what is in them, and how each letter is done again.

    fulfilment-dead, dispatches-dead, mailings-dead, webhooks-dead.fifo
        go back to the queue they came from: the state of what they name decides what is done
    events-dead
        the sweep announces what has no mark of having been announced
    clicks-dead
        the batch is counted; what was counted of it has its mark

A letter is deleted after it was done again. Whoever is cut off in between does it twice, and the
second time changes nothing.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from referrals import settings
from referrals.clients import client
from referrals.domain.ids import derive
from referrals.notify import dead_letters
from referrals.notify.dead_letters import LostStretch
from referrals.runtime import clock
from referrals.runtime.click_batches import click_lines
from referrals.usecases.announce_again import announce_again
from referrals.usecases.count_clicks import count_clicks

# Long enough to do a letter of each again; whoever dies leaves them hidden for so long.
_HIDDEN_SECONDS = 300
# A short poll asks some of SQS's servers only, and may miss what is there.
_WAIT_SECONDS = 1
_MOST_AT_ONCE = 10
# Ids, places and moments. What is anything else could be about a person, and is not shown.
_OPAQUE = re.compile(r"[A-Za-z0-9_#:.+\-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message of a dead-letter queue; `received` counts all receives, looking included."""

    message_id: str
    body: str
    sent_at: datetime
    received: int
    group: str | None
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadQueue:
    """A kind of dead-letter queue: its name without the prefix, and what its letters are about."""

    name: str
    source: str | None
    describe: Callable[[str], tuple[str, str]]
    """Give what a letter is about, and why it failed as far as that is known."""


class OpenQueue:
    """A queue while it is looked through: what is not deleted is visible again at the end."""

    def __init__(self, kind: DeadQueue) -> None:
        self.kind = kind
        self._url = _queue_url(kind.name)
        self._hidden: dict[str, Letter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for letter in self._hidden.values():
            client("sqs").change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
            )

    def depth(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = client("sqs").get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(number) for number in answer["Attributes"].values())

    def letters(self) -> Iterator[Letter]:
        """Read letters, ten a call, until there are no more; each is hidden from others."""
        while batch := self._receive():
            for letter in batch:
                self._hidden[letter.message_id] = letter
            yield from batch

    def _receive(self) -> list[Letter]:
        answer = client("sqs").receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_MOST_AT_ONCE,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        return [_letter(message) for message in answer.get("Messages", ())]

    def redrive(self, letter: Letter) -> None:
        """Do again what a letter names, and then delete it."""
        _do_again(self.kind, letter)
        client("sqs").delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        del self._hidden[letter.message_id]


def _letter(message: Mapping[str, Any]) -> Letter:
    attributes = message["Attributes"]
    return Letter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        received=int(attributes["ApproximateReceiveCount"]),
        group=attributes.get("MessageGroupId"),
        receipt=message["ReceiptHandle"],
    )


def _queue_url(name: str) -> str:
    answer = client("sqs").get_queue_url(QueueName=settings.table_name(name))
    return str(answer["QueueUrl"])


def _do_again(kind: DeadQueue, letter: Letter) -> None:
    if kind.source is not None:
        _put_back(kind.source, letter)
    elif kind is EVENTS:
        announce_again(dead_letters.read(letter.body), now=clock.utc_now())
    else:
        count_clicks(click_lines(json.loads(letter.body)["requestPayload"]), now=clock.utc_now())


def _put_back(source: str, letter: Letter) -> None:
    in_group: dict[str, str] = {}
    if letter.group is not None:
        # the same letter twice within five minutes is one message
        again = derive("red", letter.message_id)
        in_group = {"MessageGroupId": letter.group, "MessageDeduplicationId": again}
    client("sqs").send_message(QueueUrl=_queue_url(source), MessageBody=letter.body, **in_group)


def _describe_message(body: str) -> tuple[str, str]:
    try:
        content = json.loads(body)
        return ", ".join(f"{name} {_opaque(value)}" for name, value in content.items()), ""
    except (ValueError, AttributeError):
        return _UNREADABLE


def _describe_events(body: str) -> tuple[str, str]:
    try:
        lost = dead_letters.read(body)
    except dead_letters.MalformedLetterError:
        return _UNREADABLE
    if isinstance(lost, LostStretch):
        about = f"{lost.items} items of the log, {lost.first_at:%F %T} to {lost.last_at:%F %T} UTC"
        return about, "the stream tried in vain"
    return f"{lost.place.day_shard} {lost.place.position}", _opaque(lost.why)


def _describe_clicks(body: str) -> tuple[str, str]:
    try:
        content = json.loads(body)
        lines = click_lines(content["requestPayload"])
    except (ValueError, KeyError, TypeError, OSError):
        return _UNREADABLE
    codes = ", ".join(sorted({_opaque(line.code) for line in lines})[:5])
    why = content.get("responsePayload") or {}
    return f"{len(lines)} lines of clicks, of {codes}", _opaque(why.get("errorType", ""))


def _opaque(value: object) -> str:
    text = str(value)
    return text if not text or _OPAQUE.fullmatch(text) else "(not shown)"


_UNREADABLE = ("not readable", "it is none of ours, or damaged")

EVENTS = DeadQueue(name="events-dead", source=None, describe=_describe_events)
CLICKS = DeadQueue(name="clicks-dead", source=None, describe=_describe_clicks)
DEAD_QUEUES: Mapping[str, DeadQueue] = {
    kind.name: kind
    for kind in (
        DeadQueue(name="fulfilment-dead", source="fulfilment", describe=_describe_message),
        DeadQueue(name="dispatches-dead", source="dispatches", describe=_describe_message),
        DeadQueue(name="webhooks-dead.fifo", source="webhooks.fifo", describe=_describe_message),
        DeadQueue(name="mailings-dead", source="mailings", describe=_describe_message),
        EVENTS,
        CLICKS,
    )
}
