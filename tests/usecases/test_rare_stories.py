"""Stories that happen to one shop in a thousand: the money is right in them, too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import boto3
import pytest

from infra.local import templates
from referrals import settings
from referrals.domain import milestones
from referrals.domain.conversions import ReviewState
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import fingerprint
from referrals.domain.programs import AttributionModel, AttributionTerms, BudgetTerms
from referrals.domain.reports import ChargebackReport, ChargebackStatus
from referrals.domain.rules import (
    Cap,
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
from referrals.usecases.apply_program import apply_program
from referrals.usecases.award_prizes import award_prizes
from referrals.usecases.record_chargeback import record_chargeback
from referrals.usecases.replay_log import replay_log
from referrals.usecases.review_conversion import review_conversion
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.shop import KEYS, NOON, TEA, Purse, a_click_of, buy, enrol, give_back, purse_of, sign_up

pytestmark = pytest.mark.usefixtures("tables")

FIVE_EURO = RewardRule(
    rule_id="five-euro",
    on=Trigger.PURCHASE,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Flat(amount_minor=500),
)
A_TENTH = replace(FIVE_EURO, rule_id="tenth", reward=Percent(rate_bps=1_000))
FIRST = replace(
    FIVE_EURO, rule_id="first", on=Trigger.MILESTONE, milestone=Milestone(count=Counted.PURCHASES)
)
AT_ONE = replace(FIRST, milestone=Milestone(at=(1,)))
BY_SHARE = AttributionTerms(model=AttributionModel.LINEAR)
LOST, WON = ChargebackStatus.LOST, ChargebackStatus.WON


def dispute(
    status: ChargebackStatus, *, amount_minor: int = 5_000, chargeback_id: str = "D-1"
) -> None:
    content = f"chargeback {chargeback_id} {amount_minor}"
    report = ChargebackReport(
        program_id=TEA,
        order_id="A-1",
        chargeback_id=chargeback_id,
        amount_minor=amount_minor,
        currency="EUR",
        status=status,
        occurred_at=NOON,
        fingerprint=fingerprint(content, key=KEYS.identity),
    )
    record_chargeback(report, now=NOON)


def assert_sound() -> None:
    assert verify_ledger().faults == ()
    assert replay_log().faults == ()


def standing(customer_id: str) -> list[int]:
    return [reward.remaining_minor for reward in shop.rewards_of(customer_id)]


def test_half_a_reward_that_is_won_back_is_no_second_one_for_the_caps() -> None:
    shop.open_shop(rules=[replace(A_TENTH, caps=(Cap(per=Period.DAY, rewards=2),))])
    buy(codes=["ANNA10"])
    dispute(LOST, amount_minor=2_500)
    dispute(WON, amount_minor=2_500)
    assert standing("anna") == [250, 250]
    assert_sound()
    buy("dora", order_id="A-2", codes=["ANNA10"])
    buy("egor", order_id="A-3", codes=["ANNA10"])
    assert purse_of("anna") == Purse(held=1_000)
    assert_sound()


def test_a_milestone_that_counts_something_else_from_now_on_is_another_one() -> None:
    shop.open_shop(rules=[replace(FIRST, milestone=Milestone(count=Counted.SIGNUPS, at=(1,)))])
    sign_up(codes=["ANNA10"])
    apply_program(shop.a_program(rules=[AT_ONE]), now=NOON)
    buy()
    assert purse_of("anna") == Purse(held=1_000)
    assert_sound()


def test_a_milestone_too_old_to_have_a_mark_is_not_promised_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(milestones, "_MOST_MARKS", 2)
    shop.open_shop(rules=[replace(FIRST, milestone=Milestone(every=1))])
    sign_up(codes=["ANNA10"])
    for number in range(1, 5):
        buy(order_id=f"A-{number}")
    assert_sound()
    for number in range(1, 4):
        give_back(order_id=f"A-{number}", amount_minor=5_000)
    assert purse_of("anna") == Purse(held=1_000)
    buy(order_id="A-5")
    assert purse_of("anna") == Purse(held=1_000)
    buy(order_id="A-6")
    assert purse_of("anna") == Purse(held=1_500)
    assert_sound()


def test_a_milestone_that_is_won_back_in_review_is_paid_once_it_is_approved() -> None:
    too_fast = FraudTerms(modes={"too_fast": FraudMode.REVIEW})
    apply_program(replace(shop.a_program(rules=[AT_ONE]), fraud=too_fast), now=NOON)
    enrol("anna", code="ANNA10")
    bought = buy(clicks=[a_click_of()])
    dispute(LOST)
    dispute(WON)
    review_conversion(
        bought.conversion_id, ReviewState.APPROVED, actor="vera", reason="a gift", now=NOON
    )
    assert purse_of("anna") == Purse(held=500)
    assert_sound()


def test_shares_of_a_reward_end_the_same_whatever_refund_comes_first() -> None:
    apply_program(replace(shop.a_program(rules=[A_TENTH]), attribution=BY_SHARE), now=NOON)
    for name in ("anna", "boris", "clara"):
        enrol(name, code=f"{name.upper()}10")
    followed = ["ANNA10", "BORIS10"] * 3 + ["CLARA10"]
    clicks = [
        a_click_of(code, at=NOON - timedelta(hours=hours)) for hours, code in enumerate(followed, 1)
    ]
    for order_id, refunds in zip(("A-1", "A-2"), permutations((30, 10)), strict=True):
        buy(f"friend-{order_id}", order_id=order_id, amount_minor=140, clicks=clicks)
        for amount_minor in refunds:
            give_back(order_id=order_id, refund_id=f"R-{amount_minor}", amount_minor=amount_minor)
    assert standing("anna") == [5, 5]
    assert standing("boris") == [4, 4]
    assert standing("clara") == [1, 1]
    assert_sound()


def test_a_flat_tier_stays_whole_beside_a_tier_that_is_a_share() -> None:
    tiers = (
        Tier(from_count=1, amount=Flat(amount_minor=500)),
        Tier(from_count=2, amount=Percent(rate_bps=1_000)),
    )
    shop.open_shop(rules=[replace(FIVE_EURO, reward=Tiers(tiers=tiers))])
    buy(codes=["ANNA10"])
    buy(order_id="A-2")
    give_back(amount_minor=2_500)
    give_back(order_id="A-2", amount_minor=2_500)
    assert purse_of("anna") == Purse(held=750)
    assert_sound()


def test_a_milestone_of_another_currency_gives_its_place_in_the_caps_back() -> None:
    shop.open_shop(rules=[AT_ONE])
    buy(order_id="A-1", codes=["ANNA10"])
    apply_program(shop.a_program(rules=[AT_ONE], currency="USD"), now=NOON)
    buy("dora", order_id="A-2", currency="USD", codes=["ANNA10"])
    give_back(order_id="A-1", amount_minor=5_000)
    give_back(order_id="A-2", amount_minor=5_000, currency="USD")
    assert purse_of("anna") == Purse()
    assert_sound()


def test_a_reward_may_be_lost_and_won_more_often_than_one_read_takes() -> None:
    rules = [replace(A_TENTH, rule_id=f"tenth-{number}") for number in range(12)]
    shop.open_shop(rules=rules)
    buy(codes=["ANNA10"])
    for number in range(9):
        dispute(LOST, chargeback_id=f"D-{number}")
        dispute(WON, chargeback_id=f"D-{number}")
    assert purse_of("anna") == Purse(held=6_000)
    assert_sound()


def test_a_budget_that_was_taken_back_is_rebuilt_with_what_was_drawn_from_it() -> None:
    limited = replace(shop.a_program(rules=[FIVE_EURO]), budget=BudgetTerms(total_minor=1_000))
    apply_program(limited, now=NOON)
    enrol("anna", code="ANNA10")
    buy(codes=["ANNA10"])
    apply_program(replace(limited, budget=BudgetTerms()), now=NOON)
    templates.create_tables("sarafan-rebuilt-")
    assert replay_log(into="sarafan-rebuilt-").faults == ()


def test_a_month_of_a_leaderboard_that_was_quarterly_is_won() -> None:
    board = replace(
        FIVE_EURO,
        rule_id="best",
        on=Trigger.PERIOD_END,
        reward=Places(amounts_minor=(1_000,)),
        leaderboard=Leaderboard(per=Period.QUARTER),
    )
    shop.open_shop(rules=[board])
    for month in (1, 4, 7):
        at = datetime(2026, month, 5, tzinfo=UTC)
        buy(order_id=f"A-{month}", codes=["ANNA10"], occurred_at=at, now=at)
    october = datetime(2026, 10, 5, tzinfo=UTC)
    monthly = replace(board, leaderboard=Leaderboard(per=Period.MONTH))
    apply_program(shop.a_program(rules=[monthly]), now=october)
    buy(order_id="A-10", occurred_at=october, now=october)
    award_prizes(now=datetime(2026, 11, 3, tzinfo=UTC))
    assert [prize.step for prize in shop.rewards_of("anna")] == [1, 1]  # of Q3 and of October
    assert_sound()


def test_cash_that_was_netted_in_part_goes_on_after_its_tables_were_rebuilt() -> None:
    small = replace(FIVE_EURO, rule_id="small", reward=Flat(amount_minor=100), max_amount_minor=999)
    cash = replace(A_TENTH, rule_id="cash", kind=RewardKind.CASH, min_amount_minor=1_000)
    shop.open_shop(rules=[small, cash])

    def owe(order_id: str) -> None:
        buy(order_id=order_id, amount_minor=900, codes=["ANNA10"])
        shop.fulfil_all("anna", now=NOON)
        give_back(order_id=order_id, amount_minor=900)

    owe("A-1")
    buy(order_id="A-2", amount_minor=5_000)
    shop.fulfil_all("anna", now=NOON)
    owe("A-3")
    assert purse_of("anna") == Purse(available=400, paid=200, debt=-100)
    _rebuild()
    give_back(order_id="A-2", amount_minor=500)
    shop.fulfil_all("anna", now=NOON)
    assert purse_of("anna") == Purse(available=250, paid=200)
    assert_sound()


def _rebuild() -> None:
    """Put rebuilt rows in the place of the stored ones, as after the loss of these tables."""
    prefix = "sarafan-rebuilt-"
    templates.create_tables(prefix)
    assert replay_log(into=prefix).faults == ()
    client = boto3.client("dynamodb")
    for table in ("rewards", "referrals", "balances"):
        name = settings.table_name(table)
        rebuilt = client.scan(TableName=f"{prefix}{table}")["Items"]
        for item in rebuilt:
            client.put_item(TableName=name, Item=item)
