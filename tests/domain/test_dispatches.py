"""Dispatches: what each answer leads to, and which moves no state allows."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from referrals.domain.dispatches import (
    Dispatch,
    DispatchState,
    NextStep,
    answered,
    asking,
    code_of,
    confirmed_by_hand,
    doubted,
    exported,
    found,
    is_to_be_told,
    looked_up,
    moved_to,
    next_step,
    payout_event,
    payout_id,
    payout_of,
    returned_by_hand,
)
from referrals.domain.errors import DispatchMoveNotAllowedError
from referrals.domain.events import EventName
from referrals.domain.ids import DispatchId, RewardId
from referrals.domain.payouts import PayoutSchedule, PayoutTerms
from referrals.domain.providers import (
    NotNow,
    Refused,
    TheirOrder,
    TheirStatus,
    Unknown,
)
from referrals.domain.rules import RewardKind
from tests.factories import A_DAY, ANNA, NOW, TEA, a_reward

A_MINUTE = timedelta(minutes=1)
S = DispatchState
ALLOWED = {
    (S.RESERVED, S.ASKING),
    (S.RESERVED, S.ASKED),
    (S.RESERVED, S.CONFIRMED),
    (S.RESERVED, S.REFUSED),
    (S.RESERVED, S.RELEASED),
    (S.ASKING, S.RESERVED),
    (S.ASKING, S.ASKED),
    (S.ASKING, S.UNKNOWN),
    (S.ASKING, S.CONFIRMED),
    (S.ASKING, S.REFUSED),
    (S.ASKING, S.FROZEN),
    (S.UNKNOWN, S.RESERVED),
    (S.UNKNOWN, S.ASKED),
    (S.UNKNOWN, S.CONFIRMED),
    (S.UNKNOWN, S.REFUSED),
    (S.UNKNOWN, S.FROZEN),
    (S.ASKED, S.CONFIRMED),
    (S.ASKED, S.REFUSED),
    (S.ASKED, S.FROZEN),
    (S.FROZEN, S.CONFIRMED),
    (S.FROZEN, S.REFUSED),
    (S.CONFIRMED, S.SETTLED),
    (S.REFUSED, S.RELEASED),
    (S.SETTLED, S.RETURNED),
}
FORBIDDEN = sorted({(one, other) for one in S for other in S} - ALLOWED)


def a_dispatch(
    state: DispatchState = S.RESERVED,
    *,
    provider: str = "tremendous",
    attempts: int = 0,
    looks: int = 0,
    reference: str | None = None,
    details: Mapping[str, str] | None = None,
) -> Dispatch:
    """Make a payout of twelve euro to Anna, asked for now if it was."""
    return Dispatch(
        dispatch_id=DispatchId("pay_1"),
        program_id=TEA,
        version=1,
        owner_id=ANNA,
        provider=provider,
        reward_ids=(RewardId("rwd_1"),),
        amount_minor=1_200,
        unit="EUR",
        state=state,
        reserved_at=NOW,
        due_at=NOW,
        attempts=attempts,
        looks=looks,
        asked_at=NOW if attempts else None,
        reference=reference,
        details=details or {},
    )


def an_order(
    status: TheirStatus = TheirStatus.DONE,
    *,
    external_id: str = "pay_1",
    reference: str = "T-1",
    amount_minor: int = 1_200,
    unit: str = "EUR",
    details: Mapping[str, str] | None = None,
) -> TheirOrder:
    return TheirOrder(
        external_id=external_id,
        reference=reference,
        amount_minor=amount_minor,
        unit=unit,
        status=status,
        details=details or {},
    )


@pytest.mark.parametrize(("before", "after"), sorted(ALLOWED))
def test_a_dispatch_moves_where_its_state_leads(before: S, after: S) -> None:
    assert moved_to(a_dispatch(before), after, due_at=None).state is after


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_a_dispatch_moves_nowhere_else(before: S, after: S) -> None:
    dispatch = a_dispatch(before)
    with pytest.raises(DispatchMoveNotAllowedError):
        moved_to(dispatch, after, due_at=None)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (S.RESERVED, NextStep.ASK),
        (S.ASKING, NextStep.DOUBT),
        (S.UNKNOWN, NextStep.LOOK_UP),
        (S.ASKED, NextStep.LOOK_UP),
        (S.CONFIRMED, NextStep.SETTLE),
        (S.REFUSED, NextStep.RELEASE),
        (S.FROZEN, None),
        (S.SETTLED, None),
        (S.RELEASED, None),
        (S.RETURNED, None),
    ],
)
def test_what_is_due_has_one_next_step(state: S, step: NextStep | None) -> None:
    dispatch = a_dispatch(state)
    assert next_step(dispatch, now=NOW) is step
    assert next_step(replace(dispatch, due_at=NOW + A_MINUTE), now=NOW) is None
    assert next_step(replace(dispatch, due_at=None), now=NOW) is None


def test_who_asks_says_so_first_and_leaves_a_quarter_of_an_hour_before_anybody_doubts() -> None:
    begun = asking(a_dispatch(), now=NOW)
    assert (begun.state, begun.attempts, begun.asked_at) == (S.ASKING, 1, NOW)
    assert next_step(begun, now=NOW + 14 * A_MINUTE) is None
    assert next_step(begun, now=NOW + 15 * A_MINUTE) is NextStep.DOUBT
    assert doubted(begun, now=NOW).state is S.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "state", "due_after"),
    [
        (an_order(TheirStatus.DONE), S.CONFIRMED, timedelta(0)),
        (an_order(TheirStatus.PENDING), S.ASKED, A_MINUTE),
        (an_order(TheirStatus.FAILED), S.REFUSED, timedelta(0)),
        (Refused(reason="no"), S.REFUSED, timedelta(0)),
        (NotNow(reason="busy"), S.RESERVED, 2 * A_MINUTE),
        (Unknown(reason="lost"), S.UNKNOWN, A_MINUTE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_leads_to_one_state(
    answer: TheirOrder | Refused | NotNow | Unknown, state: S, due_after: timedelta
) -> None:
    after = answered(a_dispatch(S.ASKING, attempts=1), answer, now=NOW)
    assert (after.state, after.due_at) == (state, NOW + due_after)


@pytest.mark.parametrize(
    "order",
    [
        an_order(external_id="pay_2"),
        an_order(amount_minor=1_201),
        an_order(unit="RON"),
        an_order(reference="T-2"),
    ],
    ids=["id", "amount", "currency", "second order"],
)
@pytest.mark.parametrize("state", [S.ASKING, S.UNKNOWN, S.ASKED])
def test_an_order_that_is_not_what_was_asked_for_freezes_its_dispatch(
    state: S, order: TheirOrder
) -> None:
    frozen = found(a_dispatch(state, attempts=1, reference="T-1"), order, now=NOW)
    assert (frozen.state, frozen.due_at, frozen.reference) == (S.FROZEN, None, "T-1")
    assert frozen.reason is not None


def test_what_was_made_for_a_frozen_dispatch_is_kept_and_what_was_made_for_another_is_not() -> None:
    code = {"coupon_code": "CINEMA-1"}
    own = an_order(amount_minor=1, details=code)
    frozen = found(a_dispatch(S.ASKING), own, now=NOW)
    assert frozen.details == code
    frozen = found(a_dispatch(S.ASKING), replace(own, external_id="pay_2"), now=NOW)
    assert frozen.details == {}


def test_what_is_not_with_them_is_asked_again_only_when_no_late_request_can_bring_it() -> None:
    unknown = a_dispatch(S.UNKNOWN, attempts=1)
    early = looked_up(unknown, None, now=NOW + 14 * A_MINUTE)
    assert (early.state, early.due_at) == (S.UNKNOWN, NOW + 15 * A_MINUTE)
    sure = looked_up(unknown, None, now=NOW + 15 * A_MINUTE)
    assert (sure.state, sure.due_at) == (S.RESERVED, NOW + 15 * A_MINUTE)
    assert sure.dispatch_id == unknown.dispatch_id


def test_an_order_that_they_had_and_do_not_have_any_more_freezes_its_dispatch() -> None:
    frozen = looked_up(a_dispatch(S.ASKED, attempts=1, reference="T-1"), None, now=NOW + A_DAY)
    assert frozen.state is S.FROZEN


@pytest.mark.parametrize("answer", [NotNow(reason="busy"), Unknown(reason="lost")])
@pytest.mark.parametrize("state", [S.UNKNOWN, S.ASKED])
def test_a_look_up_without_an_answer_changes_nothing_but_when_to_look_again(
    state: S, answer: NotNow | Unknown
) -> None:
    dispatch = a_dispatch(state, attempts=1)
    pauses = []
    for _ in range(11):
        dispatch = looked_up(dispatch, answer, now=NOW)
        assert dispatch.state is state
        pauses.append(((dispatch.due_at or NOW) - NOW) // A_MINUTE)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]


@pytest.mark.parametrize(
    ("attempts", "asked_for", "pause"),
    [
        (1, timedelta(0), timedelta(minutes=2)),
        (1, timedelta(minutes=1), timedelta(minutes=2)),
        (1, timedelta(days=-1), timedelta(minutes=2)),
        (1, timedelta(minutes=3), timedelta(minutes=3)),
        (1, timedelta(hours=6), timedelta(hours=6)),
        (1, timedelta(days=10_000), timedelta(hours=6)),
        (5, timedelta(minutes=3), timedelta(minutes=32)),
        (20, timedelta(days=10_000), timedelta(hours=6)),
    ],
)
def test_a_provider_that_asks_for_time_gets_a_longer_pause_and_six_hours_at_most(
    attempts: int, asked_for: timedelta, pause: timedelta
) -> None:
    busy = NotNow(reason="busy", not_before=NOW + asked_for)
    asked = answered(a_dispatch(S.ASKING, attempts=attempts), busy, now=NOW)
    looked = looked_up(a_dispatch(S.UNKNOWN, attempts=1, looks=attempts), busy, now=NOW)
    assert (asked.state, asked.due_at) == (S.RESERVED, NOW + pause)
    assert (looked.state, looked.due_at) == (S.UNKNOWN, NOW + pause)
    assert looked.looks == attempts + 1


def test_an_order_that_is_pending_for_long_is_looked_at_ever_more_seldom() -> None:
    pending = an_order(TheirStatus.PENDING)
    dispatch = found(a_dispatch(S.ASKING, attempts=1), pending, now=NOW)
    assert (dispatch.state, dispatch.reference) == (S.ASKED, "T-1")
    again = found(found(dispatch, pending, now=NOW), pending, now=NOW)
    assert (again.state, again.due_at) == (S.ASKED, NOW + 2 * A_MINUTE)


@pytest.mark.parametrize(
    ("dispatch", "after", "is_told"),
    [
        (a_dispatch(S.UNKNOWN), A_DAY, True),
        (a_dispatch(S.RESERVED), A_DAY, True),
        (a_dispatch(S.UNKNOWN), A_DAY - A_MINUTE, False),
        (a_dispatch(S.ASKED), 3 * A_DAY, True),
        (a_dispatch(S.ASKED), 3 * A_DAY - A_MINUTE, False),
        (a_dispatch(S.ASKED, details={"delivery": "failed"}), A_MINUTE, True),
        (a_dispatch(S.ASKED, provider="bank"), 9 * A_DAY, False),
        (a_dispatch(S.RESERVED, provider="bank"), 9 * A_DAY, False),
        (replace(a_dispatch(S.UNKNOWN), is_told=True), 9 * A_DAY, False),
    ],
)
def test_an_operator_is_told_once_of_what_does_not_go_on_by_itself(
    dispatch: Dispatch, after: timedelta, *, is_told: bool
) -> None:
    assert is_to_be_told(dispatch, now=NOW + after) is is_told


def test_a_payout_adds_up_what_is_to_be_handed_over() -> None:
    cash = a_reward(kind=RewardKind.CASH, amount_minor=900, netted_minor=200)
    more = replace(cash, reward_id=RewardId("rwd_2"), netted_minor=0, voided_minor=100)
    payout_one = payout_id(TEA, ANNA, "EUR", on=date(2026, 5, 20), number=0)
    payout = payout_of(
        [cash, more], dispatch_id=payout_one, provider="tremendous", version=3, now=NOW
    )
    assert (payout.amount_minor, payout.unit, payout.state) == (1_500, "EUR", S.RESERVED)
    assert (payout.reward_ids, payout.due_at) == (("rwd_1", "rwd_2"), NOW)
    assert payout.is_payout
    assert payout_one.startswith("pay_")


def test_a_payout_by_bank_waits_for_people() -> None:
    cash = a_reward(kind=RewardKind.CASH)
    payout = payout_of([cash], dispatch_id=DispatchId("pay_1"), provider="bank", version=1, now=NOW)
    assert (payout.due_at, payout.is_by_hand) == (None, True)


def test_each_payout_of_a_day_has_its_own_id() -> None:
    days = [date(2026, 5, 20), date(2026, 5, 21)]
    ids = {payout_id(TEA, ANNA, "EUR", on=day, number=n) for day in days for n in (0, 1)}
    assert len(ids) == 4


def test_a_code_has_another_id_each_time_its_reward_is_put_into_a_dispatch() -> None:
    offer = a_reward(kind=RewardKind.PARTNER)
    first = code_of(offer, partner="cinema", version=1, now=NOW)
    again = code_of(replace(offer, revision=5), partner="cinema", version=1, now=NOW)
    assert first.dispatch_id != again.dispatch_id
    assert first.dispatch_id.startswith("dsp_")
    assert (first.provider, first.partner, first.is_payout) == ("partner:cinema", "cinema", False)


def test_a_file_for_the_bank_takes_only_payouts_by_bank() -> None:
    done = exported(a_dispatch(provider="bank"), now=NOW)
    assert (done.state, done.due_at, done.asked_at) == (S.ASKED, None, NOW)
    dispatch = a_dispatch()
    with pytest.raises(DispatchMoveNotAllowedError):
        exported(dispatch, now=NOW)


Word = Callable[[Dispatch], Dispatch]


def confirmed(dispatch: Dispatch) -> Dispatch:
    return confirmed_by_hand(dispatch, reference="transfer 7", actor="olga", now=NOW)


def returned(dispatch: Dispatch) -> Dispatch:
    return returned_by_hand(dispatch, reason="account closed", actor="olga", now=NOW)


@pytest.mark.parametrize(
    "dispatch",
    [
        a_dispatch(S.RESERVED, provider="bank"),
        a_dispatch(S.ASKED, provider="bank"),
        replace(a_dispatch(S.UNKNOWN), asked_at=NOW - 15 * A_MINUTE),
        a_dispatch(S.FROZEN),
    ],
    ids=lambda each: f"{each.provider} {each.state}",
)
def test_people_decide_what_no_provider_can_say(dispatch: Dispatch) -> None:
    arrived, lost = confirmed(dispatch), returned(dispatch)
    assert (arrived.state, arrived.due_at) == (S.CONFIRMED, NOW)
    assert (arrived.reference, arrived.details) == ("transfer 7", {"actor": "olga"})
    assert (lost.state, lost.due_at, lost.reason) == (S.REFUSED, NOW, "account closed")


@pytest.mark.parametrize("say", [confirmed, returned])
@pytest.mark.parametrize("state", [S.RESERVED, S.ASKING, S.ASKED, S.CONFIRMED, S.SETTLED])
def test_people_do_not_decide_what_a_provider_is_being_asked(state: S, say: Word) -> None:
    dispatch = a_dispatch(state)
    with pytest.raises(DispatchMoveNotAllowedError):
        say(dispatch)


def test_a_code_that_nobody_knows_cannot_have_arrived() -> None:
    code = a_dispatch(S.FROZEN, provider="partner:cinema")
    assert confirmed(replace(code, details={"coupon_code": "C-1"})).state is S.CONFIRMED
    with pytest.raises(DispatchMoveNotAllowedError):
        confirmed(code)


def test_the_event_of_a_payout_names_nobody() -> None:
    told = payout_event(EventName.PAYOUT_RESERVED, a_dispatch(), now=NOW)
    assert told.data["dispatch_id"] == "pay_1"
    assert (told.data["amount_minor"], told.data["unit"], told.data["rewards"]) == (1_200, "EUR", 1)
    assert told.event_id == payout_event(EventName.PAYOUT_RESERVED, a_dispatch(), now=NOW).event_id


@pytest.mark.parametrize(
    ("terms", "days"),
    [
        (PayoutTerms(every=PayoutSchedule.DAILY), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (PayoutTerms(every=PayoutSchedule.WEEKLY, on_day=1), [4]),
        (PayoutTerms(every=PayoutSchedule.MONTHLY, on_day=9), [9]),
    ],
)
def test_a_schedule_says_on_which_days_of_may_2026_cash_is_sent(
    terms: PayoutTerms, days: list[int]
) -> None:
    assert [day for day in range(1, 11) if terms.is_due_on(date(2026, 5, day))] == days
