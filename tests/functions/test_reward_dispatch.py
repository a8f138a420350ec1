"""Payouts and codes in the whole cloud: clocks, a queue, and providers over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest

from infra.local.cloud import LocalCloud
from infra.local.fakes import Fakes, Misbehaviour
from referrals.domain.events import EventName
from referrals.domain.ids import RewardId, person_id
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.people import Person
from referrals.domain.programs import PartnerTerms
from referrals.domain.rewards import RewardState
from referrals.domain.rules import RewardKind
from referrals.runtime import clock
from referrals.store import dispatches, events, people, rewards
from referrals.store.transactions import commit
from referrals.usecases.apply_program import apply_program
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.functions.test_reward_fulfilment import _batch
from tests.promises import promise
from tests.shop import KEYS, NOON, TEA

ANNA = person_id("anna", key=KEYS.identity)
DAILY = PayoutTerms(provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, products=("A",))


@pytest.fixture
def paying() -> Iterator[LocalCloud]:
    """Give a cloud with a provider and a partner in it, where Anna has cash and a code to come."""
    with LocalCloud() as started:
        clock.set_source(lambda: NOON)
        base_url = started.serve(0)
        cinema = PartnerTerms(url=f"{base_url}{Fakes.PARTNERS}/cinema/codes")
        program = replace(shop.a_program(), payouts=DAILY, partners={"cinema": cinema})
        apply_program(program, now=NOON)
        person = Person(person_id=ANNA, customer_id="anna", name="Anna", email="a@customer.example")
        commit(people.save(person))
        for name, kind, partner in (
            ("cash", RewardKind.CASH, None),
            ("code", RewardKind.PARTNER, "cinema"),
        ):
            promise(
                RewardId(f"rwd_{name}"),
                owner_id=ANNA,
                amount_minor=900,
                kind=kind,
                partner=partner,
                now=NOON,
            )
        yield started


def tick(cloud: LocalCloud, *, minutes: int) -> None:
    """Let it be so many minutes after noon, and every schedule tick."""
    clock.set_source(lambda: NOON + timedelta(minutes=minutes))
    cloud.run_schedules()
    cloud.settle()


def states() -> set[RewardState]:
    return {each.state for each in rewards.list_of_owner(TEA, ANNA)}


def test_providers_that_ask_for_half_an_hour_are_not_asked_before_it_is_over(
    paying: LocalCloud,
) -> None:
    paying.fakes.payer.conduct.misbehave(Misbehaviour.BUSY_FOR_LONG)
    paying.fakes.partners.conduct.misbehave(Misbehaviour.BUSY_FOR_LONG)
    for minutes in (0, 1, 2, 10, 29):
        tick(paying, minutes=minutes)
    assert {each.attempts for each in dispatches.iter_all()} == {1}
    assert states() == {RewardState.FULFILLING}
    for minutes in (31, 32):
        tick(paying, minutes=minutes)
    assert states() == {RewardState.FULFILLED}
    assert verify_ledger().faults == ()


def test_cash_is_paid_and_a_code_is_made_by_the_clock_alone(paying: LocalCloud) -> None:
    tick(paying, minutes=0)
    tick(paying, minutes=1)
    assert states() == {RewardState.FULFILLED}
    (code,) = [each.dispatch_id for each in dispatches.iter_all() if each.partner]
    assert paying.fakes.partners.made(code) == 1
    sent = [each for each in events.iter_all() if each.name is EventName.PAYOUT_SENT]
    assert [each.data["amount_minor"] for each in sent] == [900]
    assert verify_ledger().faults == ()


def test_a_provider_that_does_its_work_and_says_nothing_is_looked_up(paying: LocalCloud) -> None:
    paying.fakes.payer.conduct.misbehave(Misbehaviour.HANG_UP)
    paying.fakes.partners.conduct.misbehave(Misbehaviour.FAIL_AFTER)
    tick(paying, minutes=0)
    tick(paying, minutes=1)
    tick(paying, minutes=2)
    assert states() == {RewardState.FULFILLED}
    assert {each.attempts for each in dispatches.iter_all()} == {1}


def test_a_night_finds_no_difference_in_what_was_paid(paying: LocalCloud) -> None:
    tick(paying, minutes=0)
    tick(paying, minutes=1)
    clock.set_source(lambda: NOON + timedelta(days=1))
    paying.invoke("reward_dispatch", "reconcile_payouts", {})
    told = [each for each in events.iter_all() if each.name is EventName.PAYOUT_DIFFERENCE]
    assert told == []


def test_without_a_provider_there_is_nothing_to_compare(cloud: LocalCloud) -> None:
    cloud.invoke("reward_dispatch", "reconcile_payouts", {})
    assert list(dispatches.iter_all()) == []


def test_every_subset_of_failures_in_a_batch_of_five_returns_just_the_failed(
    cloud: LocalCloud,
) -> None:
    good = json.dumps({"dispatch": "pay_unknown"})
    for size in range(6):
        for failing in combinations(range(5), size):
            bodies = ["{}" if number in failing else good for number in range(5)]
            answer = cloud.invoke("reward_dispatch", "advance_dispatches", _batch(bodies))
            failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
            assert failed == [f"message-{number}" for number in failing]
