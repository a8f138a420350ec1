"""Dispatches: what a provider outside is asked for, one thing each, and never twice.

    RESERVED ──> ASKING ──┬──> ASKED ──┬──> CONFIRMED ──> SETTLED
      │  ^         │      │            │
      │  │         v      │            │
      │  └────── UNKNOWN ─┘            │                   └──> RETURNED
      │                                └──> REFUSED ──> RELEASED
      └────────────────────────────────────────────────────^

A payout is the available cash of one person, a code one reward's. That it is asked is written
before it is asked: a call whose answer nobody has is UNKNOWN and looked up. It is asked again,
under the same id, only when the provider surely has no such order. An order that is not what was
asked for freezes its dispatch (FROZEN, from any state in which the provider may have one) until
people say what became of it. What is released, or came back after it was settled (RETURNED), goes
out later in another dispatch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from referrals.domain.errors import AnswerMayComeError, DispatchMoveNotAllowedError
from referrals.domain.events import DomainEvent, EventName, EventValue, event
from referrals.domain.ids import DispatchId, PersonId, ProgramId, RewardId, derive
from referrals.domain.providers import NotNow, Refused, TheirOrder, TheirStatus, Unknown
from referrals.domain.rewards import Reward

# An order that a late request makes is there by then: no function of ours runs longer than one
# minute, and no provider takes a request up after ten.
SURELY_AFTER = timedelta(minutes=15)
# From then on it is no hiccup, and an operator is told.
STUCK_AFTER = timedelta(hours=24)
# The same of an order that they have: theirs to do, and usually done within minutes.
SLOW_AFTER = timedelta(days=3)
# With journal, balance, events and the dispatch itself well within the 100 items of a transaction.
MOST_REWARDS = 40

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
_MOST_DOUBLINGS = 9
_PARTNER = "partner:"
BANK = "bank"
# what the code that a partner made is called in the details of its order
CODE = "coupon_code"
# why a dispatch was released that nobody has to look after
REFUNDED, FORGOTTEN = "refunded before it was asked for", "whoever it is for is forgotten"
# what details say of an order that is paid for and reached nobody
UNDELIVERED = ("delivery", "failed")


class DispatchState(StrEnum):
    RESERVED = "reserved"
    ASKING = "asking"
    ASKED = "asked"
    UNKNOWN = "unknown"
    FROZEN = "frozen"
    CONFIRMED = "confirmed"
    SETTLED = "settled"
    REFUSED = "refused"
    RELEASED = "released"
    RETURNED = "returned"


_ANSWERED = frozenset(
    {
        DispatchState.ASKED,
        DispatchState.CONFIRMED,
        DispatchState.REFUSED,
        DispatchState.FROZEN,
    }
)
_MOVES: Mapping[DispatchState, frozenset[DispatchState]] = {
    # a bank's file is asked without a call, and people may say what became of it at any time
    DispatchState.RESERVED: frozenset(
        {
            DispatchState.ASKING,
            DispatchState.ASKED,
            DispatchState.CONFIRMED,
            DispatchState.REFUSED,
            DispatchState.RELEASED,
        }
    ),
    DispatchState.ASKING: _ANSWERED | {DispatchState.RESERVED, DispatchState.UNKNOWN},
    DispatchState.UNKNOWN: _ANSWERED | {DispatchState.RESERVED},
    DispatchState.ASKED: _ANSWERED - {DispatchState.ASKED},
    DispatchState.FROZEN: frozenset({DispatchState.CONFIRMED, DispatchState.REFUSED}),
    DispatchState.CONFIRMED: frozenset({DispatchState.SETTLED}),
    DispatchState.REFUSED: frozenset({DispatchState.RELEASED}),
    DispatchState.SETTLED: frozenset({DispatchState.RETURNED}),
    DispatchState.RELEASED: frozenset(),
    DispatchState.RETURNED: frozenset(),
}
FINISHED = frozenset({DispatchState.SETTLED, DispatchState.RELEASED, DispatchState.RETURNED})
# The money is with its owner, and it is not.
ARRIVED = frozenset({DispatchState.CONFIRMED, DispatchState.SETTLED})
GIVEN_UP = frozenset({DispatchState.REFUSED, DispatchState.RELEASED, DispatchState.RETURNED})
_WAITS_FOR_AN_ANSWER = frozenset(
    {DispatchState.RESERVED, DispatchState.ASKING, DispatchState.UNKNOWN}
)


class NextStep(StrEnum):
    ASK = "ask"
    DOUBT = "doubt"
    LOOK_UP = "look_up"
    SETTLE = "settle"
    RELEASE = "release"


_STEPS: Mapping[DispatchState, NextStep] = {
    DispatchState.RESERVED: NextStep.ASK,
    DispatchState.ASKING: NextStep.DOUBT,
    DispatchState.UNKNOWN: NextStep.LOOK_UP,
    DispatchState.ASKED: NextStep.LOOK_UP,
    DispatchState.CONFIRMED: NextStep.SETTLE,
    DispatchState.REFUSED: NextStep.RELEASE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One thing that a provider is asked for, under an id that it never asks for anything else by.

    `provider` is `bank`, `tremendous`, or `partner:` and its name. `version` is of the terms that
    it is asked under. `attempts` counts how often it was asked, `asked_at` says when last, `looks`
    how often it was looked up since. `reference` is the provider's own, `details` what came of it:
    a code, who confirmed. `is_told` when an operator was told that it is stuck.
    """

    dispatch_id: DispatchId
    program_id: ProgramId
    version: int
    owner_id: PersonId
    provider: str
    reward_ids: tuple[RewardId, ...]
    amount_minor: int
    unit: str
    state: DispatchState
    reserved_at: datetime
    due_at: datetime | None
    attempts: int = 0
    looks: int = 0
    asked_at: datetime | None = None
    reference: str | None = None
    reason: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    is_told: bool = False
    revision: int | None = None

    @property
    def partner(self) -> str | None:
        """Name the partner who makes its code; None for a payout."""
        return self.provider.removeprefix(_PARTNER) if self.provider.startswith(_PARTNER) else None

    @property
    def is_payout(self) -> bool:
        return self.partner is None

    @property
    def is_by_hand(self) -> bool:
        """Whether people bring it to the bank, and say what became of it."""
        return self.provider == BANK


def payout_id(
    program_id: ProgramId, owner_id: PersonId, unit: str, *, on: date, number: int
) -> DispatchId:
    """Give the id of somebody's `number`-th payout of a day, counted from 0."""
    return DispatchId(derive("pay", program_id, owner_id, unit, on.isoformat(), str(number)))


def payout_of(
    rewards: Sequence[Reward],
    *,
    dispatch_id: DispatchId,
    provider: str,
    version: int,
    now: datetime,
) -> Dispatch:
    """Reserve a payout of some rewards of one owner in one unit."""
    first = rewards[0]
    return Dispatch(
        dispatch_id=dispatch_id,
        program_id=first.program_id,
        version=version,
        owner_id=first.owner_id,
        provider=provider,
        reward_ids=tuple(reward.reward_id for reward in rewards),
        amount_minor=sum(reward.to_hand_over_minor for reward in rewards),
        unit=first.unit,
        state=DispatchState.RESERVED,
        reserved_at=now,
        due_at=None if provider == BANK else now,
    )


def code_of(reward: Reward, *, partner: str, version: int, now: datetime) -> Dispatch:
    """Reserve the code that a partner is to make for a reward; a new one after a release."""
    return Dispatch(
        dispatch_id=DispatchId(derive("dsp", reward.reward_id, str(reward.writing))),
        program_id=reward.program_id,
        version=version,
        owner_id=reward.owner_id,
        provider=f"{_PARTNER}{partner}",
        reward_ids=(reward.reward_id,),
        amount_minor=reward.to_hand_over_minor,
        unit=reward.unit,
        state=DispatchState.RESERVED,
        reserved_at=now,
        due_at=now,
    )


def next_step(dispatch: Dispatch, *, now: datetime) -> NextStep | None:
    """Say what is to be done for a dispatch by `now`; None when nothing is."""
    if dispatch.due_at is None or dispatch.due_at > now:
        return None
    return _STEPS.get(dispatch.state)


def moved_to(
    dispatch: Dispatch, state: DispatchState, *, due_at: datetime | None, reason: str | None = None
) -> Dispatch:
    """Move a dispatch on; DispatchMoveNotAllowedError when its state does not lead there."""
    if state not in _MOVES[dispatch.state]:
        raise DispatchMoveNotAllowedError(dispatch.dispatch_id, dispatch.state, state)
    return replace(dispatch, state=state, due_at=due_at, reason=reason)


def asking(dispatch: Dispatch, *, now: datetime) -> Dispatch:
    """Write that it is being asked for: whoever finds it so much later is in doubt."""
    return replace(
        moved_to(dispatch, DispatchState.ASKING, due_at=now + SURELY_AFTER),
        attempts=dispatch.attempts + 1,
        asked_at=now,
        looks=0,
    )


def doubted(dispatch: Dispatch, *, now: datetime) -> Dispatch:
    """Give up waiting for the answer of somebody who asked and never came back."""
    return moved_to(dispatch, DispatchState.UNKNOWN, due_at=now, reason="whoever asked is gone")


def answered(
    dispatch: Dispatch, answer: TheirOrder | Refused | NotNow | Unknown, *, now: datetime
) -> Dispatch:
    """Take what a provider said when it was asked."""
    match answer:
        case TheirOrder():
            return found(dispatch, answer, now=now)
        case Refused(reason=reason):
            return moved_to(dispatch, DispatchState.REFUSED, due_at=now, reason=reason)
        case NotNow(reason=reason, not_before=not_before):
            due_at = _again_at(dispatch.attempts, now, not_before)
            return moved_to(dispatch, DispatchState.RESERVED, due_at=due_at, reason=reason)
        case Unknown(reason=reason):
            due_at = now + _FIRST_PAUSE
            return moved_to(dispatch, DispatchState.UNKNOWN, due_at=due_at, reason=reason)


def looked_up(
    dispatch: Dispatch, answer: TheirOrder | NotNow | Unknown | None, *, now: datetime
) -> Dispatch:
    """Take what a provider said when an order was looked up."""
    match answer:
        case TheirOrder():
            return found(dispatch, answer, now=now)
        case None:
            return _not_there(dispatch, now)
        case NotNow(reason=reason, not_before=not_before):
            return _look_again(dispatch, now, reason=reason, not_before=not_before)
        case Unknown(reason=reason):
            return _look_again(dispatch, now, reason=reason)


def found(dispatch: Dispatch, order: TheirOrder, *, now: datetime) -> Dispatch:
    """Take an order as it stands with the provider, unless it is not what was asked for."""
    flaw = flaw_of(dispatch, order)
    if flaw is not None:
        return _frozen(dispatch, order, flaw)
    known = replace(
        dispatch, reference=order.reference, details={**dispatch.details, **order.details}
    )
    match order.status:
        case TheirStatus.PENDING if dispatch.state is DispatchState.ASKED:
            return _look_again(known, now, reason=_waits_for(order))
        case TheirStatus.PENDING:
            due_at = now + _FIRST_PAUSE
            return moved_to(known, DispatchState.ASKED, due_at=due_at, reason=_waits_for(order))
        case TheirStatus.DONE:
            return moved_to(known, DispatchState.CONFIRMED, due_at=now)
        case TheirStatus.FAILED:
            return moved_to(known, DispatchState.REFUSED, due_at=now, reason="failed with them")


def _waits_for(order: TheirOrder) -> str | None:
    """Say for what an order waits that does not end by itself."""
    return "their delivery failed" if UNDELIVERED in order.details.items() else None


def _frozen(dispatch: Dispatch, order: TheirOrder, flaw: str) -> Dispatch:
    """Freeze a dispatch; what they made for it is kept, for people may find it good."""
    is_its_own = order.external_id == dispatch.dispatch_id
    made = {**order.details, **dispatch.details} if is_its_own else dispatch.details
    return replace(moved_to(dispatch, DispatchState.FROZEN, due_at=None, reason=flaw), details=made)


def flaw_of(dispatch: Dispatch, order: TheirOrder) -> str | None:
    """Say what of an order is not as it was asked for; None when all of it is."""
    if order.external_id != dispatch.dispatch_id:
        return "their order is another's"
    if order.amount_minor != dispatch.amount_minor:
        return "their amount differs"
    if order.unit != dispatch.unit:
        return "their currency differs"
    if dispatch.reference not in {None, order.reference}:
        return "they have a second order"
    return None


def _not_there(dispatch: Dispatch, now: datetime) -> Dispatch:
    """Take it that a provider has no such order: surely, once no late request can make one."""
    if dispatch.state is DispatchState.ASKED:
        reason = "they had an order, and have none"
        return moved_to(dispatch, DispatchState.FROZEN, due_at=None, reason=reason)
    surely_at = _surely_at(dispatch)
    if now < surely_at:
        return replace(_look_again(dispatch, now, reason="not with them yet"), due_at=surely_at)
    return moved_to(dispatch, DispatchState.RESERVED, due_at=now, reason="not with them")


def _surely_at(dispatch: Dispatch) -> datetime:
    return (dispatch.asked_at or dispatch.reserved_at) + SURELY_AFTER


def _look_again(
    dispatch: Dispatch, now: datetime, *, reason: str | None, not_before: datetime | None = None
) -> Dispatch:
    due_at = _again_at(dispatch.looks, now, not_before)
    return replace(dispatch, looks=dispatch.looks + 1, due_at=due_at, reason=reason)


def _again_at(times: int, now: datetime, not_before: datetime | None) -> datetime:
    """Say when to come again: later than planned if they ask for it, in six hours at most."""
    return max(now + _pause(times), min(not_before or now, now + _LONGEST_PAUSE))


def _pause(times: int) -> timedelta:
    """Give a pause that doubles from a minute to six hours."""
    return min(_FIRST_PAUSE * (1 << min(times, _MOST_DOUBLINGS)), _LONGEST_PAUSE)


def is_to_be_told(dispatch: Dispatch, *, now: datetime) -> bool:
    """Whether an operator is to be told, once, that it does not go on by itself."""
    if dispatch.is_told or dispatch.is_by_hand:
        return False
    waited = now - dispatch.reserved_at
    if dispatch.state is DispatchState.ASKED:
        return UNDELIVERED in dispatch.details.items() or waited >= SLOW_AFTER
    return dispatch.state in _WAITS_FOR_AN_ANSWER and waited >= STUCK_AFTER


def exported(dispatch: Dispatch, *, now: datetime) -> Dispatch:
    """Note that a payout stands in a file for the bank; people say what becomes of it."""
    if not dispatch.is_by_hand:
        raise DispatchMoveNotAllowedError(dispatch.dispatch_id, dispatch.state, DispatchState.ASKED)
    asked = moved_to(dispatch, DispatchState.ASKED, due_at=None)
    return replace(asked, attempts=dispatch.attempts + 1, asked_at=now)


def confirmed_by_hand(dispatch: Dispatch, *, reference: str, actor: str, now: datetime) -> Dispatch:
    """Take somebody's word that it arrived; only where no provider is to be asked for it.

    A code that nobody knows cannot have arrived.
    """
    _check_is_for_people(dispatch, DispatchState.CONFIRMED)
    if not dispatch.is_payout and CODE not in dispatch.details:
        raise DispatchMoveNotAllowedError(
            dispatch.dispatch_id, dispatch.state, DispatchState.CONFIRMED
        )
    return replace(
        moved_to(dispatch, DispatchState.CONFIRMED, due_at=now),
        reference=reference,
        details={**dispatch.details, "actor": actor},
    )


def returned_by_hand(dispatch: Dispatch, *, reason: str, actor: str, now: datetime) -> Dispatch:
    """Take somebody's word that nothing arrived, and nothing will.

    AnswerMayComeError while a request on its way can still be done, whatever anybody says.
    """
    _check_is_for_people(dispatch, DispatchState.REFUSED)
    surely_at = _surely_at(dispatch)
    if dispatch.state is DispatchState.UNKNOWN and now < surely_at:
        raise AnswerMayComeError(dispatch.dispatch_id, surely_at)
    return replace(
        moved_to(dispatch, DispatchState.REFUSED, due_at=now, reason=reason),
        details={**dispatch.details, "actor": actor},
    )


def returned_after_all(dispatch: Dispatch, *, reason: str, actor: str) -> Dispatch:
    """Take somebody's word that a payout which was settled came back."""
    if not dispatch.is_payout:
        raise DispatchMoveNotAllowedError(
            dispatch.dispatch_id, dispatch.state, DispatchState.RETURNED
        )
    return replace(
        moved_to(dispatch, DispatchState.RETURNED, due_at=None, reason=reason),
        details={**dispatch.details, "returned_by": actor},
    )


def _check_is_for_people(dispatch: Dispatch, state: DispatchState) -> None:
    is_theirs = dispatch.is_by_hand or dispatch.state in {
        DispatchState.UNKNOWN,
        DispatchState.FROZEN,
    }
    if not is_theirs:
        raise DispatchMoveNotAllowedError(dispatch.dispatch_id, dispatch.state, state)


def payout_event(
    name: EventName, payout: Dispatch, *, now: datetime, **more: EventValue
) -> DomainEvent:
    """Tell of a payout as it is; of nobody but by opaque ids."""
    return event(
        name,
        cause=f"payout:{payout.dispatch_id}",
        program_id=payout.program_id,
        occurred_at=now,
        dispatch_id=payout.dispatch_id,
        person_id=payout.owner_id,
        provider=payout.provider,
        state=payout.state,
        unit=payout.unit,
        amount_minor=payout.amount_minor,
        rewards=len(payout.reward_ids),
        reference=payout.reference,
        reason=payout.reason,
        **more,
    )
