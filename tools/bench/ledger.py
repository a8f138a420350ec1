"""Verifying an export of the ledger: 10,000 to 1,000,000 journals, in time and memory."""

import hashlib
import json
import random
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.manifest import ROOT
from referrals.domain.exports import Head, Kind, Written, verify_export
from referrals.domain.ledger import NOTHING_BEFORE
from referrals.domain.roots import root_of
from tools.bench.tables import Table, Value, out_argument, write

SIZES = (10_000, 100_000, 1_000_000)
# the promise for the largest
MOST_SECONDS, MOST_MEGABYTES = 120, 500
_FILE = ROOT / "build" / "bench" / "ledger.jsonl"
_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 300
_JOURNALS_PER_FRIEND, _JOURNALS_PER_ADVOCATE = 5, 50
_DIGEST_BYTES = 32
_MEGABYTE = 1024 * 1024


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="journals, by commas")
    parser.add_argument("--verify", type=Path, help="verify this file and print what that took")
    options = parser.parse_args()
    if options.verify:
        print(json.dumps(_taken(options.verify)))
        return
    rows = {}
    for size in map(int, options.sizes.split(",")):
        with _FILE.open("wb") as file:
            for line in export_of(size):
                file.write(line)
        rows[f"{size:,} journals"] = _row(size, _taken_alone(_FILE, options.out))
        _FILE.unlink()
    write(options.out, [_table(rows)])


def _taken_alone(file: Path, out: Path) -> dict[str, Any]:
    """Verify a file in a process of its own, whose memory is then nobody else's."""
    command = [sys.executable, "-m", "tools.bench.ledger", "--out", str(out), "--verify", str(file)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    taken: dict[str, Any] = json.loads(answer.stdout)
    return taken


def _taken(file: Path) -> dict[str, Any]:
    started = time.perf_counter()
    with file.open("rb") as lines:
        findings = verify_export(lines, is_signed_with=lambda _: lambda _root: True)
    return {
        "seconds": time.perf_counter() - started,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "file_bytes": file.stat().st_size,
        "journals": findings.journals,
        "faults": findings.faults[:3],
    }


def _row(size: int, taken: Mapping[str, Any]) -> dict[str, Value]:
    if taken["faults"] or taken["journals"] != size:
        raise RuntimeError(f"a made-up ledger is not sound: {taken}")
    return {
        "verify": taken["seconds"],
        "journals": size / taken["seconds"],
        "each": taken["seconds"] / size * 1e6,
        "peak memory": taken["peak_bytes"] / _MEGABYTE,
        "file": taken["file_bytes"] / _MEGABYTE,
    }


def _table(rows: Mapping[str, Mapping[str, Value]]) -> Table:
    return Table(
        key="ledger_verify",
        title="Verifying an export: every journal with its entry of the log, balances, daily roots",
        units={
            "verify": "s",
            "journals": "a second",
            "each": "us",
            "peak memory": "MB",
            "file": "MB",
        },
        rows=rows,
        notes=(
            f"two-sided journals over {_DAYS} days, five a friend, fifty an advocate; one process",
            "signatures are not in it: 0.1 ms a day",
        ),
        faults=tuple(_broken_promises(rows)),
    )


def _broken_promises(rows: Mapping[str, Mapping[str, Value]]) -> Iterator[str]:
    for name, row in rows.items():
        if float(row["verify"]) > MOST_SECONDS:
            yield f"{name} take more than {MOST_SECONDS} s"
        if float(row["peak memory"]) > MOST_MEGABYTES:
            yield f"{name} take more than {MOST_MEGABYTES} MB"


@dataclass(slots=True)
class _Person:
    name: str
    amount_minor: int = 0
    journals: int = 0
    last: int = -1  # which journal


class _Ledger:
    """A made-up ledger as text, the same for the same size: real values would take minutes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._random = random.Random(size)
        self._advocates = _people("a", 1 + size // _JOURNALS_PER_ADVOCATE)
        self._friends = _people("f", 1 + size // _JOURNALS_PER_FRIEND)
        self._digests = bytearray()
        self._days: defaultdict[date, list[bytes]] = defaultdict(list)

    def journals(self) -> Iterator[tuple[str, str]]:
        for number in range(self.size):
            text = self._journal(number)
            hashed = hashlib.sha256(text.encode())
            self._digests += hashed.digest()
            yield text, hashed.hexdigest()

    def _journal(self, number: int) -> str:
        advocate = self._random.choice(self._advocates)
        friend = self._random.choice(self._friends)
        text = (
            f'{{"cause":"conversion:cnv_{number:024d}","journal_id":"{_journal_id(number)}",'
            f'"postings":[["program:tea:expense","person:{advocate.name}:held",425,"EUR"],'
            f'["program:tea:expense","person:{friend.name}:held",300,"EUR"]],'
            f'"previous":{{{self._link(advocate)},{self._link(friend)}}},'
            f'"program_id":"tea","recorded_at":"{self._at(number).isoformat()}","version":1}}'
        )
        for person, amount_minor in ((advocate, 425), (friend, 300)):
            person.amount_minor += amount_minor
            person.journals += 1
            person.last = number
        return text

    def _link(self, person: _Person) -> str:
        if not person.journals:
            return f'"{person.name}":[0,null,"{NOTHING_BEFORE}"]'
        last = f'"{_journal_id(person.last)}","{self._digest(person.last)}"'
        return f'"{person.name}":[{person.journals},{last}]'

    def entries(self) -> Iterator[tuple[str, str]]:
        for number in range(self.size):
            at = self._at(number)
            body = (
                f'[{{\\"event_id\\":\\"evt_{number:024d}\\",\\"name\\":\\"conversion.recorded\\",'
                f'\\"program_id\\":\\"tea\\",\\"occurred_at\\":\\"{at.isoformat()}\\",\\"data\\":'
                f'{{\\"conversion_id\\":\\"cnv_{number:024d}\\",\\"amount_minor\\":4250}}}}]'
            )
            text = (
                f'["{at.date()}#{number % 8}","{at.isoformat()}#bat_{number:024d}","{body}",'
                f'"{_journal_id(number)}","{self._digest(number)}"]'
            )
            hashed = hashlib.sha256(text.encode())
            self._days[at.date()].append(hashed.digest())
            yield text, hashed.hexdigest()

    def balances(self) -> Iterator[str]:
        for person in (*self._advocates, *self._friends):
            if person.journals:
                yield (
                    f'{{"program_id":"tea","person_id":"{person.name}",'
                    f'"amounts":{{"held:EUR":{person.amount_minor}}},"journals":{person.journals},'
                    f'"last_hash":"{self._digest(person.last)}",'
                    f'"last_journal_id":"{_journal_id(person.last)}"}}'
                )

    def roots(self) -> Iterator[str]:
        previous = NOTHING_BEFORE
        for day in sorted(self._days):
            root = root_of(day, self._days[day], previous=previous)
            previous = root.digest
            yield root.canonical

    def _digest(self, number: int) -> str:
        return self._digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES].hex()

    def _at(self, number: int) -> datetime:
        return _FROM + timedelta(seconds=number * _DAYS * 86_400 // self.size)


def export_of(size: int) -> Iterator[bytes]:
    """Give the lines of a made-up export of so many two-sided journals."""
    ledger, written = _Ledger(size), Written()
    yield written.line(Kind.HEAD, Head(exported_at=_FROM).canonical)
    for text, digest in ledger.journals():
        yield written.line(Kind.JOURNAL, text, digest)
    for text, digest in ledger.entries():
        yield written.line(Kind.ENTRY, text, digest)
    for text in ledger.balances():
        yield written.line(Kind.BALANCE, text)
    for text in ledger.roots():
        yield written.line(Kind.ROOT, text)
    yield written.end()


def _people(kind: str, count: int) -> list[_Person]:
    return [_Person(f"per_{kind}{number:023d}") for number in range(count)]


def _journal_id(number: int) -> str:
    return f"jrn_{number:024d}"


if __name__ == "__main__":
    main()
