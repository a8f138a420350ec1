"""Budgets: the most that a program promises, in slices, so that grants need not wait in line.

A slice is one item with a share of the limits. A grant draws from the slice of its conversion, and
from the others when that one has too little: what is left is given out to the last minor unit, and
never more, as each slice is written on the condition that nobody else wrote it since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from referrals.domain.ids import ProgramId
from referrals.domain.money import split
from referrals.domain.programs import BudgetTerms

# A written item takes about ten transactions a second; eight take a flash sale.
SLICES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of a program's budget; a limit that is None does not bind.

    `spent_minor` is what was promised less what was taken back, `spent_today_minor` that of the
    UTC day `on`. A slice of a budget that was lowered below what was spent `is_overdrawn`: room in
    it is none while there is none in all. `revision` is None until it is stored.
    """

    program_id: ProgramId
    number: int
    total_minor: int | None = None
    per_day_minor: int | None = None
    spent_minor: int = 0
    spent_today_minor: int = 0
    on: date | None = None
    is_overdrawn: bool = False
    revision: int | None = None

    def left_in_all(self) -> int | None:
        """Give what can still be promised at all; None when there is no limit."""
        return None if self.total_minor is None else max(self.total_minor - self.spent_minor, 0)

    def left_today(self, today: date) -> int | None:
        """Give what can still be promised on a day; None when there is no limit."""
        if self.per_day_minor is None:
            return None
        return max(self.per_day_minor - self.spent_on(today), 0)

    def has(self, amount_minor: int, today: date) -> bool:
        """Whether all of an amount can be promised from this slice alone."""
        limits = (self.left_in_all(), self.left_today(today))
        return all(limit is None or limit >= amount_minor for limit in limits)

    def spend(self, amount_minor: int, of_today_minor: int, today: date) -> "Slice":
        """Count what is taken of the total and of the day: where both are short, not here alone."""
        if not self._is_on(today):
            return replace(
                self,
                spent_minor=self.spent_minor + amount_minor,
                spent_today_minor=of_today_minor,
                on=today,
            )
        return replace(
            self,
            spent_minor=self.spent_minor + amount_minor,
            spent_today_minor=self.spent_today_minor + of_today_minor,
        )

    def give_back(self, amount_minor: int, of_today_minor: int, granted_on: date) -> "Slice":
        """Take back what was promised; the day of the grant gets it back while it lasts."""
        of_this_day = of_today_minor if self.on == granted_on else 0
        return replace(
            self,
            spent_minor=self.spent_minor - amount_minor,
            spent_today_minor=self.spent_today_minor - of_this_day,
        )

    def spent_on(self, today: date) -> int:
        return self.spent_today_minor if self._is_on(today) else 0

    def _is_on(self, today: date) -> bool:
        """Whether its day is today: where clocks differ at midnight, the later day has begun."""
        return self.on is not None and self.on >= today


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What a reward took from a slice, of the total and of its day."""

    slice: int
    amount_minor: int
    of_today_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The slices that were read, the first to draw from first; `is_whole` when they are all."""

    slices: tuple[Slice, ...]
    is_whole: bool

    def draw(self, amount_minor: int, today: date) -> "tuple[Budget, tuple[Draw, ...]] | None":
        """Draw an amount whole, from the first slices that have any; None when it is too much.

        Total and day are drawn each where it is left, so nothing of either is out of reach.
        """
        first = self.slices[0]
        if first.is_overdrawn:
            room = self._room(today) if self.is_whole else 0
            if room is not None and amount_minor > room:
                return None
        elif amount_minor and first.has(amount_minor, today):
            spent = first.spend(amount_minor, amount_minor, today)
            draw = Draw(slice=first.number, amount_minor=amount_minor, of_today_minor=amount_minor)
            return replace(self, slices=(spent, *self.slices[1:])), (draw,)
        totals = _taken(amount_minor, [each.left_in_all() for each in self.slices])
        days = _taken(amount_minor, [each.left_today(today) for each in self.slices])
        if totals is None or days is None:
            return None
        taken = list(zip(self.slices, totals, days, strict=True))
        draws = tuple(
            Draw(slice=each.number, amount_minor=total, of_today_minor=day)
            for each, total, day in taken
            if total or day
        )
        slices = tuple(
            each.spend(total, day, today) if total or day else each for each, total, day in taken
        )
        return replace(self, slices=slices), draws

    def _room(self, today: date) -> int | None:
        """Give what is left over all slices, where one may be above what it has."""
        total = _total([each.total_minor for each in self.slices])
        daily = _total([each.per_day_minor for each in self.slices])
        rooms = [
            limit - spent
            for limit, spent in (
                (total, sum(each.spent_minor for each in self.slices)),
                (daily, sum(each.spent_on(today) for each in self.slices)),
            )
            if limit is not None
        ]
        return min(rooms, default=None)

    def give_back(
        self, draws: Sequence[Draw], amount_minor: int, granted_on: date
    ) -> "tuple[Budget, tuple[Draw, ...]]":
        """Give back a part of what was drawn, the last draw first; gives what stays drawn."""
        slices = {each.number: each for each in self.slices}
        kept, total_minor, day_minor = [], amount_minor, amount_minor
        for each in reversed(draws):
            total, day = min(each.amount_minor, total_minor), min(each.of_today_minor, day_minor)
            total_minor, day_minor = total_minor - total, day_minor - day
            slices[each.slice] = slices[each.slice].give_back(total, day, granted_on)
            left = Draw(
                slice=each.slice,
                amount_minor=each.amount_minor - total,
                of_today_minor=each.of_today_minor - day,
            )
            if left.amount_minor or left.of_today_minor:
                kept.append(left)
        return replace(self, slices=tuple(slices.values())), tuple(reversed(kept))

    def changed_from(self, before: "Budget") -> tuple[Slice, ...]:
        """Give the slices that differ from how they were read."""
        known = {each.number: each for each in before.slices}
        return tuple(
            each
            for each in self.slices
            if each is not known[each.number] and each != known[each.number]
        )


def _total(limits: Iterable[int | None]) -> int | None:
    known = [limit for limit in limits if limit is not None]
    return sum(known) if known else None


def _taken(amount_minor: int, left: Sequence[int | None]) -> list[int] | None:
    """Say how much of an amount to take where; None when not all of it can be had."""
    taken, missing = [], amount_minor
    for each in left:
        part = missing if each is None else min(missing, each)
        taken.append(part)
        missing -= part
    return None if missing else taken


def slice_of(natural_key: str) -> int:
    """Give the slice that is asked first for a key: always the same one."""
    return sum(natural_key.encode()) % SLICES


def slices_from(first: int) -> tuple[int, ...]:
    """Give the numbers of all slices, beginning with `first`."""
    return tuple((first + number) % SLICES for number in range(SLICES))


def shared_out(
    terms: BudgetTerms, *, program_id: ProgramId, known: Iterable[Slice], today: date
) -> tuple[Slice, ...]:
    """Share a program's limits out over its slices, with what is spent of each kept.

    A limit below what is spent leaves nothing to spend; it takes nothing back.
    """
    by_number = {each.number: each for each in known}
    slices = [
        by_number.get(number, Slice(program_id=program_id, number=number))
        for number in range(SLICES)
    ]
    spent = [each.spent_minor for each in slices]
    spent_today = [each.spent_on(today) for each in slices]
    is_overdrawn = _is_above(sum(spent), terms.total_minor) or _is_above(
        sum(spent_today), terms.per_day_minor
    )
    return tuple(
        replace(each, total_minor=total, per_day_minor=per_day, is_overdrawn=is_overdrawn)
        for each, total, per_day in zip(
            slices,
            _shares(terms.total_minor, spent),
            _shares(terms.per_day_minor, spent_today),
            strict=True,
        )
    )


def _is_above(spent_minor: int, limit_minor: int | None) -> bool:
    return limit_minor is not None and spent_minor > limit_minor


def _shares(limit_minor: int | None, spent: Sequence[int]) -> tuple[int | None, ...]:
    """Cut a limit into shares that add up to it, none with room while the limit has none."""
    if limit_minor is None:
        return (None,) * len(spent)
    free = limit_minor - sum(spent)
    if free < 0:
        return split(limit_minor, spent)
    return tuple(
        used + part for used, part in zip(spent, split(free, [1] * len(spent)), strict=True)
    )
