"""Recordings: whatever is added when, happenings come out in the order in which they happened."""

from dataclasses import replace
from datetime import timedelta

from referrals.domain.conversions import Case
from referrals.domain.ids import ConversionId
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.simulation import Happening, happenings_of
from referrals.store.happenings import read, recording
from tests.factories import (
    ANNA,
    BORIS,
    NOW,
    TEA,
    a_conversion,
    a_referral,
    a_refund,
    a_touch,
)

ANNAS_ENROLMENT = Happening(
    at=NOW,
    advocate=Advocate(
        person_id=ANNA,
        program_id=TEA,
        code="ANNA10",
        status=AdvocateStatus.ACTIVE,
        created_at=NOW,
    ),
)


def order(number: int, *, minutes: int = 0, with_touch: bool = False) -> list[Happening]:
    """Give an order of Boris's and its refund a minute later."""
    conversion = a_conversion(
        conversion_id=ConversionId(f"cnv_{number}"), touches=(a_touch(),) if with_touch else ()
    )
    at = NOW + timedelta(minutes=minutes)
    refund = replace(a_refund(), recorded_at=at + timedelta(minutes=1))
    recorded = replace(conversion, recorded_at=at)
    case = Case(conversion_id=conversion.conversion_id, conversion=recorded, refunds=(refund,))
    return list(happenings_of(case))


def sorted_by_recording(*added: Happening) -> list[Happening]:
    with recording() as recorded:
        for happening in added:
            recorded.add(happening)
        recorded.close()
        return list(read(recorded.file))


def test_what_is_added_last_comes_first_when_it_happened_first() -> None:
    late, early = order(1, minutes=10), order(2)
    assert [each.at for each in sorted_by_recording(*late, *early)] == [
        NOW + timedelta(minutes=minutes) for minutes in (0, 1, 10, 11)
    ]


def test_at_one_moment_people_are_there_before_what_they_do() -> None:
    (bought, _), by_hand = order(1), Happening(at=NOW, referral=a_referral(), friend_id=BORIS)
    found = sorted_by_recording(bought, by_hand, ANNAS_ENROLMENT)
    assert [each.friend_id and each.referral for each in found] == [None, by_hand.referral, None]
    assert found[0] == ANNAS_ENROLMENT


def test_a_happening_comes_out_as_it_was_put_in() -> None:
    bought, refunded = order(1, with_touch=True)
    found = sorted_by_recording(refunded, bought)
    assert found == [replace(bought, is_last_evidence=True), refunded]


def test_the_last_evidence_of_a_friend_is_known() -> None:
    happened = [
        *order(1),
        *order(2, minutes=10, with_touch=True),
        *order(3, minutes=20, with_touch=True),
        *order(4, minutes=30),
    ]
    orders = [each for each in sorted_by_recording(*happened) if each.conversion is not None]
    assert [each.is_last_evidence for each in orders] == [False, False, True, True]


def test_the_file_is_gone_afterwards() -> None:
    with recording() as recorded:
        recorded.add(ANNAS_ENROLMENT)
        folder = recorded.file.parent
    assert not folder.exists()
