"""Customers, as the shop names them, turned into the opaque people of the ledger."""

import json

from referrals import settings
from referrals.clients import client
from referrals.domain.ids import PersonId, person_id
from referrals.usecases.keys import Keys


def person_of(customer_id: str) -> PersonId:
    """Give the person whom the shop knows by this id."""
    return person_id(customer_id, key=identity_keys().identity)


def identity_keys() -> Keys:
    """Give the key that people are known by, and no other."""
    manager = client("secretsmanager")
    answer = manager.get_secret_value(SecretId=settings.table_name("identity-key"))
    return Keys(click=(), identity=json.loads(answer["SecretString"])["current"].encode())
