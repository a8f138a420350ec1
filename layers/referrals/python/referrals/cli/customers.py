"""Customers, as the shop names them, turned into the opaque people of the ledger."""

from referrals.cli.stored_secrets import live_values
from referrals.domain.ids import PersonId, person_id
from referrals.usecases.keys import Keys


def person_of(customer_id: str) -> PersonId:
    """Give the person whom the shop knows by this id."""
    return person_id(customer_id, key=identity_keys().identity)


def identity_keys() -> Keys:
    """Give the key that people are known by, and no other."""
    return Keys(click=(), identity=live_values("identity-key")[0].encode())
