"""Codes that partners make: offers of theirs, and coupons that come from their system."""

from dataclasses import replace
from datetime import timedelta

import pytest

from referrals.domain.dispatches import Dispatch, DispatchState
from referrals.domain.events import EventName
from referrals.domain.ids import RewardId, person_id
from referrals.domain.programs import PartnerTerms
from referrals.domain.providers import NotNow, Refused, Unknown
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind
from referrals.store import dispatches, events, rewards
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.apply_program import apply_program
from referrals.usecases.confirm_payout import confirm_payout
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import calls_counted
from tests.payers import Payer, order_for
from tests.promises import key_of, promise, take_back
from tests.shop import KEYS, NOON, TEA

pytestmark = pytest.mark.usefixtures("tables")

ANNA = person_id("anna", key=KEYS.identity)
AN_HOUR = timedelta(hours=1)
CINEMA = {"cinema": PartnerTerms(url="https://cinema.example/codes")}


def earn(kind: RewardKind = RewardKind.PARTNER, *, partner: str | None = "cinema") -> Reward:
    """Let Anna earn nine euro's worth of cinema, and the clock look at it."""
    apply_program(replace(shop.a_program(), partners=CINEMA), now=NOON)
    reward = promise(
        RewardId("rwd_1"), owner_id=ANNA, amount_minor=900, kind=kind, partner=partner, now=NOON
    )
    fulfil_reward(key_of(reward), now=NOON)
    return reward


def code() -> Dispatch:
    """Give the newest dispatch."""
    return max(dispatches.iter_all(), key=lambda each: each.reserved_at)


def stored() -> Reward:
    (reward,) = rewards.list_of_owner(TEA, ANNA)
    return reward


@pytest.mark.parametrize("kind", [RewardKind.PARTNER, RewardKind.COUPON])
def test_a_code_is_reserved_asked_for_and_handed_over(kind: RewardKind) -> None:
    earn(kind)
    assert (code().provider, code().amount_minor, code().state) == (
        *("partner:cinema", 900, "reserved"),
    )
    assert (stored().state, stored().dispatch_id) == (RewardState.FULFILLING, code().dispatch_id)
    assert stored().due_at is None
    payer = Payer()
    state = advance_dispatch(code().dispatch_id, providers=payer, now=NOON)
    assert state is DispatchState.SETTLED
    assert (stored().handed_over or {})["coupon_code"] == "CINEMA-1"
    assert [each.name for each in events.iter_all()].count(EventName.REWARD_FULFILLED) == 1
    assert verify_ledger().faults == ()


def test_a_partner_is_told_of_no_person() -> None:
    earn()
    payer = Payer()
    advance_dispatch(code().dispatch_id, providers=payer, now=NOON)
    (asked,) = payer.asked
    assert (asked.recipient, asked.options) == (None, {"program": "tea"})


def test_a_code_travels_in_no_event() -> None:
    earn()
    advance_dispatch(code().dispatch_id, providers=Payer(), now=NOON)
    assert "CINEMA-1" not in repr(list(events.iter_all()))


def test_it_is_reserved_in_the_transaction_that_moves_its_reward() -> None:
    with calls_counted() as made:
        earn()
    written = [each for each in made if each.startswith("TransactWrite")]
    assert len(written) == 4  # the program, the promise, the claim, the dispatch


def test_a_partner_that_has_nothing_left_is_asked_again_in_an_hour_under_another_id() -> None:
    reward = earn()
    payer = Payer(answers=[Refused(reason="sold out")])
    first = code()
    state = advance_dispatch(first.dispatch_id, providers=payer, now=NOON)
    assert state is DispatchState.RELEASED
    assert (stored().state, stored().due_at) == (RewardState.AVAILABLE, NOON + AN_HOUR)
    assert stored().dispatch_id is None
    fulfil_reward(key_of(reward), now=NOON + AN_HOUR)
    assert code().dispatch_id != first.dispatch_id
    advance_dispatch(code().dispatch_id, providers=payer, now=NOON + AN_HOUR)
    assert stored().state is RewardState.FULFILLED
    assert verify_ledger().faults == ()


def test_a_code_whose_reward_expired_while_its_partner_had_no_time_has_what_was_left_of_it() -> (
    None
):
    apply_program(replace(shop.a_program(), partners=CINEMA), now=NOON)
    reward = promise(
        RewardId("rwd_1"),
        owner_id=ANNA,
        amount_minor=900,
        kind=RewardKind.PARTNER,
        partner="cinema",
        now=NOON,
        expires_after_days=2,
    )
    fulfil_reward(key_of(reward), now=NOON + AN_HOUR)
    payer = Payer(answers=[NotNow(reason="closed"), Refused(reason="sold out")])
    for days in (1, 5):
        advance_dispatch(code().dispatch_id, providers=payer, now=NOON + timedelta(days=days))
    assert stored().expires_at == NOON + timedelta(days=7) - AN_HOUR
    assert verify_ledger().faults == ()
    fulfil_reward(key_of(reward), now=NOON + timedelta(days=6))
    advance_dispatch(code().dispatch_id, providers=payer, now=NOON + timedelta(days=6))
    assert stored().state is RewardState.FULFILLED


def test_a_partner_that_says_no_for_good_is_asked_ever_more_seldom_and_it_is_told() -> None:
    reward = earn()
    payer = Payer(answers=[Refused(reason="unknown program")] * 240)
    for hours in range(10 * 24):
        now = NOON + hours * AN_HOUR
        fulfil_reward(key_of(reward), now=now)
        for dispatch_id in list(dispatches.iter_due(now)):
            advance_dispatch(dispatch_id, providers=payer, now=now)
    # after 0, 1, 2, 4, 8, 16 and 32 hours, then once a day
    assert len(payer.asked) == 15
    failed = [each for each in events.iter_all() if each.name is EventName.PAYOUT_FAILED]
    assert [each.data["reason"] for each in failed] == ["unknown program"] * 15
    assert verify_ledger().faults == ()


def test_a_refund_before_the_code_is_asked_for_voids_the_reward() -> None:
    reward = earn()
    take_back(key_of(reward), owed_minor=0, now=NOON)
    payer = Payer()
    advance_dispatch(code().dispatch_id, providers=payer, now=NOON)
    assert (payer.asked, stored().state) == ([], RewardState.VOIDED)
    assert verify_ledger().faults == ()


def test_a_refund_while_the_code_is_on_its_way_claws_the_reward_back() -> None:
    reward = earn()
    payer = Payer(answers=[Unknown(reason="lost")])
    advance_dispatch(code().dispatch_id, providers=payer, now=NOON)
    take_back(key_of(reward), owed_minor=0, now=NOON)
    payer.pay(payer.asked[0])
    advance_dispatch(code().dispatch_id, providers=payer, now=NOON + AN_HOUR)
    assert stored().state is RewardState.CLAWED_BACK
    assert verify_ledger().faults == ()


def test_a_refund_in_part_before_it_is_asked_for_asks_for_less_at_once() -> None:
    reward = earn()
    take_back(key_of(reward), owed_minor=600, now=NOON)
    advance_dispatch(code().dispatch_id, providers=Payer(), now=NOON)
    later = NOON + timedelta(minutes=1)
    fulfil_reward(key_of(reward), now=later)
    assert (code().amount_minor, code().state) == (600, DispatchState.RESERVED)


def test_a_code_that_is_worth_something_else_can_be_found_good_by_people() -> None:
    earn()
    payer = Payer(answers=[order_for(code(), amount_minor=800)])
    state = advance_dispatch(code().dispatch_id, providers=payer, now=NOON)
    assert state is DispatchState.FROZEN
    confirm_payout(code().dispatch_id, reference="call 12", actor="olga", now=NOON)
    assert (stored().handed_over or {})["coupon_code"] == "CINEMA-1"


def test_an_offer_without_a_system_of_the_partner_waits_for_people() -> None:
    earn(partner=None)
    assert (stored().state, stored().due_at) == (RewardState.AVAILABLE, None)
    assert list(dispatches.iter_all()) == []
