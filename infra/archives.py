"""Zips for Lambda: compiled inside, and the same bytes whenever the content is the same."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format knows no time before
_READABLE = 0o644 << 16
_UNIX = 3


def compile_tree(folder: Path, *, seen_as: str) -> None:
    """Put a .pyc beside every module under `folder`, which Lambda will see as `seen_as`.

    Unchecked: Lambda's disk gives files other times, so a checked .pyc would be thrown away and
    compiled again at each cold start. In a process of its own, with a fixed hash seed: the bytes
    of a .pyc depend on what else the process has interned.
    """
    strip = ["-s", str(folder), "-p", seen_as]
    compileall = ["-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    subprocess.run(  # noqa: S603 - this interpreter, with arguments of our own
        [sys.executable, *compileall, *strip, str(folder)],
        env={**_without_cache_prefix(), "PYTHONHASHSEED": "0"},
        check=True,
    )


def write_zip(folder: Path, target: Path) -> None:
    """Pack everything under `folder`, sorted and with one fixed time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(_entry(path.relative_to(folder)), path.read_bytes())


def _entry(name: Path) -> ZipInfo:
    entry = ZipInfo(name.as_posix(), _EARLIEST)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = _READABLE
    entry.create_system = _UNIX
    return entry


def _without_cache_prefix() -> dict[str, str]:
    """Give the environment but for what would put compiled files, or have put none, elsewhere."""
    kept = dict(os.environ)
    for name in ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"):
        kept.pop(name, None)
    return kept
