"""What somebody wants to be written about, and how often they were asked to share.

Asks are counted over all programs and kept by the id of their message, so that a message that is
tried again is not one more ask.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from referrals.domain.ids import PersonId
from referrals.domain.message_kinds import Purpose

# what one can do without; what is awaited comes as long as the address takes mail
OPTIONAL = frozenset({Purpose.NEWS, Purpose.ASK})
ASKED_AT_MOST_ONCE_IN = timedelta(days=30)
MOST_ASKS_A_YEAR = 6
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One message that asked somebody to share."""

    message_id: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsConsent:
    """That somebody agreed to text messages, with the words they agreed to and where.

    It is for one number, known by its keyed hash: whoever changes theirs has to agree again.
    """

    number_mark: str
    given_at: datetime
    wording: str
    source: str
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What is turned off, the asks of the last year with the newest last, and consent to SMS."""

    person_id: PersonId
    off: frozenset[Purpose] = frozenset()
    asks: tuple[Ask, ...] = ()
    sms: SmsConsent | None = None
    changed_at: datetime | None = None
    revision: int | None = None


def chosen(preferences: Preferences, off: Collection[Purpose], *, now: datetime) -> Preferences:
    """Turn exactly `off` off; what is awaited stays on whatever is asked."""
    return replace(preferences, off=OPTIONAL & frozenset(off), changed_at=now)


def turned_off(preferences: Preferences, purpose: Purpose, *, now: datetime) -> Preferences:
    """Turn one purpose off, and leave the others."""
    return chosen(preferences, {*preferences.off, purpose}, now=now)


def may_be_asked(preferences: Preferences, message_id: str, *, now: datetime) -> bool:
    """Whether a message may ask to share: once in 30 days and six times a year, over all programs.

    A message that is counted already may, so that it can be tried again.
    """
    asks = _asks_of_last_year(preferences, now)
    if any(ask.message_id == message_id for ask in asks):
        return True
    was_asked_lately = any(now - ask.asked_at < ASKED_AT_MOST_ONCE_IN for ask in asks)
    return not was_asked_lately and len(asks) < MOST_ASKS_A_YEAR


def asked(preferences: Preferences, message_id: str, *, now: datetime) -> Preferences:
    """Count a message as an ask, once; what is older than a year is forgotten."""
    asks = _asks_of_last_year(preferences, now)
    if any(ask.message_id == message_id for ask in asks):
        return preferences
    return replace(preferences, asks=(*asks, Ask(message_id=message_id, asked_at=now)))


def _asks_of_last_year(preferences: Preferences, now: datetime) -> tuple[Ask, ...]:
    return tuple(ask for ask in preferences.asks if now - ask.asked_at < _YEAR)


def consented(preferences: Preferences, consent: SmsConsent) -> Preferences:
    """Note consent to text messages that was given after all that is known of it.

    Shops repeat what they know: an old consent, told again, neither undoes a withdrawal nor moves
    to another number.
    """
    known = preferences.sms
    if known is not None:
        last_change = max(known.given_at, known.withdrawn_at or known.given_at)
        if consent.given_at <= last_change:
            return preferences
    return replace(preferences, sms=consent)


def withdrawn(preferences: Preferences, *, now: datetime) -> Preferences:
    """Take consent to text messages back; the row stays, because it shows what was agreed to."""
    consent = preferences.sms
    if consent is None or consent.withdrawn_at is not None:
        return preferences
    return replace(preferences, sms=replace(consent, withdrawn_at=now))
