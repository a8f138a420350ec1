"""The hold of a reward ends: what was promised becomes available."""

from datetime import datetime

from referrals.domain.conversions import reward_event
from referrals.domain.events import EventName
from referrals.domain.rewards import Reward, RewardState, moved_to, release_posting
from referrals.store import events, rewards
from referrals.store.transactions import commit
from referrals.usecases.settlement import booked


def end_hold(reward: Reward, *, now: datetime) -> None:
    """Move a held reward to AVAILABLE, with its journal and its event.

    BeatenError when it was changed meanwhile; MoveNotAllowedError when it is not held.
    """
    cause = f"hold:{reward.reward_id}"
    available = moved_to(reward, RewardState.AVAILABLE, due_at=now)
    told = reward_event(EventName.REWARD_AVAILABLE, available, cause=cause, now=now)
    commit(
        rewards.save(available),
        *booked(reward, release_posting(reward), cause, now),
        events.append([told], now=now),
    )
