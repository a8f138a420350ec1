"""Identifiers: what must be unique per event is derived from it; nothing is drawn by lot."""

import base64
import hashlib
import hmac
from typing import NewType

ProgramId = NewType("ProgramId", str)
PersonId = NewType("PersonId", str)
ReferralId = NewType("ReferralId", str)
ConversionId = NewType("ConversionId", str)
RewardId = NewType("RewardId", str)
JournalId = NewType("JournalId", str)
EventId = NewType("EventId", str)
DispatchId = NewType("DispatchId", str)
RedemptionId = NewType("RedemptionId", str)
EndpointId = NewType("EndpointId", str)

_DIGEST_BYTES = 15  # 120 bits: a collision among 10^12 ids has a chance of 4e-13
_SEPARATOR = b"\x1f"


def derive(prefix: str, *parts: str) -> str:
    """Give the id that belongs to `parts`: `prefix_` and 24 letters and digits of a SHA-256.

    Parts are joined by their lengths, so ("a", "bc") and ("ab", "c") differ.
    """
    return f"{prefix}_{_short(hashlib.sha256(_joined(parts)).digest())}"


def person_id(customer_id: str, *, key: bytes) -> PersonId:
    """Give the opaque id of a customer of the shop.

    Keyed, so that nobody who reads the ledger can try customer ids or addresses against it.
    """
    digest = hmac.digest(key, b"person" + _SEPARATOR + customer_id.encode(), "sha256")
    return PersonId(f"per_{_short(digest)}")


def fingerprint(content: str, *, key: bytes) -> str:
    """Give a keyed hash of a request body, to tell a repetition from a contradiction."""
    return _short(hmac.digest(key, b"body" + _SEPARATOR + content.encode(), "sha256"))


def _joined(parts: tuple[str, ...]) -> bytes:
    encoded = [part.encode() for part in parts]
    return _SEPARATOR.join(str(len(part)).encode() + b":" + part for part in encoded)


def _short(digest: bytes) -> str:
    return base64.b32encode(digest[:_DIGEST_BYTES]).decode().lower()
