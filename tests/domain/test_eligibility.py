"""Eligibility: who may refer, who may be referred, and that nobody refers whoever brought them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.attribution import Touch
from referrals.domain.decisions import Reason
from referrals.domain.eligibility import LONGEST_CHAIN, Candidate, judged
from referrals.domain.ids import PersonId
from referrals.domain.programs import Eligibility, TouchKind
from referrals.domain.referrals import Bond
from tests.factories import (
    A_DAY,
    ANNA,
    ANYBODY,
    BORIS,
    CLARA,
    NOW,
    a_bond,
    a_candidate,
    a_touch,
    candidates_of,
)

DORA = PersonId("per_dora")
FOR_FANS = Eligibility(segments=("fans", "staff"))
AFTER_SALE = Eligibility(min_purchases=2)
NEW_ONLY = Eligibility(is_new_customers_only=True)
A_MINUTE = timedelta(minutes=1)


def flaw(
    terms: Eligibility,
    *,
    candidate: Candidate | None = None,
    touch: Touch | None = None,
    friend: Bond | None = None,
    is_new_customer: bool | None = None,
) -> Reason | None:
    """Give what the terms have against one touch, Anna's link unless it is another."""
    (seen,) = judged(
        [touch or a_touch()],
        terms=terms,
        friend=friend or a_bond(),
        is_new_customer=is_new_customer,
        candidates=candidates_of(candidate or a_candidate()),
    )
    return seen.flaw


@pytest.mark.parametrize(
    ("terms", "candidate", "reason"),
    [
        pytest.param(ANYBODY, a_candidate(), None, id="open to anybody"),
        pytest.param(FOR_FANS, a_candidate(segment="fans"), None, id="of the segment"),
        pytest.param(FOR_FANS, a_candidate(segment="staff"), None, id="of another that may"),
        pytest.param(
            FOR_FANS, a_candidate(segment="press"), Reason.ADVOCATE_NOT_ELIGIBLE, id="of another"
        ),
        pytest.param(FOR_FANS, a_candidate(), Reason.ADVOCATE_NOT_ELIGIBLE, id="of none"),
        pytest.param(AFTER_SALE, a_candidate(orders=2), None, id="enough orders"),
        pytest.param(
            AFTER_SALE, a_candidate(orders=1), Reason.NOT_ENOUGH_PURCHASES, id="an order short"
        ),
        pytest.param(
            Eligibility(segments=("fans",), min_purchases=1),
            a_candidate(),
            Reason.ADVOCATE_NOT_ELIGIBLE,
            id="of two reasons the first that was looked at",
        ),
    ],
)
def test_terms_say_who_may_refer(
    terms: Eligibility, candidate: Candidate, reason: Reason | None
) -> None:
    assert flaw(terms, candidate=candidate) is reason


@pytest.mark.parametrize(
    "brought_by",
    [
        pytest.param((BORIS,), id="of two"),
        pytest.param((CLARA, BORIS), id="of three"),
        pytest.param((CLARA, DORA, PersonId("per_emil"), BORIS), id="of five"),
        pytest.param((BORIS, CLARA), id="with somebody above"),
    ],
)
@pytest.mark.parametrize("kind", TouchKind)
def test_nobody_brings_whoever_brought_them(
    brought_by: tuple[PersonId, ...], kind: TouchKind
) -> None:
    candidate = a_candidate(brought_by=brought_by)
    assert flaw(ANYBODY, candidate=candidate, touch=a_touch(kind=kind)) is Reason.CIRCLE


def test_a_chain_without_the_friend_is_no_circle() -> None:
    assert flaw(ANYBODY, candidate=a_candidate(brought_by=(CLARA, DORA))) is None


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        pytest.param(19, None, id="the longest that is followed"),
        pytest.param(20, Reason.CIRCLE, id="too long to follow"),
    ],
)
def test_a_chain_that_is_too_long_to_follow_is_taken_for_a_circle(
    length: int, reason: Reason | None
) -> None:
    above = tuple(PersonId(f"per_{number}") for number in range(length))
    assert flaw(ANYBODY, candidate=a_candidate(brought_by=above)) is reason


def test_ones_own_link_is_left_to_attribution() -> None:
    own = a_touch(advocate_id=BORIS)
    candidate = a_candidate(advocate_id=BORIS)
    assert flaw(FOR_FANS, touch=own, candidate=candidate) is None


@pytest.mark.parametrize(
    "touch",
    [
        pytest.param(a_touch(advocate_id=None), id="of nobody"),
        pytest.param(a_touch(advocate_id=DORA), id="of somebody who was not looked up"),
    ],
)
def test_a_touch_of_nobody_known_is_left_to_attribution(touch: Touch) -> None:
    assert flaw(FOR_FANS, touch=touch) is None


def test_an_operators_word_stands_above_all_but_a_circle() -> None:
    by_hand = a_touch(kind=TouchKind.MANUAL)
    everything = Eligibility(segments=("fans",), min_purchases=1, is_new_customers_only=True)
    assert flaw(everything, touch=by_hand, is_new_customer=False) is None


@pytest.mark.parametrize(
    ("friend", "is_new_customer", "reason"),
    [
        pytest.param(a_bond(), None, None, id="nothing known"),
        pytest.param(a_bond(), True, None, id="new, says the shop"),
        pytest.param(a_bond(), False, Reason.NOT_NEW_CUSTOMER, id="not new, says the shop"),
        pytest.param(
            a_bond(orders=1, first_order_at=NOW - 2 * A_DAY),
            None,
            Reason.NOT_NEW_CUSTOMER,
            id="an order before the click",
        ),
        pytest.param(
            a_bond(orders=1, first_order_at=NOW), None, None, id="an order after the click"
        ),
        pytest.param(
            a_bond(orders=3, first_order_at=NOW - A_DAY), None, None, id="an order with the click"
        ),
        pytest.param(
            a_bond(orders=1, first_order_at=NOW - 2 * A_DAY),
            True,
            None,
            id="the shop's word over an order",
        ),
    ],
)
def test_only_new_customers_may_be_referred(
    friend: Bond, *, is_new_customer: bool | None, reason: Reason | None
) -> None:
    assert flaw(NEW_ONLY, friend=friend, is_new_customer=is_new_customer) is reason


def test_a_code_that_is_typed_at_the_first_order_brings_a_new_customer() -> None:
    first_order = a_bond(orders=1, first_order_at=NOW)
    assert flaw(NEW_ONLY, friend=first_order, touch=a_touch(kind=TouchKind.CODE, at=NOW)) is None


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        pytest.param(5 * A_MINUTE, None, id="as far as clocks differ"),
        pytest.param(
            5 * A_MINUTE + timedelta(microseconds=1),
            Reason.NOT_NEW_CUSTOMER,
            id="further than that",
        ),
    ],
)
def test_a_first_order_by_a_clock_that_is_behind_is_not_taken_for_an_earlier_one(
    behind: timedelta, reason: Reason | None
) -> None:
    first_order = a_bond(orders=1, first_order_at=NOW - behind)
    assert flaw(NEW_ONLY, friend=first_order, touch=a_touch(at=NOW)) is reason


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        pytest.param(a_candidate(), None, id="anybody may be referred"),
        pytest.param(a_candidate(orders=0, segment=None), None, id="by anybody"),
    ],
)
def test_who_was_a_customer_before_may_be_referred_where_terms_do_not_ask(
    candidate: Candidate, reason: Reason | None
) -> None:
    known = a_bond(orders=5, first_order_at=NOW - 90 * A_DAY)
    assert flaw(ANYBODY, candidate=candidate, friend=known, is_new_customer=False) is reason


def test_a_flaw_that_was_found_before_stays() -> None:
    paused = a_touch(flaw=Reason.CODE_PAUSED)
    assert flaw(FOR_FANS, touch=paused) is Reason.CODE_PAUSED


def test_each_touch_is_judged_by_its_own_advocate() -> None:
    seen = judged(
        [a_touch(), a_touch(advocate_id=CLARA)],
        terms=FOR_FANS,
        friend=a_bond(),
        is_new_customer=None,
        candidates=candidates_of(a_candidate(advocate_id=CLARA, segment="fans")),
    )
    assert [each.flaw for each in seen] == [Reason.ADVOCATE_NOT_ELIGIBLE, None]


@pytest.mark.parametrize(
    ("candidate", "top_id", "second_level_id"),
    [
        pytest.param(a_candidate(), ANNA, None, id="nobody brought her"),
        pytest.param(a_candidate(brought_by=(CLARA,)), CLARA, CLARA, id="one above"),
        pytest.param(a_candidate(brought_by=(CLARA, DORA)), DORA, CLARA, id="two above"),
    ],
)
def test_a_candidate_knows_who_stands_above(
    candidate: Candidate, top_id: PersonId, second_level_id: PersonId | None
) -> None:
    assert (candidate.top_id, candidate.second_level_id) == (top_id, second_level_id)


def above(bonds: dict[int, int], person: int) -> tuple[PersonId, ...]:
    """Climb from somebody to whoever nobody brought."""
    chain: list[PersonId] = []
    while person in bonds and len(chain) < LONGEST_CHAIN:
        person = bonds[person]
        chain.append(PersonId(f"per_{person}"))
    return tuple(chain)


@given(
    st.lists(
        st.tuples(st.integers(min_value=0, max_value=9), st.integers(min_value=0, max_value=9)),
        max_size=40,
    )
)
def test_whoever_recommends_whom_nobody_ever_stands_above_themselves(
    recommendations: list[tuple[int, int]],
) -> None:
    bonds: dict[int, int] = {}
    for advocate, friend in recommendations:
        if friend in bonds or advocate == friend:
            continue
        advocate_id = PersonId(f"per_{advocate}")
        (seen,) = judged(
            [a_touch(advocate_id=advocate_id)],
            terms=ANYBODY,
            friend=a_bond(friend_id=PersonId(f"per_{friend}")),
            is_new_customer=None,
            candidates={
                advocate_id: a_candidate(advocate_id=advocate_id, brought_by=above(bonds, advocate))
            },
        )
        if seen.flaw is None:
            bonds[friend] = advocate
    for person in bonds:
        assert PersonId(f"per_{person}") not in above(bonds, person)
        assert len(above(bonds, person)) < LONGEST_CHAIN
