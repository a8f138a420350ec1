"""What operators are told of: once a day while it lasts, and a budget near its limit once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from infra.local import engine
from infra.local.cloud import LocalCloud, forget_caches
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.dispatches import Dispatch, DispatchState, payout_event
from referrals.domain.events import EventName
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import DispatchId, EndpointId, PersonId, RewardId
from referrals.domain.landings import ProgramStatus
from referrals.domain.programs import BudgetTerms
from referrals.domain.reconciliation import Difference, DifferenceKind
from referrals.domain.rules import RewardKind
from referrals.domain.webhooks import DisabledReason, Endpoint, endpoint_event
from referrals.store import coupons, differences, mail_rates, webhooks
from referrals.store.mail_rates import MailDayRow
from referrals.store.transactions import commit
from referrals.usecases.announce_event import announce_event
from referrals.usecases.apply_program import apply_program
from referrals.usecases.watch_programs import watch_programs
from tests import shop
from tests.shop import ADVOCATE_TENTH, FRIEND_WELCOME, MAIL_KEYS, NOON, TEA, buy, enrol

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ENDPOINT = Endpoint(
    endpoint_id=EndpointId("end_1"),
    url="https://hooks.partner.example/sarafan?token=a-secret",
    created_at=NOON,
    failing_since=NOON - DAY,
)


@pytest.fixture(scope="module")
def standing_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(apps=[]) as started:
        yield started


@pytest.fixture(scope="module")
def empty_tables(standing_cloud: LocalCloud) -> Any:
    return engine.copied_tables()


Told = Callable[[], list[str]]


@pytest.fixture
def told(standing_cloud: LocalCloud, empty_tables: Any) -> Told:
    """Give the subjects of what operators were mailed since the test began, in an empty cloud."""
    engine.put_tables(empty_tables)
    forget_caches()
    mail_rates.forget_cached()
    before = len(standing_cloud.mails())

    def subjects() -> list[str]:
        mails = standing_cloud.mails()[before:]
        assert {mail.to for mail in mails} <= {("operator@shop.example",)}
        assert not any("List-Unsubscribe" in mail.headers for mail in mails)
        return [mail.subject.replace("\xa0", " ") for mail in mails]

    return subjects


def watched(now: datetime = NOON) -> int:
    return watch_programs(keys=MAIL_KEYS, now=now)


def something_in_review() -> None:
    fraud = FraudTerms(modes={"too_fast": FraudMode.REVIEW})
    apply_program(replace(shop.a_program(rules=[ADVOCATE_TENTH]), fraud=fraud), now=NOON)
    enrol("anna", code="ANNA10")
    for number, friend in enumerate(("boris", "clara"), 1):
        buy(friend, order_id=f"A-{number}", clicks=[shop.a_click_of(at=NOON)])


def few_coupons() -> None:
    item = CatalogueItem(
        item_id="mug",
        name="A mug",
        points=50,
        kind=RewardKind.GIFT,
        amount_minor=900,
        pool="mugs",
    )
    program = replace(shop.a_program(rules=[FRIEND_WELCOME]), catalogue=(item,), low_stock=3)
    apply_program(program, now=NOON)
    for number in range(3):
        coupons.add(TEA, "mugs", f"MUG-{number}")
    coupons.add(TEA, "welcome", "TEA-1")


def a_budget_nearly_spent() -> None:
    budget = BudgetTerms(total_minor=1_200, per_day_minor=1_000)
    apply_program(replace(shop.a_program(rules=[ADVOCATE_TENTH]), budget=budget), now=NOON)
    enrol("anna", code="ANNA10")
    buy(codes=["ANNA10"], amount_minor=8_000)


def an_open_difference() -> None:
    commit(
        differences.insert(
            Difference(
                difference_id="dif_1",
                provider="tremendous",
                kind=DifferenceKind.AMOUNT,
                dispatch_id=DispatchId("pay_1"),
                reference="T-1",
                ours="5.00 EUR",
                theirs="6.00 EUR",
                found_at=NOON,
            )
        )
    )


def many_bounces() -> None:
    today = date(2026, 5, 4).isoformat()
    MailDayRow(subject="mail", bucket=f"{today}#sent", sent=200).save()
    MailDayRow(subject="mail", bucket=f"{today}#back", bounced=15).save()


@pytest.mark.parametrize(
    ("happening", "subject"),
    [
        (something_in_review, "2 cases to look at: Tea for two"),
        (few_coupons, "1 left in welcome"),
        (an_open_difference, "1 difference with tremendous"),
        (many_bounces, "E-mail: 7."),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_waits_is_told_once_a_day_while_it_lasts(
    told: Told, happening: Callable[[], None], subject: str
) -> None:
    happening()
    numbers = [watched(NOON + hours * HOUR) for hours in (0, 1, 2, 12)]
    assert numbers == [1, 0, 0, 1]
    assert [each.startswith(subject) for each in told()] == [True, True]


def test_a_budget_at_eighty_percent_is_told_once_for_each_of_its_limits(told: Told) -> None:
    a_budget_nearly_spent()
    numbers = [watched(NOON + hours * HOUR) for hours in (0, 1)]
    # eight of ten euro a day are used, and two thirds of all
    assert numbers == [1, 0]
    buy("clara", order_id="A-2", codes=["ANNA10"], amount_minor=2_000)
    assert [watched(NOON + hours * HOUR) for hours in (2, 3)] == [1, 0]
    assert told() == [
        "80% of the budget is used: Tea for two",
        "83.33% of the budget is used: Tea for two",
    ]


def test_nothing_is_told_when_nothing_waits(told: Told) -> None:
    apply_program(shop.a_program(rules=[ADVOCATE_TENTH]), now=NOON)
    assert watched() == 0
    assert told() == []


def test_a_program_that_is_over_wants_no_stock(told: Told) -> None:
    few_coupons()
    program = replace(shop.a_program(rules=[FRIEND_WELCOME]), low_stock=3)
    ended = replace(program.landing, status=ProgramStatus.ENDED)
    apply_program(replace(program, landing=ended), now=NOON)
    assert watched() == 0


def test_a_program_may_want_to_hear_of_no_stock(told: Told) -> None:
    apply_program(replace(shop.a_program(rules=[FRIEND_WELCOME]), low_stock=0), now=NOON)
    assert watched() == 0


def test_without_an_address_of_operators_nothing_is_looked_at(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    something_in_review()
    monkeypatch.delenv("OPERATOR_EMAIL")
    assert watched() == 0


@pytest.mark.parametrize("name", [EventName.WEBHOOK_FAILING, EventName.WEBHOOK_DISABLED])
def test_an_endpoint_that_fails_or_was_disabled_is_told_at_once_and_by_its_host_alone(
    standing_cloud: LocalCloud, told: Told, name: EventName
) -> None:
    commit(webhooks.save_endpoint(ENDPOINT))
    endpoint = replace(ENDPOINT, disabled_reason=DisabledReason.FAILING)
    happened = endpoint_event(name, endpoint, program_id=TEA, now=NOON)
    for _ in range(2):
        announce_event(happened, keys=MAIL_KEYS, now=NOON)
    assert len(told()) == 1
    mail = standing_cloud.mails()[-1]
    assert "hooks.partner.example" in mail.text
    assert "a-secret" not in mail.raw


def of_a_payout(
    name: EventName, number: int, *, provider: str = "tremendous", reason: str | None = None
) -> None:
    payout = Dispatch(
        dispatch_id=DispatchId(f"pay_{number}"),
        program_id=TEA,
        version=1,
        owner_id=PersonId("per_anna"),
        provider=provider,
        reward_ids=(RewardId("rwd_1"),),
        amount_minor=1_200,
        unit="EUR",
        state=DispatchState.UNKNOWN,
        reserved_at=NOON,
        due_at=None,
        reason=reason,
    )
    happened_at = NOON + number * DAY / 2
    happened = payout_event(name, payout, now=happened_at)
    announce_event(happened, keys=MAIL_KEYS, now=happened_at)


def test_payouts_that_are_stuck_and_that_failed_are_told_of_once_a_day_each(told: Told) -> None:
    for number in (0, 0, 1, 2):
        of_a_payout(EventName.PAYOUT_STUCK, number)
        of_a_payout(EventName.PAYOUT_FAILED, number)
    assert told() == [
        "€12 got stuck with tremendous",
        "€12 did not go out by tremendous",
        "€12 got stuck with tremendous",
        "€12 did not go out by tremendous",
    ]


def test_nobody_is_told_of_a_payout_that_people_returned_or_a_refund_stopped(told: Told) -> None:
    of_a_payout(EventName.PAYOUT_FAILED, 1, provider="bank", reason="account closed")
    of_a_payout(EventName.PAYOUT_FAILED, 2, reason="refunded before it was asked for")
    assert told() == []
