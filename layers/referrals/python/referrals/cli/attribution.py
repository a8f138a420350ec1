"""`referrals attribute`: somebody says, later and by hand, who recommended a friend."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from referrals.cli.customers import person_of
from referrals.cli.output import StoppedError, out
from referrals.domain.conversions import purchase_id
from referrals.domain.errors import ConversionNotFoundError, ReferralError
from referrals.domain.ids import PersonId, ProgramId
from referrals.runtime import clock
from referrals.usecases.attribute_by_hand import HandAttribution, attribute_by_hand
from referrals.usecases.reversals import read_case


def attribute(
    friend: Annotated[
        str | None, typer.Argument(help="The shop's id of the friend; or name --order.")
    ] = None,
    *,
    program: Annotated[str, typer.Option()],
    to: Annotated[str, typer.Option(help="The advocate's code.")],
    since: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="UTC: what the friend did from then on counts.",
        ),
    ],
    actor: Annotated[str, typer.Option(help="Who says so; kept for good.")],
    reason: Annotated[str, typer.Option(help="Why; kept for good, so name nobody.")],
    order: Annotated[str | None, typer.Option(help="An order of the friend's.")] = None,
) -> None:
    """Bind a friend to the advocate of a code, and decide what waited by the terms of its date."""
    if (friend is None) == (order is None):
        raise StoppedError("name the friend, or an --order of theirs")
    program_id = ProgramId(program)
    try:
        asked = HandAttribution(
            program_id=program_id,
            friend_id=_by_order(program_id, order) if order else person_of(friend or ""),
            code=to,
            since=since.replace(tzinfo=UTC),
            actor=actor,
            reason=reason,
        )
        referral = attribute_by_hand(asked, now=clock.utc_now())
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{asked.friend_id} is bound to {referral.advocate_id} ({referral.referral_id})")


def _by_order(program_id: ProgramId, order_id: str) -> PersonId:
    conversion = read_case(purchase_id(program_id, order_id)).conversion
    if conversion is None:
        raise ConversionNotFoundError(f"order {order_id}")
    return conversion.friend_id
