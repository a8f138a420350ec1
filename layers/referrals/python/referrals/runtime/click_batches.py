"""Click lines of the redirect's log, as CloudWatch Logs delivers them, for whoever counts them."""

from datetime import datetime
from typing import Any

from referrals.runtime import click_log
from referrals.usecases.count_clicks import ClickLine


def click_lines(event: Any) -> list[ClickLine]:
    """Read a batch; what is no click is passed over."""
    return [_line(line_id, content) for line_id, content in click_log.unpacked(event)]


def _line(line_id: str, content: dict[str, Any]) -> ClickLine:
    return ClickLine(
        line_id=line_id,
        code=str(content["code"]),
        channel=str(content["channel"]),
        visitor=str(content["visitor"]),
        clicked_at=datetime.fromisoformat(content["at"]),
        agent=str(content.get("agent", "")),
        is_prefetch=bool(content.get("prefetch")),
    )
