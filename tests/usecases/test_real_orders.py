"""Two weeks of a real shop: the same money, whatever order its reports arrive in."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import pytest

from infra.local.history import Entry, EntryKind, invented_referrals, read_orders_and_refunds
from referrals.domain.rules import Flat, Percent, RewardKind, RewardRule, Side, Trigger
from referrals.store import ledger
from referrals.usecases.apply_program import apply_program
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop

pytestmark = pytest.mark.usefixtures("tables")

RULES = (
    RewardRule(
        rule_id="advocate-share",
        on=Trigger.PURCHASE,
        to=Side.ADVOCATE,
        kind=RewardKind.CREDIT,
        reward=Percent(rate_bps=750, max_minor=5_000),
        hold_days=30,
    ),
    RewardRule(
        rule_id="friend-thanks",
        on=Trigger.PURCHASE,
        to=Side.FRIEND,
        kind=RewardKind.CREDIT,
        reward=Flat(amount_minor=300),
        min_amount_minor=2_000,
        hold_days=30,
    ),
    RewardRule(
        rule_id="friend-welcome",
        on=Trigger.SIGNUP,
        to=Side.FRIEND,
        kind=RewardKind.CREDIT,
        reward=Flat(amount_minor=500),
    ),
)
ENTRIES = read_orders_and_refunds()
REFERRALS = invented_referrals((entry.customer_id for entry in ENTRIES), 7)
FIRST_SEEN = {entry.customer_id: entry.at for entry in reversed(ENTRIES)}

Report = Callable[[], object]
Timed = tuple[int, Report]


def _code(customer_id: str) -> str:
    return f"SHOP{customer_id}"


def _purchase(entry: Entry) -> Report:
    return lambda: shop.buy(
        entry.customer_id,
        order_id=entry.order_id,
        amount_minor=entry.amount_minor,
        currency="GBP",
        occurred_at=entry.at,
        now=entry.at,
    )


def _refund(entry: Entry) -> Report:
    return lambda: shop.give_back(
        order_id=entry.order_id,
        refund_id=entry.entry_id,
        amount_minor=entry.amount_minor,
        currency="GBP",
        occurred_at=entry.at,
        now=entry.at,
    )


def _signup(friend: str, advocate: str) -> Report:
    at = FIRST_SEEN[friend] - timedelta(minutes=1)
    return lambda: shop.sign_up(friend, codes=[_code(advocate)], occurred_at=at, now=at)


SIGNUPS = [_signup(friend, advocate) for friend, advocate in REFERRALS.items()]
PURCHASES = [_purchase(entry) for entry in ENTRIES if entry.kind is EntryKind.ORDER]
REFUNDS = [_refund(entry) for entry in ENTRIES if entry.kind is EntryKind.REFUND]


def _as_given() -> list[Report]:
    """Give the reports as they happened: a sign-up just before the friend's first order."""
    reports, seen = list[Report](), set[str]()
    for entry in ENTRIES:
        advocate = REFERRALS.get(entry.customer_id)
        if advocate and entry.customer_id not in seen:
            reports.append(_signup(entry.customer_id, advocate))
        seen.add(entry.customer_id)
        reports.append(_purchase(entry) if entry.kind is EntryKind.ORDER else _refund(entry))
    return reports


def _twice(reports: Iterable[Report]) -> list[Report]:
    return [report for each in reports for report in (each, each)]


ARRIVALS: dict[str, Sequence[Report]] = {
    "as given": _as_given(),
    "refunds first, sign-ups last": [*REFUNDS, *PURCHASES, *SIGNUPS],
    "purchases last": [*SIGNUPS, *REFUNDS, *PURCHASES],
    "everything twice": _twice(_as_given()),
}


def _ending() -> dict[str, int]:
    """Add up what all people have, by place; and tell balances apart by their squares."""
    sums = dict.fromkeys(("held", "people", "squares"), 0)
    for balance in ledger.iter_balances():
        held = balance.amounts.get("held:GBP", 0)
        sums["held"] += held
        sums["people"] += bool(held)
        sums["squares"] += held**2
    return sums


@pytest.mark.parametrize(
    "arrival",
    [
        "as given",
        "refunds first, sign-ups last",
        pytest.param("purchases last", marks=pytest.mark.torture),
        pytest.param("everything twice", marks=pytest.mark.torture),
    ],
)
def test_the_real_orders_end_in_the_same_balances_however_they_arrive(arrival: str) -> None:
    apply_program(shop.a_program(rules=RULES, currency="GBP"), now=shop.NOON)
    for advocate in sorted(set(REFERRALS.values())):
        shop.enrol(advocate, code=_code(advocate))
    for report in ARRIVALS[arrival]:
        report()
    result = verify_ledger()
    assert result.faults == ()
    assert result.total("GBP") == 0
    assert _ending() == {"held": 1_028_308, "people": 294, "squares": 125_231_504_766}
