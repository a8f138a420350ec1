"""A program, or a new version of one, goes live."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from referrals.domain.budgets import Slice, shared_out
from referrals.domain.programs import Program, checked, following
from referrals.store import budgets, programs
from referrals.store.transactions import commit, read, until_settled


def apply_program(program: Program, *, now: datetime) -> Program:
    """Write the next version of a program and make it live; unchanged terms make no new version.

    A new budget is shared out in the same transaction; what waits for it is looked at again within
    a quarter of an hour. `version` of the argument is ignored. TermsNotAllowedError when the terms
    contradict themselves, or the live ones in what they are counted in.
    """
    checked(program)

    def attempt() -> Program:
        live = programs.find_live(program.program_id)
        if live is not None and replace(program, version=live.version) == live:
            return live
        applied = following(live, program)
        slices = _slices(applied, live, now)
        commit(*programs.insert(applied, now=now), *(budgets.save(part) for part in slices))
        return applied

    applied = until_settled(attempt)
    programs.forget_cached()
    return applied


def _slices(program: Program, live: Program | None, now: datetime) -> Sequence[Slice]:
    """Give the slices that a change of the budget changes."""
    was_limited = live is not None and live.budget.is_limited
    is_same = live is not None and live.budget == program.budget
    if is_same or not (was_limited or program.budget.is_limited):
        return ()
    wanted = budgets.wanted_all(program.program_id)
    read(*wanted)
    known = budgets.found(wanted)
    shared = shared_out(
        program.budget, program_id=program.program_id, known=known, today=now.date()
    )
    return tuple(part for part in shared if part not in known)
