"""Details by person and kind: where to send a gift, whom to pay. Personal data, never in a log."""

from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.details import DetailsKind, PayeeDetails, ShippingDetails
from referrals.domain.ids import PersonId
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_SHIPPING = Body(ShippingDetails, left_out=frozenset({"revision"}))
_PAYEE = Body(PayeeDetails, left_out=frozenset({"revision"}))


class DetailsRow(Row):
    class Meta(RowMeta):
        table_name = TableName("details")

    person_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def wanted_shipping(person_id: PersonId) -> Wanted[ShippingDetails]:
    return Wanted(DetailsRow, person_id, DetailsKind.SHIPPING.value, _shipping)


def wanted_payee(person_id: PersonId) -> Wanted[PayeeDetails]:
    return Wanted(DetailsRow, person_id, DetailsKind.PAYEE.value, _payee)


def find_shipping(person_id: PersonId) -> ShippingDetails | None:
    address = wanted_shipping(person_id)
    read(address)
    return address.value


def find_payee(person_id: PersonId) -> PayeeDetails | None:
    payee = wanted_payee(person_id)
    read(payee)
    return payee.value


def is_given(person_id: PersonId, kind: str) -> bool:
    """Whether somebody gave details of a kind: `shipping` or `payee`."""
    wanted = Wanted(DetailsRow, person_id, kind, lambda _row: True)
    read(wanted)
    return wanted.value is not None


def not_given(person_id: PersonId, kind: DetailsKind) -> Write:
    """Beat a commit when details came meanwhile: who decided to wait for them looks again."""
    condition = DetailsRow.person_id.does_not_exist()
    return lambda transaction: transaction.condition_check(
        DetailsRow, person_id, kind.value, condition=condition
    )


def save_shipping(address: ShippingDetails) -> Write:
    return _save(
        address.person_id, DetailsKind.SHIPPING, _SHIPPING.write(address), address.revision
    )


def save_payee(payee: PayeeDetails) -> Write:
    return _save(payee.person_id, DetailsKind.PAYEE, _PAYEE.write(payee), payee.revision)


def delete_payee(payee: PayeeDetails) -> Write:
    """Forget an account, unless another one was given since it was read: that beats the commit."""
    row = DetailsRow(
        person_id=payee.person_id, kind=DetailsKind.PAYEE.value, revision=payee.revision
    )
    return lambda transaction: transaction.delete(row)


def delete_all(person_id: PersonId) -> tuple[Write, ...]:
    """Forget what somebody gave, whether they did or not."""
    rows = [DetailsRow(person_id=person_id, kind=kind.value) for kind in DetailsKind]
    return tuple(_delete(row) for row in rows)


def _save(person_id: PersonId, kind: DetailsKind, body: str, revision: int | None) -> Write:
    row = DetailsRow(person_id=person_id, kind=kind.value, body=body, revision=revision)
    return lambda transaction: transaction.save(row)


def _delete(row: DetailsRow) -> Write:
    return lambda transaction: transaction.delete(row, add_version_condition=False)


def _shipping(row: DetailsRow) -> ShippingDetails:
    return replace(_SHIPPING.read(row.body), revision=row.revision)


def _payee(row: DetailsRow) -> PayeeDetails:
    return replace(_PAYEE.read(row.body), revision=row.revision)
