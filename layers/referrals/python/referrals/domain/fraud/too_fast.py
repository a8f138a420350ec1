"""The sign-up came sooner after the click than a person can read a page and fill in a form."""

from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals


def _look(signals: Signals, limit: int) -> FlagInputs | None:
    if signals.clicked_at is None:
        return None
    seconds = int((signals.signed_up_at - signals.clicked_at).total_seconds())
    # a click after the sign-up is a matter of attribution, or of clocks that differ
    return {"seconds": seconds, "limit": limit} if 0 <= seconds < limit else None


TOO_FAST = FraudRule(name="too_fast", look=_look, default_limit=5)
