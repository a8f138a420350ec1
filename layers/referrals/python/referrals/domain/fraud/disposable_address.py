"""The friend's address is of a provider whose mailboxes live for minutes."""

from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals


def _look(signals: Signals, _limit: int) -> FlagInputs | None:
    return {"is_disposable": True} if signals.is_disposable_address else None


DISPOSABLE_ADDRESS = FraudRule(name="disposable_address", look=_look)
