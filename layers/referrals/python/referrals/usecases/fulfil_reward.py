"""A reward is due: pay for it, end its hold, claim it, hand it over, or let it expire."""

from dataclasses import replace
from datetime import datetime, timedelta

from referrals.domain.dispatches import code_of
from referrals.domain.events import EventName
from referrals.domain.granting import netted_event, put_back_event, reward_event
from referrals.domain.ledger import Place
from referrals.domain.rewards import (
    Reward,
    RewardState,
    dispatched,
    expired,
    hand_over_posting,
    handed_over,
    moved_to,
    netted,
    put_back,
)
from referrals.fulfil.handing import Dispatched, HandOver, NotNow
from referrals.fulfil.kinds import hand_over
from referrals.store import dispatches, programs, rewards
from referrals.store.rewards import RewardKey
from referrals.store.transactions import Write, commit, read, until_settled
from referrals.usecases.bookings import Step, read_balance, write_step
from referrals.usecases.end_hold import end_hold
from referrals.usecases.fund_reward import fund_reward
from referrals.usecases.surroundings import read_slices


def fulfil_reward(key: RewardKey, *, now: datetime) -> RewardState | None:
    """Take a reward as far as it goes now; gives the state it is left in, None for no such reward.

    Each step is one conditional write, so it may be asked for any number of times, by several at
    once, and after any interruption.
    """
    while until_settled(lambda: _step(key, now)):
        pass
    reward = read_reward(key)
    return reward.state if reward else None


def read_reward(key: RewardKey) -> Reward | None:
    """Read a reward as it is now."""
    wanted = rewards.wanted(key)
    read(wanted)
    return wanted.value


def _step(key: RewardKey, now: datetime) -> bool:
    """Do the next thing for a reward; False when there is nothing to do now."""
    reward = read_reward(key)
    if reward is None or reward.due_at is None or reward.due_at > now:
        return False
    match reward.state:
        case RewardState.QUEUED:
            return fund_reward(reward, now=now)
        case RewardState.HELD:
            end_hold(reward, now=now)
        case RewardState.AVAILABLE if reward.expires_at is not None and reward.expires_at <= now:
            _expire(reward, now)
        case RewardState.AVAILABLE:
            _claim(reward, now)
        case RewardState.FULFILLING:
            _finish(reward, now)
        case _:
            return False
    return True


def _claim(reward: Reward, now: datetime) -> None:
    """Claim a reward; what its owner owes is paid out of it first.

    The claim is due at once: an attempt that is cut off here is taken up by whoever comes next.
    """
    claimed = moved_to(reward, RewardState.FULFILLING, due_at=now)
    if not reward.is_cut_to_fit:
        commit(rewards.save(claimed))
        return
    balance = read_balance(reward)
    less, posting = netted(claimed, -balance.amount(Place.DEBT, reward.unit))
    if posting is None:
        commit(rewards.save(claimed))
        return
    # a reward may be netted more than once: which writing of it this is, is part of the cause
    cause = f"netting:{reward.reward_id}:{reward.writing}"
    told = netted_event(reward, less, cause=cause, now=now)
    write_step(
        Step(
            before=reward,
            reward=less,
            cause=cause,
            postings=(posting,),
            events=(told,),
            balance=balance,
        ),
        now=now,
    )


def _expire(reward: Reward, now: datetime) -> None:
    lapsed, postings = expired(reward)
    cause = f"expiry:{reward.reward_id}"
    budget = read_slices(reward.program_id, {draw.slice for draw in reward.draws})
    after = None
    if budget is not None:
        after, draws = budget.give_back(
            reward.draws, lapsed.to_hand_over_minor, reward.granted_at.date()
        )
        lapsed = replace(lapsed, draws=draws)
    write_step(
        Step(
            before=reward,
            reward=lapsed,
            cause=cause,
            postings=postings,
            events=(reward_event(EventName.REWARD_EXPIRED, lapsed, cause=cause, now=now),),
            slices=after.changed_from(budget) if after and budget else (),
        ),
        now=now,
    )


def _finish(reward: Reward, now: datetime) -> None:
    if reward.is_undone_in_part:  # its order was refunded since it was claimed
        _write_put_back(reward, now, due_at=now)
        return
    if not reward.to_hand_over_minor:  # a debt was paid with all of it
        write_fulfilled(reward, HandOver(), now)
        return
    match hand_over(reward):
        case NotNow(again_after=again_after, writes=writes):
            _write_put_back(reward, now, *writes, due_at=next_look(reward, again_after, now))
        case Dispatched(partner=partner):
            _dispatch(reward, partner, now)
        case HandOver() as done:
            write_fulfilled(reward, done, now)


def _dispatch(reward: Reward, partner: str, now: datetime) -> None:
    """Let a partner be asked for a code: the reward waits in a dispatch from here on.

    Partners are where the live terms say: an address that was mended is found.
    """
    live = programs.get_live(reward.program_id)
    code = code_of(reward, partner=partner, version=live.version, now=now)
    commit(rewards.save(dispatched(reward, code.dispatch_id)), dispatches.save(code))


def next_look(reward: Reward, again_after: timedelta | None, now: datetime) -> datetime | None:
    """Say when a reward that could not go out is looked at again: at its expiry at the latest."""
    moments = [] if again_after is None else [now + again_after]
    if reward.expires_at is not None:
        moments.append(reward.expires_at)
    return min(moments, default=None)


def _write_put_back(reward: Reward, now: datetime, *writes: Write, due_at: datetime | None) -> None:
    again, posting = put_back(reward, due_at=due_at)
    if posting is None and again.state is RewardState.AVAILABLE:
        commit(rewards.save(again), *writes)
        return
    cause = f"put back:{reward.reward_id}:{reward.writing}"  # as above
    write_step(
        Step(
            before=reward,
            reward=again,
            cause=cause,
            postings=(posting,) if posting else (),
            events=(put_back_event(reward, again, cause=cause, now=now),),
        ),
        *writes,
        now=now,
    )


def write_fulfilled(reward: Reward, done: HandOver, now: datetime) -> Reward:
    """Write that a claimed reward was handed over; gives it as it is then.

    BeatenError when it was changed meanwhile.
    """
    # cash that came back is handed over once more
    cause = f"fulfilment:{reward.reward_id}:{reward.writing}"
    fulfilled = handed_over(reward, done.details)
    posting = hand_over_posting(reward)
    told = reward_event(
        EventName.REWARD_FULFILLED,
        fulfilled,
        cause=cause,
        now=now,
        reference=done.details.get("reference"),
    )
    write_step(
        Step(
            before=reward,
            reward=fulfilled,
            cause=cause,
            postings=(posting,) if posting else (),
            events=(told,),
        ),
        *done.writes,
        now=now,
    )
    return fulfilled
