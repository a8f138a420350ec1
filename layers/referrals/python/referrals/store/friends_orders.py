"""Which orders an advocate's friends placed on a day: each is noted once, however often it is told.

For summaries only: nothing that decides about money reads it.
"""

from datetime import date, datetime, timedelta

from pynamodb.attributes import TTLAttribute, UnicodeAttribute, UnicodeSetAttribute

from referrals.domain.ids import ConversionId, PersonId, ProgramId
from referrals.store.keys import owner_key
from referrals.store.rows import Row, RowMeta, TableName

# A month is summed up in the first days of the next one.
_KEPT = timedelta(days=100)


class OrdersRow(Row):
    class Meta(RowMeta):
        table_name = TableName("counters")

    subject = UnicodeAttribute(hash_key=True)
    bucket = UnicodeAttribute(range_key=True)
    orders = UnicodeSetAttribute()
    expires_at = TTLAttribute()


def note(
    program_id: ProgramId, advocate_id: PersonId, order: ConversionId, *, placed_at: datetime
) -> None:
    """Note an order for the day on which it was placed."""
    row = OrdersRow(subject=_subject(program_id, advocate_id), bucket=placed_at.date().isoformat())
    row.update(actions=[OrdersRow.orders.add({order}), OrdersRow.expires_at.set(placed_at + _KEPT)])


def count(program_id: ProgramId, advocate_id: PersonId, *, first: date, last: date) -> int:
    """Count the orders of a stretch of days, the first and the last with it."""
    days = OrdersRow.bucket.between(first.isoformat(), last.isoformat())
    rows = OrdersRow.query(_subject(program_id, advocate_id), days, consistent_read=True)
    return sum(len(row.orders) for row in rows)


def _subject(program_id: ProgramId, advocate_id: PersonId) -> str:
    return f"orders#{owner_key(program_id, advocate_id)}"
