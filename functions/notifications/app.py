"""Domain events: mail for whom they concern, and the topic for everybody else."""

from typing import Any

from referrals.runtime import clock
from referrals.runtime.batches import BatchAnswer, each_new_image
from referrals.runtime.observability import count, logger, metrics
from referrals.runtime.problems import ProblemApp
from referrals.store.events import read_body
from referrals.usecases.announce_event import announce_event

app = ProblemApp("notifications")


@app.lambda_function(name="announce_events")
@metrics.log_metrics
def announce_events(event: Any, context: Any) -> BatchAnswer:
    """Announce the events of a batch from the event log's stream, in their order."""
    return each_new_image(event, context, _announce)


def _announce(image: dict[str, Any]) -> None:
    for happened in read_body(image["body"]):
        announce_event(happened, now=clock.utc_now())
        logger.info("announced", extra={"event_id": happened.event_id, "name_": happened.name})
        count("EventsAnnounced")
