"""How a plan is told: as tables for people, as JSON for scripts; and how far it is."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from referrals.cli.output import out
from referrals.domain.differences import differences, percent
from referrals.domain.money import written
from referrals.domain.plans import Change, Goal, Plan, Tally
from referrals.usecases import plan_program

_TOP = 5
_MOST_REASONS = 5


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"


@contextmanager
def progress_bar() -> Iterator[plan_program.Progress]:
    """Show on stderr how far it is, when somebody looks at it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        reading, playing = bar.add_task("read", total=None), bar.add_task("play", visible=False)

        def show(done: int, total: int | None) -> None:
            if total is None:
                bar.update(reading, completed=done)
            else:
                bar.update(reading, visible=False)
                bar.update(playing, completed=done, total=total, visible=True)

        yield show


def print_plan(plan: Plan) -> None:
    """Print what new terms come to beside the live ones."""
    if not plan.new_tally.events:
        out.print(f"nothing was recorded {_period(plan)}, so nothing can be said of money")
        return
    out.print(f"played over {plan.new_tally.events:,} events, {_period(plan)}")
    out.print(_measures(plan))
    for unit in plan.units:
        _print_changes(plan, unit)
    if any(True for _ in plan.goals(plan.new_tally)):
        out.print(_goals(plan))


def _period(plan: Plan) -> str:
    until = f"before {plan.until:%F %T} UTC"
    return until if plan.since is None else f"from {plan.since:%F} on, {until}"


def _measures(plan: Plan) -> Table:
    table = Table("")
    for column in ("live", "new", "change"):
        table.add_column(column, justify="right")
    for name, live, new, change in _rows(plan):
        table.add_row(name, live if plan.live else "-", new, change if plan.live else "-")
    return table


def _rows(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    live, new, currency = plan.live_tally, plan.new_tally, plan.new.currency
    yield _counts("conversions credited", live.credited, new.credited)
    yield _counts("purchases credited", live.purchases, new.purchases)
    yield _money("revenue credited", live.revenue_minor, new.revenue_minor, currency)
    for rule in _rules(plan):
        yield _counts(f"rewards {rule}", live.rewards[rule], new.rewards[rule])
    for unit in plan.units:
        yield _money(f"cost in {unit}", live.cost_minor(unit), new.cost_minor(unit), unit)
        waiting = live.waiting_minor[unit], new.waiting_minor[unit]
        if any(waiting):
            yield _money(f"  of it waiting in {unit}", *waiting, unit)
    before, after = (each.cost_per_purchase_minor(currency) for each in (live, new))
    if before is None or after is None:
        yield "cost per purchase", _amount(before, currency), _amount(after, currency), "-"
    else:
        yield _money("cost per purchase", before, after, currency)
    shares = [each.cost_share_bps(currency) for each in (live, new)]
    yield "cost of revenue", _share(shares[0]), _share(shares[1]), _points(*shares)
    yield _counts("cap hits", live.cap_hits, new.cap_hits)
    yield _counts("budget hits", live.budget_hits, new.budget_hits)
    for reason, before, after in _top(live.declined, new.declined):
        yield _counts(f"conversions: {reason}", before, after)
    for reason, before, after in _top(live.refused, new.refused):
        yield _counts(f"rewards: {reason}", before, after)


def _rules(plan: Plan) -> list[str]:
    """Name the rules of the live terms as they stand, then those that are new."""
    of_both = [*(plan.live.rules if plan.live else ()), *plan.new.rules]
    return list(dict.fromkeys(rule.rule_id for rule in of_both))


def _top(live: Mapping[Any, int], new: Mapping[Any, int]) -> Iterable[tuple[str, int, int]]:
    """Give the reasons that were most often given, by either terms."""
    often = {reason: max(live.get(reason, 0), new.get(reason, 0)) for reason in (*live, *new)}
    first = sorted(
        (reason for reason, count in often.items() if count > 0), key=lambda r: -often[r]
    )
    for reason in first[:_MOST_REASONS]:
        yield reason.replace("_", " "), live.get(reason, 0), new.get(reason, 0)


def _counts(name: str, live: int, new: int) -> tuple[str, str, str, str]:
    return name, f"{live:,}", f"{new:,}", f"{new - live:+,}"


def _money(name: str, live: int, new: int, unit: str) -> tuple[str, str, str, str]:
    return name, written(live, unit), written(new, unit), _signed(new - live, unit)


def _signed(amount_minor: int, unit: str) -> str:
    return f"{'+' if amount_minor > 0 else ''}{written(amount_minor, unit)}"


def _amount(amount_minor: int | None, unit: str) -> str:
    return "-" if amount_minor is None else written(amount_minor, unit)


def _share(bps: int | None) -> str:
    return "-" if bps is None else percent(bps)


def _points(live_bps: int | None, new_bps: int | None) -> str:
    if live_bps is None or new_bps is None:
        return "-"
    change_bps = new_bps - live_bps
    return f"{'-' if change_bps < 0 else '+'}{percent(abs(change_bps))}"


def _print_changes(plan: Plan, unit: str) -> None:
    """Print how many people get more and less, and who gains and loses the most."""
    if plan.live is None:
        return
    changes = plan.changes(unit)
    winners = [each for each in changes if each.gain_minor > 0]
    losers = [each for each in reversed(changes) if each.gain_minor < 0]
    same = len(changes) - len(winners) - len(losers)
    out.print(f"{unit} by person: {len(winners):,} more, {len(losers):,} less, {same:,} the same")
    if winners or losers:
        table = Table("")
        for column in ("live", "new", "change"):
            table.add_column(column, justify="right")
        for each in (*winners[:_TOP], *reversed(losers[:_TOP])):
            table.add_row(each.person_id, *_money("", each.live_minor, each.new_minor, unit)[1:])
        out.print(table)


def _goals(plan: Plan) -> Table:
    """Show the goals of the new terms, and whether live and new terms meet them."""
    table = Table("")
    for column in ("wanted", "live", "new"):
        table.add_column(column, justify="right")
    currency = plan.new.currency
    for live, new in zip(plan.goals(plan.live_tally), plan.goals(plan.new_tally), strict=True):
        name = new.name.removesuffix("_minor").removesuffix("_bps").replace("_", " ")
        table.add_row(
            f"goal: {name}",
            _as_goal(new, new.wanted, currency),
            _met(live, currency) if plan.live else "-",
            _met(new, currency),
        )
    return table


def _met(goal: Goal, currency: str) -> str:
    if goal.found is None:
        return "cannot be told"
    return f"{_as_goal(goal, goal.found, currency)}: {'met' if goal.is_met else 'missed'}"


def _as_goal(goal: Goal, number: int, currency: str) -> str:
    if goal.name.endswith("_minor"):
        return written(number, currency)
    return percent(number) if goal.name.endswith("_bps") else f"{number:,}"


def as_json(plan: Plan) -> str:
    """Give everything that a plan says, in minor units, for scripts."""
    content = {
        "program": plan.new.program_id,
        "live_version": plan.live.version if plan.live else None,
        "since": plan.since.isoformat() if plan.since else None,
        "until": plan.until.isoformat(),
        "events": plan.new_tally.events,
        "differences": [asdict(each) for each in differences(plan.live, plan.new)],
        "live": _tally(plan, plan.live_tally) if plan.live else None,
        "new": _tally(plan, plan.new_tally),
        "people": {unit: _people(plan.changes(unit)) for unit in plan.units},
    }
    return json.dumps(content, indent=2)


def _tally(plan: Plan, tally: Tally) -> dict[str, Any]:
    currency = plan.new.currency
    return {
        "conversions": tally.conversions,
        "credited": tally.credited,
        "purchases": tally.purchases,
        "revenue_minor": tally.revenue_minor,
        "rewards": dict(tally.rewards),
        "cost_minor": {unit: tally.cost_minor(unit) for unit in plan.units},
        "granted_minor": dict(tally.granted_minor),
        "reversed_minor": dict(tally.reversed_minor),
        "waiting_minor": dict(tally.waiting_minor),
        "cost_per_purchase_minor": tally.cost_per_purchase_minor(currency),
        "cost_share_bps": tally.cost_share_bps(currency),
        "cap_hits": tally.cap_hits,
        "budget_hits": tally.budget_hits,
        "declined": {reason: count for reason, count in tally.declined.items() if count},
        "refused": dict(tally.refused),
        "goals": [asdict(goal) for goal in plan.goals(tally)],
    }


def _people(changes: tuple[Change, ...]) -> dict[str, Any]:
    return {
        "more": sum(each.gain_minor > 0 for each in changes),
        "less": sum(each.gain_minor < 0 for each in changes),
        "same": sum(each.gain_minor == 0 for each in changes),
        "changes": [asdict(each) for each in changes if each.gain_minor],
    }
