"""What people hand over themselves: said once, with what proves it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.errors import (
    CameBackError,
    DuplicateHandOverError,
    MoveNotAllowedError,
    RewardNotFoundError,
)
from referrals.domain.events import EventName
from referrals.domain.ids import RewardId
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import Flat, RewardKind, RewardRule
from referrals.store import events
from referrals.store.rewards import RewardKey
from referrals.usecases.confirm_hand_over import confirm_hand_over, take_hand_over_back
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, calls_counted, every_kill, killed
from tests.shop import LATER, NOON, Purse, a_click_of, buy, give_back, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

CASH = replace(shop.ADVOCATE_TENTH, rule_id="advocate-cash", kind=RewardKind.CASH)
PARTNER = replace(CASH, rule_id="cinema", kind=RewardKind.PARTNER, reward=Flat(amount_minor=900))
GIFT = replace(PARTNER, rule_id="teapot", kind=RewardKind.GIFT, pool="teapots")


def available(rule: RewardRule = CASH) -> RewardKey:
    """Let Anna earn a reward whose hold is over, and that waits for people."""
    shop.open_shop(rules=[rule])
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=LATER)
    (key,) = shop.reward_keys("anna")
    return key


def confirm(key: RewardKey, reference: str = "transfer 7") -> Reward:
    return confirm_hand_over(key, reference=reference, actor="olga", now=LATER)


@pytest.mark.parametrize("rule", [CASH, PARTNER, GIFT], ids=lambda rule: rule.kind)
def test_what_was_handed_over_by_hand_is_fulfilled_with_its_reference(rule: RewardRule) -> None:
    key = available(rule)
    assert [each.state for each in shop.rewards_of("anna")] == [RewardState.AVAILABLE]
    done = confirm(key)
    (stored,) = shop.rewards_of("anna")
    assert (done.state, stored.state) == (RewardState.FULFILLED, RewardState.FULFILLED)
    assert stored.handed_over == {"reference": "transfer 7", "actor": "olga"}
    assert stored.due_at is None
    assert purse_of("anna") == Purse(paid=done.amount_minor)
    assert verify_ledger().faults == ()


def test_it_is_one_transaction_with_its_journal_and_its_event() -> None:
    key = available()
    with calls_counted() as made:
        confirm(key)
    assert made.count("TransactWriteItems") == 1
    told = [each for each in events.iter_all() if each.name is EventName.REWARD_FULFILLED]
    assert [each.data["reward_id"] for each in told] == [key.reward_id]


def test_the_same_reference_again_changes_nothing() -> None:
    key = available()
    first = confirm(key)
    before = shop.dump()
    again = confirm_hand_over(key, reference="transfer 7", actor="boris", now=LATER)
    assert replace(again, revision=None) == replace(first, revision=None)
    assert shop.dump() == before


def test_another_reference_is_a_contradiction() -> None:
    key = available()
    confirm(key)
    before = shop.dump()
    with pytest.raises(DuplicateHandOverError):
        confirm(key, "transfer 8")
    assert shop.dump() == before


def test_what_the_system_handed_over_cannot_be_confirmed() -> None:
    key = available(shop.ADVOCATE_TENTH)
    with pytest.raises(DuplicateHandOverError):
        confirm(key)


def test_a_reward_that_does_not_exist_is_an_error() -> None:
    key = replace(available(), reward_id=RewardId("rwd_unknown"))
    with pytest.raises(RewardNotFoundError):
        confirm(key)


def test_a_reward_that_is_held_is_not_to_be_handed_over() -> None:
    shop.open_shop(rules=[CASH])
    buy(clicks=[a_click_of()])
    (key,) = shop.reward_keys("anna")
    with pytest.raises(MoveNotAllowedError):
        confirm(key)


def test_a_reward_that_was_voided_is_not_to_be_handed_over() -> None:
    key = available()
    give_back(amount_minor=5_000, now=LATER)
    with pytest.raises(MoveNotAllowedError):
        confirm(key)


def test_a_refund_before_the_hand_over_lessens_it_and_one_after_it_is_a_debt() -> None:
    key = available()
    give_back(amount_minor=1_000, now=LATER)
    assert confirm(key).to_hand_over_minor == 400
    give_back(refund_id="R-2", amount_minor=4_000, now=LATER)
    assert purse_of("anna") == Purse(paid=400, debt=-400)
    again = confirm(key)
    assert again.state is RewardState.CLAWED_BACK
    assert verify_ledger().faults == ()


def test_a_gift_that_people_handed_over_is_put_back_into_no_stock() -> None:
    confirm(available(GIFT))
    give_back(amount_minor=5_000, now=LATER)
    assert [each.state for each in shop.rewards_of("anna")] == [RewardState.CLAWED_BACK]


def test_many_confirmations_at_once_pay_once() -> None:
    key = available()
    done = at_once([lambda: confirm(key)] * 10)
    assert {each.state for each in done} == {RewardState.FULFILLED}
    assert purse_of("anna") == Purse(paid=500)
    assert verify_ledger().faults == ()


def test_a_confirmation_and_a_refund_at_once_leave_a_sound_ledger() -> None:
    key = available()
    at_once([lambda: confirm(key), lambda: give_back(now=LATER)])
    assert purse_of("anna") in {Purse(paid=400), Purse(paid=500, debt=-100)}
    assert verify_ledger().faults == ()


def test_a_confirmation_and_the_clock_at_once_pay_once() -> None:
    shop.open_shop(rules=[CASH])
    buy(clicks=[a_click_of()])
    (key,) = shop.reward_keys("anna")

    def confirm_when_it_can_be() -> object:
        while True:
            try:
                return confirm(key)
            except MoveNotAllowedError:
                continue

    at_once([lambda: fulfil_reward(key, now=LATER), confirm_when_it_can_be])
    assert purse_of("anna") == Purse(paid=500)
    assert verify_ledger().faults == ()


def test_a_confirmation_that_is_cut_off_anywhere_can_be_repeated() -> None:
    key = available()
    tables = engine.copied_tables()
    calls = every_kill(lambda: confirm(key))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                confirm(key)
            confirm(key)
            assert shop.dump() == once


def come_back(key: RewardKey, reference: str = "transfer 7") -> Reward:
    return take_hand_over_back(
        key, reference=reference, reason="account closed", actor="olga", now=LATER
    )


def test_cash_that_came_back_is_available_again_and_can_be_sent_once_more() -> None:
    key = available()
    confirm(key)
    again = come_back(key)
    assert (again.state, purse_of("anna")) == (RewardState.AVAILABLE, Purse(available=500))
    shop.fulfil_all("anna", now=LATER)
    confirm(key, "transfer 8")
    assert purse_of("anna") == Purse(paid=500)
    fulfilled = [each for each in events.iter_all() if each.name is EventName.REWARD_FULFILLED]
    assert len({each.event_id for each in fulfilled}) == 2
    assert verify_ledger().faults == ()


def test_it_is_told_with_its_reference_and_why() -> None:
    key = available()
    confirm(key)
    come_back(key)
    (told,) = [each for each in events.iter_all() if each.name is EventName.REWARD_RETURNED]
    said = {
        name: told.data[name] for name in ("reward_id", "state", "reference", "reason", "actor")
    }
    assert said == {
        "reward_id": key.reward_id,
        "state": "available",
        "reference": "transfer 7",
        "reason": "account closed",
        "actor": "olga",
    }


def test_the_word_of_before_hands_nothing_over_again_once_it_came_back() -> None:
    key = available()
    confirm(key)
    come_back(key)
    before = shop.dump()
    with pytest.raises(CameBackError):
        confirm(key)
    assert shop.dump() == before


def test_no_reference_sends_twice_however_often_it_came_back() -> None:
    key = available()
    for reference in ("transfer 7", "transfer 8"):
        confirm(key, reference)
        come_back(key, reference)
    for reference in ("transfer 7", "transfer 8"):
        with pytest.raises(CameBackError):
            confirm(key, reference)


def test_that_it_came_back_can_be_said_again_whatever_became_of_it() -> None:
    key = available()
    confirm(key)
    give_back(amount_minor=5_000, now=LATER)
    come_back(key)
    assert [each.state for each in shop.rewards_of("anna")] == [RewardState.VOIDED]
    before = shop.dump()
    come_back(key)
    assert shop.dump() == before


def test_what_came_back_under_another_reference_is_a_contradiction() -> None:
    key = available()
    confirm(key)
    before = shop.dump()
    with pytest.raises(DuplicateHandOverError):
        come_back(key, "transfer 8")
    assert shop.dump() == before


@pytest.mark.parametrize("rule", [CASH, PARTNER, GIFT], ids=lambda rule: rule.kind)
def test_only_cash_that_was_sent_comes_back(rule: RewardRule) -> None:
    key = available(rule)
    if rule is not CASH:
        confirm(key)
    with pytest.raises(MoveNotAllowedError):
        come_back(key)


def test_a_reward_that_does_not_exist_does_not_come_back() -> None:
    key = replace(available(), reward_id=RewardId("rwd_unknown"))
    with pytest.raises(RewardNotFoundError):
        come_back(key)


def test_it_is_kept_who_sent_it_and_who_said_that_it_came_back() -> None:
    key = available()
    confirm(key)
    take_hand_over_back(
        key, reference="transfer 7", reason="account closed", actor="boris", now=LATER
    )
    (reward,) = shop.rewards_of("anna")
    assert reward.handed_over == {
        "reference": "transfer 7",
        "actor": "olga",
        "returned:transfer 7": "account closed",
        "returned_by": "boris",
    }


def test_what_was_refunded_since_it_was_sent_is_owed_no_more_once_it_came_back() -> None:
    key = available()
    confirm(key)
    give_back(amount_minor=1_000, now=LATER)
    assert purse_of("anna") == Purse(paid=500, debt=-100)
    come_back(key)
    assert purse_of("anna") == Purse(available=400)
    assert verify_ledger().faults == ()


def test_a_debt_that_was_paid_and_is_none_any_more_goes_out_with_the_next_reward() -> None:
    key = available()
    confirm(key)
    give_back(amount_minor=5_000, now=LATER)
    buy(order_id="A-2", clicks=[a_click_of()], now=LATER)
    shop.fulfil_all("anna", now=LATER + timedelta(days=14))
    assert purse_of("anna") == Purse(paid=500)  # the second paid the debt of the first
    come_back(key)
    assert purse_of("anna") == Purse(debt=500)  # which was none: they are owed it
    buy(order_id="A-3", clicks=[a_click_of()], now=LATER)
    shop.fulfil_all("anna", now=LATER + timedelta(days=28))
    assert purse_of("anna") == Purse(available=1_000)
    assert verify_ledger().faults == ()


def test_the_clock_nets_what_came_back_against_what_is_owed_for_something_else() -> None:
    key = available()
    buy(order_id="A-2", clicks=[a_click_of()])
    shop.fulfil_all("anna", now=LATER)
    other = next(each for each in shop.reward_keys("anna") if each != key)
    confirm(key)
    confirm_hand_over(other, reference="transfer 9", actor="olga", now=LATER)
    give_back(order_id="A-2", amount_minor=5_000, now=LATER)
    come_back(key)
    assert purse_of("anna") == Purse(available=500, paid=500, debt=-500)
    shop.fulfil_all("anna", now=LATER)
    assert purse_of("anna") == Purse(paid=500)
    assert verify_ledger().faults == ()


def test_many_who_say_at_once_that_it_came_back_take_it_in_once() -> None:
    key = available()
    confirm(key)
    at_once([lambda: come_back(key)] * 10)
    assert purse_of("anna") == Purse(available=500)
    assert verify_ledger().faults == ()


def test_taking_it_in_can_be_cut_off_anywhere_and_repeated() -> None:
    key = available()
    confirm(key)
    tables = engine.copied_tables()
    calls = every_kill(lambda: come_back(key))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                come_back(key)
            come_back(key)
            assert shop.dump() == once


def test_what_waits_for_people_is_not_looked_at_every_hour() -> None:
    key = available()
    (reward,) = shop.rewards_of("anna")
    assert reward.due_at is None
    assert fulfil_reward(key, now=NOON + timedelta(days=300)) is RewardState.AVAILABLE
