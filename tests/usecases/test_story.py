"""One referral, from the first click to the last refund, through the use cases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from referrals.domain.decisions import Outcome, Reason
from referrals.domain.errors import (
    DuplicateAdvocateError,
    DuplicateCodeError,
    DuplicateConversionError,
    ProgramNotFoundError,
)
from referrals.domain.rewards import RewardState, moved_to
from referrals.domain.rules import Cap, Conditions
from referrals.store import coupons, rewards
from referrals.store.transactions import commit
from referrals.usecases.apply_program import apply_program
from referrals.usecases.end_hold import end_hold
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import LATER, NOON, Purse, a_click_of, buy, give_back, purse_of, sign_up

pytestmark = pytest.mark.usefixtures("tables")


def test_a_friend_who_follows_a_link_signs_up_and_buys_rewards_both() -> None:
    shop.open_shop()
    signed_up = sign_up(clicks=[a_click_of()])
    bought = buy()
    assert (signed_up.outcome, signed_up.advocate) == (Outcome.CREDITED, "anna")
    assert (bought.outcome, bought.advocate) == (Outcome.CREDITED, "anna")
    assert purse_of("anna") == Purse(held=500)
    assert purse_of("boris") == Purse(held=800)


def test_the_end_of_the_hold_makes_rewards_ready_and_fulfils_them() -> None:
    shop.open_shop()
    coupons.add(shop.TEA, "welcome", "TEA-1")
    sign_up(clicks=[a_click_of()])
    buy()
    shop.fulfil_all("anna", now=NOON + timedelta(days=13))
    assert purse_of("anna") == Purse(held=500)
    shop.fulfil_all("anna", now=NOON + timedelta(days=14))
    shop.fulfil_all("boris", now=NOON + timedelta(days=14))
    assert purse_of("anna") == Purse(paid=500)
    assert purse_of("boris") == Purse(paid=800)
    states = {reward.state for each in ("anna", "boris") for reward in shop.rewards_of(each)}
    assert states == {RewardState.FULFILLED}
    assert verify_ledger().is_sound


def test_a_coupon_reward_waits_for_stock_and_goes_out_when_there_is_some() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    shop.fulfil_all("boris", now=NOON)
    assert [reward.state for reward in shop.rewards_of("boris")] == [RewardState.AVAILABLE]
    coupons.add(shop.TEA, "welcome", "TEA-1")
    shop.fulfil_all("boris", now=NOON + timedelta(minutes=59))
    assert [reward.state for reward in shop.rewards_of("boris")] == [RewardState.AVAILABLE]
    shop.fulfil_all("boris", now=NOON + timedelta(minutes=60))
    (reward,) = shop.rewards_of("boris")
    assert reward.state is RewardState.FULFILLED
    assert reward.handed_over == {"coupon_code": "TEA-1"}
    assert coupons.count(shop.TEA, "welcome") == (0, 1)


def test_a_coupon_that_was_taken_cannot_be_put_into_the_pool_again() -> None:
    shop.open_shop()
    coupons.add(shop.TEA, "welcome", "TEA-1")
    sign_up(clicks=[a_click_of()])
    shop.fulfil_all("boris", now=NOON)
    assert coupons.add(shop.TEA, "welcome", "TEA-1") is False
    assert coupons.count(shop.TEA, "welcome") == (0, 1)


def test_a_refund_while_rewards_are_held_shrinks_the_percentage_and_spares_the_flat_one() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    refunded = give_back(amount_minor=1_000)
    assert refunded.outcome is Outcome.CREDITED
    assert purse_of("anna") == Purse(held=400)
    assert purse_of("boris") == Purse(held=800)


def test_a_whole_refund_voids_what_the_order_earned() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    give_back(amount_minor=5_000)
    assert purse_of("anna") == Purse()
    assert purse_of("boris") == Purse(held=500)
    assert [reward.state for reward in shop.rewards_of("anna")] == [RewardState.VOIDED]


def test_a_refund_after_fulfilment_claws_back_and_leaves_a_debt() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    shop.fulfil_all("anna", now=LATER)
    give_back(amount_minor=2_500, now=LATER)
    assert purse_of("anna") == Purse(paid=500, debt=-250)
    give_back(refund_id="R-2", amount_minor=2_500, now=LATER)
    assert purse_of("anna") == Purse(paid=500, debt=-500)
    assert [reward.state for reward in shop.rewards_of("anna")] == [RewardState.CLAWED_BACK]
    assert verify_ledger().is_sound


def test_more_refunds_than_the_order_was_worth_never_take_more_than_was_given() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    for number in range(4):
        give_back(refund_id=f"R-{number}", amount_minor=2_000)
    assert purse_of("anna") == Purse()


def test_the_same_purchase_again_gets_the_first_answer_and_does_nothing() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    first = buy()
    before = shop.dump()
    again = buy()
    assert (first.is_new, again.is_new) == (True, False)
    assert again.rewards == first.rewards
    assert again.decisions == first.decisions
    assert shop.dump() == before


def test_the_same_order_with_another_amount_is_a_contradiction() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    before = shop.dump()
    with pytest.raises(DuplicateConversionError):
        buy(amount_minor=9_999)
    assert shop.dump() == before


def test_the_same_refund_with_another_amount_is_a_contradiction() -> None:
    shop.open_shop()
    give_back(amount_minor=1_000)
    with pytest.raises(DuplicateConversionError):
        give_back(amount_minor=1_001)


def test_a_purchase_without_any_sign_up_waits_and_says_so() -> None:
    shop.open_shop()
    bought = buy()
    assert (bought.outcome, bought.reason) == (Outcome.WAITING, Reason.NO_SIGNUP_YET)
    assert purse_of("anna") == Purse()


def test_a_purchase_that_brings_its_own_click_binds_the_friend() -> None:
    shop.open_shop()
    bought = buy(clicks=[a_click_of()])
    assert (bought.outcome, bought.advocate) == (Outcome.CREDITED, "anna")
    assert purse_of("anna") == Purse(held=500)


def test_a_friend_stays_bound_to_the_first_advocate_for_ever() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of("ANNA10")])
    bought = buy(clicks=[a_click_of("CLARA10")])
    assert bought.advocate == "anna"
    assert purse_of("clara") == Purse()


def test_ones_own_link_is_refused_with_its_reason() -> None:
    shop.open_shop()
    bought = buy("anna", clicks=[a_click_of("ANNA10")])
    assert (bought.outcome, bought.reason) == (Outcome.DECLINED, Reason.SELF_REFERRAL)
    assert purse_of("anna") == Purse()


def test_a_click_from_before_the_window_does_not_count() -> None:
    shop.open_shop()
    old = a_click_of(at=NOON - timedelta(days=30, seconds=1))
    assert sign_up(clicks=[old]).reason is Reason.OUTSIDE_WINDOW
    edge = a_click_of(at=NOON - timedelta(days=30))
    assert sign_up("dora", clicks=[edge]).outcome is Outcome.CREDITED


def test_an_order_in_another_currency_earns_nothing() -> None:
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    bought = buy(currency="USD")
    assert (bought.outcome, bought.reason) == (Outcome.DECLINED, Reason.OTHER_CURRENCY)


def test_a_cap_of_one_reward_lets_the_second_friend_bring_nothing_and_says_why() -> None:
    shop.open_shop(rules=[shop.capped(shop.ADVOCATE_TENTH, Cap(rewards=1))])
    for friend in ("boris", "dora"):
        sign_up(friend, clicks=[a_click_of()])
        last = buy(friend, order_id=f"A-{friend}")
    assert purse_of("anna") == Purse(held=500)
    assert [each.reason for each in last.decisions] == [None, Reason.CAP_REACHED]


def test_a_cap_in_money_grants_what_is_left_of_it() -> None:
    shop.open_shop(rules=[shop.capped(shop.ADVOCATE_TENTH, Cap(amount_minor=700))])
    for friend in ("boris", "dora"):
        sign_up(friend, clicks=[a_click_of()])
        buy(friend, order_id=f"A-{friend}")
    assert purse_of("anna") == Purse(held=700)


def test_a_voided_reward_gives_its_place_under_the_cap_back() -> None:
    shop.open_shop(rules=[shop.capped(shop.ADVOCATE_TENTH, Cap(rewards=1))])
    sign_up("boris", clicks=[a_click_of()])
    buy("boris")
    give_back(amount_minor=5_000)
    sign_up("dora", clicks=[a_click_of()])
    buy("dora", order_id="A-2")
    assert purse_of("anna") == Purse(held=500)


def test_enrolling_twice_gives_the_same_code() -> None:
    shop.open_shop()
    first, again = shop.enrol("ivan"), shop.enrol("ivan")
    assert (first.is_new, again.is_new) == (True, False)
    assert first.advocate == again.advocate
    assert len(first.advocate.code) == 12


def test_a_code_that_somebody_has_is_refused() -> None:
    shop.open_shop()
    with pytest.raises(DuplicateCodeError):
        shop.enrol("ivan", code="anna-10")


def test_an_advocate_cannot_change_the_code_by_enrolling_again() -> None:
    shop.open_shop()
    with pytest.raises(DuplicateAdvocateError):
        shop.enrol("anna", code="ANNA11")


def test_a_program_that_does_not_exist_is_an_error_and_nothing_is_written() -> None:
    before = shop.dump()
    with pytest.raises(ProgramNotFoundError):
        buy()
    assert shop.dump() == before


def test_unchanged_terms_make_no_new_version_and_changed_ones_make_one() -> None:
    program = shop.a_program()
    assert apply_program(program, now=NOON).version == 1
    assert apply_program(program, now=NOON).version == 1
    assert apply_program(shop.a_program(rules=[shop.ADVOCATE_TENTH]), now=NOON).version == 2


def test_a_waiting_purchase_is_decided_by_the_terms_of_its_day() -> None:
    shop.open_shop()
    buy()
    apply_program(shop.a_program(rules=[shop.FRIEND_WELCOME]), now=NOON)
    sign_up(clicks=[a_click_of()])
    assert purse_of("anna") == Purse(held=500)


def _claim(customer_id: str) -> None:
    """Leave a reward in FULFILLING, as a process that ends right after its claim does."""
    (reward,) = shop.rewards_of(customer_id)
    claimed = moved_to(reward, RewardState.FULFILLING, due_at=reward.due_at)
    commit(rewards.save(claimed))


def test_a_claimed_reward_whose_order_is_refunded_is_voided_and_not_handed_over() -> None:
    shop.open_shop(rules=[replace(shop.ADVOCATE_COUPON, hold_days=0)])
    coupons.add(shop.TEA, "thanks", "TEA-1")
    buy(clicks=[a_click_of()])
    (key,) = shop.reward_keys("anna")
    end_hold(shop.rewards_of("anna")[0], now=NOON)
    _claim("anna")
    give_back(amount_minor=5_000)
    assert purse_of("anna") == Purse(available=400, debt=-400)
    assert fulfil_reward(key, now=NOON) is RewardState.VOIDED
    assert purse_of("anna") == Purse()
    assert coupons.count(shop.TEA, "thanks") == (1, 0)
    assert verify_ledger().faults == ()


def test_a_claimed_reward_whose_order_is_refunded_in_part_goes_out_with_the_rest() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy(clicks=[a_click_of()])
    end_hold(shop.rewards_of("anna")[0], now=LATER)
    _claim("anna")
    give_back(amount_minor=1_000, now=LATER)
    shop.fulfil_all("anna", now=LATER)
    assert purse_of("anna") == Purse(paid=400)
    assert verify_ledger().faults == ()


def test_an_advocate_who_moves_to_another_segment_is_rewarded_by_its_terms_from_then_on() -> None:
    for_vips = replace(shop.ADVOCATE_TENTH, rule_id="for-vips", only=Conditions(segments=("vip",)))
    shop.open_shop(rules=[for_vips])
    sign_up(codes=["ANNA10"])
    assert [each.reason for each in buy().decisions][-1] is Reason.OTHER_SEGMENT
    assert shop.enrol("anna", segment="vip").advocate.segment == "vip"
    buy(order_id="A-2")
    assert shop.enrol("anna").advocate.segment == "vip"
    buy(order_id="A-3")
    assert purse_of("anna") == Purse(held=1_000)
