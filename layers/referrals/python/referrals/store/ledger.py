"""Journals, which are only ever added, and the balances that follow from them."""

from collections.abc import Iterator
from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.ids import JournalId, PersonId, ProgramId
from referrals.domain.ledger import Balance, Journal
from referrals.store.keys import owner_key
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_BALANCE = Body(Balance, left_out=frozenset({"revision"}))


class JournalRow(Row):
    """A journal: `body` is its canonical form, the very text that `digest` is of."""

    class Meta(RowMeta):
        table_name = TableName("journals")

    journal_id = UnicodeAttribute(hash_key=True)
    digest = UnicodeAttribute()
    body = UnicodeAttribute()


class BalanceRow(Row):
    class Meta(RowMeta):
        table_name = TableName("balances")

    owner_key = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def append(journal: Journal) -> Write:
    """Add a journal; the commit is beaten when it was added before."""
    row = JournalRow(journal_id=journal.journal_id, digest=journal.digest, body=journal.canonical)
    return lambda transaction: transaction.save(
        row, condition=JournalRow.journal_id.does_not_exist()
    )


def find_canonical(journal_id: JournalId) -> str | None:
    """Give a journal as it is stored: `domain.ledger.read_journal` reads it, its hash proves it."""
    try:
        return JournalRow.get(journal_id, consistent_read=True).body
    except JournalRow.DoesNotExist:
        return None


def wanted_balance(program_id: ProgramId, person_id: PersonId) -> Wanted[Balance]:
    return Wanted(BalanceRow, owner_key(program_id, person_id), None, _balance)


def find_balance(program_id: ProgramId, person_id: PersonId) -> Balance | None:
    balance = wanted_balance(program_id, person_id)
    read(balance)
    return balance.value


def save_balance(balance: Balance) -> Write:
    row = BalanceRow(
        owner_key=owner_key(balance.program_id, balance.person_id),
        body=_BALANCE.write(balance),
        revision=balance.revision,
    )
    return lambda transaction: transaction.save(row)


def iter_journals() -> Iterator[tuple[JournalId, str, str]]:
    """Read every journal there is, in no order: id, canonical form and digest as stored.

    Unread, because what somebody changed may be no journal any more.
    """
    for row in JournalRow.scan(consistent_read=True):
        yield JournalId(row.journal_id), row.body, row.digest


def iter_balance_bodies() -> Iterator[tuple[str, str]]:
    """Read every balance there is, in no order: whose it is, and its body as stored, unread."""
    for row in BalanceRow.scan(consistent_read=True):
        yield row.owner_key, row.body


def iter_balances() -> Iterator[Balance]:
    for row in BalanceRow.scan(consistent_read=True):
        yield _balance(row)


def _balance(row: BalanceRow) -> Balance:
    return replace(_BALANCE.read(row.body), revision=row.revision)
