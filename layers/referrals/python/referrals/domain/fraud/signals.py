"""Signals: everything that a fraud rule may look at, and what a fraud rule is.

Names, customer ids and the landing URL are looked at and forgotten: no flag carries them, nobody
stores them. What is stored of a person's address, card and network are keyed hashes.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from referrals.domain.ids import PersonId

_HASH_BYTES = 16  # 128 bits: no two values of a shop will ever share one
_SEPARATOR = b"\x1f"
# Who shares something with more people than these shares it with a crowd.
MAX_OWNERS_KEPT = 20

FlagInputs = Mapping[str, str | int | bool | None]


class SignalKind(StrEnum):
    """What people are recognised by, in keyed hashes."""

    EMAIL = "email"
    PAYMENT = "payment"
    NETWORK = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is known of one conversion when the fraud rules look at it.

    Owners are the *other* people who were seen with the friend's address, card or network; the
    advocate may be among them. `recent_signups` counts the advocate's new friends of the hour
    before, this one included, and `recent_signups_day` those of the 24 hours before.
    """

    friend_id: PersonId
    advocate_id: PersonId
    signed_up_at: datetime
    clicked_at: datetime | None = None
    email_owners: tuple[PersonId, ...] = ()
    payment_owners: tuple[PersonId, ...] = ()
    network_owners: tuple[PersonId, ...] = ()
    is_disposable_address: bool = False
    recent_signups: int = 0
    recent_signups_day: int = 0
    # personal: a log line or a traceback must not show it
    friend_customer_id: str | None = field(default=None, repr=False)
    advocate_customer_id: str | None = field(default=None, repr=False)
    friend_name: str | None = field(default=None, repr=False)
    advocate_name: str | None = field(default=None, repr=False)
    landing_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudRule:
    """One rule: `look` gives what it saw when it flags, and None when it does not.

    `look` is handed the limit of the terms, or `default_limit`, or 0 when there is none to set.
    A rule that only supports others has no effect unless another rule with effect flagged too.
    """

    name: str
    look: Callable[[Signals, int], FlagInputs | None]
    default_limit: int | None = None
    max_limit: int | None = None
    only_supports: bool = False


def shared_with(
    owners: tuple[PersonId, ...], advocate_id: PersonId, limit: int
) -> FlagInputs | None:
    """Flag what is shared with the advocate, or with `limit` other people or more."""
    is_advocate = advocate_id in owners
    if not is_advocate and len(owners) < max(limit, 1):
        return None
    return {"others": len(owners), "is_advocate": is_advocate, "limit": limit}


def signal_hash(kind: SignalKind, value: str, *, key: bytes) -> str:
    """Give the keyed hash of a normalised value, in hex; the same value of another kind differs."""
    message = kind.encode() + _SEPARATOR + value.encode(errors="replace")
    return hmac.digest(key, message, "sha256")[:_HASH_BYTES].hex()
