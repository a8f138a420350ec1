"""What is kept of signals: who, under which hash, for how long, and nothing personal."""

from datetime import UTC, datetime, timedelta

import pytest

from referrals.domain.fraud.signals import SignalKind
from referrals.domain.ids import PersonId
from referrals.store import signals
from referrals.store.transactions import read
from tests import shop
from tests.faults import calls_counted, refused_once
from tests.shop import NOON

pytestmark = pytest.mark.usefixtures("tables")

ANNA, BORIS, CLARA = (PersonId(f"per_{name}") for name in ("anna", "boris", "clara"))
HASH, OTHER_HASH = "00" * 16, "ff" * 16
LATER = NOON + timedelta(days=100)


def _noted(person: PersonId, value_hash: str = HASH, *, at: datetime = NOON) -> frozenset[PersonId]:
    return signals.note(SignalKind.EMAIL, value_hash, person, now=at)


def _known(kind: SignalKind, value_hash: str) -> frozenset[PersonId] | None:
    wanted = signals.wanted(kind, value_hash)
    read(wanted)
    return wanted.value


def _minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def test_everybody_who_was_seen_with_something_is_known_for_it() -> None:
    assert _noted(ANNA) == {ANNA}
    assert _noted(BORIS) == {ANNA, BORIS}
    assert _known(SignalKind.EMAIL, HASH) == frozenset({ANNA, BORIS})


def test_another_hash_and_another_kind_are_other_signals() -> None:
    _noted(ANNA)
    assert _noted(BORIS, OTHER_HASH) == {BORIS}
    assert signals.note(SignalKind.PAYMENT, HASH, CLARA, now=NOON) == {CLARA}
    assert _known(SignalKind.NETWORK, HASH) is None


def test_to_note_somebody_is_one_call() -> None:
    with calls_counted() as made:
        _noted(ANNA)
    assert made == ["UpdateItem"]


def test_somebody_who_is_noted_twice_is_there_once() -> None:
    _noted(ANNA)
    before = shop.dump()["signals"]
    assert _noted(ANNA) == {ANNA}
    assert shop.dump()["signals"] == before


def test_it_is_kept_for_400_days_from_the_last_time() -> None:
    _noted(ANNA)
    _noted(BORIS, at=LATER)
    (item,) = shop.dump()["signals"]
    assert item["first_seen"]["S"].startswith("2026-05-04T12:00")
    assert datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) == LATER + timedelta(days=400)


def test_no_more_than_twenty_people_are_kept_of_a_signal() -> None:
    for number in range(25):
        _noted(PersonId(f"per_{number:02}"))
    (item,) = shop.dump()["signals"]
    assert len(item["people"]["SS"]) == 20
    known = _noted(ANNA)
    assert len(known) == 21
    assert ANNA in known


def test_one_of_the_twenty_is_noted_again_without_harm() -> None:
    for number in range(20):
        _noted(PersonId(f"per_{number:02}"))
    assert len(_noted(PersonId("per_07"))) == 20


def test_a_table_that_refuses_is_not_taken_for_a_full_signal() -> None:
    with (
        refused_once("UpdateItem", "AccessDeniedException"),
        pytest.raises(Exception, match="AccessDenied"),
    ):
        _noted(ANNA)


def test_signups_are_counted_over_the_hour_and_the_day_before() -> None:
    for friend, minutes in (("a", -1_500), ("b", -1_430), ("c", -61), ("d", -59), ("e", 0)):
        signals.note_signup(ANNA, PersonId(f"per_{friend}"), at=_minutes(minutes))
    assert signals.count_signups(ANNA, until=NOON) == (2, 4)


def test_an_hour_is_counted_across_the_turn_of_the_clock_and_of_the_day() -> None:
    midnight = NOON + timedelta(hours=12)
    signals.note_signup(ANNA, BORIS, at=midnight - timedelta(minutes=5))
    signals.note_signup(ANNA, CLARA, at=midnight + timedelta(minutes=5))
    assert signals.count_signups(ANNA, until=midnight + timedelta(minutes=6)) == (2, 2)


def test_what_happened_afterwards_does_not_count() -> None:
    signals.note_signup(ANNA, BORIS, at=_minutes(0))
    signals.note_signup(ANNA, CLARA, at=_minutes(10))
    assert signals.count_signups(ANNA, until=_minutes(5)) == (1, 1)


def test_a_friend_who_is_told_twice_counts_once() -> None:
    signals.note_signup(ANNA, BORIS, at=_minutes(1))
    signals.note_signup(ANNA, BORIS, at=_minutes(1))
    signals.note_signup(ANNA, BORIS, at=_minutes(3))
    assert signals.count_signups(ANNA, until=_minutes(5)) == (1, 1)


def test_each_advocate_has_a_count_of_their_own() -> None:
    signals.note_signup(ANNA, BORIS, at=NOON)
    assert signals.count_signups(CLARA, until=NOON) == (0, 0)


def test_no_more_than_500_friends_are_kept_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "MAX_SIGNUPS_KEPT_PER_HOUR", 5)
    for number in range(8):
        signals.note_signup(ANNA, PersonId(f"per_{number}"), at=NOON)
    assert signals.count_signups(ANNA, until=NOON) == (5, 5)


def test_signups_are_forgotten_after_three_days() -> None:
    signals.note_signup(ANNA, BORIS, at=NOON)
    (item,) = shop.dump()["signals"]
    assert datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) == NOON + timedelta(days=3)
