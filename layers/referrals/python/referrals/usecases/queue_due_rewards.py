"""The clock strikes: whatever is due goes to the queue.

Nothing is marked as queued. A reward stays due until it has moved on, so one that was lost on the
way comes up again, and one that is queued twice is done once.
"""

from datetime import datetime

from referrals.fulfil import queue
from referrals.store import rewards


def queue_due_rewards(*, now: datetime) -> int:
    """Queue every reward for which something is to be done by `now`; gives how many."""
    return queue.send_all(rewards.iter_due(now))
