"""Rewards that arrive: many at once, held, handed over and mailed; and what one of each kind costs.

Costs are counted, and must be the same however much is stored. The many go through the queue, the
stream and SES of the local cloud, on its straight line.
"""

import gc
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from infra.local import shortcuts
from infra.local.cloud import LocalCloud
from infra.local.straight_line import straight_line
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import EventId, ProgramId
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import Program
from referrals.domain.redemptions import RedemptionReport
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Flat, RewardKind
from referrals.notify.webhooks import secrets_of
from referrals.runtime import clock
from referrals.store import coupons, webhooks
from referrals.usecases.apply_program import apply_program
from referrals.usecases.change_endpoint import add_endpoint
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from referrals.usecases.redeem_credit import redeem_credit
from tools.bench import shop, stored
from tools.bench.conversions import READ_DOLLARS, WRITE_DOLLARS
from tools.bench.meter import Spent, metered
from tools.bench.tables import Table, Value, out_argument, write

_APPS = ("reward_fulfilment", "reward_dispatch", "notifications", "webhook_delivery")
_SAMPLE, _SMALL_SAMPLE = 100, 10
_HELD = timedelta(days=14, hours=1)
# what is counted was bought before the rest, so that it alone is due
_EARLIER = shop.NOW - timedelta(days=2)
_CODES, _CLUB = ProgramId("codes"), ProgramId("club")
_POOL = "thanks"
_MAIL = "sesv2 SendEmail"
_PER_REWARD = {
    "reads": "calls",
    "read": "items",
    "writes": "calls",
    "written": "items",
    "read units": "units",
    "write units": "units",
    "in indexes": "units",
    "mails": "mails",
    "a million": "$",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What several of a kind cost together."""

    of: int
    spent: Spent

    def per_one(self) -> dict[str, Value]:
        spent = self.spent
        written = spent.write_units + spent.index_write_units
        return {
            "reads": spent.reads / self.of,
            "read": spent.items_read / self.of,
            "writes": spent.writes / self.of,
            "written": spent.items_written / self.of,
            "read units": spent.read_units / self.of,
            "write units": spent.write_units / self.of,
            "in indexes": spent.index_write_units / self.of,
            "mails": spent.calls.count(_MAIL) / self.of,
            "a million": (written * WRITE_DOLLARS + spent.read_units * READ_DOLLARS) / self.of,
        }

    def calls_per_one(self) -> dict[str, float]:
        return {call: made / self.of for call, made in Counter(self.spent.calls).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How many rewards went all the way, and how long that took."""

    rewards: int
    fulfilled: int
    mails: int
    fulfilling_seconds: float
    mailing_seconds: float
    cpu_seconds: float

    @property
    def cpu_ms(self) -> float:
        """Give the CPU milliseconds of one reward: a busy machine stretches them less."""
        return 1000 * self.cpu_seconds / self.rewards


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--rewards", required=True, help="numbers with commas, smallest first")
    options = parser.parse_args()
    sizes = [int(size) for size in options.rewards.split(",")]
    shortcuts.install()
    credit: dict[int, Cost] = {}
    runs: dict[int, Run] = {}
    for size in sizes:
        with straight_line(), a_cloud(size) as cloud:
            credit[size] = credit_cost(cloud)
            runs[size] = run_all(cloud, size)
            others = other_costs(cloud) if size == sizes[-1] else {}
    write(options.out, [*_cost_tables(credit, others), _run_table(runs, time.process_time())])


@contextmanager
def a_cloud(rewards: int) -> Iterator[LocalCloud]:
    """Give a cloud in which so many rewards are held, of as many people, half of them advocates."""
    secrets = {"identity-key": shop.KEYS.identity.decode()}
    with LocalCloud(apps=_APPS, secrets=secrets) as cloud:
        cloud.serve()
        clock.set_source(lambda: shop.NOW)
        shop.open_shop()
        for program in (_codes(), _club()):
            apply_program(program, now=shop.NOW)
        # without the log: what was told of them is not told again
        tables = [table for table in stored.TABLES if table != "events"]
        stored.fill(rewards // 2, friends_of_one=1, tables=tables)
        cloud.settle()
        gc.freeze()  # what is stored is no garbage, and would be looked through again and again
        try:
            yield cloud
        finally:
            gc.unfreeze()
            clock.set_source(None)


def _codes() -> Program:
    first, *_ = shop.a_program().rules
    rule = replace(
        first, kind=RewardKind.COUPON, reward=Flat(amount_minor=400), pool=_POOL, caps=()
    )
    return _another(_CODES, replace(shop.a_program(), rules=(rule,)))


def _club() -> Program:
    first, *_ = shop.a_program().rules
    rule = replace(
        first,
        kind=RewardKind.CASH,
        reward=Flat(amount_minor=500),
        hold_days=0,
        is_first_purchase_only=False,
        caps=(),
    )
    terms = PayoutTerms(
        provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, campaign_id="C-1"
    )
    return _another(_CLUB, replace(shop.a_program(), rules=(rule,), payouts=terms))


def _another(program_id: ProgramId, program: Program) -> Program:
    landing = replace(program.landing, program_id=program_id)
    return replace(program, program_id=program_id, landing=landing)


# many at once


def run_all(cloud: LocalCloud, rewards: int) -> Run:
    """Let the holds of all rewards end, hand them over, and tell everybody."""
    _set_clock(shop.NOW + _HELD)
    cloud.calls.clear()
    fulfilled_before = _fulfilled()
    before, cpu_before = time.perf_counter(), time.process_time()
    while _queue_due(cloud):
        cloud.settle(app="reward_fulfilment")
    fulfilled_at = time.perf_counter()
    cloud.settle()
    ended_at, cpu_seconds = time.perf_counter(), time.process_time() - cpu_before
    sent = [each for each in cloud.calls if each.operation == "SendEmail" and not each.error]
    return Run(
        rewards=rewards,
        fulfilled=_fulfilled() - fulfilled_before,
        mails=len(sent),
        fulfilling_seconds=fulfilled_at - before,
        mailing_seconds=ended_at - fulfilled_at,
        cpu_seconds=cpu_seconds,
    )


def _queue_due(cloud: LocalCloud) -> int:
    cloud.invoke("reward_fulfilment", "queue_due_rewards", {})
    return cloud.queue_depth("fulfilment")


def _fulfilled() -> int:
    return sum(body["state"] == RewardState.FULFILLED for body in stored.bodies("rewards"))


def _set_clock(moment: datetime) -> None:
    clock.set_source(lambda: moment)


# one of each kind


def credit_cost(cloud: LocalCloud, *, rewards: int = _SAMPLE) -> Cost:
    """Count what credit costs from the end of its hold to its mail, both sides alike."""
    return _cost_of_rewards(cloud, shop.TEA, pairs=rewards // 2, rewards_of_pair=2)


def other_costs(cloud: LocalCloud) -> dict[str, Cost]:
    """Count what a coupon, a payout, a redemption and a webhook cost; credit was counted before."""
    return {
        "a coupon": coupon_cost(cloud),
        "a payout of ten, for each": payout_cost(cloud),
        "a redemption": redemption_cost(cloud),
        "a webhook": webhook_cost(cloud),  # the last one: from here on an endpoint is told
    }


def coupon_cost(cloud: LocalCloud) -> Cost:
    """Count what coupons cost from the end of their hold to their mail."""
    for number in range(_SMALL_SAMPLE + 1):
        coupons.add(_CODES, _POOL, f"TEA-{number:04d}")
    return _cost_of_rewards(cloud, _CODES, pairs=_SMALL_SAMPLE, rewards_of_pair=1)


def _cost_of_rewards(
    cloud: LocalCloud, program_id: ProgramId, *, pairs: int, rewards_of_pair: int
) -> Cost:
    _set_clock(_EARLIER + _HELD)
    _buy_once(program_id, "warm", 1)
    _arrive(cloud)
    _buy_once(program_id, "counted", pairs)
    cloud.settle()
    webhooks.forget_cached()  # read once a minute: here exactly once, however slow the machine
    with metered() as spent:
        _arrive(cloud)
    return Cost(of=pairs * rewards_of_pair, spent=spent)


def _buy_once(program_id: ProgramId, kind: str, pairs: int) -> None:
    """Let advocates each bring a friend who buys."""
    for number in range(pairs):
        _join(program_id, f"{kind}-{program_id}-{number:03d}")
        shop.buy(f"friend-{kind}-{program_id}-{number:03d}", program_id=program_id, now=_EARLIER)


def _join(program_id: ProgramId, name: str) -> None:
    code = name.replace("-", "").upper()
    shop.enrol(f"advocate-{name}", code, program_id=program_id, now=_EARLIER)
    shop.sign_up(f"friend-{name}", code, program_id=program_id, now=_EARLIER)


def _arrive(cloud: LocalCloud) -> None:
    cloud.invoke("reward_fulfilment", "queue_due_rewards", {})
    cloud.settle()


def payout_cost(cloud: LocalCloud) -> Cost:
    """Count what ten rewards in one payout cost from payday to their one mail."""
    rewards = 10
    _set_clock(_EARLIER + _HELD)
    _earn_cash(cloud, "warm", 1)
    _pay_out(cloud)
    _earn_cash(cloud, "counted", rewards)
    webhooks.forget_cached()  # as above
    with metered() as spent:
        _pay_out(cloud)
    return Cost(of=rewards, spent=spent)


def _earn_cash(cloud: LocalCloud, kind: str, rewards: int) -> None:
    name = f"{kind}-{_CLUB}"
    _join(_CLUB, name)
    for number in range(rewards):
        shop.buy(f"friend-{name}", order=f"{number:03d}", program_id=_CLUB, now=_EARLIER)
    _arrive(cloud)


def _pay_out(cloud: LocalCloud) -> None:
    cloud.invoke("reward_dispatch", "start_payouts", {})
    cloud.invoke("reward_dispatch", "queue_due_dispatches", {})
    cloud.settle()


def redemption_cost(cloud: LocalCloud) -> Cost:
    """Count what it costs to spend credit, without what is told of it."""
    _redeem(0)
    with metered() as spent:
        for number in range(1, _SMALL_SAMPLE + 1):
            _redeem(number)
    cloud.settle()
    return Cost(of=_SMALL_SAMPLE, spent=spent)


def _redeem(number: int) -> None:
    report = RedemptionReport(
        program_id=shop.TEA,
        customer_id=f"advocate-counted-{shop.TEA}-000",
        reference=f"spent-{number:03d}",
        unit="EUR",
        amount_minor=10,
    )
    redeem_credit(report, keys=shop.KEYS, now=clock.utc_now())


def webhook_cost(cloud: LocalCloud) -> Cost:
    """Count what it costs to queue an event for one endpoint and to deliver it."""
    url = f"{cloud.base_url}{cloud.fakes.RECEIVER}/bench"
    now = clock.utc_now()
    endpoint = add_endpoint(url, events=(), programs=(), description="", now=now)
    for secret in secrets_of(endpoint, outgoing=[cloud.secret("outgoing-key")], now=now):
        cloud.fakes.receiver.trust(secret)
    webhooks.forget_cached()
    _tell(cloud, 0)
    with metered() as spent:
        for number in range(1, _SMALL_SAMPLE + 1):
            _tell(cloud, number)
    if len(cloud.fakes.receiver.log) != _SMALL_SAMPLE + 1:
        raise RuntimeError("not every event was delivered once")
    return Cost(of=_SMALL_SAMPLE, spent=spent)


def _tell(cloud: LocalCloud, number: int) -> None:
    told = DomainEvent(
        event_id=EventId(f"evt_{number:024d}"),
        name=EventName.REWARD_FULFILLED,
        program_id=shop.TEA,
        occurred_at=clock.utc_now(),
        data={"reward_id": f"rwd_{number:024d}", "amount_minor": 500, "unit": "EUR"},
    )
    enqueue_webhooks(told, now=clock.utc_now())
    cloud.settle(app="webhook_delivery")


# tables


def _cost_tables(credit: dict[int, Cost], others: dict[str, Cost]) -> list[Table]:
    by_size = {f"a credit, {size:,} stored": cost for size, cost in credit.items()}
    first, *rest = ((cost.calls_per_one(), cost.per_one()) for cost in credit.values())
    differs = any(each != first for each in rest)
    largest = {"a credit": list(credit.values())[-1]} | others
    cost_table = Table(
        key="reward_cost",
        title="Rewards: what one of them costs in DynamoDB, and how many mails it is, counted",
        units=_PER_REWARD,
        rows={name: cost.per_one() for name, cost in (by_size | others).items()},
        notes=(
            "credit and coupons: from the end of the hold to the mail; a payout: from payday on",
            "fractions: what a batch does once; units from item sizes",
        ),
        faults=("a reward does not cost the same at every size",) if differs else (),
    )
    return [cost_table, _calls_table(largest)]


def _calls_table(costs: Mapping[str, Cost]) -> Table:
    calls = {name: cost.calls_per_one() for name, cost in costs.items()}
    made = sorted({call for of in calls.values() for call in of})
    return Table(
        key="reward_calls",
        title="Rewards: AWS calls by service and operation for one of them, counted",
        units=dict.fromkeys(calls, "calls"),
        rows={call: {name: of.get(call, 0.0) for name, of in calls.items()} for call in made},
        notes=("what Lambda itself asks queues and streams is left out",),
    )


def _run_table(runs: Mapping[int, Run], cpu_seconds: float) -> Table:
    smallest = min(runs)
    rows: dict[str, dict[str, Value]] = {
        f"{size:,} rewards": {
            "fulfilled": run.fulfilled,
            "mailed": run.mails,
            "rewards": run.fulfilled / run.fulfilling_seconds,
            "mails": run.mails / run.mailing_seconds,
            "all the way": run.mails / (run.fulfilling_seconds + run.mailing_seconds),
            "CPU each": run.cpu_ms,
            f"to {smallest:,}": run.cpu_ms / runs[smallest].cpu_ms,
        }
        for size, run in runs.items()
    }
    return Table(
        key="rewards_run",
        title="Rewards: held, handed over and mailed, through queue, stream and SES",
        units={
            "fulfilled": "rewards",
            "mailed": "mails",
            "rewards": "a second",
            "mails": "a second",
            "all the way": "a second",
            "CPU each": "ms",
            f"to {smallest:,}": "ratio",
        },
        rows=rows,
        notes=(
            "functions and local cloud share one Python process and run one after the other",
            f"CPU time of the whole section: {cpu_seconds:.0f} s",
        ),
        faults=tuple(_faults(runs)),
    )


def _faults(runs: Mapping[int, Run]) -> Iterator[str]:
    for size, run in runs.items():
        if not run.rewards == run.fulfilled == run.mails:
            yield f"of {size:,} rewards {run.fulfilled:,} were fulfilled and {run.mails:,} mailed"


if __name__ == "__main__":
    main()
