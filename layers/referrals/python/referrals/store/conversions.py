"""Cases: one item per sign-up or order, with its decisions and its refunds."""

from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.conversions import Case
from referrals.domain.ids import ConversionId
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_BODY = Body(Case, left_out=frozenset({"revision"}))


class CaseRow(Row):
    class Meta(RowMeta):
        table_name = TableName("conversions")

    conversion_id = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def wanted(conversion_id: ConversionId) -> Wanted[Case]:
    return Wanted(CaseRow, conversion_id, None, _case)


def save(case: Case) -> Write:
    row = CaseRow(conversion_id=case.conversion_id, body=_BODY.write(case), revision=case.revision)
    return lambda transaction: transaction.save(row)


def _case(row: CaseRow) -> Case:
    return replace(_BODY.read(row.body), revision=row.revision)
