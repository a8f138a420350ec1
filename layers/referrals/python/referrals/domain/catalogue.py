"""The catalogue: what points buy. An item becomes a reward of its kind, for whoever redeems it."""

from collections.abc import Iterator
from dataclasses import dataclass

from referrals.domain.errors import Fault
from referrals.domain.rules import RewardKind, source_faults

# All of a program is one item of its table.
MOST_ITEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueItem:
    """One thing to redeem points for, and the reward that it becomes.

    `points` is its price, `amount_minor` what it is worth in the program's currency. A coupon or a
    gift comes from `pool`, a partner's offer or a coupon made by one from `partner`; a gift that
    `ships` waits for an address.
    """

    item_id: str
    name: str
    points: int
    kind: RewardKind
    amount_minor: int
    pool: str | None = None
    partner: str | None = None
    ships: bool = False


def catalogue_faults(items: tuple[CatalogueItem, ...], path: str) -> Iterator[Fault]:
    """Name everything in a catalogue that contradicts itself."""
    if len(items) > MOST_ITEMS:
        yield Fault(field=path, says=f"has more than {MOST_ITEMS} items")
    seen: set[str] = set()
    for position, item in enumerate(items):
        here = f"{path}.{position}"
        if item.item_id in seen:
            yield Fault(field=f"{here}.id", says="stands twice")
        seen.add(item.item_id)
        yield from _item_faults(item, here)


def _item_faults(item: CatalogueItem, path: str) -> Iterator[Fault]:
    for name, amount in (("points", item.points), ("amount_minor", item.amount_minor)):
        if amount < 1:
            yield Fault(field=f"{path}.{name}", says="is less than 1")
    if item.kind is RewardKind.POINTS:
        yield Fault(field=f"{path}.kind", says="is points, which are what it is bought with")
    yield from source_faults(
        item.kind, pool=item.pool, partner=item.partner, ships=item.ships, path=path
    )
