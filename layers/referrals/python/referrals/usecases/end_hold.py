"""The hold of a reward ends: what was promised becomes available."""

from datetime import datetime

from referrals.domain.conversions import reward_event
from referrals.domain.events import EventName
from referrals.domain.ledger import after, journal_for
from referrals.domain.rewards import Reward, RewardState, moved_to, release_posting
from referrals.store import events, ledger, rewards
from referrals.store.transactions import commit
from referrals.usecases.settlement import read_balances


def end_hold(reward: Reward, *, now: datetime) -> None:
    """Move a held reward to AVAILABLE, with its journal and its event.

    BeatenError when it was changed meanwhile; MoveNotAllowedError when it is not held.
    """
    cause = f"hold:{reward.reward_id}"
    available = moved_to(reward, RewardState.AVAILABLE, due_at=now)
    balances = read_balances(reward.program_id, {reward.owner_id})
    journal = journal_for(
        cause,
        [release_posting(reward)],
        program_id=reward.program_id,
        version=reward.version,
        now=now,
        balances=balances,
    )
    commit(
        rewards.save(available),
        ledger.append(journal),
        ledger.save_balance(after(balances[reward.owner_id], journal)),
        events.append(
            [reward_event(EventName.REWARD_AVAILABLE, available, cause=cause, now=now)], now=now
        ),
    )
