"""Reminders: when an advocate is asked to share again, and when the asking ends by itself.

    reason ── 14 days ── first ── 49 days ── second ── 133 days ── third, and no more
      ↑ they enrolled, or a friend came: from then on it begins anew

How often one person is asked by all programs together is bounded in `preferences`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from referrals.domain.programs import ReminderTerms

# What could not be sent within a week is left out: nobody hears at once what was due long ago.
LAPSES_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """The `number`-th reminder, counted from 1, after somebody had reason to share at `since`."""

    number: int
    since: datetime
    is_last: bool


def due_reminder(terms: ReminderTerms, *, since: datetime, now: datetime) -> Reminder | None:
    """Give the reminder whose day has come; None when there is none, or it came a week ago."""
    came = [days for days in terms.after_days if since + timedelta(days=days) <= now]
    if not came or now >= since + timedelta(days=max(came)) + LAPSES_AFTER:
        return None
    return Reminder(number=len(came), since=since, is_last=len(came) == len(terms.after_days))
