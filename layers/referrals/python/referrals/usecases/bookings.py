"""What moves money, written: rewards, their journal, balances and slices of the budget together."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from referrals.domain.budgets import Slice
from referrals.domain.events import DomainEvent
from referrals.domain.ledger import Balance, Journal, Posting, after, journal_for
from referrals.domain.rewards import Reward
from referrals.store import budgets, events, ledger, rewards
from referrals.store.transactions import Write, commit
from referrals.usecases.surroundings import read_balances


class Booked(Protocol):
    """What was decided about money; every decision that moves some has this shape."""

    @property
    def rewards(self) -> tuple[Reward, ...]: ...
    @property
    def journal(self) -> Journal | None: ...
    @property
    def balances(self) -> tuple[Balance, ...]: ...
    @property
    def slices(self) -> tuple[Slice, ...]: ...


def money_writes(booked: Booked) -> Iterator[Write]:
    """Give the writes of what was decided about money, for one transaction with its events."""
    yield from (rewards.save(reward) for reward in booked.rewards)
    if booked.journal is not None:
        yield ledger.append(booked.journal)
    yield from (ledger.save_balance(balance) for balance in booked.balances)
    yield from (budgets.save(part) for part in booked.slices)


def read_balance(reward: Reward) -> Balance:
    """Read what the owner of a reward has."""
    return read_balances(reward.program_id, {reward.owner_id})[reward.owner_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next state of a reward, with the postings and the events that go with it.

    `balance` is the owner's before, None to have it read when there is something to post.
    """

    before: Reward
    reward: Reward
    cause: str
    postings: tuple[Posting, ...] = ()
    events: tuple[DomainEvent, ...] = ()
    balance: Balance | None = None
    slices: tuple[Slice, ...] = ()


def write_step(step: Step, *writes: Write, now: datetime) -> None:
    """Write a step of a reward at once; BeatenError when anything of it was changed meanwhile."""
    journal, balance = _booked(step, now)
    commit(
        rewards.save(step.reward),
        ledger.append(journal) if journal else None,
        ledger.save_balance(balance) if balance else None,
        *(budgets.save(part) for part in step.slices),
        events.append(step.events, journal=journal, now=now),
        *writes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The next states of rewards of one owner, moved together, with one journal for all of them.

    `version` is of the terms under which they are moved. `balance` as for a `Step`.
    """

    rewards: tuple[Reward, ...]
    version: int
    cause: str
    postings: tuple[Posting, ...]
    events: tuple[DomainEvent, ...]
    balance: Balance | None = None


def write_steps(steps: Steps, *writes: Write, now: datetime) -> None:
    """Write the steps of some rewards at once; BeatenError when one was changed meanwhile."""
    first = steps.rewards[0]
    journal = balance = None
    if steps.postings:
        balance = steps.balance or read_balance(first)
        journal = journal_for(
            steps.cause,
            steps.postings,
            program_id=first.program_id,
            version=steps.version,
            now=now,
            balances={first.owner_id: balance},
        )
    commit(
        *(rewards.save(reward) for reward in steps.rewards),
        ledger.append(journal) if journal else None,
        ledger.save_balance(after(balance, journal)) if balance and journal else None,
        events.append(steps.events, journal=journal, now=now),
        *writes,
    )


def _booked(step: Step, now: datetime) -> tuple[Journal | None, Balance | None]:
    if not step.postings:
        return None, step.balance
    balance = step.balance or read_balance(step.before)
    journal = journal_for(
        step.cause,
        step.postings,
        program_id=step.reward.program_id,
        version=step.reward.version,
        now=now,
        balances={step.reward.owner_id: balance},
    )
    return journal, after(balance, journal)
