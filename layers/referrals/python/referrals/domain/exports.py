"""An export of the ledger: a file of lines that says by itself whether it is what was written.

    {"digest":"<SHA-256 of the value's text>","<kind>":<value>}

    head ── journals ── entries ── balances ── roots ── end

A value's text is the very text that was stored and hashed, so nothing is written anew to be
checked. The digest of the last line is of the whole file before it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from referrals.domain.errors import NotAllowedError
from referrals.domain.verification import (
    Check,
    Findings,
    SignatureCheck,
    Verification,
    name_in,
)

FORMAT, VERSION = "referrals ledger export", 1
# a public key of each key that signed, in PEM, by the name the roots call it
PublicKeys = Mapping[str, str]


class Kind(StrEnum):
    """What a line holds, in the order of an export."""

    HEAD = "head"
    JOURNAL = "journal"
    ENTRY = "entry"
    BALANCE = "balance"
    ROOT = "root"
    END = "end"


_ORDER = {kind: place for place, kind in enumerate(Kind)}
_KINDS = {kind.value: kind for kind in Kind}
_LINE = re.compile(r'\{"digest":"([0-9a-f]{64})","([a-z]+)":(.*)\}\n', re.DOTALL)


class NotAnExportError(NotAllowedError):
    """A file that does not begin like an export of a version that is known here."""

    code = "not_an_export"

    def __init__(self) -> None:
        super().__init__("the first line is not that of an export, or it was changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where an export comes from. Without days it is of everything; days are in UTC."""

    exported_at: datetime
    since: date | None = None
    until: date | None = None
    public_keys: PublicKeys = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return self.since is None and self.until is None

    @property
    def canonical(self) -> str:
        content = {
            "format": FORMAT,
            "version": VERSION,
            "exported_at": self.exported_at.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "public_keys": dict(self.public_keys),
        }
        return json.dumps(content, separators=(",", ":"))


def read_head(line: bytes) -> Head:
    """Read the first line of an export; NotAnExportError."""
    found = _LINE.fullmatch(line.decode(errors="replace"))
    if found is None or found[2] != Kind.HEAD or found[1] != _hashed(found[3]):
        raise NotAnExportError
    try:
        content = json.loads(found[3])
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise NotAnExportError
        return Head(
            exported_at=datetime.fromisoformat(content["exported_at"]),
            since=date.fromisoformat(content["since"]) if content["since"] else None,
            until=date.fromisoformat(content["until"]) if content["until"] else None,
            public_keys={str(key_id): str(pem) for key_id, pem in content["public_keys"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnExportError from error


class Written:
    """Makes the lines of an export, counts them, and ends it."""

    def __init__(self) -> None:
        self._file = hashlib.sha256()
        self.counts: Counter[Kind] = Counter()

    def line(self, kind: Kind, text: str, digest: str | None = None) -> bytes:
        """Give the line of a value, with the digest it was stored with, if it was with any."""
        line = f'{{"digest":"{digest or _hashed(text)}","{kind}":{text}}}\n'.encode()
        self._file.update(line)
        self.counts[kind] += 1
        return line

    def end(self) -> bytes:
        """Give the last line: how many lines of each kind there are, and their hash."""
        text = _counts(self.counts)
        self._file.update(text.encode())
        return f'{{"digest":"{self._file.hexdigest()}","{Kind.END}":{text}}}\n'.encode()


def verify_export(
    lines: Iterable[bytes],
    *,
    is_signed_with: Callable[[PublicKeys], SignatureCheck],
    checks: Iterable[Check] = (),
) -> Findings:
    """Verify an export line by line, each with its newline; every fault names its line.

    `is_signed_with` makes the check of signatures from the public keys in the head.
    NotAnExportError.
    """
    return _Reading(is_signed_with, tuple(checks)).through(iter(lines))


class _Reading:
    def __init__(
        self, is_signed_with: Callable[[PublicKeys], SignatureCheck], checks: tuple[Check, ...]
    ) -> None:
        self._is_signed_with, self._checks = is_signed_with, checks
        self._file = hashlib.sha256()
        self._counts: Counter[Kind] = Counter()
        self._verification = Verification()
        self._take_of: dict[Kind, Callable[[str, str, int], None]] = {}

    def through(self, lines: Iterator[bytes]) -> Findings:
        first = next(lines, b"")
        head = read_head(first)
        self._file.update(first)
        self._counts[Kind.HEAD] += 1
        self._verification = Verification(
            is_whole=head.is_whole,
            is_signed=self._is_signed_with(head.public_keys),
            checks=self._checks,
        )
        self._take_of = self._takers()
        place, has_ended = _ORDER[Kind.HEAD], False
        for number, line in enumerate(lines, start=2):
            if has_ended:
                self._verification.fault(f"line {number} comes after the last line")
                continue
            kind = self._take(number, line, place)
            if kind is not None and _ORDER[kind] > place:
                place, has_ended = _ORDER[kind], kind is Kind.END
        if not has_ended:
            self._verification.fault("the file is cut: it has no last line")
        return self._verification.findings()

    def _take(self, number: int, line: bytes, place: int) -> Kind | None:
        """Look at a line; give its kind, None when it is no line of an export."""
        text = line.decode(errors="replace")
        found = _LINE.fullmatch(text)
        if found is None or found[2] not in _KINDS:
            self._file.update(line)
            self._verification.fault(f"line {number} was changed: {_named(text)} cannot be read")
            return None
        digest, value = found[1], found[3]
        kind = _KINDS[found[2]]
        if kind is Kind.END:
            self._end(number, digest, value)
            return kind
        self._file.update(line)
        self._counts[kind] += 1
        if _ORDER[kind] < place:
            self._verification.fault(f"line {number}, a {kind}, is out of its place")
        self._take_of[kind](value, digest, number)
        return kind

    def _takers(self) -> dict[Kind, Callable[[str, str, int], None]]:
        """Say who looks at the value of a line, its digest and its number, by kind."""
        verification = self._verification

        def hashed_here(value: str, digest: str, number: int) -> None:
            if _hashed(value) != digest:
                verification.fault(f"line {number} was changed: {_named(value)}")

        def balance(value: str, digest: str, number: int) -> None:
            hashed_here(value, digest, number)
            verification.take_balance(value)

        def root(value: str, digest: str, number: int) -> None:
            hashed_here(value, digest, number)
            verification.take_root(value)

        def second_head(_value: str, _digest: str, number: int) -> None:
            verification.fault(f"line {number} begins a second export")

        return {
            Kind.HEAD: second_head,
            Kind.JOURNAL: verification.take_journal,
            Kind.ENTRY: verification.take_entry,
            Kind.BALANCE: balance,
            Kind.ROOT: root,
        }

    def _end(self, number: int, digest: str, value: str) -> None:
        self._file.update(value.encode())
        if value != _counts(self._counts):
            self._verification.fault(f"line {number}, the last, counts other lines than there are")
        if self._file.hexdigest() != digest:
            self._verification.fault(f"line {number}, the last, is of another file: digest differs")


def _counts(counts: Counter[Kind]) -> str:
    content: dict[str, Any] = {kind: counts[kind] for kind in Kind if kind is not Kind.END}
    return json.dumps(content, separators=(",", ":"))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _named(text: str) -> str:
    name = name_in(text)
    return "its value" if name == "?" else name
