"""Promises without a story: a reward that is available at once, with its journal and its event."""

from dataclasses import replace
from datetime import datetime, timedelta

from referrals.domain.events import EventName
from referrals.domain.granting import reward_event
from referrals.domain.ids import PersonId, RewardId
from referrals.domain.rewards import (
    Reward,
    RewardState,
    grant_posting,
    release_posting,
    reversed_to,
)
from referrals.domain.rules import RewardKind, Side, Trigger
from referrals.store.rewards import RewardKey
from referrals.store.transactions import until_settled
from referrals.usecases.bookings import Steps, write_steps
from referrals.usecases.fulfil_reward import read_reward
from tests.shop import TEA


def promise(
    reward_id: RewardId,
    *,
    owner_id: PersonId,
    amount_minor: int,
    now: datetime,
    kind: RewardKind = RewardKind.CASH,
    partner: str | None = None,
    pool: str | None = None,
    unit: str = "EUR",
    expires_after_days: int | None = None,
) -> Reward:
    """Promise something that can go out at once, counted under no cap, as what points buy is."""
    expires_at = now + timedelta(days=expires_after_days) if expires_after_days else None
    reward = Reward(
        reward_id=reward_id,
        program_id=TEA,
        version=1,
        rule_id="catalogue:some",
        conversion_id=None,
        order_id=None,
        owner_id=owner_id,
        side=Side.ADVOCATE,
        kind=kind,
        pool=pool,
        partner=partner,
        unit=unit,
        amount_minor=amount_minor,
        state=RewardState.AVAILABLE,
        held_until=now,
        granted_at=now,
        due_at=expires_at if kind is RewardKind.CASH else now,
        expires_after_days=expires_after_days,
        expires_at=expires_at,
        trigger=Trigger.REDEMPTION,
    )
    cause = f"prize:{reward_id}"
    steps = Steps(
        rewards=(reward,),
        version=1,
        cause=cause,
        postings=(grant_posting(reward), release_posting(reward)),
        events=(reward_event(EventName.REWARD_AVAILABLE, reward, cause=cause, now=now),),
    )
    until_settled(lambda: write_steps(steps, now=now))
    return replace(reward, revision=1)


def key_of(reward: Reward) -> RewardKey:
    return RewardKey(
        program_id=reward.program_id, owner_id=reward.owner_id, reward_id=reward.reward_id
    )


def take_back(key: RewardKey, *, owed_minor: int, now: datetime) -> None:
    """Let no more than `owed_minor` stand of a reward, as a refund of its order would."""
    until_settled(lambda: _take_back(key, owed_minor, now))


def _take_back(key: RewardKey, owed_minor: int, now: datetime) -> None:
    reward = read_reward(key)
    reversal = reversed_to(reward, owed_minor) if reward else None
    if reward is None or reversal is None:
        return
    cause = f"refund:{reward.reward_id}:{reward.writing}"
    name = EventName.REWARD_CLAWED_BACK if reversal.is_claw_back else EventName.REWARD_VOIDED
    told = reward_event(
        name, reversal.reward, cause=cause, now=now, reversed_minor=reversal.back_minor
    )
    steps = Steps(
        rewards=(reversal.reward,),
        version=reward.version,
        cause=cause,
        postings=reversal.postings,
        events=(told,),
    )
    write_steps(steps, now=now)
