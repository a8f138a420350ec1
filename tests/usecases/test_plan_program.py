"""A plan says what new terms would have cost, and so they do: to the last minor unit."""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from infra.local.history import (
    REFERRED_SHARE,
    Bought,
    Enrolled,
    Entry,
    EntryKind,
    Followed,
    Happening,
    Refunded,
    SignedUp,
    happenings,
    invented_referrals,
    read_orders_and_refunds,
)
from infra.manifest import ROOT
from referrals.cli.documents import read_program_file
from referrals.domain.budgets import Slice
from referrals.domain.ids import PersonId, RewardId
from referrals.domain.plans import Plan, Tally
from referrals.domain.programs import BudgetTerms, Goals, Program
from referrals.domain.rewards import BUDGET_RETRY_AFTER, Reward, RewardState
from referrals.domain.rules import (
    Cap,
    Flat,
    Milestone,
    Percent,
    Period,
    RewardKind,
    RewardRule,
    Side,
    Tier,
    Tiers,
    Trigger,
)
from referrals.store import budgets, rewards
from referrals.store.happenings import recording
from referrals.store.rewards import RewardKey
from referrals.store.transactions import read
from referrals.usecases import plan_program as plan_program_module
from referrals.usecases.answers import Recorded
from referrals.usecases.apply_program import apply_program
from referrals.usecases.enrol_advocate import Enrolled as EnrolledNow
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.plan_program import plan_over, plan_program
from tests import shop
from tests.conftest import fresh_tables
from tools.bench import plan as plan_bench

pytestmark = pytest.mark.usefixtures("tables")

# nothing comes due in these months, as nothing depends on it
_HOLD_DAYS = 1_000
_MOMENT = timedelta(microseconds=1)

GIFTS = ROOT / "examples" / "programs" / "gifts.yaml"
Key = TypeVar("Key")

LIVE = (
    RewardRule(
        rule_id="advocate-share",
        on=Trigger.PURCHASE,
        to=Side.ADVOCATE,
        kind=RewardKind.CREDIT,
        reward=Percent(rate_bps=750, max_minor=5_000),
        hold_days=_HOLD_DAYS,
    ),
    RewardRule(
        rule_id="friend-thanks",
        on=Trigger.PURCHASE,
        to=Side.FRIEND,
        kind=RewardKind.CREDIT,
        reward=Flat(amount_minor=300),
        min_amount_minor=2_000,
        hold_days=_HOLD_DAYS,
    ),
    RewardRule(
        rule_id="friend-welcome",
        on=Trigger.SIGNUP,
        to=Side.FRIEND,
        kind=RewardKind.POINTS,
        reward=Flat(amount_minor=500),
        hold_days=_HOLD_DAYS,
    ),
)
SHARE, THANKS, WELCOME = LIVE
SECOND_LEVEL = replace(
    SHARE, rule_id="second-level", to=Side.SECOND_LEVEL, reward=Percent(rate_bps=100)
)
FIFTH = RewardRule(
    rule_id="every-third",
    on=Trigger.MILESTONE,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Flat(amount_minor=1_000),
    milestone=Milestone(every=3),
    hold_days=_HOLD_DAYS,
)


def _live() -> Program:
    return shop.a_program(rules=LIVE, currency="GBP")


def _with_caps() -> Program:
    """Give a tenth in place of 7.5 percent, capped per month and in all."""
    monthly = Cap(per=Period.MONTH, amount_minor=4_000)
    share = replace(SHARE, reward=Percent(rate_bps=1_000, max_minor=3_000), caps=(monthly,))
    thanks = replace(THANKS, caps=(Cap(per=Period.MONTH, rewards=2),))
    capped = replace(_live(), rules=(share, thanks, WELCOME))
    return replace(capped, caps=(Cap(per=Period.YEAR, amount_minor=10_000),))


def _with_a_budget(*, total_minor: int, per_day_minor: int) -> Program:
    budget = BudgetTerms(total_minor=total_minor, per_day_minor=per_day_minor)
    return replace(_live(), budget=budget, goals=Goals(purchases=100))


def _with_tiers() -> Program:
    """Give more from the third purchase on, a milestone, a second level, a first-order reward."""
    tiers = Tiers(
        tiers=(
            Tier(from_count=1, amount=Percent(rate_bps=500)),
            Tier(from_count=3, amount=Percent(rate_bps=1_000, max_minor=4_000)),
        )
    )
    share = replace(SHARE, reward=tiers)
    thanks = replace(THANKS, is_first_purchase_only=True)
    return replace(_live(), rules=(share, thanks, WELCOME, SECOND_LEVEL, FIFTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Something that is reported at a moment of its own: what is told first was first."""

    at: datetime
    tell: Callable[[datetime], Recorded | EnrolledNow]
    is_refund: bool = False


def _in_turn(reports: Sequence[Report]) -> list[Report]:
    """Give each report a moment of its own, in the order given."""
    told, last = [], shop.NOON.replace(year=2000)
    for each in reports:
        last = max(each.at, last + _MOMENT)
        told.append(replace(each, at=last))
    return told


def _purchase(customer: str, order_id: str, amount_minor: int, at: datetime) -> Report:
    return Report(
        at=at,
        tell=lambda now: shop.buy(
            customer,
            order_id=order_id,
            amount_minor=amount_minor,
            currency="GBP",
            occurred_at=None,
            now=now,
        ),
    )


def _refund(order_id: str, refund_id: str, amount_minor: int, at: datetime) -> Report:
    return Report(
        at=at,
        is_refund=True,
        tell=lambda now: shop.give_back(
            order_id=order_id,
            refund_id=refund_id,
            amount_minor=amount_minor,
            currency="GBP",
            occurred_at=None,
            now=now,
        ),
    )


def _signup(friend: str, advocate: str, at: datetime) -> Report:
    return Report(
        at=at,
        tell=lambda now: shop.sign_up(friend, codes=[_code(advocate)], occurred_at=None, now=now),
    )


def _enrolment(customer: str, at: datetime) -> Report:
    return Report(at=at, tell=lambda now: shop.enrol(customer, code=_code(customer), now=now))


def _code(customer_id: str) -> str:
    # in letters that make no words: SHOP15513 has one in it
    return customer_id.translate(str.maketrans("0123456789", "ZLMNPQRVWX"))


def two_weeks() -> list[Report]:
    """Give the 927 real orders and 50 refunds to the minute, half of the friends late."""
    entries = read_orders_and_refunds()
    referrals = invented_referrals((entry.customer_id for entry in entries), 7)
    start = entries[0].at - timedelta(hours=1)
    reports = [_enrolment(each, start) for each in sorted(set(referrals.values()))]
    seen: set[str] = set()
    late = list[tuple[str, str]]()
    for number, entry in enumerate(entries):
        advocate = referrals.get(entry.customer_id)
        if advocate and entry.customer_id not in seen:
            if number % 3:
                reports.append(_signup(entry.customer_id, advocate, entry.at))
            else:
                late.append((entry.customer_id, advocate))
        seen.add(entry.customer_id)
        reports.append(_entry(entry))
        if number % 40 == 0 and late:
            reports.append(_signup(*late.pop(0), entry.at))
    reports += [_signup(*each, entries[-1].at) for each in late]
    return _in_turn(reports)


def _entry(entry: Entry) -> Report:
    if entry.kind is EntryKind.ORDER:
        return _purchase(entry.customer_id, entry.order_id, entry.amount_minor, entry.at)
    return _refund(entry.order_id, entry.entry_id, entry.amount_minor, entry.at)


def half_a_year() -> list[Report]:
    """Give all 7,409 real orders, with refunds as in the real two weeks."""
    history = happenings(182, share=REFERRED_SHARE)
    referrals = {
        each.friend_id: each.advocate_id
        for each in history
        if isinstance(each, Followed) and each.friend_id is not None
    }
    reports = (_report(happened, referrals) for happened in history)
    return _in_turn([report for report in reports if report is not None])


def _report(happened: Happening, referrals: Mapping[str, str]) -> Report | None:
    """Give the report of what happened; of a click there is none."""
    at = happened.at
    match happened:
        case Enrolled():
            return _enrolment(happened.customer_id, at)
        case SignedUp():
            return _signup(happened.friend_id, referrals[happened.friend_id], at)
        case Bought():
            return _purchase(happened.customer_id, happened.order_id, happened.amount_minor, at)
        case Refunded():
            return _refund(happened.order_id, happened.refund_id, happened.amount_minor, at)
        case _:
            return None


@dataclass(slots=True, kw_only=True)
class Reality:
    """The real system, in which what waits for the budget asks again every quarter of an hour."""

    program: Program
    queue: list[tuple[datetime, RewardId, RewardKey]] = field(default_factory=list)
    known: set[RewardId] = field(default_factory=set)
    amounts_minor: dict[RewardId, int] = field(default_factory=dict)

    def live_through(self, reports: Sequence[Report]) -> datetime:
        """Give the moment of the last report."""
        apply_program(self.program, now=shop.NOON)
        for report in reports:
            self.pay_until(report.at)
            answer = report.tell(report.at)
            if answer.rewards and self.program.budget.is_limited:
                self.look_who_waits(report.at)
            if report.is_refund:
                self.amounts_minor.clear()
        return reports[-1].at

    def look_who_waits(self, now: datetime) -> None:
        for key in rewards.iter_due(now + BUDGET_RETRY_AFTER):
            if key.reward_id not in self.known:
                self.known.add(key.reward_id)
                heapq.heappush(self.queue, (_reward(key).due_at or now, key.reward_id, key))

    def pay_until(self, now: datetime) -> None:
        if not self.queue:
            return
        slices = list(budgets.iter_all())
        while self.queue and self.queue[0][0] <= now:
            due_at, reward_id, key = heapq.heappop(self.queue)
            if self.amount_minor(key) > _left_minor(slices, due_at):
                # to ask would only put it off
                heapq.heappush(self.queue, (due_at + BUDGET_RETRY_AFTER, reward_id, key))
            elif self.amount_minor(key):
                assert fulfil_reward(key, now=due_at) is RewardState.HELD
                slices = list(budgets.iter_all())

    def amount_minor(self, key: RewardKey) -> int:
        """Give what a reward waits for, as it was after the last refund."""
        if key.reward_id not in self.amounts_minor:
            reward = _reward(key)
            is_queued = reward.state is RewardState.QUEUED
            self.amounts_minor[key.reward_id] = reward.remaining_minor if is_queued else 0
        return self.amounts_minor[key.reward_id]


def _reward(key: RewardKey) -> Reward:
    wanted = rewards.wanted(key)
    read(wanted)
    if wanted.value is None:
        raise AssertionError(key)
    return wanted.value


def _left_minor(slices: Sequence[Slice], now: datetime) -> int:
    return min(
        sum(each.left_in_all() or 0 for each in slices),
        sum(each.left_today(now.date()) or 0 for each in slices),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What terms come to, for every person and every rule."""

    by_person: dict[tuple[PersonId, str], int]
    by_rule: dict[tuple[str, str], int]
    rewards: dict[str, int]
    waiting_minor: dict[str, int]


def _predicted(tally: Tally) -> Figures:
    return Figures(
        by_person=_without_zeros(tally.by_person),
        by_rule=_without_zeros(tally.by_rule),
        rewards=_without_zeros(tally.rewards),
        waiting_minor=_without_zeros(tally.waiting_minor),
    )


def _happened() -> Figures:
    by_person, by_rule = Counter[tuple[PersonId, str]](), Counter[tuple[str, str]]()
    promised, waiting_minor = Counter[str](), Counter[str]()
    for reward in rewards.iter_all():
        by_person[reward.owner_id, reward.unit] += reward.remaining_minor
        by_rule[reward.rule_id, reward.unit] += reward.remaining_minor
        promised[reward.rule_id] += 1
        if reward.state in {RewardState.QUEUED, RewardState.IN_REVIEW}:
            waiting_minor[reward.unit] += reward.remaining_minor
    return Figures(
        by_person=_without_zeros(by_person),
        by_rule=_without_zeros(by_rule),
        rewards=dict(promised),
        waiting_minor=_without_zeros(waiting_minor),
    )


def _without_zeros(counter: Mapping[Key, int]) -> dict[Key, int]:
    return {key: count for key, count in counter.items() if count}


def _plan(
    new: Program, now: datetime, *, since: datetime | None = None, until: datetime | None = None
) -> Plan:
    return plan_program(
        new, since=since, until=until, now=now, on_progress=lambda _done, _total: None
    )


def _compared(reports: Sequence[Report], terms: Mapping[str, Program]) -> dict[str, Tally]:
    """Hold plans against what happens then, every person and rule; gives the tallies planned."""
    now = Reality(program=_live()).live_through(reports) + _MOMENT
    plans = {name: _plan(new, now) for name, new in terms.items()}
    tallies = {"live": next(iter(plans.values())).live_tally}
    assert _predicted(tallies["live"]) == _happened()
    for name, new in terms.items():
        tallies[name] = plans[name].new_tally
        with fresh_tables():
            reality = Reality(program=new)
            reality.pay_until(reality.live_through(reports) + _MOMENT)
            assert (name, _predicted(tallies[name])) == (name, _happened())
    return tallies


def test_what_changed_terms_cost_in_days_of_a_real_shop_is_what_was_planned() -> None:
    tallies = _compared(
        two_weeks()[:150],
        {
            "caps": _with_caps(),
            "a budget": _with_a_budget(total_minor=20_000, per_day_minor=15_000),
            "tiers": _with_tiers(),
        },
    )
    assert tallies["a budget"].budget_hits > 0
    assert {name: each.cost_minor("GBP") for name, each in tallies.items()} == {
        "live": 26_958,
        "caps": 13_565,
        "a budget": 26_958,  # with what waits for it
        "tiers": 33_605,
    }


@pytest.mark.torture
def test_what_changed_terms_cost_in_two_weeks_of_a_real_shop_is_what_was_planned() -> None:
    tallies = _compared(
        two_weeks(),
        {
            "caps": _with_caps(),
            "a budget": _with_a_budget(total_minor=500_000, per_day_minor=70_000),
            "tiers": _with_tiers(),
        },
    )
    assert {name: each.cost_minor("GBP") for name, each in tallies.items()} == {
        "live": 898_808,
        "caps": 311_032,
        "a budget": 898_808,  # with what waits for it
        "tiers": 1_014_086,
    }


def test_two_processes_count_as_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan() -> Plan:
        with recording() as recorded:
            for happening in plan_bench.events(400):
                recorded.add(happening)
            return plan_over(
                recorded,
                plan_bench.changed(live),
                live=live,
                until=shop.LATER,
                on_progress=lambda _done, _total: None,
            )

    live = read_program_file(GIFTS)
    in_one = plan()
    monkeypatch.setattr(plan_program_module, "WORTH_A_PROCESS", 0)
    assert plan() == in_one
    assert in_one.live_tally.credited > 0


@pytest.mark.torture
def test_what_changed_terms_cost_in_half_a_year_of_a_real_shop_is_what_was_planned() -> None:
    tallies = _compared(
        half_a_year(),
        {
            "caps": _with_caps(),
            "a budget": _with_a_budget(total_minor=6_000_000, per_day_minor=70_000),
            "tiers": _with_tiers(),
        },
    )
    assert tallies["a budget"].budget_hits > 0
