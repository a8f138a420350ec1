"""What would new terms have cost, and brought? They are played over what was recorded."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import partial
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
            _tell(on_progress, done, total=None)
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
    play_all = partial(play, recorded.file, since=since, until=until)
    tell = partial(_tell, on_progress, total=len(recorded))
    is_much = len(recorded) >= WORTH_A_PROCESS and os.cpu_count() != 1
    if live is None:
        live_tally, (new_tally,) = Tally(), play_all([new], tell)
    elif is_much:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
            of_live = beside.submit(play_all, [live])
            (new_tally,) = play_all([new], tell)
            (live_tally,) = of_live.result()
    else:
        live_tally, new_tally = play_all([live, new], tell)
    return Plan(
        live=live,
        new=new,
        live_tally=live_tally,
        new_tally=new_tally,
        since=since,
        until=until,
        events=len(recorded),
    )


def play(
    file: Path,
    terms: Sequence[Program],
    tell: Callable[[int], None] | None = None,
    *,
    since: datetime | None,
    until: datetime,
) -> list[Tally]:
    """Play everything in a file under each of some terms; `tell` is told of each that was."""
    simulations = [Simulation(each, since=since) for each in terms]
    for done, happening in enumerate(happenings.read(file), 1):
        for simulation in simulations:
            simulation.take(happening)
        if tell is not None:
            tell(done)
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


def _tell(on_progress: Progress, done: int, *, total: int | None) -> None:
    if done % _TOLD_EVERY == 0 or done == total:
        on_progress(done, total)
