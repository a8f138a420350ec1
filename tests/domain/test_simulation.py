"""Simulations: what terms come to, played over what was recorded, step by step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from referrals.domain.conversions import Case, Conversion, Refund, Review, ReviewState
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.fraud.terms import Flag, FraudMode, FraudTerms
from referrals.domain.ids import ConversionId
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.plans import Tally
from referrals.domain.programs import BudgetTerms, ConversionKind, Program
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rules import Cap, Flat, Period, Side, Trigger
from referrals.domain.simulation import Happening, Simulation, happenings_of
from tests.factories import (
    A_DAY,
    AN_HOUR,
    ANNA,
    BORIS,
    CLARA,
    NOW,
    TEA,
    a_chargeback,
    a_conversion,
    a_leaderboard_rule,
    a_milestone_rule,
    a_program,
    a_referral,
    a_refund,
    a_rule,
    a_second_level_rule,
    a_touch,
)

LATER = NOW + 100 * A_DAY
BY_ANNA = (a_touch(),)


def order(
    number: int = 1,
    *,
    at: datetime = NOW,
    amount_minor: int = 10_000,
    refunds: Sequence[Refund] = (),
    **reported: object,
) -> list[Happening]:
    """Give what is recorded of Boris's order of 100 euro that came with Anna's link."""
    conversion = a_conversion(
        conversion_id=ConversionId(f"cnv_{number}"),
        order_id=f"order-{number}",
        occurred_at=at,
        amount_minor=amount_minor,
        touches=BY_ANNA,
    )
    recorded = replace(conversion, recorded_at=at, **reported)  # type: ignore[arg-type]
    return list(happenings_of(_case(recorded, refunds)))


def _case(conversion: Conversion, refunds: Sequence[Refund] = ()) -> Case:
    return Case(
        conversion_id=conversion.conversion_id, conversion=conversion, refunds=tuple(refunds)
    )


def played(
    program: Program,
    *happened: Sequence[Happening],
    until: datetime = LATER,
    since: datetime | None = None,
) -> Tally:
    simulation = Simulation(program, since=since)
    for happening in sorted((one for each in happened for one in each), key=lambda one: one.at):
        simulation.take(happening)
    return simulation.finish(until)


def at(refund: Refund, moment: datetime) -> Refund:
    return replace(refund, recorded_at=moment)


def test_an_order_is_credited_to_whoever_its_touch_names() -> None:
    tally = played(a_program(), order())
    assert (tally.credited, tally.purchases, tally.revenue_minor) == (1, 1, 10_000)
    assert tally.by_person == {(ANNA, "EUR"): 1_000}
    assert tally.by_rule == {("advocate-tenth", "EUR"): 1_000}


def test_what_was_decided_in_earnest_is_not_looked_at() -> None:
    decided = order(
        outcome=Outcome.DECLINED, reason=Reason.OUTSIDE_WINDOW, advocate_id=CLARA, review=None
    )
    assert played(a_program(), decided).cost_minor("EUR") == 1_000


def test_a_refund_takes_back_its_part() -> None:
    tally = played(a_program(), order(refunds=[at(a_refund(), NOW + A_DAY)]))
    assert (tally.granted_minor["EUR"], tally.reversed_minor["EUR"]) == (1_000, 250)
    assert (tally.revenue_minor, tally.purchases) == (7_500, 1)


def test_a_refund_that_came_before_its_order_waits_for_it() -> None:
    early = order(at=NOW, refunds=[at(a_refund(), NOW - AN_HOUR)])
    assert [each.refund is not None for each in early] == [True, False]
    assert played(a_program(), early).cost_minor("EUR") == 750


def test_a_chargeback_that_is_won_gives_everything_back() -> None:
    lost_and_won = [
        at(a_chargeback(), NOW + A_DAY),
        at(a_chargeback(ChargebackStatus.WON), NOW + 2 * A_DAY),
    ]
    tally = played(a_program(), order(refunds=lost_and_won))
    assert (tally.cost_minor("EUR"), tally.rewards["advocate-tenth"]) == (1_000, 2)
    assert (tally.revenue_minor, tally.purchases) == (10_000, 1)


def test_an_order_without_a_touch_waits_for_a_sign_up_that_has_one() -> None:
    silent = order(touches=())
    signup = order(2, at=NOW + AN_HOUR, kind=ConversionKind.SIGNUP, order_id=None, amount_minor=0)
    early = [replace(silent[0], conversion=replace(silent[0].conversion or a_conversion()))]
    tally = played(a_program(), early, signup)
    assert (tally.credited, tally.cost_minor("EUR")) == (2, 1_000)
    assert +tally.declined == {}


def test_an_order_that_nothing_can_bind_is_counted_and_let_go() -> None:
    (silent,) = order(touches=())
    simulation = Simulation(a_program())
    simulation.take(replace(silent, is_last_evidence=True))
    tally = simulation.finish(LATER)
    assert (tally.conversions, tally.credited) == (1, 0)
    assert tally.declined == {Reason.NO_SIGNUP_YET: 1}
    assert simulation.kept_conversions == 0


def test_a_friend_who_was_attributed_by_hand_brings_what_waited() -> None:
    by_hand = Happening(
        at=NOW + A_DAY,
        referral=replace(a_referral(), attributed_by="olga", note="she called"),
        friend_id=BORIS,
    )
    tally = played(a_program(), order(touches=()), [by_hand])
    assert tally.by_person == {(ANNA, "EUR"): 1_000}


def test_the_second_level_is_who_brought_the_advocate_under_these_terms() -> None:
    program = a_program(a_rule(), a_second_level_rule())
    annas_own = order(2, friend_id=ANNA, touches=(a_touch(advocate_id=CLARA, code="CLARA10"),))
    tally = played(program, annas_own, order(at=NOW + AN_HOUR))
    assert tally.by_person == {(CLARA, "EUR"): 1_500, (ANNA, "EUR"): 1_000}


def test_a_cap_a_month_cuts_and_then_refuses_and_both_are_counted() -> None:
    capped = a_program(a_rule(caps=(Cap(per=Period.MONTH, amount_minor=1_500),)))
    hours = [order(number, at=NOW + number * AN_HOUR) for number in range(3)]
    tally = played(capped, *hours)
    assert (tally.cost_minor("EUR"), tally.cap_hits, tally.cut_by_caps) == (1_500, 2, 1)


def test_what_is_over_the_budget_waits_and_is_paid_the_next_day() -> None:
    program = replace(a_program(), budget=BudgetTerms(per_day_minor=1_500))
    both = order(1), order(2, at=NOW + AN_HOUR)
    today = played(program, *both, until=NOW + 2 * AN_HOUR)
    assert (today.budget_hits, today.waiting_minor["EUR"], today.cost_minor("EUR")) == (
        (1, 1_000, 2_000)
    )
    assert played(program, *both, until=NOW + A_DAY).waiting_minor == {}


def test_what_a_refund_gives_back_pays_who_waits_a_quarter_of_an_hour_later() -> None:
    program = replace(a_program(), budget=BudgetTerms(total_minor=1_000))
    refund = at(a_refund(amount_minor=10_000), NOW + 3 * AN_HOUR)
    both = order(1, refunds=[refund]), order(2, at=NOW + AN_HOUR)
    assert played(program, *both, until=refund.recorded_at).waiting_minor["EUR"] == 1_000
    paid_at = refund.recorded_at + timedelta(minutes=15)
    assert played(program, *both, until=paid_at).waiting_minor == {}


def test_a_milestone_is_taken_back_with_the_order_that_reached_it() -> None:
    program = a_program(a_milestone_rule(at=(2,)))
    refund = at(a_refund(amount_minor=10_000), NOW + A_DAY)
    tally = played(program, order(1), order(2, at=NOW + AN_HOUR, refunds=[refund]))
    assert (tally.rewards["milestone"], tally.cost_minor("EUR"), tally.purchases) == (1, 0, 1)


def test_prizes_are_awarded_a_day_after_the_month() -> None:
    program = a_program(a_leaderboard_rule())
    june = datetime(2026, 6, 1, tzinfo=UTC)
    assert played(program, order(), until=june + A_DAY - AN_HOUR).by_person == {}
    assert played(program, order(), until=june + A_DAY).by_person == {(ANNA, "EUR"): 5_000}
    assert played(program, order(), until=LATER).by_person == {(ANNA, "EUR"): 5_000}


def test_an_enrolment_earns_what_the_terms_promise_for_sharing() -> None:
    welcome = a_rule(rule_id="share", on=Trigger.ENROLMENT, reward=Flat(amount_minor=200))
    anna = Advocate(
        person_id=ANNA,
        program_id=TEA,
        code="ANNA10",
        status=AdvocateStatus.ACTIVE,
        created_at=NOW,
        segment="vip",
    )
    enrolled = [Happening(at=NOW, advocate=anna)]
    assert played(a_program(welcome), enrolled).cost_minor("EUR") == 200
    for_others = replace(welcome, only=replace(welcome.only, except_segments=("vip",)))
    assert played(a_program(for_others), enrolled).refused == {Reason.OTHER_SEGMENT: 1}


def test_flags_of_old_have_the_effect_that_the_terms_give_them() -> None:
    flagged = order(flags=(Flag(rule="same_person", mode=FraudMode.SHADOW),))
    for mode, cost_minor, waiting_minor in (
        (FraudMode.OFF, 1_000, 0),
        (FraudMode.SHADOW, 1_000, 0),
        (FraudMode.REVIEW, 1_000, 1_000),
        (FraudMode.BLOCK, 0, 0),
    ):
        program = replace(a_program(), fraud=FraudTerms(modes={"same_person": mode}))
        tally = played(program, flagged)
        found = mode, tally.cost_minor("EUR"), tally.waiting_minor["EUR"]
        assert found == (mode, cost_minor, waiting_minor)


def test_what_people_rejected_is_rejected() -> None:
    program = replace(a_program(), fraud=FraudTerms(modes={"same_person": FraudMode.REVIEW}))
    review = Review(
        state=ReviewState.REJECTED,
        opened_at=NOW,
        actor="olga",
        reason="one household",
        decided_at=NOW + A_DAY,
    )
    reviewed = order(
        flags=(Flag(rule="same_person", mode=FraudMode.REVIEW),), review=review, rewards=()
    )
    tally = played(program, reviewed)
    assert (tally.credited, tally.purchases, tally.cost_minor("EUR")) == (0, 0, 0)
    assert +tally.declined == {Reason.REJECTED_IN_REVIEW: 1}


def test_what_came_before_the_period_makes_ranks_and_is_not_counted() -> None:
    first_only = a_program(a_rule(is_first_purchase_only=True))
    both = order(1), order(2, at=NOW + 2 * A_DAY)
    tally = played(first_only, *both, since=NOW + A_DAY)
    assert (tally.events, tally.credited, tally.cost_minor("EUR")) == (1, 1, 0)
    assert tally.refused == {Reason.NOT_FIRST_PURCHASE: 1}


def test_nothing_is_kept_of_conversions_that_are_over() -> None:
    simulation = Simulation(a_program(a_rule(), a_rule(rule_id="friend", to=Side.FRIEND)))
    refund = at(a_refund(), NOW + A_DAY)
    first, second = order(1), order(2, at=NOW + AN_HOUR, refunds=[refund])
    for happening in (*first, second[0]):
        simulation.take(happening)
    assert simulation.kept_conversions == 1
    simulation.take(second[1])
    assert simulation.kept_conversions == 0
