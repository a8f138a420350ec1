"""Whether the money is right: every journal, chain, sum, balance, log entry and daily root.

    journals ──> entries of the log ──> balances ──> roots ──> findings      taken in this order

Everything is looked at once, in any order within its kind, and forgotten: what stays in memory are
digests and sums, about 200 bytes a journal. Deployments and exported files are verified by this.
"""

import hashlib
import json
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from referrals.domain.entries import LogEntry, read_entry
from referrals.domain.ids import JournalId
from referrals.domain.ledger import NOTHING_BEFORE, Account, Journal, read_journal
from referrals.domain.roots import A_DAY, DailyRoot, read_root, root_of

# who has more faults than this has one cause, and it is among them
MOST_FAULTS = 1_000

SignatureCheck = Callable[[DailyRoot], bool]

_DIGEST_BYTES = 32
_ID_BYTES = 28  # `jrn_` and 24 letters
_NEAR_BYTES = 12
_decoder = json.JSONDecoder()
_NOTHING = bytes.fromhex(NOTHING_BEFORE)
# of one person in one journal: how many came before, which journal this is, the id (as a checksum)
# and digest of the one before. Big-endian, so that sorted bytes are sorted numbers.
_LINK = struct.Struct(">III32s")


class Check(Protocol):
    """Something else that must follow from journals and events: told of each, asked at the end."""

    def take_journal(self, journal: Journal) -> None: ...
    def take_entry(self, entry: LogEntry) -> None: ...
    def faults(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was looked at, what accounts hold by unit, and every fault, named.

    `accounts` has each program's by name, and people's of a program together, by place, as
    `people:<program>:<place>`. `fault_count` may be more than `faults` lists.
    """

    journals: int
    entries: int
    balances: int
    roots: int
    accounts: dict[tuple[Account, str], int]
    sealed_until: date | None
    unsealed_entries: int
    faults: tuple[str, ...]
    fault_count: int

    @property
    def is_sound(self) -> bool:
        return not self.fault_count

    def total(self, unit: str) -> int:
        """Add up all accounts of a unit; 0 in a sound ledger."""
        return sum(amount for (_, each), amount in self.accounts.items() if each == unit)

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(sorted({unit for _, unit in self.accounts}))


class _Holding:
    """What the journals say of one person in one program."""

    __slots__ = ("amounts", "links")

    def __init__(self) -> None:
        self.amounts: dict[str, int] = {}
        self.links = bytearray()

    def in_order(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Give the links by their numbers."""
        size = _LINK.size
        links = bytes(self.links)
        for link in sorted(links[at : at + size] for at in range(0, len(links), size)):
            yield _LINK.unpack(link)


class _Journals:
    """Id and digest of every journal by its index, and which of them the log has named."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self._ids = bytearray()
        self._named = bytearray()
        # by the first two bytes of a digest, for all that begin so: eight more, and the index
        self._by_digest: dict[bytes, bytearray] = {}

    def __len__(self) -> int:
        return len(self._named)

    def add(self, journal_id: str, digest: bytes) -> int:
        index = len(self._named)
        self._digests += digest
        self._ids += _padded(journal_id)
        self._named.append(0)
        near = self._by_digest.get(digest[:2])
        if near is None:
            near = self._by_digest[digest[:2]] = bytearray()
        near += digest[2:10] + index.to_bytes(4)
        return index

    def digest(self, index: int) -> bytes:
        return bytes(self._digests[index * _DIGEST_BYTES : (index + 1) * _DIGEST_BYTES])

    def name(self, index: int) -> JournalId:
        return JournalId(self._padded_id(index).rstrip(b"\0").decode(errors="replace"))

    def checksum(self, index: int) -> int:
        return zlib.crc32(self._padded_id(index))

    def _padded_id(self, index: int) -> bytearray:
        return self._ids[index * _ID_BYTES : (index + 1) * _ID_BYTES]

    def find(self, digest: bytes) -> int | None:
        near, more = self._by_digest.get(digest[:2], b""), digest[2:10]
        at = near.find(more)
        while at >= 0:
            index = int.from_bytes(near[at + 8 : at + 12])
            if at % _NEAR_BYTES == 0 and self.digest(index) == digest:
                return index
            at = near.find(more, at + 1)
        return None

    def mark_named(self, index: int) -> bool:
        """Note that the log names a journal; False when it did before."""
        if self._named[index]:
            return False
        self._named[index] = 1
        return True

    def unnamed(self) -> Iterator[JournalId]:
        index = self._named.find(0)
        while index >= 0:
            yield self.name(index)
            index = self._named.find(0, index + 1)


class Verification:
    """Takes journals, entries, balances and roots, in this order, and says what is wrong.

    All come as they were stored: their canonical text, unread, and the digest beside it. With
    `is_whole` false they are a part of a ledger, some days of it: chains and roots may then begin
    anywhere and balances are not compared.
    """

    def __init__(
        self,
        *,
        is_whole: bool = True,
        is_signed: SignatureCheck | None = None,
        checks: Sequence[Check] = (),
    ) -> None:
        self._is_whole = is_whole
        self._is_signed = is_signed
        self._checks = tuple(checks)
        self._journals = _Journals()
        self._programs: defaultdict[str, defaultdict[str, _Holding]] = defaultdict(
            lambda: defaultdict(_Holding)
        )
        self._accounts: Counter[tuple[Account, str]] = Counter()
        self._stored: Counter[str] = Counter()
        self._days: dict[str, bytearray] = {}
        self._roots: list[DailyRoot] = []
        self._balances = 0
        self._names_journals = False
        self._faults: list[str] = []
        self._fault_count = 0

    def fault(self, says: str) -> None:
        """Add a fault that was found outside, such as a line that is none."""
        self._fault_count += 1
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(says)

    def take_journal(
        self, canonical: str, digest: str, line: int | None = None, *, journal_id: str | None = None
    ) -> None:
        """Look at a journal; `journal_id` is the key it was stored under, `line` its place."""
        try:
            content = _decoded(canonical)
            own_id = content["journal_id"]
            hashed = hashlib.sha256(canonical.encode())
            if hashed.hexdigest() != digest:
                self.fault(f"journal {own_id}{_at(line)} was changed: its digest differs")
            elif journal_id not in {None, own_id}:
                self.fault(f"journal {own_id} was changed: it is stored as {journal_id}")
            self._book(content, hashed.digest())
            for check in self._checks:
                check.take_journal(read_journal(canonical))
        except (ValueError, KeyError, TypeError, AttributeError, struct.error):
            name = journal_id or name_in(canonical)
            self.fault(f"journal {name}{_at(line)} was changed: it is no journal")

    def _book(self, content: Any, digest: bytes) -> None:
        """Add a journal's postings to the sums, and its links to the chains."""
        own_id, holdings = content["journal_id"], self._programs[content["program_id"]]
        index = self._journals.add(own_id, digest)
        people = set()
        for source, destination, amount, unit in content["postings"]:
            if type(amount) is not int or amount <= 0 or source == destination:
                self.fault(f"journal {own_id} has a posting that is none: {amount} {unit}")
                continue
            for account, gain in ((source, -amount), (destination, amount)):
                kind, owner, place = account.split(":")
                if kind != "person":
                    self._accounts[account, unit] += gain
                    continue
                people.add(owner)
                amounts = holdings[owner].amounts
                key = f"{place}:{unit}"
                amounts[key] = amounts.get(key, 0) + gain
        previous = content["previous"]
        if previous.keys() != people:
            self.fault(f"journal {own_id} is not linked to just those who are in it")
        for person, (number, previous_id, previous_digest) in previous.items():
            checksum = zlib.crc32(_padded(previous_id)) if previous_id else 0
            holdings[person].links += _LINK.pack(
                number, index, checksum, bytes.fromhex(previous_digest)
            )

    def take_entry(self, canonical: str, digest: str, line: int | None = None) -> None:
        """Look at an entry of the log; all journals were taken before."""
        try:
            day_shard, position, _, journal_id, journal_digest = _decoded(canonical)
            hashed = hashlib.sha256(canonical.encode())
            where = f"the log's entry {position}{_at(line)}"
            if hashed.hexdigest() != digest:
                self.fault(f"{where} was changed: its digest differs")
            self._digests_of(day_shard.partition("#")[0]).extend(hashed.digest())
            if journal_digest is not None:
                self._match(journal_id, journal_digest, where)
            for check in self._checks:
                check.take_entry(read_entry(canonical))
        except (ValueError, TypeError, AttributeError):
            self.fault(f"an entry of the log{_at(line)} was changed: {canonical[:60]} is none")

    def _digests_of(self, day: str) -> bytearray:
        if day not in self._days:
            self._days[date.fromisoformat(day).isoformat()] = bytearray()
        return self._days[day]

    def _match(self, journal_id: str, digest: str, where: str) -> None:
        self._names_journals = True
        index = self._journals.find(bytes.fromhex(digest))
        name = None if index is None else self._journals.name(index)
        if index is None:
            self.fault(f"{where} names journal {journal_id}, which is not there as it was")
        elif name != journal_id:
            self.fault(f"{where} names journal {journal_id} and vouches for {name}")
        elif not self._journals.mark_named(index):
            self.fault(f"{where} names journal {journal_id} a second time")

    def take_balance(self, body: str, *, owner_key: str | None = None) -> None:
        """Compare a stored balance with what the journals say; all of them were taken before."""
        try:
            balance = json.loads(body)
            program, person = balance["program_id"], balance["person_id"]
            if owner_key not in {None, f"{program}#{person}"}:
                self.fault(f"the balance of {owner_key} was changed: it says it is {person}'s")
            self._balances += 1
            for key, amount in balance["amounts"].items():
                self._stored[key.split(":")[1]] += amount
            self._compare(balance, program, person)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            self.fault(f"the balance of {owner_key or name_in(body)} was changed: it is none")

    def _compare(self, balance: Any, program: str, person: str) -> None:
        holding = self._programs[program].pop(person, None) or _Holding()
        self._add_up(program, holding)
        amounts = balance["amounts"]
        for key in sorted({*amounts, *holding.amounts}):
            stored, derived = amounts.get(key, 0), holding.amounts.get(key, 0)
            if stored != derived:
                self.fault(f"{person} has {stored} in {key} and the journals say {derived}")
        journals = len(holding.links) // _LINK.size
        if journals != balance["journals"]:
            self.fault(f"{person} has {journals} journals, balance counts {balance['journals']}")
        last = self._walk(person, holding)
        said = balance["last_journal_id"], balance["last_hash"]
        if last is not None and said != last:
            self.fault(
                f"the chain of {person} breaks at its end: it ends with journal {last[0]} "
                f"and the balance names {said[0]}"
            )

    def _walk(self, person: str, holding: _Holding) -> tuple[str | None, str] | None:
        """Follow a chain; give id and digest of its last journal, None when it breaks before."""
        journals = self._journals
        expected, before, before_checksum = 0, _NOTHING, 0
        last: int | None = None
        is_anything_before = not self._is_whole
        for number, index, checksum, previous in holding.in_order():
            if is_anything_before:
                is_anything_before = False
            elif number != expected:
                self.fault(
                    f"the chain of {person} breaks before journal {journals.name(index)}: "
                    f"it is number {number} and {expected} was to come"
                )
                return None
            elif previous != before or checksum != before_checksum:
                known = "nothing" if last is None else journals.name(last)
                self.fault(
                    f"the chain of {person} breaks at journal {journals.name(index)}: "
                    f"it does not follow {known}"
                )
                return None
            expected, last, before = number + 1, index, journals.digest(index)
            before_checksum = journals.checksum(index)
        return (None if last is None else journals.name(last)), before.hex()

    def take_root(self, canonical: str) -> None:
        """Keep a root until all of them are there."""
        try:
            self._roots.append(read_root(canonical))
        except (ValueError, TypeError, AttributeError):
            self.fault(f"a daily root was changed: {canonical[:60]} is none")

    def findings(self) -> Findings:
        """Say what was found; nothing more is taken after."""
        self._end_journals()
        sealed_until, unsealed = self._end_roots()
        for check in self._checks:
            for says in check.faults():
                self.fault(says)
        return Findings(
            journals=len(self._journals),
            entries=sum(map(len, self._days.values())) // _DIGEST_BYTES,
            balances=self._balances,
            roots=len(self._roots),
            accounts=dict(self._accounts),
            sealed_until=sealed_until,
            unsealed_entries=unsealed,
            faults=tuple(sorted(self._faults)),
            fault_count=self._fault_count,
        )

    def _end_journals(self) -> None:
        for program, holdings in self._programs.items():
            for person, holding in holdings.items():
                if self._is_whole:
                    self.fault(f"{person} has journals in {program} and no balance")
                self._add_up(program, holding)
                self._walk(person, holding)
        # what is stored for people and what the journals say of programs: 0 together, in any unit
        for unit, stored in self._sums().items():
            if stored and self._is_whole:
                self.fault(f"people and programs in {unit} add up to {stored} and not to 0")
        if self._names_journals:
            for journal_id in self._journals.unnamed():
                self.fault(f"journal {journal_id} is named by no entry of the log")

    def _add_up(self, program: str, holding: _Holding) -> None:
        """Count what one person has among people's accounts."""
        for key, amount in holding.amounts.items():
            place, _, unit = key.partition(":")
            self._accounts[f"people:{program}:{place}", unit] += amount

    def _sums(self) -> Counter[str]:
        sums = Counter(self._stored)
        for (account, unit), amount in self._accounts.items():
            if not account.startswith("people:"):
                sums[unit] += amount
        return sums

    def _end_roots(self) -> tuple[date | None, int]:
        """Recompute every root; give the last sealed day, and how many entries are in no root."""
        before: DailyRoot | None = None
        unsealed = {day: len(digests) // _DIGEST_BYTES for day, digests in self._days.items()}
        for root in sorted(self._roots, key=lambda root: root.day):
            unsealed.pop(root.day.isoformat(), None)
            for says in self._root_faults(root, before):
                self.fault(says)
            before = root
        return (before.day if before else None), sum(unsealed.values())

    def _root_faults(self, root: DailyRoot, before: DailyRoot | None) -> Iterator[str]:
        digests = self._days.get(root.day.isoformat(), bytearray())
        each = (
            bytes(digests[at : at + _DIGEST_BYTES]) for at in range(0, len(digests), _DIGEST_BYTES)
        )
        derived = root_of(root.day, each, previous=root.previous)
        of_day = f"the root of {root.day}"
        if derived.entries != root.entries:
            yield f"{of_day} covers {root.entries} entries and the log has {derived.entries}"
        elif derived.digest != root.digest:
            yield f"{of_day} is not what the log's entries of that day come to"
        if before is None and self._is_whole and root.previous != NOTHING_BEFORE:
            yield f"the roots before {root.day} are missing"
        if before is not None and root.day != before.day + A_DAY:
            yield f"{of_day} is not for the day after {before.day}"
        elif before is not None and root.previous != before.digest:
            yield f"{of_day} does not follow that of {before.day}"
        if self._is_signed is not None and not self._is_signed(root):
            yield f"{of_day} is not signed by the key of this ledger"


def name_in(text: str) -> str:
    """Find whom or what a damaged text was about: a journal's or a person's id, or `?`."""
    for prefix in ("jrn_", "per_"):
        at = text.find(prefix)
        if at >= 0:
            return text[at : at + _ID_BYTES].partition('"')[0]
    return "?"


def _at(line: int | None) -> str:
    return "" if line is None else f" (line {line})"


def _padded(journal_id: str) -> bytes:
    return journal_id.encode()[:_ID_BYTES].ljust(_ID_BYTES, b"\0")


def _decoded(text: str) -> Any:
    """Read JSON that begins with its value and ends with it; ValueError."""
    value, end = _decoder.raw_decode(text)
    if end != len(text):
        raise ValueError(f"more than one value: {text[:80]}")
    return value
