"""Rebuilds every projection from the log and the journals, and compares it with what is stored.

With a place to put them, the rebuilt rows are written into fresh tables: from there a deployment
whose tables were lost or damaged goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from referrals import settings
from referrals.domain.budgets import SLICES, Slice, shared_out
from referrals.domain.dispatches import FINISHED, Dispatch
from referrals.domain.ids import DispatchId
from referrals.domain.ledger import read_journal
from referrals.domain.programs import Program
from referrals.domain.projections import Projections
from referrals.domain.rewards import Reward, RewardState, dispatched
from referrals.store import (
    budgets,
    dispatches,
    events,
    ledger,
    programs,
    redemptions,
    referrals,
    rewards,
)
from referrals.store.transactions import Write, commit
from referrals.usecases.compare_projections import faults_of

_ROWS_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How much was rebuilt, and every difference to what is stored, named."""

    events: int
    rewards: int
    referrals: int
    balances: int
    written: int
    faults: tuple[str, ...]


def replay_log(*, into: str | None = None) -> Replayed:
    """Rebuild rewards, redemptions, referrals, balances, budgets; write them to tables of `into`.

    Dispatches are in no event: they are copied as they are stored, and have their rewards again.
    These tables must be there and empty: deploy infra/state.yaml once more under another prefix.
    What was written is read back and compared, too.
    """
    projections, taken = _rebuilt()
    faults = list(faults_of(projections))
    written = 0
    if into is not None:
        live, asked = list(programs.iter_live()), list(dispatches.iter_all())
        with settings.tables_of(into):
            written = _write(_rows(projections, live, asked))
            faults += [f"in {into}: {says}" for says in faults_of(projections)]
    return Replayed(
        events=taken,
        rewards=len(projections.rewards),
        referrals=len(projections.referrals),
        balances=len(projections.balances()),
        written=written,
        faults=tuple(faults),
    )


def _rebuilt() -> tuple[Projections, int]:
    projections, taken = Projections(programs.get_version), 0
    for event in events.iter_all():
        projections.take(event)
        taken += 1
    for _, canonical, _ in ledger.iter_journals():
        projections.take_journal(read_journal(canonical))
    return projections, taken


def _rows(projections: Projections, live: list[Program], asked: list[Dispatch]) -> Iterator[Write]:
    underway = {
        reward_id: dispatch.dispatch_id
        for dispatch in asked
        if dispatch.state not in FINISHED
        for reward_id in dispatch.reward_ids
    }
    for reward in projections.rewards.values():
        yield rewards.save(_claimed(_due_again(reward), underway.get(reward.reward_id)))
    for dispatch in asked:
        yield dispatches.save(replace(dispatch, revision=None))
    for redemption in projections.redemptions.values():
        yield redemptions.save(redemption)
    for bond in projections.bonds().values():
        yield referrals.save(bond)
    for balance in projections.balances().values():
        yield ledger.save_balance(balance)
    spent = projections.spent()
    for program in live:
        # a budget that was taken back still gets back what was drawn from it
        if program.budget.is_limited or any(of == program.program_id for of, _ in spent):
            known = [
                Slice(
                    program_id=program.program_id,
                    number=number,
                    spent_minor=spent[program.program_id, number],
                )
                for number in range(SLICES)
            ]
            shared = shared_out(
                program.budget, program_id=program.program_id, known=known, today=date.min
            )
            yield from (budgets.save(part) for part in shared)


def _due_again(reward: Reward) -> Reward:
    """Have whatever may still happen to a reward looked at, at once where the moment is unknown."""
    due = {
        RewardState.HELD: reward.held_until,
        RewardState.QUEUED: reward.granted_at,
        RewardState.AVAILABLE: reward.held_until,
        RewardState.FULFILLING: reward.held_until,  # its claim is taken up, or taken back
    }
    return replace(reward, due_at=due.get(reward.state), revision=None)


def _claimed(reward: Reward, dispatch_id: DispatchId | None) -> Reward:
    """Put a reward back into its open dispatch: a provider may have been asked for it."""
    if reward.state not in {RewardState.AVAILABLE, RewardState.FULFILLING}:
        return reward
    return dispatched(reward, dispatch_id) if dispatch_id else replace(reward, dispatch_id=None)


def _write(rows: Iterator[Write]) -> int:
    written = 0
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        commit(*batch)
        written += len(batch)
    return written
