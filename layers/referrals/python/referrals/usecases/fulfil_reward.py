"""A reward is due: end its hold, claim it, hand it over."""

from dataclasses import replace
from datetime import datetime

from referrals.domain.conversions import reward_event
from referrals.domain.events import EventName
from referrals.domain.rewards import (
    Reward,
    RewardState,
    hand_over_posting,
    moved_to,
    put_back,
)
from referrals.fulfil.handing import HandOver, NotNow
from referrals.fulfil.kinds import hand_over
from referrals.store import events, rewards
from referrals.store.rewards import RewardKey
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.end_hold import end_hold
from referrals.usecases.settlement import booked


def fulfil_reward(key: RewardKey, *, now: datetime) -> RewardState | None:
    """Take a reward as far as it goes now; gives the state it is left in, None for no such reward.

    Each step is one conditional write, so it may be asked for any number of times, by several at
    once, and after any interruption.
    """
    while until_settled(lambda: _step(key, now)):
        pass
    reward = _read(key)
    return reward.state if reward else None


def _step(key: RewardKey, now: datetime) -> bool:
    """Do the next thing for a reward; False when there is nothing to do now."""
    reward = _read(key)
    if reward is None or reward.due_at is None or reward.due_at > now:
        return False
    match reward.state:
        case RewardState.HELD:
            end_hold(reward, now=now)
        case RewardState.AVAILABLE:
            # due at once: an attempt that is cut off here is taken up by whoever comes next
            commit(rewards.save(moved_to(reward, RewardState.FULFILLING, due_at=now)))
        case RewardState.FULFILLING:
            _finish(reward, now)
        case _:
            return False
    return True


def _finish(reward: Reward, now: datetime) -> None:
    if reward.clawed_back_minor:  # its order was refunded since it was claimed
        _write_put_back(reward, now, due_at=now)
        return
    match hand_over(reward):
        case NotNow(again_after=again_after):
            _write_put_back(reward, now, due_at=now + again_after)
        case HandOver() as handed_over:
            _write_fulfilled(reward, handed_over, now)


def _write_put_back(reward: Reward, now: datetime, *, due_at: datetime) -> None:
    available, posting = put_back(reward, due_at=due_at)
    if posting is None:
        commit(rewards.save(available))
        return
    # a reward may be put back more than once: which time it is, is part of the cause
    cause = f"put back:{reward.reward_id}:{reward.revision}"
    commit(rewards.save(available), *booked(reward, posting, cause, now))


def _write_fulfilled(reward: Reward, handed_over: HandOver, now: datetime) -> None:
    cause = f"fulfilment:{reward.reward_id}"
    fulfilled = moved_to(
        replace(reward, handed_over=dict(handed_over.details)), RewardState.FULFILLED, due_at=None
    )
    told = reward_event(EventName.REWARD_FULFILLED, fulfilled, cause=cause, now=now)
    commit(
        rewards.save(fulfilled),
        *booked(reward, hand_over_posting(reward), cause, now),
        events.append([told], now=now),
        *handed_over.writes,
    )


def _read(key: RewardKey) -> Reward | None:
    wanted = rewards.wanted(key)
    read(wanted)
    return wanted.value
