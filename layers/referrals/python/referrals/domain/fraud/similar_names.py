"""The friend's name is nearly the advocate's.

Families share a surname, so a name is as like another as the least alike of its words; and one
word alone says nothing, because many an Anna knows an Anna.
"""

from difflib import SequenceMatcher

from referrals.domain.fraud.addresses import normalized_name
from referrals.domain.fraud.signals import FlagInputs, FraudRule, Signals

_FEWEST_WORDS = 2


def _look(signals: Signals, limit: int) -> FlagInputs | None:
    friend = normalized_name(signals.friend_name or "")
    advocate = normalized_name(signals.advocate_name or "")
    if min(len(friend), len(advocate)) < _FEWEST_WORDS:
        return None
    likeness = _percent_alike(friend, advocate)
    return {"percent": likeness, "limit": limit} if likeness >= limit else None


def _percent_alike(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Compare word by word; names of unequal length as a whole. Rounds down."""
    if len(one) != len(other):
        return _percent(" ".join(one), " ".join(other))
    return min(_percent(word, twin) for word, twin in zip(one, other, strict=True))


def _percent(one: str, other: str) -> int:
    return int(SequenceMatcher(None, one, other, autojunk=False).ratio() * 100)


SIMILAR_NAMES = FraudRule(name="similar_names", look=_look, default_limit=92, max_limit=100)
