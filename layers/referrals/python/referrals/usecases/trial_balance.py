"""What all accounts come to, in debits and credits that agree."""

from collections.abc import Iterator

from referrals.domain.ids import ProgramId
from referrals.domain.ledger import Journal, read_journal
from referrals.domain.statements import TrialLine, trial_balance
from referrals.store import ledger


def take_trial_balance(program_id: ProgramId | None = None) -> tuple[TrialLine, ...]:
    """Add up every journal, or those of one program; one pass over all of them."""
    return trial_balance(_journals(program_id))


def _journals(program_id: ProgramId | None) -> Iterator[Journal]:
    for _, canonical, _ in ledger.iter_journals():
        journal = read_journal(canonical)
        if program_id is None or journal.program_id == program_id:
            yield journal
