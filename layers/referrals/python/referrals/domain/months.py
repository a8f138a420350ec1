"""Months of the UTC calendar: which one is to be summed up, and what happened to somebody in it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from referrals.domain.rewards import Reward
from referrals.domain.rules import RewardKind
from referrals.domain.tallies import Tally

# A day on which the clock was missed is made up for; later a summary is no news any more.
SUMMED_UP_WITHIN = timedelta(days=3)
# What the others are worth is for the books alone.
_WORTH_TELLING = frozenset(
    {RewardKind.CREDIT, RewardKind.POINTS, RewardKind.CASH, RewardKind.COUPON}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month by its first day and the first of the next one."""

    first: date
    after: date

    @property
    def last(self) -> date:
        return self.after - timedelta(days=1)

    @property
    def label(self) -> str:
        return self.first.strftime("%Y-%m")

    def has(self, moment: datetime) -> bool:
        return self.first <= moment.astimezone(UTC).date() < self.after


def month_of(label: str) -> Month:
    """Give a month by its label, as `2026-05`; ValueError."""
    first = date.fromisoformat(f"{label}-01")
    return Month(first=first, after=_first_of_next(first))


def month_to_sum_up(now: datetime) -> Month | None:
    """Give the month that has just ended; None once it is too late to speak of it."""
    this_first = now.astimezone(UTC).date().replace(day=1)
    begun = datetime.combine(this_first, time.min, UTC)
    if now >= begun + SUMMED_UP_WITHIN:
        return None
    last = this_first - timedelta(days=1)
    return Month(first=last.replace(day=1), after=this_first)


def clicks_in(month: Month, tallies: Mapping[str, Tally]) -> int:
    """Add up the clicks of a month, from tallies by day and channel (`2026-05-21#email`)."""
    return sum(tally.clicks for bucket, tally in tallies.items() if bucket.startswith(month.label))


def earned_in(month: Month, rewards: Iterable[Reward]) -> Counter[str]:
    """Add up, by unit, what of the rewards that were promised in a month still stands."""
    earned = Counter[str]()
    for reward in rewards:
        if month.has(reward.granted_at) and reward.is_funded and reward.kind in _WORTH_TELLING:
            earned[reward.unit] += reward.remaining_minor
    return +earned


def _first_of_next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
