"""Messages to SQS, as many in a call as it takes."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from referrals.clients import client

_BATCH = 10  # the most that SQS takes in one call


def send_batches(queue_url: str, messages: Iterable[Mapping[str, str]]) -> tuple[int, int]:
    """Queue messages, ten a call; gives how many SQS took, and how many it refused.

    A message is an entry of SendMessageBatch without its `Id`.
    """
    taken = refused = 0
    for batch in _batched(messages):
        entries = [{"Id": str(number), **message} for number, message in enumerate(batch)]
        answer = client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
        taken += len(answer.get("Successful", []))
        refused += len(answer.get("Failed", []))
    return taken, refused


def _batched(messages: Iterable[Mapping[str, str]]) -> Iterator[list[Mapping[str, str]]]:
    rest = iter(messages)
    while batch := list(islice(rest, _BATCH)):
        yield batch
