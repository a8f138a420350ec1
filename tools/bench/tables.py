"""Tables of figures: kept as JSON between processes, printed for people at the end."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Drawn

Value = float | int | str
_FEW, _MANY = 10, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures by row and column. `units` names the columns and says what each is counted in."""

    key: str
    title: str
    units: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Value]]
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()  # what must not be, and was found

    def figures(self) -> dict[str, dict[str, dict[str, Value]]]:
        """Give every figure by row and column, each with its unit."""
        return {
            row: {
                column: {"value": value, "unit": self.units[column]} for column, value in of.items()
            }
            for row, of in self.rows.items()
        }


def write(path: Path, tables: list[Table]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(table) for table in tables]))


def read(path: Path) -> list[Table]:
    return [_table(content) for content in json.loads(path.read_text())]


def _table(content: dict[str, Any]) -> Table:
    return Table(
        key=content["key"],
        title=content["title"],
        units=content["units"],
        rows=content["rows"],
        notes=tuple(content["notes"]),
        faults=tuple(content["faults"]),
    )


def draw(console: Console, table: Table) -> None:
    """Print a table with its notes, and what is wrong in red."""
    drawn = Drawn(title=table.title, title_justify="left", title_style="bold")
    drawn.add_column("")
    for column, unit in table.units.items():
        drawn.add_column(f"{column}\n({unit})" if unit else column, justify="right")
    for name, values in table.rows.items():
        drawn.add_row(name, *(_shown(values.get(column, "")) for column in table.units))
    console.print(drawn)
    for note in table.notes:
        console.print(f"  {note}", style="dim", highlight=False)
    for fault in table.faults:
        console.print(f"  {fault}", style="bold red", highlight=False)
    console.print()


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= _MANY:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < _FEW else f"{value:.1f}"


def out_argument(doc: str | None) -> argparse.ArgumentParser:
    """Make the argument parser of a section; each takes the file that its tables go to."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--out", type=Path, required=True, help="file for the tables, as JSON")
    return parser
