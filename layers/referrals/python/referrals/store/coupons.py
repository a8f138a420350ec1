"""Pools of coupons, and stocks of gifts: one is a free slot until a reward takes it.

A reward takes or gives back in its own transaction.

Every coupon that was ever in a pool stays known, so that loading a file twice gives none out twice.
A reward that found its pool empty waits in it, the oldest promise first.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.store.keys import pool_key, sortable
from referrals.store.rewards import RewardKey
from referrals.store.rows import Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, commit, read, until_settled

_FREE, _TAKEN, _KNOWN, _WAITING = "free#", "taken#", "known#", "waiting#"
_CANDIDATES = 10


class CouponRow(Row):
    class Meta(RowMeta):
        table_name = TableName("coupons")

    pool_key = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    coupon_code = UnicodeAttribute(null=True)
    owner_id = UnicodeAttribute(null=True)
    reference = UnicodeAttribute(null=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A reward that waits for stock, and when it was promised."""

    key: RewardKey
    pool: str
    granted_at: datetime


def find_free(program_id: ProgramId, pool: str, reward_id: RewardId) -> str | None:
    """Find a coupon that is still free, None when the pool is empty.

    Where the search starts depends on the reward, so that two rewards seldom want the same one.
    """
    start = hashlib.sha256(reward_id.encode()).hexdigest()[:8].upper()
    key, slot = pool_key(program_id, pool), CouponRow.slot
    for condition in (slot.between(_FREE + start, _FREE + "~"), slot.startswith(_FREE)):
        rows = CouponRow.query(key, condition, consistent_read=True, limit=_CANDIDATES)
        found = [row.coupon_code for row in rows if row.coupon_code is not None]
        if found:
            return found[sum(reward_id.encode()) % len(found)]
    return None


def take(
    program_id: ProgramId, pool: str, coupon_code: str, reward_id: RewardId
) -> tuple[Write, Write]:
    """Take a coupon for a reward; the commit is beaten when it is gone or the reward has one."""
    key = pool_key(program_id, pool)
    free = CouponRow(pool_key=key, slot=_FREE + coupon_code, coupon_code=coupon_code)
    taken = CouponRow(pool_key=key, slot=_TAKEN + reward_id, coupon_code=coupon_code)
    return (
        lambda transaction: transaction.delete(free, condition=CouponRow.slot.exists()),
        lambda transaction: transaction.save(taken, condition=CouponRow.slot.does_not_exist()),
    )


def give_back(
    program_id: ProgramId, pool: str, coupon_code: str, reward_id: RewardId
) -> tuple[Write, Write]:
    """Put what a reward took back into its pool; the commit is beaten when it was before."""
    key = pool_key(program_id, pool)
    free = CouponRow(pool_key=key, slot=_FREE + coupon_code, coupon_code=coupon_code)
    taken = CouponRow(pool_key=key, slot=_TAKEN + reward_id, coupon_code=coupon_code)
    return (
        lambda transaction: transaction.delete(taken, condition=CouponRow.slot.exists()),
        lambda transaction: transaction.save(free),
    )


def add(program_id: ProgramId, pool: str, coupon_code: str) -> bool:
    """Put a coupon into a pool; False when it was in there before, free or taken."""
    key = pool_key(program_id, pool)
    known = CouponRow(pool_key=key, slot=_KNOWN + coupon_code, coupon_code=coupon_code)
    free = CouponRow(pool_key=key, slot=_FREE + coupon_code, coupon_code=coupon_code)
    wanted = Wanted(CouponRow, key, known.slot, lambda _row: True)

    def attempt() -> bool:
        read(wanted)
        if wanted.value:
            return False
        commit(
            lambda transaction: transaction.save(known, condition=CouponRow.slot.does_not_exist()),
            lambda transaction: transaction.save(free),
        )
        return True

    return until_settled(attempt)


def count(program_id: ProgramId, pool: str) -> tuple[int, int]:
    """Count the free and the taken coupons of a pool."""
    key = pool_key(program_id, pool)
    free = CouponRow.count(key, CouponRow.slot.startswith(_FREE))
    return free, CouponRow.count(key, CouponRow.slot.startswith(_TAKEN))


def low(program_id: ProgramId, pool: str, limit: int) -> int:
    """Count the free coupons of a pool up to `limit`, and read no more than that."""
    rows = CouponRow.query(
        pool_key(program_id, pool),
        CouponRow.slot.startswith(_FREE),
        consistent_read=True,
        limit=limit,
        attributes_to_get=["slot"],
    )
    return sum(1 for _ in rows)


def wait(waiting: Waiting) -> Write:
    """Let a reward stand in line; it stands there once, however often it asks."""
    row = _waiting_row(waiting)
    return lambda transaction: transaction.save(row)


def stop_waiting(waiting: Waiting) -> Write:
    row = _waiting_row(waiting)
    return lambda transaction: transaction.delete(row)


def iter_waiting(program_id: ProgramId, pool: str) -> Iterator[Waiting]:
    """Read, page by page, which rewards wait for stock, the oldest promise first.

    Some of them may have gone out meanwhile, or may be no more.
    """
    rows = CouponRow.query(
        pool_key(program_id, pool), CouponRow.slot.startswith(_WAITING), consistent_read=True
    )
    for row in rows:
        _, granted_at, reward_id = row.slot.split("#")
        key = RewardKey(
            program_id=program_id, owner_id=PersonId(row.owner_id), reward_id=RewardId(reward_id)
        )
        yield Waiting(key=key, pool=pool, granted_at=datetime.fromisoformat(granted_at))


def _waiting_row(waiting: Waiting) -> CouponRow:
    key = waiting.key
    return CouponRow(
        pool_key=pool_key(key.program_id, waiting.pool),
        slot=f"{_WAITING}{sortable(waiting.granted_at)}#{key.reward_id}",
        owner_id=key.owner_id,
    )
