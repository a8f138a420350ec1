"""`referrals rewards`: what a customer was promised, and what people handed over themselves."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from referrals.cli.customers import person_of
from referrals.cli.output import StoppedError, out
from referrals.domain.errors import ReferralError
from referrals.domain.ids import ProgramId, RewardId
from referrals.domain.money import written
from referrals.domain.rewards import Reward, RewardState
from referrals.runtime import clock
from referrals.store import rewards
from referrals.store.rewards import RewardKey
from referrals.usecases.confirm_hand_over import confirm_hand_over, take_hand_over_back

app = typer.Typer(help="Rewards of a customer.", no_args_is_help=True)

Customer = Annotated[str, typer.Option(help="The shop's id of the customer.")]
Program = Annotated[str, typer.Option()]


@app.command("list")
def list_rewards(
    customer: Customer,
    program: Program,
    state: Annotated[RewardState | None, typer.Option(help="One state; all of them.")] = None,
) -> None:
    """List what a customer was promised, oldest first, and how much of it is to be handed over."""
    promised = rewards.list_of_owner(ProgramId(program), person_of(customer))
    table = Table("reward", "kind", "state", "worth", "to hand over", "since", "because")
    for reward in promised:
        if state in {None, reward.state}:
            table.add_row(
                reward.reward_id,
                reward.kind,
                reward.state,
                written(reward.remaining_minor, reward.unit),
                _to_hand_over(reward),
                _date(reward.granted_at),
                reward.because,
            )
    out.print(table)


def _to_hand_over(reward: Reward) -> str:
    """Write what its owner has still to be given: a debt may have been paid with a part of it."""
    if reward.state is not RewardState.AVAILABLE:
        return ""
    return written(reward.to_hand_over_minor, reward.unit)


def _date(moment: datetime) -> str:
    return f"{moment:%F}"


@app.command("confirm")
def confirm(
    reward: str,
    customer: Customer,
    program: Program,
    reference: Annotated[str, typer.Option(help="What proves it, such as a transfer's number.")],
    actor: Annotated[str, typer.Option(help="Who handed it over.")],
) -> None:
    """Note that an available reward was handed over by people: cash, or an offer of a partner."""
    key = _key(reward, customer, program)
    try:
        done = confirm_hand_over(key, reference=reference, actor=actor, now=clock.utc_now())
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    amount = written(done.to_hand_over_minor, done.unit)
    out.print(f"{done.reward_id}: {amount} handed over, {reference}", soft_wrap=True)


@app.command("came-back")
def take_back(
    reward: str,
    customer: Customer,
    program: Program,
    *,
    reference: Annotated[str, typer.Option(help="Under which it was handed over.")],
    reason: Annotated[str, typer.Option(help="Why; kept for good, so name nobody.")],
    actor: Annotated[str, typer.Option(help="Who says so; kept for good.")],
) -> None:
    """Note that cash which people sent came back: it is available again."""
    key = _key(reward, customer, program)
    try:
        again = take_hand_over_back(
            key, reference=reference, reason=reason, actor=actor, now=clock.utc_now()
        )
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{again.reward_id} is {again.state}", soft_wrap=True)


def _key(reward: str, customer: str, program: str) -> RewardKey:
    return RewardKey(
        program_id=ProgramId(program), owner_id=person_of(customer), reward_id=RewardId(reward)
    )
