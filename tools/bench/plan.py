"""What `plan` takes: new terms beside the live ones, over 10,000 and 100,000 recorded events."""

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

from infra.manifest import ROOT
from referrals.cli.documents import read_program_file
from referrals.domain.attribution import Touch
from referrals.domain.conversions import Case, Conversion, Refund, purchase_id, signup_id
from referrals.domain.ids import PersonId, ProgramId, derive
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.programs import ConversionKind, Program, TouchKind
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rules import Cap, Percent, Period
from referrals.domain.simulation import Happening, happenings_of
from referrals.store.happenings import recording
from referrals.usecases.plan_program import plan_over
from tools.bench.tables import Table, Value, out_argument, write

SIZES = (10_000, 100_000)
# the promise for the largest
MOST_SECONDS, MOST_MEGABYTES = 30, 500
_TERMS = ROOT / "examples" / "programs" / "gifts.yaml"
_GIFTS = ProgramId("gifts")
_FROM, _FOR = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=182)
# of the real orders: so many customers were referred, so many orders refunded, orders a customer
_REFERRED, _REFUNDED, _CHARGED_BACK, _ORDERS_OF_ONE = 0.35, 0.05, 0.002, 3
_EVENTS_OF_ONE, _FAME = 4.5, 0.7
_MEGABYTE = 1024 * 1024


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="events, by commas")
    parser.add_argument("--plan", type=int, help="plan over so many and print what that took")
    options = parser.parse_args()
    if options.plan:
        print(json.dumps(_taken(options.plan)))
        return
    rows = {}
    for size in map(int, options.sizes.split(",")):
        command = [sys.executable, "-m", "tools.bench.plan", "--out", str(options.out)]
        answer = subprocess.run(
            [*command, "--plan", str(size)], cwd=ROOT, check=True, capture_output=True, text=True
        )
        rows[f"{size:,} events"] = _row(json.loads(answer.stdout))
    write(options.out, [_table(rows)])


def _taken(size: int) -> dict[str, Any]:
    live = read_program_file(_TERMS)
    seconds = 0.0
    with recording() as recorded:
        for happening in events(size):
            started = time.perf_counter()
            recorded.add(happening)
            seconds += time.perf_counter() - started
        started = time.perf_counter()
        plan = plan_over(
            recorded,
            changed(live),
            live=live,
            until=_FROM + 2 * _FOR,
            on_progress=lambda _done, _total: None,
        )
        seconds += time.perf_counter() - started
        file_bytes = recorded.file.stat().st_size
    if not (plan.live_tally.credited and plan.new_tally.cost_minor("GBP")):
        raise RuntimeError("the made-up events earn nothing")
    return {
        "events": plan.events,
        "seconds": seconds,
        "file_bytes": file_bytes,
        "peak_bytes": sum(
            resource.getrusage(who).ru_maxrss * 1024
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ),
    }


def changed(live: Program) -> Program:
    """Give terms that look at everything: higher, for every order, with caps and a budget."""
    higher, friend = live.rules
    return replace(
        live,
        version=live.version + 1,
        rules=(
            replace(
                higher,
                reward=Percent(rate_bps=750),
                is_first_purchase_only=False,
                caps=(Cap(per=Period.MONTH, amount_minor=5_000),),
            ),
            replace(friend, is_first_purchase_only=False),
        ),
        budget=replace(live.budget, per_day_minor=200_000),
    )


def events(size: int) -> Iterator[Happening]:
    """Make up so many events of a shop, the same for the same number, customer by customer."""
    yield from islice(_all_events(size), size)


def _all_events(size: int) -> Iterator[Happening]:
    rng, brought = random.Random(size), [0]
    for number in count():
        joined_at = _FROM + _FOR * min(number * _EVENTS_OF_ONE / size, 1)
        yield _enrolment(number, joined_at)
        advocate = None
        if number and rng.random() < _REFERRED:
            # who brought many is the likelier to bring more
            advocate = rng.choice(brought) if rng.random() < _FAME else rng.randrange(number)
            brought.append(advocate)
            yield _signup(number, advocate, joined_at)
        for order in range(1 + int(rng.expovariate(1 / (_ORDERS_OF_ONE - 1)))):
            at = joined_at + timedelta(days=order * rng.random() * 30, minutes=1)
            yield from _order(f"{number}-{order}", number, at, rng)


def _person(number: int) -> PersonId:
    return PersonId(derive("per", str(number)))


def _enrolment(number: int, at: datetime) -> Happening:
    advocate = Advocate(
        person_id=_person(number),
        program_id=_GIFTS,
        code=f"C{number}",
        status=AdvocateStatus.ACTIVE,
        created_at=at,
    )
    return Happening(at=at, advocate=advocate)


def _signup(number: int, advocate: int, at: datetime) -> Happening:
    touch = Touch(
        kind=TouchKind.CLICK,
        at=at - timedelta(hours=1),
        code=f"C{advocate}",
        channel="email",
        advocate_id=_person(advocate),
        program_id=_GIFTS,
    )
    friend = _person(number)
    conversion = Conversion(
        conversion_id=signup_id(_GIFTS, friend),
        program_id=_GIFTS,
        version=1,
        kind=ConversionKind.SIGNUP,
        friend_id=friend,
        occurred_at=at,
        recorded_at=at + timedelta(seconds=1),
        fingerprint="",
        touches=(touch,),
    )
    return next(happenings_of(Case(conversion_id=conversion.conversion_id, conversion=conversion)))


def _order(order_id: str, number: int, at: datetime, rng: random.Random) -> Iterator[Happening]:
    amount_minor = int(rng.lognormvariate(10, 0.9))
    purchase = Conversion(
        conversion_id=purchase_id(_GIFTS, order_id),
        program_id=_GIFTS,
        version=1,
        kind=ConversionKind.PURCHASE,
        friend_id=_person(number),
        occurred_at=at,
        recorded_at=at,
        fingerprint="",
        order_id=order_id,
        amount_minor=amount_minor,
        currency="GBP",
    )
    refund = Refund(
        refund_id=f"C-{order_id}",
        amount_minor=max(1, int(amount_minor * rng.random())),
        currency="GBP",
        occurred_at=at + timedelta(days=10 * rng.random()),
        recorded_at=at + timedelta(days=10, seconds=1),
        fingerprint="",
    )
    refunds: tuple[Refund, ...] = (refund,) if rng.random() < _REFUNDED else ()
    if rng.random() < _CHARGED_BACK:
        opened = replace(refund, chargeback_id=order_id, status=ChargebackStatus.OPENED)
        won = replace(
            opened,
            refund_id=f"W-{order_id}",
            status=ChargebackStatus.WON,
            recorded_at=at + timedelta(days=20),
        )
        refunds = (opened, won)
    yield from happenings_of(
        Case(conversion_id=purchase.conversion_id, conversion=purchase, refunds=refunds)
    )


def _row(taken: Mapping[str, Any]) -> dict[str, Value]:
    return {
        "plan": taken["seconds"],
        "events": taken["events"] / taken["seconds"],
        "each": taken["seconds"] / taken["events"] * 1e6,
        "peak memory": taken["peak_bytes"] / _MEGABYTE,
        "file": taken["file_bytes"] / _MEGABYTE,
    }


def _table(rows: Mapping[str, Mapping[str, Value]]) -> Table:
    return Table(
        key="plan",
        title="Planning: recorded events sorted in a file, and played under live and new terms",
        units={
            "plan": "s",
            "events": "a second",
            "each": "us",
            "peak memory": "MB",
            "file": "MB",
        },
        rows=rows,
        notes=(
            "enrolments, sign-ups, orders, 5 % refunded, 0.2 % charged back",
            "100,000 events: live and new terms in a process each",
            "a cap a month and a budget a day are in the new terms",
            "to read the events from DynamoDB is not in it",
        ),
        faults=tuple(_broken_promises(rows)),
    )


def _broken_promises(rows: Mapping[str, Mapping[str, Value]]) -> Iterator[str]:
    for name, row in rows.items():
        if float(row["plan"]) > MOST_SECONDS:
            yield f"{name} take more than {MOST_SECONDS} s"
        if float(row["peak memory"]) > MOST_MEGABYTES:
            yield f"{name} take more than {MOST_MEGABYTES} MB"


if __name__ == "__main__":
    main()
