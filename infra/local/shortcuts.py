"""Shortcuts through moto that change no answer: half the work of a call, and long queues.

For long plays, such as the history of the demo. Like infra/local/engine.py it reaches into moto's
internals, so moto is pinned.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import botocore.useragent
import moto.core.responses
import moto.sqs.models
from moto.core.serialize import JSONSerializer
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Queue, SQSBackend

# what the wire has in the same form as moto's own items; binary values are not among it
_AS_ON_THE_WIRE = frozenset({"S", "N", "SS", "NS", "BOOL", "NULL"})


@functools.cache
def install() -> None:
    """Take the shortcuts in this process from now on; a second call changes nothing."""
    # each call lists the methods of its service, and cleans the same words of the user agent
    moto.core.responses.method_names_from_class = functools.cache(
        moto.core.responses.method_names_from_class
    )
    botocore.useragent.sanitize_user_agent_string_component = functools.cache(
        botocore.useragent.sanitize_user_agent_string_component
    )
    JSONSerializer._serialize_type_structure = _plain_values_as_they_are(
        JSONSerializer._serialize_type_structure
    )
    _install_for_long_queues()


def _install_for_long_queues() -> None:
    """Let a queue of thousands be emptied; each message that is received looks at all others."""
    moto.sqs.models.unix_time = time.time
    moto.sqs.models.unix_time_millis = _unix_time_millis
    SQSBackend.is_message_valid_based_on_retention_period = _is_kept
    Queue.delete_message = _delete_message
    Queue.messages = property(_messages)


def _unix_time_millis() -> float:
    return time.time() * 1000


def _is_kept(backend: Any, queue_name: str, message: Any) -> bool:
    """Say whether a message is not too old; moto lists all attributes of the queue for that."""
    kept_s: int = backend.get_queue(queue_name).message_retention_period
    is_kept: bool = kept_s + message.sent_timestamp / 1000 > time.time()
    return is_kept


def _messages(queue: Any) -> list[Any]:
    """Give what can be received now; moto looks at the clock twice for each message."""
    now = _unix_time_millis()
    return [each for each in queue._messages if each.visible_at < now and each.delayed_until <= now]


def _delete_message(queue: Any, receipt_handle: str) -> None:
    """Delete a message; moto makes the list of all others anew."""
    if receipt_handle in queue.deleted_messages:
        return
    for position, message in enumerate(queue._messages):
        if message.had_receipt_handle(receipt_handle):
            del queue._messages[position]
            queue.pending_messages.discard(message)
            queue.deleted_messages.update(message.all_receipt_handles)
            return
    raise ReceiptHandleIsInvalid


def _plain_values_as_they_are(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def serialize(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        is_plain = isinstance(value, dict) and value.keys() <= _AS_ON_THE_WIRE
        if shape.name == "AttributeValue" and is_plain:
            serializer._default_serialize(serialized, value, shape, key)
        else:
            original(serializer, serialized, value, shape, key)

    return serialize
