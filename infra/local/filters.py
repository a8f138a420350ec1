"""Filter patterns of event sources, as far as the templates use them; others raise ValueError."""

import json
import re
from collections.abc import Mapping
from typing import Any

_FIELD_EQUALS = re.compile(r'\{ *\$\.(?P<field>\w+) *= *"(?P<value>[^"]*)" *\}')


def fits(value: Any, pattern: Any) -> bool:
    """Say whether an event fits a pattern: EventBridge's literals, `prefix` and `exists`."""
    if isinstance(pattern, Mapping):
        found = value if isinstance(value, Mapping) else {}
        return all(fits(found.get(key), rest) for key, rest in pattern.items())
    return any(_fits_rule(value, rule) for rule in pattern)


def _fits_rule(value: Any, rule: Any) -> bool:
    match rule:
        case {"prefix": str(prefix)}:
            return isinstance(value, str) and value.startswith(prefix)
        case {"exists": bool(exists)}:
            return (value is not None) is exists
        case dict():
            raise ValueError(f"filter rule {rule} is not known here")
        case _:
            return bool(value == rule)


def fits_line(line: str, pattern: str) -> bool:
    """Say whether a log line fits a subscription's pattern: none, or one field and its value."""
    if not pattern:
        return True
    wanted = _FIELD_EQUALS.fullmatch(pattern)
    if wanted is None:
        raise ValueError(f"log filter {pattern} is not known here")
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return isinstance(fields, dict) and fields.get(wanted["field"]) == wanted["value"]
