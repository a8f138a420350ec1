"""Queues: rewards that wait until a budget has room, each asking again in its own turn.

Everybody asks every quarter of an hour from the promise on. No answer changes before something is
given back or a day begins, so whoever asked in vain since then is not heard until that happens.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from referrals.domain.ids import RewardId
from referrals.domain.rewards import BUDGET_RETRY_AFTER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ROUND = BUDGET_RETRY_AFTER // _MICROSECOND
_DAY = timedelta(days=1) // _MICROSECOND
_AFTER_ALL_IDS = chr(0x10FFFF)


class Till(Protocol):
    """What is asked: how much there is to draw at a moment, and to draw it for a reward."""

    def left_minor(self, now: datetime) -> int: ...
    def pay(self, reward_id: RewardId, now: datetime) -> None: ...


class BudgetQueue:
    """Who waits for how much. Nobody asks again by themselves: time goes on with `ask_until`."""

    def __init__(self) -> None:
        self._turns: list[tuple[int, RewardId]] = []  # by microseconds into a round
        self._waiting: dict[RewardId, tuple[int, int]] = {}  # the turn, and how much
        self._amounts: list[int] = []
        self._asked_until = 0
        self._heard_until = 0  # from then on everybody has asked in vain

    def __len__(self) -> int:
        return len(self._turns)

    def put(self, reward_id: RewardId, amount_minor: int, *, due_at: datetime) -> None:
        """Let a reward wait that was refused; it asks at `due_at`, and every round after that."""
        self._put(reward_id, amount_minor, turn=_micros(due_at) % _ROUND)

    def lower(self, reward_id: RewardId, amount_minor: int, *, now: datetime) -> None:
        """Let a reward wait for less from `now` on."""
        turn, _ = self._waiting[reward_id]
        self.remove(reward_id)
        self._put(reward_id, amount_minor, turn=turn)
        self.hear_again(now)

    def remove(self, reward_id: RewardId) -> None:
        """Let a reward wait no longer."""
        turn, amount_minor = self._waiting.pop(reward_id)
        del self._turns[bisect_left(self._turns, (turn, reward_id))]
        del self._amounts[bisect_left(self._amounts, amount_minor)]

    def hear_again(self, now: datetime) -> None:
        """Say that something was given back at `now`: whoever asks after that may be paid."""
        self._heard_until = _micros(now) + _ROUND

    def ask_until(self, now: datetime, till: Till) -> None:
        """Let everybody ask whose turn comes by `now`, one after the other."""
        end = _micros(now)
        while self._turns and self._asked_until // _DAY < end // _DAY:
            midnight = (self._asked_until // _DAY + 1) * _DAY
            self._ask(midnight - 1, till)
            self._asked_until = midnight - 1
            self._heard_until = midnight - 1 + _ROUND
            self._ask(midnight, till)
            self._asked_until = midnight
        self._ask(end, till)
        self._asked_until = end

    def _ask(self, end: int, till: Till) -> None:
        end = min(end, self._heard_until)
        if end <= self._asked_until or not self._turns:
            return
        left_minor = till.left_minor(_moment(end))
        if left_minor < self._amounts[0]:
            return
        for at, reward_id in list(self._turns_between(self._asked_until, end)):
            if self._waiting[reward_id][1] > left_minor:
                continue
            self.remove(reward_id)
            till.pay(reward_id, _moment(at))
            left_minor = till.left_minor(_moment(at))
            if not self._amounts or left_minor < self._amounts[0]:
                return

    def _turns_between(self, start: int, end: int) -> Iterator[tuple[int, RewardId]]:
        """Give who asks after `start` and by `end`, at most a round later, in their order."""
        begun = start - start % _ROUND
        first = bisect_right(self._turns, (start % _ROUND, _AFTER_ALL_IDS))
        for turn, reward_id in self._turns[first:]:
            if begun + turn > end:
                return
            yield begun + turn, reward_id
        for turn, reward_id in self._turns[:first]:
            if begun + _ROUND + turn > end:
                return
            yield begun + _ROUND + turn, reward_id

    def _put(self, reward_id: RewardId, amount_minor: int, *, turn: int) -> None:
        self._waiting[reward_id] = (turn, amount_minor)
        insort(self._turns, (turn, reward_id))
        insort(self._amounts, amount_minor)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND
