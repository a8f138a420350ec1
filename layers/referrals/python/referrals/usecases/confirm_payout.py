"""People say what became of a payout: it arrived, or nothing did.

By bank that is how each of them ends. Of a provider's they decide only those that are frozen, or
of which nobody knows.
"""

from collections.abc import Callable
from datetime import datetime

from referrals.domain.dispatches import (
    Dispatch,
    DispatchState,
    confirmed_by_hand,
    returned_by_hand,
)
from referrals.domain.errors import DispatchNotFoundError, DuplicatePayoutWordError
from referrals.domain.ids import DispatchId
from referrals.store import dispatches
from referrals.store.transactions import commit, until_settled
from referrals.usecases.advance_dispatch import release, settle

_ARRIVED = frozenset({DispatchState.CONFIRMED, DispatchState.SETTLED})
_DID_NOT = frozenset({DispatchState.REFUSED, DispatchState.RELEASED})


def confirm_payout(
    dispatch_id: DispatchId, *, reference: str, actor: str, now: datetime
) -> Dispatch:
    """Settle what `actor` saw arrive, under a `reference` such as a transfer's.

    Saying it again changes nothing. DispatchNotFoundError; DuplicatePayoutWordError when it was
    settled under another reference, or returned; DispatchMoveNotAllowedError where a provider says.
    """

    def confirm(dispatch: Dispatch) -> Dispatch:
        if dispatch.state in _DID_NOT:
            raise DuplicatePayoutWordError(dispatch_id)
        if dispatch.state in _ARRIVED:
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
        if dispatch.state in _ARRIVED:
            raise DuplicatePayoutWordError(dispatch_id)
        if dispatch.state in _DID_NOT:
            return dispatch
        return returned_by_hand(dispatch, reason=reason, actor=actor, now=now)

    return _decide(dispatch_id, give_back, now)


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
