"""One line of JSON per click, on its own logger: written by the redirect, read by click_counter.

A line holds no address and no token: the visitor is a keyed hash, and whoever reads the log must
not be able to claim a click.
"""

import base64
import gzip
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from referrals.domain.clicks import Click

LOGGER_NAME = "referrals.clicks"
_LONGEST_AGENT = 256

_logger = logging.getLogger(LOGGER_NAME)
_logger.setLevel(logging.INFO)
_logger.propagate = False


def write_to_stdout() -> None:
    """Write click lines to standard output, where Lambda takes them to CloudWatch Logs."""
    if not _logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _logger.addHandler(handler)


def write(click: Click, *, agent: str, is_prefetch: bool) -> None:
    _logger.info(
        json.dumps(
            {
                "event": "click",
                "code": click.code,
                "channel": click.channel,
                "visitor": click.visitor,
                "at": click.clicked_at.isoformat(),
                "agent": agent[:_LONGEST_AGENT],
                "prefetch": is_prefetch,
            }
        )
    )


def unpacked(event: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a batch as CloudWatch Logs delivers it: the id of each click line, and its content.

    Lines that are no click, and the control messages of the subscription, are passed over.
    """
    packed = gzip.decompress(base64.b64decode(event["awslogs"]["data"]))
    batch = json.loads(packed)
    if batch.get("messageType") != "DATA_MESSAGE":
        return
    for line in batch["logEvents"]:
        content = _click(line["message"])
        if content is not None:
            yield line["id"], content


def _click(message: str) -> dict[str, Any] | None:
    try:
        content = json.loads(message)
        datetime.fromisoformat(content["at"])
        is_click = content["event"] == "click"
    except (ValueError, KeyError, TypeError):
        return None
    return content if is_click else None
