"""The clock strikes: webhook lanes that are due go to the queue, so many of each endpoint.

Nothing is marked as queued. A lane stays due until somebody takes it, so one that was lost on the
way comes up again. An endpoint that fails may need ten seconds for each: it is given no more than
it can take, and the queue holds nothing that keeps others waiting.
"""

from datetime import datetime

from referrals.domain.webhooks import groups_of
from referrals.notify import lane_queue
from referrals.store import webhooks

MOST_OF_A_GROUP = 250
MOST_OF_A_FAILING_GROUP = 10


def queue_due_lanes(*, now: datetime) -> int:
    """Queue lanes from which something is to be delivered by `now`; gives how many were taken."""
    queued = 0
    for endpoint in webhooks.list_endpoints():
        is_failing = endpoint.is_active and endpoint.failing_since is not None
        most = MOST_OF_A_FAILING_GROUP if is_failing else MOST_OF_A_GROUP
        for group in groups_of(endpoint.endpoint_id):
            queued += lane_queue.send_all(webhooks.list_due(group, now, most=most), because="due")
    return queued
