"""Eligibility: who may refer, who may be referred, and that nobody refers whoever brought them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.attribution import Touch
from referrals.domain.decisions import Reason
from referrals.domain.eligibility import (
    MOST_ABOVE,
    MOST_TOPS,
    Candidate,
    climbed,
    judged,
)
from referrals.domain.ids import PersonId
from referrals.domain.programs import Eligibility, TouchKind
from referrals.domain.referrals import Bond, Part
from tests.factories import (
    A_DAY,
    ANNA,
    ANYBODY,
    BORIS,
    CLARA,
    NOW,
    a_bond,
    a_candidate,
    a_referral,
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
        pytest.param(499, None, id="the longest that is followed"),
        pytest.param(500, Reason.CIRCLE, id="too long to follow"),
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


ELSA, FRED = PersonId("per_elsa"), PersonId("per_fred")
Shares = dict[PersonId, tuple[PersonId, ...]]


def climb(shares: Shares, advocate_id: PersonId = ANNA) -> Candidate:
    """Climb where each of `shares` was brought by those named, the largest part first."""

    def bonds_of(people: Sequence[PersonId]) -> dict[PersonId, Bond]:
        return {person: bond_of(person, shares.get(person, ())) for person in people}

    return climbed(Candidate(advocate_id=advocate_id), bonds_of)


def bond_of(person: PersonId, brought_by: tuple[PersonId, ...]) -> Bond:
    if not brought_by:
        return a_bond(friend_id=person)
    parts = tuple(
        Part(advocate_id=each, share_bps=10_000 // len(brought_by)) for each in brought_by
    )
    referral = a_referral(advocate_id=brought_by[0])
    return a_bond(friend_id=person, referral=replace(referral, parts=parts))


@pytest.mark.parametrize(
    ("shares", "above", "tops", "second_level_id"),
    [
        pytest.param({}, (), (ANNA,), None, id="nobody brought her"),
        pytest.param({ANNA: (CLARA,)}, (CLARA,), (CLARA,), CLARA, id="one above"),
        pytest.param(
            {ANNA: (CLARA,), CLARA: (DORA,)}, (CLARA, DORA), (DORA,), CLARA, id="two above"
        ),
        pytest.param(
            {ANNA: (CLARA, DORA), CLARA: (ELSA,)},
            (CLARA, DORA, ELSA),
            (DORA, ELSA),
            CLARA,
            id="shared by two, one of whom was brought",
        ),
        pytest.param(
            {ANNA: (CLARA, DORA), CLARA: (ELSA,), DORA: (ELSA,)},
            (CLARA, DORA, ELSA),
            (ELSA,),
            CLARA,
            id="two whom one brought",
        ),
    ],
)
def test_everybody_above_is_found_where_a_share_is_enough(
    shares: Shares,
    above: tuple[PersonId, ...],
    tops: tuple[PersonId, ...],
    second_level_id: PersonId | None,
) -> None:
    candidate = climb(shares)
    assert (candidate.brought_by, candidate.tops) == (above, tops)
    assert candidate.second_level_id == second_level_id


def test_who_has_a_share_in_whoever_recommends_them_closes_a_circle() -> None:
    candidate = climb({ANNA: (CLARA, BORIS)})
    assert flaw(ANYBODY, candidate=candidate) is Reason.CIRCLE


def test_of_many_tops_so_many_are_held_as_a_commit_takes() -> None:
    people = tuple(PersonId(f"per_{number:02}") for number in range(MOST_TOPS + 5))
    assert climb({ANNA: people}).tops == people[:MOST_TOPS]


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(min_value=0, max_value=9), min_size=1, max_size=3, unique=True),
            st.integers(min_value=0, max_value=9),
        ),
        max_size=40,
    )
)
def test_whoever_recommends_whom_nobody_ever_stands_above_themselves(
    recommendations: list[tuple[list[int], int]],
) -> None:
    shares: Shares = {}
    for advocates, friend in recommendations:
        friend_id = PersonId(f"per_{friend}")
        named = [PersonId(f"per_{advocate}") for advocate in advocates if advocate != friend]
        if friend_id in shares or not named:
            continue
        seen = judged(
            [a_touch(advocate_id=each) for each in named],
            terms=ANYBODY,
            friend=a_bond(friend_id=friend_id),
            is_new_customer=None,
            candidates={each: climb(shares, each) for each in named},
        )
        sound = tuple(each.advocate_id for each in seen if each.flaw is None and each.advocate_id)
        if sound:
            shares[friend_id] = sound
    for person in shares:
        assert person not in climb(shares, person).brought_by
        assert len(climb(shares, person).brought_by) < MOST_ABOVE
