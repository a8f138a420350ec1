"""An operator suppresses an address, or lets it be written to again."""

from collections.abc import Callable
from datetime import datetime

from referrals.domain.suppressions import (
    Recipient,
    Suppression,
    SuppressionReason,
    address_mark,
    lifted,
    suppressed,
)
from referrals.notify.emails import wire_address
from referrals.store import suppressions
from referrals.store.transactions import commit, until_settled


def find_recipient(address: str, *, identity: bytes) -> Recipient:
    """Read what came back from an address; MailRefusedError when it is none."""
    return suppressions.find(address_mark(wire_address(address), key=identity))


def suppress_address(address: str, *, why: str, identity: bytes, now: datetime) -> bool:
    """Send nothing more to an address; False when it is suppressed. MailRefusedError."""
    by_hand = Suppression(reason=SuppressionReason.MANUAL, since=now, detail=why)
    return _change(address, identity, lambda known: suppressed(known, by_hand))


def lift_suppression(address: str, *, identity: bytes) -> bool:
    """Write to an address again; False when nothing kept us from it. MailRefusedError."""
    return _change(address, identity, lifted)


def _change(address: str, identity: bytes, change: Callable[[Recipient], Recipient]) -> bool:
    mark = address_mark(wire_address(address), key=identity)
    return until_settled(lambda: _change_once(mark, change))


def _change_once(mark: str, change: Callable[[Recipient], Recipient]) -> bool:
    before = suppressions.find(mark)
    after = change(before)
    if after == before:
        return False
    commit(suppressions.save(after))
    return True
