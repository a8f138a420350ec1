"""A dispatch ends: its rewards are handed over, put back, or taken in again when it comes back.

Each end is one transaction: rewards, journal, balance, dispatch and events.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from referrals.domain.dispatches import (
    REFUNDED,
    Dispatch,
    DispatchState,
    moved_to,
    payout_event,
    returned_after_all,
)
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.granting import put_back_event, reward_event
from referrals.domain.ledger import Posting
from referrals.domain.rewards import (
    HANDED_OVER,
    STOCK_RETRY_AFTER,
    Reward,
    RewardState,
    came_back,
    extended,
    hand_over_posting,
    handed_over,
    put_back,
    return_details,
)
from referrals.store import details, dispatches
from referrals.store.transactions import BeatenError
from referrals.usecases.bookings import Steps, write_steps
from referrals.usecases.fulfil_reward import next_look
from referrals.usecases.reversals import read_promises

_LONGEST_PAUSE = timedelta(days=1)
_CLAIMED = frozenset({RewardState.FULFILLING})


def reason_to_release(dispatch: Dispatch, *, is_reachable: bool) -> str | None:
    """Say why a dispatch that nobody was asked for must not go out as it was reserved.

    BeatenError when it was moved on since it was read.
    """
    if any(reward.is_undone_in_part for reward in _read_rewards(dispatch)):
        return REFUNDED
    if not is_reachable:
        return "nobody to send it to"
    return None


def settle(dispatch: Dispatch, *, now: datetime) -> Dispatch:
    """Hand the rewards of a confirmed dispatch over, with their journal; gives it as it is then.

    BeatenError when anything of it was changed meanwhile.
    """
    claimed = _read_rewards(dispatch)
    proof = {**dispatch.details, "dispatch": dispatch.dispatch_id}
    if dispatch.reference is not None:
        proof["reference"] = dispatch.reference
    done = tuple(handed_over(reward, proof) for reward in claimed)
    cause = f"sent:{dispatch.dispatch_id}"
    postings = [posting for reward in claimed if (posting := hand_over_posting(reward))]
    settled = moved_to(dispatch, DispatchState.SETTLED, due_at=None)
    told = [
        reward_event(EventName.REWARD_FULFILLED, reward, cause=cause, now=now) for reward in done
    ]
    if dispatch.is_payout:
        told.append(payout_event(EventName.PAYOUT_SENT, settled, now=now))
    steps = Steps(
        rewards=done,
        version=dispatch.version,
        cause=cause,
        postings=tuple(postings),
        events=tuple(told),
    )
    write_steps(steps, dispatches.save(settled), now=now)
    return settled


def release(dispatch: Dispatch, *, reason: str | None, now: datetime) -> Dispatch:
    """Put the rewards of a dispatch back, to go out in another one; gives it as it is then.

    What was taken back of them meanwhile becomes a void; the time that it took is given back to
    those that expire. BeatenError as above.
    """
    cause = f"released:{dispatch.dispatch_id}"
    claimed = _read_rewards(dispatch)
    moves = [_put_back(dispatch, reward, now) for reward in claimed]
    released = moved_to(dispatch, DispatchState.RELEASED, due_at=None, reason=reason)
    told = [
        each
        for before, (again, posting) in zip(claimed, moves, strict=True)
        for each in _told_of_release(before, again, posting, cause, now)
    ]
    if dispatch.is_payout or dispatch.state is DispatchState.REFUSED:
        told.append(payout_event(EventName.PAYOUT_FAILED, released, now=now))
    steps = Steps(
        rewards=tuple(again for again, _ in moves),
        version=dispatch.version,
        cause=cause,
        postings=tuple(posting for _, posting in moves if posting is not None),
        events=tuple(told),
    )
    write_steps(steps, dispatches.save(released), now=now)
    return released


def take_back_in(dispatch: Dispatch, *, reason: str, actor: str, now: datetime) -> Dispatch:
    """Take in what a settled payout sent and what came back; gives it as it is then.

    Its rewards go out with the next one; those of which nothing was sent stay as they are. An
    account from which it came back is forgotten, so that its owner is asked for one. BeatenError as
    above, DispatchMoveNotAllowedError for a partner's code.
    """
    cause = f"returned:{dispatch.dispatch_id}"
    returned = returned_after_all(dispatch, reason=reason, actor=actor)
    sent = [
        reward
        for reward in _read_rewards(dispatch, in_states=HANDED_OVER)
        if reward.to_hand_over_minor
    ]
    why = return_details(dispatch.dispatch_id, reason=reason, actor=actor)
    moves = [came_back(reward, why, now=now) for reward in sent]
    told = [
        reward_event(EventName.REWARD_RETURNED, again, cause=cause, now=now) for again, _ in moves
    ]
    again_minor = sum(again.to_hand_over_minor for again, _ in moves)
    steps = Steps(
        rewards=tuple(again for again, _ in moves),
        version=dispatch.version,
        cause=cause,
        postings=tuple(posting for _, postings in moves for posting in postings),
        events=(
            *told,
            payout_event(EventName.PAYOUT_RETURNED, returned, now=now, again_minor=again_minor),
        ),
    )
    account = details.find_payee(dispatch.owner_id) if dispatch.is_by_hand else None
    writes = [details.delete_payee(account)] if account else []
    write_steps(steps, dispatches.save(returned), *writes, now=now)
    return returned


def _put_back(dispatch: Dispatch, reward: Reward, now: datetime) -> tuple[Reward, Posting | None]:
    longer = extended(reward, since=dispatch.reserved_at, now=now)
    return put_back(longer, due_at=_again_at(dispatch, longer, now))


def _again_at(dispatch: Dispatch, reward: Reward, now: datetime) -> datetime | None:
    """Say when a reward is looked at again: cash waits for the next run, a code does not.

    A partner who said no is asked again after as long as the reward has waited, a day at most.
    """
    if dispatch.is_payout:
        return next_look(reward, None, now)
    if reward.is_undone_in_part:
        return now
    pause = min(max(now - reward.held_until, STOCK_RETRY_AFTER), _LONGEST_PAUSE)
    return next_look(reward, pause, now)


def _told_of_release(
    before: Reward, again: Reward, posting: Posting | None, cause: str, now: datetime
) -> Iterator[DomainEvent]:
    if posting is not None or again.state is not RewardState.AVAILABLE:
        yield put_back_event(before, again, cause=cause, now=now)
    elif again.expires_at != before.expires_at:
        yield reward_event(EventName.REWARD_EXTENDED, again, cause=cause, now=now)


def _read_rewards(
    dispatch: Dispatch, *, in_states: frozenset[RewardState] = _CLAIMED
) -> list[Reward]:
    """Read the rewards of a dispatch; BeatenError when it was moved on since it was read."""
    promises = [(dispatch.owner_id, reward_id) for reward_id in dispatch.reward_ids]
    found = read_promises(dispatch.program_id, promises)
    in_it = [
        reward
        for reward in found
        if reward.state in in_states and reward.dispatch_id == dispatch.dispatch_id
    ]
    if len(in_it) < len(promises):
        raise BeatenError
    return in_it
