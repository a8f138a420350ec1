"""Entries of the log: the events of one use case, sealed together with the journal they came with.

An entry's digest covers all of it, and the journal by its own digest; a day's root covers the
entries of a day. So one signature a day holds everything that was written.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime

from referrals.domain.ids import JournalId


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Where an item of the log is: `day_shard` is a day, `#`, a shard; `position` begins with when.

    Within a shard of a day places are in order of time.
    """

    day_shard: str
    position: str

    @property
    def shard(self) -> int:
        return int(self.day_shard.rpartition("#")[2])

    @property
    def recorded_at(self) -> datetime:
        """The moment of what happened; the item was written at it or a little later."""
        return datetime.fromisoformat(self.position.partition("#")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One item of the log: `body` are its events as stored; `day_shard` is a day, `#`, a shard."""

    day_shard: str
    position: str
    body: str
    journal_id: JournalId | None = None
    journal_digest: str | None = None

    @property
    def place(self) -> LogPlace:
        return LogPlace(day_shard=self.day_shard, position=self.position)

    @property
    def has_events(self) -> bool:
        """Whether it tells of anything: one that only vouches for a journal does not."""
        return self.body != "[]"

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
