"""Granting: every rule that is looked at grants or says why not, within caps and a budget."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.caps import Use
from referrals.domain.conversions import ReviewState, Verdict
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.events import EventName
from referrals.domain.fraud.terms import FraudMode
from referrals.domain.granting import (
    ALL_RULES,
    Claim,
    Grants,
    Occasion,
    funded,
    not_meant_for,
    promise_event,
    reward_event,
)
from referrals.domain.ids import DispatchId, PersonId
from referrals.domain.ledger import Posting
from referrals.domain.programs import (
    ConversionKind,
    Experiment,
    Program,
    Variant,
)
from referrals.domain.referrals import Part
from referrals.domain.reports import Circumstances
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import (
    Cap,
    Conditions,
    Flat,
    Percent,
    Period,
    RewardKind,
    RewardRule,
    Side,
    Tier,
    Tiers,
    Trigger,
)
from tests.domain.orders import Orders
from tests.factories import (
    A_DAY,
    ANNA,
    ANNA_HELD,
    BORIS,
    CLARA,
    EXPENSE,
    FIVE_EURO,
    NOW,
    ORDER,
    TODAY,
    a_balance,
    a_budget,
    a_conversion,
    a_gift_rule,
    a_program,
    a_referral,
    a_reward,
    a_rule,
    a_second_level_rule,
    a_signup,
    a_slice,
    a_thanks_rule,
    a_use,
    a_welcome_rule,
    balances_of,
)

DORA, EMIL = PersonId("per_dora"), PersonId("per_emil")
A_PURCHASE = Occasion(
    source=ORDER,
    occurred_at=NOW,
    conversion_id=ORDER,
    order_id="order-1",
    amount_minor=10_000,
    channel="whatsapp",
)
POINTS = a_rule(rule_id="points", kind=RewardKind.POINTS, reward=Flat(amount_minor=50))
BY_HALVES = a_referral(
    parts=(Part(advocate_id=ANNA, share_bps=5_000), Part(advocate_id=CLARA, share_bps=5_000))
)
BY_THIRDS = a_referral(
    parts=(
        Part(advocate_id=ANNA, share_bps=3_334),
        Part(advocate_id=CLARA, share_bps=3_333),
        Part(advocate_id=DORA, share_bps=3_333),
    )
)


def grants_for(occasion: Occasion = A_PURCHASE, *, program: Program | None = None) -> Grants:
    return Grants(
        occasion, program=program or a_program(), balances=balances_of(), budget=None, now=NOW
    )


def promised(rule: RewardRule, occasion: Occasion = A_PURCHASE, *, version: int = 1) -> Reward:
    """Promise Anna ten euro by a rule."""
    grants = grants_for(occasion, program=replace(a_program(rule), version=version))
    reward = grants.decide(rule, Claim(owner_id=ANNA, promised_minor=1_000, count=1))
    assert reward is not None
    return reward


def reason_of(rule: RewardRule, occasion: Occasion) -> Reason | None:
    """Say why a rule grants Anna nothing for an occasion; None when it grants."""
    grants = grants_for(occasion)
    grants.decide(rule, Claim(owner_id=ANNA, promised_minor=1_000, count=1))
    (decision,) = grants.decisions
    return decision.reason


def reasons(verdict: Verdict) -> list[Reason | None]:
    return [each.reason for each in verdict.conversion.decisions if each.rule.startswith("reward:")]


def granted(verdict: Verdict) -> list[tuple[PersonId, int]]:
    return [(reward.owner_id, reward.amount_minor) for reward in verdict.rewards]


def test_a_reward_is_held_from_the_conversion_on_and_not_from_its_report() -> None:
    two_days_ago = replace(A_PURCHASE, occurred_at=NOW - 2 * A_DAY)
    reward = promised(a_rule(hold_days=14), two_days_ago)
    assert reward.state is RewardState.HELD
    assert reward.held_until == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reward.due_at == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reward.granted_at == NOW


@pytest.mark.parametrize("on", [Trigger.SIGNUP, Trigger.PURCHASE, Trigger.RENEWAL])
def test_a_hold_of_no_days_ends_at_once(on: Trigger) -> None:
    assert promised(a_rule(on=on, hold_days=0)).held_until == NOW


def test_a_reward_carries_the_rule_and_the_version_of_the_terms_that_made_it() -> None:
    reward = promised(a_rule(), version=3)
    assert (reward.rule_id, reward.version, reward.side) == ("advocate-tenth", 3, Side.ADVOCATE)
    assert (reward.amount_minor, reward.unit, reward.order_id) == (1_000, "EUR", "order-1")
    assert (reward.trigger, reward.generation, reward.step) == (Trigger.PURCHASE, 1, None)


def test_a_gift_carries_the_pool_it_comes_from() -> None:
    assert promised(a_gift_rule()).pool == "cups"


def test_a_reward_knows_how_long_it_can_be_taken_up() -> None:
    assert promised(a_rule(expires_after_days=90)).expires_after_days == 90


def test_a_rule_makes_one_reward_a_conversion() -> None:
    ids = [
        promised(a_rule()).reward_id,
        promised(a_rule(hold_days=0)).reward_id,
        promised(a_rule(rule_id="another")).reward_id,
        promised(a_rule(), replace(A_PURCHASE, source="cnv_other")).reward_id,
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


IN_NORWAY = Circumstances(country="NO")
TEAPOT = Circumstances(products=("teapot", "cup"))


@pytest.mark.parametrize(
    ("rule", "occasion", "reason"),
    [
        pytest.param(a_rule(), A_PURCHASE, None, id="no condition"),
        pytest.param(
            a_rule(only=Conditions(segments=("fans",))),
            replace(A_PURCHASE, segment="fans"),
            None,
            id="of the segment",
        ),
        pytest.param(
            a_rule(only=Conditions(segments=("fans",))),
            replace(A_PURCHASE, segment="press"),
            Reason.OTHER_SEGMENT,
            id="of another segment",
        ),
        pytest.param(
            a_rule(only=Conditions(segments=("fans",))),
            A_PURCHASE,
            Reason.OTHER_SEGMENT,
            id="of no segment",
        ),
        pytest.param(
            a_rule(only=Conditions(except_segments=("staff",))),
            replace(A_PURCHASE, segment="staff"),
            Reason.OTHER_SEGMENT,
            id="of a segment that is left out",
        ),
        pytest.param(
            a_rule(only=Conditions(except_segments=("staff",))),
            A_PURCHASE,
            None,
            id="of no segment where one is left out",
        ),
        pytest.param(
            a_rule(only=Conditions(countries=("NO", "SE"))),
            replace(A_PURCHASE, circumstances=IN_NORWAY),
            None,
            id="from the country",
        ),
        pytest.param(
            a_rule(only=Conditions(countries=("SE",))),
            replace(A_PURCHASE, circumstances=IN_NORWAY),
            Reason.OTHER_COUNTRY,
            id="from another country",
        ),
        pytest.param(
            a_rule(only=Conditions(countries=("SE",))),
            A_PURCHASE,
            Reason.OTHER_COUNTRY,
            id="from nobody knows where",
        ),
        pytest.param(
            a_rule(only=Conditions(products=("cup", "tray"))),
            replace(A_PURCHASE, circumstances=TEAPOT),
            None,
            id="with one of the products",
        ),
        pytest.param(
            a_rule(only=Conditions(products=("tray",))),
            replace(A_PURCHASE, circumstances=TEAPOT),
            Reason.OTHER_PRODUCT,
            id="with other products",
        ),
        pytest.param(
            a_rule(only=Conditions(products=("tray",))),
            A_PURCHASE,
            Reason.OTHER_PRODUCT,
            id="with nobody knows what",
        ),
        pytest.param(
            a_rule(only=Conditions(channels=("whatsapp",))), A_PURCHASE, None, id="sent this way"
        ),
        pytest.param(
            a_rule(only=Conditions(channels=("email",))),
            A_PURCHASE,
            Reason.OTHER_CHANNEL,
            id="sent another way",
        ),
        pytest.param(
            a_rule(only=Conditions(variants=("more",))),
            replace(A_PURCHASE, variant="more"),
            None,
            id="of the variant",
        ),
        pytest.param(
            a_rule(only=Conditions(variants=("more",))),
            replace(A_PURCHASE, variant="less"),
            Reason.OTHER_VARIANT,
            id="of another variant",
        ),
        pytest.param(
            a_rule(only=Conditions(variants=("more",))),
            A_PURCHASE,
            Reason.OTHER_VARIANT,
            id="of the control group",
        ),
        pytest.param(
            a_rule(),
            replace(A_PURCHASE, variant="holdout"),
            Reason.HOLDOUT,
            id="held out without any condition",
        ),
        pytest.param(a_rule(max_amount_minor=10_000), A_PURCHASE, None, id="just the maximum"),
        pytest.param(
            a_rule(max_amount_minor=9_999),
            A_PURCHASE,
            Reason.ABOVE_MAXIMUM,
            id="a cent above the maximum",
        ),
        pytest.param(
            a_rule(min_amount_minor=10_001),
            A_PURCHASE,
            Reason.BELOW_MINIMUM,
            id="a cent below the minimum",
        ),
        pytest.param(
            a_rule(),
            replace(A_PURCHASE, amount_minor=0),
            Reason.BELOW_MINIMUM,
            id="an order of nothing",
        ),
        pytest.param(
            a_rule(is_first_purchase_only=True), A_PURCHASE, None, id="the first purchase"
        ),
        pytest.param(
            a_rule(is_first_purchase_only=True),
            replace(A_PURCHASE, purchases=1),
            Reason.NOT_FIRST_PURCHASE,
            id="the second purchase",
        ),
        pytest.param(
            a_rule(on=Trigger.RENEWAL, first_months=12),
            replace(A_PURCHASE, circumstances=Circumstances(month=12)),
            None,
            id="the last month that counts",
        ),
        pytest.param(
            a_rule(on=Trigger.RENEWAL, first_months=12),
            replace(A_PURCHASE, circumstances=Circumstances(month=13)),
            Reason.TOO_LATE_IN_SUBSCRIPTION,
            id="a month too late",
        ),
        pytest.param(
            a_rule(on=Trigger.RENEWAL),
            replace(A_PURCHASE, circumstances=Circumstances(month=100)),
            None,
            id="renewals for ever",
        ),
        pytest.param(
            a_rule(only=Conditions(segments=("fans",), countries=("SE",)), min_amount_minor=20_000),
            A_PURCHASE,
            Reason.OTHER_SEGMENT,
            id="of several reasons the first that was looked at",
        ),
    ],
)
def test_a_rule_applies_to_what_it_is_meant_for(
    rule: RewardRule, occasion: Occasion, reason: Reason | None
) -> None:
    assert reason_of(rule, occasion) is reason


def test_what_is_not_meant_counts_against_no_cap() -> None:
    rule = a_rule(only=Conditions(countries=("SE",)))
    grants = grants_for(program=a_program(rule))
    assert grants.decide(rule, Claim(owner_id=ANNA, promised_minor=1_000, count=1)) is None
    assert grants.balances[ANNA] == a_balance()
    assert not_meant_for(rule.only, A_PURCHASE) is Reason.OTHER_COUNTRY


def test_a_conversion_tells_the_rules_what_they_ask() -> None:
    rule = a_rule(only=Conditions(segments=("fans",), countries=("NO",), channels=("link",)))
    verdict = Orders(a_program(rule)).credit(a_conversion(circumstances=IN_NORWAY), segment="fans")
    assert granted(verdict) == [(ANNA, 1_000)]
    assert verdict.conversion.decisions[-1].inputs["segment"] == "fans"


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [
        pytest.param(Experiment(name="x", holdout_bps=10_000), Reason.HOLDOUT, id="all held out"),
        pytest.param(
            Experiment(name="x", variants=(Variant(name="more", share_bps=10_000),)),
            None,
            id="all in the variant",
        ),
        pytest.param(
            Experiment(name="x", variants=(Variant(name="less", share_bps=10_000),)),
            Reason.OTHER_VARIANT,
            id="all in another",
        ),
    ],
)
def test_an_experiment_decides_who_is_offered_a_reward(
    experiment: Experiment, reason: Reason | None
) -> None:
    rule = a_rule(only=Conditions(variants=("more",)))
    verdict = Orders(a_program(rule, experiment=experiment)).buy()
    assert reasons(verdict) == [reason]


def test_a_holdout_keeps_the_friends_reward_too() -> None:
    program = a_program(
        a_rule(), a_thanks_rule(), experiment=Experiment(name="x", holdout_bps=10_000)
    )
    verdict = Orders(program).buy()
    assert reasons(verdict) == [Reason.HOLDOUT, Reason.HOLDOUT]
    assert verdict.conversion.outcome is Outcome.CREDITED


def test_a_renewal_earns_what_the_terms_promise_for_renewals_alone() -> None:
    program = a_program(a_rule(), a_rule(rule_id="renewal", on=Trigger.RENEWAL, reward=FIVE_EURO))
    verdict = Orders(program).buy(kind=ConversionKind.RENEWAL)
    assert [(each.rule_id, each.amount_minor) for each in verdict.rewards] == [("renewal", 500)]
    assert verdict.bond is not None
    assert verdict.bond.purchases == 0


THE_FIRST_TWO_ARE_WORTH_MORE = Tiers(
    tiers=(
        Tier(from_count=1, amount=Flat(amount_minor=2_000)),
        Tier(from_count=3, amount=FIVE_EURO),
    )
)


def test_the_first_purchases_that_an_advocate_brings_can_be_worth_more() -> None:
    orders = Orders(a_program(a_rule(reward=THE_FIRST_TWO_ARE_WORTH_MORE)))
    friends = [BORIS, CLARA, DORA, BORIS]
    brought = [orders.buy(f"o{n}", friend_id=friend) for n, friend in enumerate(friends)]
    assert [granted(each) for each in brought] == [
        [(ANNA, 2_000)],
        [(ANNA, 2_000)],
        [(ANNA, 500)],
        [(ANNA, 500)],
    ]


def test_tiers_of_a_friend_count_the_friends_own_purchases() -> None:
    rule = a_rule(to=Side.FRIEND, reward=THE_FIRST_TWO_ARE_WORTH_MORE)
    orders = Orders(a_program(rule))
    friends = [BORIS, CLARA, BORIS, BORIS]
    bought = [orders.buy(f"o{n}", friend_id=friend) for n, friend in enumerate(friends)]
    assert [granted(each) for each in bought] == [
        [(BORIS, 2_000)],
        [(CLARA, 2_000)],
        [(BORIS, 2_000)],
        [(BORIS, 500)],
    ]


def test_who_shares_a_referral_shares_its_reward() -> None:
    verdict = Orders(a_program(a_rule()), referral=BY_HALVES).buy(amount_minor=10_010)
    assert granted(verdict) == [(ANNA, 501), (CLARA, 500)]


def test_a_shared_reward_is_one_journal() -> None:
    verdict = Orders(a_program(a_rule()), referral=BY_HALVES).buy()
    assert verdict.journal is not None
    assert [each.amount_minor for each in verdict.journal.postings] == [500, 500]


def test_a_flat_reward_is_shared_too() -> None:
    orders = Orders(
        a_program(a_rule(reward=Flat(amount_minor=100))),
        referral=BY_THIRDS,
        balances=[a_balance(person_id=DORA)],
    )
    assert granted(orders.buy()) == [(ANNA, 34), (CLARA, 33), (DORA, 33)]


def test_what_cannot_be_cut_goes_to_the_advocate_with_the_largest_part() -> None:
    verdict = Orders(a_program(a_gift_rule()), referral=BY_HALVES).buy()
    assert granted(verdict) == [(ANNA, 500)]


def test_a_friend_who_was_shared_is_thanked_once() -> None:
    verdict = Orders(a_program(a_thanks_rule()), referral=BY_HALVES).buy()
    assert granted(verdict) == [(BORIS, 300)]


def test_a_share_that_rounds_to_nothing_says_so() -> None:
    verdict = Orders(a_program(a_rule()), referral=BY_HALVES).buy(amount_minor=10)
    assert granted(verdict) == [(ANNA, 1)]
    assert reasons(verdict) == [None, Reason.ROUNDS_TO_NOTHING]


def test_a_shared_referral_counts_for_the_advocate_with_the_largest_part() -> None:
    orders = Orders(a_program(a_rule()), referral=BY_HALVES)
    orders.buy()
    assert (orders.balances[ANNA].purchases, orders.balances[CLARA].purchases) == (1, 0)


def test_a_cap_of_one_who_shares_is_not_the_others() -> None:
    rule = a_rule(caps=(Cap(amount_minor=1_000),))
    full = a_balance(person_id=CLARA, caps={"advocate-tenth": a_use(1, 900)})
    verdict = Orders(a_program(rule), referral=BY_HALVES, balances=[full]).buy()
    assert granted(verdict) == [(ANNA, 500), (CLARA, 100)]


def test_whoever_brought_the_advocate_is_rewarded_on_the_second_level() -> None:
    orders = Orders(
        a_program(a_rule(), a_second_level_rule()), referral=a_referral(second_level_id=CLARA)
    )
    verdict = orders.buy()
    assert granted(verdict) == [(ANNA, 1_000), (CLARA, 500)]
    assert verdict.rewards[1].side is Side.SECOND_LEVEL
    assert (orders.balances[ANNA].purchases, orders.balances[CLARA].purchases) == (1, 0)


def test_an_advocate_whom_nobody_brought_has_no_second_level() -> None:
    verdict = Orders(a_program(a_rule(), a_second_level_rule())).buy()
    assert granted(verdict) == [(ANNA, 1_000)]
    assert reasons(verdict) == [None, Reason.NO_SECOND_LEVEL]


def test_a_sign_up_says_nothing_of_a_second_level() -> None:
    verdict = Orders(a_program(a_welcome_rule(), a_second_level_rule())).credit(a_signup())
    assert reasons(verdict) == [None]


CAPPED_ALL_OVER = (Cap(amount_minor=1_200),)


def test_all_rules_together_stay_within_the_programs_caps() -> None:
    program = a_program(
        a_rule(), a_rule(rule_id="advocate-five", reward=FIVE_EURO), caps=CAPPED_ALL_OVER
    )
    orders = Orders(program)
    assert granted(orders.buy()) == [(ANNA, 1_000), (ANNA, 200)]
    assert reasons(orders.buy("order-2")) == [Reason.CAP_REACHED, Reason.CAP_REACHED]
    assert orders.balances[ANNA].cap_use(ALL_RULES).all_time == Use(rewards=2, amount_minor=1_200)


def test_the_programs_caps_are_not_for_friends() -> None:
    orders = Orders(a_program(a_thanks_rule(), caps=(Cap(rewards=1),)))
    orders.buy()
    assert granted(orders.buy("order-2")) == [(BORIS, 300)]
    assert ALL_RULES not in orders.balances[BORIS].caps


def test_points_are_counted_by_the_programs_caps_and_not_weighed() -> None:
    program = a_program(POINTS, a_rule(), caps=(Cap(rewards=2, amount_minor=1_000),))
    orders = Orders(program)
    assert granted(orders.buy()) == [(ANNA, 50), (ANNA, 1_000)]
    assert orders.balances[ANNA].cap_use(ALL_RULES).all_time == Use(rewards=2, amount_minor=1_000)
    assert reasons(orders.buy("order-2")) == [Reason.CAP_REACHED, Reason.CAP_REACHED]


def test_points_are_granted_when_the_programs_money_is_used_up() -> None:
    orders = Orders(a_program(a_rule(), POINTS, caps=(Cap(amount_minor=1_000),)))
    orders.buy()
    second = orders.buy("order-2")
    assert granted(second) == [(ANNA, 50)]
    assert orders.worth(unit="points") == 100


def test_a_rule_weighs_its_own_points() -> None:
    orders = Orders(a_program(replace(POINTS, caps=(Cap(amount_minor=70),))))
    assert granted(orders.buy()) == [(ANNA, 50)]
    assert granted(orders.buy("order-2")) == [(ANNA, 20)]


def test_a_cap_by_the_day_has_room_again_tomorrow() -> None:
    orders = Orders(a_program(a_rule(caps=(Cap(per=Period.DAY, rewards=1),))))
    orders.buy("monday")
    assert reasons(orders.buy("monday-again")) == [Reason.CAP_REACHED]
    assert granted(orders.buy("tuesday", now=NOW + A_DAY)) == [(ANNA, 1_000)]


def test_what_cannot_be_cut_is_not_granted_in_part() -> None:
    orders = Orders(a_program(a_gift_rule(), caps=(Cap(amount_minor=900),)))
    assert granted(orders.buy()) == [(ANNA, 500)]
    second = orders.buy("order-2")
    assert (granted(second), reasons(second)) == ([], [Reason.CAP_REACHED])
    assert second.conversion.decisions[-1].inputs["granted_minor"] == 0


def test_what_is_flagged_for_review_is_promised_without_money() -> None:
    orders = Orders(a_program(a_rule(), a_thanks_rule()), budget=a_budget(10_000))
    verdict = orders.buy(flagged=FraudMode.REVIEW)
    assert [(each.state, each.due_at, each.draws) for each in verdict.rewards] == [
        (RewardState.IN_REVIEW, None, ()),
        (RewardState.IN_REVIEW, None, ()),
    ]
    assert verdict.journal is None
    assert verdict.slices == ()
    assert orders.worth() == 0
    assert orders.balances[ANNA].cap_use("advocate-tenth") == a_use(1, 1_000)


def test_what_is_flagged_for_review_is_credited_and_says_so() -> None:
    verdict = Orders(a_program()).buy(flagged=FraudMode.REVIEW)
    conversion = verdict.conversion
    assert (conversion.outcome, conversion.reason) == (Outcome.CREDITED, Reason.IN_REVIEW)
    assert conversion.review is not None
    assert (conversion.review.state, conversion.review.opened_at) == (ReviewState.OPEN, NOW)
    assert conversion.is_in_review
    assert Reason.IN_REVIEW in {each.reason for each in conversion.decisions}
    assert verdict.events[-1].name is EventName.REWARD_IN_REVIEW


def test_what_a_friend_in_review_does_next_is_reviewed_too() -> None:
    orders = Orders(a_program())
    orders.buy(flagged=FraudMode.REVIEW)
    second = orders.buy("order-2")
    assert second.rewards[0].state is RewardState.IN_REVIEW
    assert second.conversion.is_in_review


@pytest.mark.parametrize("flagged", [FraudMode.OFF, FraudMode.SHADOW])
def test_a_flag_that_is_only_recorded_keeps_nothing_waiting(flagged: FraudMode) -> None:
    verdict = Orders(a_program()).buy(flagged=flagged)
    assert verdict.rewards[0].state is RewardState.HELD
    assert verdict.conversion.review is None


def test_a_promise_takes_its_money_from_the_budget() -> None:
    orders = Orders(a_program(), budget=a_budget(600, 600))
    verdict = orders.buy()
    (reward,) = verdict.rewards
    assert [(each.slice, each.amount_minor) for each in reward.draws] == [(0, 600), (1, 400)]
    assert [(each.number, each.spent_minor, each.on) for each in verdict.slices] == [
        (0, 600, TODAY),
        (1, 400, TODAY),
    ]


def test_a_promise_that_the_budget_has_no_room_for_is_queued() -> None:
    orders = Orders(a_program(), budget=a_budget(999))
    verdict = orders.buy()
    (reward,) = verdict.rewards
    assert (reward.state, reward.draws) == (RewardState.QUEUED, ())
    assert reward.due_at == datetime(2026, 5, 20, 12, 15, tzinfo=UTC)
    assert (verdict.journal, verdict.slices) == (None, ())
    assert orders.worth() == 0


def test_a_queued_promise_counts_against_caps_and_says_why_it_waits() -> None:
    orders = Orders(a_program(a_rule(caps=(Cap(rewards=1),))), budget=a_budget(999))
    first = orders.buy()
    assert first.conversion.decisions[-1].reason is Reason.BUDGET_EXHAUSTED
    assert first.events[-1].name is EventName.REWARD_QUEUED
    assert reasons(orders.buy("order-2", 1_000)) == [Reason.CAP_REACHED]


def test_a_smaller_promise_may_find_room_where_a_larger_one_waits() -> None:
    orders = Orders(a_program(), budget=a_budget(999))
    assert orders.buy().rewards[0].state is RewardState.QUEUED
    assert orders.buy("order-2", 9_000).rewards[0].state is RewardState.HELD


def test_rules_draw_from_what_rules_before_them_left() -> None:
    verdict = Orders(a_program(a_rule(), a_thanks_rule()), budget=a_budget(1_200)).buy()
    assert [each.state for each in verdict.rewards] == [RewardState.HELD, RewardState.QUEUED]


def test_points_do_not_come_out_of_the_budget() -> None:
    verdict = Orders(a_program(POINTS), budget=a_budget(0)).buy()
    assert verdict.rewards[0].state is RewardState.HELD
    assert verdict.slices == ()


@pytest.mark.parametrize(
    ("is_whole", "is_short"),
    [pytest.param(False, True, id="a part"), pytest.param(True, False, id="all of it")],
)
def test_only_who_looked_at_a_part_of_the_budget_looks_again(
    *, is_whole: bool, is_short: bool
) -> None:
    verdict = Orders(a_program(), budget=a_budget(0, is_whole=is_whole)).buy()
    assert verdict.is_short_of_budget is is_short


def test_a_promise_within_a_part_of_the_budget_needs_no_second_look() -> None:
    verdict = Orders(a_program(), budget=a_budget(1_000, is_whole=False)).buy()
    assert not verdict.is_short_of_budget


def test_a_queued_promise_is_funded_for_what_is_left_of_it() -> None:
    queued = a_reward(state=RewardState.QUEUED, voided_minor=400)
    paid = funded(queued, a_budget(600), "EUR", now=NOW)
    assert paid is not None
    budget, held = paid
    assert budget is not None
    assert budget.slices == (
        a_slice(total_minor=600, spent_minor=600, spent_today_minor=600, on=TODAY),
    )
    assert (held.state, held.due_at) == (RewardState.HELD, datetime(2026, 6, 3, 12, tzinfo=UTC))
    assert funded(queued, a_budget(599), "EUR", now=NOW) is None


def test_a_claim_with_a_source_of_its_own_is_told_apart() -> None:
    rule = a_rule()
    grants = grants_for()
    claim = Claim(owner_id=ANNA, promised_minor=1_000, count=1)
    first = grants.decide(rule, claim)
    other = grants.decide(rule, replace(claim, source="milestone:tea:3"))
    assert first is not None
    assert other is not None
    assert first.reward_id != other.reward_id


def test_what_was_granted_and_is_taken_back_leaves_no_trace_in_the_caps() -> None:
    grants = grants_for()
    reward = grants.decide(a_rule(), Claim(owner_id=ANNA, promised_minor=1_000, count=1))
    assert reward is not None
    grants.uncount(reward, rewards=1, amount_minor=1_000)
    assert grants.balances[ANNA].caps == {
        "advocate-tenth": a_use(0, 0),
        ALL_RULES: a_use(0, 0),
    }


def test_without_postings_there_is_no_journal() -> None:
    grants = grants_for()
    assert grants.book("conversion:cnv_order", ()) is None
    assert grants.balances == balances_of()


def test_a_journal_is_taken_into_the_balances() -> None:
    grants = grants_for()
    grants.decide(a_rule(), Claim(owner_id=ANNA, promised_minor=1_000, count=1))
    journal = grants.book("conversion:cnv_order", grants.grant_postings())
    assert journal is not None
    assert journal.postings == (
        Posting(source=EXPENSE, destination=ANNA_HELD, amount_minor=1_000, unit="EUR"),
    )
    assert grants.balances[ANNA].amounts == {"held:EUR": 1_000}
    assert [each.person_id for each in grants.changed_balances(balances_of())] == [ANNA]


@pytest.mark.parametrize(
    ("state", "name"),
    [
        pytest.param(RewardState.IN_REVIEW, EventName.REWARD_IN_REVIEW, id="in review"),
        pytest.param(RewardState.QUEUED, EventName.REWARD_QUEUED, id="queued"),
        pytest.param(RewardState.HELD, EventName.REWARD_HELD, id="held"),
    ],
)
def test_a_promise_is_told_of_by_what_it_waits_for(state: RewardState, name: EventName) -> None:
    told = promise_event(a_reward(state=state), cause="conversion:cnv_order", now=NOW)
    assert (told.name, told.data["state"]) == (name, state)


def test_an_event_tells_all_of_a_reward() -> None:
    promised = a_reward(
        voided_minor=100,
        netted_minor=200,
        expires_at=NOW + timedelta(days=90),
        trigger=Trigger.MILESTONE,
        step=3,
        generation=2,
    )
    reward = replace(promised, partner="acme", ships=True, dispatch_id=DispatchId("dsp_1"))
    told = reward_event(EventName.REWARD_HELD, reward, cause="x", now=NOW, reversed_minor=100)
    assert told.data == {
        "reward_id": "rwd_1",
        "person_id": "per_anna",
        "conversion_id": "cnv_order",
        "order_id": "order-1",
        "rule": "advocate-tenth",
        "version": 1,
        "side": "advocate",
        "kind": "credit",
        "pool": None,
        "partner": "acme",
        "ships": True,
        "dispatch_id": "dsp_1",
        "unit": "EUR",
        "state": "held",
        "amount_minor": 900,
        "granted_minor": 1_000,
        "voided_minor": 100,
        "clawed_back_minor": 0,
        "netted_minor": 200,
        "held_until": "2026-06-03T12:00:00+00:00",
        "granted_at": "2026-05-20T12:00:00+00:00",
        "expires_at": "2026-08-18T12:00:00+00:00",
        "expires_after_days": None,
        "trigger": "milestone",
        "step": 3,
        "generation": 2,
        "draws": "",
        "writing": 1,
        "reversed_minor": 100,
    }


SHARES = st.lists(st.integers(min_value=1, max_value=100), min_size=1, max_size=5)


def parts_of(weights: list[int]) -> tuple[Part, ...]:
    """Give several advocates parts of 10,000 in some proportion, the largest first."""
    people = [ANNA, CLARA, DORA, EMIL, PersonId("per_fred")]
    bps = [10_000 * weight // sum(weights) for weight in sorted(weights, reverse=True)]
    bps[0] += 10_000 - sum(bps)
    return tuple(
        Part(advocate_id=person, share_bps=share)
        for person, share in zip(people, bps, strict=False)
    )


@given(
    weights=SHARES,
    order_minor=st.integers(min_value=1, max_value=10**9),
    rate_bps=st.integers(min_value=1, max_value=10_000),
)
def test_shares_of_a_reward_add_up_to_it_exactly(
    weights: list[int], order_minor: int, rate_bps: int
) -> None:
    parts = parts_of(weights)
    program = a_program(a_rule(reward=Percent(rate_bps=rate_bps)))
    balances = [a_balance(person_id=part.advocate_id) for part in parts]
    shared = Orders(program, referral=a_referral(parts=parts), balances=balances)
    alone = Orders(program)
    shares = shared.buy(amount_minor=order_minor).rewards
    whole = alone.buy(amount_minor=order_minor).rewards
    assert sum(each.amount_minor for each in shares) == sum(each.amount_minor for each in whole)


BOUGHT = st.lists(st.integers(min_value=1, max_value=30_000), min_size=1, max_size=8)


@given(orders_minor=BOUGHT, budget=st.lists(st.integers(0, 3_000), min_size=1, max_size=4))
def test_no_more_is_promised_for_good_than_the_budget(
    orders_minor: list[int], budget: list[int]
) -> None:
    orders = Orders(a_program(a_rule(), a_thanks_rule(), POINTS), budget=a_budget(*budget))
    for number, amount_minor in enumerate(orders_minor):
        orders.buy(f"order-{number}", amount_minor)
    assert orders.worth(ANNA) + orders.worth(BORIS) <= sum(budget)
    assert orders.worth(ANNA, "points") == 50 * len(orders_minor)


@given(
    orders_minor=BOUGHT,
    days=st.lists(st.integers(min_value=0, max_value=40), min_size=8, max_size=8),
    most_minor=st.integers(min_value=1, max_value=3_000),
    most_a_day=st.integers(min_value=1, max_value=4),
)
def test_the_programs_caps_hold_for_all_rules_together(
    orders_minor: list[int], days: list[int], most_minor: int, most_a_day: int
) -> None:
    program = a_program(
        a_rule(),
        a_rule(rule_id="advocate-five", reward=FIVE_EURO),
        a_gift_rule(),
        POINTS,
        caps=(Cap(amount_minor=most_minor), Cap(per=Period.DAY, rewards=most_a_day)),
    )
    orders = Orders(program)
    for number, (amount_minor, day) in enumerate(zip(orders_minor, sorted(days), strict=False)):
        orders.buy(f"order-{number}", amount_minor, now=NOW + day * A_DAY)
    assert orders.worth() <= most_minor
    for day in range(41):
        on = (NOW + day * A_DAY).date()
        of_day = [each for each in orders.rewards.values() if each.granted_at.date() == on]
        assert len(of_day) <= most_a_day
