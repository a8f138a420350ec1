"""The hold of a reward ends: what was promised becomes available."""

from datetime import datetime

from referrals.domain.events import EventName
from referrals.domain.granting import reward_event
from referrals.domain.rewards import Reward, available, release_posting
from referrals.usecases.bookings import Step, write_step


def end_hold(reward: Reward, *, now: datetime) -> None:
    """Move a held reward to AVAILABLE, with its journal and its event.

    BeatenError when it was changed meanwhile; MoveNotAllowedError when it is not held.
    """
    cause, moved = f"hold:{reward.reward_id}", available(reward, now=now)
    told = reward_event(EventName.REWARD_AVAILABLE, moved, cause=cause, now=now)
    write_step(
        Step(
            before=reward,
            reward=moved,
            cause=cause,
            postings=(release_posting(reward),),
            events=(told,),
        ),
        now=now,
    )
