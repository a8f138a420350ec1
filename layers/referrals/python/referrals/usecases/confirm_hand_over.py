"""People handed a reward over themselves, and say so."""

from datetime import datetime

from referrals.domain.errors import (
    DuplicateHandOverError,
    MoveNotAllowedError,
    PaidInPayoutsError,
    RewardNotFoundError,
)
from referrals.domain.rewards import Reward, RewardState, moved_to
from referrals.domain.rules import RewardKind
from referrals.fulfil.handing import HandOver
from referrals.store import programs
from referrals.store.rewards import RewardKey
from referrals.store.transactions import until_settled
from referrals.usecases.fulfil_reward import read_reward, write_fulfilled

_REFERENCE, _ACTOR = "reference", "actor"


def confirm_hand_over(key: RewardKey, *, reference: str, actor: str, now: datetime) -> Reward:
    """Note that `actor` handed an available reward over, under a `reference` such as a transfer's.

    Saying it again changes nothing. RewardNotFoundError; DuplicateHandOverError when it was handed
    over with another reference, or by the system; MoveNotAllowedError when it is not available;
    PaidInPayoutsError for cash where the terms have payouts.
    """
    return until_settled(lambda: _confirm(key, reference, actor, now))


def _confirm(key: RewardKey, reference: str, actor: str, now: datetime) -> Reward:
    reward = read_reward(key)
    if reward is None:
        raise RewardNotFoundError(key.reward_id)
    if reward.handed_over is not None:
        if reward.handed_over.get(_REFERENCE) != reference:
            raise DuplicateHandOverError(reward.reward_id)
        return reward
    if reward.state is not RewardState.AVAILABLE:
        raise MoveNotAllowedError(reward.reward_id, reward.state, RewardState.FULFILLED)
    if reward.kind is RewardKind.CASH and programs.get_live(reward.program_id).payouts:
        raise PaidInPayoutsError(reward.reward_id)
    claimed = moved_to(reward, RewardState.FULFILLING, due_at=now)
    details = {_REFERENCE: reference, _ACTOR: actor}
    return write_fulfilled(claimed, HandOver(details=details), now)
