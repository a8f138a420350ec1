"""The click log: what the redirect writes is what the counter reads."""

import base64
import gzip
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.runtime import click_log
from tests.factories import a_click

LINE = json.dumps({"event": "click", "code": "ANNA10", "at": "2026-05-20T12:00:00+00:00"})


class Lines(logging.Handler):
    """Keeps the lines that are written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, handler = logging.getLogger(click_log.LOGGER_NAME), Lines()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def delivered(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """Pack lines as CloudWatch Logs does."""
    events = [
        {"id": f"line-{number}", "timestamp": 1_779_278_400_000, "message": message}
        for number, message in enumerate(messages)
    ]
    packed = gzip.compress(json.dumps({"messageType": kind, "logEvents": events}).encode())
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def test_a_click_is_one_line_of_json(lines: Lines) -> None:
    click_log.write(a_click(), agent="Firefox", is_prefetch=False)
    assert [json.loads(line) for line in lines.written] == [
        {
            "event": "click",
            "code": "ANNA10",
            "channel": "whatsapp",
            "visitor": "0123456789abcdef",
            "at": "2026-05-20T12:00:00+00:00",
            "agent": "Firefox",
            "prefetch": False,
        }
    ]


def test_a_long_agent_is_cut(lines: Lines) -> None:
    click_log.write(a_click(), agent="x" * 10_000, is_prefetch=False)
    assert json.loads(lines.written[0])["agent"] == "x" * 256


@given(agent=st.text(st.characters(exclude_categories=()), max_size=300))
def test_whatever_an_agent_says_stays_within_its_line(agent: str) -> None:
    logger, handler = logging.getLogger(click_log.LOGGER_NAME), Lines()
    logger.addHandler(handler)
    click_log.write(a_click(), agent=agent, is_prefetch=True)
    logger.removeHandler(handler)
    (line,) = handler.written
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["agent"] == agent[:256]


def test_what_was_written_is_read_with_its_line_id(lines: Lines) -> None:
    click_log.write(a_click(), agent="Firefox", is_prefetch=True)
    ((line_id, content),) = click_log.unpacked(delivered(*lines.written))
    assert line_id == "line-0"
    assert (content["code"], content["agent"], content["prefetch"]) == ("ANNA10", "Firefox", True)


def test_lines_are_read_in_their_order() -> None:
    read = [line_id for line_id, _ in click_log.unpacked(delivered(LINE, "START", LINE))]
    assert read == ["line-0", "line-2"]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("", id="an empty line"),
        pytest.param("START RequestId: 1 Version: $LATEST", id="a line of Lambda's"),
        pytest.param('{"level":"INFO","message":"refused"}', id="a line of the application's"),
        pytest.param('{"event":"click"}', id="no time"),
        pytest.param('{"event":"click","at":null}', id="a time of null"),
        pytest.param('{"event":"click","at":7}', id="a time by number"),
        pytest.param('{"event":"click","at":"noon"}', id="a time by word"),
        pytest.param('{"event":"preview","at":"2026-05-20T12:00:00+00:00"}', id="no click"),
        pytest.param('{"at":"2026-05-20T12:00:00+00:00"}', id="no event"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("7", id="a number"),
        pytest.param('"click"', id="text"),
        pytest.param('{"event":"click","at":', id="cut off"),
    ],
)
def test_a_line_that_is_no_click_is_passed_over(message: str) -> None:
    assert list(click_log.unpacked(delivered(message))) == []


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_line_is_a_click_or_passed_over(message: str) -> None:
    assert list(click_log.unpacked(delivered(message))) == []


def test_a_control_message_of_the_subscription_is_passed_over() -> None:
    assert list(click_log.unpacked(delivered(LINE, kind="CONTROL_MESSAGE"))) == []
