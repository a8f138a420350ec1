"""Gifts that are sent: they wait for an address, become parcels, and go out under a reference."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.details import ShippingDetails
from referrals.domain.errors import (
    DuplicateHandOverError,
    PersonForgottenError,
    RewardNotFoundError,
)
from referrals.domain.ids import ProgramId, RewardId, person_id
from referrals.domain.rewards import Reward, RewardState
from referrals.fulfil import gifts
from referrals.fulfil.handing import NotNow
from referrals.store import coupons, details, people, rewards
from referrals.store.transactions import BeatenError, commit
from referrals.usecases import give_details as giving
from referrals.usecases.apply_program import apply_program
from referrals.usecases.forget_person import forget_person
from referrals.usecases.give_details import give_shipping
from referrals.usecases.ship_gifts import iter_to_ship, note_shipped
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import KEYS, LATER, NOON, TEA, Purse, a_click_of, buy, give_back, purse_of
from tests.usecases.test_gifts import TEAPOT, stock
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

SENT_TEAPOT = replace(TEAPOT, ships=True)
ANNA = person_id("anna", key=KEYS.identity)
HOME = ShippingDetails(
    person_id=ANNA,
    name="Anna Tee",
    street="Teestraße 1",
    postal_code="10115",
    city="Berlin",
    country="DE",
)
A_MINUTE_LATER = LATER + timedelta(minutes=1)


def earn(count: int = 1, *, expires_after_days: int | None = None) -> None:
    rule = replace(SENT_TEAPOT, expires_after_days=expires_after_days)
    shop.open_shop(rules=[rule])
    for number in range(count):
        buy(order_id=f"A-{number}", clicks=[a_click_of()])


def work(now: datetime) -> None:
    shop.fulfil_all("anna", now=now)


def only_reward() -> Reward:
    (reward,) = shop.rewards_of("anna")
    return reward


def due() -> list[RewardId]:
    return [key.reward_id for key in rewards.iter_due(LATER + timedelta(days=400))]


def addresses() -> list[tuple[str, ...] | None]:
    return [each.address.lines if each.address else None for each in iter_to_ship(TEA)]


def test_without_an_address_a_gift_waits_and_takes_nothing_from_the_stock() -> None:
    earn()
    stock("D1-1")
    work(LATER)
    assert (only_reward().state, only_reward().due_at) == (RewardState.AVAILABLE, None)
    assert due() == []
    assert coupons.count(TEA, "teapots") == (1, 0)


def test_it_still_expires() -> None:
    earn(expires_after_days=30)
    stock("D1-1")
    work(LATER)
    assert only_reward().due_at == LATER + timedelta(days=30)
    work(LATER + timedelta(days=30))
    assert only_reward().state is RewardState.EXPIRED
    assert verify_ledger().faults == ()


def test_an_address_calls_the_gifts_that_wait_and_they_become_parcels() -> None:
    earn(2)
    stock("D1-1", "D1-2")
    work(LATER)
    assert give_shipping(HOME, now=A_MINUTE_LATER) == 2
    assert len(due()) == 2
    work(A_MINUTE_LATER)
    assert addresses() == [("Anna Tee", "Teestraße 1", "10115 Berlin", "DE")] * 2
    assert purse_of("anna") == Purse(paid=3_000)
    assert verify_ledger().faults == ()


def test_with_an_address_that_is_known_no_gift_waits() -> None:
    earn()
    stock("D1-1")
    give_shipping(HOME, now=NOON)
    work(LATER)
    assert only_reward().state is RewardState.FULFILLED


def test_nothing_of_the_address_is_in_the_reward_or_the_events() -> None:
    earn()
    stock("D1-1")
    give_shipping(HOME, now=NOON)
    work(LATER)
    kept = {name: items for name, items in shop.dump().items() if name != "details"}
    assert [word for word in ("Teestra", "10115", "Berlin", "Tee") if word in repr(kept)] == []


def test_an_address_given_again_takes_the_place_of_the_first() -> None:
    earn()
    stock("D1-1")
    give_shipping(HOME, now=NOON)
    work(LATER)
    moved = replace(HOME, street="Kaffeeweg 2")
    assert give_shipping(moved, now=A_MINUTE_LATER) == 0
    assert addresses() == [("Anna Tee", "Kaffeeweg 2", "10115 Berlin", "DE")]


def test_an_address_is_for_the_gifts_of_every_program() -> None:
    cake = ProgramId("cake")
    earn()
    program = shop.a_program(program_id=cake, rules=[SENT_TEAPOT])
    apply_program(program, now=NOON)
    work(LATER)
    other = replace(only_reward(), program_id=cake, revision=None)
    commit(rewards.save(other))
    assert give_shipping(HOME, now=A_MINUTE_LATER) == 2


def test_more_gifts_than_one_transaction_takes_are_called_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(giving, "_MOST_CALLED_AT_ONCE", 2)
    earn(5)
    work(LATER)
    assert give_shipping(HOME, now=A_MINUTE_LATER) == 5
    assert len(due()) == 5


def test_an_address_that_comes_while_a_gift_decides_to_wait_is_not_missed() -> None:
    earn()
    stock("D1-1")
    decided = gifts.hand_over(only_reward())
    give_shipping(HOME, now=LATER)
    assert isinstance(decided, NotNow)
    with pytest.raises(BeatenError):
        commit(*decided.writes)


def test_a_gift_and_its_address_at_once_end_in_a_parcel() -> None:
    earn()
    stock("D1-1")
    at_once([lambda: work(LATER), lambda: give_shipping(HOME, now=LATER)])
    work(A_MINUTE_LATER)
    assert only_reward().state is RewardState.FULFILLED


def test_an_end_at_any_call_loses_no_gift() -> None:
    earn()
    stock("D1-1")
    work(LATER)
    start = engine.copied_tables()

    def give() -> None:
        give_shipping(HOME, now=A_MINUTE_LATER)

    for at_call in range(1, every_kill(give) + 1):
        for is_after in (False, True):
            engine.put_tables(start)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                give()
            if details.find_shipping(ANNA) is not None:
                work(A_MINUTE_LATER)
                assert only_reward().state is RewardState.FULFILLED, (at_call, is_after)


def test_nobody_who_is_forgotten_gives_an_address() -> None:
    earn()
    forget_person("anna", keys=KEYS, now=NOON)
    with pytest.raises(PersonForgottenError):
        give_shipping(HOME, now=LATER)
    assert details.find_shipping(ANNA) is None


def test_to_forget_somebody_deletes_their_address_and_leaves_the_parcel() -> None:
    earn()
    stock("D1-1")
    give_shipping(HOME, now=NOON)
    work(LATER)
    forget_person("anna", keys=KEYS, now=LATER)
    assert shop.dump()["details"] == []
    assert addresses() == [None]


def test_an_address_and_erasure_at_once_leave_no_address() -> None:
    earn()

    def give() -> None:
        try:
            give_shipping(HOME, now=LATER)
        except PersonForgottenError:
            return

    at_once([give, lambda: forget_person("anna", keys=KEYS, now=LATER)])
    assert people.find(ANNA) is None
    assert shop.dump()["details"] == []


def parcel() -> RewardId:
    """Let Anna earn a teapot, and let it be packed; gives its reward."""
    earn()
    stock("D1-1")
    give_shipping(HOME, now=NOON)
    work(LATER)
    return only_reward().reward_id


def test_what_was_sent_is_no_longer_to_be_sent() -> None:
    reward_id = parcel()
    note_shipped(TEA, reward_id, reference="DHL 1")
    assert addresses() == []


def test_to_say_again_that_it_was_sent_changes_nothing() -> None:
    reward_id = parcel()
    note_shipped(TEA, reward_id, reference="DHL 1")
    before = shop.dump()
    note_shipped(TEA, reward_id, reference="DHL 1")
    assert shop.dump() == before


def test_what_was_sent_under_another_reference_is_a_contradiction() -> None:
    reward_id = parcel()
    note_shipped(TEA, reward_id, reference="DHL 1")
    with pytest.raises(DuplicateHandOverError):
        note_shipped(TEA, reward_id, reference="DHL 2")


def test_what_is_not_packed_cannot_be_sent() -> None:
    earn()
    work(LATER)
    reward_id = only_reward().reward_id
    with pytest.raises(RewardNotFoundError):
        note_shipped(TEA, reward_id, reference="DHL 1")


def test_a_gift_that_is_clawed_back_before_it_was_sent_goes_back_into_the_stock() -> None:
    parcel()
    give_back(order_id="A-0", amount_minor=5_000, now=LATER)
    assert only_reward().state is RewardState.CLAWED_BACK
    assert addresses() == []
    assert coupons.count(TEA, "teapots") == (1, 0)


def test_one_that_was_sent_does_not_come_back_by_itself() -> None:
    note_shipped(TEA, parcel(), reference="DHL 1")
    give_back(order_id="A-0", amount_minor=5_000, now=LATER)
    assert only_reward().state is RewardState.CLAWED_BACK
    assert coupons.count(TEA, "teapots") == (0, 1)
    assert verify_ledger().faults == ()


def test_to_send_and_to_claw_back_at_once_never_does_both() -> None:
    reward_id = parcel()
    outcomes = []

    def send() -> None:
        try:
            note_shipped(TEA, reward_id, reference="DHL 1")
        except RewardNotFoundError:
            outcomes.append("unpacked")

    at_once([send, lambda: give_back(order_id="A-0", amount_minor=5_000, now=LATER)])
    is_unpacked = bool(outcomes)
    assert coupons.count(TEA, "teapots") == ((1, 0) if is_unpacked else (0, 1))
    assert addresses() == []


def test_a_stock_that_a_newer_version_dropped_is_still_sent() -> None:
    parcel()
    apply_program(replace(shop.a_program(), version=2), now=LATER)
    assert len(addresses()) == 1
