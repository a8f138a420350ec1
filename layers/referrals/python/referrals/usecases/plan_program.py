"""What would new terms have cost, and brought? They are played over what was recorded."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from referrals.domain.ids import ProgramId
from referrals.domain.plans import Plan, Tally
from referrals.domain.programs import Program
from referrals.domain.simulation import Happening, Simulation, happenings_of
from referrals.store import advocates, conversions, happenings, programs, referrals
from referrals.store.happenings import Recording, recording

# To start a process takes as long as to play so many.
WORTH_A_PROCESS = 20_000
_TOLD_EVERY = 500


class Progress(Protocol):
    """Who is told how far it is: `total` is None as long as nobody knows."""

    def __call__(self, done: int, total: int | None) -> None: ...


def plan_program(
    new: Program,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime,
    on_progress: Progress,
) -> Plan:
    """Play new terms and the live ones over all that was recorded before `until`, or by `now`.

    What came before `since` makes ranks, caps and bonds, and is not counted. Nothing is written
    but a temporary file, so the deployment may be running.
    """
    end = now if until is None else min(until, now)
    with recording() as recorded:
        for done, happening in enumerate(_recorded(new.program_id), 1):
            if happening.at < end:
                recorded.add(happening)
            _tell(on_progress, done, None)
        live = programs.find_live(new.program_id)
        return plan_over(recorded, new, live=live, since=since, until=end, on_progress=on_progress)


def plan_over(
    recorded: Recording,
    new: Program,
    *,
    live: Program | None,
    since: datetime | None = None,
    until: datetime,
    on_progress: Progress,
) -> Plan:
    """Play new terms and the live ones over what was `recorded`, all of it before `until`.

    Nothing can be added to it afterwards. Much of it is played in two processes.
    """
    recorded.close()
    live_tally, new_tally = _tallies(recorded, (live, new), since, until, on_progress)
    return Plan(
        live=live,
        new=new,
        live_tally=live_tally,
        new_tally=new_tally,
        since=since,
        until=until,
        events=len(recorded),
    )


def _tallies(
    recorded: Recording,
    terms: tuple[Program | None, Program],
    since: datetime | None,
    until: datetime,
    on_progress: Progress,
) -> tuple[Tally, Tally]:
    live, new = terms
    file, total = recorded.file, len(recorded)
    if live is None:
        return Tally(), play(file, [new], since, until, on_progress, total)[0]
    if total < WORTH_A_PROCESS or os.cpu_count() == 1:
        live_tally, new_tally = play(file, [live, new], since, until, on_progress, total)
        return live_tally, new_tally
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        of_live = beside.submit(play, file, [live], since, until)
        (new_tally,) = play(file, [new], since, until, on_progress, total)
        return of_live.result()[0], new_tally


def _nobody(done: int, total: int | None) -> None:
    """Tell nobody."""


def play(
    file: Path,
    terms: list[Program],
    since: datetime | None,
    until: datetime,
    on_progress: Progress = _nobody,
    total: int | None = None,
) -> list[Tally]:
    """Play everything in a file under each of some terms."""
    simulations = [Simulation(each, since=since) for each in terms]
    for done, happening in enumerate(happenings.read(file), 1):
        for simulation in simulations:
            simulation.take(happening)
        _tell(on_progress, done, total)
    return [simulation.finish(until) for simulation in simulations]


def _recorded(program_id: ProgramId) -> Iterator[Happening]:
    """Read everything that was recorded of a program, in no order."""
    for advocate in advocates.iter_all():
        if advocate.program_id == program_id:
            yield Happening(at=advocate.created_at, advocate=advocate)
    for bond in referrals.iter_all():
        referral = bond.referral
        if bond.program_id == program_id and referral is not None and referral.attributed_by:
            yield Happening(at=referral.since, referral=referral, friend_id=bond.friend_id)
    for case in conversions.iter_all():
        if case.conversion is not None and case.conversion.program_id == program_id:
            yield from happenings_of(case)


def _tell(on_progress: Progress, done: int, total: int | None) -> None:
    if done % _TOLD_EVERY == 0 or done == total:
        on_progress(done, total)
