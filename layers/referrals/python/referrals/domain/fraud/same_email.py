"""The friend's mailbox belongs to somebody else too: to the advocate, or to another friend.

A couple may share one, so it is a signal and never a key.
"""

from referrals.domain.fraud.signals import (
    MAX_OWNERS_KEPT,
    FlagInputs,
    FraudRule,
    Signals,
    shared_with,
)


def _look(signals: Signals, limit: int) -> FlagInputs | None:
    return shared_with(signals.email_owners, signals.advocate_id, limit)


SAME_EMAIL = FraudRule(
    name="same_email", look=_look, default_limit=1, max_limit=MAX_OWNERS_KEPT - 1
)
