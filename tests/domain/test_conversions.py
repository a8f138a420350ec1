"""Conversions: whose they are, what every rule says about them, and what that changes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.caps import CapUse
from referrals.domain.conversions import (
    Conversion,
    Finding,
    Surroundings,
    Verdict,
    blocked,
    credit,
    find,
    left_open,
    participants,
    purchase_id,
    signup_id,
)
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.eligibility import Candidate
from referrals.domain.events import EventName
from referrals.domain.granting import note
from referrals.domain.ids import ConversionId, PersonId, ProgramId
from referrals.domain.landings import ProgramStatus
from referrals.domain.ledger import Balance, Place, Posting, account_of
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    Eligibility,
    Program,
    TouchKind,
)
from referrals.domain.referrals import Bond, Part
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Cap, Percent, RewardKind, RewardRule, Side
from tests.factories import (
    A_DAY,
    ANNA,
    ANNA_HELD,
    BORIS,
    CLARA,
    EXPENSE,
    NOW,
    ORDER,
    SIGNUP,
    TEA,
    a_balance,
    a_bond,
    a_candidate,
    a_case,
    a_conversion,
    a_landing,
    a_program,
    a_referral,
    a_refund,
    a_reward,
    a_rule,
    a_signup,
    a_thanks_rule,
    a_touch,
    a_use,
    a_welcome_rule,
    balances_of,
    candidates_of,
)

BORIS_HELD = account_of(BORIS, Place.HELD)
A_TENTH_UP_TO_TWENTY = Percent(rate_bps=1_000, max_minor=2_000)
A_MICROSECOND = timedelta(microseconds=1)
CLICKED = (a_touch(),)
BOUND = a_bond(referral=a_referral(), is_signed_up=True)


def found(conversion: Conversion, *, program: Program, bond: Bond) -> Finding:
    """Find whose a conversion is among advocates of whom nothing is known."""
    return find(conversion, program=program, bond=bond, candidates=candidates_of())


def credited(
    conversion: Conversion,
    *,
    program: Program | None = None,
    bond: Bond | None = None,
    balances: Mapping[PersonId, Balance] | None = None,
) -> Verdict:
    """Find whose a conversion is and credit it; it must be somebody's."""
    program, bond = program or a_program(), bond or a_bond()
    finding = found(conversion, program=program, bond=bond)
    assert finding.referral is not None
    return credit(
        conversion,
        finding,
        referral=finding.referral,
        program=program,
        bond=bond,
        surroundings=Surroundings(balances=balances or balances_of()),
        now=NOW,
    )


def opened(
    conversion: Conversion, *, program: Program | None = None, bond: Bond | None = None
) -> Verdict:
    """Find that a conversion is nobody's and leave it open."""
    program, bond = program or a_program(), bond or a_bond()
    finding = found(conversion, program=program, bond=bond)
    assert finding.referral is None
    return left_open(conversion, finding, bond=bond, now=NOW)


def reasons(verdict: Verdict) -> dict[str, Reason | None]:
    """Give what each reward rule said."""
    return {
        each.rule.removeprefix("reward:"): each.reason
        for each in verdict.conversion.decisions
        if each.rule.startswith("reward:")
    }


def amounts(verdict: Verdict) -> dict[str, int]:
    return {reward.rule_id: reward.amount_minor for reward in verdict.rewards}


def balance_of(verdict: Verdict, person_id: PersonId) -> Balance:
    return next(each for each in verdict.balances if each.person_id == person_id)


def test_a_friend_signs_up_once_in_a_program() -> None:
    assert signup_id(TEA, BORIS) == signup_id(TEA, BORIS)
    assert signup_id(TEA, BORIS) != signup_id(TEA, CLARA)
    assert signup_id(TEA, BORIS) != signup_id(ProgramId("coffee"), BORIS)


def test_an_order_is_bought_once_in_a_program() -> None:
    assert purchase_id(TEA, "order-1") == purchase_id(TEA, "order-1")
    assert purchase_id(TEA, "order-1") != purchase_id(TEA, "order-2")
    assert purchase_id(TEA, "order-1") != purchase_id(ProgramId("coffee"), "order-1")


def test_an_order_named_like_a_friend_is_not_their_sign_up() -> None:
    assert purchase_id(TEA, BORIS) != signup_id(TEA, BORIS)


def test_touches_say_whose_an_unbound_friend_is() -> None:
    finding = found(a_conversion(touches=CLICKED), program=a_program(), bond=a_bond())
    assert finding.referral is not None
    assert finding.referral.advocate_id == ANNA
    assert finding.reason is None


def test_a_bound_friend_stays_with_their_advocate_whatever_they_click_later() -> None:
    later = a_touch(at=NOW, advocate_id=CLARA)
    finding = found(a_conversion(touches=(later,)), program=a_program(), bond=BOUND)
    assert finding.referral == a_referral()


def test_a_bound_friend_needs_no_touch() -> None:
    finding = found(a_conversion(), program=a_program(), bond=BOUND)
    assert finding.referral == a_referral()


@pytest.mark.parametrize(
    ("program", "conversion", "reason"),
    [
        pytest.param(
            a_program(landing=a_landing(status=ProgramStatus.PAUSED)),
            a_conversion(touches=CLICKED),
            Reason.PROGRAM_NOT_RUNNING,
            id="the program is paused",
        ),
        pytest.param(
            a_program(landing=a_landing(starts_at=NOW + A_MICROSECOND)),
            a_conversion(touches=CLICKED),
            Reason.PROGRAM_NOT_RUNNING,
            id="before the program starts",
        ),
        pytest.param(
            a_program(landing=a_landing(ends_at=NOW)),
            a_signup(touches=CLICKED),
            Reason.PROGRAM_NOT_RUNNING,
            id="as the program ends",
        ),
        pytest.param(
            a_program(),
            a_conversion(currency="USD", touches=CLICKED),
            Reason.OTHER_CURRENCY,
            id="another currency",
        ),
    ],
)
@pytest.mark.parametrize("bond", [a_bond(), BOUND], ids=["unbound", "bound"])
def test_what_the_program_does_not_reward_is_declined_for_good(
    program: Program, conversion: Conversion, reason: Reason, bond: Bond
) -> None:
    finding = found(conversion, program=program, bond=bond)
    assert (finding.referral, finding.reason, finding.is_final) == (None, reason, True)


def test_a_conversion_counts_by_the_time_it_happened_and_not_by_its_report() -> None:
    ended = a_program(landing=a_landing(ends_at=NOW))
    finding = found(
        a_conversion(occurred_at=NOW - A_MICROSECOND, touches=CLICKED), program=ended, bond=a_bond()
    )
    assert finding.reason is None


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        pytest.param(NOW - A_DAY, None, id="at the click"),
        pytest.param(NOW - A_DAY - timedelta(minutes=5), None, id="five minutes before it"),
        pytest.param(
            NOW - A_DAY - timedelta(minutes=5, microseconds=1),
            Reason.BEFORE_REFERRAL,
            id="earlier than clocks differ",
        ),
    ],
)
def test_what_happened_before_the_recommendation_does_not_count(
    occurred_at: datetime, reason: Reason | None
) -> None:
    finding = found(a_conversion(occurred_at=occurred_at), program=a_program(), bond=BOUND)
    assert finding.reason is reason
    assert finding.is_final is (reason is not None)


def test_a_purchase_without_any_touch_waits_for_a_sign_up() -> None:
    verdict = opened(a_conversion())
    assert verdict.conversion.outcome is Outcome.WAITING
    assert verdict.conversion.reason is Reason.NO_SIGNUP_YET
    assert verdict.bond is not None
    assert verdict.bond.waiting == (ORDER,)


def test_a_purchase_with_a_touch_that_does_not_count_is_declined_and_kept() -> None:
    verdict = opened(a_conversion(touches=(a_touch(advocate_id=BORIS),)))
    assert verdict.conversion.outcome is Outcome.DECLINED
    assert verdict.conversion.reason is Reason.SELF_REFERRAL
    assert verdict.bond is not None
    assert verdict.bond.waiting == (ORDER,)


def test_a_sign_up_without_any_touch_is_declined_and_kept() -> None:
    verdict = opened(a_signup())
    assert verdict.conversion.outcome is Outcome.DECLINED
    assert verdict.conversion.reason is Reason.NO_TOUCH
    assert verdict.bond is not None
    assert verdict.bond.waiting == (SIGNUP,)


def test_what_is_declined_for_good_is_not_kept() -> None:
    verdict = opened(a_conversion(currency="USD"))
    assert verdict.conversion.outcome is Outcome.DECLINED
    assert verdict.bond == a_bond()


def test_what_waited_and_is_declined_for_good_waits_no_longer() -> None:
    bond = replace(BOUND, waiting=(ORDER, SIGNUP))
    verdict = opened(a_conversion(occurred_at=NOW - 2 * A_DAY), bond=bond)
    assert verdict.conversion.reason is Reason.BEFORE_REFERRAL
    assert verdict.bond is not None
    assert verdict.bond.waiting == (SIGNUP,)


def test_what_is_nobodys_moves_no_money() -> None:
    verdict = opened(a_conversion())
    assert (verdict.rewards, verdict.journal, verdict.balances) == ((), None, ())


@pytest.mark.parametrize(
    ("conversion", "name"),
    [
        pytest.param(a_conversion(), EventName.CONVERSION_WAITING, id="waiting"),
        pytest.param(a_signup(), EventName.CONVERSION_DECLINED, id="declined"),
    ],
)
def test_what_is_nobodys_is_told_of_with_its_reason(
    conversion: Conversion, name: EventName
) -> None:
    verdict = opened(conversion)
    (told,) = verdict.events
    assert told.name is name
    assert told.data["reason"] == verdict.conversion.reason


def test_a_decision_stands_for_what_was_looked_at_even_without_a_touch() -> None:
    (decision,) = opened(a_conversion()).conversion.decisions
    assert decision.reason is Reason.NO_TOUCH


def test_a_sign_up_through_a_link_binds_the_friend() -> None:
    verdict = credited(a_signup(touches=CLICKED), bond=a_bond())
    assert verdict.bond is not None
    assert verdict.bond.referral is not None
    assert verdict.bond.referral.advocate_id == ANNA
    assert verdict.bond.is_signed_up
    assert verdict.bond.purchases == 0


def test_a_purchase_through_a_link_binds_the_friend_without_a_sign_up() -> None:
    verdict = credited(a_conversion(touches=CLICKED))
    assert verdict.bond is not None
    assert not verdict.bond.is_signed_up
    assert verdict.bond.purchases == 1


def test_what_waited_and_is_credited_waits_no_longer() -> None:
    verdict = credited(a_conversion(), bond=replace(BOUND, waiting=(ORDER, SIGNUP)))
    assert verdict.bond is not None
    assert verdict.bond.waiting == (SIGNUP,)


def test_a_two_sided_purchase_rewards_both() -> None:
    program = a_program(a_rule(), a_thanks_rule(), a_welcome_rule())
    verdict = credited(a_conversion(), program=program, bond=BOUND)
    assert [(each.owner_id, each.side, each.amount_minor) for each in verdict.rewards] == [
        (ANNA, Side.ADVOCATE, 1_000),
        (BORIS, Side.FRIEND, 300),
    ]


def test_a_two_sided_purchase_is_one_journal() -> None:
    program = a_program(a_rule(), a_thanks_rule())
    verdict = credited(a_conversion(), program=program, bond=BOUND)
    assert verdict.journal is not None
    assert verdict.journal.cause == "conversion:cnv_order"
    assert verdict.journal.postings == (
        Posting(source=EXPENSE, destination=ANNA_HELD, amount_minor=1_000, unit="EUR"),
        Posting(source=EXPENSE, destination=BORIS_HELD, amount_minor=300, unit="EUR"),
    )


def test_both_balances_follow_the_journal() -> None:
    program = a_program(a_rule(), a_thanks_rule())
    verdict = credited(a_conversion(), program=program, bond=BOUND)
    assert verdict.journal is not None
    assert balance_of(verdict, ANNA) == Balance(
        program_id=TEA,
        person_id=ANNA,
        amounts={"held:EUR": 1_000},
        caps={"advocate-tenth": a_use(1, 1_000), "*": a_use(1, 1_000)},
        purchases=1,
        journals=1,
        last_hash=verdict.journal.digest,
        last_journal_id=verdict.journal.journal_id,
    )
    assert balance_of(verdict, BORIS) == Balance(
        program_id=TEA,
        person_id=BORIS,
        amounts={"held:EUR": 300},
        caps={"friend-thanks": a_use(1, 300)},
        journals=1,
        last_hash=verdict.journal.digest,
        last_journal_id=verdict.journal.journal_id,
    )


def test_a_sign_up_earns_what_the_terms_promise_for_it_alone() -> None:
    verdict = credited(a_signup(touches=CLICKED), program=a_program(a_welcome_rule(), a_rule()))
    assert [(each.kind, each.pool, each.amount_minor) for each in verdict.rewards] == [
        (RewardKind.COUPON, "welcome", 500)
    ]
    assert balance_of(verdict, ANNA).signups == 1


def test_a_credited_conversion_that_earns_nothing_is_counted_all_the_same() -> None:
    verdict = credited(a_signup(touches=CLICKED), program=a_program(a_rule()))
    assert verdict.conversion.outcome is Outcome.CREDITED
    assert (verdict.rewards, verdict.journal) == ((), None)
    assert [each.person_id for each in verdict.balances] == [ANNA]
    assert balance_of(verdict, ANNA).signups == 1


def test_a_credited_conversion_keeps_its_advocate_its_referral_and_its_rewards() -> None:
    conversion = credited(a_conversion(), bond=BOUND).conversion
    assert (conversion.outcome, conversion.reason) == (Outcome.CREDITED, None)
    assert (conversion.advocate_id, conversion.referral_id) == (ANNA, "ref_1")
    assert [(each.to, each.state, each.amount_minor) for each in conversion.rewards] == [
        (Side.ADVOCATE, RewardState.HELD, 1_000)
    ]


@pytest.mark.parametrize(
    ("rule", "order_minor", "bond", "use", "granted_minor"),
    [
        pytest.param(a_rule(), 10_000, BOUND, CapUse(), 1_000, id="a tenth"),
        pytest.param(
            a_rule(min_amount_minor=2_000), 2_000, BOUND, CapUse(), 200, id="just the minimum"
        ),
        pytest.param(
            a_rule(is_first_purchase_only=True), 10_000, BOUND, CapUse(), 1_000, id="the first"
        ),
        pytest.param(
            a_rule(reward=A_TENTH_UP_TO_TWENTY), 90_000, BOUND, CapUse(), 2_000, id="at most"
        ),
        pytest.param(
            a_rule(caps=(Cap(rewards=2),)), 10_000, BOUND, a_use(1), 1_000, id="the last one"
        ),
        pytest.param(
            a_rule(caps=(Cap(amount_minor=1_500),)),
            10_000,
            BOUND,
            a_use(1, 900),
            600,
            id="what is left of the cap",
        ),
        pytest.param(
            a_rule(caps=(Cap(amount_minor=1_500),)),
            10_000,
            BOUND,
            a_use(1, 500),
            1_000,
            id="all that is left of the cap",
        ),
        pytest.param(
            a_rule(caps=(Cap(amount_minor=1_500),)),
            90_000,
            BOUND,
            CapUse(),
            1_500,
            id="the whole cap",
        ),
    ],
)
def test_a_rule_grants(
    rule: RewardRule, order_minor: int, bond: Bond, use: CapUse, granted_minor: int
) -> None:
    verdict = credited(
        a_conversion(amount_minor=order_minor),
        program=a_program(rule),
        bond=bond,
        balances=balances_of(a_balance(caps={"advocate-tenth": use})),
    )
    assert amounts(verdict) == {"advocate-tenth": granted_minor}
    assert reasons(verdict) == {"advocate-tenth": None}


@pytest.mark.parametrize(
    ("rule", "order_minor", "bond", "use", "reason"),
    [
        pytest.param(a_rule(), 0, BOUND, CapUse(), Reason.BELOW_MINIMUM, id="an order of nothing"),
        pytest.param(
            a_rule(min_amount_minor=2_000),
            1_999,
            BOUND,
            CapUse(),
            Reason.BELOW_MINIMUM,
            id="a cent below the minimum",
        ),
        pytest.param(
            a_rule(is_first_purchase_only=True),
            10_000,
            replace(BOUND, purchases=1),
            CapUse(),
            Reason.NOT_FIRST_PURCHASE,
            id="the second purchase",
        ),
        pytest.param(a_rule(), 5, BOUND, CapUse(), Reason.ROUNDS_TO_NOTHING, id="half a cent"),
        pytest.param(
            a_rule(caps=(Cap(rewards=2),)),
            10_000,
            BOUND,
            a_use(2, 2_000),
            Reason.CAP_REACHED,
            id="one reward too many",
        ),
        pytest.param(
            a_rule(caps=(Cap(amount_minor=1_500),)),
            10_000,
            BOUND,
            a_use(2, 1_500),
            Reason.CAP_REACHED,
            id="a cent too many",
        ),
        pytest.param(
            a_rule(caps=(Cap(amount_minor=1_500),)),
            10_000,
            BOUND,
            a_use(2, 1_600),
            Reason.CAP_REACHED,
            id="a cap that was lowered since",
        ),
        pytest.param(
            a_rule(caps=(Cap(rewards=2, amount_minor=10_000),)),
            10_000,
            BOUND,
            a_use(2, 500),
            Reason.CAP_REACHED,
            id="one of two caps",
        ),
        pytest.param(
            a_rule(min_amount_minor=20_000, is_first_purchase_only=True, caps=(Cap(rewards=1),)),
            10_000,
            replace(BOUND, purchases=1),
            a_use(1),
            Reason.BELOW_MINIMUM,
            id="of several reasons the first that was looked at",
        ),
    ],
)
def test_a_rule_declines_for_a_reason(
    rule: RewardRule, order_minor: int, bond: Bond, use: CapUse, reason: Reason
) -> None:
    verdict = credited(
        a_conversion(amount_minor=order_minor),
        program=a_program(rule),
        bond=bond,
        balances=balances_of(a_balance(caps={"advocate-tenth": use})),
    )
    assert verdict.rewards == ()
    assert reasons(verdict) == {"advocate-tenth": reason}


def test_what_a_rule_looked_at_is_kept_with_its_decision() -> None:
    rule = a_rule(caps=(Cap(amount_minor=1_500),))
    verdict = credited(
        a_conversion(),
        program=a_program(rule),
        bond=BOUND,
        balances=balances_of(a_balance(caps={"advocate-tenth": a_use(1, 900)}, purchases=2)),
    )
    assert verdict.conversion.decisions[-1].inputs == {
        "owner": "per_anna",
        "order_minor": 10_000,
        "count": 3,
        "share_bps": 10_000,
        "promised_minor": 1_000,
        "granted_minor": 600,
        "rewards_so_far": 1,
        "amount_so_far_minor": 900,
        "segment": None,
        "variant": None,
    }


def test_one_rule_says_no_and_the_other_yes() -> None:
    program = a_program(a_rule(min_amount_minor=20_000), a_thanks_rule())
    verdict = credited(a_conversion(), program=program, bond=BOUND)
    assert reasons(verdict) == {
        "advocate-tenth": Reason.BELOW_MINIMUM,
        "friend-thanks": None,
    }
    assert amounts(verdict) == {"friend-thanks": 300}


def test_the_advocates_cap_is_not_the_friends() -> None:
    program = a_program(a_rule(caps=(Cap(rewards=1),)), a_thanks_rule())
    full = a_balance(caps={"advocate-tenth": a_use(1, 1_000)})
    verdict = credited(a_conversion(), program=program, bond=BOUND, balances=balances_of(full))
    assert amounts(verdict) == {"friend-thanks": 300}


def test_two_rules_for_one_person_are_decided_one_after_the_other() -> None:
    program = a_program(a_rule(), a_rule(rule_id="advocate-extra"))
    verdict = credited(a_conversion(), program=program, bond=BOUND)
    assert balance_of(verdict, ANNA).amounts == {"held:EUR": 2_000}
    assert balance_of(verdict, ANNA).caps == {
        "advocate-tenth": a_use(1, 1_000),
        "advocate-extra": a_use(1, 1_000),
        "*": a_use(2, 2_000),
    }


def test_the_first_thing_heard_of_a_friend_creates_the_referral() -> None:
    verdict = credited(a_conversion(touches=CLICKED))
    assert [each.name for each in verdict.events] == [
        EventName.REFERRAL_CREATED,
        EventName.CONVERSION_RECORDED,
        EventName.REWARD_HELD,
    ]


def test_a_bound_friend_is_not_told_of_as_new_again() -> None:
    verdict = credited(a_conversion(), bond=BOUND)
    assert [each.name for each in verdict.events] == [
        EventName.CONVERSION_RECORDED,
        EventName.REWARD_HELD,
    ]


def test_events_name_what_a_subscriber_needs() -> None:
    *_, held = credited(a_conversion(), bond=BOUND).events
    assert {
        name: held.data[name] for name in ("person_id", "amount_minor", "unit", "held_until")
    } == {
        "person_id": "per_anna",
        "amount_minor": 1_000,
        "unit": "EUR",
        "held_until": "2026-06-03T12:00:00+00:00",
    }


def test_deciding_again_gives_the_same_verdict() -> None:
    program = a_program(a_rule(), a_thanks_rule())
    once = credited(a_conversion(touches=CLICKED), program=program)
    assert credited(a_conversion(touches=CLICKED), program=program) == once


def test_rewards_are_held_from_the_order_on_however_late_it_is_told() -> None:
    verdict = credited(a_conversion(occurred_at=NOW - A_DAY), bond=BOUND)
    assert verdict.rewards[0].held_until == datetime(2026, 6, 2, 12, tzinfo=UTC)


@given(
    order_minor=st.integers(min_value=0, max_value=10**12),
    rate_bps=st.integers(min_value=1, max_value=10_000),
    max_minor=st.none() | st.integers(min_value=1, max_value=10**6),
    cap_minor=st.none() | st.integers(min_value=1, max_value=10**6),
    used_minor=st.integers(min_value=0, max_value=10**6),
)
def test_no_reward_is_more_than_the_order_the_most_or_the_cap_allow(
    order_minor: int, rate_bps: int, max_minor: int | None, cap_minor: int | None, used_minor: int
) -> None:
    rule = a_rule(
        reward=Percent(rate_bps=rate_bps, max_minor=max_minor), caps=(Cap(amount_minor=cap_minor),)
    )
    used = a_balance(caps={"advocate-tenth": a_use(1, used_minor)})
    verdict = credited(
        a_conversion(amount_minor=order_minor),
        program=a_program(rule),
        bond=BOUND,
        balances=balances_of(used),
    )
    for reward in verdict.rewards:
        assert 0 < reward.amount_minor <= order_minor
        assert max_minor is None or reward.amount_minor <= max_minor
        assert cap_minor is None or used_minor + reward.amount_minor <= cap_minor
    assert len(verdict.rewards) == len([each for each in reasons(verdict).values() if not each])


@given(
    orders=st.lists(st.integers(min_value=0, max_value=50_000), max_size=8),
    most=st.integers(min_value=1, max_value=5),
)
def test_nobody_earns_more_rewards_than_the_cap_whatever_is_bought(
    orders: list[int], most: int
) -> None:
    program = a_program(a_rule(caps=(Cap(rewards=most),)))
    balances, bond, rewards = balances_of(), BOUND, 0
    for number, order_minor in enumerate(orders):
        verdict = credited(
            a_conversion(conversion_id=ConversionId(f"cnv_{number}"), amount_minor=order_minor),
            program=program,
            bond=bond,
            balances=balances,
        )
        balances.update({each.person_id: each for each in verdict.balances})
        bond, rewards = verdict.bond or bond, rewards + len(verdict.rewards)
    assert rewards <= most
    assert balances[ANNA].cap_use("advocate-tenth").all_time.rewards == rewards
    assert balances[ANNA].purchases == len(orders)


def test_an_answer_tells_what_still_stands_of_a_reward() -> None:
    told = note(a_reward(amount_minor=1_000, voided_minor=250))
    assert (told.amount_minor, told.state, told.to) == (750, RewardState.HELD, Side.ADVOCATE)


def test_a_refund_is_found_by_its_id() -> None:
    case = a_case(refunds=(a_refund(refund_id="one"), a_refund(refund_id="two")))
    assert case.refund("two") == a_refund(refund_id="two")
    assert case.refund("three") is None


def test_a_refund_is_put_in_place_of_the_one_with_its_id() -> None:
    case = a_case(refunds=(a_refund(refund_id="one"), a_refund(refund_id="two")))
    applied = a_refund(refund_id="one", is_applied=True)
    assert case.with_refund(applied).refunds == (a_refund(refund_id="two"), applied)


def test_a_code_typed_at_the_purchase_is_a_touch_like_any_other() -> None:
    typed = a_touch(kind=TouchKind.CODE, at=NOW, channel="code")
    verdict = credited(a_conversion(touches=(typed,)))
    assert verdict.bond is not None
    assert verdict.bond.referral is not None
    assert verdict.bond.referral.channel == "code"


def test_a_finding_that_is_final_keeps_nothing_waiting() -> None:
    finding = Finding(referral=None, reason=Reason.PROGRAM_NOT_RUNNING, decisions=(), is_final=True)
    verdict = left_open(a_conversion(), finding, bond=a_bond(waiting=(ORDER,)), now=NOW)
    assert verdict.bond is not None
    assert verdict.bond.waiting == ()


CIRCLE = candidates_of(a_candidate(brought_by=(BORIS,)))
NEW_ONLY = Eligibility(is_new_customers_only=True)


@pytest.mark.parametrize(
    ("program", "bond", "candidates", "reason"),
    [
        pytest.param(a_program(), a_bond(), CIRCLE, Reason.CIRCLE, id="who brought the advocate"),
        pytest.param(
            a_program(eligibility=Eligibility(segments=("fans",))),
            a_bond(),
            candidates_of(),
            Reason.ADVOCATE_NOT_ELIGIBLE,
            id="an advocate of another segment",
        ),
        pytest.param(
            a_program(eligibility=Eligibility(min_purchases=1)),
            a_bond(),
            candidates_of(),
            Reason.NOT_ENOUGH_PURCHASES,
            id="an advocate who bought nothing",
        ),
        pytest.param(
            a_program(eligibility=NEW_ONLY),
            a_bond(orders=2, first_order_at=NOW - 30 * A_DAY),
            candidates_of(),
            Reason.NOT_NEW_CUSTOMER,
            id="a customer of old",
        ),
    ],
)
def test_who_is_not_eligible_is_declined_for_now(
    program: Program, bond: Bond, candidates: Mapping[PersonId, Candidate], reason: Reason
) -> None:
    conversion = a_conversion(touches=CLICKED)
    finding = find(conversion, program=program, bond=bond, candidates=candidates)
    assert (finding.referral, finding.reason, finding.is_final) == (None, reason, False)


def test_nobody_asks_again_whether_a_bound_friend_was_eligible() -> None:
    program = a_program(eligibility=Eligibility(segments=("fans",), min_purchases=1))
    finding = find(a_conversion(), program=program, bond=BOUND, candidates=CIRCLE)
    assert finding.referral == a_referral()


def test_an_eligible_advocate_is_credited_beside_one_who_is_not() -> None:
    touches = (a_touch(), a_touch(at=NOW, advocate_id=CLARA))
    finding = find(
        a_conversion(touches=touches),
        program=a_program(eligibility=Eligibility(min_purchases=1)),
        bond=a_bond(),
        candidates=candidates_of(a_candidate(orders=1)),
    )
    assert finding.referral is not None
    assert finding.referral.advocate_id == ANNA
    assert [each.reason for each in finding.decisions] == [None, Reason.NOT_ENOUGH_PURCHASES]


def test_a_referral_remembers_who_had_brought_the_advocate() -> None:
    above = candidates_of(a_candidate(brought_by=(CLARA,)))
    finding = find(
        a_conversion(touches=CLICKED), program=a_program(), bond=a_bond(), candidates=above
    )
    assert finding.referral is not None
    assert finding.referral.second_level_id == CLARA


def test_several_clicks_share_a_friend_where_the_terms_say_so() -> None:
    linear = a_program(attribution=AttributionTerms(model=AttributionModel.LINEAR))
    touches = (a_touch(at=NOW - 2 * A_DAY, advocate_id=CLARA), a_touch())
    verdict = credited(a_conversion(touches=touches), program=linear)
    assert [(each.owner_id, each.amount_minor) for each in verdict.rewards] == [
        (ANNA, 500),
        (CLARA, 500),
    ]
    assert verdict.bond is not None
    assert verdict.bond.referral is not None
    assert verdict.bond.referral.attributable_from == NOW - A_DAY


def test_everybody_who_may_be_rewarded_takes_part() -> None:
    referral = a_referral(
        parts=(Part(advocate_id=ANNA, share_bps=6_000), Part(advocate_id=CLARA, share_bps=4_000)),
        second_level_id=PersonId("per_dora"),
    )
    assert participants(a_conversion(), referral) == {
        "per_anna",
        "per_boris",
        "per_clara",
        "per_dora",
    }
    assert participants(a_signup(), a_referral()) == {"per_anna", "per_boris"}


def test_what_a_fraud_rule_blocks_is_nobodys_for_good() -> None:
    conversion = a_conversion(touches=CLICKED)
    finding = blocked(conversion, found(conversion, program=a_program(), bond=a_bond()))
    verdict = left_open(conversion, finding, bond=a_bond(), now=NOW)
    assert (finding.referral, finding.is_final) == (None, True)
    assert verdict.conversion.reason is Reason.SUSPECTED_FRAUD
    assert verdict.bond == a_bond()
    assert verdict.events[0].name is EventName.CONVERSION_DECLINED


def test_what_has_refunds_to_come_goes_on_waiting_until_they_are_applied() -> None:
    bond = replace(BOUND, waiting=(ORDER, SIGNUP))
    verdict = credit(
        a_conversion(),
        Finding(referral=a_referral(), reason=None, decisions=()),
        referral=a_referral(),
        program=a_program(),
        bond=bond,
        surroundings=Surroundings(balances=balances_of()),
        has_waiting_refunds=True,
        now=NOW,
    )
    assert verdict.bond is not None
    assert verdict.bond.waiting == (ORDER, SIGNUP)
    assert verdict.bond.purchases == 1
