"""Programs: the terms, what contradicts itself, when they run, where links may lead."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.errors import TermsNotAllowedError
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import PersonId
from referrals.domain.landings import Landing, Preview, ProgramStatus, is_web_address
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    BudgetTerms,
    ConversionKind,
    Eligibility,
    Experiment,
    Goals,
    PartnerTerms,
    Program,
    ReminderTerms,
    TouchKind,
    Variant,
    Weights,
    checked,
    following,
)
from referrals.domain.rules import (
    Cap,
    Conditions,
    Flat,
    Milestone,
    Period,
    RewardKind,
    RewardRule,
    Trigger,
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


BY_POSITION = AttributionTerms(model=AttributionModel.POSITION)
FIVE_EURO = Flat(amount_minor=500)


def with_terms(*rules: RewardRule, **terms: Any) -> Program:
    return replace(a_program(*rules), **terms)


def an_experiment(**shares_bps: int) -> Experiment:
    return Experiment(
        name="autumn",
        variants=tuple(Variant(name=name, share_bps=share) for name, share in shares_bps.items()),
    )


def numbered_rules(count: int) -> list[RewardRule]:
    return [replace(a_rule(), rule_id=f"rule-{number}") for number in range(count)]


MUG = CatalogueItem(
    item_id="mug", name="A mug", points=300, kind=RewardKind.GIFT, amount_minor=900, pool="mugs"
)
BY_BANK = PayoutTerms(minimum_minor=2_000)
BY_PROVIDER = PayoutTerms(provider=PayoutProvider.TREMENDOUS, products=("CARD",))


def with_item(**changes: Any) -> Program:
    return with_terms(catalogue=(replace(MUG, **changes),))


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
        a_program(landing=a_landing(allowed_hosts=("shop.example", "https://shop.example"))),
        "allowed_hosts.1",
        "is not a host such as shop.example",
        id="an address for a host",
    ),
    pytest.param(
        a_program(landing=a_landing(preview=Preview(image_url="/tea.png"))),
        "preview.image_url",
        "is not an http(s) address",
        id="a picture without a host",
    ),
    pytest.param(
        a_program(landing=a_landing(link_parameter="click")),
        "link_parameter",
        "is the parameter of the click token",
        id="the code in place of the token",
    ),
    pytest.param(
        a_program(attribution=replace(BY_POSITION, weights=Weights(first=50, middle=20, last=40))),
        "attribution.weights",
        "do not add up to 100",
        id="more than all",
    ),
    pytest.param(
        a_program(
            attribution=replace(BY_POSITION, weights=Weights(first=-10, middle=100, last=10))
        ),
        "attribution.weights",
        "do not add up to 100",
        id="less than nothing for the first",
    ),
    pytest.param(
        a_program(attribution=AttributionTerms(weights=Weights(first=50, middle=0, last=50))),
        "attribution.weights",
        "are for position, not for last_click",
        id="weights for the last click",
    ),
    pytest.param(
        a_program(attribution=AttributionTerms(precedence=())),
        "attribution.precedence",
        "is empty or names a kind twice",
        id="nothing counts",
    ),
    pytest.param(
        a_program(attribution=AttributionTerms(precedence=(TouchKind.CLICK, TouchKind.CLICK))),
        "attribution.precedence",
        "is empty or names a kind twice",
        id="clicks before clicks",
    ),
    pytest.param(
        a_program(attribution=AttributionTerms(precedence=(TouchKind.CLICK, TouchKind.MANUAL))),
        "attribution.precedence",
        "names manual, which stands above all",
        id="an operator's word below a click",
    ),
    pytest.param(
        with_terms(eligibility=Eligibility(min_purchases=-1)),
        "eligibility.min_purchases",
        "is negative",
        id="fewer purchases than none",
    ),
    pytest.param(
        with_terms(caps=(Cap(per=Period.DAY, rewards=9), Cap(rewards=5))),
        "caps.0.rewards",
        "is more than the 5 per all_time",
        id="more a day than in all",
    ),
    pytest.param(
        with_terms(budget=BudgetTerms(total_minor=-1)),
        "budget.total_minor",
        "is negative",
        id="a budget below nothing",
    ),
    pytest.param(
        with_terms(budget=BudgetTerms(total_minor=100, per_day_minor=101)),
        "budget.per_day_minor",
        "is more than the total",
        id="more a day than there is",
    ),
    pytest.param(
        with_terms(experiment=Experiment(name="autumn")),
        "experiment",
        "has neither a variant nor a holdout",
        id="a test of nothing",
    ),
    pytest.param(
        with_terms(experiment=an_experiment(a=6_000, b=4_001)),
        "experiment",
        "has shares that are not between 0 and 10000 in all",
        id="more than all advocates",
    ),
    pytest.param(
        with_terms(experiment=an_experiment(holdout=1_000)),
        "experiment.variants",
        "has a name twice, or holdout",
        id="a variant called holdout",
    ),
    pytest.param(
        with_terms(replace(a_rule(), only=Conditions(variants=("double",)))),
        "rules.0.only.variants",
        "are not in the experiment",
        id="a variant without an experiment",
    ),
    pytest.param(
        with_terms(
            replace(a_rule(), only=Conditions(variants=("holdout",))),
            experiment=an_experiment(double=5_000),
        ),
        "rules.0.only.variants",
        "are not in the experiment",
        id="a reward for the holdout",
    ),
    pytest.param(
        with_terms(replace(a_rule(), only=Conditions(channels=("whatsap",)))),
        "rules.0.only.channels",
        "names whatsap, which is no channel",
        id="a misspelt channel",
    ),
    pytest.param(
        with_terms(
            replace(a_rule(), only=Conditions(segments=("vip",))),
            eligibility=Eligibility(segments=("members",)),
        ),
        "rules.0.only.segments",
        "are not among those who may refer",
        id="a reward for who may not refer",
    ),
    pytest.param(
        with_terms(
            replace(a_rule(), only=Conditions(except_segments=("vip", "members"))),
            eligibility=Eligibility(segments=("members",)),
        ),
        "rules.0.only.except_segments",
        "leaves nobody who may refer",
        id="a reward for nobody",
    ),
    pytest.param(
        with_terms(fraud=FraudTerms(modes={"moon_phase": FraudMode.BLOCK})),
        "fraud.moon_phase",
        "names no fraud rule",
        id="a fraud rule that is none",
    ),
    pytest.param(
        with_terms(goals=Goals(purchases=0)), "goals.purchases", "is less than 1", id="no goal"
    ),
    pytest.param(
        with_terms(reminders=ReminderTerms(after_days=(49, 14))),
        "reminders.after_days",
        "does not go up",
        id="reminders that go back",
    ),
    pytest.param(
        with_terms(reminders=ReminderTerms(after_days=(14, 14))),
        "reminders.after_days",
        "does not go up",
        id="two reminders on a day",
    ),
    pytest.param(
        with_terms(reminders=ReminderTerms(after_days=(1, 2, 3, 4, 5, 6, 7))),
        "reminders.after_days",
        "has more than 6",
        id="a reminder a day",
    ),
    pytest.param(
        with_terms(reminders=ReminderTerms(after_days=(0, 30))),
        "reminders.after_days",
        "is not between 1 and 365",
        id="a reminder at once",
    ),
    pytest.param(
        with_terms(reminders=ReminderTerms(after_days=(30, 366))),
        "reminders.after_days",
        "is not between 1 and 365",
        id="a reminder after years",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_BANK, every=PayoutSchedule.WEEKLY, on_day=8)),
        "payouts.on_day",
        "is not between 1 and 7",
        id="the eighth day of the week",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_BANK, on_day=29)),
        "payouts.on_day",
        "is not between 1 and 28",
        id="a day that February has not",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_BANK, every=PayoutSchedule.DAILY, on_day=3)),
        "payouts.on_day",
        "is for weekly and monthly payouts, not for daily",
        id="every day on the third",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_BANK, minimum_minor=-1)),
        "payouts.minimum_minor",
        "is negative",
        id="payouts below nothing",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_BANK, products=("CARD",))),
        "payouts.products",
        "is for tremendous, not for a bank",
        id="gift cards of a bank",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_BANK, funding_source="card-1")),
        "payouts.funding_source",
        "is for tremendous, not for a bank",
        id="a bank that is told where to take it from",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_PROVIDER, campaign_id="C1")),
        "payouts",
        "needs either `products` or `campaign_id`",
        id="products beside a campaign",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_PROVIDER, products=())),
        "payouts",
        "needs either `products` or `campaign_id`",
        id="nothing to choose from",
    ),
    pytest.param(
        with_terms(payouts=replace(BY_PROVIDER, products=("CARD", "CARD"))),
        "payouts.products",
        "names one twice",
        id="a card and the same card",
    ),
    *(
        pytest.param(
            with_terms(partners={"cinema": PartnerTerms(url=url)}),
            "partners.cinema.url",
            "is not an https address without a query",
            id=f"a partner at {url}",
        )
        for url in (
            "http://cinema.example/codes",
            "cinema.example/codes",
            "https://cinema.example/codes?key=1",
            "https://cinema.example/codes#top",
            "https://us@cinema.example/codes",
            "http://localhost.example/codes",
        )
    ),
    pytest.param(
        with_terms(replace(a_rule(), kind=RewardKind.PARTNER, reward=FIVE_EURO, partner="cinema")),
        "rules.0.partner",
        "names cinema, which is none of the partners",
        id="a partner that nobody knows",
    ),
    pytest.param(
        with_item(kind=RewardKind.PARTNER, pool=None, partner="cinema"),
        "catalogue.0.partner",
        "names cinema, which is none of the partners",
        id="an item of a partner that nobody knows",
    ),
    pytest.param(
        with_terms(catalogue=(MUG, replace(MUG, points=100))),
        "catalogue.1.id",
        "stands twice",
        id="two items of one id",
    ),
    pytest.param(
        with_item(points=0), "catalogue.0.points", "is less than 1", id="an item for nothing"
    ),
    pytest.param(
        with_item(amount_minor=0),
        "catalogue.0.amount_minor",
        "is less than 1",
        id="an item worth nothing",
    ),
    pytest.param(
        with_item(kind=RewardKind.POINTS, pool=None),
        "catalogue.0.kind",
        "is points, which are what it is bought with",
        id="points for points",
    ),
    pytest.param(
        with_item(kind=RewardKind.CASH, pool=None),
        "catalogue.0.kind",
        "is cash, and the program has no payouts",
        id="points for cash that nobody pays out",
    ),
    pytest.param(
        with_item(pool=None),
        "catalogue.0.pool",
        "is missing: a gift comes from a pool",
        id="an item from nowhere",
    ),
    pytest.param(
        with_terms(catalogue=tuple(replace(MUG, item_id=f"mug-{number}") for number in range(101))),
        "catalogue",
        "has more than 100 items",
        id="a department store",
    ),
    pytest.param(with_terms(low_stock=-1), "low_stock", "is negative", id="less than no stock"),
    pytest.param(
        with_terms(*numbered_rules(13)),
        "rules",
        "are 13 for one advocate at once, more than 12",
        id="more rules at once than one transaction is for",
    ),
    pytest.param(
        with_terms(
            *numbered_rules(12),
            replace(
                a_rule(rule_id="fifth", reward=FIVE_EURO),
                on=Trigger.MILESTONE,
                milestone=Milestone(every=5),
            ),
        ),
        "rules",
        "are 13 for one advocate at once, more than 12",
        id="a purchase that is a milestone, too",
    ),
    pytest.param(
        with_terms(
            *numbered_rules(6),
            *(
                replace(rule, rule_id=f"{rule.rule_id}-vip", only=Conditions(segments=("vip",)))
                for rule in numbered_rules(7)
            ),
        ),
        "rules",
        "are 13 for one advocate at once, more than 12",
        id="too many for vips",
    ),
    pytest.param(
        a_program(*(replace(a_rule(), rule_id=f"rule-{number}") for number in range(41))),
        "rules",
        "are more than 40",
        id="more rules than decisions are kept of",
    ),
    pytest.param(
        a_program(a_rule(), a_rule()), "rules.1.id", "stands twice", id="two rules of one name"
    ),
    pytest.param(
        a_program(a_rule(), replace(a_rule(), rule_id="other", hold_days=-1)),
        "rules.1.hold_days",
        "is not between 0 and 3650",
        id="what a rule has against itself",
    ),
]


def test_twelve_rules_at_once_are_allowed_and_more_that_exclude_each_other() -> None:
    of_segments = [
        replace(rule, rule_id=f"{rule.rule_id}-{segment}", only=Conditions(segments=(segment,)))
        for rule in numbered_rules(12)
        for segment in ("vip", "staff")
    ]
    of_others = replace(a_rule(rule_id="others"), only=Conditions(except_segments=("vip", "staff")))
    signups = replace(a_welcome_rule(), rule_id="welcome")
    program = a_program(*of_segments, of_others, signups)
    assert checked(program) is program


def test_what_arrives_is_allowed_in_every_way_it_can() -> None:
    program = with_terms(
        replace(a_rule(), kind=RewardKind.PARTNER, reward=FIVE_EURO, partner="cinema"),
        payouts=replace(BY_PROVIDER, every=PayoutSchedule.WEEKLY, on_day=7),
        partners={"cinema": PartnerTerms(url="https://cinema.example:8443/codes")},
        reminders=ReminderTerms(after_days=(1, 2, 3, 4, 5, 365)),
        catalogue=(
            replace(MUG, ships=True),
            replace(MUG, item_id="cash", kind=RewardKind.CASH, pool=None),
            replace(MUG, item_id="coupon", kind=RewardKind.COUPON, pool=None, partner="cinema"),
            replace(MUG, item_id="ticket", kind=RewardKind.PARTNER, pool=None, partner="cinema"),
        ),
        low_stock=0,
    )
    assert checked(program) is program
    assert checked(with_terms(payouts=replace(BY_BANK, on_day=28)))
    assert checked(with_terms(payouts=PayoutTerms(every=PayoutSchedule.DAILY)))
    assert checked(with_terms(reminders=ReminderTerms(after_days=())))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/codes", "http://localhost/codes"])
def test_a_fake_of_a_partner_may_run_beside_us(url: str) -> None:
    assert checked(with_terms(partners={"cinema": PartnerTerms(url=url)}))


LIMITED = {"budget": BudgetTerms(total_minor=100_000)}
PAID_OUT = {"payouts": BY_BANK}


def test_a_version_comes_after_the_live_one() -> None:
    assert following(None, with_terms()).version == 1
    assert following(replace(with_terms(), version=3), with_terms(**LIMITED)).version == 4


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(LIMITED, LIMITED, id="a budget"),
        pytest.param(PAID_OUT, PAID_OUT, id="payouts"),
        pytest.param({}, LIMITED, id="a budget that comes"),
        pytest.param(LIMITED, {}, id="a budget that goes"),
        pytest.param({}, PAID_OUT, id="payouts that come"),
        pytest.param(PAID_OUT, {}, id="payouts that go"),
    ],
)
def test_the_currency_of_what_is_counted_cannot_change(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    changed = with_terms(currency="USD", **after)
    with pytest.raises(TermsNotAllowedError) as refused:
        following(with_terms(**before), changed)
    assert [(fault.field, fault.says) for fault in refused.value.faults] == [
        ("currency", "cannot change once applied: budget and payouts are counted in EUR")
    ]


def test_the_currency_of_promises_alone_can_change() -> None:
    assert following(with_terms(), with_terms(currency="USD")).currency == "USD"


@pytest.mark.parametrize("channel", ["whatsapp", "link", "other", "code", "coupon", "stated"])
def test_a_channel_is_how_a_link_was_shared_or_what_came_in_its_place(channel: str) -> None:
    program = a_program(replace(a_rule(), only=Conditions(channels=(channel,))))
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


def test_milestones_and_leaderboards_are_found_apart() -> None:
    fifth = replace(
        a_rule(rule_id="fifth", reward=FIVE_EURO),
        on=Trigger.MILESTONE,
        milestone=Milestone(every=5),
    )
    program = a_program(a_rule(), fifth)
    assert program.milestones == (fifth,)
    assert program.leaderboards == ()


def test_an_advocate_stays_in_the_variant_drawn_for_them() -> None:
    experiment = Experiment(
        name="autumn",
        variants=(Variant(name="double", share_bps=5_000),),
        holdout_bps=1_000,
    )
    people = [PersonId(f"per_{number}") for number in range(10_000)]
    drawn = [experiment.variant_of(person) for person in people]
    assert drawn == [experiment.variant_of(person) for person in people]
    counts = {name: drawn.count(name) for name in ("holdout", "double", None)}
    assert 900 < counts["holdout"] < 1_100
    assert 4_800 < counts["double"] < 5_200
    assert sum(counts.values()) == 10_000


def test_another_experiment_draws_anew() -> None:
    people = [PersonId(f"per_{number}") for number in range(1_000)]
    autumn = an_experiment(double=5_000)
    winter = replace(autumn, name="winter")
    both = sum(autumn.variant_of(each) == winter.variant_of(each) for each in people)
    assert 400 < both < 600


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
