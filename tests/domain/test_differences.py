"""Differences: what a new version changes, in words, whatever the order of lines."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.differences import Difference, differences, percent, terms_in_words
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import ProgramId
from referrals.domain.landings import Landing, Preview, ProgramStatus
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    BudgetTerms,
    Eligibility,
    Experiment,
    Goals,
    MessageText,
    PartnerTerms,
    Program,
    ReminderTerms,
    TouchKind,
    Variant,
    Weights,
)
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
)

# by field: what is changed, and the path of the difference with both its sides
Cases = dict[str, list[tuple[dict[str, Any], tuple[str, str | None, str | None]]]]

TENTH = RewardRule(
    rule_id="tenth",
    on=Trigger.PURCHASE,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Percent(rate_bps=1_000, max_minor=2_000),
    hold_days=14,
)
WELCOME = RewardRule(
    rule_id="welcome",
    on=Trigger.SIGNUP,
    to=Side.FRIEND,
    kind=RewardKind.COUPON,
    reward=Flat(amount_minor=500),
    pool="welcome",
)
LANDING = Landing(
    program_id=ProgramId("tea"),
    status=ProgramStatus.ACTIVE,
    landing_page="https://shop.example/welcome",
    allowed_hosts=("shop.example", "pay.shop.example"),
)
TEA = Program(
    program_id=ProgramId("tea"),
    version=1,
    name="Tea for two",
    shop_name="Samovar",
    currency="EUR",
    landing=LANDING,
    rules=(TENTH, WELCOME),
)


def told(before: Program | None, after: Program) -> list[tuple[str, str | None, str | None]]:
    return [(each.path, each.before, each.after) for each in differences(before, after)]


def test_the_same_terms_do_not_differ() -> None:
    assert differences(TEA, replace(TEA, version=2)) == ()


def test_the_order_of_rules_and_of_sets_is_no_difference() -> None:
    moved = replace(
        TEA,
        rules=(WELCOME, TENTH),
        landing=replace(LANDING, allowed_hosts=("pay.shop.example", "shop.example")),
    )
    assert differences(TEA, moved) == ()


def test_a_rule_that_comes_is_one_difference_with_all_it_says() -> None:
    assert told(replace(TEA, rules=(TENTH,)), TEA) == [
        (
            "rules.welcome",
            None,
            "on signup; to friend; kind coupon; reward 5.00 EUR; pool welcome; hold_days 0",
        )
    ]


def test_a_rule_that_goes_is_one_difference() -> None:
    assert told(TEA, replace(TEA, rules=(WELCOME,))) == [
        (
            "rules.tenth",
            "on purchase; to advocate; kind credit; reward 10%, at most 20.00 EUR; hold_days 14",
            None,
        )
    ]


def test_a_rule_with_a_new_name_goes_and_comes() -> None:
    renamed = replace(TEA, rules=(replace(TENTH, rule_id="tithe"), WELCOME))
    assert [path for path, _, _ in told(TEA, renamed)] == ["rules.tenth", "rules.tithe"]


def test_a_rule_whose_name_begins_like_anothers_is_another_rule() -> None:
    longer = replace(TENTH, rule_id="tenth-vip")
    assert [path for path, _, _ in told(TEA, replace(TEA, rules=(TENTH, WELCOME, longer)))] == [
        "rules.tenth-vip"
    ]


def test_all_is_new_while_nothing_is_live() -> None:
    found = differences(None, TEA)
    assert all(each.before is None for each in found)
    assert {each.path for each in found} >= {"currency", "rules.tenth", "rules.welcome", "status"}


def test_another_currency_changes_every_amount() -> None:
    assert told(TEA, replace(TEA, currency="JPY")) == [
        ("currency", "EUR", "JPY"),
        ("rules.tenth.reward", "10%, at most 20.00 EUR", "10%, at most 2000 JPY"),
        ("rules.welcome.reward", "5.00 EUR", "500 JPY"),
    ]


CHANGED_RULES: Cases = {
    "on": [({"on": Trigger.RENEWAL}, ("on", "purchase", "renewal"))],
    "to": [({"to": Side.SECOND_LEVEL}, ("to", "advocate", "second_level"))],
    "kind": [({"kind": RewardKind.CASH}, ("kind", "credit", "cash"))],
    "reward": [
        (
            {"reward": Percent(rate_bps=1_250)},
            ("reward", "10%, at most 20.00 EUR", "12.5%"),
        ),
        (
            {
                "reward": Tiers(
                    tiers=(
                        Tier(from_count=1, amount=Flat(amount_minor=500)),
                        Tier(from_count=5, amount=Percent(rate_bps=500, max_minor=900)),
                    )
                )
            },
            (
                "reward",
                "10%, at most 20.00 EUR",
                "from 1: 5.00 EUR; from 5: 5%, at most 9.00 EUR",
            ),
        ),
        (
            {"reward": Places(amounts_minor=(10_000, 5_000))},
            ("reward", "10%, at most 20.00 EUR", "place 1: 100.00 EUR; place 2: 50.00 EUR"),
        ),
    ],
    "hold_days": [({"hold_days": 30}, ("hold_days", "14", "30"))],
    "min_amount_minor": [({"min_amount_minor": 2_000}, ("min_amount_minor", None, "20.00 EUR"))],
    "max_amount_minor": [({"max_amount_minor": 9_000}, ("max_amount_minor", None, "90.00 EUR"))],
    "is_first_purchase_only": [
        ({"is_first_purchase_only": True}, ("first_purchase_only", None, "yes"))
    ],
    "only": [
        ({"only": Conditions(segments=("vip",))}, ("only.segments", None, "vip")),
        ({"only": Conditions(except_segments=("vip",))}, ("only.except_segments", None, "vip")),
        ({"only": Conditions(countries=("NO", "DE"))}, ("only.countries", None, "DE, NO")),
        ({"only": Conditions(products=("pot",))}, ("only.products", None, "pot")),
        ({"only": Conditions(channels=("email",))}, ("only.channels", None, "email")),
        ({"only": Conditions(variants=("double",))}, ("only.variants", None, "double")),
    ],
    "caps": [
        ({"caps": (Cap(per=Period.DAY, rewards=5),)}, ("caps.day.rewards", None, "5")),
        (
            {"caps": (Cap(amount_minor=9_000),)},
            ("caps.all_time.amount_minor", None, "90.00 EUR"),
        ),
    ],
    "pool": [({"pool": "spare"}, ("pool", None, "spare"))],
    "partner": [({"partner": "cinema"}, ("partner", None, "cinema"))],
    "ships": [({"ships": True}, ("ships", None, "yes"))],
    "expires_after_days": [({"expires_after_days": 365}, ("expires_after_days", None, "365"))],
    "first_months": [({"first_months": 12}, ("first_months", None, "12"))],
    "milestone": [
        ({"milestone": Milestone(every=5)}, ("milestone", None, "every 5 purchases")),
        (
            {"milestone": Milestone(count=Counted.SIGNUPS, at=(3, 10))},
            ("milestone", None, "at 3, 10 signups"),
        ),
    ],
    "leaderboard": [
        (
            {"leaderboard": Leaderboard(per=Period.QUARTER, by=Counted.REVENUE)},
            ("leaderboard", None, "by revenue per quarter"),
        )
    ],
}


@pytest.mark.parametrize(
    ("changes", "difference"), [case for cases in CHANGED_RULES.values() for case in cases]
)
def test_each_field_of_a_rule_that_changes_is_a_difference(
    changes: dict[str, Any], difference: tuple[str, str | None, str | None]
) -> None:
    path, before, after = difference
    changed = replace(TEA, rules=(replace(TENTH, **changes), WELCOME))
    assert told(TEA, changed) == [(f"rules.tenth.{path}", before, after)]


def test_points_are_no_money() -> None:
    points = replace(TENTH, kind=RewardKind.POINTS, reward=Flat(amount_minor=500))
    more = replace(points, reward=Flat(amount_minor=900))
    assert told(replace(TEA, rules=(points,)), replace(TEA, rules=(more,))) == [
        ("rules.tenth.reward", "500 points", "900 points")
    ]


def with_landing(**changes: Any) -> dict[str, Any]:
    return {"landing": replace(LANDING, **changes)}


MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
MUG = CatalogueItem(
    item_id="mug", name="A mug", points=300, kind=RewardKind.GIFT, amount_minor=900, pool="mugs"
)
BY_CARD = PayoutTerms(
    provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, products=("CARD", "BANK")
)
CHANGED_PROGRAMS: Cases = {
    "name": [({"name": "Tea"}, ("name", "Tea for two", "Tea"))],
    "shop_name": [({"shop_name": "Kettle"}, ("shop", "Samovar", "Kettle"))],
    "landing": [
        (with_landing(status=ProgramStatus.PAUSED), ("status", "active", "paused")),
        (with_landing(starts_at=MIDNIGHT), ("starts_at", None, "2026-12-01 00:00:00 UTC")),
        (with_landing(ends_at=MIDNIGHT), ("ends_at", None, "2026-12-01 00:00:00 UTC")),
        (
            with_landing(landing_page="https://shop.example/"),
            ("landing_page", "https://shop.example/welcome", "https://shop.example/"),
        ),
        (
            with_landing(allowed_hosts=("shop.example",)),
            ("allowed_hosts", "pay.shop.example, shop.example", "shop.example"),
        ),
        (
            with_landing(fallback_url="https://shop.example/"),
            ("fallback_url", None, "https://shop.example/"),
        ),
        (with_landing(link_parameter="ref"), ("link_parameter", "via", "ref")),
        (with_landing(preview=Preview(title="A cup")), ("preview.title", None, "A cup")),
        (
            with_landing(preview=Preview(description="of tea")),
            ("preview.description", None, "of tea"),
        ),
        (
            with_landing(preview=Preview(image_url="https://shop.example/cup.png")),
            ("preview.image_url", None, "https://shop.example/cup.png"),
        ),
    ],
    "attribution": [
        (
            {"attribution": AttributionTerms(model=AttributionModel.LINEAR)},
            ("attribution.model", "last_click", "linear"),
        ),
        (
            {"attribution": AttributionTerms(window_days=60)},
            ("attribution.window_days", "30", "60"),
        ),
        (
            {"attribution": AttributionTerms(weights=Weights(first=50, middle=0, last=50))},
            ("attribution.weights", None, "first 50%, middle 0%, last 50%"),
        ),
        (
            {"attribution": AttributionTerms(precedence=(TouchKind.CLICK, TouchKind.CODE))},
            (
                "attribution.precedence",
                "code, then coupon, then click, then stated",
                "click, then code",
            ),
        ),
    ],
    "eligibility": [
        (
            {"eligibility": Eligibility(segments=("vip",))},
            ("eligibility.advocates.segments", None, "vip"),
        ),
        (
            {"eligibility": Eligibility(min_purchases=1)},
            ("eligibility.advocates.min_purchases", "0", "1"),
        ),
        (
            {"eligibility": Eligibility(is_new_customers_only=True)},
            ("eligibility.friends.new_customers_only", "no", "yes"),
        ),
    ],
    "caps": [
        ({"caps": (Cap(per=Period.YEAR, rewards=50),)}, ("caps.year.rewards", None, "50")),
    ],
    "budget": [
        (
            {"budget": BudgetTerms(total_minor=10_000)},
            ("budget.total_minor", None, "100.00 EUR"),
        ),
        (
            {"budget": BudgetTerms(per_day_minor=10_000)},
            ("budget.per_day_minor", None, "100.00 EUR"),
        ),
    ],
    "fraud": [
        (
            {"fraud": FraudTerms(modes={"velocity": FraudMode.BLOCK})},
            ("fraud.velocity.mode", None, "block"),
        ),
    ],
    "goals": [
        ({"goals": Goals(purchases=500)}, ("goals.purchases", None, "500")),
        (
            {"goals": Goals(max_cost_per_purchase_minor=900)},
            ("goals.max_cost_per_purchase_minor", None, "9.00 EUR"),
        ),
        (
            {"goals": Goals(max_cost_share_bps=1_500)},
            ("goals.max_cost_share_bps", None, "15%"),
        ),
    ],
    "silent_messages": [
        ({"silent_messages": ("welcome",)}, ("messages.welcome", None, "off")),
    ],
    "texts": [
        (
            {"texts": {"welcome": {"en": MessageText(subject="Hello")}}},
            ("texts.welcome.en.subject", None, '"Hello"'),
        ),
        (
            {"texts": {"welcome": {"ru": MessageText(heading="Привет")}}},
            ("texts.welcome.ru.heading", None, '"Привет"'),
        ),
        (
            {"texts": {"welcome": {"en": MessageText(body="Hello\n\nthere")}}},
            ("texts.welcome.en.body", None, '"Hello\\n\\nthere"'),
        ),
    ],
    "reminders": [
        (
            {"reminders": ReminderTerms(after_days=(7, 30))},
            ("reminders", "after 14, 49, 133 days", "after 7, 30 days"),
        ),
        (
            {"reminders": ReminderTerms(after_days=())},
            ("reminders", "after 14, 49, 133 days", "off"),
        ),
    ],
    "payouts": [
        (
            {"payouts": PayoutTerms(on_day=15, minimum_minor=2_000)},
            (
                "payouts",
                None,
                "provider bank; every monthly; on_day 15; minimum_minor 20.00 EUR",
            ),
        ),
        (
            {"payouts": BY_CARD},
            (
                "payouts",
                None,
                (
                    "provider tremendous; every daily; minimum_minor 0.00 EUR; "
                    "products BANK, CARD; funding_source balance"
                ),
            ),
        ),
    ],
    "partners": [
        (
            {"partners": {"cinema": PartnerTerms(url="https://cinema.example/")}},
            ("partners.cinema.url", None, "https://cinema.example/"),
        ),
    ],
    "catalogue": [
        (
            {"catalogue": (MUG,)},
            (
                "catalogue.mug",
                None,
                "name A mug; points 300 points; kind gift; amount_minor 9.00 EUR; pool mugs",
            ),
        ),
    ],
    "low_stock": [({"low_stock": 5}, ("low_stock", "10", "5"))],
}


@pytest.mark.parametrize(
    ("changes", "difference"), [case for cases in CHANGED_PROGRAMS.values() for case in cases]
)
def test_each_term_that_changes_is_a_difference(
    changes: dict[str, Any], difference: tuple[str, str | None, str | None]
) -> None:
    path, before, after = difference
    assert told(TEA, replace(TEA, **changes)) == [(path, before, after)]
    assert told(replace(TEA, **changes), TEA) == [(path, after, before)]


def test_of_payouts_and_items_that_stay_each_field_is_a_difference() -> None:
    before = replace(TEA, catalogue=(MUG,), payouts=BY_CARD)
    after = replace(
        TEA,
        catalogue=(replace(MUG, points=250, ships=True),),
        payouts=replace(BY_CARD, products=(), campaign_id="C1", minimum_minor=500),
    )
    assert told(before, after) == [
        ("catalogue.mug.points", "300 points", "250 points"),
        ("catalogue.mug.ships", None, "yes"),
        ("payouts.campaign_id", None, "C1"),
        ("payouts.minimum_minor", "0.00 EUR", "5.00 EUR"),
        ("payouts.products", "BANK, CARD", None),
    ]


def test_a_limit_of_a_fraud_rule_is_a_difference() -> None:
    review = FraudTerms(modes={"velocity": FraudMode.REVIEW})
    limited = replace(review, limits={"velocity": 20})
    assert told(replace(TEA, fraud=review), replace(TEA, fraud=limited)) == [
        ("fraud.velocity.limit", None, "20")
    ]


def test_an_experiment_is_told_with_its_groups_in_their_order() -> None:
    halves = (Variant(name="b", share_bps=5_000), Variant(name="a", share_bps=2_500))
    experiment = Experiment(name="autumn", variants=halves, holdout_bps=1_000)
    assert told(TEA, replace(TEA, experiment=experiment)) == [
        ("experiment.holdout_bps", None, "10%"),
        ("experiment.name", None, "autumn"),
        ("experiment.variants", None, "b 50%, a 25%"),
    ]
    turned = replace(experiment, variants=halves[::-1])
    assert told(replace(TEA, experiment=experiment), replace(TEA, experiment=turned)) == [
        ("experiment.variants", "b 50%, a 25%", "a 25%, b 50%")
    ]


def test_no_field_of_the_terms_is_left_out() -> None:
    of_rules = {field.name for field in fields(RewardRule)} - {"rule_id"}
    assert of_rules == set(CHANGED_RULES)
    apart = {"program_id", "version", "currency", "rules", "experiment"}
    assert {field.name for field in fields(Program)} - apart == set(CHANGED_PROGRAMS)


def test_terms_are_said_in_the_order_of_documents() -> None:
    assert list(terms_in_words(TEA))[:5] == [
        "name",
        "shop",
        "currency",
        "status",
        "landing_page",
    ]


CHANGES = [changes for cases in CHANGED_PROGRAMS.values() for changes, _ in cases]
RULES = [replace(TENTH, **changes) for cases in CHANGED_RULES.values() for changes, _ in cases]
VERSIONS = st.builds(
    lambda changes, rules: replace(TEA, **changes, rules=tuple(rules)),
    st.sampled_from(CHANGES),
    st.lists(st.sampled_from([WELCOME, *RULES]), unique_by=lambda rule: rule.rule_id),
)


@given(VERSIONS, VERSIONS)
def test_differences_turn_round_with_the_versions(one: Program, other: Program) -> None:
    there, back = differences(one, other), differences(other, one)
    assert there == tuple(
        Difference(path=each.path, before=each.after, after=each.before) for each in back
    )
    assert [each.path for each in there] == sorted(each.path for each in there)
    assert all(each.before != each.after for each in there)


@pytest.mark.parametrize(
    ("bps", "says"),
    [(0, "0%"), (1, "0.01%"), (50, "0.5%"), (100, "1%"), (1_250, "12.5%"), (10_000, "100%")],
)
def test_a_share_is_written_in_percent(bps: int, says: str) -> None:
    assert percent(bps) == says
