"""The click counter: lines a second, and what a thousand clicks cost, on one code and on many."""

import json
import logging
import random
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

from infra.local.cloud import LocalCloud
from referrals.runtime import click_log
from tools.bench import shop
from tools.bench.conversions import READ_DOLLARS, WRITE_DOLLARS
from tools.bench.meter import Spent, metered
from tools.bench.proxy_events import AGENT
from tools.bench.tables import Table, Value, out_argument, write

_CLICKS = 1_000


def main() -> None:
    options = out_argument(__doc__).parse_args()
    cases = {"one viral code": 1, "a hundred codes": 100, "a thousand codes": 1_000}
    rows: dict[str, dict[str, Value]] = {}
    with LocalCloud(apps=["click_counter"]) as cloud:
        for number, (name, codes) in enumerate(cases.items()):
            spent = _counted(cloud, _lines(codes, day=2 * number))
            before = time.perf_counter()
            _count(cloud, _lines(codes, day=2 * number + 1))
            seconds = time.perf_counter() - before
            rows[name] = _row(spent) | {"lines": _CLICKS / seconds}
    table = Table(
        key="click_counter",
        title=f"Click counter: {_CLICKS:,} clicks of as many visitors within an hour, counted",
        units={
            "lines": "a second",
            "read rounds": "calls",
            "transactions": "calls",
            "items written": "items",
            "write units": "units",
            "read units": "units",
            "a million clicks": "$",
        },
        rows=rows,
        notes=("lines a second: in the local cloud, engine included; units from item sizes",),
    )
    write(options.out, [table])


def _lines(codes: int, *, day: int) -> Iterator[str]:
    """Give click lines as the redirect writes them, codes in a random order."""
    order = random.Random(codes)
    shuffled = [f"CODE{number % codes:04d}" for number in range(_CLICKS)]
    order.shuffle(shuffled)
    for number, code in enumerate(shuffled):
        yield json.dumps(
            {
                "event": "click",
                "code": code,
                "channel": "email",
                "visitor": f"{number:016x}",
                "at": (shop.NOW + timedelta(days=day, seconds=number)).isoformat(),
                "agent": AGENT,
                "prefetch": False,
            }
        )


def _counted(cloud: LocalCloud, lines: Iterable[str]) -> Spent:
    with metered() as spent:
        _count(cloud, lines)
    return spent


def _count(cloud: LocalCloud, lines: Iterable[str]) -> None:
    logger = logging.getLogger(click_log.LOGGER_NAME)
    for line in lines:
        logger.info(line)
    if cloud.settle() != _CLICKS:
        raise RuntimeError("not every click line was delivered")


def _row(spent: Spent) -> dict[str, Value]:
    dollars = spent.write_units * WRITE_DOLLARS + spent.read_units * READ_DOLLARS
    return {
        "read rounds": spent.reads,
        "transactions": spent.writes,
        "items written": spent.items_written,
        "write units": spent.write_units,
        "read units": float(spent.read_units),
        "a million clicks": dollars / _CLICKS,
    }


if __name__ == "__main__":
    main()
