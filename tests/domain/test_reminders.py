"""Reminders: spaced out, ending by themselves, and never too many for one person."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ids import derive
from referrals.domain.preferences import Preferences, asked, may_be_asked
from referrals.domain.programs import ReminderTerms
from referrals.domain.reminders import Reminder, due_reminder
from tests.factories import ANNA, NOW

USUAL = ReminderTerms()
YEARS = 3 * 365


def due_after(days: float, terms: ReminderTerms = USUAL) -> Reminder | None:
    return due_reminder(terms, since=NOW, now=NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("what", "days", "number"),
    [
        ("somebody enrolled just now", 0, None),
        ("a moment before the first day", 13.99, None),
        ("the first day", 14, 1),
        ("six days late, after an outage", 20, 1),
        ("a week late: it is left out", 21, None),
        ("the second day", 49, 2),
        ("between the second and the third", 60, None),
        ("the third day", 133, 3),
        ("after the last", 140, None),
        ("years later", 1_000, None),
    ],
)
def test_a_reminder_is_due_from_its_day_for_a_week(
    what: str, days: float, number: int | None
) -> None:
    found = due_after(days)
    assert (found.number if found else None) == number, what


def test_the_last_reminder_says_so() -> None:
    first, last = due_after(14), due_after(133)
    assert first == Reminder(number=1, since=NOW, is_last=False)
    assert last == Reminder(number=3, since=NOW, is_last=True)


def test_of_two_that_are_due_the_later_one_is_sent() -> None:
    found = due_after(5, ReminderTerms(after_days=(3, 5)))
    assert found == Reminder(number=2, since=NOW, is_last=True)


def test_terms_without_days_remind_nobody() -> None:
    assert due_after(14, ReminderTerms(after_days=())) is None


@dataclass(slots=True)
class Life:
    """Somebody who shares in several programs, day by day; `runs` are days on which clocks run."""

    terms: list[ReminderTerms]
    preferences: Preferences = field(default_factory=lambda: Preferences(person_id=ANNA))
    reasons: dict[int, datetime] = field(default_factory=dict)
    sent: list[tuple[datetime, int, Reminder]] = field(default_factory=list)

    def friend_comes(self, program: int, at: datetime) -> None:
        self.reasons[program] = at

    def clock_runs(self, now: datetime) -> None:
        for program, terms in enumerate(self.terms):
            reminder = due_reminder(terms, since=self.reasons.get(program, NOW), now=now)
            if reminder is None or self._was_sent(program, reminder):
                continue
            message_id = derive("msg", str(program), str(reminder))
            if may_be_asked(self.preferences, message_id, now=now):
                self.preferences = asked(self.preferences, message_id, now=now)
                self.sent.append((now, program, reminder))

    def _was_sent(self, program: int, reminder: Reminder) -> bool:
        """Whether its claim is there already."""
        return any(each[1:] == (program, reminder) for each in self.sent)


growing = st.lists(st.integers(1, 200), min_size=0, max_size=6, unique=True).map(
    lambda days: ReminderTerms(after_days=tuple(sorted(days)))
)


@given(
    terms=st.lists(growing, min_size=1, max_size=4),
    friends=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400)), max_size=30),
    out=st.sets(st.integers(0, YEARS), max_size=60),
    hours=st.lists(st.integers(0, 23), min_size=7, max_size=7),
)
def test_nobody_is_asked_twice_in_thirty_days_or_more_than_six_times_a_year(
    terms: list[ReminderTerms],
    friends: list[tuple[int, int]],
    out: set[int],
    hours: list[int],
) -> None:
    life = Life(terms=terms)
    for day in range(0, YEARS, 1):
        for program, came_on in friends:
            if came_on == day and program < len(terms):
                life.friend_comes(program, NOW + timedelta(days=day))
        if day not in out:
            life.clock_runs(NOW + timedelta(days=day, hours=hours[day % 7]))
    times = [at for at, _, _ in life.sent]
    assert all(after - before >= timedelta(days=30) for before, after in pairwise(times))
    for at in times:
        year = [each for each in times if at <= each < at + timedelta(days=365)]
        assert len(year) <= 6
    assert len({(program, reminder) for _, program, reminder in life.sent}) == len(life.sent)


@given(terms=growing, came_on=st.integers(0, 300))
def test_reminders_stop_by_themselves_and_begin_anew_when_a_friend_came(
    terms: ReminderTerms, came_on: int
) -> None:
    life = Life(terms=[terms])
    for day in range(YEARS):
        if day == came_on:
            life.friend_comes(0, NOW + timedelta(days=day))
        life.clock_runs(NOW + timedelta(days=day))
    for since in (NOW, NOW + timedelta(days=came_on)):
        about_it = [(at, each) for at, _, each in life.sent if each.since == since]
        assert len(about_it) <= len(terms.after_days)
        assert [each.number for _, each in about_it] == sorted(each.number for _, each in about_it)
        end = since + timedelta(days=max(terms.after_days, default=0) + 7)
        assert all(at < end for at, _ in about_it)
