"""The ledger: money is added, never edited.

A journal is one event's postings; a posting moves a positive amount of one unit from a source to a
destination account, so a journal cannot be out of balance and all accounts of a unit add up to 0.
Each journal names the one before it of every person in it by its hash, so a change anywhere breaks
a chain, and from a balance all of a person's journals can be walked back, each proved by the next.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from referrals.domain.caps import CapUse
from referrals.domain.ids import JournalId, PersonId, ProgramId, RewardId, derive

Account = str
NOTHING_BEFORE = "0" * 64


class Place(StrEnum):
    """Where a person's share of the money sits.

    `CREDIT` is what a shop took over for its owner to spend, and what is left of it; `PAID` is what
    is gone: sent, given, spent.
    """

    HELD = "held"
    AVAILABLE = "available"
    CREDIT = "credit"
    PAID = "paid"
    DEBT = "debt"


def expense_of(program_id: ProgramId) -> Account:
    return f"program:{program_id}:expense"


def account_of(person_id: PersonId, place: Place) -> Account:
    return f"person:{person_id}:{place}"


def owner_of(account: Account) -> tuple[PersonId, Place] | None:
    """Give person and place of a person's account; None for a program's."""
    kind, owner, place = account.split(":")
    return (PersonId(owner), Place(place)) if kind == "person" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """`amount_minor` of `unit`, always more than 0, from `source` to `destination`."""

    source: Account
    destination: Account
    amount_minor: int
    unit: str

    def __post_init__(self) -> None:
        if self.amount_minor <= 0 or self.source == self.destination:
            raise ValueError(f"not a posting: {self.amount_minor} {self.unit} from {self.source}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What came before in a person's chain: how many journals, and the last one of them."""

    number: int = 0
    journal_id: JournalId | None = None
    digest: str = NOTHING_BEFORE


FIRST = Link()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """All postings of one event; `previous` links it, per person in it, to the one before."""

    journal_id: JournalId
    program_id: ProgramId
    version: int
    cause: str
    recorded_at: datetime
    postings: tuple[Posting, ...]
    previous: Mapping[PersonId, Link]

    @property
    def people(self) -> tuple[PersonId, ...]:
        return people_in(self.postings)

    @property
    def canonical(self) -> str:
        """Every field in one form (JSON, sorted keys, no spaces, ASCII): what is stored and hashed.

        `read_journal` reads it.
        """
        content = {
            "journal_id": self.journal_id,
            "program_id": self.program_id,
            "version": self.version,
            "cause": self.cause,
            "recorded_at": self.recorded_at.isoformat(),
            "postings": [[p.source, p.destination, p.amount_minor, p.unit] for p in self.postings],
            "previous": {
                person: [link.number, link.journal_id, link.digest]
                for person, link in self.previous.items()
            },
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over the canonical form."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def read_journal(canonical: str) -> Journal:
    """Read a journal from its canonical form; ValueError when it is no journal."""
    content = json.loads(canonical)
    try:
        return Journal(
            journal_id=JournalId(content["journal_id"]),
            program_id=ProgramId(content["program_id"]),
            version=content["version"],
            cause=content["cause"],
            recorded_at=datetime.fromisoformat(content["recorded_at"]),
            postings=tuple(
                Posting(source=source, destination=destination, amount_minor=amount, unit=unit)
                for source, destination, amount, unit in content["postings"]
            ),
            previous={
                PersonId(person): Link(number=number, journal_id=journal_id, digest=digest)
                for person, (number, journal_id, digest) in content["previous"].items()
            },
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a journal: {canonical[:200]}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a milestone stands: the reward earned there, or None when it was un-earned since.

    `generation` counts how often it was earned, so that each earning has its own id.
    """

    reward_id: RewardId | None
    generation: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What an advocate brought in one period of a leaderboard, less what was given back."""

    purchases: int = 0
    revenue_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What one person has in one program, and how far they are into its caps.

    `amounts` maps `place:unit` to minor units as the accounts have them: a debt is negative.
    Whoever's is closed was forgotten, and is promised nothing more. `revision` is None until it is
    stored.
    """

    program_id: ProgramId
    person_id: PersonId
    amounts: Mapping[str, int] = field(default_factory=dict)
    caps: Mapping[str, CapUse] = field(default_factory=dict)
    milestones: Mapping[str, Mark] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    signups: int = 0
    purchases: int = 0
    journals: int = 0
    last_hash: str = NOTHING_BEFORE
    last_journal_id: JournalId | None = None
    is_closed: bool = False
    revision: int | None = None

    @property
    def last_link(self) -> Link:
        """What the next journal of this person is chained to."""
        return Link(number=self.journals, journal_id=self.last_journal_id, digest=self.last_hash)

    def amount(self, place: Place, unit: str) -> int:
        return self.amounts.get(f"{place}:{unit}", 0)

    def cap_use(self, rule_id: str) -> CapUse:
        return self.caps.get(rule_id, CapUse())

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(sorted({key.split(":")[1] for key in self.amounts}))


def handed_over_minor(balance: Balance, unit: str) -> int:
    """Give all that was ever handed over to somebody, spent or not."""
    return balance.amount(Place.CREDIT, unit) + balance.amount(Place.PAID, unit)


def spendable_minor(balance: Balance, unit: str) -> int:
    """Give what somebody can spend: their credit or points, less what they owe in that unit."""
    owed_minor = min(balance.amount(Place.DEBT, unit), 0)
    return max(balance.amount(Place.CREDIT, unit) + owed_minor, 0)


def people_in(postings: Iterable[Posting]) -> tuple[PersonId, ...]:
    """Name, in a fixed order, everybody who has an account in some postings."""
    accounts = {
        account for posting in postings for account in (posting.source, posting.destination)
    }
    return tuple(sorted({owner[0] for account in accounts if (owner := owner_of(account))}))


def journal_for(
    cause: str,
    postings: Sequence[Posting],
    *,
    program_id: ProgramId,
    version: int,
    now: datetime,
    balances: Mapping[PersonId, Balance],
) -> Journal:
    """Write the journal of `cause`, chained to the journals before it.

    Its id derives from the cause: twice asked, once written. `balances` must hold everybody who
    has an account in the postings.
    """
    return Journal(
        journal_id=JournalId(derive("jrn", program_id, cause)),
        program_id=program_id,
        version=version,
        cause=cause,
        recorded_at=now,
        postings=tuple(postings),
        previous={person: balances[person].last_link for person in people_in(postings)},
    )


def moved(postings: Iterable[Posting]) -> Counter[tuple[Account, str]]:
    """Add up postings to what each account gains, by account and unit; losses are negative."""
    sums: Counter[tuple[Account, str]] = Counter()
    for posting in postings:
        sums[posting.source, posting.unit] -= posting.amount_minor
        sums[posting.destination, posting.unit] += posting.amount_minor
    return sums


def after(balance: Balance, journal: Journal) -> Balance:
    """Give a person's balance after a journal that they are part of."""
    amounts = dict(balance.amounts)
    for (account, unit), gain in moved(journal.postings).items():
        owner = owner_of(account)
        if owner and owner[0] == balance.person_id and gain:
            key = f"{owner[1]}:{unit}"
            amounts[key] = amounts.get(key, 0) + gain
    return replace(
        balance,
        amounts=amounts,
        journals=balance.journals + 1,
        last_hash=journal.digest,
        last_journal_id=journal.journal_id,
    )
