"""Bytes of the zips that go to Lambda, built anew when what they are made of has changed."""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

from infra.manifest import ROOT, app_names
from infra.package import package
from tools.bench.tables import Table, out_argument, write

MADE_BY_PACKAGE = ROOT / "build" / "package"
_SOURCES = ("chalice.json", "functions", "infra", "layers")
_NO_SOURCES = {"__pycache__", "local"}


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--package", type=Path, required=True, help="folder for zips built here")
    options = parser.parse_args()
    write(options.out, [_table(fresh_package(options.package))])


def fresh_package(scratch: Path) -> Path:
    """Give a folder with zips of the code as it is now; building the layer asks a package index."""
    for folder in (MADE_BY_PACKAGE, scratch):
        if _is_fresh(folder):
            return folder
    # with it set, compiled modules would go there and not into the zips
    os.environ.pop("PYTHONPYCACHEPREFIX", None)
    with redirect_stdout(StringIO()):
        package(scratch)
    return scratch


def _is_fresh(folder: Path) -> bool:
    zips = [folder / "layer.zip", *(folder / name / "app.zip" for name in app_names())]
    if not all(path.exists() for path in zips):
        return False
    return min(path.stat().st_mtime for path in zips) > max(
        path.stat().st_mtime for path in _sources()
    )


def _sources() -> Iterator[Path]:
    for name in _SOURCES:
        source = ROOT / name
        for path in [source] if source.is_file() else source.rglob("*"):
            if path.is_file() and not _NO_SOURCES & set(path.parts):
                yield path


def _table(folder: Path) -> Table:
    rows: dict[str, dict[str, int]] = {}
    for path in sorted(folder.rglob("*.zip")):
        with ZipFile(path) as archive:
            entries = archive.infolist()
        rows[path.relative_to(folder).as_posix()] = {
            "zip": path.stat().st_size,
            "unpacked": sum(entry.file_size for entry in entries),
            "files": len(entries),
        }
    return Table(
        key="zips",
        title="Zips for Lambda, counted; every function gets its own and the layer",
        units={"zip": "bytes", "unpacked": "bytes", "files": "files"},
        rows=rows,
    )


if __name__ == "__main__":
    main()
