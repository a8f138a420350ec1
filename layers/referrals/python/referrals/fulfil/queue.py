"""The queues of rewards and of dispatches that are due.

A message names a reward or a dispatch; what to do is in its state.
"""

import json
from collections.abc import Iterable

from referrals import settings
from referrals.domain.ids import DispatchId, PersonId, ProgramId, RewardId
from referrals.queues import send_batches
from referrals.store.rewards import RewardKey


class MalformedMessageError(ValueError):
    """A message on the queue that names neither a reward nor a dispatch."""


class MessagesNotQueuedError(RuntimeError):
    """SQS refused some messages; what they name is still due and comes up again."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} messages were not queued")


def send_all(keys: Iterable[RewardKey]) -> int:
    """Queue rewards for fulfilment, ten a call; gives how many. MessagesNotQueuedError."""
    return _send(settings.fulfilment_queue_url(), (written(key) for key in keys))


def send_dispatches(dispatch_ids: Iterable[DispatchId]) -> int:
    """Queue dispatches to be looked after, as `send_all` does. MessagesNotQueuedError."""
    bodies = (written_dispatch(dispatch_id) for dispatch_id in dispatch_ids)
    return _send(settings.dispatch_queue_url(), bodies)


def _send(queue_url: str, bodies: Iterable[str]) -> int:
    taken, refused = send_batches(queue_url, ({"MessageBody": body} for body in bodies))
    if refused:
        raise MessagesNotQueuedError(refused)
    return taken


def written(key: RewardKey) -> str:
    return json.dumps({"program": key.program_id, "owner": key.owner_id, "reward": key.reward_id})


def written_dispatch(dispatch_id: DispatchId) -> str:
    return json.dumps({"dispatch": dispatch_id})


def read(body: str) -> RewardKey:
    """Read a message that names a reward; MalformedMessageError."""
    try:
        content = json.loads(body)
        return RewardKey(
            program_id=ProgramId(content["program"]),
            owner_id=PersonId(content["owner"]),
            reward_id=RewardId(content["reward"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedMessageError(body[:200]) from error


def read_dispatch(body: str) -> DispatchId:
    """Read a message that names a dispatch; MalformedMessageError."""
    try:
        return DispatchId(str(json.loads(body)["dispatch"]))
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedMessageError(body[:200]) from error
