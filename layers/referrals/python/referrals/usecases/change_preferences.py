"""Somebody says what they want to be written about: on a page, or by one click in a mailbox."""

from collections.abc import Callable, Collection
from datetime import datetime

from referrals.domain.errors import PersonForgottenError
from referrals.domain.ids import PersonId
from referrals.domain.message_kinds import Purpose
from referrals.domain.preferences import Preferences, chosen, turned_off, withdrawn
from referrals.store import people, preferences
from referrals.store.transactions import commit, read, until_settled

_Change = Callable[[Preferences], Preferences]


def change_preferences(
    person_id: PersonId, *, off: Collection[Purpose], ends_sms: bool, now: datetime
) -> Preferences:
    """Turn exactly `off` off, and with `ends_sms` take consent to text messages back.

    Consent is given elsewhere, in words that are kept. PersonForgottenError.
    """

    def change(known: Preferences) -> Preferences:
        after = known if known.off == frozenset(off) else chosen(known, off, now=now)
        return withdrawn(after, now=now) if ends_sms else after

    return until_settled(lambda: _change(person_id, change))


def unsubscribe(person_id: PersonId, purpose: Purpose, *, now: datetime) -> Preferences:
    """Turn one purpose off; doing it again changes nothing. PersonForgottenError."""

    def change(known: Preferences) -> Preferences:
        return known if purpose in known.off else turned_off(known, purpose, now=now)

    return until_settled(lambda: _change(person_id, change))


def _change(person_id: PersonId, change: _Change) -> Preferences:
    person, wanted = people.wanted(person_id), preferences.wanted(person_id)
    read(person, wanted)
    if person.value is not None and person.value.is_forgotten:
        raise PersonForgottenError
    known = wanted.value or Preferences(person_id=person_id)
    after = change(known)
    if after != known:
        commit(preferences.save(after), people.not_forgotten(person_id))
    return after
