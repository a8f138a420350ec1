"""Two-sided purchases with few and with many stored referrals: calls, items, units and time.

Calls, items and units are counted and must be the same at every size. Each size is a deployment of
its own in one local cloud, so that the sizes take turns.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from moto import mock_aws

from infra.local import engine, templates
from infra.local.cloud import forget_caches
from tools.bench import shop, stored
from tools.bench.meter import Spent, metered, timed_calls
from tools.bench.rounds import middle, ratio
from tools.bench.tables import Table, Value, out_argument, write

# list prices on demand for a million units, US East (N. Virginia)
WRITE_DOLLARS, READ_DOLLARS = 0.625, 0.125

_ROUNDS, _BUYS_OF_A_ROUND = 10, 8
_COUNTED = 5
_PER_PURCHASE = {
    "stored": "referrals",
    "reads": "calls",
    "read": "items",
    "writes": "calls",
    "written": "items",
    "read units": "units",
    "write units": "units",
    "in indexes": "units",
    "a million": "$",
}


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--sizes", required=True, help="numbers with commas, smallest first")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with _cloud():
        for size in sizes:
            with _deployment(size):
                shop.open_shop()
                stored.fill(size)
        counted = {size: _count(size) for size in sizes}
        rounds = _rounds(sizes)
    write(options.out, [_counted_table(counted), _time_table(rounds)])


@contextmanager
def _cloud() -> Iterator[None]:
    engine.install()
    os.environ.update(AWS_DEFAULT_REGION=templates.REGION, AWS_ACCOUNT_ID_ENDPOINT_MODE="disabled")
    with mock_aws():
        yield


@contextmanager
def _deployment(size: int) -> Iterator[None]:
    """Work with the tables of one size, which are made when they are asked for first."""
    prefix = f"bench-{size}-"
    os.environ["TABLE_PREFIX"] = prefix
    forget_caches()
    if prefix not in _made:
        _made.add(prefix)
        templates.create_tables(prefix)
    yield


_made: set[str] = set()


def _count(size: int) -> tuple[int, list[Spent]]:
    """Give the number of referrals there are, and what some purchases cost."""
    with _deployment(size):
        bonds = stored.count("referrals")
        friends = list(_friends_signed_up("counted", 0, _COUNTED))
        spent = [_spent_on(friend) for friend in friends]
    return bonds, spent[1:]  # the first one has to read the program too


def _spent_on(friend: str) -> Spent:
    with metered() as spent:
        shop.buy(friend)
    return spent


def _friends_signed_up(kind: str, number: int, friends: int) -> Iterator[str]:
    code = f"{kind[:4].upper()}{number:06d}"
    shop.enrol(f"advocate-{code}", code)
    for position in range(friends):
        friend = f"friend-{code}-{position}"
        shop.sign_up(friend, code)
        yield friend


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Wall milliseconds of one purchase, and those of them outside of AWS calls."""

    all_ms: float
    own_ms: float


def _rounds(sizes: Sequence[int]) -> dict[int, list[Round]]:
    rounds: dict[int, list[Round]] = {size: [] for size in sizes}
    for number in range(_ROUNDS):
        for size in sizes:
            with _deployment(size):
                rounds[size].append(_round(number))
    return rounds


def _round(number: int) -> Round:
    first, *others = list(_friends_signed_up("timed", number, _BUYS_OF_A_ROUND + 1))
    shop.buy(first)  # reads the program
    with timed_calls() as in_calls:
        before = time.perf_counter()
        for friend in others:
            shop.buy(friend)
        seconds = time.perf_counter() - before
    of_one_ms = 1000 / len(others)
    return Round(all_ms=seconds * of_one_ms, own_ms=(seconds - in_calls.seconds) * of_one_ms)


def _counted_table(counted: dict[int, tuple[int, list[Spent]]]) -> Table:
    costs = {size: [asdict(each) for each in spent] for size, (_, spent) in counted.items()}
    all_costs = [cost for of_size in costs.values() for cost in of_size]
    differs = any(cost != all_costs[0] for cost in all_costs)
    rows: dict[str, dict[str, Value]] = {
        f"{size:,} referrals": {"stored": bonds} | _per_purchase(spent[0])
        for size, (bonds, spent) in counted.items()
    }
    return Table(
        key="purchase_cost",
        title="A two-sided purchase: what it costs in DynamoDB, counted",
        units=_PER_PURCHASE,
        rows=rows,
        notes=("units from item sizes: the local engine reports constants",),
        faults=("a purchase does not cost the same at every size",) if differs else (),
    )


def _per_purchase(spent: Spent) -> dict[str, Value]:
    written = spent.write_units + spent.index_write_units
    return {
        "reads": spent.reads,
        "read": spent.items_read,
        "writes": spent.writes,
        "written": spent.items_written,
        "read units": float(spent.read_units),
        "write units": spent.write_units,
        "in indexes": spent.index_write_units,
        "a million": written * WRITE_DOLLARS + spent.read_units * READ_DOLLARS,
    }


def _time_table(rounds: dict[int, list[Round]]) -> Table:
    samples = {size: [each.all_ms for each in of] for size, of in rounds.items()}
    own = {size: [each.own_ms for each in of] for size, of in rounds.items()}
    smallest = min(samples)
    name = f"to {smallest:,} referrals"
    return Table(
        key="purchase_time",
        title="A two-sided purchase: time in the local cloud, engine included",
        units={"time": "ms", name: "ratio", "purchases": "a second", "outside AWS calls": "%"},
        rows={
            f"{size:,} referrals": {
                "time": middle(of),
                name: ratio(of, samples[smallest]),
                "purchases": 1000 / middle(of),
                "outside AWS calls": 100 * ratio(own[size], of),
            }
            for size, of in samples.items()
        },
        notes=("in AWS calls: the SDK, and the local engine, which is written in Python too",),
    )


if __name__ == "__main__":
    main()
