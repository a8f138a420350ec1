"""The friend is the advocate: the same id, or the same customer id written another way."""

from referrals.domain.fraud.addresses import normalized_email
from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals


def _look(signals: Signals, _limit: int) -> FlagInputs | None:
    is_same_id = signals.friend_id == signals.advocate_id
    friend = _normalized(signals.friend_customer_id)
    is_variant = friend is not None and friend == _normalized(signals.advocate_customer_id)
    if not is_same_id and not is_variant:
        return None
    return {"is_same_id": is_same_id, "is_variant": is_variant}


def _normalized(customer_id: str | None) -> str | None:
    """Bring an id into one form: a shop that takes addresses as ids lets one person have many."""
    if customer_id is None:
        return None
    together = "".join(customer_id.split())
    return normalized_email(together) or together.casefold() or None


SAME_PERSON = FraudRule(name="same_person", look=_look)
