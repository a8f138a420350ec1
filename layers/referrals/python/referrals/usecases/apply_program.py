"""A program, or a new version of one, goes live."""

from dataclasses import replace
from datetime import datetime

from referrals.domain.programs import Program, checked
from referrals.store import programs
from referrals.store.transactions import commit, until_settled


def apply_program(program: Program, *, now: datetime) -> Program:
    """Write the next version of a program and make it live; unchanged terms make no new version.

    `version` of the argument is ignored. TermsNotAllowedError when the terms contradict themselves.
    """
    checked(program)

    def attempt() -> Program:
        live = programs.find_live(program.program_id)
        if live is not None and replace(program, version=live.version) == live:
            return live
        applied = replace(program, version=live.version + 1 if live else 1)
        commit(*programs.insert(applied, now=now))
        return applied

    applied = until_settled(attempt)
    programs.forget_cached()
    return applied
