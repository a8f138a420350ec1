"""Payouts and codes against a provider that misbehaves, and processes that die anywhere.

The provider pays each time it does its work: that nobody is paid twice is the saga's doing alone.
What it does late, it does within ten minutes.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.dispatches import FINISHED, Dispatch, DispatchState
from referrals.domain.ids import DispatchId, PersonId, RewardId
from referrals.domain.ledger import Place
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.people import Person
from referrals.domain.programs import PartnerTerms
from referrals.domain.providers import (
    Asking,
    NotNow,
    Refused,
    TheirOrder,
    TheirStatus,
    Unknown,
)
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind
from referrals.store import differences, dispatches, keys, ledger, people, rewards
from referrals.store.transactions import commit
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.apply_program import apply_program
from referrals.usecases.confirm_payout import confirm_payout, return_payout
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.start_payouts import start_payouts
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, dying
from tests.payers import Answer
from tests.promises import key_of, promise, take_back
from tests.shop import NOON, TEA

SEEDS, MANY_SEEDS, SEEDS_A_LEDGER = 150, 5_000, 50
LATEST_WORK = timedelta(minutes=10)
# one in so many AWS calls is the last of its process
DEATHS = 40
ROUNDS = 7
TERMS = PayoutTerms(provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, products=("A",))
PROGRAM = replace(
    shop.a_program(), payouts=TERMS, partners={"cinema": PartnerTerms(url="https://c.example")}
)


class Misbehaving:
    """A provider that remembers what it paid, and whose answers cannot be relied on.

    `is_calm` is when it does what it is asked, and says so. `meanwhile` is what other processes do
    while it is being asked.
    """

    def __init__(self, dice: random.Random, now: Callable[[], datetime]) -> None:
        self.dice, self.now = dice, now
        self.is_calm = False
        self.orders: dict[str, TheirOrder] = {}
        self.paid: defaultdict[str, list[int]] = defaultdict(list)
        self.late: list[tuple[datetime, Asking]] = []
        self.meanwhile: Callable[[DispatchId], object] = lambda _: None

    def ask(self, asking: Asking) -> Answer:
        self.meanwhile(asking.dispatch_id)
        if self.is_calm:
            return self._work(asking)
        return self.dice.choice(self._MOODS)(self, asking)

    def look_up(self, dispatch_id: DispatchId) -> TheirOrder | NotNow | Unknown | None:
        self.catch_up()
        if not self.is_calm and self.dice.random() < 0.3:
            return NotNow(reason="busy") if self.dice.random() < 0.5 else Unknown(reason="lost")
        order = self.orders.get(dispatch_id)
        if order is not None and order.status is TheirStatus.PENDING and self.dice.random() < 0.5:
            order = self.orders[dispatch_id] = replace(order, status=TheirStatus.DONE)
        return order

    def iter_orders(self, since: datetime) -> Iterator[TheirOrder]:
        raise NotImplementedError(since)

    def catch_up(self) -> None:
        """Do what was asked for long ago."""
        due = [asking for at, asking in self.late if at <= self.now()]
        self.late = [each for each in self.late if each[0] > self.now()]
        for asking in due:
            self._work(asking)

    def _work(self, asking: Asking, *, too_much: int = 0) -> TheirOrder:
        amount_minor = asking.amount_minor + too_much
        self.paid[asking.dispatch_id].append(amount_minor)
        status = self.dice.choice([TheirStatus.DONE, TheirStatus.DONE, TheirStatus.PENDING])
        order = TheirOrder(
            external_id=asking.dispatch_id,
            reference=f"their-{asking.dispatch_id}",
            amount_minor=amount_minor,
            unit=asking.unit,
            status=status,
            details={"coupon_code": f"CODE-{asking.dispatch_id}"},
        )
        self.orders[asking.dispatch_id] = order
        return order

    def _crash_before(self, _asking: Asking) -> TheirOrder:
        raise KilledError

    def _crash_after(self, asking: Asking) -> TheirOrder:
        self._work(asking)
        raise KilledError

    def _lose_the_request(self, _asking: Asking) -> Unknown:
        return Unknown(reason="no answer")

    def _lose_the_answer(self, asking: Asking) -> Unknown:
        self._work(asking)
        return Unknown(reason="no answer")

    def _fail_after_the_work(self, asking: Asking) -> Unknown:
        self._work(asking)
        return Unknown(reason="answered 500")

    def _work_late(self, asking: Asking) -> Unknown:
        self._put_off(asking)
        return Unknown(reason="no answer")

    def _work_late_for_the_dead(self, asking: Asking) -> Unknown:
        self._put_off(asking)
        raise KilledError

    def _put_off(self, asking: Asking) -> None:
        self.late.append((self.now() + self.dice.random() * LATEST_WORK, asking))

    def _be_busy(self, _asking: Asking) -> NotNow:
        return NotNow(reason="busy")

    def _refuse(self, _asking: Asking) -> Refused:
        return Refused(reason="never")

    def _fail(self, asking: Asking) -> TheirOrder:
        order = self._work(asking)
        self.paid[asking.dispatch_id].pop()
        self.orders[asking.dispatch_id] = replace(order, status=TheirStatus.FAILED)
        return self.orders[asking.dispatch_id]

    def _pay_too_much(self, asking: Asking) -> TheirOrder:
        return self._work(asking, too_much=1)

    _MOODS: ClassVar[tuple[Callable[["Misbehaving", Asking], Answer], ...]] = (
        _work,
        _work,
        _crash_before,
        _crash_after,
        _lose_the_request,
        _lose_the_answer,
        _fail_after_the_work,
        _work_late,
        _work_late_for_the_dead,
        _be_busy,
        _refuse,
        _fail,
        _pay_too_much,
    )


@dataclass
class World:
    """Somebody with cash and a code to come, one provider, and a clock."""

    seed: int
    dice: random.Random
    now: datetime = NOON
    promised: list[Reward] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        self.began_at = self.now
        self.provider = Misbehaving(self.dice, lambda: self.now)
        self.provider.meanwhile = self._meanwhile
        self.owner_id = PersonId(f"per_{self.seed}")
        person = Person(person_id=self.owner_id, customer_id="a", email="a@customer.example")
        commit(people.save(person))
        cash, codes = self.dice.choice([(1, 0), (1, 1), (2, 0), (3, 0), (0, 1)])
        self._promise(RewardKind.CASH, cash)
        self._promise(RewardKind.PARTNER, codes, partner="cinema")

    def _promise(self, kind: RewardKind, count: int, *, partner: str | None = None) -> None:
        for number in range(count):
            self.promised.append(
                promise(
                    RewardId(f"rwd_{self.owner_id}_{kind}_{number}"),
                    owner_id=self.owner_id,
                    kind=kind,
                    amount_minor=self.dice.randint(100, 900),
                    partner=partner,
                    now=self.now,
                )
            )

    def _meanwhile(self, dispatch_id: DispatchId) -> None:
        if self.dice.random() < 0.2:
            advance_dispatch(dispatch_id, providers=lambda _: self.provider, now=self.now)

    def misbehave(self) -> None:
        """Let everything happen that can, in an order made up by the seed."""
        for _ in range(ROUNDS):
            action = self.dice.choice(
                [self.pay, self.pay, self.advance, self.advance, self.advance, self.refund]
            )
            with suppress(KilledError), dying(self._is_dead):
                action()
            self.wait(timedelta(minutes=self.dice.choice([0, 1, 4, 20, 200])))

    def _is_dead(self) -> str | None:
        if self.dice.randrange(DEATHS):
            return None
        return self.dice.choice(["before", "after"])

    def calm_down(self) -> None:
        """Let a few quiet days pass, in which people decide what is frozen."""
        self.provider.is_calm = True
        for _ in range(30):
            self.wait(timedelta(hours=6))
            self.pay()
            self.advance()
            if self._is_settled():
                break
            self.decide()

    def wait(self, time: timedelta) -> None:
        self.now += time
        self.provider.catch_up()

    def pay(self) -> None:
        """Take every reward as far as it goes without a provider."""
        for key in list(rewards.iter_due(self.now)):
            fulfil_reward(key, now=self.now)
        if any(reward.kind is RewardKind.CASH for reward in self.promised):
            start_payouts(now=self.now)

    def advance(self) -> None:
        for dispatch_id in list(dispatches.iter_due(self.now)):
            advance_dispatch(dispatch_id, providers=lambda _: self.provider, now=self.now)

    def refund(self) -> None:
        reward = self.dice.choice(self.promised)
        take_back(
            key_of(reward), owed_minor=self.dice.choice([0, reward.amount_minor // 2]), now=self.now
        )

    def decide(self) -> None:
        frozen = [each for each in self.dispatches() if each.state is DispatchState.FROZEN]
        for dispatch in frozen:
            if self.provider.paid[dispatch.dispatch_id]:
                confirm_payout(dispatch.dispatch_id, reference="seen", actor="olga", now=self.now)
            else:
                return_payout(dispatch.dispatch_id, reason="none", actor="olga", now=self.now)
            for found in differences.list_open(dispatch.provider):
                differences.resolve(
                    found.provider, found.difference_id, actor="olga", note="seen", now=self.now
                )

    def dispatches(self) -> list[Dispatch]:
        names = {CINEMA if each.partner else "tremendous" for each in self.promised}
        found = [
            each
            for name in sorted(names)
            for each in dispatches.iter_of_provider(name, since=self.began_at)
        ]
        return [each for each in found if each.owner_id == self.owner_id]

    def rewards(self) -> list[Reward]:
        return rewards.list_of_owner(TEA, self.owner_id)

    def _is_settled(self) -> bool:
        return all(each.state in _ENDED for each in self.rewards())


CINEMA = "partner:cinema"
_ENDED = {RewardState.FULFILLED, RewardState.CLAWED_BACK, RewardState.VOIDED}


def play(seed: int) -> World:
    world = World(seed=seed, dice=random.Random(seed))
    world.misbehave()
    world.calm_down()
    return world


def check(world: World) -> None:
    """At most one payment per payout, none lost, and what was paid is what the ledger says."""
    settled, provider = Counter[RewardId](), world.provider
    asked = world.dispatches()
    for dispatch in asked:
        assert dispatch.state in FINISHED, f"seed {world.seed}: {dispatch}"
        payments = provider.paid[dispatch.dispatch_id]
        is_settled = dispatch.state is DispatchState.SETTLED
        assert len(payments) == int(is_settled), f"seed {world.seed}: {dispatch} {payments}"
        settled.update(dispatch.reward_ids if is_settled else ())
    for reward in world.rewards():
        assert reward.state in _ENDED, f"seed {world.seed}: {reward}"
        is_out = reward.state is not RewardState.VOIDED and bool(reward.to_hand_over_minor)
        # what a debt took all of may have been part of a payout, for nothing
        is_right = settled[reward.reward_id] == int(is_out) or not reward.to_hand_over_minor
        assert is_right, f"seed {world.seed}: {reward}"
        if is_out and reward.kind is RewardKind.PARTNER:
            assert (reward.handed_over or {})["coupon_code"] == f"CODE-{reward.dispatch_id}"
    balance = ledger.find_balance(TEA, world.owner_id)
    assert balance is not None
    sent_minor = sum(d.amount_minor for d in asked if d.state is DispatchState.SETTLED)
    assert balance.amount(Place.PAID, "EUR") == sent_minor, f"seed {world.seed}"
    assert balance.amount(Place.AVAILABLE, "EUR") == 0, f"seed {world.seed}"


@pytest.fixture
def _one_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all that is due be found by one query."""
    monkeypatch.setattr(keys, "_DUE_SHARDS", 1)


def play_all(seeds: range) -> None:
    apply_program(PROGRAM, now=NOON)
    empty = engine.copied_tables()
    for number, seed in enumerate(seeds, start=1):
        check(play(seed))
        if number % SEEDS_A_LEDGER == 0:
            assert verify_ledger().faults == ()
            engine.put_tables(empty)
            forget_caches()


@pytest.mark.usefixtures("tables", "_one_shard")
def test_nobody_is_paid_twice_and_nothing_is_lost_whatever_crashes() -> None:
    play_all(range(SEEDS))


@pytest.mark.torture
@pytest.mark.usefixtures("tables", "_one_shard")
def test_nobody_is_paid_twice_and_nothing_is_lost_in_many_stories() -> None:
    play_all(range(SEEDS, SEEDS + MANY_SEEDS))
