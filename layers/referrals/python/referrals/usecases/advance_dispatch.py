"""A dispatch is due: ask, look up, settle or release; one conditional write for each step.

    ASKING written ── the provider is asked ── its answer written

Whoever is cut off between the two writes leaves ASKING behind. That is found when it is due, is in
doubt, and is looked up before anything is asked again.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from referrals.domain.dispatches import (
    Dispatch,
    DispatchState,
    NextStep,
    answered,
    asking,
    doubted,
    is_to_be_told,
    looked_up,
    next_step,
    payout_event,
)
from referrals.domain.events import EventName
from referrals.domain.ids import DispatchId
from referrals.domain.payouts import PayoutTerms
from referrals.domain.providers import (
    Asking,
    NotNow,
    Provider,
    Recipient,
    Refused,
    TheirOrder,
    Unknown,
)
from referrals.domain.reconciliation import Difference, difference_event, difference_with
from referrals.fulfil.tremendous import options_of
from referrals.store import differences, dispatches, events, people, programs
from referrals.store.transactions import commit, until_settled
from referrals.usecases.end_dispatch import reason_to_release, release, settle

# Gives whom to ask for a dispatch; None when no address or key of theirs is known here.
Providers = Callable[[Dispatch], Provider | None]
_Answer = TheirOrder | Refused | NotNow | Unknown | None
_NOBODY = NotNow(reason="nobody to ask")


def advance_dispatch(
    dispatch_id: DispatchId, *, providers: Providers, now: datetime
) -> DispatchState | None:
    """Take a dispatch as far as it goes now; gives the state it is left in, None for no such one.

    It may be asked for any number of times, by several at once, and after any interruption.
    """
    while True:
        state, is_done = until_settled(lambda: _step(dispatch_id, providers, now))
        if is_done:
            return state


def _step(
    dispatch_id: DispatchId, providers: Providers, now: datetime
) -> tuple[DispatchState | None, bool]:
    """Do the next thing for a dispatch; gives the state it was in, and whether nothing was left."""
    dispatch = dispatches.find(dispatch_id)
    step = next_step(dispatch, now=now) if dispatch else None
    if dispatch is None or step is None:
        return dispatch.state if dispatch else None, True
    match step:
        case NextStep.ASK:
            _ask(dispatch, providers, now)
        case NextStep.DOUBT:
            commit(dispatches.save(doubted(dispatch, now=now)))
        case NextStep.LOOK_UP:
            _look_up(dispatch, providers(dispatch), now)
        case NextStep.SETTLE:
            settle(dispatch, now=now)
        case NextStep.RELEASE:
            release(dispatch, reason=dispatch.reason, now=now)
    return dispatch.state, False


def _ask(dispatch: Dispatch, providers: Providers, now: datetime) -> None:
    """Ask a provider, once that it is asked is written; or release what is not to be sent.

    What is refunded after this look at the rewards is clawed back, as if it came a moment later.
    """
    recipient = _recipient(dispatch) if dispatch.is_payout else None
    is_reachable = recipient is not None or not dispatch.is_payout
    reason = reason_to_release(dispatch, is_reachable=is_reachable)
    if reason is not None:
        release(dispatch, reason=reason, now=now)
        return
    provider, question = providers(dispatch), _question(dispatch, recipient)
    begun = asking(dispatch, now=now)
    commit(dispatches.save(begun))
    begun = replace(begun, revision=(dispatch.revision or 0) + 1)
    answer = provider.ask(question) if provider else _NOBODY
    _write_answer(begun, answered(begun, answer, now=now), answer, now)


def _look_up(dispatch: Dispatch, provider: Provider | None, now: datetime) -> None:
    answer = provider.look_up(dispatch.dispatch_id) if provider else _NOBODY
    _write_answer(dispatch, looked_up(dispatch, answer, now=now), answer, now)


def _question(dispatch: Dispatch, recipient: Recipient | None) -> Asking:
    """Say what is asked for; a person is named to whoever pays them, and stored nowhere."""
    return Asking(
        dispatch_id=dispatch.dispatch_id,
        amount_minor=dispatch.amount_minor,
        unit=dispatch.unit,
        recipient=recipient,
        options=_options(dispatch),
    )


def _recipient(dispatch: Dispatch) -> Recipient | None:
    person = people.find(dispatch.owner_id)
    if person is None or not person.email:
        return None
    return Recipient(name=person.name or "", email=person.email)


def _options(dispatch: Dispatch) -> Mapping[str, str]:
    if not dispatch.is_payout:
        return {"program": dispatch.program_id}
    program = programs.get_version(dispatch.program_id, dispatch.version)
    return options_of(program.payouts or PayoutTerms())


def _write_answer(before: Dispatch, after: Dispatch, answer: _Answer, now: datetime) -> None:
    """Write what a provider said; what differs from what was asked for is told and kept."""
    if after.state is DispatchState.FROZEN:
        order = answer if isinstance(answer, TheirOrder) else None
        _write_frozen(after, difference_with(before, order, now=now), now)
    elif is_to_be_told(after, now=now):
        told = payout_event(EventName.PAYOUT_STUCK, after, now=now)
        commit(dispatches.save(replace(after, is_told=True)), events.append([told], now=now))
    else:
        commit(dispatches.save(after))


def _write_frozen(frozen: Dispatch, difference: Difference, now: datetime) -> None:
    if differences.find(difference.provider, difference.difference_id) is not None:
        commit(dispatches.save(frozen))
        return
    told = difference_event(difference, frozen.program_id, now=now)
    commit(dispatches.save(frozen), differences.insert(difference), events.append([told], now=now))
