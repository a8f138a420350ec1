"""Attribution: whose conversion it is."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.attribution import (
    MODELS,
    Credited,
    Declined,
    Share,
    Touch,
    TouchKind,
    attributable_from,
    attribute,
)
from referrals.domain.decisions import Reason
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.programs import AttributionModel, AttributionTerms
from tests.factories import ANNA, BORIS, NOW, TEA, a_program, a_touch

CLARA = PersonId("per_clara")
COFFEE = ProgramId("coffee")
A_MICROSECOND = timedelta(microseconds=1)
THIRTY_DAYS = timedelta(days=30)
FIVE_MINUTES = timedelta(minutes=5)

TOUCHES = st.builds(
    a_touch,
    kind=st.sampled_from(TouchKind),
    at=st.integers(min_value=-40 * 86_400, max_value=600).map(
        lambda seconds: NOW + timedelta(seconds=seconds)
    ),
    code=st.sampled_from(["ANNA10", "CLARA7"]),
    advocate_id=st.sampled_from([ANNA, CLARA, BORIS]),
    program_id=st.sampled_from([TEA, TEA, TEA, COFFEE]),
    flaw=st.sampled_from([None, None, None, Reason.CODE_PAUSED, Reason.UNKNOWN_CODE]),
)

IN_TWO_ORDERS = st.lists(TOUCHES, max_size=6, unique_by=lambda touch: touch.at).flatmap(
    lambda touches: st.tuples(st.just(touches), st.permutations(touches))
)


def attributed(*touches: Touch) -> Credited | Declined:
    """Attribute what Boris did at noon under last click within 30 days."""
    return attribute(touches, program=a_program(), friend_id=BORIS, occurred_at=NOW)


def credited(*touches: Touch) -> Credited:
    result = attributed(*touches)
    assert isinstance(result, Credited)
    return result


@pytest.mark.parametrize(
    ("touches", "advocate_id"),
    [
        pytest.param([a_touch()], ANNA, id="one click"),
        pytest.param(
            [a_touch(at=NOW - 2 * FIVE_MINUTES), a_touch(at=NOW - FIVE_MINUTES, advocate_id=CLARA)],
            CLARA,
            id="the later of two clicks",
        ),
        pytest.param(
            [a_touch(at=NOW - FIVE_MINUTES, advocate_id=CLARA), a_touch(at=NOW - 2 * FIVE_MINUTES)],
            CLARA,
            id="the later of two clicks, told first",
        ),
        pytest.param(
            [a_touch(), a_touch(advocate_id=CLARA)],
            CLARA,
            id="of two at one moment the one told later",
        ),
        pytest.param(
            [a_touch(kind=TouchKind.CODE, at=NOW), a_touch(at=NOW - A_MICROSECOND)],
            ANNA,
            id="a code typed at the conversion over any click",
        ),
        pytest.param(
            [a_touch(), a_touch(at=NOW, advocate_id=BORIS)], ANNA, id="another's over one's own"
        ),
        pytest.param(
            [a_touch(), a_touch(at=NOW, advocate_id=CLARA, program_id=COFFEE)],
            ANNA,
            id="this program's over another's",
        ),
        pytest.param(
            [a_touch(), a_touch(at=NOW, advocate_id=CLARA, flaw=Reason.CODE_PAUSED)],
            ANNA,
            id="an active code over a paused one",
        ),
    ],
)
def test_the_last_sound_touch_is_credited(touches: list[Touch], advocate_id: PersonId) -> None:
    result = credited(*touches)
    assert [(share.advocate_id, share.share_bps) for share in result.shares] == [
        (advocate_id, 10_000)
    ]


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(NOW - THIRTY_DAYS, id="30 days before, to the moment"),
        pytest.param(NOW, id="at the same moment"),
        pytest.param(NOW + FIVE_MINUTES, id="five minutes after, by another clock"),
    ],
)
def test_both_edges_of_the_window_count(at: datetime) -> None:
    assert credited(a_touch(at=at)).winner.advocate_id == ANNA


@pytest.mark.parametrize(
    ("touches", "reason"),
    [
        pytest.param([], Reason.NO_TOUCH, id="nothing came with it"),
        pytest.param(
            [a_touch(at=NOW - THIRTY_DAYS - A_MICROSECOND)],
            Reason.OUTSIDE_WINDOW,
            id="a microsecond too old",
        ),
        pytest.param(
            [a_touch(at=NOW + FIVE_MINUTES + A_MICROSECOND)],
            Reason.AFTER_CONVERSION,
            id="a microsecond too late",
        ),
        pytest.param([a_touch(advocate_id=BORIS)], Reason.SELF_REFERRAL, id="one's own link"),
        pytest.param(
            [a_touch(kind=TouchKind.CODE, at=NOW, advocate_id=BORIS)],
            Reason.SELF_REFERRAL,
            id="one's own code",
        ),
        pytest.param(
            [a_touch(program_id=COFFEE)], Reason.OTHER_PROGRAM, id="a link of another program"
        ),
        pytest.param(
            [a_touch(flaw=Reason.CLICK_NOT_GENUINE, advocate_id=None, program_id=None)],
            Reason.CLICK_NOT_GENUINE,
            id="a forged click",
        ),
        pytest.param(
            [a_touch(flaw=Reason.UNKNOWN_CODE, advocate_id=None, program_id=None)],
            Reason.UNKNOWN_CODE,
            id="a code nobody has",
        ),
        pytest.param([a_touch(flaw=Reason.CODE_PAUSED)], Reason.CODE_PAUSED, id="a paused code"),
        pytest.param(
            [a_touch(at=NOW - 2 * THIRTY_DAYS), a_touch(advocate_id=BORIS)],
            Reason.SELF_REFERRAL,
            id="an old link beside one's own: one's own is told of",
        ),
        pytest.param(
            [a_touch(flaw=Reason.CLICK_NOT_GENUINE), a_touch(at=NOW - 2 * THIRTY_DAYS)],
            Reason.OUTSIDE_WINDOW,
            id="a forged click beside an old one: the old one is told of",
        ),
        pytest.param(
            [a_touch(flaw=Reason.UNKNOWN_CODE), a_touch(program_id=COFFEE)],
            Reason.OTHER_PROGRAM,
            id="an unknown code beside another program's: that one is told of",
        ),
        pytest.param(
            [a_touch(advocate_id=BORIS, program_id=COFFEE)],
            Reason.OTHER_PROGRAM,
            id="one's own link of another program",
        ),
        pytest.param(
            [a_touch(advocate_id=BORIS, at=NOW - 2 * THIRTY_DAYS)],
            Reason.SELF_REFERRAL,
            id="one's own old link",
        ),
    ],
)
def test_nobody_is_credited_for_a_reason(touches: list[Touch], reason: Reason) -> None:
    result = attributed(*touches)
    assert isinstance(result, Declined)
    assert result.reason is reason


def test_each_touch_is_decided_about_in_the_order_told() -> None:
    result = credited(
        a_touch(flaw=Reason.CLICK_NOT_GENUINE),
        a_touch(at=NOW - 2 * FIVE_MINUTES),
        a_touch(at=NOW - FIVE_MINUTES, advocate_id=CLARA, code="CLARA7"),
    )
    assert [decision.reason for decision in result.decisions] == [
        Reason.CLICK_NOT_GENUINE,
        Reason.NOT_THE_LAST,
        None,
    ]


def test_a_decision_about_a_touch_says_what_was_looked_at() -> None:
    (decision,) = credited(a_touch(channel="whatsapp")).decisions
    assert decision.says_to_operator == (
        "attribution:click (terms v1) granted"
        " [code=ANNA10, at=2026-05-19T12:00:00+00:00, channel=whatsapp]"
    )


def test_nothing_that_came_with_it_is_a_decision_too() -> None:
    (decision,) = attributed().decisions
    assert decision.reason is Reason.NO_TOUCH
    assert decision.version == 1


def test_decisions_carry_the_version_of_the_terms() -> None:
    result = attribute([a_touch()], program=a_program(version=7), friend_id=BORIS, occurred_at=NOW)
    assert [decision.version for decision in result.decisions] == [7]


def test_a_shorter_window_of_the_terms_is_kept() -> None:
    program = a_program(attribution=AttributionTerms(window_days=1))
    touch = a_touch(at=NOW - timedelta(days=1) - A_MICROSECOND)
    result = attribute([touch], program=program, friend_id=BORIS, occurred_at=NOW)
    assert isinstance(result, Declined)
    assert result.reason is Reason.OUTSIDE_WINDOW


@given(st.lists(TOUCHES, max_size=8))
def test_every_touch_gets_its_decision(touches: list[Touch]) -> None:
    assert len(attributed(*touches).decisions) == max(len(touches), 1)


@given(st.lists(TOUCHES, max_size=8))
def test_nobody_is_ever_credited_for_themselves(touches: list[Touch]) -> None:
    result = attributed(*touches)
    shares = result.shares if isinstance(result, Credited) else ()
    assert BORIS not in {share.advocate_id for share in shares}


@given(st.lists(TOUCHES, max_size=8))
def test_a_refusal_has_a_reason_that_one_of_the_touches_has(touches: list[Touch]) -> None:
    result = attributed(*touches)
    if isinstance(result, Declined):
        assert result.reason in {decision.reason for decision in result.decisions}


@given(IN_TWO_ORDERS)
def test_touches_at_different_moments_may_be_told_in_any_order(
    touches: tuple[list[Touch], list[Touch]],
) -> None:
    first, second = attributed(*touches[0]), attributed(*touches[1])
    assert getattr(first, "shares", None) == getattr(second, "shares", None)
    assert getattr(first, "reason", None) == getattr(second, "reason", None)


@pytest.mark.parametrize("model", AttributionModel)
@given(touches=st.lists(TOUCHES, min_size=1, max_size=8))
def test_the_shares_of_a_conversion_add_up_to_the_whole(
    model: AttributionModel, touches: list[Touch]
) -> None:
    shares = MODELS[model](touches)
    assert sum(share.share_bps for share in shares) == 10_000
    assert all(share.share_bps > 0 for share in shares)


@pytest.mark.parametrize("model", AttributionModel)
def test_every_model_of_the_terms_can_be_carried_out(model: AttributionModel) -> None:
    assert model in MODELS


def test_a_touch_without_an_advocate_is_not_shared_out() -> None:
    touch = a_touch(advocate_id=None)
    with pytest.raises(ValueError, match="is not sound"):
        MODELS[AttributionModel.LAST_CLICK]([touch])


def test_the_friend_joins_the_advocate_of_the_largest_share() -> None:
    result = Credited(
        shares=(
            Share(touch=a_touch(), advocate_id=ANNA, share_bps=4_000),
            Share(touch=a_touch(), advocate_id=CLARA, share_bps=6_000),
        ),
        decisions=(),
    )
    assert result.winner.advocate_id == CLARA


def test_of_equal_shares_the_friend_joins_the_latest() -> None:
    result = Credited(
        shares=(
            Share(touch=a_touch(at=NOW), advocate_id=ANNA, share_bps=5_000),
            Share(touch=a_touch(at=NOW - FIVE_MINUTES), advocate_id=CLARA, share_bps=5_000),
        ),
        decisions=(),
    )
    assert result.winner.advocate_id == ANNA


def test_a_friend_is_owed_to_a_click_from_its_moment_on() -> None:
    assert attributable_from(a_touch(at=NOW), AttributionTerms()) == NOW


def test_a_friend_is_owed_to_a_code_for_the_whole_window() -> None:
    touch = a_touch(kind=TouchKind.CODE, at=NOW)
    assert attributable_from(touch, AttributionTerms(window_days=30)) == NOW - THIRTY_DAYS
