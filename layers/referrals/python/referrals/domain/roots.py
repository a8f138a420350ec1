"""Daily roots: one digest over everything that a day added to the log, chained to the day before.

    entries of a day ──sorted──> root ──> root of the next day ──> ...
                                  └── signed by a key that nobody can read

Every finished day has a root, an empty one too: so a missing day is seen. Who has one signed root
can tell whether anything that came before it was changed.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from referrals.domain.errors import NotAllowedError
from referrals.domain.ledger import NOTHING_BEFORE

# What a use case writes carries the time it began at. By then everything has long been written.
SEALED_AFTER = timedelta(minutes=15)
A_DAY = timedelta(days=1)


class RootNotAllowedError(NotAllowedError):
    """A day that cannot be sealed: it is not over, or it does not follow the last sealed one."""

    code = "root_not_allowed"

    def __init__(self, day: date, why: str) -> None:
        super().__init__(f"{day} cannot be sealed: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyRoot:
    """What one day of the log comes down to. `signature` is DER in base64, by the key `key_id`."""

    day: date
    entries: int
    digest: str
    previous: str
    key_id: str | None = None
    signature: str | None = None

    @property
    def signed_text(self) -> str:
        """What the signature is of; named, so that it means nothing anywhere else."""
        return f"referrals daily root {self.day} {self.entries} {self.previous} {self.digest}"

    @property
    def canonical(self) -> str:
        """Every field in one form (JSON, sorted keys, no spaces, ASCII); `read_root` reads it."""
        content = {
            "day": self.day.isoformat(),
            "digest": self.digest,
            "entries": self.entries,
            "key_id": self.key_id,
            "previous": self.previous,
            "signature": self.signature,
        }
        return json.dumps(content, separators=(",", ":"))


def read_root(canonical: str) -> DailyRoot:
    """Read a root from its canonical form; ValueError when it is no root."""
    content = json.loads(canonical)
    try:
        return DailyRoot(**{**content, "day": date.fromisoformat(content["day"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a root: {canonical[:200]}") from error


def root_of(day: date, digests: Iterable[bytes], *, previous: str) -> DailyRoot:
    """Give the unsigned root of a day from the digests, 32 bytes each, of its entries in any order.

    SHA-256 over the day, the root before, and the sorted digests.
    """
    in_order = sorted(digests)
    hashed = hashlib.sha256(f"{day.isoformat()} {len(in_order)} {previous}\n".encode())
    for digest in in_order:
        hashed.update(digest)
    return DailyRoot(day=day, entries=len(in_order), digest=hashed.hexdigest(), previous=previous)


def last_finished_day(now: datetime) -> date:
    """Give the newest day, in UTC, that nothing is added to any more."""
    return (now.astimezone(UTC) - SEALED_AFTER).date() - A_DAY


def days_to_seal(last: DailyRoot | None, *, now: datetime, most: int) -> Iterator[date]:
    """Give the days to seal next, oldest first and at most so many; the first ever is yesterday."""
    newest = last_finished_day(now)
    day = last.day + A_DAY if last else newest
    for _ in range(most):
        if day > newest:
            return
        yield day
        day += A_DAY


def previous_of(day: date, last: DailyRoot | None, *, now: datetime) -> str:
    """Give what the root of `day` is chained to; RootNotAllowedError when it is not its turn."""
    if day > last_finished_day(now):
        raise RootNotAllowedError(day, "it is not over")
    if last is None:
        return NOTHING_BEFORE
    if day != last.day + A_DAY:
        raise RootNotAllowedError(day, f"the last sealed day is {last.day}")
    return last.digest
