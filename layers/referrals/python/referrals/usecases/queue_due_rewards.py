"""The clock strikes: whatever is due goes to the queue.

Nothing is marked as queued. A reward stays due until it has moved on, so one that was lost on the
way comes up again, and one that is queued twice is done once.
"""

from datetime import datetime
from itertools import islice

from referrals.fulfil import queue
from referrals.store import rewards

MOST_PER_RUN = 5_000


def queue_due_rewards(*, now: datetime) -> int:
    """Queue rewards for which something is to be done by `now`; gives how many.

    A bounded number at a time: what is left comes up a minute later, and the queue does not fill
    with repetitions faster than it is emptied.
    """
    return queue.send_all(islice(rewards.iter_due(now), MOST_PER_RUN))
