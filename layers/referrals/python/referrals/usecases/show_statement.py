"""Every movement of a customer's rewards in a program, each with its cause.

    balance ──> last journal ──> the one before ──> ... ──> nothing

There is no index of a person's journals: they are walked back from the balance, and each is what
the next one's hash says.
"""

from referrals.domain.errors import AdvocateNotFoundError
from referrals.domain.ids import JournalId, PersonId, ProgramId, person_id
from referrals.domain.ledger import Balance, Journal, read_journal
from referrals.domain.statements import BrokenChainError, Statement, proved, statement_of
from referrals.store import advocates, ledger, programs
from referrals.store.transactions import until_settled
from referrals.usecases.keys import Keys

MOST_JOURNALS = 10_000


def show_statement(
    customer_id: str, program_id: ProgramId, *, keys: Keys, most: int = MOST_JOURNALS
) -> Statement:
    """Give the statement of a customer by the shop's id: their newest journals, `most` at most.

    ProgramNotFoundError, AdvocateNotFoundError; BrokenChainError when the journals are not what
    they were.
    """
    programs.get_live(program_id)
    owner_id = person_id(customer_id, key=keys.identity)
    balance = until_settled(lambda: ledger.find_balance(program_id, owner_id))
    if balance is None and advocates.find(program_id, owner_id) is None:
        raise AdvocateNotFoundError(program_id)
    balance = balance or Balance(program_id=program_id, person_id=owner_id)
    return statement_of(balance, walked_back(balance, most))


def walked_back(balance: Balance, most: int) -> list[Journal]:
    """Read the newest journals of a balance, newest first, each proved by the one after it."""
    link, found = balance.last_link, list[Journal]()
    while link.number and len(found) < most:
        journal = proved(link, _find(link.journal_id, balance.person_id), balance.person_id)
        found.append(journal)
        link = journal.previous[balance.person_id]
    return found


def _find(journal_id: JournalId | None, owner_id: PersonId) -> Journal | None:
    canonical = ledger.find_canonical(journal_id) if journal_id else None
    try:
        return read_journal(canonical) if canonical else None
    except ValueError as error:
        raise BrokenChainError(owner_id, journal_id) from error
