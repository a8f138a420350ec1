"""What an advocate gets for sharing, before anybody has come: once, and at once when it can be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.budgets import SLICES
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.enrolments import enrolment_id
from referrals.domain.events import EventName
from referrals.domain.landings import ProgramStatus
from referrals.domain.programs import (
    BudgetTerms,
    Eligibility,
    Experiment,
    Program,
)
from referrals.domain.rewards import RewardState
from referrals.domain.rules import (
    Cap,
    Conditions,
    Flat,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.store import budgets, conversions, coupons, events
from referrals.store.transactions import StoreError, read
from referrals.usecases import enrol_advocate as enrolling
from referrals.usecases.apply_program import apply_program
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, calls_counted, every_kill, killed
from tests.shop import NOON, Purse, enrol, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

CREDIT = RewardRule(
    rule_id="share-credit",
    on=Trigger.ENROLMENT,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Flat(amount_minor=200),
)
POINTS = replace(CREDIT, rule_id="share-points", kind=RewardKind.POINTS)
COUPON = replace(CREDIT, rule_id="share-coupon", kind=RewardKind.COUPON, pool="sharing")
HELD = replace(CREDIT, rule_id="share-later", hold_days=7)


def open_program(*rules: RewardRule, budget_minor: int | None = None) -> Program:
    program = shop.a_program(rules=rules)
    budget = BudgetTerms(total_minor=budget_minor)
    return apply_program(replace(program, budget=budget), now=NOON)


def test_credit_and_points_for_sharing_are_there_when_the_answer_is() -> None:
    open_program(CREDIT, POINTS)
    answer = enrol("anna")
    assert [(each.rule_id, each.state) for each in answer.rewards] == [
        ("share-credit", RewardState.FULFILLED),
        ("share-points", RewardState.FULFILLED),
    ]
    assert purse_of("anna") == Purse(paid=200)
    assert purse_of("anna", unit="points") == Purse(paid=200)
    assert {each.because for each in answer.rewards} == {"Promised for sharing."}
    assert verify_ledger().faults == ()


def test_a_coupon_for_sharing_comes_with_the_answer() -> None:
    open_program(COUPON)
    coupons.add(shop.TEA, "sharing", "TEA-1")
    (reward,) = enrol("anna").rewards
    assert reward.handed_over == {"coupon_code": "TEA-1"}


def test_enrolling_again_gives_the_same_rewards_and_changes_nothing() -> None:
    open_program(CREDIT, COUPON, HELD)
    first = enrol("anna")
    before = shop.dump()
    again = enrol("anna")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.rewards == first.rewards
    assert shop.dump() == before


def test_who_enrols_at_once_in_many_places_is_rewarded_once() -> None:
    open_program(CREDIT)
    answers = at_once([lambda: enrol("anna")] * 20)
    assert len({answer.rewards[0].reward_id for answer in answers}) == 1
    assert purse_of("anna") == Purse(paid=200)
    assert verify_ledger().faults == ()


def test_a_reward_with_a_hold_waits_for_its_day() -> None:
    open_program(HELD)
    (reward,) = enrol("anna").rewards
    assert (reward.state, reward.held_until) == (RewardState.HELD, NOON + timedelta(days=7))
    shop.fulfil_all("anna", now=NOON + timedelta(days=7))
    assert purse_of("anna") == Purse(paid=200)


def test_a_coupon_that_is_out_of_stock_is_handed_over_later_and_fails_nobody() -> None:
    open_program(COUPON)
    (reward,) = enrol("anna").rewards
    assert reward.state is RewardState.AVAILABLE
    coupons.add(shop.TEA, "sharing", "TEA-1")
    shop.fulfil_all("anna", now=NOON + timedelta(hours=1))
    (reward,) = enrol("anna").rewards
    assert reward.state is RewardState.FULFILLED


def test_a_hand_over_that_fails_leaves_the_reward_due_and_the_enrolment_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_program(CREDIT)

    def failing(*_arguments: object, **_named: object) -> None:
        raise StoreError("the table is away")

    with monkeypatch.context() as patch:
        patch.setattr(enrolling, "fulfil_reward", failing)
        answer = enrol("anna")
    assert answer.is_new
    assert [(each.state, each.due_at) for each in answer.rewards] == [(RewardState.HELD, NOON)]
    shop.fulfil_all("anna", now=NOON)
    assert purse_of("anna") == Purse(paid=200)


def test_an_enrolment_is_told_of_with_its_conversion_and_rewards_in_one_entry() -> None:
    open_program(HELD)
    with calls_counted() as made:
        enrol("anna")
    assert made.count("TransactWriteItems") == 1
    assert sorted(event.name for event in events.iter_all()) == [
        EventName.ADVOCATE_ENROLLED,
        EventName.CONVERSION_RECORDED,
        EventName.REWARD_HELD,
    ]


def test_a_program_without_such_rules_keeps_no_conversion_of_an_enrolment() -> None:
    shop.open_shop()
    assert shop.dump()["conversions"] == []
    assert enrol("anna").rewards == ()


def test_who_enrolled_before_the_rule_is_not_rewarded_by_enrolling_again() -> None:
    open_program(HELD)
    enrol("anna")
    open_program(HELD, CREDIT)
    assert [each.rule_id for each in enrol("anna").rewards] == ["share-later"]


def _decision_reasons(customer_id: str) -> list[Reason | None]:
    advocate = enrol(customer_id).advocate
    wanted = conversions.wanted(enrolment_id(shop.TEA, advocate.person_id))
    read(wanted)
    assert wanted.value is not None
    assert wanted.value.conversion is not None
    return [each.reason for each in wanted.value.conversion.decisions]


def test_every_rule_leaves_a_decision() -> None:
    vips = replace(CREDIT, rule_id="vips", only=Conditions(segments=("vip",)))
    open_program(CREDIT, vips)
    assert _decision_reasons("anna") == [None, Reason.OTHER_SEGMENT]


def test_who_is_in_the_holdout_enrols_and_is_promised_nothing() -> None:
    program = replace(
        shop.a_program(rules=[CREDIT]), experiment=Experiment(name="all out", holdout_bps=10_000)
    )
    apply_program(program, now=NOON)
    assert enrol("anna").rewards == ()
    assert _decision_reasons("anna") == [Reason.HOLDOUT]


def test_while_the_program_is_paused_enrolling_works_and_pays_nothing() -> None:
    program = shop.a_program(rules=[CREDIT])
    paused = replace(program.landing, status=ProgramStatus.PAUSED)
    apply_program(replace(program, landing=paused), now=NOON)
    answer = enrol("anna")
    assert (answer.is_new, answer.rewards) == (True, ())
    assert _decision_reasons("anna") == [Reason.PROGRAM_NOT_RUNNING]
    assert EventName.CONVERSION_DECLINED in {event.name for event in events.iter_all()}


def test_who_may_not_refer_gets_nothing_for_sharing() -> None:
    program = replace(shop.a_program(rules=[CREDIT]), eligibility=Eligibility(segments=("vip",)))
    apply_program(program, now=NOON)
    assert enrol("anna").rewards == ()
    assert _decision_reasons("anna") == [Reason.ADVOCATE_NOT_ELIGIBLE]


def test_caps_bind_what_one_enrolment_earns() -> None:
    program = replace(shop.a_program(rules=[CREDIT, HELD]), caps=(Cap(amount_minor=300),))
    apply_program(program, now=NOON)
    assert [each.amount_minor for each in enrol("anna").rewards] == [200, 100]


def test_the_budget_is_given_out_to_the_last_unit_and_the_rest_waits_for_more() -> None:
    open_program(CREDIT, budget_minor=500)
    states = [enrol(f"advocate-{number}").rewards[0].state for number in range(3)]
    assert states == [RewardState.FULFILLED, RewardState.FULFILLED, RewardState.QUEUED]
    assert _spent() == 400
    open_program(CREDIT, budget_minor=600)
    shop.fulfil_all("advocate-2", now=NOON + timedelta(minutes=15))
    assert purse_of("advocate-2") == Purse(paid=200)
    assert _spent() == 600
    assert verify_ledger().faults == ()


def _spent() -> int:
    wanted = budgets.wanted_all(shop.TEA)
    read(*wanted)
    found = budgets.found(wanted)
    assert len(found) == SLICES
    return sum(part.spent_minor for part in found)


def test_an_enrolment_that_is_cut_off_anywhere_is_healed_by_the_next() -> None:
    open_program(CREDIT, COUPON, HELD)
    coupons.add(shop.TEA, "sharing", "TEA-1")
    tables = engine.copied_tables()
    calls = every_kill(lambda: enrol("anna"))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                enrol("anna")
            forget_caches()
            enrol("anna")
            assert shop.dump() == once, f"killed at call {at_call}"
    assert verify_ledger().faults == ()


def test_a_declined_enrolment_has_its_outcome() -> None:
    program = shop.a_program(rules=[CREDIT])
    ended = replace(program.landing, status=ProgramStatus.ENDED)
    apply_program(replace(program, landing=ended), now=NOON)
    advocate = enrol("anna").advocate
    wanted = conversions.wanted(enrolment_id(shop.TEA, advocate.person_id))
    read(wanted)
    assert wanted.value is not None
    assert wanted.value.conversion is not None
    assert wanted.value.conversion.outcome is Outcome.DECLINED
