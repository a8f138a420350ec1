"""A day is over: what it added to the log is sealed under one signature.

    yesterday's entries ── root ── signed ── written once      all that was not sealed yet, in order

Sealing again, or two at once, changes nothing: the first root of a day is the only one.
"""

from datetime import date, datetime
from functools import partial

from referrals.domain.roots import DailyRoot, days_to_seal, previous_of, root_of
from referrals.seal.signing import signed
from referrals.store import events, roots
from referrals.store.transactions import commit, until_settled

# A run that was missed for weeks is made up for by the next, within its time.
MOST_DAYS = 40


def seal_finished_days(*, now: datetime) -> int:
    """Seal every finished day that has no root, oldest first, 40 at most; gives how many.

    The first day ever sealed is yesterday: nothing was written before there was a deployment.
    """
    days = tuple(days_to_seal(roots.find_last(), now=now, most=MOST_DAYS))
    for day in days:
        seal_day(day, now=now)
    return len(days)


def seal_day(day: date, *, now: datetime) -> DailyRoot:
    """Give the root of a finished day, made and signed when there is none.

    RootNotAllowedError when the day is not over, or a day before it has no root.
    """
    return until_settled(partial(_seal, day, now))


def _seal(day: date, now: datetime) -> DailyRoot:
    last = roots.find_last()
    known = roots.find(day) if last and day <= last.day else None
    if known is not None:
        return known
    previous = previous_of(day, last, now=now)
    digests = (bytes.fromhex(digest) for digest in events.iter_digests_of_day(day))
    root = signed(root_of(day, digests, previous=previous))
    commit(roots.insert(root))
    return root
