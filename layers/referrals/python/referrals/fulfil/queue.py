"""The queue of rewards that are due. A message names a reward; what to do is in its state."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from referrals import settings
from referrals.clients import client
from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.store.rewards import RewardKey

_BATCH = 10  # the most that SQS takes in one call


class MalformedMessageError(ValueError):
    """A message on the queue that names no reward."""


class MessagesNotQueuedError(RuntimeError):
    """SQS refused some messages; the rewards are still due and come up again."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} messages were not queued")


def send_all(keys: Iterable[RewardKey]) -> int:
    """Queue rewards for fulfilment, ten a call; gives how many. MessagesNotQueuedError."""
    sent = failed = 0
    for batch in _batched(keys):
        entries = [{"Id": str(i), "MessageBody": written(key)} for i, key in enumerate(batch)]
        answer = client("sqs").send_message_batch(
            QueueUrl=settings.fulfilment_queue_url(), Entries=entries
        )
        sent += len(answer.get("Successful", []))
        failed += len(answer.get("Failed", []))
    if failed:
        raise MessagesNotQueuedError(failed)
    return sent


def written(key: RewardKey) -> str:
    return json.dumps({"program": key.program_id, "owner": key.owner_id, "reward": key.reward_id})


def read(body: str) -> RewardKey:
    """Read a message; MalformedMessageError."""
    try:
        content = json.loads(body)
        return RewardKey(
            program_id=ProgramId(content["program"]),
            owner_id=PersonId(content["owner"]),
            reward_id=RewardId(content["reward"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedMessageError(body[:200]) from error


def _batched(keys: Iterable[RewardKey]) -> Iterator[list[RewardKey]]:
    rest = iter(keys)
    while batch := list(islice(rest, _BATCH)):
        yield batch
