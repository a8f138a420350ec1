"""Click lines of the redirect's log become daily counters."""

from datetime import datetime
from typing import Any

from referrals.runtime import click_log, clock
from referrals.runtime.observability import count, metrics
from referrals.runtime.problems import ProblemApp
from referrals.usecases.count_clicks import ClickLine
from referrals.usecases.count_clicks import count_clicks as count_lines

app = ProblemApp("click_counter")


@app.lambda_function(name="count_clicks")
@metrics.log_metrics
def count_clicks(event: Any, _context: Any) -> None:
    """Count a batch as CloudWatch Logs delivers it; Lambda tries a failed one again, whole."""
    lines = [_line(line_id, content) for line_id, content in click_log.unpacked(event)]
    if lines:
        count("ClicksSeen", len(lines))
        count("ClicksMeant", count_lines(lines, now=clock.utc_now()))


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
