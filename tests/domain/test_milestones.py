"""Milestones and scores: earned at a count, un-earned below it, and earned again as another."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.caps import Use
from referrals.domain.conversions import Conversion
from referrals.domain.fraud.terms import FraudMode
from referrals.domain.granting import Grants, Occasion
from referrals.domain.ids import RewardId
from referrals.domain.ledger import Mark, Score
from referrals.domain.milestones import (
    earn,
    is_out_of_reach,
    mark_key,
    score_key,
    scored,
    standing_above,
    unmarked,
)
from referrals.domain.programs import ConversionKind, Experiment
from referrals.domain.referrals import Part
from referrals.domain.refunds import milestones_at_risk
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import Cap, Counted, Flat, Milestone, Period, RewardRule, Trigger
from tests.domain.orders import Orders
from tests.factories import (
    A_DAY,
    ANNA,
    CLARA,
    NOW,
    a_balance,
    a_budget,
    a_chargeback,
    a_conversion,
    a_leaderboard_rule,
    a_milestone_rule,
    a_program,
    a_referral,
    a_refund,
    a_rule,
    a_signup,
    balances_of,
)

AT_TWO = a_milestone_rule(at=(2,))
AT_TWO_AND_FOUR = a_milestone_rule(at=(2, 4))
EVERY_TWO = a_milestone_rule(every=2)


def milestones(orders: Orders) -> list[Reward]:
    return [each for each in orders.rewards.values() if each.trigger is Trigger.MILESTONE]


def steps(orders: Orders) -> list[int | None]:
    """Give the counts of the milestones that stand."""
    return [each.step for each in milestones(orders) if each.remaining_minor]


def bought(orders: Orders, count: int, *, first: int = 1) -> Orders:
    for number in range(first, first + count):
        orders.buy(f"order-{number}")
    return orders


def given_back(orders: Orders, number: int, amount_minor: int = 10_000) -> Orders:
    orders.give_back(
        a_refund(refund_id=f"back-{amount_minor}", amount_minor=amount_minor), f"order-{number}"
    )
    return orders


@pytest.mark.parametrize(
    ("milestone", "counts"),
    [
        pytest.param(Milestone(at=(3,)), [3], id="at three"),
        pytest.param(Milestone(at=(1, 5)), [1, 5], id="at one and five"),
        pytest.param(Milestone(every=3), [3, 6, 9], id="at every third"),
        pytest.param(Milestone(every=1), [1, 2, 3, 4, 5, 6, 7, 8, 9], id="at every one"),
        pytest.param(Milestone(), [], id="at none"),
    ],
)
def test_a_milestone_is_at_some_counts_or_at_every_nth(
    milestone: Milestone, counts: list[int]
) -> None:
    assert [count for count in range(10) if milestone.is_at(count)] == counts


@pytest.mark.parametrize(
    ("rule", "purchases", "earned_at"),
    [
        pytest.param(AT_TWO, 1, [], id="before it"),
        pytest.param(AT_TWO, 2, [2], id="as it is reached"),
        pytest.param(AT_TWO, 5, [2], id="once"),
        pytest.param(AT_TWO_AND_FOUR, 5, [2, 4], id="both"),
        pytest.param(EVERY_TWO, 7, [2, 4, 6], id="every second"),
    ],
)
def test_a_milestone_is_earned_as_the_count_reaches_it(
    rule: RewardRule, purchases: int, earned_at: list[int]
) -> None:
    orders = bought(Orders(a_program(rule)), purchases)
    assert steps(orders) == earned_at
    assert orders.worth() == 500 * len(earned_at)


def test_a_milestone_is_a_reward_like_any_other() -> None:
    orders = bought(Orders(a_program(a_rule(), AT_TWO)), 1)
    verdict = orders.buy("order-2")
    tenth, milestone = verdict.rewards
    assert (milestone.rule_id, milestone.step, milestone.generation) == ("milestone", 2, 1)
    assert (milestone.conversion_id, milestone.order_id) == ("cnv_order-2", "order-2")
    assert milestone.because == "Promised for milestone 2."
    assert verdict.journal is not None
    assert [each.amount_minor for each in verdict.journal.postings] == [1_000, 500]
    assert tenth.step is None
    assert orders.balances[ANNA].milestones == {
        "milestone:purchases:2": Mark(reward_id=milestone.reward_id, generation=1)
    }


def test_a_milestone_of_sign_ups_counts_sign_ups_alone() -> None:
    orders = Orders(a_program(a_milestone_rule(at=(1,), count=Counted.SIGNUPS)))
    orders.buy()
    assert steps(orders) == []
    orders.credit(a_signup())
    assert steps(orders) == [1]


def test_a_milestone_of_purchases_does_not_count_renewals() -> None:
    orders = bought(Orders(a_program(AT_TWO)), 1)
    orders.buy("renewal", kind=ConversionKind.RENEWAL)
    assert steps(orders) == []


def test_a_milestone_that_somebody_else_of_a_shared_referral_stands_at_is_not_theirs() -> None:
    halves = (Part(advocate_id=ANNA, share_bps=5_000), Part(advocate_id=CLARA, share_bps=5_000))
    orders = Orders(a_program(a_milestone_rule(at=(1,))), referral=a_referral(parts=halves))
    orders.buy()
    assert [each.owner_id for each in milestones(orders)] == [ANNA]


def test_a_cap_of_a_milestone_holds() -> None:
    orders = bought(Orders(a_program(a_milestone_rule(every=1, caps=(Cap(rewards=2),)))), 4)
    assert steps(orders) == [1, 2]


def test_the_programs_caps_count_milestones_too() -> None:
    orders = bought(Orders(a_program(a_milestone_rule(every=1), caps=(Cap(rewards=3),))), 5)
    assert steps(orders) == [1, 2, 3]


def test_who_is_held_out_reaches_no_milestone() -> None:
    orders = bought(
        Orders(a_program(AT_TWO, experiment=Experiment(name="x", holdout_bps=10_000))), 2
    )
    assert milestones(orders) == []


def test_a_milestone_that_a_flagged_purchase_reaches_is_in_review() -> None:
    orders = bought(Orders(a_program(AT_TWO)), 1)
    orders.buy("order-2", flagged=FraudMode.REVIEW)
    assert [each.state for each in milestones(orders)] == [RewardState.IN_REVIEW]
    assert orders.worth() == 0


def test_a_milestone_waits_for_the_budget_too() -> None:
    orders = bought(Orders(a_program(AT_TWO), budget=a_budget(499)), 2)
    assert [each.state for each in milestones(orders)] == [RewardState.QUEUED]


def test_a_whole_refund_un_earns_the_milestone_that_is_no_longer_reached() -> None:
    orders = given_back(bought(Orders(a_program(AT_TWO)), 2), 2)
    (milestone,) = milestones(orders)
    assert (milestone.state, milestone.remaining_minor) == (RewardState.VOIDED, 0)
    assert orders.worth() == 0
    assert orders.balances[ANNA].purchases == 1
    assert orders.balances[ANNA].milestones == {
        "milestone:purchases:2": Mark(reward_id=None, generation=1)
    }


def test_whichever_purchase_is_refunded_the_count_alone_decides() -> None:
    orders = given_back(bought(Orders(a_program(AT_TWO)), 2), 1)
    assert steps(orders) == []


def test_a_partial_refund_un_earns_nothing() -> None:
    orders = given_back(bought(Orders(a_program(AT_TWO)), 2), 2, amount_minor=9_999)
    assert steps(orders) == [2]
    assert orders.balances[ANNA].purchases == 2


def test_partial_refunds_that_come_to_all_un_earn_it_once() -> None:
    orders = bought(Orders(a_program(AT_TWO)), 2)
    for part_minor in (4_000, 6_000, 5_000):
        given_back(orders, 2, amount_minor=part_minor)
    assert steps(orders) == []
    assert orders.balances[ANNA].purchases == 1


def test_a_milestone_that_others_still_reach_stands() -> None:
    orders = given_back(bought(Orders(a_program(AT_TWO)), 3), 2)
    assert steps(orders) == [2]


def test_a_milestone_is_earned_again_as_another_reward() -> None:
    orders = given_back(bought(Orders(a_program(AT_TWO)), 2), 2)
    orders.buy("order-3")
    first, second = milestones(orders)
    assert (first.step, first.generation, first.remaining_minor) == (2, 1, 0)
    assert (second.step, second.generation, second.remaining_minor) == (2, 2, 500)
    assert first.reward_id != second.reward_id
    assert orders.worth() == 500


def test_a_milestone_gives_its_caps_and_its_budget_back() -> None:
    rule = a_milestone_rule(at=(2,), caps=(Cap(rewards=1),))
    orders = given_back(bought(Orders(a_program(rule), budget=a_budget(500)), 2), 2)
    assert orders.balances[ANNA].cap_use("milestone").all_time == Use()
    assert orders.budget == replace(
        a_budget(500), slices=(replace(a_budget(500).slices[0], on=NOW.date()),)
    )
    orders.buy("order-3")
    assert steps(orders) == [2]


def test_a_chargeback_that_is_won_earns_the_milestone_again() -> None:
    orders = bought(Orders(a_program(AT_TWO)), 2)
    orders.give_back(a_chargeback(), "order-2")
    assert steps(orders) == []
    orders.give_back(a_chargeback(ChargebackStatus.WON), "order-2")
    assert steps(orders) == [2]
    assert [each.generation for each in milestones(orders)] == [1, 2]
    assert orders.balances[ANNA].purchases == 2


def test_a_milestone_that_was_handed_over_becomes_a_debt() -> None:
    orders = bought(Orders(a_program(AT_TWO)), 2)
    (milestone,) = milestones(orders)
    orders.rewards[milestone.reward_id] = replace(milestone, state=RewardState.FULFILLED)
    given_back(orders, 2)
    assert orders.rewards[milestone.reward_id].state is RewardState.CLAWED_BACK
    assert orders.balances[ANNA].amounts == {"held:EUR": 500, "debt:EUR": -500}


@pytest.mark.parametrize(
    ("conversion", "at_risk"),
    [
        pytest.param(a_conversion(), ("rwd_3",), id="a purchase"),
        pytest.param(a_signup(), ("rwd_1",), id="a sign-up"),
        pytest.param(a_conversion(kind=ConversionKind.RENEWAL), (), id="a renewal"),
    ],
)
def test_milestones_at_risk_are_those_that_one_less_does_not_reach(
    conversion: Conversion, at_risk: tuple[str, ...]
) -> None:
    balance = a_balance(
        purchases=3,
        signups=1,
        milestones={
            "milestone:purchases:2": Mark(reward_id=RewardId("rwd_2")),
            "milestone:purchases:3": Mark(reward_id=RewardId("rwd_3")),
            "other:purchases:3": Mark(reward_id=None),
            "joined:signups:1": Mark(reward_id=RewardId("rwd_1")),
        },
    )
    assert milestones_at_risk(conversion, balance) == at_risk


def test_a_rule_id_with_colons_keeps_its_count() -> None:
    balance = a_balance(
        milestones={mark_key("a:b:7", Counted.PURCHASES, 2): Mark(reward_id=RewardId("rwd_1"))}
    )
    assert list(standing_above(balance, Counted.PURCHASES, 1)) == ["rwd_1"]
    assert list(standing_above(balance, Counted.PURCHASES, 2)) == []
    assert list(standing_above(balance, Counted.SIGNUPS, 0)) == []


def test_a_milestone_is_out_of_reach_when_its_count_is_not_reached() -> None:
    mark = {"milestone:purchases:2": Mark(reward_id=RewardId("rwd_1"))}
    assert is_out_of_reach(a_balance(purchases=1, milestones=mark), RewardId("rwd_1"))
    assert not is_out_of_reach(a_balance(purchases=2, milestones=mark), RewardId("rwd_1"))
    assert not is_out_of_reach(a_balance(purchases=1, milestones=mark), RewardId("rwd_2"))


def test_only_the_mark_of_what_was_taken_back_is_cleared() -> None:
    balance = a_balance(
        milestones={
            "milestone:purchases:2": Mark(reward_id=RewardId("rwd_2"), generation=3),
            "milestone:purchases:4": Mark(reward_id=RewardId("rwd_4")),
        }
    )
    assert unmarked(balance, RewardId("rwd_2")).milestones == {
        "milestone:purchases:2": Mark(reward_id=None, generation=3),
        "milestone:purchases:4": Mark(reward_id=RewardId("rwd_4")),
    }


def earned_one_by_one(count: int) -> Grants:
    """Let Anna earn a milestone at each of so many purchases."""
    grants = Grants(
        Occasion(source="cnv_order", occurred_at=NOW),
        program=a_program(a_milestone_rule(every=1)),
        balances=balances_of(),
        budget=None,
        now=NOW,
    )
    for number in range(1, count + 1):
        grants.balances[ANNA] = replace(grants.balances[ANNA], purchases=number)
        earn(grants, ANNA, Counted.PURCHASES)
    return grants


def test_of_many_milestones_the_oldest_are_forgotten() -> None:
    grants = earned_one_by_one(205)
    marks = grants.balances[ANNA].milestones
    assert len(grants.rewards) == 205
    assert len(marks) == 200
    assert "milestone:purchases:5" not in marks
    assert "milestone:purchases:6" in marks
    assert "milestone:purchases:205" in marks


def test_a_milestone_that_stands_is_not_promised_twice() -> None:
    grants = earned_one_by_one(3)
    earn(grants, ANNA, Counted.PURCHASES)
    assert len(grants.rewards) == 3


TOP_OF_MONTH = a_leaderboard_rule()
TOP_OF_QUARTER = a_leaderboard_rule(rule_id="quarter", per=Period.QUARTER, by=Counted.REVENUE)
LAST_OF_MAY, FIRST_OF_JUNE = NOW + 11 * A_DAY, NOW + 12 * A_DAY


@pytest.mark.parametrize(
    ("per", "occurred_at", "key"),
    [
        pytest.param(Period.MONTH, LAST_OF_MAY, "top@2026-05", id="the last day of a month"),
        pytest.param(Period.MONTH, FIRST_OF_JUNE, "top@2026-06", id="the first of the next"),
        pytest.param(Period.QUARTER, NOW, "top@2026-Q2", id="a quarter"),
        pytest.param(Period.YEAR, NOW, "top@2026", id="a year"),
    ],
)
def test_a_leaderboard_counts_by_the_period_of_the_order(
    per: Period, occurred_at: datetime, key: str
) -> None:
    assert score_key(a_leaderboard_rule(per=per), occurred_at) == key


def test_orders_count_for_the_leaderboards_of_their_period() -> None:
    orders = Orders(a_program(TOP_OF_MONTH, TOP_OF_QUARTER))
    orders.buy("may", 10_000)
    orders.buy("may-again", 5_000)
    orders.buy("june", 2_000, now=FIRST_OF_JUNE)
    assert orders.balances[ANNA].scores == {
        "top@2026-05": Score(purchases=2, revenue_minor=15_000),
        "top@2026-06": Score(purchases=1, revenue_minor=2_000),
        "quarter@2026-Q2": Score(purchases=3, revenue_minor=17_000),
    }


def test_a_renewal_is_revenue_and_no_purchase() -> None:
    orders = Orders(a_program(TOP_OF_MONTH))
    orders.buy(kind=ConversionKind.RENEWAL)
    assert orders.balances[ANNA].scores == {"top@2026-05": Score(purchases=0, revenue_minor=10_000)}


def test_a_sign_up_is_no_score() -> None:
    orders = Orders(a_program(TOP_OF_MONTH))
    orders.credit(a_signup())
    assert orders.balances[ANNA].scores == {}


@pytest.mark.parametrize(
    ("parts_minor", "score"),
    [
        pytest.param([2_500], Score(purchases=1, revenue_minor=7_500), id="a part"),
        pytest.param([2_500, 7_500], Score(purchases=0, revenue_minor=0), id="all in two parts"),
        pytest.param([99_000], Score(purchases=0, revenue_minor=0), id="more than was paid"),
    ],
)
def test_what_is_refunded_no_longer_counts_in_the_period_of_its_order(
    parts_minor: list[int], score: Score
) -> None:
    orders = bought(Orders(a_program(TOP_OF_MONTH)), 1)
    for part_minor in parts_minor:
        orders.give_back(
            a_refund(refund_id=f"{part_minor}", amount_minor=part_minor), now=FIRST_OF_JUNE
        )
    assert orders.balances[ANNA].scores == {"top@2026-05": score}


def test_scores_of_three_periods_are_kept_of_each_leaderboard() -> None:
    balance, program = a_balance(), a_program(TOP_OF_MONTH, TOP_OF_QUARTER)
    for month in range(5):
        balance = scored(
            balance,
            program,
            occurred_at=NOW + timedelta(days=30 * month),
            purchases=1,
            revenue_minor=100,
        )
    assert sorted(balance.scores) == [
        "quarter@2026-Q2",
        "quarter@2026-Q3",
        "top@2026-07",
        "top@2026-08",
        "top@2026-09",
    ]


def test_a_late_refund_of_a_period_that_is_forgotten_leaves_no_debt_of_points() -> None:
    scores = {f"top@2026-0{month}": Score(purchases=1) for month in (7, 8, 9)}
    balance = scored(
        a_balance(scores=scores),
        a_program(TOP_OF_MONTH),
        occurred_at=NOW,
        purchases=-1,
        revenue_minor=-100,
    )
    assert balance.scores == scores


def test_without_a_leaderboard_nothing_is_scored() -> None:
    balance = a_balance()
    assert scored(balance, a_program(), occurred_at=NOW, purchases=1, revenue_minor=9) == balance


REPORTS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "refund", "part", "chargeback", "won"]),
        st.integers(min_value=0, max_value=9),
    ),
    max_size=30,
)
RULES = st.sampled_from(
    [
        a_milestone_rule(at=(1,)),
        a_milestone_rule(at=(2, 3)),
        a_milestone_rule(every=1),
        a_milestone_rule(every=3),
        a_milestone_rule(every=2, reward=Flat(amount_minor=700)),
    ]
)


@given(reports=REPORTS, rule=RULES)
def test_those_milestones_stand_that_the_count_reaches_each_once(
    reports: list[tuple[str, int]], rule: RewardRule
) -> None:
    orders = Orders(a_program(rule, a_rule()))
    for name, number in reports:
        order_id = f"order-{number}"
        match name, order_id in orders.cases:
            case "buy", False:
                orders.buy(order_id)
            case "refund", True:
                orders.give_back(a_refund(amount_minor=10_000), order_id)
            case "part", True:
                orders.give_back(a_refund(refund_id="part", amount_minor=3_000), order_id)
            case "chargeback", True:
                orders.give_back(a_chargeback(), order_id)
            case "won", True:
                orders.give_back(a_chargeback(ChargebackStatus.WON), order_id)
        count = orders.balances[ANNA].purchases
        milestone = rule.milestone or Milestone()
        assert sorted(step or 0 for step in steps(orders)) == [
            each for each in range(1, count + 1) if milestone.is_at(each)
        ]
    assert len({each.reward_id for each in milestones(orders)}) == len(milestones(orders))
