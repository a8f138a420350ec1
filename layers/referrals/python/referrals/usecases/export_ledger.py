"""The whole ledger as lines of a file, for whoever wants to check it without asking anybody."""

import json
from collections.abc import Iterator
from datetime import date, datetime

from referrals.domain.exports import Head, Kind, Written
from referrals.seal.signing import public_keys
from referrals.store import events, ledger, roots


def export_ledger(
    *, now: datetime, since: date | None = None, until: date | None = None
) -> Iterator[bytes]:
    """Give the lines of an export as they are read; nothing is kept but a hash and counts.

    Both days count. A part of the ledger has no balances: they are of everything.
    """
    written = Written()
    wanted_roots = [root for root in roots.iter_all() if _is_in(root.day, since, until)]
    head = Head(
        exported_at=now,
        since=since,
        until=until,
        public_keys=public_keys(root.key_id for root in wanted_roots if root.key_id),
    )
    yield written.line(Kind.HEAD, head.canonical)
    for _, canonical, digest in ledger.iter_journals():
        if head.is_whole or _is_wanted(canonical, since, until):
            yield written.line(Kind.JOURNAL, canonical, digest)
    for entry, digest in events.iter_entries():
        if head.is_whole or _is_in(entry.day, since, until):
            yield written.line(Kind.ENTRY, entry.canonical, digest)
    if head.is_whole:
        for _, body in ledger.iter_balance_bodies():
            yield written.line(Kind.BALANCE, body)
    for root in wanted_roots:
        yield written.line(Kind.ROOT, root.canonical)
    yield written.end()


def _is_wanted(canonical: str, since: date | None, until: date | None) -> bool:
    """Whether a journal is of these days. What cannot be read is: its verification will name it."""
    try:
        recorded_at = datetime.fromisoformat(json.loads(canonical)["recorded_at"])
    except (ValueError, KeyError, TypeError):
        return True
    return _is_in(recorded_at.date(), since, until)


def _is_in(day: date, since: date | None, until: date | None) -> bool:
    return (since is None or day >= since) and (until is None or day <= until)
