"""Somebody says where to send their gifts, or whom to pay.

    an address ── and the gifts that wait for it are due ── a minute later they are parcels
    an account ── the next payday finds it, and its owner is told of it

The address and what it calls are one transaction, and a gift that decides to wait at that moment is
beaten by it: none waits for an address that is there. An account and the event that tells of it
are one, too, so that none is changed unseen.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from referrals.domain.details import PayeeDetails, ShippingDetails
from referrals.domain.errors import PersonForgottenError
from referrals.domain.events import EventName, event
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind
from referrals.store import details, events, people, programs, rewards
from referrals.store.transactions import MOST_READ_AT_ONCE, Wanted, commit, read, until_settled

# a transaction has as many items, and two of them are the address and whose it is
_MOST_CALLED_AT_ONCE = MOST_READ_AT_ONCE - 2


def give_shipping(address: ShippingDetails, *, now: datetime) -> int:
    """Keep an address, in place of one given before; gives how many gifts it called.

    PersonForgottenError.
    """
    called = 0
    while True:
        more = until_settled(lambda: _give_shipping(address, now))
        called += more
        if more < _MOST_CALLED_AT_ONCE:
            return called


def give_payee(payee: PayeeDetails, *, program_id: ProgramId, now: datetime) -> None:
    """Keep an account, in place of one given before; the very same one changes nothing.

    `program_id` is of the program that asked for it. PersonForgottenError.
    """
    until_settled(lambda: _give_payee(payee, program_id, now))


def _give_shipping(address: ShippingDetails, now: datetime) -> int:
    person_id = address.person_id
    known = details.wanted_shipping(person_id)
    _read(person_id, known)
    waiting = list(_waiting(person_id, now))[:_MOST_CALLED_AT_ONCE]
    revision = known.value.revision if known.value else None
    commit(
        details.save_shipping(replace(address, revision=revision)),
        people.not_forgotten(person_id),
        *(rewards.save(replace(reward, due_at=now)) for reward in waiting),
    )
    return len(waiting)


def _give_payee(payee: PayeeDetails, program_id: ProgramId, now: datetime) -> None:
    person_id = payee.person_id
    known = details.wanted_payee(person_id)
    _read(person_id, known)
    if known.value is not None and _is_same(known.value, payee):
        return
    revision = known.value.revision if known.value else None
    changed = event(
        EventName.PAYEE_CHANGED,
        cause=f"payee:{person_id}:{revision or 0}:{now.isoformat()}",
        program_id=program_id,
        occurred_at=now,
        person_id=person_id,
    )
    commit(
        details.save_payee(replace(payee, revision=revision)),
        people.not_forgotten(person_id),
        events.append([changed], now=now),
    )


def _is_same(known: PayeeDetails, payee: PayeeDetails) -> bool:
    return (known.name, known.iban) == (payee.name, payee.iban)


def _read(person_id: PersonId, known: Wanted[ShippingDetails] | Wanted[PayeeDetails]) -> None:
    """Read what is known of somebody beside what they gave; PersonForgottenError."""
    person = people.wanted(person_id)
    read(person, known)
    if person.value is not None and person.value.is_forgotten:
        raise PersonForgottenError


def _waiting(person_id: PersonId, now: datetime) -> Iterator[Reward]:
    """Find the gifts in all programs that were waiting: those for stock look for it now, too."""
    for program in programs.iter_live():
        for reward in rewards.list_of_owner(program.program_id, person_id):
            is_parcel = reward.kind is RewardKind.GIFT and reward.ships
            is_due = reward.due_at is not None and reward.due_at <= now
            if is_parcel and reward.state is RewardState.AVAILABLE and not is_due:
                yield reward
