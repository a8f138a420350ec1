"""`referrals replay`: everything that can be rebuilt from the log is, and is compared."""

from typing import Annotated

import typer

from referrals.cli.output import out
from referrals.usecases.replay_log import replay_log


def replay(
    into: Annotated[
        str | None,
        typer.Option(help="Prefix of fresh tables, which get what was rebuilt; else none do."),
    ] = None,
) -> None:
    """Rebuild rewards, referrals, balances and budgets from the log; status 1 where they differ."""
    result = replay_log(into=into)
    for says in result.faults:
        out.print(f"difference: {says}", style="red")
    out.print(
        f"{result.events} events make {result.rewards} rewards, {result.referrals} referrals and "
        f"{result.balances} balances"
        + (f"; {result.written} rows written to {into}" if into else "")
        + (": as stored" if not result.faults else f": {len(result.faults)} differences")
    )
    if result.faults:
        raise typer.Exit(code=1)
