"""Coupons or gifts came in: they go into their pool, and to those who wait, oldest first."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from referrals.domain.ids import ProgramId
from referrals.domain.programs import Program
from referrals.domain.rewards import RewardState
from referrals.domain.rules import RewardKind
from referrals.fulfil import queue
from referrals.settings import MissingSettingError
from referrals.store import coupons, rewards
from referrals.store.coupons import Waiting
from referrals.store.rewards import RewardKey
from referrals.store.transactions import commit, read, until_settled

# So many have gone out before the next are called; the others look again within the hour.
MOST_CALLED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refilled:
    """How many were new to the pool, and how many rewards that waited go out now."""

    added: int
    called: int


def pools_of(program: Program, *, kinds: Iterable[RewardKind]) -> frozenset[str]:
    """Name the pools that rewards of some kinds come from, by a rule or from the catalogue."""
    named = [(rule.pool, rule.kind) for rule in program.rules]
    named += [(item.pool, item.kind) for item in program.catalogue]
    wanted = set(kinds)
    return frozenset(pool for pool, kind in named if pool and kind in wanted)


def refill_pool(
    program_id: ProgramId, pool: str, codes: Iterable[str], *, now: datetime
) -> Refilled:
    """Put coupons into a pool and call as many of the rewards that wait as there are free ones.

    As often as one likes: a coupon that was ever in the pool is not new, a reward goes out once.
    """
    added = sum(coupons.add(program_id, pool, code) for code in codes)
    called = list(_call(program_id, pool, now))
    # without the queue, or its address, the next minute finds what is due
    with contextlib.suppress(MissingSettingError, queue.MessagesNotQueuedError):
        queue.send_all(called)
    return Refilled(added=added, called=len(called))


def _call(program_id: ProgramId, pool: str, now: datetime) -> Iterator[RewardKey]:
    free = coupons.low(program_id, pool, MOST_CALLED)
    for waiting in coupons.iter_waiting(program_id, pool):
        if not free:
            return
        if until_settled(partial(_make_due, waiting, now)):
            free -= 1
            yield waiting.key


def _make_due(waiting: Waiting, now: datetime) -> bool:
    """Let a reward that waits be looked at now; False when it waits no more, or is in hand."""
    wanted = rewards.wanted(waiting.key)
    read(wanted)
    reward = wanted.value
    if reward is not None and reward.state is RewardState.FULFILLING:
        return False  # it is being looked after, and stands in line again when it finds nothing
    waits = reward is not None and reward.state is RewardState.AVAILABLE and reward.due_at
    if reward is None or not waits or (reward.expires_at is not None and reward.expires_at <= now):
        commit(coupons.stop_waiting(waiting))
        return False
    commit(rewards.save(replace(reward, due_at=now)), coupons.stop_waiting(waiting))
    return True
