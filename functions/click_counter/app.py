"""Click lines of the redirect's log become daily counters."""

from typing import Any

from referrals.runtime import clock
from referrals.runtime.click_batches import click_lines
from referrals.runtime.observability import count, metrics
from referrals.runtime.problems import ProblemApp
from referrals.usecases.count_clicks import count_clicks as count_lines

app = ProblemApp("click_counter")


@app.lambda_function(name="count_clicks")
@metrics.log_metrics
def count_clicks(event: Any, _context: Any) -> None:
    """Count a batch as CloudWatch Logs delivers it; Lambda tries a failed one again, whole."""
    lines = click_lines(event)
    if lines:
        count("ClicksSeen", len(lines))
        count("ClicksMeant", count_lines(lines, now=clock.utc_now()))
