"""Plans: what new terms would have cost and brought beside the live ones, over the same events."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from referrals.domain.decisions import Reason
from referrals.domain.ids import PersonId
from referrals.domain.money import BASIS_POINTS, divided
from referrals.domain.programs import Program


@dataclass(slots=True, kw_only=True)
class Tally:
    """What terms come to in a period: money by unit, person and rule, and how often they said what.

    `purchases` and `revenue_minor` are those credited that stand, renewals aside for the first;
    `waiting_minor` is what of the promises waits for the budget or for people at the end.
    """

    events: int = 0
    conversions: int = 0
    credited: int = 0
    purchases: int = 0
    revenue_minor: int = 0
    rewards: Counter[str] = field(default_factory=Counter)
    granted_minor: Counter[str] = field(default_factory=Counter)
    reversed_minor: Counter[str] = field(default_factory=Counter)
    waiting_minor: Counter[str] = field(default_factory=Counter)
    by_person: Counter[tuple[PersonId, str]] = field(default_factory=Counter)
    by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    declined: Counter[Reason] = field(default_factory=Counter)
    refused: Counter[Reason] = field(default_factory=Counter)
    cut_by_caps: int = 0
    budget_hits: int = 0

    def cost_minor(self, unit: str) -> int:
        """Give what was promised and stands, what waits included."""
        return self.granted_minor[unit] - self.reversed_minor[unit]

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(sorted(self.granted_minor.keys() | self.reversed_minor.keys()))

    @property
    def cap_hits(self) -> int:
        """How often a cap refused a reward, or cut it."""
        return self.refused[Reason.CAP_REACHED] + self.cut_by_caps

    def cost_per_purchase_minor(self, unit: str) -> int | None:
        """Give the cost of one credited purchase, rounded half to even; None without any."""
        return divided(self.cost_minor(unit), self.purchases) if self.purchases > 0 else None

    def cost_share_bps(self, unit: str) -> int | None:
        """Give the cost in ten-thousandths of the credited revenue; None without any."""
        if self.revenue_minor <= 0:
            return None
        return divided(self.cost_minor(unit) * BASIS_POINTS, self.revenue_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one person would have got instead, in minor units."""

    person_id: PersonId
    live_minor: int
    new_minor: int

    @property
    def gain_minor(self) -> int:
        return self.new_minor - self.live_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One thing that the business wants, and whether terms reach it; None when nothing tells."""

    name: str
    wanted: int
    found: int | None
    is_met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """New terms beside the live ones, None when nothing is live: played over the same events.

    `events` were played in all, those from `since` until before `until` are in the tallies; None is
    from the first one that is recorded.
    """

    live: Program | None
    new: Program
    live_tally: Tally
    new_tally: Tally
    since: datetime | None
    until: datetime
    events: int

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(sorted({*self.live_tally.units, *self.new_tally.units}))

    def changes(self, unit: str) -> tuple[Change, ...]:
        """Give everybody who gets anything of a unit, whoever gains the most first."""
        live, new = self.live_tally.by_person, self.new_tally.by_person
        people = {person for person, of in (*live, *new) if of == unit}
        found = (
            Change(person_id=each, live_minor=live[each, unit], new_minor=new[each, unit])
            for each in people
        )
        return tuple(sorted(found, key=lambda each: (-each.gain_minor, each.person_id)))

    def goals(self, tally: Tally) -> Iterator[Goal]:
        """Compare a tally with the goals of the new terms; a goal that is not set is left out."""
        goals, currency = self.new.goals, self.new.currency
        if goals.purchases is not None:
            is_met = tally.purchases >= goals.purchases
            yield Goal(
                name="purchases", wanted=goals.purchases, found=tally.purchases, is_met=is_met
            )
        for name, most, found in (
            (
                "max_cost_per_purchase_minor",
                goals.max_cost_per_purchase_minor,
                tally.cost_per_purchase_minor(currency),
            ),
            ("max_cost_share_bps", goals.max_cost_share_bps, tally.cost_share_bps(currency)),
        ):
            if most is not None:
                yield Goal(
                    name=name,
                    wanted=most,
                    found=found,
                    is_met=None if found is None else found <= most,
                )
