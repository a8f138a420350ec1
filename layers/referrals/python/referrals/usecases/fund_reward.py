"""A reward that waited for the budget, or for people, is paid for: its hold begins."""

from dataclasses import replace
from datetime import datetime

from referrals.domain.granting import funded, promise_event
from referrals.domain.rewards import (
    BUDGET_RETRY_AFTER,
    Reward,
    RewardState,
    grant_posting,
    moved_to,
)
from referrals.store import programs, rewards
from referrals.store.transactions import commit
from referrals.usecases.bookings import Step, write_step
from referrals.usecases.surroundings import read_whole_budget


def fund_reward(reward: Reward, *, now: datetime) -> bool:
    """Move a queued reward to HELD if the budget has room for it; else it is asked again later.

    Gives whether it moved. BeatenError when others drew from the budget at this moment.
    """
    program = programs.get_live(reward.program_id)
    budget = read_whole_budget(program, reward.reward_id)
    paid = funded(reward, budget, program.currency, now=now)
    if paid is None:
        commit(rewards.save(replace(reward, due_at=now + BUDGET_RETRY_AFTER)))
        return False
    left, held = paid
    moved_to(reward, RewardState.HELD, due_at=held.due_at)
    cause = f"budget:{reward.reward_id}"
    write_step(
        Step(
            before=reward,
            reward=held,
            cause=cause,
            postings=(grant_posting(held),),
            events=(promise_event(held, cause=cause, now=now),),
            slices=left.changed_from(budget) if left and budget else (),
        ),
        now=now,
    )
    return True
