"""Program documents: what people write in YAML becomes a program, or names what is wrong."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from referrals.cli.documents import read_program, read_program_file
from referrals.domain.errors import TermsNotAllowedError
from referrals.domain.ids import ProgramId
from referrals.domain.programs import (
    AttributionTerms,
    Cap,
    ConversionKind,
    Flat,
    Landing,
    Percent,
    Preview,
    Program,
    ProgramStatus,
    RewardKind,
    RewardRule,
    Side,
)

EXAMPLE = Path(__file__).parents[2] / "examples/programs/tea.yaml"
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
            on=ConversionKind.SIGNUP,
            to=Side.FRIEND,
            kind=RewardKind.COUPON,
            reward=Flat(amount_minor=500),
            pool="welcome",
        ),
        RewardRule(
            rule_id="advocate-tenth",
            on=ConversionKind.PURCHASE,
            to=Side.ADVOCATE,
            kind=RewardKind.CREDIT,
            reward=Percent(rate_bps=1_000, max_minor=2_000),
            hold_days=14,
            min_amount_minor=2_000,
            is_first_purchase_only=True,
            cap=Cap(rewards=50),
        ),
        RewardRule(
            rule_id="friend-thanks",
            on=ConversionKind.PURCHASE,
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
                on=ConversionKind.PURCHASE,
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


@pytest.mark.parametrize("on", ["on", '"on"', "'on'", "On", "ON"])
def test_the_bare_word_on_is_a_name_and_no_boolean(on: str) -> None:
    program = read_program(DOCUMENT.replace("    on:", f"    {on}:"))
    assert program.rules[0].on is ConversionKind.PURCHASE


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
        pytest.param({"budget": 5}, "budget", id="a field nobody reads yet"),
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
            {"rules": [{**RULE, "cap": {"reward": 5}}]}, "rules.0.cap.reward", id="a misspelling"
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
        pytest.param("\x00", id="a null"),
    ],
)
def test_what_is_no_document_is_refused_as_a_whole(text: str) -> None:
    assert fields_at_fault(text) == ["document"]


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=6), values, max_size=3)
    ),
    max_leaves=6,
)


@given(
    field=st.sampled_from([*sorted(yaml.safe_load(DOCUMENT)), "preview", "attribution", "ends_at"]),
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
