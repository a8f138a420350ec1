"""Measure everything, print tables, write build/bench.json: `python -m tools.bench`."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from infra.manifest import ROOT
from tools.bench import tables
from tools.bench.tables import Table

BUILD = ROOT / "build"
SCRATCH = BUILD / "bench"
SECTIONS = (
    *("zips", "redirect", "imports", "conversions", "http", "clicks", "ledger", "plan"),
    "rewards",
)
WIDTH = 118
_VERSIONS = ("boto3", "botocore", "chalice", "pynamodb", "moto", "cheroot", "pydantic")
_NOT_PASSED_ON = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "PYTHONDONTWRITEBYTECODE")


def main() -> int:
    options = _options()
    console = Console(width=WIDTH)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    found: list[Table] = []
    for section in options.sections:
        started = time.monotonic()
        measured = _measured(section, options)
        for table in measured:
            tables.draw(console, table)
        console.print(f"{section}: {time.monotonic() - started:.0f} s", style="dim")
        found += measured
    _save(found)
    console.print(f"written to {(BUILD / 'bench.json').relative_to(ROOT)}")
    return 1 if any(table.faults for table in found) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", default=SECTIONS, help=", ".join(SECTIONS))
    parser.add_argument(
        "--sizes", default="1000,10000", help="stored referrals for the conversions, smallest first"
    )
    parser.add_argument(
        "--rewards", default="1000,10000", help="rewards that are handed over, smallest first"
    )
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return options


def _measured(section: str, options: argparse.Namespace) -> list[Table]:
    """Run one section in a process of its own, so that none leaves anything to the next."""
    out = SCRATCH / f"{section}.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"tools.bench.{section}", "--out", str(out)]
    subprocess.run(
        [*command, *_arguments(section, options)], cwd=ROOT, env=_environment(), check=True
    )
    return tables.read(out)


def _arguments(section: str, options: argparse.Namespace) -> Sequence[str]:
    package = ("--package", str(SCRATCH / "package"))
    arguments = {
        "zips": package,
        "imports": package,
        "conversions": ("--sizes", options.sizes),
        "rewards": ("--rewards", options.rewards),
    }
    return arguments.get(section, ())


def _environment() -> dict[str, str]:
    passed_on = {name: v for name, v in os.environ.items() if name not in _NOT_PASSED_ON}
    return {
        **passed_on,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "referrals" / "python")]),
        # what Lambda gets is compiled too
        "PYTHONPYCACHEPREFIX": str(SCRATCH / "pycache"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


def _save(found: Sequence[Table]) -> None:
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _VERSIONS},
        },
        "figures": {table.key: table.figures() for table in found},
        "faults": [fault for table in found for fault in table.faults],
    }
    (BUILD / "bench.json").write_text(json.dumps(content, indent=2) + "\n")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
