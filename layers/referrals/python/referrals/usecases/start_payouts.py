"""Payday: what advocates have available in cash is put into payouts, one transaction each.

    cash that is available ── by owner ── debts are paid ── enough? ── rewards FULFILLING,
                                                                        payout RESERVED

The id of a payout derives from its owner and the day, so that a run that is repeated, or goes on
where one was cut off, reserves nothing twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count, groupby

from referrals.domain.dispatches import (
    BANK,
    MOST_REWARDS,
    Dispatch,
    payout_event,
    payout_id,
    payout_of,
)
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.granting import netted_event
from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.domain.ledger import Balance, Place, Posting
from referrals.domain.payouts import PayoutTerms
from referrals.domain.programs import Program
from referrals.domain.reconciliation import Difference
from referrals.domain.rewards import Reward, RewardState, dispatched, netted
from referrals.store import details, differences, dispatches, ledger, people, programs, rewards
from referrals.store.rewards import RewardKey
from referrals.store.transactions import ContentionError, commit, read, until_settled
from referrals.usecases.bookings import Steps, write_steps
from referrals.usecases.reversals import read_promises

_BETWEEN_RUNS = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRun:
    """What a run did: how many payouts it reserved, and how many owners it left, each for a reason.

    `busy` are those whose items others wrote all the time: they are paid when it runs again.
    `stopped` names programs whose provider has an open difference: nothing was reserved for them.
    """

    reserved: int = 0
    below_minimum: int = 0
    unreachable: int = 0
    busy: int = 0
    stopped: tuple[ProgramId, ...] = ()

    def __add__(self, other: "PayoutRun") -> "PayoutRun":
        return PayoutRun(
            reserved=self.reserved + other.reserved,
            below_minimum=self.below_minimum + other.below_minimum,
            unreachable=self.unreachable + other.unreachable,
            busy=self.busy + other.busy,
            stopped=self.stopped + other.stopped,
        )


def start_payouts(*, now: datetime, only: ProgramId | None = None) -> PayoutRun:
    """Reserve the payouts of every program that has planned them for today.

    A payday that was stopped is made up for on the first day that nothing stops. With `only` those
    of one program are reserved, whatever its schedule says.
    """
    run = PayoutRun()
    for program in programs.iter_live():
        terms = program.payouts
        if terms is None or (only is not None and program.program_id != only):
            continue
        found = differences.list_of_provider(terms.provider)
        if only is not None or _is_due(terms, found, now):
            run += _start(program, terms, found, now)
    return run


def _is_due(terms: PayoutTerms, found: Sequence[Difference], now: datetime) -> bool:
    """Whether a payday is today, or was before and every run since was stopped."""
    moment = now
    while not terms.is_due_on(moment.date()):
        moment -= _BETWEEN_RUNS
        if not any(each.is_open(moment) for each in found):
            return False
    return True


def _start(
    program: Program, terms: PayoutTerms, found: Sequence[Difference], now: datetime
) -> PayoutRun:
    if any(each.resolved_at is None for each in found):
        return PayoutRun(stopped=(program.program_id,))
    run = PayoutRun()
    for owner_id, reward_ids in _cash_by_owner(program.program_id):
        run += _pay_out(_PayingOut(program, terms, owner_id, reward_ids, now))
    return run


def _pay_out(paying: "_PayingOut") -> PayoutRun:
    """Pay one owner out; who is busy keeps nobody else from being paid."""
    try:
        return paying.run()
    except ContentionError:
        return PayoutRun(busy=1)


def _cash_by_owner(program_id: ProgramId) -> Iterator[tuple[PersonId, list[RewardId]]]:
    def owner_of(key: RewardKey) -> PersonId:
        return key.owner_id

    for owner_id, keys in groupby(rewards.iter_cash(program_id), key=owner_of):
        yield owner_id, [key.reward_id for key in keys]


class _PayingOut:
    """Pays one owner out: in several payouts when there are more rewards than one can hold."""

    def __init__(
        self,
        program: Program,
        terms: PayoutTerms,
        owner_id: PersonId,
        reward_ids: Sequence[RewardId],
        now: datetime,
    ) -> None:
        self.program, self.terms, self.now = program, terms, now
        self.owner_id, self.reward_ids = owner_id, reward_ids
        self._just_read: list[Reward] | None = None

    def run(self) -> PayoutRun:
        if not can_be_reached(self.owner_id, self.terms.provider):
            return PayoutRun(unreachable=1)
        return sum((self._in_unit(unit) for unit in self._units()), PayoutRun())

    def _units(self) -> list[str]:
        """List the units of what can be sent: more than one when the currency was changed."""
        self._just_read = found = until_settled(self._read_payable)
        return sorted({reward.unit for reward in found})

    def _payable(self) -> list[Reward]:
        """Read what can be sent, the largest first, so that debts are paid out of few.

        What was just read is good for one attempt.
        """
        just_read, self._just_read = self._just_read, None
        return self._read_payable() if just_read is None else just_read

    def _read_payable(self) -> list[Reward]:
        promises = [(self.owner_id, reward_id) for reward_id in self.reward_ids]
        found = read_promises(self.program.program_id, promises)
        payable = [reward for reward in found if is_payable(reward, now=self.now)]
        return sorted(payable, key=lambda each: (-each.to_hand_over_minor, each.reward_id))

    def _in_unit(self, unit: str) -> PayoutRun:
        reserved = 0
        for number in count():
            payout, is_new = until_settled(partial(self._reserve, unit, number))
            if payout is None:
                return PayoutRun(reserved=reserved, below_minimum=int(number == 0))
            reserved += is_new
            if len(payout.reward_ids) < MOST_REWARDS:
                break
        return PayoutRun(reserved=reserved)

    def _reserve(self, unit: str, number: int) -> tuple[Dispatch | None, bool]:
        """Reserve a payout unless it was before; gives it, and whether it is new.

        One that is not full was the last of the day.
        """
        program_id, on = self.program.program_id, self.now.date()
        known = dispatches.wanted(payout_id(program_id, self.owner_id, unit, on=on, number=number))
        wanted_balance = ledger.wanted_balance(program_id, self.owner_id)
        read(known, wanted_balance)
        if known.value is not None:
            return known.value, False
        balance = wanted_balance.value
        payable = [reward for reward in self._payable() if reward.unit == unit]
        if not payable or balance is None or balance.is_closed:
            return None, False
        debt_minor = -balance.amount(Place.DEBT, unit)
        if _worth(payable[:MOST_REWARDS]) <= debt_minor:
            self._pay_the_debt(payable[:MOST_REWARDS])
            return None, False
        least_minor = max(self.terms.minimum_minor, 1) if number == 0 else 1
        if _worth(payable) - debt_minor < least_minor:
            return None, False
        return self._write(payable[:MOST_REWARDS], balance, number), True

    def _pay_the_debt(self, payable: Sequence[Reward]) -> None:
        """Let what a debt takes all of be claimed by the clock, which sets it off."""
        commit(*(rewards.save(replace(reward, due_at=self.now)) for reward in payable))

    def _write(self, payable: Sequence[Reward], balance: Balance, number: int) -> Dispatch:
        first = payable[0]
        dispatch_id = payout_id(
            first.program_id, first.owner_id, first.unit, on=self.now.date(), number=number
        )
        cause = f"payout:{dispatch_id}"
        claimed = [dispatched(reward, dispatch_id) for reward in payable]
        less, postings, told = self._net(claimed, balance, cause)
        payout = payout_of(
            less,
            dispatch_id=dispatch_id,
            provider=self.terms.provider,
            version=self.program.version,
            now=self.now,
        )
        steps = Steps(
            rewards=tuple(less),
            version=self.program.version,
            cause=cause,
            postings=tuple(postings),
            events=(*told, payout_event(EventName.PAYOUT_RESERVED, payout, now=self.now)),
            balance=balance,
        )
        write_steps(steps, dispatches.save(payout), now=self.now)
        return payout

    def _net(
        self, claimed: Sequence[Reward], balance: Balance, cause: str
    ) -> tuple[list[Reward], list[Posting], list[DomainEvent]]:
        """Let what is owed be paid first; what a debt took all of is sent as nothing.

        What was paid too much goes out with the first.
        """
        left, postings, told = list[Reward](), list[Posting](), list[DomainEvent]()
        debt_minor = -balance.amount(Place.DEBT, claimed[0].unit)
        for reward in claimed:
            less, posting = netted(reward, debt_minor)
            left.append(less)
            if posting is None:
                continue
            debt_minor -= less.netted_minor - reward.netted_minor
            postings.append(posting)
            told.append(netted_event(reward, less, cause=cause, now=self.now))
        return left, postings, told


def is_payable(reward: Reward, *, now: datetime) -> bool:
    """Whether cash can be sent: it is available, and has not expired."""
    is_over = reward.expires_at is not None and reward.expires_at <= now
    return reward.state is RewardState.AVAILABLE and bool(reward.remaining_minor) and not is_over


def _worth(payable: Iterable[Reward]) -> int:
    return sum(reward.to_hand_over_minor for reward in payable)


def can_be_reached(owner_id: PersonId, provider: str) -> bool:
    """Whether it is known where to send somebody's cash: an account for a bank, else an address."""
    if provider == BANK:
        return details.find_payee(owner_id) is not None
    person = people.find(owner_id)
    return person is not None and bool(person.email)
