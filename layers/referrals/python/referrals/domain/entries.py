"""Entries of the log: the events of one use case, sealed together with the journal they came with.

An entry's digest covers all of it, and the journal by its own digest; a day's root covers the
entries of a day. So one signature a day holds everything that was written.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date

from referrals.domain.ids import JournalId


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One item of the log: `body` are its events as stored; `day_shard` is a day, `#`, a shard."""

    day_shard: str
    position: str
    body: str
    journal_id: JournalId | None = None
    journal_digest: str | None = None

    @property
    def day(self) -> date:
        return date.fromisoformat(self.day_shard.partition("#")[0])

    @property
    def canonical(self) -> str:
        """Every field in one form (a JSON list, ASCII), which the digest is of."""
        content = [
            self.day_shard,
            self.position,
            self.body,
            self.journal_id,
            self.journal_digest,
        ]
        return json.dumps(content, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over the canonical form."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def read_entry(canonical: str) -> LogEntry:
    """Read an entry from its canonical form; ValueError when it is no entry."""
    content = json.loads(canonical)
    try:
        day_shard, position, body, journal_id, journal_digest = content
    except TypeError as error:
        raise ValueError(f"not an entry of the log: {canonical[:200]}") from error
    return LogEntry(
        day_shard=day_shard,
        position=position,
        body=body,
        journal_id=journal_id,
        journal_digest=journal_digest,
    )
