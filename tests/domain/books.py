"""A small ledger for tests: journals, entries of the log, balances and daily roots that agree."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from referrals.domain.entries import LogEntry
from referrals.domain.exports import Head, Kind, Written
from referrals.domain.ids import PersonId
from referrals.domain.ledger import (
    NOTHING_BEFORE,
    Balance,
    Journal,
    Place,
    Posting,
    account_of,
    after,
    expense_of,
    journal_for,
)
from referrals.domain.roots import DailyRoot, root_of
from referrals.domain.verification import Findings, Verification
from tests.factories import ANNA, BORIS, NOW, TEA

EXPENSE = expense_of(TEA)
NEXT_DAY = NOW + timedelta(days=1)


def signature_of(root: DailyRoot) -> str:
    """Stand in for a signature; real ones are in tests/usecases/test_seal_day.py."""
    return f"signed: {root.signed_text}"


def is_signed(root: DailyRoot) -> bool:
    return root.signature == signature_of(root)


def moved_between(person: PersonId, source: Place, destination: Place, amount: int) -> Posting:
    return Posting(
        source=account_of(person, source),
        destination=account_of(person, destination),
        amount_minor=amount,
        unit="EUR",
    )


def promised(person: PersonId, amount: int, *, unit: str = "EUR") -> Posting:
    return Posting(
        source=EXPENSE,
        destination=account_of(person, Place.HELD),
        amount_minor=amount,
        unit=unit,
    )


@dataclass
class Books:
    """What is stored, and open to be tampered with."""

    journals: list[tuple[str, str]] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)
    balances: dict[PersonId, Balance] = field(default_factory=dict)
    roots: list[DailyRoot] = field(default_factory=list)

    def book(self, cause: str, *postings: Posting, days: int = 0) -> Journal:
        now = NOW + timedelta(days=days)
        balances = {
            person: self.balances.get(person) or Balance(program_id=TEA, person_id=person)
            for person in (ANNA, BORIS)
        }
        journal = journal_for(
            cause, postings, program_id=TEA, version=1, now=now, balances=balances
        )
        self.balances.update({each: after(balances[each], journal) for each in journal.people})
        self.journals.append((journal.canonical, journal.digest))
        self.log(journal, days=days)
        return journal

    def log(self, journal: Journal | None, *, days: int = 0) -> None:
        now = NOW + timedelta(days=days)
        entry = LogEntry(
            day_shard=f"{now.date()}#{len(self.entries) % 8}",
            position=f"{now.isoformat()}#bat_{len(self.entries)}",
            body="[]",
            journal_id=journal.journal_id if journal else None,
            journal_digest=journal.digest if journal else None,
        )
        self.entries.append((entry.canonical, entry.digest))

    def seal(self, *days: date) -> None:
        for day in days:
            digests = [
                bytes.fromhex(digest) for text, digest in self.entries if f'["{day}#' in text
            ]
            previous = self.roots[-1].digest if self.roots else NOTHING_BEFORE
            root = root_of(day, digests, previous=previous)
            self.roots.append(replace(root, key_id="key", signature=signature_of(root)))

    def verified(self, verification: Verification | None = None) -> Findings:
        verification = verification or Verification(is_signed=is_signed)
        for text, digest in self.journals:
            verification.take_journal(text, digest)
        for text, digest in self.entries:
            verification.take_entry(text, digest)
        for balance in self.balances.values():
            verification.take_balance(body_of(balance))
        for root in self.roots:
            verification.take_root(root.canonical)
        return verification.findings()

    def exported(self) -> Iterator[bytes]:
        written = Written()
        yield written.line(Kind.HEAD, Head(exported_at=NEXT_DAY).canonical)
        for text, digest in self.journals:
            yield written.line(Kind.JOURNAL, text, digest)
        for text, digest in self.entries:
            yield written.line(Kind.ENTRY, text, digest)
        for balance in self.balances.values():
            yield written.line(Kind.BALANCE, body_of(balance))
        for root in self.roots:
            yield written.line(Kind.ROOT, root.canonical)
        yield written.end()


def body_of(balance: Balance) -> str:
    return json.dumps(
        {
            "program_id": balance.program_id,
            "person_id": balance.person_id,
            "amounts": dict(balance.amounts),
            "journals": balance.journals,
            "last_hash": balance.last_hash,
            "last_journal_id": balance.last_journal_id,
        }
    )


def some_books() -> Books:
    """Give two days of Anna and Boris: promised, released, handed over, refunded in part."""
    books = Books()
    books.book("conversion:cnv_1", promised(ANNA, 500), promised(BORIS, 300))
    books.book("hold:rwd_1", moved_between(ANNA, Place.HELD, Place.AVAILABLE, 500))
    books.log(None)
    books.book("fulfilment:rwd_1", moved_between(ANNA, Place.AVAILABLE, Place.PAID, 500), days=1)
    refunded = Posting(
        source=account_of(ANNA, Place.DEBT), destination=EXPENSE, amount_minor=100, unit="EUR"
    )
    books.book("refund:cnv_1:R-1", refunded, days=1)
    books.seal(NOW.date(), NEXT_DAY.date())
    return books
