"""Queues: who waits for a budget is paid as if everybody asked every quarter of an hour."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ids import RewardId
from referrals.domain.queues import BudgetQueue
from referrals.domain.rewards import BUDGET_RETRY_AFTER
from tests.factories import A_DAY, NOW

_MINUTE = timedelta(minutes=1)
Paid = list[tuple[datetime, RewardId]]


@dataclass(slots=True, kw_only=True)
class Purse:
    """A budget with so much a day, who waits for it, and when they were paid."""

    per_day_minor: int
    amounts: dict[RewardId, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    paid: Paid = field(default_factory=list)

    def left_minor(self, now: datetime) -> int:
        return self.per_day_minor - self.spent.get(f"{now:%F}", 0)

    def pay(self, reward_id: RewardId, now: datetime) -> None:
        self.take(self.amounts.pop(reward_id), now)
        self.paid.append((now, reward_id))

    def take(self, amount_minor: int, now: datetime) -> None:
        self.spent[f"{now:%F}"] = self.spent.get(f"{now:%F}", 0) + amount_minor


@dataclass(slots=True, kw_only=True)
class AskingEachTime:
    """Asks for everybody at every turn of theirs: slow, and plain to see."""

    purse: Purse
    due: list[tuple[datetime, RewardId]] = field(default_factory=list)

    def ask_until(self, now: datetime) -> None:
        self.due.sort()
        while self.due and self.due[0][0] <= now:
            at, reward_id = self.due.pop(0)
            if self.purse.amounts[reward_id] <= self.purse.left_minor(at):
                self.purse.pay(reward_id, at)
            else:
                self.due.append((at + BUDGET_RETRY_AFTER, reward_id))
                self.due.sort()


# minutes since the step before, what is asked for, and what is given back
_STEPS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 40), st.integers(700, 3_000)),
        st.integers(1, 60),
        st.one_of(st.just(0), st.integers(1, 80)),
    ),
    max_size=25,
)


@given(steps=_STEPS, per_day_minor=st.integers(1, 100))
def test_nobody_is_paid_sooner_or_later_than_by_asking_at_every_turn(
    steps: list[tuple[int, int, int]], per_day_minor: int
) -> None:
    now = NOW
    purse, plain = Purse(per_day_minor=per_day_minor), Purse(per_day_minor=per_day_minor)
    queue, asking = BudgetQueue(), AskingEachTime(purse=plain)
    for number, (minutes, amount_minor, back_minor) in enumerate(steps):
        now += minutes * _MINUTE + timedelta(seconds=number)
        queue.ask_until(now, purse)
        asking.ask_until(now)
        reward_id = RewardId(f"rwd_{number}")
        for each in (purse, plain):
            each.take(-back_minor, now)
        if back_minor:
            queue.hear_again(now)
        if amount_minor <= purse.left_minor(now):
            for each in (purse, plain):
                each.take(amount_minor, now)
            continue
        purse.amounts[reward_id] = plain.amounts[reward_id] = amount_minor
        queue.put(reward_id, amount_minor, due_at=now + BUDGET_RETRY_AFTER)
        asking.due.append((now + BUDGET_RETRY_AFTER, reward_id))
    queue.ask_until(now + 2 * A_DAY, purse)
    asking.ask_until(now + 2 * A_DAY)
    assert purse.paid == plain.paid
    assert len(queue) == len(plain.amounts)


def test_who_waits_for_less_since_a_refund_is_heard_at_their_next_turn() -> None:
    purse, queue, big = Purse(per_day_minor=50), BudgetQueue(), RewardId("rwd_big")
    queue.ask_until(NOW, purse)
    purse.amounts[big] = 80
    queue.put(big, 80, due_at=NOW + BUDGET_RETRY_AFTER)
    queue.ask_until(NOW + 20 * _MINUTE, purse)
    purse.amounts[big] = 40
    queue.lower(big, 40, now=NOW + 20 * _MINUTE)
    queue.ask_until(NOW + 60 * _MINUTE, purse)
    assert purse.paid == [(NOW + 30 * _MINUTE, big)]


def test_who_was_taken_off_is_not_paid() -> None:
    purse, queue, gone = Purse(per_day_minor=50), BudgetQueue(), RewardId("rwd_gone")
    queue.ask_until(NOW, purse)
    queue.put(gone, 80, due_at=NOW + BUDGET_RETRY_AFTER)
    queue.remove(gone)
    queue.ask_until(NOW + A_DAY, purse)
    assert (len(queue), purse.paid) == (0, [])
