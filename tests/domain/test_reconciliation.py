"""Reconciliation: each difference between the two books is found, and nothing else."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from referrals.domain.dispatches import Dispatch, DispatchState
from referrals.domain.ids import DispatchId, PersonId, ProgramId, RewardId
from referrals.domain.providers import TheirOrder, TheirStatus
from referrals.domain.reconciliation import Difference, compare, difference_with
from tests.shop import NOON

YESTERDAY = NOON - timedelta(days=1)


def a_payout(
    number: int = 1,
    *,
    state: DispatchState = DispatchState.SETTLED,
    amount_minor: int = 1_250,
    unit: str = "EUR",
) -> Dispatch:
    return Dispatch(
        dispatch_id=DispatchId(f"pay_{number}"),
        program_id=ProgramId("tea"),
        version=1,
        owner_id=PersonId(f"per_{number}"),
        provider="tremendous",
        reward_ids=(RewardId(f"rwd_{number}"),),
        amount_minor=amount_minor,
        unit=unit,
        state=state,
        reserved_at=YESTERDAY,
        due_at=None,
        asked_at=YESTERDAY,
        reference=f"ORDER{number}",
    )


def an_order(
    number: int = 1,
    *,
    status: TheirStatus = TheirStatus.DONE,
    amount_minor: int = 1_250,
    unit: str = "EUR",
    reference: str | None = None,
) -> TheirOrder:
    return TheirOrder(
        external_id=f"pay_{number}",
        reference=reference or f"ORDER{number}",
        amount_minor=amount_minor,
        unit=unit,
        status=status,
        created_at=YESTERDAY,
    )


def kinds(found: list[Difference]) -> list[str]:
    return [each.kind for each in found]


def test_books_that_agree_have_no_difference() -> None:
    assert compare([a_payout()], [an_order()], now=NOON) == []
    assert compare([], [], now=NOON) == []


def test_a_payout_that_they_know_nothing_of_is_missing() -> None:
    (found,) = compare([a_payout()], [], now=NOON)

    assert (found.kind, found.dispatch_id, found.reference) == ("missing", "pay_1", "ORDER1")
    assert (found.ours, found.theirs) == ("12.50 EUR, settled", "nothing")
    assert (found.provider, found.found_at, found.resolved_at) == ("tremendous", NOON, None)


def test_an_order_that_we_know_nothing_of_is_extra() -> None:
    (found,) = compare([], [an_order()], now=NOON)

    assert (found.kind, found.dispatch_id, found.reference) == ("extra", None, "ORDER1")
    assert (found.ours, found.theirs) == ("nothing", "12.50 EUR under pay_1")


def test_another_amount_is_a_difference() -> None:
    (found,) = compare([a_payout()], [an_order(amount_minor=1_251)], now=NOON)

    assert (found.kind, found.ours, found.theirs) == ("amount", "12.50 EUR", "12.51 EUR")


def test_another_currency_is_one_difference_whatever_the_amount() -> None:
    (found,) = compare([a_payout()], [an_order(unit="USD", amount_minor=1)], now=NOON)

    assert (found.kind, found.ours, found.theirs) == ("currency", "12.50 EUR", "0.01 USD")


def test_two_live_orders_under_one_id_are_one_difference() -> None:
    theirs = [an_order(reference="ORDER8"), an_order()]

    (found,) = compare([a_payout()], theirs, now=NOON)

    assert (found.kind, found.dispatch_id) == ("duplicate", "pay_1")
    assert found.theirs == "ORDER1 12.50 EUR, ORDER8 12.50 EUR"


def test_an_order_that_was_cancelled_beside_the_live_one_is_no_difference() -> None:
    theirs = [an_order(reference="ORDER8", status=TheirStatus.FAILED), an_order()]

    assert compare([a_payout()], theirs, now=NOON) == []


DONE, PENDING, FAILED = TheirStatus.DONE, TheirStatus.PENDING, TheirStatus.FAILED


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ("reserved", None, []),
        ("reserved", DONE, []),  # it is asked for again, under the same id
        ("reserved", FAILED, []),
        ("asking", None, []),
        ("asking", DONE, []),
        ("asking", FAILED, []),
        ("unknown", None, []),  # it is being looked up
        ("unknown", DONE, []),
        ("unknown", FAILED, []),
        ("asked", None, ["missing"]),
        ("asked", PENDING, []),
        ("asked", DONE, []),
        ("asked", FAILED, []),  # the next look releases it
        ("frozen", None, ["missing"]),
        ("frozen", DONE, []),
        ("confirmed", None, ["missing"]),
        ("confirmed", DONE, []),
        ("confirmed", FAILED, ["status"]),
        ("settled", None, ["missing"]),
        ("settled", PENDING, []),
        ("settled", DONE, []),
        ("settled", FAILED, ["status"]),
        ("refused", None, []),
        ("refused", PENDING, ["status"]),
        ("refused", DONE, ["status"]),
        ("refused", FAILED, []),
        ("released", None, []),
        ("released", PENDING, ["status"]),
        ("released", DONE, ["status"]),
        ("released", FAILED, []),
    ],
)
def test_a_state_here_and_a_status_there(
    ours: str, theirs: TheirStatus | None, difference: list[str]
) -> None:
    orders = [] if theirs is None else [an_order(status=theirs)]

    assert kinds(compare([a_payout(state=DispatchState(ours))], orders, now=NOON)) == difference


def test_what_failed_under_an_id_that_nobody_knows_moved_no_money() -> None:
    assert compare([], [an_order(status=TheirStatus.FAILED)], now=NOON) == []


def test_orders_of_others_in_the_same_account_are_theirs() -> None:
    other = replace(an_order(), external_id="gift-7")
    nameless = replace(an_order(), external_id="")

    assert compare([], [other, nameless], now=NOON) == []


def test_an_order_in_our_campaign_without_our_id_is_extra() -> None:
    order = replace(an_order(), external_id="for anna", details={"campaign_id": "C1"})

    (found,) = compare([], [order], now=NOON, campaigns=frozenset({"C1"}))

    assert (found.kind, found.theirs) == ("extra", "12.50 EUR under no id of ours")
    assert compare([], [order], now=NOON, campaigns=frozenset({"C2"})) == []


def test_what_is_younger_than_an_hour_is_left_for_the_next_night() -> None:
    young = NOON - timedelta(minutes=59)

    assert compare([replace(a_payout(), asked_at=young)], [], now=NOON) == []
    assert compare([], [replace(an_order(), created_at=young)], now=NOON) == []


def test_what_is_an_hour_old_is_compared() -> None:
    old = NOON - timedelta(hours=1)

    assert kinds(compare([replace(a_payout(), asked_at=old)], [], now=NOON)) == ["missing"]
    assert kinds(compare([], [replace(an_order(), created_at=old)], now=NOON)) == ["extra"]


def test_what_was_asked_for_before_their_list_begins_is_not_missed() -> None:
    assert compare([a_payout()], [], now=NOON, since=YESTERDAY + timedelta(seconds=1)) == []
    assert kinds(compare([a_payout()], [], now=NOON, since=YESTERDAY)) == ["missing"]


def test_payouts_by_another_provider_are_not_compared() -> None:
    assert compare([replace(a_payout(), provider="bank")], [], now=NOON) == []


def test_the_same_difference_is_the_same_the_next_night() -> None:
    (tonight,) = compare([a_payout()], [], now=NOON)
    (tomorrow,) = compare([a_payout()], [], now=NOON + timedelta(days=1))

    assert tonight.difference_id == tomorrow.difference_id


def test_a_difference_that_changes_on_their_side_comes_up_anew() -> None:
    (first,) = compare([a_payout()], [an_order(amount_minor=1)], now=NOON)
    (second,) = compare([a_payout()], [an_order(amount_minor=2)], now=NOON)

    assert first.difference_id != second.difference_id


@pytest.mark.parametrize(
    "order",
    [
        an_order(amount_minor=1),
        an_order(unit="USD"),
        an_order(amount_minor=2_500, reference="ORDER1 ORDER2"),
    ],
)
def test_what_was_noticed_by_day_is_the_same_difference_at_night(order: TheirOrder) -> None:
    payout = a_payout(state=DispatchState.FROZEN)
    references = order.reference.split()
    theirs = [
        replace(order, reference=each, amount_minor=order.amount_minor // len(references))
        for each in references
    ]

    (at_night,) = compare([payout], theirs, now=NOON)

    assert difference_with(payout, order, now=NOON).difference_id == at_night.difference_id


def test_an_order_that_is_gone_is_the_same_difference_at_night() -> None:
    (at_night,) = compare([a_payout(state=DispatchState.FROZEN)], [], now=NOON)
    by_day = difference_with(a_payout(state=DispatchState.ASKED), None, now=NOON)

    assert by_day.difference_id == at_night.difference_id


def test_an_order_of_another_is_told_with_the_dispatch_that_asked() -> None:
    found = difference_with(a_payout(), an_order(2), now=NOON)

    assert (found.kind, found.dispatch_id, found.reference) == ("extra", "pay_1", "ORDER2")


def test_an_order_as_it_should_be_is_no_difference() -> None:
    with pytest.raises(ValueError, match="nothing differs of pay_1"):
        difference_with(a_payout(), an_order(), now=NOON)


@dataclass(slots=True)
class Books:
    """Two books that agree, into which differences are put; `expected` are those."""

    draw: random.Random
    ours: list[Dispatch] = field(default_factory=list)
    theirs: list[TheirOrder] = field(default_factory=list)
    expected: set[tuple[str, str]] = field(default_factory=set)

    def write(self, count: int) -> None:
        for number in range(count):
            payout = a_payout(
                number,
                state=self.draw.choice(
                    [DispatchState.ASKED, DispatchState.CONFIRMED, DispatchState.SETTLED]
                ),
                amount_minor=self.draw.randint(1, 100_000),
                unit=self.draw.choice(["EUR", "GBP", "JPY"]),
            )
            self.ours.append(payout)
            self.theirs.append(an_order(number, amount_minor=payout.amount_minor, unit=payout.unit))

    def lose(self, at: int) -> None:
        self.expect("missing", at)
        self.theirs[at] = replace(self.theirs[at], status=TheirStatus.FAILED, external_id="gift-1")

    def forget(self, at: int) -> None:
        self.expected.add(("extra", self.theirs[at].reference))
        self.ours[at] = replace(self.ours[at], dispatch_id=DispatchId("pay_of_another_year"))
        self.ours[at] = replace(self.ours[at], state=DispatchState.RELEASED)

    def change_the_amount(self, at: int) -> None:
        self.expect("amount", at)
        more = self.draw.choice([-1, 1, 100])
        self.theirs[at] = replace(self.theirs[at], amount_minor=self.theirs[at].amount_minor + more)

    def change_the_currency(self, at: int) -> None:
        self.expect("currency", at)
        self.theirs[at] = replace(self.theirs[at], unit="USD")

    def fail(self, at: int) -> None:
        self.expect("status", at)
        self.ours[at] = replace(self.ours[at], state=DispatchState.SETTLED)
        self.theirs[at] = replace(self.theirs[at], status=TheirStatus.FAILED)

    def give_up(self, at: int) -> None:
        self.expect("status", at)
        self.ours[at] = replace(self.ours[at], state=DispatchState.RELEASED)

    def double(self, at: int) -> None:
        self.expect("duplicate", at)
        self.theirs.append(replace(self.theirs[at], reference=f"{self.theirs[at].reference}B"))

    def expect(self, kind: str, at: int) -> None:
        self.expected.add((kind, self.ours[at].dispatch_id))


INJECTIONS: tuple[Callable[[Books, int], None], ...] = (
    Books.lose,
    Books.forget,
    Books.change_the_amount,
    Books.change_the_currency,
    Books.fail,
    Books.give_up,
    Books.double,
)


@pytest.mark.parametrize("seed", range(300))
def test_what_was_put_into_the_books_is_found_exactly(seed: int) -> None:
    draw = random.Random(seed)
    books = Books(draw)
    books.write(draw.randint(1, 60))
    places = draw.sample(range(len(books.ours)), draw.randint(0, min(12, len(books.ours))))
    for at in places:
        draw.choice(INJECTIONS)(books, at)
    draw.shuffle(books.ours)
    draw.shuffle(books.theirs)

    found = compare(books.ours, books.theirs, now=NOON)

    assert {(each.kind.value, each.dispatch_id or each.reference) for each in found} == (
        books.expected
    )
    assert len(found) == len(books.expected) == len({each.difference_id for each in found})
