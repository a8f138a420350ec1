"""People say what became of a payout: it arrived, or nothing did, or it came back later.

By bank that is how each of them ends. Of a provider's they decide only those that are frozen, or
of which nobody knows; and what was settled, once the provider's books say otherwise.
"""

from collections.abc import Callable
from datetime import datetime

from referrals.domain.dispatches import (
    ARRIVED,
    GIVEN_UP,
    Dispatch,
    DispatchState,
    confirmed_by_hand,
    returned_by_hand,
)
from referrals.domain.errors import (
    DispatchMoveNotAllowedError,
    DispatchNotFoundError,
    DuplicatePayoutWordError,
)
from referrals.domain.ids import DispatchId
from referrals.store import differences, dispatches
from referrals.store.transactions import commit, until_settled
from referrals.usecases.end_dispatch import release, settle, take_back_in


def confirm_payout(
    dispatch_id: DispatchId, *, reference: str, actor: str, now: datetime
) -> Dispatch:
    """Settle what `actor` saw arrive, under a `reference` such as a transfer's.

    Saying it again changes nothing. DispatchNotFoundError; DuplicatePayoutWordError when it was
    settled under another reference, or returned; DispatchMoveNotAllowedError where a provider says.
    """

    def confirm(dispatch: Dispatch) -> Dispatch:
        if dispatch.state in GIVEN_UP:
            raise DuplicatePayoutWordError(dispatch_id)
        if dispatch.state in ARRIVED:
            if dispatch.reference != reference:
                raise DuplicatePayoutWordError(dispatch_id)
            return dispatch
        return confirmed_by_hand(dispatch, reference=reference, actor=actor, now=now)

    return _decide(dispatch_id, confirm, now)


def return_payout(dispatch_id: DispatchId, *, reason: str, actor: str, now: datetime) -> Dispatch:
    """Release what `actor` knows will never arrive: its rewards can go out with the next run.

    Saying it again changes nothing. DispatchNotFoundError; DuplicatePayoutWordError when it
    arrived; DispatchMoveNotAllowedError where a provider says; AnswerMayComeError when it was asked
    for a moment ago.
    """

    def give_back(dispatch: Dispatch) -> Dispatch:
        if dispatch.state in ARRIVED:
            raise DuplicatePayoutWordError(dispatch_id)
        if dispatch.state in GIVEN_UP:
            return dispatch
        return returned_by_hand(dispatch, reason=reason, actor=actor, now=now)

    return _decide(dispatch_id, give_back, now)


def take_payout_back(
    dispatch_id: DispatchId, *, reason: str, actor: str, now: datetime
) -> Dispatch:
    """Take in money that had arrived, and came back: its rewards go out with the next run.

    Saying it again changes nothing. DispatchNotFoundError; DispatchMoveNotAllowedError for what did
    not arrive, for a code, and for a provider's payout of which its books say nothing else.
    """

    def step() -> bool:
        dispatch = _get(dispatch_id)
        if dispatch.state is DispatchState.CONFIRMED:
            settle(dispatch, now=now)
            return True
        if dispatch.state is not DispatchState.RETURNED:
            _check_came_back(dispatch)
            take_back_in(dispatch, reason=reason, actor=actor, now=now)
        return False

    while until_settled(step):
        pass
    return _get(dispatch_id)


def _check_came_back(dispatch: Dispatch) -> None:
    """Check that it is for people to say: of a provider's payout, once its books differ."""
    if dispatch.is_by_hand or dispatch.state is not DispatchState.SETTLED:
        return
    found = differences.list_of_provider(dispatch.provider)
    if not any(each.dispatch_id == dispatch.dispatch_id and each.says_gone for each in found):
        raise DispatchMoveNotAllowedError(
            dispatch.dispatch_id, dispatch.state, DispatchState.RETURNED
        )


def _decide(
    dispatch_id: DispatchId, decide: Callable[[Dispatch], Dispatch], now: datetime
) -> Dispatch:
    """Write what was said, then act on it; whoever is cut off in between leaves it due."""

    def step() -> bool:
        dispatch = _get(dispatch_id)
        decided = decide(dispatch)
        if decided != dispatch:
            commit(dispatches.save(decided))
            return True
        if dispatch.state is DispatchState.CONFIRMED:
            settle(dispatch, now=now)
        elif dispatch.state is DispatchState.REFUSED:
            release(dispatch, reason=dispatch.reason, now=now)
        return False

    while until_settled(step):
        pass
    return _get(dispatch_id)


def _get(dispatch_id: DispatchId) -> Dispatch:
    dispatch = dispatches.find(dispatch_id)
    if dispatch is None:
        raise DispatchNotFoundError(dispatch_id)
    return dispatch
