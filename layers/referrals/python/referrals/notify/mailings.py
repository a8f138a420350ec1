"""The queue of messages that nobody's doing calls for: reminders, summaries, what expires soon.

A message names what may be written about; whether it is, is decided when it comes up.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from referrals import settings
from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.domain.message_kinds import MessageKind
from referrals.queues import send_batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """What somebody may be written about. `month` is a summary's, `reward_id` what expires."""

    kind: MessageKind
    program_id: ProgramId
    person_id: PersonId
    month: str | None = None
    reward_id: RewardId | None = None


class MalformedMailingError(ValueError):
    """A message on the queue that names nothing to write about."""


class MailingsNotQueuedError(RuntimeError):
    """SQS refused some messages; whoever queues again queues them, too."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} mailings were not queued")


def send_all(mailings: Iterable[Mailing]) -> int:
    """Queue mailings, ten a call; gives how many. MailingsNotQueuedError."""
    taken, refused = send_batches(
        settings.mailing_queue_url(), ({"MessageBody": written(each)} for each in mailings)
    )
    if refused:
        raise MailingsNotQueuedError(refused)
    return taken


def written(mailing: Mailing) -> str:
    content = {
        "kind": mailing.kind,
        "program": mailing.program_id,
        "person": mailing.person_id,
        "month": mailing.month,
        "reward": mailing.reward_id,
    }
    return json.dumps({name: value for name, value in content.items() if value is not None})


def read(body: str) -> Mailing:
    """Read a message; MalformedMailingError."""
    try:
        content = json.loads(body)
        reward_id = content.get("reward")
        return Mailing(
            kind=MessageKind(content["kind"]),
            program_id=ProgramId(content["program"]),
            person_id=PersonId(content["person"]),
            month=content.get("month"),
            reward_id=RewardId(reward_id) if reward_id else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedMailingError(body[:200]) from error
