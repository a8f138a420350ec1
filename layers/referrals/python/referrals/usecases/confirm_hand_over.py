"""People handed a reward over themselves, and say so; or that the money came back."""

from datetime import datetime

from referrals.domain.errors import (
    CameBackError,
    DuplicateHandOverError,
    MoveNotAllowedError,
    PaidInPayoutsError,
    RewardNotFoundError,
)
from referrals.domain.events import EventName
from referrals.domain.granting import reward_event
from referrals.domain.rewards import (
    HANDED_OVER,
    RETURNED,
    Reward,
    RewardState,
    came_back,
    moved_to,
    return_details,
)
from referrals.domain.rules import RewardKind
from referrals.fulfil.handing import HandOver
from referrals.store import programs
from referrals.store.rewards import RewardKey
from referrals.store.transactions import until_settled
from referrals.usecases.bookings import Step, write_step
from referrals.usecases.fulfil_reward import read_reward, write_fulfilled

_REFERENCE, _ACTOR = "reference", "actor"


def confirm_hand_over(key: RewardKey, *, reference: str, actor: str, now: datetime) -> Reward:
    """Note that `actor` handed an available reward over, under a `reference` such as a transfer's.

    Saying it again changes nothing. RewardNotFoundError; DuplicateHandOverError when it was handed
    over with another reference, or by the system; CameBackError when what this reference sent came
    back; MoveNotAllowedError when it is not available; PaidInPayoutsError for cash where the terms
    have payouts.
    """
    return until_settled(lambda: _confirm(key, reference, actor, now))


def take_hand_over_back(
    key: RewardKey, *, reference: str, reason: str, actor: str, now: datetime
) -> Reward:
    """Take in cash that people sent under a `reference`, and that came back: it is available again.

    Saying it again changes nothing. RewardNotFoundError; DuplicateHandOverError when it was handed
    over under another reference; MoveNotAllowedError when it is not cash, or not handed over;
    PaidInPayoutsError for what a payout sent.
    """
    return until_settled(lambda: _take_back(key, reference, (reason, actor), now))


def _take_back(key: RewardKey, reference: str, because: tuple[str, str], now: datetime) -> Reward:
    reward = _get(key)
    if reward.dispatch_id is not None:
        raise PaidInPayoutsError(reward.reward_id)
    before, (reason, actor) = reward.handed_over or {}, because
    if RETURNED + reference in before:
        return reward
    details = {**before, **return_details(reference, reason=reason, actor=actor)}
    again, postings = came_back(reward, details, now=now)
    if before and before.get(_REFERENCE) != reference:
        raise DuplicateHandOverError(reward.reward_id)
    cause = f"returned:{reward.reward_id}:{reward.writing}"
    told = reward_event(
        EventName.REWARD_RETURNED,
        again,
        cause=cause,
        now=now,
        reference=reference,
        reason=reason,
        actor=actor,
    )
    write_step(
        Step(before=reward, reward=again, cause=cause, postings=postings, events=(told,)), now=now
    )
    return again


def _confirm(key: RewardKey, reference: str, actor: str, now: datetime) -> Reward:
    reward = _get(key)
    before = reward.handed_over or {}
    if RETURNED + reference in before:
        raise CameBackError(reward.reward_id)
    if reward.state in HANDED_OVER:
        if before.get(_REFERENCE) != reference:
            raise DuplicateHandOverError(reward.reward_id)
        return reward
    if reward.state is not RewardState.AVAILABLE:
        raise MoveNotAllowedError(reward.reward_id, reward.state, RewardState.FULFILLED)
    if reward.kind is RewardKind.CASH and programs.get_live(reward.program_id).payouts:
        raise PaidInPayoutsError(reward.reward_id)
    claimed = moved_to(reward, RewardState.FULFILLING, due_at=now)
    details = {**_returned_before(reward), _REFERENCE: reference, _ACTOR: actor}
    return write_fulfilled(claimed, HandOver(details=details), now)


def _get(key: RewardKey) -> Reward:
    reward = read_reward(key)
    if reward is None:
        raise RewardNotFoundError(key.reward_id)
    return reward


def _returned_before(reward: Reward) -> dict[str, str]:
    """Give what came back before: no reference sends twice."""
    known = reward.handed_over or {}
    return {name: why for name, why in known.items() if name.startswith(RETURNED)}
