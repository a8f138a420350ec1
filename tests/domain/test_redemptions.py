"""Redemptions: spent once, never below nothing, and told so that they can be rebuilt."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.events import DomainEvent
from referrals.domain.ids import ProgramId
from referrals.domain.ledger import (
    Balance,
    Place,
    Posting,
    handed_over_minor,
    spendable_minor,
)
from referrals.domain.projections import Projections
from referrals.domain.redemptions import (
    Redemption,
    RedemptionOutcome,
    RedemptionReport,
    Refusal,
    Spending,
    item_rule,
    redeem,
    redemption_id_of,
    restore,
)
from referrals.domain.rewards import Reward, RewardState, moved_to
from referrals.domain.rules import RewardKind, Side, Trigger
from tests.factories import (
    ANNA,
    ANNA_AVAILABLE,
    ANNA_CREDIT,
    ANNA_PAID,
    BORIS,
    EXPENSE,
    NOW,
    TEA,
    a_balance,
    a_program,
)

MUG = CatalogueItem(
    item_id="mug", name="A mug", points=30, kind=RewardKind.GIFT, amount_minor=900, pool="mugs"
)
CLUB = replace(a_program(), catalogue=(MUG,))
LATER = NOW + timedelta(hours=1)
FIVE_AND_FIFTY = a_balance(amounts={"credit:EUR": 500, "credit:points": 50})


def a_report(
    amount_minor: int | None = 200,
    *,
    unit: str = "EUR",
    item_id: str | None = None,
    reference: str = "S-1",
) -> RedemptionReport:
    return RedemptionReport(
        program_id=TEA,
        customer_id="anna",
        reference=reference,
        unit=unit,
        amount_minor=amount_minor,
        item_id=item_id,
        order_id="B-1",
        occurred_at=NOW,
    )


A_MUG = a_report(None, unit="points", item_id="mug")


def decided(
    report: RedemptionReport, balance: Balance = FIVE_AND_FIFTY, *, is_in_stock: bool = True
) -> Spending | Refusal:
    return redeem(
        report,
        program=CLUB,
        balance=balance,
        side=Side.ADVOCATE,
        is_in_stock=is_in_stock,
        now=NOW,
    )


def spent(report: RedemptionReport, balance: Balance = FIVE_AND_FIFTY) -> Spending:
    spending = decided(report, balance)
    assert isinstance(spending, Spending)
    return spending


def given_back(redemption: Redemption, balance: Balance, reward: Reward | None = None) -> Spending:
    restored = restore(redemption, reward=reward, balance=balance, now=LATER)
    assert isinstance(restored, Spending)
    return restored


@pytest.mark.parametrize(
    ("amounts", "spendable", "handed_over"),
    [
        pytest.param({}, 0, 0, id="nothing yet"),
        pytest.param({"available:EUR": 500}, 0, 0, id="not handed over"),
        pytest.param({"credit:EUR": 500}, 500, 500, id="all of it"),
        pytest.param({"credit:EUR": 300, "paid:EUR": 200}, 300, 500, id="some is spent"),
        pytest.param({"credit:EUR": 500, "debt:EUR": -200}, 300, 500, id="some is owed"),
        pytest.param({"credit:EUR": 100, "debt:EUR": -200}, 0, 100, id="more is owed than is left"),
        pytest.param({"credit:EUR": 100, "debt:points": -200}, 100, 100, id="other units are owed"),
    ],
)
def test_what_is_owed_is_not_spendable_and_nobody_has_less_than_nothing(
    amounts: dict[str, int], spendable: int, handed_over: int
) -> None:
    balance = a_balance(amounts=amounts)
    assert spendable_minor(balance, "EUR") == spendable
    assert handed_over_minor(balance, "EUR") == handed_over


def test_what_is_spent_moves_from_credit_to_paid() -> None:
    spending = spent(a_report())
    assert spending.journal.postings == (
        Posting(source=ANNA_CREDIT, destination=ANNA_PAID, amount_minor=200, unit="EUR"),
    )
    assert spending.balances[0].amount(Place.CREDIT, "EUR") == 300
    assert (spending.rewards, spending.redemption.outcome) == ((), RedemptionOutcome.REDEEMED)


def test_an_item_is_paid_for_and_promised_in_one_journal() -> None:
    spending = spent(A_MUG)
    assert spending.journal.postings == (
        Posting(source=ANNA_CREDIT, destination=ANNA_PAID, amount_minor=30, unit="points"),
        Posting(source=EXPENSE, destination=ANNA_AVAILABLE, amount_minor=900, unit="EUR"),
    )
    (reward,) = spending.rewards
    assert reward.reward_id == spending.redemption.reward_id
    assert (reward.state, reward.due_at, reward.held_until) == (RewardState.AVAILABLE, NOW, NOW)
    assert (reward.rule_id, reward.trigger, reward.pool) == (
        "catalogue:mug",
        Trigger.REDEMPTION,
        "mugs",
    )
    assert (reward.draws, reward.conversion_id, reward.expires_after_days) == ((), None, None)


@pytest.mark.parametrize(
    ("report", "balance", "refusal"),
    [
        (a_report(501), FIVE_AND_FIFTY, Refusal.INSUFFICIENT_CREDIT),
        (a_report(1, unit="USD"), FIVE_AND_FIFTY, Refusal.INSUFFICIENT_CREDIT),
        (a_report(51, unit="points"), FIVE_AND_FIFTY, Refusal.INSUFFICIENT_CREDIT),
        (A_MUG, a_balance(amounts={"credit:points": 29}), Refusal.INSUFFICIENT_CREDIT),
        (a_report(None, unit="points", item_id="pot"), FIVE_AND_FIFTY, Refusal.NO_SUCH_ITEM),
        (a_report(1, unit="points", item_id="pot"), FIVE_AND_FIFTY, Refusal.NO_SUCH_ITEM),
        (a_report(1), replace(FIVE_AND_FIFTY, is_closed=True), Refusal.NOT_ACTIVE),
    ],
)
def test_a_no_says_why(report: RedemptionReport, balance: Balance, refusal: Refusal) -> None:
    assert decided(report, balance) is refusal


def test_an_item_out_of_stock_is_not_paid_for() -> None:
    assert decided(A_MUG, is_in_stock=False) is Refusal.OUT_OF_STOCK


def test_the_same_reference_is_another_redemption_for_another_customer_or_program() -> None:
    ids = {
        redemption_id_of(TEA, ANNA, "S-1"),
        redemption_id_of(TEA, BORIS, "S-1"),
        redemption_id_of(TEA, ANNA, "S-2"),
        redemption_id_of(ProgramId("coffee"), ANNA, "S-1"),
    }
    assert len(ids) == 4
    assert redemption_id_of(TEA, ANNA, "S-1").startswith("rdm_")


def test_what_is_given_back_can_be_spent_again() -> None:
    spending = spent(a_report())
    restored = given_back(spending.redemption, spending.balances[0])
    assert restored.redemption.outcome is RedemptionOutcome.RESTORED
    assert restored.balances[0].amount(Place.CREDIT, "EUR") == 500
    assert restored.journal.postings == (
        Posting(source=ANNA_PAID, destination=ANNA_CREDIT, amount_minor=200, unit="EUR"),
    )


def test_an_item_is_given_back_together_with_its_reward() -> None:
    spending = spent(A_MUG)
    restored = given_back(spending.redemption, spending.balances[0], spending.rewards[0])
    assert restored.journal.postings == (
        Posting(source=ANNA_PAID, destination=ANNA_CREDIT, amount_minor=30, unit="points"),
        Posting(source=ANNA_AVAILABLE, destination=EXPENSE, amount_minor=900, unit="EUR"),
    )
    assert restored.rewards[0].state is RewardState.VOIDED


def test_an_item_that_somebody_is_handing_over_is_not_given_back() -> None:
    spending = spent(A_MUG)
    claimed = moved_to(spending.rewards[0], RewardState.FULFILLING, due_at=NOW)
    for reward in (claimed, replace(claimed, state=RewardState.FULFILLED), None):
        refusal = restore(
            spending.redemption, reward=reward, balance=spending.balances[0], now=LATER
        )
        assert refusal is Refusal.REWARD_NOT_AVAILABLE


def test_the_terms_of_an_item_are_a_rule_of_its_version_alone() -> None:
    (reward,) = spent(A_MUG).rewards
    rule = item_rule(CLUB, reward)
    assert (rule.rule_id, rule.on, rule.pool) == ("catalogue:mug", Trigger.REDEMPTION, "mugs")
    with pytest.raises(KeyError, match="catalogue:mug"):
        item_rule(a_program(), reward)


def test_the_log_tells_all_of_a_redemption_in_any_order() -> None:
    spending = spent(A_MUG)
    # as the store gives it back: a writing later
    written = replace(spending.rewards[0], revision=1)
    restored = given_back(spending.redemption, spending.balances[0], written)
    events = (*spending.events, *restored.events)
    for order in permutations(events):
        projections = _rebuilt(order)
        assert projections.redemptions == {restored.redemption.redemption_id: restored.redemption}
        ((_, balance),) = projections.balances().items()
        assert (dict(balance.amounts), dict(balance.caps)) == ({}, {})
    assert _rebuilt(spending.events).balances()[TEA, ANNA].amounts == {
        "credit:points": -30,
        "paid:points": 30,
        "available:EUR": 900,
    }


def _rebuilt(events: tuple[DomainEvent, ...]) -> Projections:
    projections = Projections(lambda _program_id, _version: CLUB)
    for event in events:
        projections.take(event)
    return projections


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 300), st.integers(0, 9)), max_size=30))
def test_whatever_is_spent_and_given_back_credit_is_what_was_not_spent(
    asked: list[tuple[bool, int, int]],
) -> None:
    balance, standing = FIVE_AND_FIFTY, Counter[str]()
    known: list[Redemption] = []
    for number, (is_back, amount_minor, which) in enumerate(asked):
        if is_back and known:
            redemption = known.pop(which % len(known))
            (balance,) = given_back(redemption, balance).balances
            del standing[redemption.reference]
        else:
            spending = decided(a_report(amount_minor, reference=f"S-{number}"), balance)
            if isinstance(spending, Spending):
                (balance,) = spending.balances
                known.append(spending.redemption)
                standing[f"S-{number}"] = amount_minor
        assert balance.amount(Place.CREDIT, "EUR") == 500 - standing.total() >= 0
        assert handed_over_minor(balance, "EUR") == 500
