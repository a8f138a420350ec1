"""What the ledger tells people: an advocate's statement, and the trial balance of a program."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from referrals.domain.errors import ReferralError
from referrals.domain.ids import JournalId, PersonId, ProgramId
from referrals.domain.ledger import Account, Balance, Journal, Link, Place, moved, owner_of

# What a cause's first word means; what follows are ids. An unknown cause is shown as it is.
_CAUSES: Mapping[str, str] = {
    "conversion": "Earned: conversion {0}",
    "refund": "Taken back: refund {1} of {0}",
    "hold": "Hold ended: {0}",
    "fulfilment": "Handed over: {0}",
    "put back": "Put back, not handed over: {0}",
    "payout": "Set off against what was owed: {0}",
    "sent": "Handed over: {0}",
    "released": "Put back, not sent: {0}",
    "returned": "Came back: {0}",
    "review": "Reviewed: {0}",
    "budget": "Taken up from the queue: {0}",
    "netting": "Set off against what was owed: {0}",
    "expiry": "Expired: {0}",
    "prize": "Prize: {0}",
    "redemption": "Spent: {1}",
    "restoration": "Given back to spend: {1}",
    "forgotten": "Taken back when its owner was forgotten: {0}",
}


_CHARGEBACK = re.compile(r"refund:(?P<of>[^:]+):chargeback:(?P<id>.+):(?P<status>opened|won|lost)")
_CHARGEBACKS: Mapping[str, str] = {
    "opened": "Taken back: chargeback {0} of {1}",
    "lost": "Taken back: chargeback {0} of {1}, lost",
    "won": "Promised anew: chargeback {0} of {1}, won",
}


class BrokenChainError(ReferralError):
    """A person's journals do not lead back to the first; names the one at which they stop."""

    code = "broken_chain"

    def __init__(self, person_id: PersonId, at: JournalId | None) -> None:
        where = f"at journal {at}" if at else "before the first journal"
        super().__init__(f"the chain of {person_id} breaks {where}; `ledger verify` says more")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """What one journal did to one unit of a person, by place, and what they had after it.

    Amounts are minor units as the accounts have them: a debt is negative.
    """

    journal_id: JournalId
    recorded_at: datetime
    cause: str
    says: str
    unit: str
    changes: Mapping[Place, int]
    balance: Mapping[Place, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A person's lines, oldest first. `opening` is what they had before, when some are left out."""

    program_id: ProgramId
    person_id: PersonId
    lines: tuple[StatementLine, ...] = ()
    opening: Mapping[str, Mapping[Place, int]] = field(default_factory=dict)
    closing: Mapping[str, Mapping[Place, int]] = field(default_factory=dict)
    journals: int = 0

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(sorted(self.closing))

    @property
    def is_whole(self) -> bool:
        """Whether it begins with the first journal."""
        return not any(any(places.values()) for places in self.opening.values())


def cause_in_words(cause: str) -> str:
    """Say what a journal's cause was; ids stay as they are."""
    chargeback = _CHARGEBACK.fullmatch(cause)
    if chargeback is not None:
        return _CHARGEBACKS[chargeback["status"]].format(chargeback["id"], chargeback["of"])
    kind, _, rest = cause.partition(":")
    says = _CAUSES.get(kind)
    ids = rest.split(":", maxsplit=1)
    if says is None or not rest or ("{1}" in says and len(ids) < len(("of", "which"))):
        return cause
    return says.format(*ids)


def proved(link: Link, journal: Journal | None, person_id: PersonId) -> Journal:
    """Give the journal that a link names, when it is what the link says; BrokenChainError."""
    is_what_it_was = (
        journal is not None
        and journal.digest == link.digest
        and journal.previous.get(person_id, link).number == link.number - 1
    )
    if journal is None or not is_what_it_was:
        raise BrokenChainError(person_id, link.journal_id)
    return journal


def statement_of(balance: Balance, newest_first: Sequence[Journal]) -> Statement:
    """Give a statement of the newest journals of a person, reckoned back from their balance.

    BrokenChainError when they are all there are and do not begin with nothing.
    """
    running = _by_unit(balance)
    closing = {unit: dict(places) for unit, places in running.items()}
    lines: list[StatementLine] = []
    for journal in newest_first:
        for unit, changes in sorted(_changes(journal, balance.person_id).items(), reverse=True):
            after = running.setdefault(unit, dict.fromkeys(Place, 0))
            lines.append(_line(journal, unit, changes, after))
            running[unit] = {place: after[place] - changes.get(place, 0) for place in Place}
    statement = Statement(
        program_id=balance.program_id,
        person_id=balance.person_id,
        lines=tuple(reversed(lines)),
        opening=running,
        closing=closing,
        journals=balance.journals,
    )
    if len(newest_first) == balance.journals and not statement.is_whole:
        raise BrokenChainError(balance.person_id, None)
    return statement


def _by_unit(balance: Balance) -> dict[str, dict[Place, int]]:
    return {unit: {place: balance.amount(place, unit) for place in Place} for unit in balance.units}


def _changes(journal: Journal, person_id: PersonId) -> dict[str, dict[Place, int]]:
    changes: dict[str, dict[Place, int]] = {}
    for (account, unit), gain in moved(journal.postings).items():
        owner = owner_of(account)
        if owner is not None and owner[0] == person_id:
            changes.setdefault(unit, {})[owner[1]] = gain
    return changes


def _line(
    journal: Journal, unit: str, changes: Mapping[Place, int], after: Mapping[Place, int]
) -> StatementLine:
    return StatementLine(
        journal_id=journal.journal_id,
        recorded_at=journal.recorded_at,
        cause=journal.cause,
        says=cause_in_words(journal.cause),
        unit=unit,
        changes={place: changes[place] for place in Place if changes.get(place)},
        balance=dict(after),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One account and unit: what it is ahead in debits, or in credits; one of them is 0."""

    account: Account
    unit: str
    debit_minor: int
    credit_minor: int


def trial_balance(journals: Iterable[Journal]) -> tuple[TrialLine, ...]:
    """Set every program's account and people's accounts, by place, in two columns that agree.

    A posting debits its source and credits its destination: what is promised is an expense of the
    program and owed to people.
    """
    sums: Counter[tuple[str, Account]] = Counter()
    for journal in journals:
        for (account, unit), gain in moved(journal.postings).items():
            owner = owner_of(account)
            name = f"people:{journal.program_id}:{owner[1]}" if owner else account
            sums[unit, name] += gain
    return tuple(
        TrialLine(
            account=account,
            unit=unit,
            debit_minor=max(-amount, 0),
            credit_minor=max(amount, 0),
        )
        for (unit, account), amount in sorted(sums.items())
    )
