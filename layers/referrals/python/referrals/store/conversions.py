"""Cases: one item per sign-up or order, with its decisions and its refunds."""

from collections.abc import Iterator
from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from referrals.domain.conversions import Case
from referrals.domain.ids import ConversionId, ProgramId
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_BODY = Body(Case, left_out=frozenset({"revision"}))


class ByReview(GlobalSecondaryIndex["CaseRow"]):  # type: ignore[no-untyped-call]
    class Meta(RowMeta):
        index_name = "by_review"
        projection = AllProjection()

    review_key = UnicodeAttribute(hash_key=True)
    review_since = UnicodeAttribute(range_key=True)


class CaseRow(Row):
    class Meta(RowMeta):
        table_name = TableName("conversions")

    conversion_id = UnicodeAttribute(hash_key=True)
    review_key = UnicodeAttribute(null=True)
    review_since = UnicodeAttribute(null=True)
    body = UnicodeAttribute()
    revision = Revision()
    by_review = ByReview()


def wanted(conversion_id: ConversionId) -> Wanted[Case]:
    return Wanted(CaseRow, conversion_id, None, _case)


def save(case: Case) -> Write:
    conversion = case.conversion
    review = conversion.review if conversion and conversion.is_in_review else None
    row = CaseRow(
        conversion_id=case.conversion_id,
        review_key=conversion.program_id if conversion and review else None,
        review_since=f"{review.opened_at.isoformat()}#{case.conversion_id}" if review else None,
        body=_BODY.write(case),
        revision=case.revision,
    )
    return lambda transaction: transaction.save(row)


def list_in_review(program_id: ProgramId, *, most: int) -> list[Case]:
    """List the conversions that wait for people, the oldest first; may lag a moment behind."""
    return [_case(row) for row in CaseRow.by_review.query(program_id, limit=most)]


def iter_all() -> Iterator[Case]:
    """Read every case there is, in no order."""
    for row in CaseRow.scan(consistent_read=True):
        yield _case(row)


def _case(row: CaseRow) -> Case:
    return replace(_BODY.read(row.body), revision=row.revision)
