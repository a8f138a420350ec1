"""`referrals review`: people look at what fraud rules flagged, and decide."""

from typing import Annotated

import typer
from rich.table import Table

from referrals.cli.output import StoppedError, out
from referrals.domain.conversions import Case, Conversion, ReviewState
from referrals.domain.errors import ConversionNotFoundError, ReferralError
from referrals.domain.ids import ConversionId, ProgramId
from referrals.domain.money import written
from referrals.runtime import clock
from referrals.store import conversions
from referrals.usecases.reversals import read_case
from referrals.usecases.review_conversion import review_conversion

app = typer.Typer(help="Conversions that wait for people.", no_args_is_help=True)

_MOST = 100

Actor = Annotated[str, typer.Option(help="Who decides; kept for good.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept for good, so name nobody.")]


@app.command("list")
def list_reviews(
    program: str, most: Annotated[int, typer.Option(min=1, help="The oldest.")] = _MOST
) -> None:
    """List the conversions of a program that wait for people, the oldest first."""
    table = Table("conversion", "since", "what", "flags")
    for case in conversions.list_in_review(ProgramId(program), most=most):
        conversion = case.conversion
        if conversion is None or conversion.review is None:
            continue
        flags = ", ".join(flag.rule for flag in conversion.flags)
        since = f"{conversion.review.opened_at:%F %H:%M}"
        table.add_row(conversion.conversion_id, since, _what(conversion), flags or "their friend's")
    out.print(table)


@app.command("show")
def show_review(conversion: str) -> None:
    """Show everything that was recorded of a conversion and of its review."""
    case = read_case(ConversionId(conversion))
    if case.conversion is None:
        raise StoppedError(str(ConversionNotFoundError(conversion)))
    for line in _lines(case, case.conversion):
        out.print(line, soft_wrap=True)


@app.command("approve")
def approve(conversion: str, actor: Actor, reason: Why) -> None:
    """Let a conversion count: its rewards are paid for, and their holds begin to run."""
    _decide(conversion, ReviewState.APPROVED, actor, reason)


@app.command("reject")
def reject(conversion: str, actor: Actor, reason: Why) -> None:
    """Let a conversion count for nobody: its rewards are voided."""
    _decide(conversion, ReviewState.REJECTED, actor, reason)


def _decide(conversion: str, state: ReviewState, actor: str, reason: str) -> None:
    try:
        decided = review_conversion(
            ConversionId(conversion), state, actor=actor, reason=reason, now=clock.utc_now()
        )
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    review = decided.review
    out.print(f"{conversion} is {state}, by {review.actor if review else actor}")


def _what(conversion: Conversion) -> str:
    if conversion.order_id is None:
        return str(conversion.kind)
    amount = written(conversion.amount_minor, conversion.currency or "")
    return f"{conversion.kind} {conversion.order_id}, {amount}"


def _lines(case: Case, conversion: Conversion) -> list[str]:
    review = conversion.review
    lines = [
        f"{conversion.conversion_id}: {_what(conversion)}, {conversion.outcome}",
        f"friend {conversion.friend_id}, advocate {conversion.advocate_id or 'none'}",
        f"at {conversion.occurred_at:%F %T} UTC, told at {conversion.recorded_at:%F %T} UTC",
    ]
    for flag in conversion.flags:
        inputs = ", ".join(f"{name}={value}" for name, value in flag.inputs.items())
        lines.append(f"flag {flag.rule} ({flag.mode}) [{inputs}]")
    lines += [each.says_to_operator for each in conversion.decisions]
    for reward in conversion.rewards:
        amount = written(reward.amount_minor, reward.unit)
        lines.append(f"reward {reward.reward_id} for {reward.owner_id} ({reward.to}): {amount}")
    for refund in case.refunds:
        amount = written(refund.amount_minor, refund.currency)
        lines.append(f"refund {refund.refund_id}: {amount}")
    if review is not None:
        lines.append(f"review {review.state}, since {review.opened_at:%F %T} UTC")
        if review.decided_at is not None:
            lines.append(f"{review.state} by {review.actor}: {review.reason}")
    return lines
