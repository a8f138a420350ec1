"""The friend came from the address and with the agent of somebody else.

An office, a dormitory, a mobile provider have thousands of people behind one address. So this rule
only supports others: by itself it is recorded and has no effect, whatever its mode.
"""

from referrals.domain.fraud.signals import (
    MAX_OWNERS_KEPT,
    FlagInputs,
    FraudRule,
    Signals,
    shared_with,
)


def _look(signals: Signals, limit: int) -> FlagInputs | None:
    return shared_with(signals.network_owners, signals.advocate_id, limit)


SAME_NETWORK = FraudRule(
    name="same_network",
    look=_look,
    default_limit=1,
    max_limit=MAX_OWNERS_KEPT - 1,
    only_supports=True,
)
