"""`referrals gifts`: stocks of things that rewards are handed out of, unit by unit."""

from typing import Annotated

import typer

from referrals.cli.output import StoppedError, out
from referrals.cli.programs import get_program
from referrals.domain.ids import ProgramId
from referrals.domain.rules import RewardKind
from referrals.store import coupons

app = typer.Typer(help="Stocks of gifts.", no_args_is_help=True)

_MOST_UNITS = 10_000


@app.command("add")
def add_gifts(
    program: str,
    stock: str,
    units: Annotated[int, typer.Option(min=1, max=_MOST_UNITS, help="How many came.")],
    name: Annotated[str, typer.Option(help="What names this delivery, such as its number.")],
) -> None:
    """Put the units of a delivery into a stock, `<name>-1` and so on.

    The same delivery again adds nothing.
    """
    gifts = (rule for rule in get_program(program, None).rules if rule.kind is RewardKind.GIFT)
    if stock not in {rule.pool for rule in gifts}:
        raise StoppedError(f"no rule of {program} gives gifts from a stock {stock}")
    if not name.isprintable() or not 0 < len(name) <= 40:  # noqa: PLR2004 - fits a table key
        raise StoppedError("a delivery is named by 1 to 40 printable signs")
    program_id = ProgramId(program)
    added = sum(
        coupons.add(program_id, stock, f"{name}-{number}") for number in range(1, units + 1)
    )
    out.print(f"{added} new units in {stock}")


@app.command("count")
def count_gifts(program: str, stock: str) -> None:
    """Count the units of a stock that are left, and those that were handed out."""
    left, handed_out = coupons.count(ProgramId(program), stock)
    out.print(f"{stock}: {left} left, {handed_out} handed out")
