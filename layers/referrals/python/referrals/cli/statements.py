"""An advocate's statement in each of its forms: a table, JSON, CSV, and a page to print."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from rich.table import Table

from referrals.domain.ledger import Place
from referrals.domain.money import written
from referrals.domain.statements import Statement, StatementLine

# a cell that begins like this is a formula to a spreadsheet
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PLACES = {
    Place.HELD: "Held",
    Place.AVAILABLE: "Available",
    Place.CREDIT: "To spend",
    Place.PAID: "Paid or spent",
    Place.DEBT: "Owed back",
}


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def as_table(statement: Statement) -> Table:
    table = Table("date", "what happened", "change", *(name.lower() for name in _PLACES.values()))
    for line in statement.lines:
        table.add_row(
            f"{line.recorded_at:%F %H:%M}",
            line.says,
            _changes(line),
            *(written(line.balance[place], line.unit) for place in _PLACES),
        )
    return table


def as_json(statement: Statement, *, customer_id: str, now: datetime) -> str:
    """Give a statement as JSON; amounts are minor units, a debt is negative."""
    content = {
        "customer_id": customer_id,
        "program": statement.program_id,
        "person_id": statement.person_id,
        "as_of": now.isoformat(),
        "is_whole": statement.is_whole,
        "opening": [_amounts(unit, of) for unit, of in sorted(statement.opening.items())],
        "lines": [
            {
                "recorded_at": line.recorded_at.isoformat(),
                "journal_id": line.journal_id,
                "cause": line.cause,
                "says": line.says,
                "unit": line.unit,
                "changes": _minor(line.changes),
                "balance": _minor(line.balance),
            }
            for line in statement.lines
        ],
        "closing": [_amounts(unit, of) for unit, of in sorted(statement.closing.items())],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_csv(statement: Statement) -> str:
    """Give the lines as CSV, amounts in minor units; no cell of it is a formula."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        [
            *("recorded_at", "journal_id", "cause", "says", "unit"),
            *(f"{place}_change_minor" for place in Place),
            *(f"{place}_minor" for place in Place),
        ]
    )
    for line in statement.lines:
        words = (line.recorded_at.isoformat(), line.journal_id, line.cause, line.says, line.unit)
        table.writerow(
            [
                *(_no_formula(word) for word in words),
                *(line.changes.get(place, 0) for place in Place),
                *(line.balance[place] for place in Place),
            ]
        )
    return text.getvalue()


def as_html(statement: Statement, *, customer_id: str, now: datetime) -> str:
    """Give a page that prints on A4: one file, nothing in it from elsewhere, no script."""
    return _page().render(
        statement=statement,
        customer_id=customer_id,
        now=now,
        places=_PLACES,
        lines_by_unit={
            unit: [line for line in statement.lines if line.unit == unit]
            for unit in statement.units
        },
    )


@cache
def _page() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(money=_shown, number=_number, signed=_signed, direction=_direction)
    return environment.get_template("statement.html.jinja")


def _shown(amount_minor: int, unit: str) -> str:
    return written(amount_minor, unit).replace("-", "\N{MINUS SIGN}")


def _number(amount_minor: int, unit: str) -> str:
    return _shown(amount_minor, unit).removesuffix(f" {unit}")


def _signed(amount_minor: int, unit: str) -> str:
    return ("+" if amount_minor > 0 else "") + _number(amount_minor, unit)


def _direction(line: StatementLine) -> str:
    """Tell what was gained or lost from what only moved."""
    gained = sum(line.changes.values())
    return "more" if gained > 0 else "less" if gained < 0 else "moved"


def _changes(line: StatementLine) -> str:
    return ", ".join(
        f"{place} {'+' if change > 0 else ''}{written(change, line.unit)}"
        for place, change in line.changes.items()
    )


def _amounts(unit: str, places: Mapping[Place, int]) -> dict[str, str | int]:
    return {"unit": unit, **_minor(places)}


def _minor(places: Mapping[Place, int]) -> dict[str, int]:
    return {f"{place}_minor": amount for place, amount in places.items()}


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text
