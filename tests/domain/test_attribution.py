"""Attribution: whose conversion it is, when several advocates may have led to it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
    attributable_from,
    attribute,
    shared_out,
)
from referrals.domain.decisions import Decision, Reason
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.programs import (
    MOST_SHARES,
    AttributionModel,
    AttributionTerms,
    TouchKind,
    Weights,
)
from tests.factories import ANNA, BORIS, NOW, TEA, a_program, a_touch

CLARA = PersonId("per_clara")
COFFEE = ProgramId("coffee")
A_MICROSECOND = timedelta(microseconds=1)
A_DAY = timedelta(days=1)
THIRTY_DAYS = timedelta(days=30)
FIVE_MINUTES = timedelta(minutes=5)

MANUAL, CODE, COUPON, CLICK, STATED = TouchKind
LAST_CLICK, FIRST_CLICK, LINEAR, POSITION = AttributionModel
DEFAULT = AttributionTerms()
BY_PLACE = AttributionTerms(model=POSITION)
FIRST_MOST = AttributionTerms(model=POSITION, weights=Weights(first=70, middle=10, last=20))
NO_MIDDLE = AttributionTerms(model=POSITION, weights=Weights(first=50, middle=0, last=50))
ONLY_MIDDLE = AttributionTerms(model=POSITION, weights=Weights(first=0, middle=100, last=0))

# Letters for advocates; B is Boris, the friend himself.
PEOPLE = {
    letter: PersonId(f"per_{name}")
    for letter, name in (
        *(("A", "anna"), ("B", "boris"), ("C", "clara"), ("D", "dora"), ("E", "emil")),
        *(("F", "fred"), ("G", "gita"), ("H", "hugo")),
    )
}
LETTERS = {person: letter for letter, person in PEOPLE.items()}

MOMENTS = st.integers(min_value=-40 * 86_400, max_value=600).map(
    lambda seconds: NOW + timedelta(seconds=seconds)
)
TERMS = st.builds(
    AttributionTerms,
    model=st.sampled_from(AttributionModel),
    weights=st.builds(
        lambda first, last: Weights(first=first, middle=100 - first - last, last=last),
        st.integers(min_value=0, max_value=50),
        st.integers(min_value=0, max_value=50),
    ),
    precedence=st.permutations([CODE, COUPON, CLICK, STATED]).flatmap(
        lambda kinds: st.integers(min_value=1, max_value=4).map(lambda most: tuple(kinds[:most]))
    ),
)
SOUND_TOUCHES = st.builds(
    a_touch,
    kind=st.sampled_from([CLICK, CLICK, *TouchKind]),
    at=MOMENTS,
    advocate_id=st.sampled_from([each for each in PEOPLE.values() if each != BORIS]),
)
TOUCHES = st.one_of(
    SOUND_TOUCHES,
    st.builds(
        a_touch,
        kind=st.sampled_from(TouchKind),
        at=MOMENTS,
        code=st.sampled_from(["ANNA10", "CLARA7"]),
        advocate_id=st.sampled_from([ANNA, CLARA, BORIS]),
        program_id=st.sampled_from([TEA, TEA, TEA, COFFEE]),
        flaw=st.sampled_from([None, None, None, *Reason]),
    ),
)
SEVERAL = st.lists(TOUCHES, max_size=10)
IN_TWO_ORDERS = st.lists(TOUCHES, max_size=10, unique_by=lambda touch: touch.at).flatmap(
    lambda touches: st.tuples(st.just(touches), st.permutations(touches))
)


def attributed(touches: Sequence[Touch], terms: AttributionTerms = DEFAULT) -> Credited | Declined:
    """Attribute what Boris did at noon, by default under last click within 30 days."""
    program = a_program(attribution=terms)
    return attribute(touches, program=program, friend_id=BORIS, occurred_at=NOW)


def credited(touches: Sequence[Touch], terms: AttributionTerms = DEFAULT) -> Credited:
    result = attributed(touches, terms)
    assert isinstance(result, Credited)
    return result


def declined(touches: Sequence[Touch], terms: AttributionTerms = DEFAULT) -> Declined:
    result = attributed(touches, terms)
    assert isinstance(result, Declined)
    return result


def shares_of(result: Credited | Declined) -> tuple[Share, ...]:
    return result.shares if isinstance(result, Credited) else ()


def reasons_of(result: Credited | Declined) -> list[Reason | None]:
    return [each.reason for each in result.decisions]


def clicks_of(letters: str) -> list[Touch]:
    """Make a click a day of these advocates, oldest first, the last one a day ago."""
    oldest = NOW - len(letters) * A_DAY
    return [
        a_touch(at=oldest + day * A_DAY, code=letter, advocate_id=PEOPLE[letter])
        for day, letter in enumerate(letters)
    ]


def a_touch_of(kind: TouchKind, advocate_id: PersonId) -> Touch:
    """Make evidence as it comes: a click and an operator's word of yesterday, all else of now."""
    at = NOW - A_DAY if kind in {CLICK, MANUAL} else NOW
    return a_touch(kind=kind, at=at, advocate_id=advocate_id)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        pytest.param(MANUAL, CODE, id="an operator's word over a typed code"),
        pytest.param(MANUAL, COUPON, id="an operator's word over a coupon"),
        pytest.param(MANUAL, CLICK, id="an operator's word over a click"),
        pytest.param(MANUAL, STATED, id="an operator's word over the friend's"),
        pytest.param(CODE, COUPON, id="a typed code over a coupon"),
        pytest.param(CODE, CLICK, id="a typed code over a click"),
        pytest.param(CODE, STATED, id="a typed code over the friend's word"),
        pytest.param(COUPON, CLICK, id="a coupon over a click"),
        pytest.param(COUPON, STATED, id="a coupon over the friend's word"),
        pytest.param(CLICK, STATED, id="a click over the friend's word"),
    ],
)
@pytest.mark.parametrize("model", AttributionModel)
def test_stronger_evidence_has_all_whatever_the_model_and_the_order_told(
    stronger: TouchKind, weaker: TouchKind, model: AttributionModel
) -> None:
    terms = AttributionTerms(model=model)
    touches = [a_touch_of(stronger, ANNA), a_touch_of(weaker, CLARA)]
    for told, reasons in (
        (touches, [None, Reason.WEAKER_EVIDENCE]),
        (touches[::-1], [Reason.WEAKER_EVIDENCE, None]),
    ):
        result = credited(told, terms)
        assert [(each.advocate_id, each.share_bps) for each in result.shares] == [(ANNA, 10_000)]
        assert reasons_of(result) == reasons


@pytest.mark.parametrize(
    ("precedence", "winner"),
    [
        pytest.param((CODE, COUPON, CLICK, STATED), "C", id="as a rule: the code"),
        pytest.param((COUPON, CODE, CLICK, STATED), "D", id="coupons first: the coupon"),
        pytest.param((CLICK, CODE, COUPON, STATED), "E", id="clicks first: the click"),
        pytest.param((STATED, CLICK), "F", id="the friend's word first: whom they named"),
        pytest.param((CLICK,), "E", id="clicks alone: the click"),
        pytest.param((COUPON,), "D", id="coupons alone: the coupon"),
    ],
)
def test_the_terms_say_which_kind_is_stronger(
    precedence: tuple[TouchKind, ...], winner: str
) -> None:
    touches = [
        a_touch_of(kind, PEOPLE[letter])
        for kind, letter in ((CODE, "C"), (COUPON, "D"), (CLICK, "E"), (STATED, "F"))
    ]
    result = credited(touches, AttributionTerms(precedence=precedence))
    assert [each.advocate_id for each in result.shares] == [PEOPLE[winner]]
    not_considered = [
        touch.kind
        for touch, reason in zip(touches, reasons_of(result), strict=True)
        if reason is Reason.KIND_NOT_CONSIDERED
    ]
    assert not_considered == [touch.kind for touch in touches if touch.kind not in precedence]


def test_an_operators_word_counts_whatever_the_terms_consider() -> None:
    terms = AttributionTerms(precedence=(CLICK,))
    touches = [a_touch_of(CLICK, CLARA), a_touch_of(MANUAL, ANNA)]
    assert credited(touches, terms).winner.advocate_id == ANNA


@pytest.mark.parametrize("kind", [CODE, COUPON, STATED, MANUAL])
@pytest.mark.parametrize("model", AttributionModel)
def test_of_two_that_are_no_clicks_the_one_told_last_has_all(
    kind: TouchKind, model: AttributionModel
) -> None:
    touches = [a_touch_of(kind, ANNA), a_touch_of(kind, CLARA)]
    result = credited(touches, AttributionTerms(model=model))
    assert [(each.advocate_id, each.share_bps) for each in result.shares] == [(CLARA, 10_000)]
    assert reasons_of(result) == [Reason.NOT_THE_LAST, None]


@pytest.mark.parametrize(
    ("stronger", "reason"),
    [
        pytest.param(
            a_touch(kind=CODE, at=NOW, advocate_id=BORIS), Reason.SELF_REFERRAL, id="one's own code"
        ),
        pytest.param(
            a_touch(kind=CODE, at=NOW, flaw=Reason.CODE_PAUSED),
            Reason.CODE_PAUSED,
            id="a paused code",
        ),
        pytest.param(
            a_touch(kind=COUPON, at=NOW, advocate_id=None, flaw=Reason.UNKNOWN_CODE),
            Reason.UNKNOWN_CODE,
            id="a discount code of the shop's own",
        ),
        pytest.param(
            a_touch(kind=CODE, at=NOW, program_id=COFFEE),
            Reason.OTHER_PROGRAM,
            id="a code of another program",
        ),
        pytest.param(
            a_touch(kind=MANUAL, advocate_id=BORIS),
            Reason.SELF_REFERRAL,
            id="an operator's word for the friend",
        ),
    ],
)
def test_stronger_evidence_that_does_not_hold_gives_way(stronger: Touch, reason: Reason) -> None:
    result = credited([stronger, a_touch(advocate_id=CLARA)])
    assert result.winner.advocate_id == CLARA
    assert reasons_of(result) == [reason, None]


@pytest.mark.parametrize(
    ("terms", "clicks", "shares"),
    [
        pytest.param(DEFAULT, "A", {"A": 10_000}, id="last click of one"),
        pytest.param(DEFAULT, "AC", {"C": 10_000}, id="last click of two"),
        pytest.param(DEFAULT, "ACD", {"D": 10_000}, id="last click of three"),
        pytest.param(DEFAULT, "ACDE", {"E": 10_000}, id="last click of four"),
        pytest.param(DEFAULT, "ACA", {"A": 10_000}, id="last click, the same advocate twice"),
        pytest.param(DEFAULT, "ACB", {"C": 10_000}, id="last click but one's own"),
        pytest.param(AttributionTerms(model=FIRST_CLICK), "A", {"A": 10_000}, id="first of one"),
        pytest.param(AttributionTerms(model=FIRST_CLICK), "AC", {"A": 10_000}, id="first of two"),
        pytest.param(
            AttributionTerms(model=FIRST_CLICK), "ACD", {"A": 10_000}, id="first of three"
        ),
        pytest.param(
            AttributionTerms(model=FIRST_CLICK), "ACDE", {"A": 10_000}, id="first of four"
        ),
        pytest.param(
            AttributionTerms(model=FIRST_CLICK), "BCD", {"C": 10_000}, id="first but one's own"
        ),
        pytest.param(AttributionTerms(model=LINEAR), "A", {"A": 10_000}, id="linear of one"),
        pytest.param(
            AttributionTerms(model=LINEAR), "AC", {"C": 5_000, "A": 5_000}, id="linear of two"
        ),
        pytest.param(
            AttributionTerms(model=LINEAR),
            "ACD",
            {"D": 3_334, "C": 3_333, "A": 3_333},
            id="linear of three: what is left over goes to the latest",
        ),
        pytest.param(
            AttributionTerms(model=LINEAR),
            "ACDE",
            {"E": 2_500, "D": 2_500, "C": 2_500, "A": 2_500},
            id="linear of four",
        ),
        pytest.param(
            AttributionTerms(model=LINEAR),
            "ACA",
            {"A": 6_667, "C": 3_333},
            id="linear, the same advocate twice: two parts of three",
        ),
        pytest.param(
            AttributionTerms(model=LINEAR),
            "ABC",
            {"C": 5_000, "A": 5_000},
            id="linear, one's own among them has no part",
        ),
        pytest.param(BY_PLACE, "A", {"A": 10_000}, id="40/20/40 of one: all"),
        pytest.param(BY_PLACE, "AC", {"C": 5_000, "A": 5_000}, id="40/20/40 of two"),
        pytest.param(BY_PLACE, "ACD", {"D": 4_000, "A": 4_000, "C": 2_000}, id="40/20/40 of three"),
        pytest.param(
            BY_PLACE,
            "ACDE",
            {"E": 4_000, "A": 4_000, "D": 1_000, "C": 1_000},
            id="40/20/40 of four: the middle is halved",
        ),
        pytest.param(
            BY_PLACE,
            "ACA",
            {"A": 8_000, "C": 2_000},
            id="40/20/40, the same advocate first and last",
        ),
        pytest.param(FIRST_MOST, "A", {"A": 10_000}, id="70/10/20 of one: all"),
        pytest.param(FIRST_MOST, "AC", {"A": 7_778, "C": 2_222}, id="70/10/20 of two: 70 to 20"),
        pytest.param(
            FIRST_MOST, "ACD", {"A": 7_000, "D": 2_000, "C": 1_000}, id="70/10/20 of three"
        ),
        pytest.param(
            FIRST_MOST,
            "ACDE",
            {"A": 7_000, "E": 2_000, "D": 500, "C": 500},
            id="70/10/20 of four",
        ),
        pytest.param(
            FIRST_MOST,
            "ACCD",
            {"A": 7_000, "D": 2_000, "C": 1_000},
            id="70/10/20, the same advocate twice in the middle",
        ),
        pytest.param(
            FIRST_MOST,
            "BACDB",
            {"A": 7_000, "D": 2_000, "C": 1_000},
            id="70/10/20, one's own first and last are no places",
        ),
        pytest.param(
            FIRST_MOST,
            "ACBDC",
            {"A": 7_000, "C": 2_500, "D": 500},
            id="70/10/20, the example in docs/attribution.md",
        ),
        pytest.param(NO_MIDDLE, "ACD", {"D": 5_000, "A": 5_000}, id="50/0/50: the middle has none"),
        pytest.param(ONLY_MIDDLE, "ACD", {"C": 10_000}, id="0/100/0: the middle has all"),
        pytest.param(ONLY_MIDDLE, "AC", {"C": 5_000, "A": 5_000}, id="0/100/0 without a middle"),
        pytest.param(ONLY_MIDDLE, "A", {"A": 10_000}, id="0/100/0 of one: all"),
    ],
)
def test_clicks_are_shared_out_by_the_model(
    terms: AttributionTerms, clicks: str, shares: dict[str, int]
) -> None:
    result = credited(clicks_of(clicks), terms)
    assert [(LETTERS[each.advocate_id], each.share_bps) for each in result.shares] == list(
        shares.items()
    )
    assert LETTERS[result.winner.advocate_id] == next(iter(shares))


@pytest.mark.parametrize(
    ("terms", "clicks", "shares"),
    [
        pytest.param(
            AttributionTerms(model=LINEAR),
            "ACDEFG",
            {"G": 2_000, "F": 2_000, "E": 2_000, "D": 2_000, "C": 2_000},
            id="of equal ones the earliest gives way",
        ),
        pytest.param(
            AttributionTerms(model=LINEAR),
            "AACDEFG",
            {"A": 3_333, "G": 1_667, "F": 1_667, "E": 1_667, "D": 1_666},
            id="two clicks are a larger part, however early",
        ),
        pytest.param(
            BY_PLACE,
            "ACDEFGH",
            {"H": 4_348, "A": 4_348, "G": 435, "F": 435, "E": 434},
            id="first and last stay, the middle is cut",
        ),
    ],
)
def test_the_five_largest_parts_make_the_whole(
    terms: AttributionTerms, clicks: str, shares: dict[str, int]
) -> None:
    result = credited(clicks_of(clicks), terms)
    assert {LETTERS[each.advocate_id]: each.share_bps for each in result.shares} == shares
    left_out = {
        decision.inputs["code"]
        for decision in result.decisions
        if decision.reason is Reason.NOT_AMONG_THE_LARGEST
    }
    assert left_out == set(clicks) - set(shares)


@pytest.mark.parametrize(
    ("terms", "reasons"),
    [
        pytest.param(
            DEFAULT, [Reason.NOT_THE_LAST, Reason.NOT_THE_LAST, None], id="last click: the others"
        ),
        pytest.param(
            AttributionTerms(model=FIRST_CLICK),
            [None, Reason.NOT_THE_FIRST, Reason.NOT_THE_FIRST],
            id="first click: the others",
        ),
        pytest.param(AttributionTerms(model=LINEAR), [None, None, None], id="linear: nobody"),
        pytest.param(BY_PLACE, [None, None, None], id="by position: nobody"),
        pytest.param(
            NO_MIDDLE, [None, Reason.NOT_AMONG_THE_LARGEST, None], id="a middle without weight"
        ),
    ],
)
def test_a_click_that_has_no_part_is_told_why(
    terms: AttributionTerms, reasons: list[Reason | None]
) -> None:
    assert reasons_of(credited(clicks_of("ACD"), terms)) == reasons


@pytest.mark.parametrize(
    ("terms", "days_ago"),
    [
        pytest.param(DEFAULT, 1, id="last click: the last"),
        pytest.param(AttributionTerms(model=FIRST_CLICK), 3, id="first click: the first"),
        pytest.param(AttributionTerms(model=LINEAR), 1, id="linear: the latest of theirs"),
        pytest.param(BY_PLACE, 1, id="by position: the latest of theirs"),
    ],
)
def test_the_latest_touch_that_has_a_part_counts_for_its_advocate(
    terms: AttributionTerms, days_ago: int
) -> None:
    assert credited(clicks_of("ACA"), terms).winner.touch.at == NOW - days_ago * A_DAY


def test_an_earlier_touch_of_the_same_advocate_counts_and_its_part_is_told_with_the_latest() -> (
    None
):
    result = credited(clicks_of("ACA"), AttributionTerms(model=LINEAR))
    assert reasons_of(result) == [None, None, None]
    assert [each.inputs.get("share_bps") for each in result.decisions] == [None, 3_333, 6_667]


@pytest.mark.parametrize("model", AttributionModel)
def test_a_click_that_is_told_twice_counts_once(model: AttributionModel) -> None:
    touches = clicks_of("ACD")
    terms = AttributionTerms(model=model)
    assert credited([*touches, touches[1]], terms).shares == credited(touches, terms).shares


@pytest.mark.parametrize("model", AttributionModel)
def test_every_model_of_the_terms_can_be_carried_out(model: AttributionModel) -> None:
    assert model in MODELS


def test_a_touch_without_an_advocate_is_not_shared_out() -> None:
    touch = a_touch(advocate_id=None)
    with pytest.raises(ValueError, match="is not sound"):
        shared_out({touch: 1})


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
            [a_touch(kind=CODE, at=NOW), a_touch(at=NOW + FIVE_MINUTES, advocate_id=CLARA)],
            ANNA,
            id="a code over a click that is later by another clock",
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
        pytest.param([a_touch(kind=COUPON, at=NOW)], ANNA, id="a coupon alone"),
        pytest.param([a_touch(kind=STATED, at=NOW)], ANNA, id="whom the friend named, alone"),
        pytest.param(
            [a_touch(kind=MANUAL, at=NOW - 12 * THIRTY_DAYS)],
            ANNA,
            id="an operator's word of a year ago",
        ),
        pytest.param(
            [
                a_touch(kind=MANUAL, at=NOW, advocate_id=CLARA),
                a_touch(kind=MANUAL, at=NOW - A_DAY),
            ],
            CLARA,
            id="of two operators' words the one for the later moment",
        ),
    ],
)
def test_the_last_sound_touch_is_credited(touches: list[Touch], advocate_id: PersonId) -> None:
    result = credited(touches)
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
    assert credited([a_touch(at=at)]).winner.advocate_id == ANNA


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
        pytest.param(
            [a_touch(kind=MANUAL, at=NOW + FIVE_MINUTES + A_MICROSECOND)],
            Reason.AFTER_CONVERSION,
            id="an operator's word for what comes later",
        ),
        pytest.param([a_touch(advocate_id=BORIS)], Reason.SELF_REFERRAL, id="one's own link"),
        pytest.param(
            [a_touch(kind=CODE, at=NOW, advocate_id=BORIS)],
            Reason.SELF_REFERRAL,
            id="one's own code",
        ),
        pytest.param(
            [a_touch(kind=COUPON, at=NOW, advocate_id=BORIS)],
            Reason.SELF_REFERRAL,
            id="one's own code as a coupon",
        ),
        pytest.param(
            [a_touch(kind=STATED, at=NOW, advocate_id=BORIS)],
            Reason.SELF_REFERRAL,
            id="one's own name",
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
        pytest.param(
            [a_touch(kind=STATED, at=NOW, flaw=Reason.UNKNOWN_ADVOCATE)],
            Reason.UNKNOWN_ADVOCATE,
            id="somebody who is no advocate",
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
            [
                a_touch(kind=COUPON, at=NOW, flaw=Reason.UNKNOWN_CODE),
                a_touch(kind=STATED, at=NOW, flaw=Reason.UNKNOWN_ADVOCATE),
            ],
            Reason.UNKNOWN_ADVOCATE,
            id="a discount code beside somebody unknown: that one is told of",
        ),
        pytest.param(
            [a_touch(flaw=Reason.UNKNOWN_CODE), a_touch(flaw=Reason.CIRCLE)],
            Reason.UNKNOWN_CODE,
            id="a reason that has no place comes after those that have one",
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
    assert declined(touches).reason is reason


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.value) for kind in TouchKind if kind is not MANUAL]
)
def test_a_kind_that_the_terms_leave_out_is_not_considered(kind: TouchKind) -> None:
    others = tuple(each for each in TouchKind if each not in {kind, MANUAL})
    result = declined([a_touch_of(kind, ANNA)], AttributionTerms(precedence=others))
    assert result.reason is Reason.KIND_NOT_CONSIDERED
    assert reasons_of(result) == [Reason.KIND_NOT_CONSIDERED]


def test_each_touch_is_decided_about_in_the_order_told() -> None:
    result = credited(
        [
            a_touch(flaw=Reason.CLICK_NOT_GENUINE),
            a_touch(at=NOW - 2 * FIVE_MINUTES),
            a_touch(at=NOW - FIVE_MINUTES, advocate_id=CLARA, code="CLARA7"),
        ]
    )
    assert reasons_of(result) == [Reason.CLICK_NOT_GENUINE, Reason.NOT_THE_LAST, None]


def test_a_decision_about_a_touch_says_what_was_looked_at_and_its_share() -> None:
    (decision,) = credited([a_touch(channel="whatsapp")]).decisions
    assert decision.says_to_operator == (
        "attribution:click (terms v1) granted"
        " [code=ANNA10, at=2026-05-19T12:00:00+00:00, channel=whatsapp, kind=click,"
        " share_bps=10000]"
    )


def test_a_decision_about_a_touch_that_lost_tells_no_share() -> None:
    decision: Decision = credited([a_touch(), a_touch_of(CODE, CLARA)]).decisions[0]
    assert decision.says_to_operator == (
        "attribution:click (terms v1) no: weaker_evidence"
        " [code=ANNA10, at=2026-05-19T12:00:00+00:00, channel=link, kind=click]"
    )


def test_nothing_that_came_with_it_is_a_decision_too() -> None:
    (decision,) = attributed([]).decisions
    assert decision.reason is Reason.NO_TOUCH
    assert decision.version == 1


def test_decisions_carry_the_version_of_the_terms() -> None:
    result = attribute([a_touch()], program=a_program(version=7), friend_id=BORIS, occurred_at=NOW)
    assert [decision.version for decision in result.decisions] == [7]


def test_a_shorter_window_of_the_terms_is_kept() -> None:
    touch = a_touch(at=NOW - A_DAY - A_MICROSECOND)
    result = declined([touch], AttributionTerms(window_days=1))
    assert result.reason is Reason.OUTSIDE_WINDOW


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


def test_of_equal_shares_at_one_moment_the_friend_joins_the_one_told_later() -> None:
    touches = [a_touch(), a_touch(advocate_id=CLARA)]
    assert credited(touches, AttributionTerms(model=LINEAR)).winner.advocate_id == CLARA


@pytest.mark.parametrize(
    ("kind", "since"),
    [
        pytest.param(CLICK, NOW, id="a click: from its moment on"),
        pytest.param(MANUAL, NOW, id="an operator's word: from the moment they name"),
        pytest.param(CODE, NOW - THIRTY_DAYS, id="a code: for the whole window"),
        pytest.param(COUPON, NOW - THIRTY_DAYS, id="a coupon: for the whole window"),
        pytest.param(STATED, NOW - THIRTY_DAYS, id="the friend's word: for the whole window"),
    ],
)
def test_a_friend_is_owed_to_a_touch_since_a_moment(kind: TouchKind, since: datetime) -> None:
    assert attributable_from(a_touch(kind=kind, at=NOW), DEFAULT) == since


@given(SEVERAL, TERMS)
def test_every_touch_gets_its_decision(touches: list[Touch], terms: AttributionTerms) -> None:
    assert len(attributed(touches, terms).decisions) == max(len(touches), 1)


@given(SEVERAL, TERMS)
def test_the_shares_of_a_conversion_add_up_to_the_whole(
    touches: list[Touch], terms: AttributionTerms
) -> None:
    shares = shares_of(attributed(touches, terms))
    assert sum(share.share_bps for share in shares) == (10_000 if shares else 0)
    assert all(share.share_bps > 0 for share in shares)
    assert len({share.advocate_id for share in shares}) == len(shares) <= MOST_SHARES


@given(SEVERAL, TERMS)
def test_the_largest_share_is_told_first(touches: list[Touch], terms: AttributionTerms) -> None:
    result = attributed(touches, terms)
    shares = shares_of(result)
    assert list(shares) == sorted(shares, key=lambda each: each.share_bps, reverse=True)
    if isinstance(result, Credited):
        assert result.winner == shares[0]


@given(SEVERAL, TERMS)
def test_only_touches_of_the_strongest_kind_that_holds_are_credited(
    touches: list[Touch], terms: AttributionTerms
) -> None:
    kinds = {share.touch.kind for share in shares_of(attributed(touches, terms))}
    assert len(kinds) <= 1
    assert kinds <= {MANUAL, *terms.precedence}


@given(SEVERAL, TERMS)
def test_no_touch_with_a_flaw_has_a_share(touches: list[Touch], terms: AttributionTerms) -> None:
    result = attributed(touches, terms)
    granted = {
        touch
        for touch, reason in zip(touches, reasons_of(result), strict=False)
        if touches and reason is None
    }
    for share in shares_of(result):
        assert share.touch in granted
        assert share.touch.flaw is None
        assert share.touch.program_id == TEA
        assert share.advocate_id != BORIS


@given(SEVERAL, SEVERAL, TERMS)
def test_touches_with_a_flaw_change_nothing_for_the_others(
    touches: list[Touch], flawed: list[Touch], terms: AttributionTerms
) -> None:
    spoiled = [replace(each, flaw=Reason.CODE_PAUSED) for each in flawed]
    without = shares_of(attributed(touches, terms))
    assert shares_of(attributed([*spoiled, *touches], terms)) == without
    assert shares_of(attributed([*touches, *spoiled], terms)) == without


@given(SEVERAL, TERMS)
def test_a_refusal_has_a_reason_that_one_of_the_touches_has(
    touches: list[Touch], terms: AttributionTerms
) -> None:
    result = attributed(touches, terms)
    if isinstance(result, Declined):
        assert result.reason in reasons_of(result)


@given(IN_TWO_ORDERS, TERMS)
def test_touches_at_different_moments_may_be_told_in_any_order(
    told: tuple[list[Touch], list[Touch]], terms: AttributionTerms
) -> None:
    first, second = (attributed(touches, terms) for touches in told)
    assert shares_of(first) == shares_of(second)
    assert getattr(first, "reason", None) == getattr(second, "reason", None)


@given(st.lists(SOUND_TOUCHES, max_size=8), TERMS)
def test_touches_told_twice_are_told_once(touches: list[Touch], terms: AttributionTerms) -> None:
    assert shares_of(attributed([*touches, *touches], terms)) == shares_of(
        attributed(touches, terms)
    )


@given(SEVERAL, TERMS)
def test_decisions_tell_the_share_of_each_advocate_once(
    touches: list[Touch], terms: AttributionTerms
) -> None:
    result = attributed(list(dict.fromkeys(touches)), terms)
    told = [each.inputs["share_bps"] for each in result.decisions if "share_bps" in each.inputs]
    assert Counter(told) == Counter(share.share_bps for share in shares_of(result))
