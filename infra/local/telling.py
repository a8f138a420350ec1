"""How the story is told on a terminal: one step after another, readable at a hundred columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from infra.local.cloud import Mail
from infra.local.shop_backend import Answer
from referrals.domain.dispatches import Dispatch
from referrals.domain.ledger import Balance, Journal, Place, owner_of
from referrals.domain.money import written

WIDTH = 100
_LABEL_WIDTH = 10
_GOOD_STATUS = range(200, 400)


def console() -> Console:
    """Give the console of a terminal, never wider than what reads well."""
    out = Console(highlight=False, emoji=False, markup=False)
    out.width = min(out.width, WIDTH) if out.is_terminal else WIDTH
    return out


class Telling:
    """Prints the steps of a story; `names` say in words what opaque ids of people stand for."""

    def __init__(self, out: Console) -> None:
        self.out = out
        self.names: dict[str, str] = {}
        self._steps = 0

    def title(self, name: str, says: str) -> None:
        self.out.print()
        self.out.print(Text.assemble((f" {name} ", "bold white on red"), f"  {says}"))

    def step(self, says: str, at: datetime) -> None:
        """Begin a step, at a moment of the story."""
        self._steps += 1
        line = Table.grid(expand=True)
        line.add_column(ratio=1)
        line.add_column(justify="right")
        heading = Text.assemble((f"{self._steps:2}  ", "bold red"), (says, "bold"))
        line.add_row(heading, Text(f"{at:%a %d %b, %H:%M}", style="dim"))
        self.out.print()
        self.out.print(line)

    def line(self, label: str, content: RenderableType) -> None:
        """Print something with its kind in front."""
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=_LABEL_WIDTH, justify="right", style="dim")
        grid.add_column(overflow="fold")
        grid.add_row(label, content)
        self.out.print(grid)

    def request(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> None:
        text = Text.assemble((f"{method} ", "bold"), path)
        if document is not None:
            text.append(f"  {_short(document)}", style="dim")
        self.line("request", text)

    def answer(self, answer: Answer, says: str = "") -> None:
        style = "green" if answer.status in _GOOD_STATUS else "red"
        self.line("answer", Text.assemble((str(answer.status), f"bold {style}"), f"  {says}"))

    def outcome(self, answer: Answer, *, is_brief: bool = False) -> None:
        """Print what a hook answered: outcome, rewards, and each decision with its reason.

        What is brief leaves the decisions out.
        """
        document = answer.document
        reason = f": {document['reason']}" if document.get("reason") else ""
        self.answer(answer, f"{document.get('outcome')}{reason}")
        for reward in document.get("rewards", ()):
            self.line("reward", _reward(reward))
        for decision in () if is_brief else document.get("decisions", ()):
            self.line("decision", _decision(decision))

    def redemption(self, answer: Answer) -> None:
        """Print what came of spending credit or points, and what is left of them."""
        of = answer.document
        reason = f": {of['reason']}" if of.get("reason") else ""
        spent, left = (
            written(of["amount_minor"], of["unit"]),
            written(of["credit_minor"], of["unit"]),
        )
        self.answer(answer, f"{of['outcome']}{reason}; {spent} asked for, {left} left")
        if "reward" in of:
            self.line("reward", _reward({"to": "advocate", **of["reward"]}))

    def dispatch(self, dispatch: Dispatch) -> None:
        """Print what a provider outside was asked for, and how far it has come."""
        amount = written(dispatch.amount_minor, dispatch.unit)
        reason = f" ({dispatch.reason})" if dispatch.reason else ""
        what = "payout" if dispatch.is_payout else "code"
        self.line(what, f"{amount} by {dispatch.provider}: {dispatch.state}{reason}")

    def journals(self, journals: Iterable[Journal]) -> None:
        """Print journals, each posting from where to where."""
        for journal in journals:
            kind, _, of = journal.cause.partition(":")
            what = "chargeback" if ":chargeback:" in of else kind
            for posting in journal.postings:
                amount = written(posting.amount_minor, posting.unit)
                way = f"{self._account(posting.source)} → {self._account(posting.destination)}"
                self.line("journal", Text.assemble((f"{amount:>9}  ", "bold"), f"{way:<46}", what))

    def balances(self, balances: Iterable[Balance]) -> None:
        for balance in balances:
            parts = [
                f"{place} {written(balance.amount(place, unit), unit)}"
                for unit in balance.units
                for place in Place
                if balance.amount(place, unit)
            ]
            name = self.names.get(balance.person_id, balance.person_id)
            self.line("balance", f"{name}: {', '.join(parts) or 'nothing'}")

    def mails(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            subject = Text(mail.subject, style="italic")
            self.line("e-mail", Text.assemble(f"to {', '.join(mail.to)}: ", subject))

    def checks(self, held: int, differences: Sequence[str]) -> None:
        """Print how the expectations of a step fared."""
        if held:
            noun = "check holds" if held == 1 else "checks hold"
            self.line("✓", Text(f"{held} {noun}", style="dim green"))
        for difference in differences:
            self.line("✗", Text(difference, style="bold red"))

    def _account(self, account: str) -> str:
        owner = owner_of(account)
        if owner is None:
            return " ".join(account.split(":")[1:])
        return f"{self.names.get(owner[0], owner[0])} {owner[1]}"


def _short(document: Mapping[str, Any]) -> str:
    """Write a request's body in one line; a click token is long and says nothing to people."""
    shown = {
        name: f"{value[:8]}…" if name == "click" else value
        for name, value in document.items()
        if name != "program"
    }
    return json.dumps(shown, ensure_ascii=False)


def _reward(reward: Mapping[str, Any]) -> Text:
    amount = written(int(reward["amount_minor"]), str(reward["unit"]))
    until = f", held until {reward['held_until'][:10]}" if reward.get("held_until") else ""
    return Text.assemble(
        (f"{amount:>9}  ", "bold"),
        f"{reward['kind']} for the {reward['to']}: {reward['state']}",
        until,
    )


def _decision(decision: Mapping[str, Any]) -> Text:
    is_granted = decision.get("outcome") == "granted"
    verdict = "granted" if is_granted else str(decision.get("reason"))
    return Text.assemble(
        f"{decision['rule']}: ",
        (verdict, "green" if is_granted else "yellow"),
        (f"  {decision['says']}", "dim"),
    )
