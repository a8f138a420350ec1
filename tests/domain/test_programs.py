"""Programs: the terms, what contradicts itself, when they run, where links may lead."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.errors import TermsNotAllowedError
from referrals.domain.programs import (
    AttributionTerms,
    Cap,
    ConversionKind,
    Flat,
    Landing,
    Percent,
    Program,
    ProgramStatus,
    RewardKind,
    RewardRule,
    checked,
    is_web_address,
)
from tests.factories import (
    NOW,
    a_landing,
    a_program,
    a_rule,
    a_thanks_rule,
    a_welcome_rule,
)

A_SECOND = timedelta(seconds=1)


def test_terms_that_make_sense_are_given_back_as_they_are() -> None:
    program = a_program(a_welcome_rule(), a_rule(), a_thanks_rule(min_amount_minor=2_000))
    assert checked(program) is program


CONTRADICTIONS = [
    pytest.param(
        a_program(currency="XAU"), "currency", "is not an ISO 4217 code", id="paid in gold"
    ),
    pytest.param(
        a_program(currency="eur"), "currency", "is not an ISO 4217 code", id="small letters"
    ),
    pytest.param(
        a_program(landing=a_landing(landing_page="https://else.example/")),
        "landing_page",
        "is not on an allowed host",
        id="landing page elsewhere",
    ),
    pytest.param(
        a_program(landing=a_landing(landing_page="/welcome")),
        "landing_page",
        "is not on an allowed host",
        id="landing page without a host",
    ),
    pytest.param(
        a_program(landing=a_landing(fallback_url="https://else.example/")),
        "fallback_url",
        "is not on an allowed host",
        id="fallback elsewhere",
    ),
    pytest.param(
        a_program(landing=a_landing(starts_at=NOW, ends_at=NOW)),
        "ends_at",
        "is not after starts_at",
        id="ends as it starts",
    ),
    pytest.param(
        a_program(attribution=AttributionTerms(window_days=0)),
        "attribution.window_days",
        "is not between 1 and 3650",
        id="no window",
    ),
    pytest.param(
        a_program(attribution=AttributionTerms(window_days=1_000_000)),
        "attribution.window_days",
        "is not between 1 and 3650",
        id="a window that begins before the calendar",
    ),
    pytest.param(
        a_program(*(a_rule(rule_id=f"rule-{number}") for number in range(21))),
        "rules",
        "are more than 20",
        id="more rules than one transaction is for",
    ),
    pytest.param(
        a_program(a_rule(), a_rule()), "rules.1.id", "stands twice", id="two rules of one name"
    ),
    pytest.param(
        a_program(a_rule(reward=Flat(amount_minor=0))),
        "rules.0.reward.amount_minor",
        "is less than 1",
        id="a reward of nothing",
    ),
    pytest.param(
        a_program(a_rule(reward=Percent(rate_bps=0))),
        "rules.0.reward.rate_bps",
        "is not between 1 and 10000",
        id="no percent",
    ),
    pytest.param(
        a_program(a_rule(reward=Percent(rate_bps=10_001))),
        "rules.0.reward.rate_bps",
        "is not between 1 and 10000",
        id="more than was paid",
    ),
    pytest.param(
        a_program(a_rule(reward=Percent(rate_bps=1_000, max_minor=0))),
        "rules.0.reward.max_minor",
        "is less than 1",
        id="at most nothing",
    ),
    pytest.param(
        a_program(a_rule(hold_days=-1)),
        "rules.0.hold_days",
        "is not between 0 and 3650",
        id="a hold that ends before it begins",
    ),
    pytest.param(
        a_program(a_rule(hold_days=1_209_600)),
        "rules.0.hold_days",
        "is not between 0 and 3650",
        id="a hold in seconds",
    ),
    pytest.param(
        a_program(a_rule(min_amount_minor=-1)),
        "rules.0.min_amount_minor",
        "is negative",
        id="a minimum below nothing",
    ),
    pytest.param(
        a_program(a_rule(cap=Cap(rewards=0))),
        "rules.0.cap.rewards",
        "is less than 1",
        id="a cap of no rewards",
    ),
    pytest.param(
        a_program(a_rule(cap=Cap(amount_minor=0))),
        "rules.0.cap.amount_minor",
        "is less than 1",
        id="a cap of nothing",
    ),
    pytest.param(
        a_program(replace(a_welcome_rule(), min_amount_minor=1)),
        "rules.0",
        "sets terms of a purchase for a sign-up",
        id="a minimum for a sign-up",
    ),
    pytest.param(
        a_program(replace(a_welcome_rule(), is_first_purchase_only=True)),
        "rules.0",
        "sets terms of a purchase for a sign-up",
        id="first purchase of a sign-up",
    ),
    pytest.param(
        a_program(a_rule(on=ConversionKind.SIGNUP)),
        "rules.0.reward",
        "is a percentage, and a sign-up has no amount",
        id="a tenth of a sign-up",
    ),
    pytest.param(
        a_program(a_rule(kind=RewardKind.COUPON, pool="welcome")),
        "rules.0.reward",
        "is a percentage, and a coupon has one value",
        id="a tenth as a coupon",
    ),
    pytest.param(
        a_program(a_welcome_rule(pool=None)),
        "rules.0.pool",
        "is missing: a coupon comes from a pool",
        id="a coupon from nowhere",
    ),
    pytest.param(
        a_program(replace(a_welcome_rule(), cap=Cap(amount_minor=700))),
        "rules.0.cap.amount_minor",
        "would cut a coupon, which has one value",
        id="a cap that leaves part of a coupon",
    ),
]


def test_a_program_may_have_twenty_rules() -> None:
    program = a_program(*(a_rule(rule_id=f"rule-{number}") for number in range(20)))
    assert checked(program) is program


@pytest.mark.parametrize(("program", "field", "says"), CONTRADICTIONS)
def test_terms_that_contradict_themselves_name_the_field(
    program: Program, field: str, says: str
) -> None:
    with pytest.raises(TermsNotAllowedError) as refused:
        checked(program)
    assert [(fault.field, fault.says) for fault in refused.value.faults] == [(field, says)]


def test_every_fault_of_the_terms_is_named_at_once() -> None:
    program = a_program(a_rule(hold_days=-1), a_welcome_rule(pool=None), currency="EURO")
    with pytest.raises(TermsNotAllowedError) as refused:
        checked(program)
    assert [fault.field for fault in refused.value.faults] == [
        "currency",
        "rules.0.hold_days",
        "rules.1.pool",
    ]


@given(
    hold_days=st.integers(min_value=-(10**12), max_value=10**12),
    window_days=st.integers(min_value=-(10**12), max_value=10**12),
)
def test_days_that_are_allowed_stay_within_the_calendar(hold_days: int, window_days: int) -> None:
    program = a_program(
        a_rule(hold_days=hold_days), attribution=AttributionTerms(window_days=window_days)
    )
    try:
        checked(program)
    except TermsNotAllowedError:
        return
    assert program.rules[0].hold + NOW >= NOW
    assert NOW - program.attribution.window < NOW


@pytest.mark.parametrize(
    ("landing", "is_running"),
    [
        pytest.param(a_landing(), True, id="without dates"),
        pytest.param(a_landing(starts_at=NOW), True, id="in its first moment"),
        pytest.param(a_landing(starts_at=NOW + A_SECOND), False, id="a second before it starts"),
        pytest.param(a_landing(ends_at=NOW + A_SECOND), True, id="a second before it ends"),
        pytest.param(a_landing(ends_at=NOW), False, id="at its end"),
        pytest.param(a_landing(status=ProgramStatus.PAUSED), False, id="paused"),
        pytest.param(a_landing(status=ProgramStatus.ENDED), False, id="ended"),
        pytest.param(
            a_landing(status=ProgramStatus.PAUSED, starts_at=NOW), False, id="paused as it starts"
        ),
    ],
)
def test_a_program_runs_from_its_start_until_just_before_its_end(
    landing: Landing, *, is_running: bool
) -> None:
    assert landing.is_running(NOW) is is_running


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/",
        "https://shop.example",
        "http://shop.example/sale?x=1#top",
        "https://SHOP.example/",
        "https://shop.example:8443/",
    ],
)
def test_a_link_may_lead_to_an_allowed_host(url: str) -> None:
    landing = a_landing(allowed_hosts=("shop.example", "shop.example:8443"))
    assert landing.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://evil.example/", id="another host"),
        pytest.param("https://shop.example.evil.example/", id="the host as a subdomain"),
        pytest.param("https://evil-shop.example/", id="the host as an ending"),
        pytest.param("https://evil.example/?shop.example", id="the host in the query"),
        pytest.param("https://evil.example#@shop.example", id="the host in the fragment"),
        pytest.param("https://shop.example@evil.example/", id="the host as a user"),
        pytest.param("https://user@shop.example/", id="a user at the host"),
        pytest.param("https://shop.example:444/", id="another port"),
        pytest.param("https://shop.example:99999/", id="a port that is none"),
        pytest.param("https://shop.example\\@evil.example/", id="a backslash"),
        pytest.param("//shop.example/", id="no scheme"),
        pytest.param("/welcome", id="a path"),
        pytest.param("javascript:alert(1)//shop.example", id="a script"),
        pytest.param("data:text/html,shop.example", id="data"),
        pytest.param("https:///shop.example", id="no host"),
        pytest.param("https://shop.example/\r\nSet-Cookie: a=b", id="a second header"),
        pytest.param("https://shop.example/\r", id="a bare carriage return"),
        pytest.param("https://shop.example/a b", id="a space"),
        pytest.param("https://shop.example/\x00", id="a null"),
        pytest.param("https://\u0455hop.example/", id="a letter that only looks like one"),
        pytest.param("https://[::1/", id="a broken address"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_link_may_lead_nowhere_else(url: str) -> None:
    assert not a_landing().allows(url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://user@shop.example/", id="a user"),
        pytest.param("https://user:word@shop.example/", id="a user and a password"),
        pytest.param("https://shop.example/\\evil.example", id="a backslash in the path"),
        pytest.param("https://shop.example/a b", id="a space"),
        pytest.param("https://shop.example/\t", id="a tab"),
        pytest.param("https://shop.example/\u0447\u0430\u0439", id="letters that need escaping"),
        pytest.param("https://shop.example:port/", id="a port by name"),
        pytest.param("ftp://shop.example/", id="another scheme"),
        pytest.param("https://", id="no host"),
    ],
)
def test_an_address_that_browsers_and_servers_may_read_differently_is_none(url: str) -> None:
    assert not is_web_address(url)


@given(st.text(max_size=60))
def test_no_text_that_is_a_web_address_can_end_a_header(text: str) -> None:
    url = f"https://shop.example/{text}"
    assert not (is_web_address(url) and any(sign in url for sign in "\r\n\x00 \\"))


@given(st.text(max_size=60))
def test_any_text_can_be_asked_whether_it_is_a_web_address(text: str) -> None:
    assert is_web_address(text) in {True, False}


def test_rules_are_found_by_what_they_reward() -> None:
    program = a_program(a_welcome_rule(), a_rule(), a_thanks_rule())
    found = [rule.rule_id for rule in program.rules_for(ConversionKind.PURCHASE)]
    assert found == ["advocate-tenth", "friend-thanks"]


def test_a_rule_is_found_by_its_id() -> None:
    program = a_program(a_welcome_rule(), a_rule())
    assert program.rule("friend-welcome") == a_welcome_rule()


def test_a_version_without_a_rule_says_so() -> None:
    program = a_program(a_rule())
    with pytest.raises(KeyError, match="friend-welcome"):
        program.rule("friend-welcome")


def test_days_of_the_terms_are_whole_days() -> None:
    rule: RewardRule = a_rule(hold_days=14)
    assert datetime(2026, 5, 20, 12, tzinfo=UTC) + rule.hold == datetime(2026, 6, 3, 12, tzinfo=UTC)
    assert AttributionTerms(window_days=30).window == timedelta(hours=720)
