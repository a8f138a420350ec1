"""Cash through a bank: the file of transfers that people upload there."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from referrals.domain.ibans import read_iban
from referrals.domain.ids import DispatchId
from referrals.domain.money import is_currency, written

COLUMNS = ("payout", "name", "iban", "amount", "currency", "reference")
# What a spreadsheet takes for the beginning of a formula, also in full width:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@")
_LONGEST_NAME = 70  # ISO 20022, Max70Text of a creditor's name in SEPA


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One payout by bank; `name` and `iban` are what the payee gave, personal data."""

    payout_id: DispatchId
    name: str
    iban: str
    amount_minor: int
    unit: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """A file for the bank, and the payouts that cannot be in it, each with its reason."""

    text: str
    left_out: tuple[tuple[DispatchId, str], ...]


def bank_file(transfers: Iterable[Transfer]) -> BankFile:
    """Write transfers as CSV (RFC 4180), by the order of their payouts' ids.

    The same transfers make the same file. Amounts are decimal text, such as `12.50`. A name that
    would begin a formula in a spreadsheet gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    left_out = []
    for transfer in sorted(transfers, key=lambda each: each.payout_id):
        reason = fault_of(transfer)
        if reason is None:
            writer.writerow(_line(transfer))
        else:
            left_out.append((transfer.payout_id, reason))
    return BankFile(text=out.getvalue(), left_out=tuple(left_out))


def fault_of(transfer: Transfer) -> str | None:
    """Say why no bank could carry a transfer out; None when one can."""
    if read_iban(transfer.iban) is None:
        return "the IBAN is none"
    if not _plain(transfer.name):
        return "there is no name"
    if not is_currency(transfer.unit) or transfer.amount_minor <= 0:
        return "it is no amount of money"
    return None


def _line(transfer: Transfer) -> tuple[str, ...]:
    amount = written(transfer.amount_minor, transfer.unit).removesuffix(f" {transfer.unit}")
    return (
        transfer.payout_id,
        _harmless(_plain(transfer.name)[:_LONGEST_NAME]),
        read_iban(transfer.iban) or "",
        amount,
        transfer.unit,
        _harmless(_plain(transfer.reference)),
    )


def _plain(text: str) -> str:
    """Give a text in one line, without what cannot be seen."""
    seen = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(seen.split())


def _harmless(text: str) -> str:
    first = unicodedata.normalize("NFKC", text[:1])
    return f"'{text}" if first.startswith(_FORMULA) else text
