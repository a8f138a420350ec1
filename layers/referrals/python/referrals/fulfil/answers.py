"""What providers outside answer, before anybody knows what it means: an object, or nothing."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from referrals.outbound import Answer


class BrokenAnswerError(Exception):
    """An answer that is not what a provider promises."""


def json_object(
    answer: Answer, *, parse_float: Callable[[str], float | Decimal] | None = None
) -> dict[str, Any]:
    """Read the object that an answer holds; BrokenAnswerError when it holds none."""
    try:
        content = json.loads(answer.body, parse_float=parse_float, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BrokenAnswerError(f"answered {answer.status} without JSON") from None
    if not isinstance(content, dict):
        raise BrokenAnswerError("the answer is no object")
    return content


def _no_number(_text: str) -> NoReturn:
    raise ValueError("is no number")
