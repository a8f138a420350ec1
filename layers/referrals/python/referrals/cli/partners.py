"""Partners: what their systems check our calls with."""

from typing import Annotated

import typer

from referrals.cli.output import StoppedError
from referrals.cli.stored_secrets import live_values, print_live
from referrals.domain.errors import ReferralError
from referrals.domain.ids import ProgramId
from referrals.fulfil.partners import partner_secret
from referrals.store import programs

app = typer.Typer(help="Partners who make codes.", no_args_is_help=True)


@app.command("secret")
def show_secret(
    program: str,
    partner: Annotated[str, typer.Argument(help="Its name in the program.")],
) -> None:
    """Show the secret that a partner's system checks our calls with, and the one before."""
    try:
        terms = programs.get_live(ProgramId(program))
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    if partner not in terms.partners:
        raise StoppedError(f"program {program} names no partner {partner}")
    print_live([partner_secret(key, partner) for key in live_values("outgoing-key")])
