"""The advocate brings more friends than one person knows: too many in an hour, or in a day."""

from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals

# More are not told apart: what is kept of an hour stays under 20 KB.
MAX_SIGNUPS_KEPT_PER_HOUR = 500
# A link that is shared in the morning and in the evening has some busy hours, not twenty-four.
_BUSY_HOURS_PER_DAY = 5


def _look(signals: Signals, limit: int) -> FlagInputs | None:
    is_hour_full = signals.recent_signups > limit
    is_day_full = signals.recent_signups_day > limit * _BUSY_HOURS_PER_DAY
    if not is_hour_full and not is_day_full:
        return None
    return {
        "signups_in_hour": signals.recent_signups,
        "signups_in_day": signals.recent_signups_day,
        "limit": limit,
    }


VELOCITY = FraudRule(
    name="velocity", look=_look, default_limit=10, max_limit=MAX_SIGNUPS_KEPT_PER_HOUR - 1
)
