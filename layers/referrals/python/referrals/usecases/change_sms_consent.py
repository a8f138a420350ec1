"""Consent to text messages: given for a number, in words that are kept; and withdrawn."""

from dataclasses import dataclass
from datetime import datetime

from referrals.domain.errors import NumberNotAllowedError, PersonForgottenError
from referrals.domain.ids import PersonId
from referrals.domain.preferences import Preferences, SmsConsent, consented, withdrawn
from referrals.domain.suppressions import number_mark
from referrals.domain.text_messages import is_number
from referrals.store import people, preferences
from referrals.store.transactions import commit, read, until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Words that somebody agreed to, where (a page, a form, a till), and when."""

    wording: str
    source: str
    given_at: datetime


def give_sms_consent(
    person_id: PersonId, consent: Consent, *, identity: bytes, now: datetime
) -> Preferences:
    """Note somebody's consent to text messages to the number that is known of them.

    Only what was given later than anything known of it counts. NumberNotAllowedError without a
    number, PersonForgottenError.
    """
    return until_settled(lambda: _give(person_id, consent, identity, now))


def withdraw_sms_consent(person_id: PersonId, *, now: datetime) -> Preferences:
    """End text messages to somebody; what they had agreed to stays on record."""
    return until_settled(lambda: _withdraw(person_id, now))


def _give(person_id: PersonId, consent: Consent, identity: bytes, now: datetime) -> Preferences:
    wanted_person, wanted = people.wanted(person_id), preferences.wanted(person_id)
    read(wanted_person, wanted)
    person = wanted_person.value
    if person is not None and person.is_forgotten:
        raise PersonForgottenError
    if person is None or not is_number(person.phone or ""):
        raise NumberNotAllowedError
    given = SmsConsent(
        number_mark=number_mark(person.phone or "", key=identity),
        given_at=min(consent.given_at, now),
        wording=consent.wording,
        source=consent.source,
    )
    known = wanted.value or Preferences(person_id=person_id)
    return _saved(known, consented(known, given))


def _withdraw(person_id: PersonId, now: datetime) -> Preferences:
    known = preferences.find(person_id)
    return _saved(known, withdrawn(known, now=now))


def _saved(before: Preferences, after: Preferences) -> Preferences:
    if after != before:
        commit(preferences.save(after), people.not_forgotten(after.person_id))
    return after
