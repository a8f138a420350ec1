"""`referrals explain`: how a reward came to its amount, worked out once more."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from referrals.cli.customers import person_of
from referrals.cli.output import StoppedError, out
from referrals.domain.errors import ReferralError
from referrals.domain.explanations import Explanation
from referrals.domain.ids import ProgramId, RewardId
from referrals.usecases.explain_reward import Owner, explain_reward


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"


def explain(
    reward: str,
    customer: Annotated[
        str | None, typer.Option(help="Whose it is, by the shop's id: found sooner.")
    ] = None,
    program: Annotated[str | None, typer.Option(help="The program; with --customer.")] = None,
    form: Annotated[Form, typer.Option("--format")] = Form.TEXT,
) -> None:
    """Work a reward out once more and tell its story; status 1 when it comes to something else."""
    if (customer is None) != (program is None):
        raise StoppedError("--customer and --program go together")
    owner = None
    if customer is not None and program is not None:
        owner = Owner(program_id=ProgramId(program), person_id=person_of(customer))
    try:
        explained = explain_reward(RewardId(reward), owner=owner)
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    match form:
        case Form.TEXT:
            _print(explained)
        case Form.JSON:
            print(_as_json(explained))
    if not explained.is_same:
        raise typer.Exit(code=1)


def _print(explained: Explanation) -> None:
    for section in explained.sections:
        out.print(section.title)
        for line in section.lines:
            out.print(f"  {line}", soft_wrap=True)
    for fault in explained.faults:
        out.print(f"fault: {fault}", style="red", soft_wrap=True)
    out.print(explained.verdict)


def _as_json(explained: Explanation) -> str:
    content = {
        "reward_id": explained.reward.reward_id,
        "unit": explained.reward.unit,
        "recomputed_minor": explained.recomputed_minor,
        "stored_minor": explained.stored_minor,
        "is_same": explained.is_same,
        "faults": explained.faults,
        "sections": {section.title: section.lines for section in explained.sections},
    }
    return json.dumps(content, indent=2, ensure_ascii=False)
