"""Addresses and numbers that nothing is sent to, by keyed hash."""

from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.suppressions import Recipient
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_BODY = Body(Recipient, left_out=frozenset({"revision"}))


class SuppressionRow(Row):
    class Meta(RowMeta):
        table_name = TableName("suppressions")

    address_mark = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def wanted(mark: str) -> Wanted[Recipient]:
    return Wanted(SuppressionRow, mark, None, _recipient)


def find(mark: str) -> Recipient:
    """Read what came back from an address or number; nothing, if nothing ever did."""
    row = wanted(mark)
    read(row)
    return row.value or Recipient(mark=mark)


def save(recipient: Recipient) -> Write:
    row = SuppressionRow(
        address_mark=recipient.mark, body=_BODY.write(recipient), revision=recipient.revision
    )
    return lambda transaction: transaction.save(row)


def _recipient(row: SuppressionRow) -> Recipient:
    return replace(_BODY.read(row.body), revision=row.revision)
