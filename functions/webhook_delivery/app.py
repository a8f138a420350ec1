"""Outgoing webhooks: what is due is delivered, lane by lane."""

from typing import Any

from referrals.notify import lane_queue
from referrals.runtime import clock
from referrals.runtime.batches import BatchAnswer, each_message
from referrals.runtime.observability import count, logger, metrics
from referrals.runtime.problems import ProblemApp
from referrals.runtime.secrets import secret
from referrals.usecases.deliver_lane import deliver_lane
from referrals.usecases.queue_due_lanes import queue_due_lanes as queue_due

app = ProblemApp("webhook_delivery")

# a post takes ten seconds at most, and what came of it has to be written
_NEEDED_MS = 20_000


@app.lambda_function(name="queue_due_lanes")
@metrics.log_metrics
def queue_due_lanes(_event: Any, _context: Any) -> None:
    """Queue whatever lane is due now; the clock calls."""
    count("LanesQueued", queue_due(now=clock.utc_now()))


@app.lambda_function(name="deliver_webhooks")
@metrics.log_metrics
def deliver_webhooks(event: Any, context: Any) -> BatchAnswer:
    """Deliver what a lane holds, in order, as far as the time goes; the clock finds the rest."""

    def deliver(body: str) -> None:
        key, goes_on = lane_queue.read(body), True
        while goes_on and context.get_remaining_time_in_millis() > _NEEDED_MS:
            goes_on = deliver_lane(key, outgoing=secret("outgoing_key").values, now=clock.utc_now())
        logger.info("lane looked after", extra={"endpoint_id": key.endpoint_id})
        count("LanesLookedAfter")

    return each_message(event, context, deliver)
