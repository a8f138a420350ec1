"""Caps: how much of what one person may earn is used, in all and in the periods of now."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from referrals.domain.rules import Cap, Period

_DATED = (Period.DAY, Period.MONTH, Period.YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Rewards and their amounts, less what was reversed."""

    rewards: int = 0
    amount_minor: int = 0

    def plus(self, rewards: int, amount_minor: int) -> "Use":
        return Use(rewards=self.rewards + rewards, amount_minor=self.amount_minor + amount_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapUse:
    """What is used of the caps of one rule, or of all rules together.

    `day`, `month` and `year` are those of the latest grant, `on`: of earlier ones nobody asks
    again, so the size of this does not grow. All three are kept whatever the terms of the day say,
    so that a cap that is introduced later finds what it needs.
    """

    on: date | None = None
    all_time: Use = field(default_factory=Use)
    day: Use = field(default_factory=Use)
    month: Use = field(default_factory=Use)
    year: Use = field(default_factory=Use)

    def of(self, period: Period, on: date) -> Use:
        """Give what is used of a period that `on` is in."""
        if period is Period.ALL_TIME:
            return self.all_time
        if self.on is None or (on > self.on and period.label(on) != period.label(self.on)):
            return Use()
        return {Period.DAY: self.day, Period.MONTH: self.month, Period.YEAR: self.year}[period]

    def plus(self, *, rewards: int, amount_minor: int, on: date) -> "CapUse":
        """Count a grant. Where clocks differ at midnight, the later day has begun."""
        today = on if self.on is None else max(on, self.on)
        day, month, year = (self.of(period, today).plus(rewards, amount_minor) for period in _DATED)
        total = self.all_time.plus(rewards, amount_minor)
        return CapUse(on=today, all_time=total, day=day, month=month, year=year)

    def less(self, *, rewards: int, amount_minor: int, granted_on: date) -> "CapUse":
        """Give back what was reversed: to the periods of its grant, where they still run."""
        if self.on is None:
            return self
        day, month, year = (
            used.plus(-rewards, -amount_minor)
            if period.label(granted_on) == period.label(self.on)
            else used
            for period, used in zip(_DATED, (self.day, self.month, self.year), strict=True)
        )
        total = self.all_time.plus(-rewards, -amount_minor)
        return replace(self, all_time=total, day=day, month=month, year=year)


def room(
    caps: Iterable[Cap], use: CapUse, amount_minor: int, on: date, *, is_another: bool = True
) -> int:
    """Give how much of `amount_minor` the caps leave room for; 0 when one of them is reached.

    What is not `is_another` reward adds to one that is counted: only its amount is weighed.
    """
    left_minor = amount_minor
    for cap in caps:
        used = use.of(cap.per, on)
        if is_another and cap.rewards is not None and used.rewards >= cap.rewards:
            return 0
        if cap.amount_minor is not None:
            left_minor = min(left_minor, max(cap.amount_minor - used.amount_minor, 0))
    return left_minor
