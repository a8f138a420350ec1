"""The clock strikes: whatever dispatch is due goes to its queue, as rewards do to theirs."""

from datetime import datetime
from itertools import islice

from referrals.fulfil import queue
from referrals.store import dispatches

MOST_PER_RUN = 1_000


def queue_due_dispatches(*, now: datetime) -> int:
    """Queue dispatches for which something is to be done by `now`; gives how many.

    A bounded number at a time: what is left comes up a minute later.
    """
    return queue.send_dispatches(islice(dispatches.iter_due(now), MOST_PER_RUN))
