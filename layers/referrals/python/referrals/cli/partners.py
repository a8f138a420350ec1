"""Partners: what their systems check our calls with."""

from typing import Annotated

import typer

from referrals.cli.output import StoppedError, out
from referrals.cli.stored_secrets import live_values
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
    """Show the secret that a partner's system checks our calls with."""
    try:
        terms = programs.get_live(ProgramId(program))
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    if partner not in terms.partners:
        raise StoppedError(f"program {program} names no partner {partner}")
    out.print(partner_secret(live_values("outgoing-key")[0], partner), soft_wrap=True)
