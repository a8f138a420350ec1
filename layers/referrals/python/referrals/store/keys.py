"""Keys that more than one table is looked up by."""

from collections.abc import Iterator
from datetime import UTC, datetime

from referrals.domain.ids import PersonId, ProgramId

# A partition of an index takes 1,000 writes a second; four take a flash sale.
_DUE_SHARDS = 4


def owner_key(program_id: ProgramId, person_id: PersonId) -> str:
    """Give the key of what one person has in one program."""
    return f"{program_id}#{person_id}"


def pool_key(program_id: ProgramId, pool: str) -> str:
    """Give the key of what one pool of coupons, or one stock of gifts, holds."""
    return f"{program_id}#{pool}"


def sortable(moment: datetime) -> str:
    """Write a moment so that text sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def due_shard(due_id: str) -> str:
    """Give the partition of an index of due things that something stands in."""
    return f"due#{sum(due_id.encode()) % _DUE_SHARDS}"


def due_shards(now: datetime) -> Iterator[str]:
    """Give all those partitions; each minute begins with another, so that none waits long."""
    for number in range(_DUE_SHARDS):
        yield f"due#{(now.minute + number) % _DUE_SHARDS}"
