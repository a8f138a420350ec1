"""Gifts that are to be sent, and those that were, beside the stock that they came from.

A parcel names its reward and its owner's opaque id. The address is in the details, and stays there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.store.coupons import CouponRow
from referrals.store.keys import pool_key, sortable
from referrals.store.rewards import RewardKey
from referrals.store.transactions import Wanted, Write, read

_HERE, _SENT = "parcel#", "sent#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A unit of a stock that belongs to somebody now, and since when it was promised."""

    key: RewardKey
    stock: str
    unit: str
    granted_at: datetime


def pack(parcel: Parcel) -> Write:
    row = _here(parcel)
    return lambda transaction: transaction.save(row)


def unpack(parcel: Parcel) -> Write:
    """Let there be no parcel; the commit is beaten when it was sent meanwhile."""
    row, condition = _here(parcel), CouponRow.slot.exists()
    return lambda transaction: transaction.delete(row, condition=condition)


def send(parcel: Parcel, reference: str) -> tuple[Write, Write]:
    """Note that a parcel was sent; the commit is beaten when it is here no more."""
    sent = CouponRow(
        pool_key=pool_key(parcel.key.program_id, parcel.stock),
        slot=_SENT + parcel.key.reward_id,
        coupon_code=parcel.unit,
        owner_id=parcel.key.owner_id,
        reference=reference,
    )
    return unpack(parcel), lambda transaction: transaction.save(sent)


def is_here(parcel: Parcel) -> bool:
    """Whether a parcel waits to be sent."""
    row = _here(parcel)
    found = CouponRow.query(row.pool_key, CouponRow.slot == row.slot, consistent_read=True)
    return any(True for _ in found)


def find_reference(program_id: ProgramId, stock: str, reward_id: RewardId) -> str | None:
    """Say under which reference a gift was sent; None when it was not, from this stock."""
    wanted = Wanted(CouponRow, pool_key(program_id, stock), _SENT + reward_id, _reference)
    read(wanted)
    return wanted.value


def iter_here(program_id: ProgramId, stock: str) -> Iterator[Parcel]:
    """Read, page by page, what of a stock waits to be sent, the oldest promise first."""
    key = pool_key(program_id, stock)
    for row in CouponRow.query(key, CouponRow.slot.startswith(_HERE), consistent_read=True):
        _, granted_at, reward_id = row.slot.split("#")
        yield Parcel(
            key=RewardKey(
                program_id=program_id,
                owner_id=PersonId(row.owner_id or ""),
                reward_id=RewardId(reward_id),
            ),
            stock=stock,
            unit=row.coupon_code or "",
            granted_at=datetime.fromisoformat(granted_at),
        )


def _here(parcel: Parcel) -> CouponRow:
    key = parcel.key
    return CouponRow(
        pool_key=pool_key(key.program_id, parcel.stock),
        slot=f"{_HERE}{sortable(parcel.granted_at)}#{key.reward_id}",
        coupon_code=parcel.unit,
        owner_id=key.owner_id,
    )


def _reference(row: CouponRow) -> str:
    return row.reference or ""
