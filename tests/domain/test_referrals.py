"""Referrals: bound once, and what waits until then."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.attribution import Credited, Share
from referrals.domain.ids import ConversionId, PersonId, ProgramId
from referrals.domain.programs import TouchKind
from referrals.domain.referrals import (
    Bond,
    Part,
    Referral,
    kept_waiting,
    no_longer_waiting,
    referral_to,
)
from tests.factories import (
    A_DAY,
    AN_HOUR,
    ANNA,
    BORIS,
    CLARA,
    NOW,
    ORDER,
    SIGNUP,
    TEA,
    a_bond,
    a_program,
    a_touch,
)

DORA = PersonId("per_dora")
IDS = st.integers(min_value=0, max_value=300).map(lambda number: ConversionId(f"cnv_{number}"))


def bound(
    *,
    program_id: ProgramId = TEA,
    friend_id: PersonId = BORIS,
    kind: TouchKind = TouchKind.CLICK,
) -> Referral:
    touch = a_touch(kind=kind, channel="whatsapp")
    share = Share(touch=touch, advocate_id=ANNA, share_bps=10_000)
    return referral_to(
        Credited(shares=(share,), decisions=()),
        program=a_program(program_id=program_id),
        friend_id=friend_id,
        second_level_id=None,
        at=NOW,
    )


def test_a_referral_keeps_whose_link_brought_the_friend_and_when() -> None:
    referral = bound()
    assert referral.advocate_id == ANNA
    assert (referral.code, referral.channel) == ("ANNA10", "whatsapp")
    assert referral.since == NOW
    assert referral.attributable_from == datetime(2026, 5, 19, 12, tzinfo=UTC)


def test_a_referral_by_a_code_reaches_back_for_the_window() -> None:
    assert bound(kind=TouchKind.CODE).attributable_from == datetime(2026, 4, 19, 12, tzinfo=UTC)


def test_a_friend_has_one_referral_in_a_program_however_they_came() -> None:
    assert bound().referral_id == bound(kind=TouchKind.CODE).referral_id


def test_another_friend_or_program_has_another_referral() -> None:
    ids = {
        bound().referral_id,
        bound(friend_id=PersonId("per_clara")).referral_id,
        bound(program_id=ProgramId("coffee")).referral_id,
    }
    assert len(ids) == 3
    assert all(each.startswith("ref_") for each in ids)


def shared(*parts: tuple[PersonId, int]) -> Referral:
    """Bind Boris to several advocates, by clicks an hour apart."""
    shares = tuple(
        Share(
            touch=a_touch(advocate_id=advocate_id, at=NOW - (number + 1) * AN_HOUR),
            advocate_id=advocate_id,
            share_bps=share_bps,
        )
        for number, (advocate_id, share_bps) in enumerate(parts)
    )
    return referral_to(
        Credited(shares=shares, decisions=()),
        program=a_program(),
        friend_id=BORIS,
        second_level_id=DORA,
        at=NOW,
    )


def test_a_referral_of_several_advocates_is_the_one_with_the_largest_part() -> None:
    referral = shared((CLARA, 3_000), (ANNA, 7_000))
    assert referral.advocate_id == ANNA
    assert referral.attributable_from == datetime(2026, 5, 20, 10, tzinfo=UTC)
    assert referral.parts == (
        Part(advocate_id=CLARA, share_bps=3_000),
        Part(advocate_id=ANNA, share_bps=7_000),
    )


def test_of_equal_parts_the_latest_touch_has_the_referral() -> None:
    assert shared((CLARA, 5_000), (ANNA, 5_000)).advocate_id == CLARA


def test_a_referral_of_one_advocate_is_not_divided() -> None:
    referral = shared((ANNA, 10_000))
    assert referral.parts == ()
    assert referral.shared_by == (Part(advocate_id=ANNA, share_bps=10_000),)


def test_a_referral_keeps_who_had_brought_the_advocate_then() -> None:
    assert shared((ANNA, 10_000)).second_level_id == DORA


def test_every_order_of_a_friend_is_counted_and_the_earliest_remembered() -> None:
    bond = a_bond().with_order(NOW)
    assert (bond.orders, bond.first_order_at) == (1, NOW)


@pytest.mark.parametrize(
    ("second_at", "first_at"),
    [
        pytest.param(NOW + A_DAY, NOW, id="told in order"),
        pytest.param(NOW - A_DAY, NOW - A_DAY, id="an older one is told later"),
    ],
)
def test_the_first_order_is_the_earliest_and_not_the_first_told(
    second_at: datetime, first_at: datetime
) -> None:
    bond = a_bond().with_order(NOW).with_order(second_at)
    assert (bond.orders, bond.first_order_at) == (2, first_at)


@pytest.mark.parametrize(
    ("bond", "state"),
    [
        pytest.param(a_bond(), "waiting", id="heard of"),
        pytest.param(a_bond(is_signed_up=True), "signed_up", id="signed up"),
        pytest.param(a_bond(is_signed_up=True, purchases=1), "purchased", id="bought"),
        pytest.param(a_bond(purchases=2), "purchased", id="bought without signing up"),
    ],
)
def test_a_bond_says_how_far_the_friend_got(bond: Bond, state: str) -> None:
    assert bond.state == state


def test_what_came_too_early_waits() -> None:
    assert kept_waiting(a_bond(), ORDER).waiting == (ORDER,)


def test_what_is_told_again_waits_once_and_last() -> None:
    bond = kept_waiting(a_bond(waiting=(ORDER, SIGNUP)), ORDER)
    assert bond.waiting == (SIGNUP, ORDER)


def test_when_too_much_waits_the_oldest_gives_way() -> None:
    full = tuple(ConversionId(f"cnv_{number}") for number in range(100))
    bond = kept_waiting(a_bond(waiting=full), ORDER)
    assert bond.waiting == (*full[1:], ORDER)


def test_what_is_taken_up_waits_no_longer() -> None:
    bond = no_longer_waiting(a_bond(waiting=(SIGNUP, ORDER)), SIGNUP)
    assert bond.waiting == (ORDER,)


def test_what_does_not_wait_cannot_be_taken_off() -> None:
    assert no_longer_waiting(a_bond(waiting=(ORDER,)), SIGNUP) == a_bond(waiting=(ORDER,))


@given(st.lists(IDS, max_size=150))
def test_whatever_comes_a_hundred_wait_at_most_and_each_once(told: list[ConversionId]) -> None:
    bond = a_bond()
    for conversion_id in told:
        bond = kept_waiting(bond, conversion_id)
    assert len(bond.waiting) <= 100
    assert len(set(bond.waiting)) == len(bond.waiting)
    assert set(told[-1:]) <= set(bond.waiting)
