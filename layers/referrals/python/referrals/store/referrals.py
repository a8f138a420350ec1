"""Bonds: whom a friend is bound to in a program, or what waits for them to be bound."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.referrals import Bond
from referrals.store.keys import owner_key
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_BODY = Body(Bond, left_out=frozenset({"revision"}))


class ByAdvocate(GlobalSecondaryIndex["BondRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_advocate"
        projection = AllProjection()

    advocate_key = UnicodeAttribute(hash_key=True)
    since = UnicodeAttribute(range_key=True)


class BondRow(Row):
    class Meta(RowMeta):
        table_name = TableName("referrals")

    friend_key = UnicodeAttribute(hash_key=True)
    advocate_key = UnicodeAttribute(null=True)
    since = UnicodeAttribute(null=True)
    body = UnicodeAttribute()
    revision = Revision()
    by_advocate = ByAdvocate()


def wanted(program_id: ProgramId, friend_id: PersonId) -> Wanted[Bond]:
    return Wanted(BondRow, owner_key(program_id, friend_id), None, _bond)


def list_of_advocate(program_id: ProgramId, advocate_id: PersonId, *, most: int) -> list[Bond]:
    """List the newest `most` referrals of an advocate, newest first; may lag a moment behind."""
    rows = BondRow.by_advocate.query(
        owner_key(program_id, advocate_id), scan_index_forward=False, limit=most
    )
    return [_bond(row) for row in rows]


def newest_by_advocate() -> dict[tuple[ProgramId, PersonId], datetime]:
    """Read, of every advocate who brought anybody, when the newest friend was bound.

    From the index alone, which holds nobody else; may lag a moment behind.
    """
    newest: dict[tuple[ProgramId, PersonId], datetime] = {}
    rows = BondRow.by_advocate.scan(attributes_to_get=["advocate_key", "since"])
    for row in rows:
        program_id, advocate_id = row.advocate_key.split("#")
        key = ProgramId(program_id), PersonId(advocate_id)
        since = datetime.fromisoformat(row.since.partition("#")[0])
        newest[key] = max(newest.get(key, since), since)
    return newest


def save(bond: Bond) -> Write:
    referral = bond.referral
    row = BondRow(
        friend_key=owner_key(bond.program_id, bond.friend_id),
        advocate_key=owner_key(bond.program_id, referral.advocate_id) if referral else None,
        since=f"{referral.since.isoformat()}#{referral.referral_id}" if referral else None,
        body=_BODY.write(bond),
        revision=bond.revision,
    )
    return lambda transaction: transaction.save(row)


def check_unbound(program_id: ProgramId, person_id: PersonId) -> Write:
    """Let a commit be beaten when somebody has been brought by anybody: a circle could close.

    It is looked at and not written, so many who are bound below one person do not wait for it.
    """
    key = owner_key(program_id, person_id)
    return lambda transaction: transaction.condition_check(
        BondRow, key, condition=BondRow.advocate_key.does_not_exist()
    )


def iter_all() -> Iterator[Bond]:
    """Read every bond there is, in no order."""
    for row in BondRow.scan(consistent_read=True):
        yield _bond(row)


def _bond(row: BondRow) -> Bond:
    return replace(_BODY.read(row.body), revision=row.revision)
