"""Reward rules: periods, tiers and milestones, and everything that a rule may not say."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.rules import (
    Cap,
    Conditions,
    Counted,
    Flat,
    Leaderboard,
    Milestone,
    Percent,
    Period,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Tier,
    Tiers,
    Trigger,
    cap_faults,
    rule_faults,
)

FIVE_EURO = Flat(amount_minor=500)
A_TENTH = Percent(rate_bps=1_000)
TENTH_OF_A_PURCHASE = RewardRule(
    rule_id="advocate-tenth",
    on=Trigger.PURCHASE,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=A_TENTH,
    hold_days=14,
)
FIVE_EURO_FOR_A_SIGNUP = replace(TENTH_OF_A_PURCHASE, on=Trigger.SIGNUP, reward=FIVE_EURO)
COUPON = replace(FIVE_EURO_FOR_A_SIGNUP, to=Side.FRIEND, kind=RewardKind.COUPON, pool="welcome")
FIFTH_PURCHASE = replace(FIVE_EURO_FOR_A_SIGNUP, on=Trigger.MILESTONE, milestone=Milestone(every=5))
BEST_OF_MONTH = replace(
    FIVE_EURO_FOR_A_SIGNUP,
    on=Trigger.PERIOD_END,
    reward=Places(amounts_minor=(10_000, 5_000)),
    leaderboard=Leaderboard(),
)
RENEWAL = replace(TENTH_OF_A_PURCHASE, on=Trigger.RENEWAL, first_months=12)


def tiers(*amounts: tuple[int, Flat | Percent]) -> Tiers:
    return Tiers(tiers=tuple(Tier(from_count=count, amount=amount) for count, amount in amounts))


FROM_THE_FIFTH = tiers((1, FIVE_EURO), (5, A_TENTH))


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(TENTH_OF_A_PURCHASE, id="a tenth of a purchase"),
        pytest.param(FIVE_EURO_FOR_A_SIGNUP, id="five euro for a sign-up"),
        pytest.param(COUPON, id="a coupon for a sign-up"),
        pytest.param(replace(COUPON, kind=RewardKind.GIFT), id="a gift"),
        pytest.param(replace(COUPON, kind=RewardKind.PARTNER, pool=None), id="a partner's"),
        pytest.param(
            replace(COUPON, kind=RewardKind.PARTNER, pool=None, partner="cinema"),
            id="a code that a partner makes",
        ),
        pytest.param(replace(COUPON, pool=None, partner="cinema"), id="a partner's coupon"),
        pytest.param(replace(COUPON, kind=RewardKind.GIFT, ships=True), id="a gift by post"),
        pytest.param(
            replace(COUPON, on=Trigger.ENROLMENT, to=Side.ADVOCATE), id="a coupon for sharing"
        ),
        pytest.param(FIFTH_PURCHASE, id="every fifth purchase"),
        pytest.param(
            replace(FIFTH_PURCHASE, milestone=Milestone(count=Counted.SIGNUPS, at=(3, 10))),
            id="the third and tenth sign-up",
        ),
        pytest.param(BEST_OF_MONTH, id="the best of a month"),
        pytest.param(
            replace(
                COUPON,
                on=Trigger.PERIOD_END,
                to=Side.ADVOCATE,
                reward=Places(amounts_minor=(500, 500, 500)),
                leaderboard=Leaderboard(per=Period.YEAR, by=Counted.REVENUE),
            ),
            id="coupons for the best of a year",
        ),
        pytest.param(RENEWAL, id="a year of renewals"),
        pytest.param(replace(RENEWAL, first_months=None), id="renewals for ever"),
        pytest.param(
            replace(TENTH_OF_A_PURCHASE, to=Side.SECOND_LEVEL), id="a tenth for the second level"
        ),
        pytest.param(replace(TENTH_OF_A_PURCHASE, reward=FROM_THE_FIFTH), id="tiers"),
        pytest.param(
            replace(TENTH_OF_A_PURCHASE, reward=FROM_THE_FIFTH, is_first_purchase_only=True),
            id="tiers of friends' first purchases",
        ),
        pytest.param(
            replace(TENTH_OF_A_PURCHASE, kind=RewardKind.POINTS, reward=FIVE_EURO), id="points"
        ),
        pytest.param(replace(TENTH_OF_A_PURCHASE, kind=RewardKind.CASH), id="cash"),
        pytest.param(
            replace(
                TENTH_OF_A_PURCHASE,
                min_amount_minor=1_000,
                max_amount_minor=1_000,
                only=Conditions(
                    segments=("vip",), countries=("NO",), products=("pot",), channels=("email",)
                ),
                caps=(Cap(per=Period.DAY, rewards=1), Cap(per=Period.YEAR, rewards=1)),
                expires_after_days=365,
            ),
            id="with every condition",
        ),
    ],
)
def test_a_rule_that_makes_sense_has_no_fault(rule: RewardRule) -> None:
    assert list(rule_faults(rule, "rules.0")) == []


@pytest.mark.parametrize(
    ("rule", "changes", "field", "says"),
    [
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": Flat(amount_minor=0)},
            "reward.amount_minor",
            "is less than 1",
            id="a reward of nothing",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": Percent(rate_bps=0)},
            "reward.rate_bps",
            "is not between 1 and 10000",
            id="no percent",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": Percent(rate_bps=10_001)},
            "reward.rate_bps",
            "is not between 1 and 10000",
            id="more than was paid",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": Percent(rate_bps=1_000, max_minor=0)},
            "reward.max_minor",
            "is less than 1",
            id="at most nothing",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"reward": A_TENTH},
            "reward",
            "is a percentage, and a signup has no amount",
            id="a tenth of a sign-up",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"reward": A_TENTH},
            "reward",
            "is a percentage, and a milestone has no amount",
            id="a tenth of a milestone",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"kind": RewardKind.COUPON, "pool": "welcome"},
            "reward",
            "is a percentage, and coupon is no money",
            id="a tenth as a coupon",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"kind": RewardKind.POINTS},
            "reward",
            "is a percentage, and points is no money",
            id="a tenth in points",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": tiers((1, FIVE_EURO), (5, Percent(rate_bps=0)))},
            "reward.tiers.1.rate_bps",
            "is not between 1 and 10000",
            id="no percent from the fifth",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": tiers()},
            "reward.tiers",
            "do not begin at 1 and go up",
            id="no tier",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": tiers((2, FIVE_EURO))},
            "reward.tiers",
            "do not begin at 1 and go up",
            id="nothing for the first",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": tiers((1, FIVE_EURO), (5, A_TENTH), (5, FIVE_EURO))},
            "reward.tiers",
            "do not begin at 1 and go up",
            id="two tiers from the fifth",
        ),
        pytest.param(
            replace(COUPON, to=Side.ADVOCATE),
            {"reward": tiers((1, FIVE_EURO), (5, Flat(amount_minor=900)))},
            "reward.tiers",
            "are amounts, and a coupon has one value",
            id="coupons of two values",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"to": Side.FRIEND, "reward": tiers((1, FIVE_EURO), (2, Flat(amount_minor=900)))},
            "reward.tiers",
            "count what happens to each person once",
            id="a friend's second sign-up",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"to": Side.FRIEND, "reward": FROM_THE_FIFTH, "is_first_purchase_only": True},
            "reward.tiers",
            "count what happens to each person once",
            id="a friend's fifth first purchase",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"on": Trigger.ENROLMENT, "reward": tiers((1, FIVE_EURO), (2, FIVE_EURO))},
            "reward.tiers",
            "count what happens to each person once",
            id="a second enrolment",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"reward": Places(amounts_minor=(500,))},
            "reward",
            "has places only, and always, at a period's end",
            id="places of a purchase",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"reward": FIVE_EURO},
            "reward",
            "has places only, and always, at a period's end",
            id="a leaderboard without places",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"reward": Places(amounts_minor=())},
            "reward.places",
            "are not between 1 and 100",
            id="no place",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"reward": Places(amounts_minor=(5,) * 101)},
            "reward.places",
            "are not between 1 and 100",
            id="a prize for everybody",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"reward": Places(amounts_minor=(500, 0))},
            "reward.places",
            "are not amounts of 1 or more",
            id="a second prize of nothing",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"reward": Places(amounts_minor=(500, 900))},
            "reward.places",
            "do not go down from the first",
            id="the second gets more",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"kind": RewardKind.GIFT, "pool": "bottles"},
            "reward.places",
            "differ, and a gift has one value",
            id="gifts of two values from one stock",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"hold_days": -1},
            "hold_days",
            "is not between 0 and 3650",
            id="a hold that ends before it begins",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"hold_days": 1_209_600},
            "hold_days",
            "is not between 0 and 3650",
            id="a hold in seconds",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"expires_after_days": 0},
            "expires_after_days",
            "is not between 1 and 3650",
            id="lapsed at once",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"min_amount_minor": -1},
            "min_amount_minor",
            "is negative",
            id="a minimum below nothing",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"min_amount_minor": 2_000, "max_amount_minor": 1_999},
            "max_amount_minor",
            "is below the minimum",
            id="a maximum below the minimum",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"max_amount_minor": 0},
            "max_amount_minor",
            "is below the minimum",
            id="at most an order of nothing",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"min_amount_minor": 1},
            "min_amount_minor",
            "is about purchases, not about a signup",
            id="a minimum for a sign-up",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"max_amount_minor": 1},
            "max_amount_minor",
            "is about purchases, not about a milestone",
            id="a maximum for a milestone",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"only": Conditions(products=("pot",))},
            "only.products",
            "is about purchases, not about a signup",
            id="a product of a sign-up",
        ),
        pytest.param(
            RENEWAL,
            {"is_first_purchase_only": True},
            "first_purchase_only",
            "is about purchases, not about a renewal",
            id="a renewal that is the first purchase",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"first_months": 12},
            "first_months",
            "is for renewals, not for a purchase",
            id="months of a purchase",
        ),
        pytest.param(
            RENEWAL,
            {"first_months": 0},
            "first_months",
            "is not between 1 and 120",
            id="no month",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"to": Side.SECOND_LEVEL},
            "to",
            "is the second level, which purchases alone reward",
            id="second level of a sign-up",
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"on": Trigger.ENROLMENT, "to": Side.FRIEND},
            "to",
            "is not the advocate, whose the enrolment is",
            id="a friend's enrolment",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"to": Side.FRIEND},
            "to",
            "is not the advocate, whose the milestone is",
            id="a friend's milestone",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"to": Side.FRIEND},
            "to",
            "is not the advocate, whose the period_end is",
            id="a friend's prize",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": None},
            "milestone",
            "belongs to a milestone, and each needs one",
            id="a milestone nowhere",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"milestone": Milestone(every=5)},
            "milestone",
            "belongs to a milestone, and each needs one",
            id="a milestone of a purchase",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": Milestone()},
            "milestone",
            "needs either `at` or `every`",
            id="neither at nor every",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": Milestone(at=(3,), every=5)},
            "milestone",
            "needs either `at` or `every`",
            id="both at and every",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": Milestone(at=(10, 3))},
            "milestone.at",
            "does not go up",
            id="milestones that go down",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": Milestone(at=(0, 3))},
            "milestone.at",
            "counts from 1",
            id="a milestone at the start",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": Milestone(every=0)},
            "milestone.every",
            "is less than 1",
            id="every nothing",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"milestone": Milestone(count=Counted.REVENUE, every=5)},
            "milestone.count",
            "is signups or purchases",
            id="every fifth cent",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"leaderboard": None},
            "leaderboard",
            "belongs to a period's end, which needs one",
            id="a prize for nothing",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"leaderboard": Leaderboard()},
            "leaderboard",
            "belongs to a period's end, which needs one",
            id="a leaderboard of a purchase",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"leaderboard": Leaderboard(per=Period.DAY)},
            "leaderboard.per",
            "is not month, quarter or year",
            id="the best of a day",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"leaderboard": Leaderboard(by=Counted.SIGNUPS)},
            "leaderboard.by",
            "is purchases or revenue",
            id="most sign-ups",
        ),
        pytest.param(
            COUPON,
            {"pool": None},
            "pool",
            "is missing: a coupon comes from a pool, or from a partner",
            id="a coupon from nowhere",
        ),
        pytest.param(
            COUPON,
            {"partner": "cinema"},
            "partner",
            "is set beside a pool, and a coupon comes from one of them",
            id="a coupon from two places",
        ),
        pytest.param(
            COUPON,
            {"kind": RewardKind.GIFT, "pool": None},
            "pool",
            "is missing: a gift comes from a pool",
            id="a gift from nowhere",
        ),
        pytest.param(
            COUPON,
            {"kind": RewardKind.GIFT, "partner": "cinema"},
            "partner",
            "is for coupons and partners' offers, not for gift",
            id="a gift of a partner",
        ),
        pytest.param(
            COUPON,
            {"kind": RewardKind.PARTNER},
            "pool",
            "is for coupons and gifts, not for partner",
            id="a partner's from a stock",
        ),
        pytest.param(
            COUPON, {"ships": True}, "ships", "is for gifts, not for coupon", id="a coupon by post"
        ),
        pytest.param(
            FIVE_EURO_FOR_A_SIGNUP,
            {"on": Trigger.REDEMPTION},
            "on",
            "is what points are spent by; no rule waits for it",
            id="a reward for spending",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"pool": "welcome"},
            "pool",
            "is for coupons and gifts, not for credit",
            id="credit from a pool",
        ),
        pytest.param(
            COUPON,
            {"caps": (Cap(rewards=5), Cap(per=Period.DAY, amount_minor=700))},
            "caps.1.amount_minor",
            "would cut a coupon, which has one value",
            id="a cap that leaves part of a coupon",
        ),
        pytest.param(
            FIFTH_PURCHASE,
            {"only": Conditions(channels=("email",))},
            "only.channels",
            "is about a sign-up or purchase, not a milestone",
            id="a milestone by mail",
        ),
        pytest.param(
            BEST_OF_MONTH,
            {"only": Conditions(countries=("DE",))},
            "only.countries",
            "is about a sign-up or purchase, not a period_end",
            id="a leaderboard of a country",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"only": Conditions(countries=("DE", "UK"))},
            "only.countries",
            "names UK, which is no ISO 3166 code in capitals, such as NO",
            id="a country by its abbreviation",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"only": Conditions(countries=("de",))},
            "only.countries",
            "names de, which is no ISO 3166 code in capitals, such as NO",
            id="a country in small letters",
        ),
        pytest.param(
            TENTH_OF_A_PURCHASE,
            {"only": Conditions(segments=("vip",), except_segments=("vip", "staff"))},
            "only.except_segments",
            "leaves none of the segments",
            id="vips who are none",
        ),
    ],
)
def test_a_rule_that_contradicts_itself_names_the_field(
    rule: RewardRule, changes: dict[str, Any], field: str, says: str
) -> None:
    faults = [(each.field, each.says) for each in rule_faults(replace(rule, **changes), "rules.0")]
    assert faults == [(f"rules.0.{field}", says)]


@pytest.mark.parametrize(
    ("caps", "field", "says"),
    [
        pytest.param(
            (Cap(),), "caps.0", "limits neither rewards nor amount_minor", id="a cap of nothing"
        ),
        pytest.param((Cap(rewards=0),), "caps.0.rewards", "is less than 1", id="no rewards"),
        pytest.param(
            (Cap(amount_minor=0),), "caps.0.amount_minor", "is less than 1", id="no money"
        ),
        pytest.param(
            (Cap(per=Period.QUARTER, rewards=5),),
            "caps.0.per",
            "is not day, month, year or all_time",
            id="a quarter",
        ),
        pytest.param(
            (Cap(per=Period.DAY, rewards=5), Cap(per=Period.DAY, amount_minor=5)),
            "caps.1.per",
            "names day twice",
            id="a day twice",
        ),
        pytest.param(
            (Cap(per=Period.MONTH, rewards=5), Cap(per=Period.DAY, rewards=6)),
            "caps.1.rewards",
            "is more than the 5 per month",
            id="more a day than a month",
        ),
        pytest.param(
            (Cap(per=Period.YEAR, amount_minor=901), Cap(amount_minor=900)),
            "caps.0.amount_minor",
            "is more than the 900 per all_time",
            id="more a year than for ever",
        ),
    ],
)
def test_caps_that_nobody_could_keep_or_need_are_named(
    caps: tuple[Cap, ...], field: str, says: str
) -> None:
    assert [(each.field, each.says) for each in cap_faults(caps, "caps")] == [(field, says)]


@pytest.mark.parametrize(
    ("period", "label"),
    [
        (Period.DAY, "2026-11-22"),
        (Period.MONTH, "2026-11"),
        (Period.QUARTER, "2026-Q4"),
        (Period.YEAR, "2026"),
        (Period.ALL_TIME, ""),
    ],
)
def test_a_day_is_in_one_of_each_period(period: Period, label: str) -> None:
    assert period.label(date(2026, 11, 22)) == label


@pytest.mark.parametrize(
    ("month", "quarter"), [(1, "2026-Q1"), (3, "2026-Q1"), (4, "2026-Q2"), (9, "2026-Q3")]
)
def test_quarters_begin_in_january(month: int, quarter: str) -> None:
    assert Period.QUARTER.label(date(2026, month, 1)) == quarter


@pytest.mark.parametrize(
    ("count", "amount"),
    [(0, FIVE_EURO), (1, FIVE_EURO), (4, FIVE_EURO), (5, A_TENTH), (1_000, A_TENTH)],
)
def test_a_tier_lasts_until_the_next_one_begins(count: int, amount: Flat | Percent) -> None:
    assert FROM_THE_FIFTH.at(count) == amount


@pytest.mark.parametrize(
    ("milestone", "reached"),
    [
        (Milestone(at=(3, 10)), [3, 10]),
        (Milestone(every=4), [4, 8, 12]),
        (Milestone(every=1), list(range(1, 13))),
    ],
)
def test_a_milestone_is_reached_at_its_counts(milestone: Milestone, reached: list[int]) -> None:
    assert [count for count in range(13) if milestone.is_at(count)] == reached


@given(hold_days=st.integers(), expires=st.none() | st.integers(), least=st.integers())
def test_any_numbers_are_judged(hold_days: int, expires: int | None, least: int) -> None:
    rule = replace(
        TENTH_OF_A_PURCHASE,
        hold_days=hold_days,
        expires_after_days=expires,
        min_amount_minor=least,
    )
    assert all(fault.field.startswith("rules.7.") for fault in rule_faults(rule, "rules.7"))
