"""Shortcuts through moto that change no answer: they halve the work of a DynamoDB call.

For long plays, such as the history of the demo. Like infra/local/engine.py it reaches into moto's
internals, so moto is pinned.
"""

import functools
from collections.abc import Callable
from typing import Any

import botocore.useragent
import moto.core.responses
from moto.core.serialize import JSONSerializer

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


def _plain_values_as_they_are(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def serialize(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        is_plain = isinstance(value, dict) and value.keys() <= _AS_ON_THE_WIRE
        if shape.name == "AttributeValue" and is_plain:
            serializer._default_serialize(serialized, value, shape, key)
        else:
            original(serializer, serialized, value, shape, key)

    return serialize
