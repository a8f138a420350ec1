"""Whether the money is right: every journal, every chain, every balance."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.ledger import (
    NOTHING_BEFORE,
    Account,
    Balance,
    Journal,
    moved,
    owner_of,
)
from referrals.store import ledger

Holder = tuple[ProgramId, PersonId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was looked at, what all accounts hold by unit, and every fault, named."""

    journals: int
    balances: int
    accounts: dict[tuple[Account, str], int]
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.faults

    def total(self, unit: str) -> int:
        """Add up all accounts of a unit; 0 in a sound ledger."""
        return sum(amount for (_, each), amount in self.accounts.items() if each == unit)

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(sorted({unit for _, unit in self.accounts}))


class _Books:
    """Everything the journals add up to, gathered in one pass over them."""

    def __init__(self) -> None:
        self.journals = 0
        self.accounts: Counter[tuple[Account, str]] = Counter()
        self.held: defaultdict[Holder, Counter[str]] = defaultdict(Counter)
        self.chains: defaultdict[Holder, dict[str, str]] = defaultdict(dict)
        self.faults: list[str] = []

    def take(self, journal: Journal, stored_digest: str) -> None:
        self.journals += 1
        digest = journal.digest
        if digest != stored_digest:
            self.faults.append(f"journal {journal.journal_id} was changed: its digest differs")
        for (account, unit), gain in moved(journal.postings).items():
            self.accounts[account, unit] += gain
            owner = owner_of(account)
            if owner is not None:
                self.held[journal.program_id, owner[0]][f"{owner[1]}:{unit}"] += gain
        for person, previous in journal.previous.items():
            chain = self.chains[journal.program_id, person]
            if previous in chain:
                self.faults.append(f"{person} has two journals after {previous[:12]}")
            chain[previous] = digest


def verify_ledger() -> Verification:
    """Derive every balance from the journals and compare it with what is stored.

    One pass over journals and one over balances; memory grows with the number of journals by about
    200 bytes each.
    """
    books = _Books()
    for journal, digest in ledger.iter_journals():
        books.take(journal, digest)
    faults, seen = list(books.faults), set[Holder]()
    stored: Counter[str] = Counter()
    for balance in ledger.iter_balances():
        seen.add((balance.program_id, balance.person_id))
        faults += _balance_faults(balance, books)
        for key, amount_minor in balance.amounts.items():
            stored[key.split(":")[1]] += amount_minor
    faults += [
        f"{person} has journals in {program} and no balance"
        for program, person in books.held.keys() - seen
    ]
    faults += _sum_faults(stored, books)
    return Verification(
        journals=books.journals,
        balances=len(seen),
        accounts=dict(books.accounts),
        faults=tuple(sorted(faults)),
    )


def _balance_faults(balance: Balance, books: _Books) -> Iterator[str]:
    holder = (balance.program_id, balance.person_id)
    held, chain = books.held.get(holder, Counter()), books.chains.get(holder, {})
    for key in sorted({*balance.amounts, *held}):
        stored, derived = balance.amounts.get(key, 0), held.get(key, 0)
        if stored != derived:
            yield f"{balance.person_id} has {stored} in {key} and the journals say {derived}"
    if len(chain) != balance.journals:
        yield f"{balance.person_id} has {len(chain)} journals, balance counts {balance.journals}"
    last, length = NOTHING_BEFORE, 0
    while last in chain and length < len(chain):
        last, length = chain[last], length + 1
    if last != balance.last_hash or length != len(chain):
        yield f"the chain of {balance.person_id} breaks after {length} of {balance.journals}"


def _sum_faults(stored: Counter[str], books: _Books) -> Iterator[str]:
    """Add what is stored for people to what the journals say of programs: 0 in every unit."""
    sums = Counter(stored)
    for (account, unit), amount_minor in books.accounts.items():
        if owner_of(account) is None:
            sums[unit] += amount_minor
    for unit, total in sums.items():
        if total:
            yield f"people and programs in {unit} add up to {total} and not to 0"
