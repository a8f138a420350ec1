"""A shop for tests: programs, advocates, friends, orders, with constant times and keys."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from referrals import settings
from referrals.domain.clicks import Click, ClickKey, sealed
from referrals.domain.ids import ProgramId, fingerprint, person_id
from referrals.domain.landings import Landing, ProgramStatus
from referrals.domain.ledger import Place, handed_over_minor
from referrals.domain.programs import Program
from referrals.domain.redemptions import RedemptionReport
from referrals.domain.reports import (
    CustomerDetails,
    EnrolmentReport,
    Evidence,
    PurchaseReport,
    RefundReport,
    SignupReport,
)
from referrals.domain.rewards import Reward
from referrals.domain.rules import (
    POINTS_UNIT,
    Cap,
    Flat,
    Percent,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.store import ledger, rewards
from referrals.store.rewards import RewardKey
from referrals.usecases.answers import Recorded
from referrals.usecases.apply_program import apply_program
from referrals.usecases.enrol_advocate import Enrolled, enrol_advocate
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.keys import Keys, MailKeys
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_refund import record_refund
from referrals.usecases.record_signup import record_signup
from referrals.usecases.redeem_credit import redeem_credit
from referrals.usecases.restore_credit import restore_credit
from referrals.usecases.spendings import Redeemed

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CLICK_KEY = ClickKey("a click key of this test suite")
KEYS = Keys(
    click=(CLICK_KEY,),
    identity=b"an identity key of this test suite",
    signal=(b"a signal key of this test suite",),
)
MAIL_KEYS = MailKeys(identity=KEYS.identity, portal=("a portal key of this test suite",))
TEA = ProgramId("tea")

ADVOCATE_TENTH = RewardRule(
    rule_id="advocate-tenth",
    on=Trigger.PURCHASE,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Percent(rate_bps=1_000),
    hold_days=14,
)
FRIEND_THANKS = RewardRule(
    rule_id="friend-thanks",
    on=Trigger.PURCHASE,
    to=Side.FRIEND,
    kind=RewardKind.CREDIT,
    reward=Flat(amount_minor=300),
    hold_days=14,
)
FRIEND_WELCOME = RewardRule(
    rule_id="friend-welcome",
    on=Trigger.SIGNUP,
    to=Side.FRIEND,
    kind=RewardKind.COUPON,
    reward=Flat(amount_minor=500),
    pool="welcome",
)
ADVOCATE_COUPON = RewardRule(
    rule_id="advocate-coupon",
    on=Trigger.PURCHASE,
    to=Side.ADVOCATE,
    kind=RewardKind.COUPON,
    reward=Flat(amount_minor=400),
    pool="thanks",
)
TWO_SIDED = (FRIEND_WELCOME, ADVOCATE_TENTH, FRIEND_THANKS)


def a_program(
    *, program_id: ProgramId = TEA, rules: Sequence[RewardRule] = TWO_SIDED, currency: str = "EUR"
) -> Program:
    return Program(
        program_id=program_id,
        version=1,
        name="Tea for two",
        shop_name="Samovar",
        currency=currency,
        landing=Landing(
            program_id=program_id,
            status=ProgramStatus.ACTIVE,
            landing_page="https://shop.example/welcome",
            allowed_hosts=("shop.example",),
        ),
        rules=tuple(rules),
    )


def open_shop(*, rules: Sequence[RewardRule] = TWO_SIDED, currency: str = "EUR") -> None:
    """Apply a program, enrol Anna with ANNA10 and Clara with CLARA10."""
    apply_program(a_program(rules=rules, currency=currency), now=NOON)
    enrol("anna", code="ANNA10")
    enrol("clara", code="CLARA10")


def capped(rule: RewardRule, cap: Cap) -> RewardRule:
    return replace(rule, caps=(cap,))


def enrol(
    customer_id: str,
    *,
    code: str | None = None,
    segment: str | None = None,
    now: datetime = NOON,
) -> Enrolled:
    customer = CustomerDetails(
        customer_id=customer_id, email=f"{customer_id}@customer.example", name=customer_id.title()
    )
    report = EnrolmentReport(program_id=TEA, customer=customer, code=code, segment=segment)
    return enrol_advocate(report, keys=KEYS, now=now)


def a_click_of(code: str = "ANNA10", *, at: datetime = NOON) -> str:
    click = Click(code=code, clicked_at=at, channel="email", visitor="00" * 8)
    return sealed(click, key=CLICK_KEY)


def sign_up(
    friend: str = "boris",
    *,
    clicks: Sequence[str] = (),
    codes: Sequence[str] = (),
    occurred_at: datetime | None = NOON,
    now: datetime = NOON,
) -> Recorded:
    details = CustomerDetails(
        customer_id=friend, email=f"{friend}@customer.example", name=friend.title(), locale="en"
    )
    content = f"signup {friend} {clicks} {codes} {occurred_at}"
    report = SignupReport(
        program_id=TEA,
        friend=details,
        evidence=Evidence(clicks=tuple(clicks), codes=tuple(codes)),
        occurred_at=occurred_at,
        fingerprint=fingerprint(content, key=KEYS.identity),
    )
    return record_signup(report, keys=KEYS, now=now)


def buy(
    friend: str = "boris",
    *,
    order_id: str = "A-1",
    amount_minor: int = 5_000,
    currency: str = "EUR",
    clicks: Sequence[str] = (),
    codes: Sequence[str] = (),
    occurred_at: datetime | None = NOON,
    now: datetime = NOON,
) -> Recorded:
    content = f"buy {friend} {order_id} {amount_minor} {currency} {clicks} {codes} {occurred_at}"
    report = PurchaseReport(
        program_id=TEA,
        order_id=order_id,
        friend=CustomerDetails(customer_id=friend),
        amount_minor=amount_minor,
        currency=currency,
        evidence=Evidence(clicks=tuple(clicks), codes=tuple(codes)),
        occurred_at=occurred_at,
        fingerprint=fingerprint(content, key=KEYS.identity),
    )
    return record_purchase(report, keys=KEYS, now=now)


def give_back(
    *,
    order_id: str = "A-1",
    refund_id: str = "R-1",
    amount_minor: int = 1_000,
    currency: str = "EUR",
    occurred_at: datetime | None = NOON,
    now: datetime = NOON,
) -> Recorded:
    content = f"refund {order_id} {refund_id} {amount_minor} {currency} {occurred_at}"
    report = RefundReport(
        program_id=TEA,
        order_id=order_id,
        refund_id=refund_id,
        amount_minor=amount_minor,
        currency=currency,
        occurred_at=occurred_at,
        fingerprint=fingerprint(content, key=KEYS.identity),
    )
    return record_refund(report, now=now)


def spend(
    amount_minor: int | None = None,
    *,
    customer_id: str = "anna",
    reference: str = "S-1",
    unit: str = "EUR",
    item: str | None = None,
    order_id: str | None = None,
    program_id: ProgramId = TEA,
    now: datetime = NOON,
) -> Redeemed:
    """Let a customer spend an amount, or an item's price in points."""
    report = RedemptionReport(
        program_id=program_id,
        customer_id=customer_id,
        reference=reference,
        unit=POINTS_UNIT if item else unit,
        amount_minor=amount_minor,
        item_id=item,
        order_id=order_id,
    )
    return redeem_credit(report, keys=KEYS, now=now)


def restore(reference: str = "S-1", *, customer_id: str = "anna", now: datetime = NOON) -> Redeemed:
    return restore_credit(customer_id, TEA, reference, keys=KEYS, now=now)


def reward_keys(customer_id: str) -> list[RewardKey]:
    return [
        RewardKey(program_id=each.program_id, owner_id=each.owner_id, reward_id=each.reward_id)
        for each in rewards_of(customer_id)
    ]


def fulfil_all(customer_id: str, *, now: datetime) -> None:
    """Take every reward of a customer as far as it goes."""
    for key in reward_keys(customer_id):
        fulfil_reward(key, now=now)


def rewards_of(customer_id: str) -> list[Reward]:
    return rewards.list_of_owner(TEA, person_id(customer_id, key=KEYS.identity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What a customer has, in minor units; a debt is negative.

    `paid` is all that was handed over, also what can still be spent of it.
    """

    held: int = 0
    available: int = 0
    paid: int = 0
    debt: int = 0


def purse_of(customer_id: str, *, unit: str = "EUR") -> Purse:
    balance = ledger.find_balance(TEA, person_id(customer_id, key=KEYS.identity))
    if balance is None:
        return Purse()
    return Purse(
        held=balance.amount(Place.HELD, unit),
        available=balance.amount(Place.AVAILABLE, unit),
        paid=handed_over_minor(balance, unit),
        debt=balance.amount(Place.DEBT, unit),
    )


def credit_of(customer_id: str, *, unit: str = "EUR") -> int:
    """Give what a customer's credit account holds, also when some of it is owed."""
    balance = ledger.find_balance(TEA, person_id(customer_id, key=KEYS.identity))
    return balance.amount(Place.CREDIT, unit) if balance else 0


def dump() -> dict[str, list[Any]]:
    """Give all items of this deployment's tables, in a fixed order, by short name of the table."""
    client: Any = boto3.client("dynamodb")
    found = {}
    for table in TABLES:
        items = client.scan(TableName=settings.table_name(table))["Items"]
        found[table] = sorted(items, key=repr)
    return found


# the tables of infra/state.yaml by their short names; a test holds this list against the template
TABLES = (
    *("advocates", "announced", "balances", "budgets", "conversions", "counters", "coupons"),
    *("details", "differences", "dispatches", "events", "journals", "links", "messages", "people"),
    *("preferences", "programs", "rankings", "redemptions", "referrals", "rewards", "roots"),
    *("signals", "suppressions", "webhook-deliveries", "webhook-endpoints", "webhook-lanes"),
)

LATER = NOON + timedelta(days=15)
