"""`referrals forget`: somebody's personal data is deleted, and their money is not."""

from typing import Annotated

import typer

from referrals.cli.customers import identity_keys
from referrals.cli.output import StoppedError, out
from referrals.domain.errors import ReferralError
from referrals.runtime import clock
from referrals.usecases.forget_person import Forgotten, forget_person


def forget(
    customer: Annotated[str, typer.Argument(help="The shop's id of the customer.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    void: Annotated[
        bool, typer.Option("--void", help="Take back what was not handed over, too.")
    ] = False,
) -> None:
    """Delete a customer's personal data in all programs, for good; doing it again is safe."""
    if not yes:
        typer.confirm("This cannot be undone. Forget this customer?", abort=True)
    try:
        done = forget_person(
            customer, keys=identity_keys(), now=clock.utc_now(), voids_rewards=void
        )
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    for line in _lines(done):
        out.print(line, soft_wrap=True)


def _lines(done: Forgotten) -> list[str]:
    """Say what was done, without the customer's id: terminals and their logs are kept."""
    told = "personal data deleted" if done.is_new else "was forgotten before"
    return [
        f"{done.person_id}: {told}",
        f"{len(done.codes)} codes closed for good",
        f"taken out of {done.signals} signals",
        f"{done.voided_rewards} rewards voided, {done.open_rewards} stay promised",
    ]
