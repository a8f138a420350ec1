"""Pools of coupons, and stocks of gifts: one is a free slot until a reward takes it.

A reward takes or gives back in its own transaction.

Every coupon that was ever in a pool stays known, so that loading a file twice gives none out twice.
"""

import hashlib

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.ids import ProgramId, RewardId
from referrals.store.rows import Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, commit, read, until_settled

_FREE, _TAKEN, _KNOWN = "free#", "taken#", "known#"
_CANDIDATES = 10


class CouponRow(Row):
    class Meta(RowMeta):
        table_name = TableName("coupons")

    pool_key = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    coupon_code = UnicodeAttribute()


def find_free(program_id: ProgramId, pool: str, reward_id: RewardId) -> str | None:
    """Find a coupon that is still free, None when the pool is empty.

    Where the search starts depends on the reward, so that two rewards seldom want the same one.
    """
    start = hashlib.sha256(reward_id.encode()).hexdigest()[:8].upper()
    pool_key, slot = _pool_key(program_id, pool), CouponRow.slot
    for condition in (slot.between(_FREE + start, _FREE + "~"), slot.startswith(_FREE)):
        rows = CouponRow.query(pool_key, condition, consistent_read=True, limit=_CANDIDATES)
        found = [row.coupon_code for row in rows]
        if found:
            return found[sum(reward_id.encode()) % len(found)]
    return None


def take(
    program_id: ProgramId, pool: str, coupon_code: str, reward_id: RewardId
) -> tuple[Write, Write]:
    """Take a coupon for a reward; the commit is beaten when it is gone or the reward has one."""
    pool_key = _pool_key(program_id, pool)
    free = CouponRow(pool_key=pool_key, slot=_FREE + coupon_code, coupon_code=coupon_code)
    taken = CouponRow(pool_key=pool_key, slot=_TAKEN + reward_id, coupon_code=coupon_code)
    return (
        lambda transaction: transaction.delete(free, condition=CouponRow.slot.exists()),
        lambda transaction: transaction.save(taken, condition=CouponRow.slot.does_not_exist()),
    )


def give_back(
    program_id: ProgramId, pool: str, coupon_code: str, reward_id: RewardId
) -> tuple[Write, Write]:
    """Put what a reward took back into its pool; the commit is beaten when it was before."""
    pool_key = _pool_key(program_id, pool)
    free = CouponRow(pool_key=pool_key, slot=_FREE + coupon_code, coupon_code=coupon_code)
    taken = CouponRow(pool_key=pool_key, slot=_TAKEN + reward_id, coupon_code=coupon_code)
    return (
        lambda transaction: transaction.delete(taken, condition=CouponRow.slot.exists()),
        lambda transaction: transaction.save(free),
    )


def add(program_id: ProgramId, pool: str, coupon_code: str) -> bool:
    """Put a coupon into a pool; False when it was in there before, free or taken."""
    pool_key = _pool_key(program_id, pool)
    known = CouponRow(pool_key=pool_key, slot=_KNOWN + coupon_code, coupon_code=coupon_code)
    free = CouponRow(pool_key=pool_key, slot=_FREE + coupon_code, coupon_code=coupon_code)
    wanted = Wanted(CouponRow, pool_key, known.slot, lambda _row: True)

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
    pool_key = _pool_key(program_id, pool)
    free = CouponRow.count(pool_key, CouponRow.slot.startswith(_FREE))
    return free, CouponRow.count(pool_key, CouponRow.slot.startswith(_TAKEN))


def _pool_key(program_id: ProgramId, pool: str) -> str:
    return f"{program_id}#{pool}"
