"""`referrals payouts`: cash that is sent together, partners' codes, and books that differ."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from referrals.cli.output import StoppedError, out
from referrals.domain.dispatches import FINISHED, Dispatch
from referrals.domain.errors import (
    DifferenceNotFoundError,
    DispatchNotFoundError,
    ReferralError,
)
from referrals.domain.ids import DispatchId, ProgramId
from referrals.domain.money import written
from referrals.runtime import clock
from referrals.store import differences, dispatches
from referrals.usecases.confirm_payout import confirm_payout, return_payout, take_payout_back
from referrals.usecases.export_payouts import export_again, export_payouts
from referrals.usecases.start_payouts import start_payouts

app = typer.Typer(help="Payouts of cash, and codes of partners.", no_args_is_help=True)

# With its microseconds it is the name of a file for the bank: two written at once are two.
_MOMENT = "%Y-%m-%dT%H:%M:%S.%f"

Actor = Annotated[str, typer.Option(help="Who says so; kept for good.")]
Provider = Annotated[
    str | None, typer.Option(help="bank, tremendous, or partner:NAME; all of them.")
]


@app.command("list")
def list_payouts(
    provider: Provider = None,
    whole: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
) -> None:
    """List what providers outside are asked for, the newest first, and how far each has come."""
    table = Table("payout", "program", "provider", "state", "amount", "since", "asked", "why")
    # a partner that left the terms may have some yet: without a name all are read
    found = dispatches.iter_of_provider(provider) if provider else dispatches.iter_all()
    for dispatch in sorted(found, key=lambda each: each.reserved_at, reverse=True):
        if whole or dispatch.state not in FINISHED:
            table.add_row(*_row(dispatch))
    out.print(table)


def _row(dispatch: Dispatch) -> tuple[str, ...]:
    return (
        dispatch.dispatch_id,
        dispatch.program_id,
        dispatch.provider,
        dispatch.state,
        written(dispatch.amount_minor, dispatch.unit),
        f"{dispatch.reserved_at:%F %H:%M}",
        str(dispatch.attempts),
        dispatch.reason or "",
    )


@app.command("show")
def show_payout(payout: str) -> None:
    """Show everything that is known of a payout or a code, but the code."""
    dispatch = dispatches.find(DispatchId(payout))
    if dispatch is None:
        raise StoppedError(str(DispatchNotFoundError(payout)))
    for line in _lines(dispatch):
        out.print(line, soft_wrap=True)


def _lines(dispatch: Dispatch) -> Iterator[str]:
    amount = written(dispatch.amount_minor, dispatch.unit)
    yield f"{dispatch.dispatch_id}: {amount} by {dispatch.provider}, {dispatch.state}"
    yield f"for {dispatch.owner_id} in {dispatch.program_id}, terms v{dispatch.version}"
    yield f"reserved at {dispatch.reserved_at:%F %T} UTC"
    if dispatch.asked_at is not None and dispatch.is_by_hand:
        yield f"in the file of {dispatch.asked_at:{_MOMENT}}"
    elif dispatch.asked_at is not None:
        yield f"asked {dispatch.attempts} times, last at {dispatch.asked_at:%F %T} UTC"
    if dispatch.looks:
        yield f"looked up {dispatch.looks} times since"
    if dispatch.due_at is not None:
        yield f"looked at again at {dispatch.due_at:%F %T} UTC"
    if dispatch.reference is not None:
        yield f"reference {dispatch.reference}"
    if dispatch.reason is not None:
        yield f"because: {dispatch.reason}"
    if "actor" in dispatch.details:
        yield f"decided by {dispatch.details['actor']}"
    if "returned_by" in dispatch.details:
        yield f"taken in again by {dispatch.details['returned_by']}"
    yield from (f"reward {reward_id}" for reward_id in dispatch.reward_ids)


@app.command("run")
def run_payouts(program: str) -> None:
    """Put what a program has available in cash into payouts, whatever its schedule says.

    Nobody gets more on a day than one run would have given them.
    """
    run = start_payouts(now=clock.utc_now(), only=ProgramId(program))
    if run.stopped:
        raise StoppedError("the provider's books differ from ours: see `payouts differences`")
    out.print(
        f"{run.reserved} payouts reserved; {run.below_minimum} owners have too little, of "
        f"{run.unreachable} nobody knows where to send it",
        soft_wrap=True,
    )
    if run.busy:
        raise StoppedError(f"{run.busy} owners are busy: run it again")


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it; not there yet.")],
    again: Annotated[
        datetime | None,
        typer.Option(formats=[_MOMENT], help="The moment of a file that was lost: what it had."),
    ] = None,
) -> None:
    """Write the payouts by bank that are in no file yet into one: CSV, for the bank to import."""
    at = clock.utc_now() if again is None else again.replace(tzinfo=UTC)
    try:
        file.touch(mode=0o600, exist_ok=False)  # names and accounts are in it
    except OSError as error:
        raise StoppedError(f"{file}: {error.strerror}") from error
    # said before any payout is marked: whoever is cut off has to know it
    out.print(f"this is the file of {at:{_MOMENT}}", soft_wrap=True)
    made = export_payouts(now=at) if again is None else export_again(at=at)
    file.write_text(made.text, encoding="utf-8", newline="")
    for payout_id, reason in made.left_out:
        out.print(f"{payout_id} is left out: {reason}", soft_wrap=True)
    out.print(f"{made.text.count(chr(10)) - 1} payouts in {file}", soft_wrap=True)


@app.command("confirm")
def confirm(
    payout: str,
    reference: Annotated[str, typer.Option(help="What proves it, such as a transfer's number.")],
    actor: Actor,
) -> None:
    """Note that a payout arrived: by bank, or one that is frozen or unknown."""
    try:
        done = confirm_payout(
            DispatchId(payout), reference=reference, actor=actor, now=clock.utc_now()
        )
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{payout} is {done.state}, {done.reference}", soft_wrap=True)


@app.command("return")
def give_back(
    payout: str,
    reason: Annotated[str, typer.Option(help="Why; kept for good, so name nobody.")],
    actor: Actor,
) -> None:
    """Note that a payout will never arrive: its rewards go out with the next run."""
    try:
        done = return_payout(DispatchId(payout), reason=reason, actor=actor, now=clock.utc_now())
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{payout} is {done.state}")


@app.command("came-back")
def take_back(
    payout: str,
    reason: Annotated[str, typer.Option(help="Why; kept for good, so name nobody.")],
    actor: Actor,
) -> None:
    """Note that the money of a payout arrived, and came back: it goes out with the next run.

    Of a provider's payout only once its books say so: see `payouts differences`.
    """
    try:
        done = take_payout_back(DispatchId(payout), reason=reason, actor=actor, now=clock.utc_now())
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{payout} is {done.state}")


@app.command("differences")
def list_differences(
    whole: Annotated[bool, typer.Option("--all", help="Those that are resolved, too.")] = False,
) -> None:
    """List where a provider's books differ from ours; an open one stops the next payouts."""
    table = Table("difference", "provider", "what", "payout", "ours", "theirs", "since", "resolved")
    for each in sorted(differences.iter_all(), key=lambda found: found.found_at):
        if whole or each.resolved_at is None:
            table.add_row(
                each.difference_id,
                each.provider,
                each.kind,
                each.dispatch_id or each.reference or "",
                each.ours,
                each.theirs,
                f"{each.found_at:%F %H:%M}",
                f"{each.resolved_by}: {each.note}" if each.resolved_at else "",
            )
    out.print(table)


@app.command("resolve")
def resolve(
    difference: str,
    actor: Actor,
    note: Annotated[str, typer.Option(help="What was found out; kept for good, so name nobody.")],
) -> None:
    """Note what became of a difference; the payout it is about is decided by confirm or return."""
    providers = {each.difference_id: each.provider for each in differences.iter_all()}
    if difference not in providers:
        raise StoppedError(str(DifferenceNotFoundError(difference)))
    done = differences.resolve(
        providers[difference], difference, actor=actor, note=note, now=clock.utc_now()
    )
    out.print(f"{difference} is resolved by {done.resolved_by if done else actor}")
