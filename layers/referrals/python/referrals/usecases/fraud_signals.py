"""Gathers what fraud rules look at, and only that: a rule that is off costs no call.

Addresses, cards and networks are hashed here and go no further. They are noted under the current
key and looked up under every live one, so that a rotation makes nobody a stranger at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from referrals.domain.fraud.addresses import email_domain, normalized_email, normalized_network
from referrals.domain.fraud.disposable_address import DISPOSABLE_ADDRESS
from referrals.domain.fraud.same_email import SAME_EMAIL
from referrals.domain.fraud.same_network import SAME_NETWORK
from referrals.domain.fraud.same_payment import SAME_PAYMENT
from referrals.domain.fraud.signals import SignalKind, Signals, signal_hash
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.fraud.velocity import VELOCITY
from referrals.domain.ids import PersonId
from referrals.domain.people import Person
from referrals.domain.reports import CustomerDetails, ReportedSignals
from referrals.store import signals as store
from referrals.store.transactions import read
from referrals.usecases.keys import Keys

Owners = Mapping[SignalKind, frozenset[PersonId]]

_RULE_OF_KIND = {
    SignalKind.EMAIL: SAME_EMAIL,
    SignalKind.PAYMENT: SAME_PAYMENT,
    SignalKind.NETWORK: SAME_NETWORK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Between whom and when a conversion happened.

    `clicked_at` is when the winning click was made, and None when a code was typed or nothing
    newly led here; `is_new_friend` when this conversion binds the friend to the advocate. The
    advocate's personal data is None when nobody keeps it any more.
    """

    friend_id: PersonId
    advocate_id: PersonId
    advocate: Person | None
    occurred_at: datetime
    clicked_at: datetime | None
    is_new_friend: bool


def gather(
    friend: CustomerDetails,
    reported: ReportedSignals,
    *,
    occasion: Occasion,
    terms: FraudTerms,
    keys: Keys,
    now: datetime,
) -> Signals:
    """Gather the signals of a conversion for the rules that are not off, and note them for later.

    To gather twice notes nothing twice. BeatenError when others note the same at this moment.
    """
    owners = remember(
        friend, reported, person_id=occasion.friend_id, terms=terms, keys=keys, now=now
    )
    in_hour, in_day = _recent_signups(occasion) if _is_on(VELOCITY.name, terms) else (0, 0)
    advocate = occasion.advocate
    return Signals(
        friend_id=occasion.friend_id,
        advocate_id=occasion.advocate_id,
        signed_up_at=occasion.occurred_at,
        clicked_at=occasion.clicked_at,
        email_owners=_with_advocate(owners, friend, occasion, terms),
        payment_owners=_others(owners, SignalKind.PAYMENT, occasion.friend_id),
        network_owners=_others(owners, SignalKind.NETWORK, occasion.friend_id),
        is_disposable_address=_is_on(DISPOSABLE_ADDRESS.name, terms)
        and is_disposable(friend.email or ""),
        recent_signups=in_hour,
        recent_signups_day=in_day,
        friend_customer_id=friend.customer_id,
        advocate_customer_id=advocate.customer_id if advocate else None,
        friend_name=friend.name,
        advocate_name=advocate.name if advocate else None,
        landing_url=reported.landing_url,
    )


def remember(
    customer: CustomerDetails,
    reported: ReportedSignals,
    *,
    person_id: PersonId,
    terms: FraudTerms,
    keys: Keys,
    now: datetime,
) -> dict[SignalKind, frozenset[PersonId]]:
    """Note what a customer was seen with; give everybody who was, them included, by kind.

    Also for customers who were recommended by nobody: an advocate's own card is known by what the
    advocate bought.
    """
    values = {
        kind: value
        for kind, value in _values(customer, reported).items()
        if value and _is_on(_RULE_OF_KIND[kind].name, terms)
    }
    if values and not keys.signal:
        raise ValueError("fraud rules that recognise people need a signal key")
    owners = {
        kind: store.note(kind, signal_hash(kind, value, key=keys.signal[0]), person_id, now=now)
        for kind, value in values.items()
    }
    return _joined(owners, _known_by_older_keys(values, keys))


def is_disposable(email: str) -> bool:
    """Say whether a provider of mailboxes that live for minutes gave an address."""
    from disposable_email_domains import blocklist  # ten thousand names: only when they are asked

    labels = (email_domain(email) or "").split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def _values(customer: CustomerDetails, reported: ReportedSignals) -> dict[SignalKind, str | None]:
    """Give what a person can be recognised by, normalised; None for what was not told."""
    network = normalized_network(reported.address) if reported.address else None
    return {
        SignalKind.EMAIL: normalized_email(customer.email) if customer.email else None,
        SignalKind.PAYMENT: reported.payment_fingerprint,
        SignalKind.NETWORK: f"{network}\x1f{reported.agent}"
        if network and reported.agent
        else None,
    }


def _known_by_older_keys(values: Mapping[SignalKind, str], keys: Keys) -> list[Owners]:
    wanted = [
        (kind, store.wanted(kind, signal_hash(kind, value, key=key)))
        for key in keys.signal[1:]
        for kind, value in values.items()
    ]
    if wanted:
        read(*(each for _, each in wanted))
    return [{kind: each.value} for kind, each in wanted if each.value]


def _joined(owners: Owners, older: list[Owners]) -> dict[SignalKind, frozenset[PersonId]]:
    return {
        kind: known.union(*(each[kind] for each in older if kind in each))
        for kind, known in owners.items()
    }


def _with_advocate(
    owners: Owners, friend: CustomerDetails, occasion: Occasion, terms: FraudTerms
) -> tuple[PersonId, ...]:
    """Give the other owners of the friend's mailbox; the advocate's is known without a look."""
    others = set(_others(owners, SignalKind.EMAIL, occasion.friend_id))
    mailboxes = [
        normalized_email(email) if email else None
        for email in (friend.email, occasion.advocate.email if occasion.advocate else None)
    ]
    is_advocates = mailboxes[0] is not None and mailboxes[0] == mailboxes[1]
    if is_advocates and occasion.advocate_id != occasion.friend_id and _is_on("same_email", terms):
        others.add(occasion.advocate_id)
    return tuple(sorted(others))


def _others(owners: Owners, kind: SignalKind, friend_id: PersonId) -> tuple[PersonId, ...]:
    return tuple(sorted(owners.get(kind, frozenset()) - {friend_id}))


def _recent_signups(occasion: Occasion) -> tuple[int, int]:
    if not occasion.is_new_friend:
        return 0, 0
    store.note_signup(occasion.advocate_id, occasion.friend_id, at=occasion.occurred_at)
    return store.count_signups(occasion.advocate_id, until=occasion.occurred_at)


def _is_on(rule: str, terms: FraudTerms) -> bool:
    return terms.mode(rule) is not FraudMode.OFF
