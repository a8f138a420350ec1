"""Somebody says where to send their gifts, or whom to pay.

    an address ── and the gifts that wait for it are due ── a minute later they are parcels
    an account ── the next payday finds it

The address and what it calls are one transaction, and a gift that decides to wait at that moment is
beaten by it: none waits for an address that is there.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from referrals.domain.details import PayeeDetails, ShippingDetails
from referrals.domain.errors import PersonForgottenError
from referrals.domain.ids import PersonId
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind
from referrals.store import details, people, programs, rewards
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


def give_payee(payee: PayeeDetails) -> None:
    """Keep an account, in place of one given before. PersonForgottenError."""
    until_settled(lambda: _give_payee(payee))


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


def _give_payee(payee: PayeeDetails) -> None:
    known = details.wanted_payee(payee.person_id)
    _read(payee.person_id, known)
    revision = known.value.revision if known.value else None
    commit(
        details.save_payee(replace(payee, revision=revision)),
        people.not_forgotten(payee.person_id),
    )


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
