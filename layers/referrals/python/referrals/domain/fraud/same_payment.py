"""The friend pays with a card that somebody else paid with: the advocate, or another friend."""

from referrals.domain.fraud.signals import (
    MAX_OWNERS_KEPT,
    FlagInputs,
    FraudRule,
    Signals,
    shared_with,
)


def _look(signals: Signals, limit: int) -> FlagInputs | None:
    return shared_with(signals.payment_owners, signals.advocate_id, limit)


SAME_PAYMENT = FraudRule(
    name="same_payment", look=_look, default_limit=1, max_limit=MAX_OWNERS_KEPT - 1
)
