"""Redemptions, by owner: what a shop reported as spent, each under the id that it gave it."""

from collections.abc import Iterator
from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.ids import PersonId, ProgramId, RedemptionId
from referrals.domain.redemptions import Redemption
from referrals.store.keys import owner_key
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_BODY = Body(Redemption, left_out=frozenset({"revision"}))


class RedemptionRow(Row):
    class Meta(RowMeta):
        table_name = TableName("redemptions")

    owner_key = UnicodeAttribute(hash_key=True)
    redemption_id = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def wanted(
    program_id: ProgramId, owner_id: PersonId, redemption_id: RedemptionId
) -> Wanted[Redemption]:
    return Wanted(RedemptionRow, owner_key(program_id, owner_id), redemption_id, _redemption)


def save(redemption: Redemption) -> Write:
    row = RedemptionRow(
        owner_key=owner_key(redemption.program_id, redemption.person_id),
        redemption_id=redemption.redemption_id,
        body=_BODY.write(redemption),
        revision=redemption.revision,
    )
    return lambda transaction: transaction.save(row)


def list_of_owner(program_id: ProgramId, owner_id: PersonId) -> list[Redemption]:
    """List what somebody spent in a program, in no order."""
    key = owner_key(program_id, owner_id)
    return [_redemption(row) for row in RedemptionRow.query(key, consistent_read=True)]


def iter_all() -> Iterator[Redemption]:
    """Read every redemption there is, in no order."""
    for row in RedemptionRow.scan(consistent_read=True):
        yield _redemption(row)


def _redemption(row: RedemptionRow) -> Redemption:
    return replace(_BODY.read(row.body), revision=row.revision)
