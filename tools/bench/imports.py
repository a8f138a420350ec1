"""Cold starts, as far as a local machine can tell: CPU time of fresh interpreters, and imports."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from infra.manifest import ROOT
from tools.bench.rounds import middle, ratio
from tools.bench.tables import Table, out_argument, write

REDIRECT = "functions.link_redirect.app"
MUST_BE_ABSENT = (
    *("pydantic", "jinja2", "babel", "aws_lambda_powertools", "boto3", "crawleruseragents"),
    *("email_validator", "standardwebhooks"),
)
MOST_EXPENSIVE = 10

_BOTO3 = "import boto3 + client"
_BOTO3_ANSWERED = "boto3, first GetItem answered"
_STUB = "from tools.bench import aws_stub; aws_stub.install(); "
_QUIET = "import logging; logging.getLogger('referrals.clicks').addHandler(logging.NullHandler()); "
_VISIT = (
    "from tools.bench.proxy_events import visit; assert app(visit(), None)['statusCode'] == 302"
)
_GET_ITEM = (
    "import boto3; boto3.client('dynamodb')"
    ".get_item(TableName='bench-links', Key={'code': {'S': 'ANNA10'}})"
)
_MEASURED = "\nimport time; print(time.process_time_ns())"
_IMPORTTIME = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A program to start, and where it finds what it imports."""

    code: str
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--package", type=Path, help="folder that infra.package wrote")
    options = parser.parse_args()
    starts = _starts() | _packaged_starts(options.package, options.out.parent / "unpacked")
    samples = _cpu_ms(starts, rounds=options.rounds)
    tables = [_time_table(samples), _absence_table(), _expensive_table()]
    write(options.out, tables)


def _starts() -> dict[str, Start]:
    return {
        "bare python": Start(code="pass"),
        _BOTO3: Start(code="import boto3; boto3.client('dynamodb', region_name='eu-west-1')"),
        "redirect, imported": Start(code=f"import {REDIRECT}"),
        "conversion hooks, imported": Start(code="import functions.conversion_hooks.app"),
        "notifications, imported": Start(code="import functions.notifications.app"),
        _BOTO3_ANSWERED: Start(code=_STUB + _GET_ITEM),
        "redirect, first visit answered": Start(
            code=f"{_STUB}{_QUIET}from {REDIRECT} import app; {_VISIT}"
        ),
    }


def _packaged_starts(package: Path | None, scratch: Path) -> dict[str, Start]:
    """Give the same two starts of the redirect from the zips that Lambda would be given."""
    if package is None or not (package / "layer.zip").exists():
        return {}
    for archive in ("layer.zip", "link_redirect/app.zip"):
        with zipfile.ZipFile(package / archive) as content:
            content.extractall(scratch / archive.removesuffix(".zip"))
    found = (scratch / "layer" / "python", scratch / "link_redirect" / "app", ROOT)
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, found)),
        "PYTHONPYCACHEPREFIX": "",  # compiled modules lie beside the sources, as in the zips
    }
    # -S: nothing of this machine's site-packages
    answered = f"{_STUB}{_QUIET}from app import app; {_VISIT}"
    made = {
        "redirect as packaged, imported": "import app",
        "redirect as packaged, first visit answered": answered,
    }
    return {
        name: Start(code=code, environment=environment, flags=("-S",))
        for name, code in made.items()
    }


def _cpu_ms(starts: Mapping[str, Start], *, rounds: int) -> dict[str, list[float]]:
    for start in starts.values():
        _run(start)  # compiles what is not compiled yet
    samples: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            samples[name].append(int(_run(start).stdout) / 1e6)
    return samples


def _run(start: Start, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *start.flags, *flags, "-c", start.code + _MEASURED],
        env={**os.environ, **start.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


def _time_table(samples: Mapping[str, list[float]]) -> Table:
    return Table(
        key="cold_start_cpu",
        title="Cold start: CPU time of a fresh interpreter until then (SDK's HTTP layer stubbed)",
        units={
            "CPU": "ms",
            "to boto3 + client": "ratio",
            "to boto3's first answer": "ratio",
        },
        rows={
            name: {
                "CPU": middle(of),
                "to boto3 + client": ratio(of, samples[_BOTO3]),
                "to boto3's first answer": ratio(of, samples[_BOTO3_ANSWERED]),
            }
            for name, of in samples.items()
        },
        notes=("modules are compiled before; `as packaged` runs from the unpacked zips alone",),
    )


def _absence_table() -> Table:
    """Look at what the redirect loads; whatever must not be there is a fault of the run."""
    code = f"import sys, {REDIRECT}; print(*sys.modules)"
    asked = [sys.executable, "-c", code]
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in answer.stdout.split()}
    present = [name for name in MUST_BE_ABSENT if name in loaded]
    return Table(
        key="redirect_imports",
        title="Redirect: what must not be on its import path",
        units={"found": ""},
        rows={name: {"found": "yes" if name in present else "no"} for name in MUST_BE_ABSENT},
        notes=(f"{len(answer.stdout.split())} modules are loaded",),
        faults=tuple(f"{name} is imported by the redirect" for name in present),
    )


def _expensive_table(tries: int = 3) -> Table:
    start = Start(code=f"import {REDIRECT}")
    runs = [_self_us(_run(start, "-X", "importtime").stderr) for _ in range(tries)]
    us = {name: median(run.get(name, 0) for run in runs) for name in runs[0]}
    packages: dict[str, float] = {}
    for name, spent in us.items():
        package = name.partition(".")[0]
        packages[package] = packages.get(package, 0) + spent
    total = sum(us.values())
    return Table(
        key="redirect_import_time",
        title="Redirect: its ten most expensive imports, and packages, without what they import",
        units={"share": "% of all imports"},
        rows={name: {"share": of / total * 100} for name, of in [*_largest(us), *_sums(packages)]},
        notes=("from -X importtime, which itself slows imports down: read the shares only",),
    )


def _self_us(log: str) -> dict[str, int]:
    return {name: int(us) for us, name in _IMPORTTIME.findall(log)}


def _largest(us: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(us.items(), key=lambda each: each[1], reverse=True)[:MOST_EXPENSIVE]


def _sums(packages: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(f"all of {name}", of) for name, of in _largest(packages)]


if __name__ == "__main__":
    main()
