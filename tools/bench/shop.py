"""A shop with a two-sided program whose friends sign up and buy, through the use cases."""

from datetime import UTC, datetime, timedelta

from referrals.domain.clicks import Click, ClickKey, sealed
from referrals.domain.ids import ProgramId, fingerprint
from referrals.domain.landings import Landing, ProgramStatus
from referrals.domain.programs import Program
from referrals.domain.reports import (
    CustomerDetails,
    EnrolmentReport,
    Evidence,
    PurchaseReport,
    SignupReport,
)
from referrals.domain.rules import Cap, Flat, Percent, RewardKind, RewardRule, Side, Trigger
from referrals.usecases.apply_program import apply_program
from referrals.usecases.enrol_advocate import enrol_advocate
from referrals.usecases.keys import Keys
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_signup import record_signup

TEA = ProgramId("tea")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEYS = Keys(click=(ClickKey("click key of the benchmark"),), identity=b"identity key")


def open_shop() -> None:
    """Apply a program that gives the advocate a tenth of a purchase and the friend three euro."""
    apply_program(a_program(), now=NOW)


def enrol(advocate: str, code: str, *, program_id: ProgramId = TEA, now: datetime = NOW) -> None:
    customer = _customer(advocate)
    report = EnrolmentReport(program_id=program_id, customer=customer, code=code)
    enrol_advocate(report, keys=KEYS, now=now)


def sign_up(friend: str, code: str, *, program_id: ProgramId = TEA, now: datetime = NOW) -> None:
    """Let a friend sign up who followed an advocate's link a day before."""
    click = Click(code=code, clicked_at=now - timedelta(days=1), channel="email", visitor="00" * 8)
    report = SignupReport(
        program_id=program_id,
        friend=_customer(friend),
        evidence=Evidence(clicks=(sealed(click, key=KEYS.click[0]),)),
        occurred_at=now,
        fingerprint=fingerprint(f"signup {friend}", key=KEYS.identity),
    )
    record_signup(report, keys=KEYS, now=now)


def buy(
    friend: str, *, order: str = "order", program_id: ProgramId = TEA, now: datetime = NOW
) -> None:
    """Let a friend buy, once in each `order`; the purchase must be credited."""
    report = PurchaseReport(
        program_id=program_id,
        order_id=f"{order}-{friend}",
        friend=CustomerDetails(customer_id=friend),
        amount_minor=5_000,
        currency="EUR",
        evidence=Evidence(),
        occurred_at=now,
        fingerprint=fingerprint(f"purchase {order} {friend}", key=KEYS.identity),
    )
    answer = record_purchase(report, keys=KEYS, now=now)
    if answer.outcome != "credited":
        raise RuntimeError(f"the purchase of {friend} is {answer.outcome}")


def _customer(customer_id: str) -> CustomerDetails:
    return CustomerDetails(
        customer_id=customer_id,
        email=f"{customer_id}@customer.example",
        name=customer_id.title(),
        locale="en",
    )


def a_program() -> Program:
    return Program(
        program_id=TEA,
        version=1,
        name="Tea for two",
        shop_name="Samovar",
        currency="EUR",
        landing=Landing(
            program_id=TEA,
            status=ProgramStatus.ACTIVE,
            landing_page="https://shop.example/welcome",
            allowed_hosts=("shop.example",),
        ),
        rules=(
            _rule("advocate-tenth", Side.ADVOCATE, Percent(rate_bps=1_000)),
            _rule("friend-thanks", Side.FRIEND, Flat(amount_minor=300)),
        ),
    )


def _rule(rule_id: str, to: Side, reward: Flat | Percent) -> RewardRule:
    return RewardRule(
        rule_id=rule_id,
        on=Trigger.PURCHASE,
        to=to,
        kind=RewardKind.CREDIT,
        reward=reward,
        hold_days=14,
        min_amount_minor=2_000,
        is_first_purchase_only=True,
        caps=(Cap(rewards=50),),
    )
