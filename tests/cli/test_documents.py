"""Program documents: what people write in YAML becomes a program, or names what is wrong."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from referrals.cli.delivery_parts import Language
from referrals.cli.documents import ProgramDocument, read_program, read_program_file, schema
from referrals.cli.written_documents import document_of
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.errors import TermsNotAllowedError
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
    checked,
)
from referrals.domain.rules import (
    Amount,
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
from referrals.notify.languages import LANGUAGES
from referrals.store.rows import Body

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/programs/tea.yaml"
EXAMPLES = sorted((ROOT / "examples/programs").glob("*.yaml"))
DOCUMENT = """
program: tea
name: Tea for two
shop: Samovar
currency: EUR
landing_page: https://shop.example/welcome
allowed_hosts: [shop.example]
rules:
  - id: advocate-tenth
    on: purchase
    to: advocate
    kind: credit
    reward: {rate_bps: 1000}
"""
RULE: dict[str, Any] = {
    "id": "advocate-tenth",
    "on": "purchase",
    "to": "advocate",
    "kind": "credit",
    "reward": {"rate_bps": 1_000},
}


def fields_at_fault(text: str = DOCUMENT, **changes: Any) -> list[str]:
    with pytest.raises(TermsNotAllowedError) as refused:
        read_program(text, **changes)
    return [fault.field for fault in refused.value.faults]


def test_the_example_says_what_its_comment_promises() -> None:
    program = read_program_file(EXAMPLE)
    assert program.rules == (
        RewardRule(
            rule_id="friend-welcome",
            on=Trigger.SIGNUP,
            to=Side.FRIEND,
            kind=RewardKind.COUPON,
            reward=Flat(amount_minor=500),
            pool="welcome",
        ),
        RewardRule(
            rule_id="advocate-tenth",
            on=Trigger.PURCHASE,
            to=Side.ADVOCATE,
            kind=RewardKind.CREDIT,
            reward=Percent(rate_bps=1_000, max_minor=2_000),
            hold_days=14,
            min_amount_minor=2_000,
            is_first_purchase_only=True,
            caps=(Cap(per=Period.ALL_TIME, rewards=50),),
        ),
        RewardRule(
            rule_id="friend-thanks",
            on=Trigger.PURCHASE,
            to=Side.FRIEND,
            kind=RewardKind.CREDIT,
            reward=Flat(amount_minor=300),
            hold_days=14,
            min_amount_minor=2_000,
            is_first_purchase_only=True,
        ),
    )


def test_a_short_document_has_sensible_defaults() -> None:
    assert read_program(DOCUMENT) == Program(
        program_id=ProgramId("tea"),
        version=1,
        name="Tea for two",
        shop_name="Samovar",
        currency="EUR",
        landing=Landing(
            program_id=ProgramId("tea"),
            status=ProgramStatus.ACTIVE,
            landing_page="https://shop.example/welcome",
            allowed_hosts=("shop.example",),
            fallback_url=None,
            link_parameter="via",
            preview=Preview(title="Tea for two"),
        ),
        rules=(
            RewardRule(
                rule_id="advocate-tenth",
                on=Trigger.PURCHASE,
                to=Side.ADVOCATE,
                kind=RewardKind.CREDIT,
                reward=Percent(rate_bps=1_000),
            ),
        ),
        attribution=AttributionTerms(window_days=30),
    )


def test_a_document_can_be_read_for_another_place() -> None:
    program = read_program(
        DOCUMENT, landing_page="http://127.0.0.1:8000/shop", allowed_hosts=["127.0.0.1:8000"]
    )
    assert program.landing.landing_page == "http://127.0.0.1:8000/shop"


@pytest.mark.parametrize("on", ["on", '"on"', "'on'"])
def test_the_bare_word_on_is_a_name_and_no_boolean(on: str) -> None:
    program = read_program(DOCUMENT.replace("    on:", f"    {on}:"))
    assert program.rules[0].on is Trigger.PURCHASE


def test_hosts_are_compared_in_small_letters() -> None:
    assert read_program(DOCUMENT, allowed_hosts=["Shop.Example"]).landing.allowed_hosts == (
        "shop.example",
    )


def test_dates_are_read_with_their_offset() -> None:
    text = DOCUMENT + "starts_at: 2026-05-01T00:00:00+02:00\nends_at: 2026-06-01T00:00:00Z\n"
    landing = read_program(text).landing
    assert landing.starts_at == datetime(2026, 4, 30, 22, tzinfo=UTC)
    assert landing.ends_at == datetime(2026, 6, 1, tzinfo=UTC)


def test_a_preview_has_the_programs_name_unless_it_has_its_own_title() -> None:
    assert read_program(DOCUMENT).landing.preview.title == "Tea for two"
    titled = read_program(DOCUMENT, preview={"title": "A cup of tea"})
    assert titled.landing.preview.title == "A cup of tea"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"program": "Tea for two"}, "program", id="a name for an id"),
        pytest.param({"program": "tea\n"}, "program", id="a line break"),
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": "x" * 201}, "name", id="a long name"),
        pytest.param({"shop": 5}, "shop", id="a shop by number"),
        pytest.param({"currency": "EURO"}, "currency", id="four letters"),
        pytest.param({"currency": 978}, "currency", id="a currency by number"),
        pytest.param({"status": "running"}, "status", id="another status"),
        pytest.param({"starts_at": "2026-05-01T00:00:00"}, "starts_at", id="no offset"),
        pytest.param({"ends_at": "soon"}, "ends_at", id="a word for a time"),
        pytest.param({"landing_page": "https://else.example/"}, "landing_page", id="elsewhere"),
        pytest.param({"allowed_hosts": []}, "allowed_hosts", id="no host"),
        pytest.param({"allowed_hosts": "shop.example"}, "allowed_hosts", id="a host as text"),
        pytest.param({"link_parameter": "VIA"}, "link_parameter", id="capitals"),
        pytest.param({"link_parameter": "v&a"}, "link_parameter", id="another parameter"),
        pytest.param({"preview": {"image": "x"}}, "preview.image", id="a field nobody reads"),
        pytest.param(
            {"attribution": {"model": "first"}}, "attribution.model", id="an unknown model"
        ),
        pytest.param(
            {"attribution": {"window_days": 0}}, "attribution.window_days", id="no window"
        ),
        pytest.param(
            {"attribution": {"window_days": "30"}}, "attribution.window_days", id="days as text"
        ),
        pytest.param({"rules": {}}, "rules", id="rules as a mapping"),
        pytest.param({"rules": [{**RULE, "id": "A B"}]}, "rules.0.id", id="a rule's id"),
        pytest.param({"rules": [{**RULE, "on": "click"}]}, "rules.0.on", id="another event"),
        pytest.param({"rules": [{**RULE, "to": "shop"}]}, "rules.0.to", id="another side"),
        pytest.param({"rules": [{**RULE, "kind": "car"}]}, "rules.0.kind", id="another kind"),
        pytest.param({"rules": [{**RULE, "hold_days": 1.5}]}, "rules.0.hold_days", id="half a day"),
        pytest.param(
            {"rules": [{**RULE, "hold_days": True}]}, "rules.0.hold_days", id="truth for days"
        ),
        pytest.param(
            {"rules": [{**RULE, "hold_days": 10**10}]}, "rules.0.hold_days", id="for ever"
        ),
        pytest.param(
            {"rules": [{**RULE, "min_amount_minor": -1}]},
            "rules.0.min_amount_minor",
            id="less than nothing",
        ),
        pytest.param(
            {"rules": [{**RULE, "caps": [{"per": "day", "reward": 5}]}]},
            "rules.0.caps.0.reward",
            id="a misspelling",
        ),
        pytest.param({"rules": [RULE, RULE]}, "rules.1.id", id="the same rule twice"),
        pytest.param(
            {"rules": [{**RULE, "kind": "coupon", "reward": {"amount_minor": 500}}]},
            "rules.0.pool",
            id="a coupon from nowhere",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    assert fields_at_fault(**changes) == [field]


@pytest.mark.parametrize(
    "reward",
    [
        pytest.param({"amount_minor": "500"}, id="an amount as text"),
        pytest.param({"amount_minor": 5.0}, id="an amount with a point"),
        pytest.param({"rate": 10}, id="a percentage by another name"),
        pytest.param({"amount_minor": 500, "rate_bps": 1_000}, id="both kinds"),
        pytest.param({}, id="neither"),
        pytest.param(500, id="a bare number"),
    ],
)
def test_a_reward_is_an_amount_or_a_percentage(reward: object) -> None:
    fields = fields_at_fault(rules=[{**RULE, "reward": reward}])
    assert fields
    assert all(field.startswith("rules.0.reward") for field in fields)


def test_every_field_at_fault_is_named_at_once() -> None:
    assert fields_at_fault(name="", shop="", budget=1) == ["name", "shop", "budget"]


def test_what_is_missing_is_named() -> None:
    assert fields_at_fault("program: tea") == [
        "name",
        "shop",
        "currency",
        "landing_page",
        "allowed_hosts",
        "rules",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("tea", id="a word"),
        pytest.param("- tea", id="a list"),
        pytest.param("a: [", id="cut off"),
        pytest.param("a:\n\tb: c", id="a tab"),
        pytest.param("a: !!python/object/apply:os.getcwd []", id="a call of Python"),
        pytest.param("a: !!set {b, c}", id="a set"),
        pytest.param("? [a]\n: b", id="a list for a key"),
        pytest.param("\x00", id="a null"),
    ],
)
def test_what_is_no_document_is_refused_as_a_whole(text: str) -> None:
    assert fields_at_fault(text) == ["document"]


def a_rule_with(**changes: Any) -> dict[str, Any]:
    """Give the general rule with fields put in place, or left out where None is given."""
    return {name: value for name, value in {**RULE, **changes}.items() if value is not None}


def the_rule(**changes: Any) -> RewardRule:
    return read_program(DOCUMENT, rules=[a_rule_with(**changes)]).rules[0]


def faults_of(text: str = DOCUMENT, **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(TermsNotAllowedError) as refused:
        read_program(text, **changes)
    return [(fault.field, fault.says) for fault in refused.value.faults]


# rewards


@pytest.mark.parametrize(
    ("reward", "amount"),
    [
        pytest.param({"amount_minor": 500}, Flat(amount_minor=500), id="flat"),
        pytest.param({"rate_bps": 1_000}, Percent(rate_bps=1_000), id="percent"),
        pytest.param(
            {"rate_bps": 1_000, "max_minor": 2_000},
            Percent(rate_bps=1_000, max_minor=2_000),
            id="percent with a maximum",
        ),
        pytest.param(
            {
                "tiers": [
                    {"from": 1, "amount_minor": 500},
                    {"from": 5, "rate_bps": 1_000, "max_minor": 3_000},
                ]
            },
            Tiers(
                tiers=(
                    Tier(from_count=1, amount=Flat(amount_minor=500)),
                    Tier(from_count=5, amount=Percent(rate_bps=1_000, max_minor=3_000)),
                )
            ),
            id="tiers",
        ),
        pytest.param(
            {"amount_minor": 500, "first": {"count": 3, "amount_minor": 1_000}},
            Tiers(
                tiers=(
                    Tier(from_count=1, amount=Flat(amount_minor=1_000)),
                    Tier(from_count=4, amount=Flat(amount_minor=500)),
                )
            ),
            id="the first three are worth more",
        ),
        pytest.param(
            {"rate_bps": 1_000, "first": {"count": 1, "amount_minor": 1_000}},
            Tiers(
                tiers=(
                    Tier(from_count=1, amount=Flat(amount_minor=1_000)),
                    Tier(from_count=2, amount=Percent(rate_bps=1_000)),
                )
            ),
            id="an amount first, a share later",
        ),
    ],
)
def test_a_reward_is_written_in_one_of_these_ways(reward: dict[str, Any], amount: Amount) -> None:
    assert the_rule(reward=reward).reward == amount


def test_places_are_the_prizes_of_a_leaderboard() -> None:
    rule = the_rule(
        on="period_end",
        reward={"places": [10_000, 5_000]},
        leaderboard={"per": "quarter", "by": "revenue"},
    )
    assert rule.reward == Places(amounts_minor=(10_000, 5_000))
    assert rule.leaderboard == Leaderboard(per=Period.QUARTER, by=Counted.REVENUE)


# rules


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        pytest.param({"on": "renewal", "first_months": 12}, "first_months", 12, id="renewals"),
        pytest.param({"on": "renewal"}, "first_months", None, id="renewals for ever"),
        pytest.param({"to": "second_level"}, "to", Side.SECOND_LEVEL, id="second level"),
        pytest.param({"kind": "cash"}, "kind", RewardKind.CASH, id="cash"),
        pytest.param(
            {"kind": "partner", "reward": {"amount_minor": 500}},
            "kind",
            RewardKind.PARTNER,
            id="a partner's",
        ),
        pytest.param(
            {"kind": "gift", "reward": {"amount_minor": 500}, "pool": "bottles"},
            "pool",
            "bottles",
            id="a gift",
        ),
        pytest.param(
            {"kind": "gift", "reward": {"amount_minor": 500}, "pool": "bottles", "ships": True},
            "ships",
            True,
            id="a gift by post",
        ),
        pytest.param({"hold_days": 30}, "hold_days", 30, id="a hold"),
        pytest.param({"expires_after_days": 365}, "expires_after_days", 365, id="expiry"),
        pytest.param(
            {"min_amount_minor": 2_000, "max_amount_minor": 90_000},
            "max_amount_minor",
            90_000,
            id="amounts",
        ),
        pytest.param(
            {"first_purchase_only": True}, "is_first_purchase_only", True, id="first purchase"
        ),
        pytest.param(
            {"only": {"segments": ["vip"], "except_segments": ["staff"]}},
            "only",
            Conditions(segments=("vip",), except_segments=("staff",)),
            id="segments",
        ),
        pytest.param(
            {"only": {"countries": ["NO"], "products": ["pot"], "channels": ["email", "code"]}},
            "only",
            Conditions(countries=("NO",), products=("pot",), channels=("email", "code")),
            id="country, product, channel",
        ),
        pytest.param(
            {
                "caps": [
                    {"per": "day", "rewards": 1},
                    {"per": "month", "rewards": 5},
                    {"per": "year", "amount_minor": 60_000},
                    {"per": "all_time", "rewards": 50, "amount_minor": 90_000},
                ]
            },
            "caps",
            (
                Cap(per=Period.DAY, rewards=1),
                Cap(per=Period.MONTH, rewards=5),
                Cap(per=Period.YEAR, amount_minor=60_000),
                Cap(per=Period.ALL_TIME, rewards=50, amount_minor=90_000),
            ),
            id="caps of every period",
        ),
        pytest.param(
            {
                "on": "milestone",
                "reward": {"amount_minor": 500},
                "milestone": {"count": "signups", "at": [3, 10]},
            },
            "milestone",
            Milestone(count=Counted.SIGNUPS, at=(3, 10)),
            id="milestones at some",
        ),
        pytest.param(
            {"on": "milestone", "reward": {"amount_minor": 500}, "milestone": {"every": 5}},
            "milestone",
            Milestone(count=Counted.PURCHASES, every=5),
            id="a milestone at every fifth",
        ),
    ],
)
def test_a_rule_says_what_its_document_says(
    changes: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(the_rule(**changes), field) == value


def test_the_hold_of_the_program_is_the_one_of_rules_without_their_own() -> None:
    rules = [
        a_rule_with(id="a"),
        a_rule_with(id="b", hold_days=0),
        a_rule_with(id="c", hold_days=30),
    ]
    program = read_program(DOCUMENT, hold_days=14, rules=rules)
    assert [rule.hold_days for rule in program.rules] == [14, 0, 30]


# the program


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        pytest.param(
            {
                "eligibility": {
                    "advocates": {"segments": ["vip"], "min_purchases": 2},
                    "friends": {"new_customers_only": True},
                }
            },
            "eligibility",
            Eligibility(segments=("vip",), min_purchases=2, is_new_customers_only=True),
            id="eligibility",
        ),
        pytest.param({"timing": "pre_sale"}, "eligibility", Eligibility(), id="pre-sale"),
        pytest.param(
            {"timing": "after_sale"}, "eligibility", Eligibility(min_purchases=1), id="after-sale"
        ),
        pytest.param(
            {"timing": "after_sale", "eligibility": {"advocates": {"min_purchases": 3}}},
            "eligibility",
            Eligibility(min_purchases=3),
            id="after three sales",
        ),
        pytest.param(
            {
                "attribution": {
                    "model": "position",
                    "window_days": 60,
                    "weights": {"first": 50, "middle": 0, "last": 50},
                    "precedence": ["click", "code"],
                }
            },
            "attribution",
            AttributionTerms(
                model=AttributionModel.POSITION,
                window_days=60,
                weights=Weights(first=50, middle=0, last=50),
                precedence=(TouchKind.CLICK, TouchKind.CODE),
            ),
            id="attribution",
        ),
        pytest.param(
            {"caps": [{"per": "month", "amount_minor": 20_000}]},
            "caps",
            (Cap(per=Period.MONTH, amount_minor=20_000),),
            id="caps of all rules together",
        ),
        pytest.param(
            {"budget": {"total_minor": 1_000_000, "per_day_minor": 50_000}},
            "budget",
            BudgetTerms(total_minor=1_000_000, per_day_minor=50_000),
            id="budget",
        ),
        pytest.param(
            {
                "experiment": {
                    "name": "autumn",
                    "variants": [{"name": "double", "share_bps": 5_000}],
                    "holdout_bps": 1_000,
                }
            },
            "experiment",
            Experiment(
                name="autumn",
                variants=(Variant(name="double", share_bps=5_000),),
                holdout_bps=1_000,
            ),
            id="experiment",
        ),
        pytest.param(
            {"fraud": {"same_person": "block", "velocity": {"mode": "review", "limit": 20}}},
            "fraud",
            FraudTerms(
                modes={"same_person": FraudMode.BLOCK, "velocity": FraudMode.REVIEW},
                limits={"velocity": 20},
            ),
            id="fraud",
        ),
        pytest.param(
            {"messages": {"welcome": "on", "reward_ready": "off", "reward_earned": "off"}},
            "silent_messages",
            ("reward_earned", "reward_ready"),
            id="messages",
        ),
        pytest.param(
            {
                "goals": {
                    "purchases": 500,
                    "max_cost_per_purchase_minor": 900,
                    "max_cost_share_bps": 1_500,
                }
            },
            "goals",
            Goals(purchases=500, max_cost_per_purchase_minor=900, max_cost_share_bps=1_500),
            id="goals",
        ),
        pytest.param(
            {"texts": {"welcome": {"en": {"subject": "Hello"}, "bg": {"body": "Здравей"}}}},
            "texts",
            {"welcome": {"en": MessageText(subject="Hello"), "bg": MessageText(body="Здравей")}},
            id="texts",
        ),
        pytest.param(
            {"reminders": {"after_days": [7, 30]}},
            "reminders",
            ReminderTerms(after_days=(7, 30)),
            id="reminders",
        ),
        pytest.param({"reminders": "off"}, "reminders", ReminderTerms(after_days=()), id="none"),
        pytest.param({"payouts": {}}, "payouts", PayoutTerms(), id="payouts as they usually are"),
        pytest.param(
            {"payouts": {"every": "weekly", "on_day": 5, "minimum_minor": 2_000}},
            "payouts",
            PayoutTerms(every=PayoutSchedule.WEEKLY, on_day=5, minimum_minor=2_000),
            id="payouts by bank",
        ),
        pytest.param(
            {
                "payouts": {
                    "provider": "tremendous",
                    "every": "daily",
                    "campaign_id": "C1",
                    "funding_source": "F1",
                }
            },
            "payouts",
            PayoutTerms(
                provider=PayoutProvider.TREMENDOUS,
                every=PayoutSchedule.DAILY,
                campaign_id="C1",
                funding_source="F1",
            ),
            id="payouts by a provider",
        ),
        pytest.param(
            {"partners": {"cinema": {"url": "https://cinema.example/codes/"}}},
            "partners",
            {"cinema": PartnerTerms(url="https://cinema.example/codes")},
            id="partners",
        ),
        pytest.param(
            {
                "catalogue": [
                    {
                        "id": "mug",
                        "name": "A mug",
                        "points": 300,
                        "kind": "gift",
                        "amount_minor": 900,
                        "pool": "mugs",
                        "ships": True,
                    }
                ]
            },
            "catalogue",
            (
                CatalogueItem(
                    item_id="mug",
                    name="A mug",
                    points=300,
                    kind=RewardKind.GIFT,
                    amount_minor=900,
                    pool="mugs",
                    ships=True,
                ),
            ),
            id="catalogue",
        ),
        pytest.param({"low_stock": 0}, "low_stock", 0, id="no word of low stock"),
    ],
)
def test_a_program_says_what_its_document_says(
    changes: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(read_program(DOCUMENT, **changes), field) == value


# segments


def test_a_rule_of_a_segment_takes_the_place_of_the_general_one_with_its_id() -> None:
    vip = {"rules": [a_rule_with(reward={"rate_bps": 2_000})]}
    general, own = read_program(DOCUMENT, segments={"vip": vip}).rules
    assert general.rule_id == "advocate-tenth"
    assert general.only == Conditions(except_segments=("vip",))
    assert own.rule_id == "advocate-tenth-vip"
    assert own.only == Conditions(segments=("vip",))
    assert own.reward == Percent(rate_bps=2_000)


def test_a_rule_of_a_segment_with_another_id_is_in_addition() -> None:
    vip = {"rules": [a_rule_with(id="thanks", only={"countries": ["DE"]})]}
    general, own = read_program(DOCUMENT, segments={"vip": vip}).rules
    assert general.only == Conditions()
    assert own.rule_id == "thanks-vip"
    assert own.only == Conditions(segments=("vip",), countries=("DE",))


def test_two_segments_may_both_replace_a_rule() -> None:
    segments = {"vip": {"rules": [RULE]}, "staff": {"rules": [RULE]}}
    program = read_program(DOCUMENT, segments=segments)
    assert [rule.rule_id for rule in program.rules] == [
        "advocate-tenth",
        "advocate-tenth-vip",
        "advocate-tenth-staff",
    ]
    assert program.rules[0].only.except_segments == ("vip", "staff")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        pytest.param(
            {"timing": "pre_sale", "eligibility": {"advocates": {"min_purchases": 1}}},
            ("timing", "is pre_sale, and advocates must have bought before"),
            id="before a sale and after it",
        ),
        pytest.param(
            {"timing": "after_sale", "eligibility": {"advocates": {"min_purchases": 0}}},
            ("timing", "is after_sale, and advocates need not have bought"),
            id="after a sale that need not be",
        ),
        pytest.param(
            {"segments": {"vip": {"rules": [a_rule_with(only={"segments": ["vip"]})]}}},
            ("segments.vip.rules.0.only.segments", "is set for a rule of the segment vip alone"),
            id="a segment in a segment",
        ),
        pytest.param(
            {"segments": {"vip": {"rules": [a_rule_with(id="x" * 60)]}}},
            ("segments.vip.rules.0.id", "is too long with the segment's name"),
            id="a long id in a segment",
        ),
        pytest.param(
            {"segments": {"vip": {"rules": [RULE, RULE]}}},
            ("segments.vip.rules.1.id", "stands twice"),
            id="a rule twice in a segment",
        ),
        pytest.param(
            {"segments": {"vip": {"rules": [a_rule_with(id="a", hold_days=-1)]}}},
            ("segments.vip.rules.0.hold_days", "should be greater than or equal to 0"),
            id="in a rule of a segment",
        ),
        pytest.param(
            {
                "segments": {"vip": {"rules": [a_rule_with(id="a")]}},
                "eligibility": {"advocates": {"segments": ["staff"]}},
            },
            ("segments.vip", "are not among those who may refer"),
            id="a segment that may not refer",
        ),
        pytest.param(
            {
                "rules": [
                    a_rule_with(
                        on="signup",
                        reward={"rate_bps": 500, "first": {"count": 2, "amount_minor": 5}},
                    )
                ]
            },
            ("rules.0.reward", "is a percentage, and a signup has no amount"),
            id="a share of a sign-up, later",
        ),
        pytest.param(
            {
                "rules": [
                    a_rule_with(
                        on="signup",
                        reward={"amount_minor": 5, "first": {"count": 2, "rate_bps": 500}},
                    )
                ]
            },
            ("rules.0.reward.first", "is a percentage, and a signup has no amount"),
            id="a share of the first sign-ups",
        ),
        pytest.param(
            {
                "rules": [a_rule_with(only={"segments": ["vip"]})],
                "segments": {"vip": {"rules": [RULE]}},
            },
            ("rules.0", "leaves none of the segments"),
            id="a rule for vips that vips have in another way",
        ),
        pytest.param(
            {"eligibility": {"advocates": {"min_purchases": -1}}},
            ("eligibility.advocates.min_purchases", "should be greater than or equal to 0"),
            id="fewer purchases than none",
        ),
        pytest.param(
            {"rules": [a_rule_with(hold_day=3)]},
            ("rules.0.hold_day", "is no field here: is it hold_days?"),
            id="nearly a field",
        ),
        pytest.param(
            {"rules": [a_rule_with(cap={"rewards": 5})]},
            ("rules.0.cap", "is no field here: is it caps?"),
            id="one cap",
        ),
        pytest.param({"flavour": 1}, ("flavour", "is no field here"), id="no field at all"),
        pytest.param({"pool": "a"}, ("pool", "is no field here"), id="a field of another part"),
        pytest.param(
            {"rules": ["a tenth"]},
            ("rules.0", "should be a mapping, with a name before each value"),
            id="a rule in words",
        ),
        pytest.param({"rules": RULE}, ("rules", "should be a list"), id="a rule for a list"),
        pytest.param(
            {"rules": [a_rule_with(id="Advocate Tenth")]},
            ("rules.0.id", "should be small letters, digits and hyphens"),
            id="a title for an id",
        ),
        pytest.param(
            {"rules": [a_rule_with(reward={"amount": 5})]},
            ("rules.0.reward", "needs amount_minor, rate_bps, tiers or places"),
            id="another name for an amount",
        ),
        pytest.param(
            {"rules": [a_rule_with(reward={"tiers": [{"from": 1}]})]},
            ("rules.0.reward.tiers.0", "needs amount_minor or rate_bps"),
            id="a tier of nothing",
        ),
        pytest.param(
            {"rules": [a_rule_with(reward={"tiers": [{"from": "1", "amount_minor": 5}]})]},
            ("rules.0.reward.tiers.0.from", "should be a valid integer"),
            id="a count as text",
        ),
        pytest.param(
            {"rules": [a_rule_with(reward={"tiers": [{"amount_minor": 5}]})]},
            ("rules.0.reward.tiers.0.from", "is missing"),
            id="a tier from nowhere",
        ),
        pytest.param(
            {"rules": [a_rule_with(reward={"amount_minor": 5, "first": {"amount_minor": 9}})]},
            ("rules.0.reward.first.count", "is missing"),
            id="the first without a number",
        ),
        pytest.param(
            {"rules": [a_rule_with(caps=[{"rewards": 5}])]},
            ("rules.0.caps.0.per", "is missing"),
            id="a cap of no period",
        ),
        pytest.param(
            {"caps": [{"per": "quarter", "rewards": 5}]},
            ("caps.0.per", "should be 'day', 'month', 'year' or 'all_time'"),
            id="a cap per quarter",
        ),
        pytest.param(
            {"caps": [{"per": "day"}]},
            ("caps.0", "limits neither rewards nor amount_minor"),
            id="a cap of nothing",
        ),
        pytest.param(
            {"fraud": {"moon_phase": "block"}},
            ("fraud.moon_phase", "names no fraud rule"),
            id="a fraud rule that is none",
        ),
        pytest.param(
            {"fraud": {"velocity": "maybe"}},
            ("fraud.velocity", "should be 'off', 'shadow', 'review' or 'block'"),
            id="a mode that is none",
        ),
        pytest.param(
            {"fraud": {"velocity": {"limit": 5}}},
            ("fraud.velocity.mode", "is missing"),
            id="a limit without a mode",
        ),
        pytest.param(
            {"messages": {"welcome": "no"}},
            ("messages.welcome", "should be 'on' or 'off'"),
            id="neither on nor off",
        ),
        pytest.param(
            {"messages": {"stock_low": "off"}},
            ("messages.stock_low", "is a message to operators, which is no part of the terms"),
            id="operators who do not want to know",
        ),
        pytest.param(
            {"texts": {"budget_low": {"en": {"body": "All is well."}}}},
            ("texts.budget_low", "is a message to operators, which is no part of the terms"),
            id="other words for operators",
        ),
        pytest.param(
            {"texts": {"welcome": {"de": {"body": "Hallo"}}}},
            ("texts.welcome.de", "should be 'en', 'ru', 'bg' or 'ro'"),
            id="a language that messages are not in",
        ),
        pytest.param(
            {"texts": {"welcome": {"en": {"title": "Hello"}}}},
            ("texts.welcome.en.title", "is no field here"),
            id="a part that messages have not",
        ),
        pytest.param(
            {"texts": {"welcome": {"ru": {"subject": "{{ friend.name }}"}}}},
            (
                "texts.welcome.ru.subject",
                "has a getattr; there may be text, names and if",
            ),
            id="a text that looks into things",
        ),
        pytest.param(
            {"texts": {"welcome": {"en": {"body": "Go to https://else.example"}}}},
            (
                "texts.welcome.en.body",
                "has a link in it, or what mail programs take for one",
            ),
            id="a text with a link",
        ),
        pytest.param(
            {
                "texts": {
                    kind: {
                        language: {"body": "\N{GRINNING FACE}" * 4_000} for language in LANGUAGES
                    }
                    for kind in ("welcome", "reminder", "reward_ready", "reward_earned")
                }
            },
            ("texts", "are more than 200000 bytes"),
            id="more words than a program can keep",
        ),
        pytest.param(
            {"reminders": "never"}, ("reminders", "should be 'off'"), id="reminders never"
        ),
        pytest.param(
            {"reminders": {"after_days": [30, 14]}},
            ("reminders.after_days", "does not go up"),
            id="reminders that go back",
        ),
        pytest.param(
            {"reminders": {"after_days": [14.5]}},
            ("reminders.after_days.0", "should be a valid integer"),
            id="a reminder at noon",
        ),
        pytest.param(
            {"payouts": {"provider": "post"}},
            ("payouts.provider", "should be 'bank' or 'tremendous'"),
            id="payouts by post",
        ),
        pytest.param(
            {"payouts": {"every": "weekly", "on_day": 15}},
            ("payouts.on_day", "is not between 1 and 7"),
            id="the fifteenth day of the week",
        ),
        pytest.param(
            {"payouts": {"provider": "tremendous"}},
            ("payouts", "needs either `products` or `campaign_id`"),
            id="nothing to choose from",
        ),
        pytest.param(
            {"partners": {"cinema": {"url": "http://cinema.example"}}},
            ("partners.cinema.url", "is not an https address without a query"),
            id="a partner that everybody can listen to",
        ),
        pytest.param(
            {"rules": [a_rule_with(kind="partner", partner="cinema", reward={"amount_minor": 5})]},
            ("rules.0.partner", "names cinema, which is none of the partners"),
            id="a partner that nobody knows",
        ),
        pytest.param(
            {
                "segments": {
                    "vip": {
                        "rules": [
                            a_rule_with(
                                kind="gift", pool="a", partner="b", reward={"amount_minor": 5}
                            )
                        ]
                    }
                },
                "partners": {"b": {"url": "https://b.example"}},
            },
            (
                "segments.vip.rules.0.partner",
                "is for coupons and partners' offers, not for gift",
            ),
            id="a gift of a partner for vips",
        ),
        pytest.param(
            {"rules": [a_rule_with(on="redemption")]},
            (
                "rules.0.on",
                (
                    "should be 'enrolment', 'signup', 'purchase', 'renewal', 'milestone' or "
                    "'period_end'"
                ),
            ),
            id="a rule for spending",
        ),
        pytest.param(
            {
                "catalogue": [
                    {"id": "a", "name": "A", "points": 5, "kind": "points", "amount_minor": 5}
                ]
            },
            (
                "catalogue.0.kind",
                "should be 'credit', 'coupon', 'gift', 'cash' or 'partner'",
            ),
            id="points for points",
        ),
        pytest.param(
            {
                "catalogue": [
                    {"id": "a", "name": "A", "points": 5, "kind": "gift", "amount_minor": 5}
                ]
            },
            ("catalogue.0.pool", "is missing: a gift comes from a pool"),
            id="an item from nowhere",
        ),
        pytest.param(
            {"experiment": {"name": "a", "variants": [{"name": "b", "share_percent": 50}]}},
            ("experiment.variants.0.share_bps", "is missing"),
            id="a share in percent",
        ),
        pytest.param(
            {"attribution": {"precedence": ["manual"]}},
            ("attribution.precedence.0", "should be 'code', 'coupon', 'click' or 'stated'"),
            id="an operator's word",
        ),
        pytest.param(
            {"ends_at": 1_793_000_000},
            ("ends_at", "is not a time such as 2026-11-21T08:00:00Z"),
            id="a time in seconds",
        ),
        pytest.param(
            {"currency": None}, ("currency", "should be a valid string"), id="nothing for money"
        ),
    ],
)
def test_a_fault_is_told_by_its_place_in_the_document(
    changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert fault in faults_of(**changes)


def test_a_message_that_is_none_cannot_be_silenced() -> None:
    assert fields_at_fault(messages={"birthday": "off"}) == ["messages.birthday"]


# YAML


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("rate_bps: 1000", "rate_bps: 01000", id="octal"),
        pytest.param("rate_bps: 1000", "rate_bps: 0x3E8", id="hexadecimal"),
        pytest.param("rate_bps: 1000", "rate_bps: 1_000", id="underscored"),
        pytest.param("rate_bps: 1000", "rate_bps: 16:40", id="sixties"),
        pytest.param("rate_bps: 1000", "rate_bps: 1e3", id="a power of ten"),
        pytest.param("rate_bps: 1000", "rate_bps: 1000.0", id="with a point"),
    ],
)
def test_numbers_that_two_readers_may_read_differently_are_refused(before: str, after: str) -> None:
    assert fields_at_fault(DOCUMENT.replace(before, after)) == ["rules.0.reward.rate_bps"]


def test_norway_is_a_country_and_no_boolean() -> None:
    text = DOCUMENT + "    only: {countries: [NO, SE]}\n"
    assert read_program(text).rules[0].only.countries == ("NO", "SE")


def test_off_is_a_word_and_no_boolean() -> None:
    text = DOCUMENT + "messages: {welcome: off}\nfraud: {velocity: off}\nreminders: off\n"
    program = read_program(text)
    assert program.reminders == ReminderTerms(after_days=())
    assert program.silent_messages == ("welcome",)
    assert program.fraud.modes == {"velocity": FraudMode.OFF}


def test_a_name_that_looks_like_a_date_is_a_name() -> None:
    text = DOCUMENT.replace("name: Tea for two", "name: 2026-05-01")
    assert read_program(text).name == "2026-05-01"


def test_yes_is_no_truth_for_a_condition() -> None:
    assert fields_at_fault(DOCUMENT + "    first_purchase_only: yes\n") == [
        "rules.0.first_purchase_only"
    ]


@pytest.mark.parametrize("on", ["On", "ON"])
def test_fields_are_written_in_small_letters(on: str) -> None:
    fields = fields_at_fault(DOCUMENT.replace("    on:", f"    {on}:"))
    assert fields == ["rules.0.on", f"rules.0.{on}"]


def test_parts_can_be_named_and_used_again() -> None:
    text = DOCUMENT.replace("id: advocate-tenth", "&tenth\n    id: advocate-tenth")
    text += "  - {<<: *tenth, id: friend-tenth, to: friend}\n"
    general, friends = read_program(text).rules
    assert (friends.rule_id, friends.to, friends.reward) == (
        "friend-tenth",
        Side.FRIEND,
        general.reward,
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("currency: USD", id="at the top"),
        pytest.param('"currency": USD', id="in quotes"),
    ],
)
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    ((field, says),) = faults_of(f"{DOCUMENT}{text}\n")
    assert field == "document"
    assert "currency stands twice, again in line 14" in says


@pytest.mark.parametrize("half", ["\\ud83d", "\\ud83d\\ude00"])
def test_a_sign_that_is_cut_in_two_is_refused(half: str) -> None:
    ((field, says),) = faults_of(DOCUMENT.replace("Tea for two", f'"Tea {half}"'))
    assert field == "document"
    assert "cut in two by \\u in line 3" in says


def test_a_key_that_stands_twice_deep_inside_is_refused() -> None:
    text = DOCUMENT.replace("{rate_bps: 1000}", "{rate_bps: 1000, rate_bps: 9000}")
    assert fields_at_fault(text) == ["document"]


# the schema


def parts_of_the_schema() -> dict[str, Any]:
    document = json.loads(schema())
    return {"a program": document, **document["$defs"]}


def test_the_published_schema_is_the_one_that_documents_are_checked_by() -> None:
    assert (ROOT / "docs/program.schema.json").read_text() == schema() + "\n"


def test_every_field_of_the_schema_is_described() -> None:
    undescribed = [
        f"{name}.{field}"
        for name, part in parts_of_the_schema().items()
        for field, says in part.get("properties", {}).items()
        if not says.get("description")
    ]
    assert undescribed == []


def test_no_part_of_the_schema_takes_a_field_it_does_not_name() -> None:
    objects = [part for part in parts_of_the_schema().values() if part["type"] == "object"]
    assert len(objects) > 20
    assert all(part["additionalProperties"] is False for part in objects)


def test_editors_are_offered_the_words_of_each_list() -> None:
    parts = parts_of_the_schema()
    assert "period_end" in parts["RulePart"]["properties"]["on"]["enum"]
    assert "redemption" not in parts["RulePart"]["properties"]["on"]["enum"]
    assert "monthly" in parts["PayoutSchedule"]["enum"]
    for field in ("messages", "texts"):
        kinds = parts["a program"]["properties"][field]["propertyNames"]["enum"]
        assert "welcome" in kinds
        assert "stock_low" not in kinds
    assert "second_level" in parts["Side"]["enum"]
    assert "partner" in parts["RewardKind"]["enum"]
    assert "velocity" in parts["a program"]["properties"]["fraud"]["propertyNames"]["enum"]
    assert parts["CapPart"]["properties"]["per"]["enum"] == ["day", "month", "year", "all_time"]


def test_texts_are_in_the_languages_of_messages() -> None:
    assert get_args(Language) == LANGUAGES


# written again


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as short as can be"),
        pytest.param({"name": "2026-05-01", "shop": "yes"}, id="names that look like values"),
        pytest.param({"name": "Tea [bold] # two: {x}", "shop": "off"}, id="names with signs"),
        pytest.param({"budget": {"total_minor": 0}}, id="a budget of nothing"),
        pytest.param({"low_stock": 0, "reminders": "off"}, id="nothing and never"),
        pytest.param({"fraud": {"velocity": {"mode": "review", "limit": 20}}}, id="a fraud limit"),
        pytest.param(
            {
                "attribution": {
                    "model": "position",
                    "weights": {"first": 50, "middle": 0, "last": 50},
                }
            },
            id="weights of nothing",
        ),
        pytest.param({"starts_at": "2026-05-01T00:00:00+02:00"}, id="a start"),
        pytest.param({"timing": "after_sale"}, id="after a sale"),
        pytest.param({"segments": {"vip": {"rules": [RULE]}}}, id="a segment"),
        pytest.param(
            {"rules": [a_rule_with(reward={"rate_bps": 9, "first": {"count": 2, "rate_bps": 5}})]},
            id="the first two",
        ),
        pytest.param(
            {
                "rules": [
                    a_rule_with(only={"countries": ["NO"]}, caps=[{"per": "day", "rewards": 1}])
                ]
            },
            id="Norway",
        ),
        pytest.param(
            {"texts": {"welcome": {"en": {"body": "\n  a\n\nb \n\n", "subject": " on "}}}},
            id="blanks in texts",
        ),
        pytest.param(
            {"payouts": {"provider": "tremendous", "every": "daily", "products": ["A", "B"]}},
            id="payouts",
        ),
    ],
)
def test_a_program_is_written_as_a_document_that_says_the_same(changes: dict[str, Any]) -> None:
    program = read_program(DOCUMENT, **changes)
    assert read_program(document_of(program)) == program


def test_a_document_is_written_for_people() -> None:
    written = document_of(read_program(DOCUMENT, messages={"welcome": "off"}))
    assert "- id: advocate-tenth\n  on: purchase\n" in written
    assert "messages:\n  welcome: off\n" in written


# the examples


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_written_as_a_document_that_says_the_same(file: Path) -> None:
    program = read_program_file(file)
    assert read_program(document_of(program)) == program


def test_the_club_has_everything_that_arrives() -> None:
    club = read_program_file(ROOT / "examples/programs/club.yaml")
    assert club.payouts == PayoutTerms(on_day=15, minimum_minor=2_000)
    assert [item.item_id for item in club.catalogue] == ["five-euro", "ticket", "ladle"]
    assert club.rule("friend-ticket").partner == "cinema"
    assert club.rule("tenth-friend").ships
    assert sorted(club.texts["welcome"]) == ["en", "ru"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_sound_and_named_by_its_program(file: Path) -> None:
    program = read_program_file(file)
    assert checked(program) is program
    assert program.program_id == file.stem


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_stored_and_read_back_as_it_is(file: Path) -> None:
    program = read_program_file(file)
    body: Body[Program] = Body(Program)
    assert body.read(body.write(program)) == program


def test_the_examples_show_every_trigger_side_kind_and_model() -> None:
    programs = [read_program_file(file) for file in EXAMPLES]
    rules = [rule for program in programs for rule in program.rules]
    assert {rule.on for rule in rules} == set(Trigger) - {Trigger.REDEMPTION}
    assert {rule.to for rule in rules} == set(Side)
    assert {rule.kind for rule in rules} == set(RewardKind)


def test_the_reference_names_every_field() -> None:
    reference = (ROOT / "docs/programs.md").read_text()
    fields = {
        field for part in parts_of_the_schema().values() for field in part.get("properties", {})
    }
    assert sorted(field for field in fields if f"`{field}`" not in reference) == []


REFERENCE_EXAMPLES = re.findall(
    r"^```yaml\n(.*?)^```$", (ROOT / "docs/programs.md").read_text(), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("example", REFERENCE_EXAMPLES)
def test_every_example_of_the_reference_can_be_used(example: str) -> None:
    content = yaml.safe_load(re.sub(r"\bon:", '"on":', example)) or {}
    changes = {"rules": content} if isinstance(content, list) else content
    assert read_program(DOCUMENT, **changes).rules


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=6), values, max_size=3)
    ),
    max_leaves=6,
)


@given(
    field=st.sampled_from(sorted(ProgramDocument.model_fields)),
    value=YAML_VALUES,
)
def test_whatever_stands_in_a_field_the_document_is_read_or_refused(
    field: str, value: object
) -> None:
    try:
        program = read_program(DOCUMENT, **{field: value})
    except TermsNotAllowedError as refused:
        assert refused.faults  # noqa: PT017
        return
    assert program.version == 1


@given(st.text(max_size=60))
def test_any_text_is_refused_as_a_document(text: str) -> None:
    with pytest.raises(TermsNotAllowedError):
        read_program(text)
