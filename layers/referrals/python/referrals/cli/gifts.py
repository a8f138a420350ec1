"""`referrals gifts`: stocks of things that rewards are handed out of, unit by unit."""

from typing import Annotated

import typer
from rich.table import Table

from referrals.cli.output import StoppedError, out
from referrals.cli.programs import get_program
from referrals.domain.errors import ReferralError
from referrals.domain.ids import ProgramId, RewardId
from referrals.domain.rules import RewardKind
from referrals.runtime import clock
from referrals.store import coupons
from referrals.usecases.refill_pool import Refilled, pools_of, refill_pool
from referrals.usecases.ship_gifts import ToShip, iter_to_ship, note_shipped

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

    Gifts that wait for it go out, the oldest first. The same delivery again adds nothing.
    """
    if stock not in pools_of(get_program(program, None), kinds={RewardKind.GIFT}):
        raise StoppedError(f"nothing in {program} gives gifts from a stock {stock}")
    if not name.isprintable() or not 0 < len(name) <= 40:  # noqa: PLR2004 - fits a table key
        raise StoppedError("a delivery is named by 1 to 40 printable signs")
    refilled = refill_pool(
        ProgramId(program),
        stock,
        (f"{name}-{number}" for number in range(1, units + 1)),
        now=clock.utc_now(),
    )
    out.print(f"{refilled.added} new units in {stock}{called_in_words(refilled)}")


def called_in_words(refilled: Refilled) -> str:
    """Say how many rewards waited; nothing when none did."""
    return f"; {refilled.called} of what waited goes out" if refilled.called else ""


@app.command("count")
def count_gifts(program: str, stock: str) -> None:
    """Count the units of a stock that are left, and those that were handed out."""
    left, handed_out = coupons.count(ProgramId(program), stock)
    out.print(f"{stock}: {left} left, {handed_out} handed out")


@app.command("to-ship")
def list_to_ship(program: str) -> None:
    """List the gifts that are to be sent, each with its address: personal data, for the label only.

    Those that wait for an address, or for stock, are not among them yet.
    """
    table = Table("reward", "gift", "since", "address")
    for parcel in iter_to_ship(ProgramId(program)):
        table.add_row(*_row(parcel))
    out.print(table)


def _row(waiting: ToShip) -> tuple[str, ...]:
    parcel, address = waiting.parcel, waiting.address
    return (
        parcel.key.reward_id,
        parcel.unit,
        f"{parcel.granted_at:%F}",
        "\n".join(address.lines) if address else "deleted: its owner was forgotten",
    )


@app.command("shipped")
def note_as_shipped(
    program: str,
    reward: str,
    reference: Annotated[str, typer.Option(help="What proves it, such as a carrier's number.")],
) -> None:
    """Note that a gift was sent; saying it again changes nothing."""
    try:
        note_shipped(ProgramId(program), RewardId(reward), reference=reference)
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{reward}: sent, {reference}", soft_wrap=True)
