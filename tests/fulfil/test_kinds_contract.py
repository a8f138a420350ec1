"""What every kind of reward does: handed over once, taken back whole, and seen in each state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.ids import DispatchId
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import PartnerTerms
from referrals.domain.providers import Asking, TheirOrder, TheirStatus
from referrals.domain.rewards import Reward
from referrals.domain.rules import POINTS_UNIT, Flat, RewardKind, RewardRule
from referrals.store import coupons, dispatches
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.apply_program import apply_program
from referrals.usecases.show_advocate import show_advocate
from referrals.usecases.start_payouts import start_payouts
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import KEYS, LATER, NOON, TEA, Purse, a_click_of, buy, give_back, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

WORTH = 900
POOL = "stock"
# what was in doubt is looked up by then, what waited for stock is looked at again
RETRIES = tuple(timedelta(minutes=90) * number for number in range(3))


@dataclass(slots=True)
class Maker:
    """A provider that does what it is asked for, once for each id."""

    made: dict[DispatchId, TheirOrder] = field(default_factory=dict)
    asked: int = 0

    def ask(self, asking: Asking) -> TheirOrder:
        self.asked += 1
        return self.made.setdefault(
            asking.dispatch_id,
            TheirOrder(
                external_id=asking.dispatch_id,
                reference=f"ORDER-{asking.dispatch_id}",
                amount_minor=asking.amount_minor,
                unit=asking.unit,
                status=TheirStatus.DONE,
                details={"coupon_code": f"CODE-{asking.dispatch_id}"},
            ),
        )

    def look_up(self, dispatch_id: DispatchId) -> TheirOrder | None:
        return self.made.get(dispatch_id)

    def iter_orders(self, since: datetime) -> Iterator[TheirOrder]:  # noqa: ARG002 - all there are
        return iter(self.made.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of reward: its rule, what it needs, and where what was handed over can be counted."""

    rule: RewardRule
    handed_over: Callable[[Maker], int]
    supply: Callable[[], object] = lambda: None
    # where it stands when nothing outside does anything for it
    waits_as: str = "available"
    unit: str = "EUR"

    @property
    def needs_somebody(self) -> bool:
        return self.rule.kind not in {RewardKind.CREDIT, RewardKind.POINTS}


def a_rule(kind: RewardKind, *, pool: str | None = None, partner: str | None = None) -> RewardRule:
    return replace(
        shop.ADVOCATE_TENTH,
        rule_id=kind,
        kind=kind,
        reward=Flat(amount_minor=WORTH),
        pool=pool,
        partner=partner,
    )


def fill() -> None:
    for number in range(3):
        coupons.add(TEA, POOL, f"UNIT-{number}")


def taken(_maker: Maker) -> int:
    return coupons.count(TEA, POOL)[1]


def made(maker: Maker) -> int:
    return len(maker.made)


def booked(unit: str) -> Callable[[Maker], int]:
    return lambda _maker: purse_of("anna", unit=unit).paid // WORTH


KINDS = {
    "credit": Kind(rule=a_rule(RewardKind.CREDIT), handed_over=booked("EUR")),
    "points": Kind(
        rule=a_rule(RewardKind.POINTS), handed_over=booked(POINTS_UNIT), unit=POINTS_UNIT
    ),
    "coupon": Kind(rule=a_rule(RewardKind.COUPON, pool=POOL), handed_over=taken, supply=fill),
    "coupon by a partner": Kind(
        rule=a_rule(RewardKind.COUPON, partner="cinema"), handed_over=made, waits_as="fulfilling"
    ),
    "gift": Kind(rule=a_rule(RewardKind.GIFT, pool=POOL), handed_over=taken, supply=fill),
    "cash": Kind(rule=a_rule(RewardKind.CASH), handed_over=made),
    "partner": Kind(
        rule=a_rule(RewardKind.PARTNER, partner="cinema"), handed_over=made, waits_as="fulfilling"
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def maker() -> Maker:
    return Maker()


def earn(kind: Kind) -> None:
    """Let Anna earn one reward, held until the fortnight is over."""
    program = replace(
        shop.a_program(rules=[kind.rule]),
        payouts=PayoutTerms(
            provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, campaign_id="C1"
        ),
        partners={"cinema": PartnerTerms(url="https://cinema.example/codes")},
    )
    apply_program(program, now=NOON)
    shop.enrol("anna", code="ANNA10")
    buy(clicks=[a_click_of()])


def work(maker: Maker | None, now: datetime) -> None:
    """Do once what the clocks and queues do; without a maker nobody outside is reached."""
    shop.fulfil_all("anna", now=now)
    if maker is None:
        return
    start_payouts(now=now)
    for dispatch_id in list(dispatches.iter_due(now)):
        advance_dispatch(dispatch_id, providers=lambda _dispatch: maker, now=now)


def shown() -> Reward:
    (reward,) = show_advocate("anna", TEA, keys=KEYS).rewards
    return reward


def test_each_state_on_the_way_is_seen(kind: Kind, maker: Maker) -> None:
    earn(kind)
    seen = [shown().state.value]
    if kind.needs_somebody:
        work(None, LATER)
        seen.append(shown().state.value)
    kind.supply()
    work(maker, LATER + RETRIES[1])
    seen.append(shown().state.value)

    on_the_way = [kind.waits_as] if kind.needs_somebody else []
    assert seen == ["held", *on_the_way, "fulfilled"]
    assert kind.handed_over(maker) == 1


def test_what_was_handed_over_stands_in_the_purse_and_in_the_reward(
    kind: Kind, maker: Maker
) -> None:
    earn(kind)
    kind.supply()
    work(maker, LATER)

    assert purse_of("anna", unit=kind.unit) == Purse(paid=WORTH)
    assert bool(shown().handed_over) == kind.needs_somebody
    assert verify_ledger().faults == ()


def test_who_asks_twice_hands_over_once(kind: Kind, maker: Maker) -> None:
    earn(kind)
    kind.supply()
    for later in RETRIES:
        work(maker, LATER + later)

    assert kind.handed_over(maker) == 1
    assert maker.asked <= 1
    assert purse_of("anna", unit=kind.unit) == Purse(paid=WORTH)


def test_those_who_ask_at_once_hand_over_once(kind: Kind, maker: Maker) -> None:
    earn(kind)
    kind.supply()
    at_once([lambda: work(maker, LATER)] * 4)
    work(maker, LATER + RETRIES[1])

    assert shown().state == "fulfilled"
    assert kind.handed_over(maker) == 1
    assert maker.asked <= 1
    assert purse_of("anna", unit=kind.unit) == Purse(paid=WORTH)
    assert verify_ledger().faults == ()


def test_whoever_dies_on_the_way_leaves_one_hand_over(kind: Kind) -> None:
    die_on_the_way(kind, most=4)


@pytest.mark.torture
def test_whoever_dies_before_or_after_any_call_leaves_one_hand_over(kind: Kind) -> None:
    die_on_the_way(kind, most=1_000)


def die_on_the_way(kind: Kind, *, most: int) -> None:
    """Let the work be killed, at so many places at most, and taken up by others."""
    earn(kind)
    kind.supply()
    start = engine.copied_tables()
    calls = every_kill(lambda: work(Maker(), LATER))
    places = [(number, is_after) for number in range(1, calls + 1) for is_after in (False, True)]
    # an odd step, so that both kinds of death have their turn
    for number, is_after in places[:: len(places) // most | 1]:
        engine.put_tables(start)
        forget_caches()
        maker = Maker()
        with killed(at_call=number, is_after=is_after), pytest.raises(KilledError):
            work(maker, LATER)
        forget_caches()
        for later in RETRIES:
            work(maker, LATER + later)

        assert shown().state == "fulfilled", (number, is_after)
        assert kind.handed_over(maker) == 1, (number, is_after)
        assert purse_of("anna", unit=kind.unit) == Purse(paid=WORTH), (number, is_after)
        assert verify_ledger().faults == (), (number, is_after)


def test_a_refund_before_the_hand_over_voids_and_nothing_goes_out(kind: Kind, maker: Maker) -> None:
    earn(kind)
    kind.supply()
    give_back(amount_minor=5_000)
    for later in RETRIES:
        work(maker, LATER + later)

    assert shown().state == "voided"
    assert kind.handed_over(maker) == 0
    assert purse_of("anna", unit=kind.unit) == Purse()
    assert verify_ledger().faults == ()


def test_a_refund_after_the_hand_over_claws_back(kind: Kind, maker: Maker) -> None:
    earn(kind)
    kind.supply()
    work(maker, LATER)
    give_back(amount_minor=5_000, now=LATER)
    for later in RETRIES:
        work(maker, LATER + later)

    assert shown().state == "clawed_back"
    assert maker.asked <= 1
    assert purse_of("anna", unit=kind.unit) == Purse(paid=WORTH, debt=-WORTH)
    assert verify_ledger().faults == ()


@pytest.mark.parametrize("name", [name for name, each in KINDS.items() if each.needs_somebody])
def test_a_refund_while_it_waits_for_somebody_voids(name: str, maker: Maker) -> None:
    kind = KINDS[name]
    earn(kind)
    work(None, LATER)
    give_back(amount_minor=5_000, now=LATER)
    kind.supply()
    for later in RETRIES:
        work(maker, LATER + later)

    assert shown().state == "voided"
    assert kind.handed_over(maker) == 0
    assert purse_of("anna", unit=kind.unit) == Purse()
    assert verify_ledger().faults == ()


def test_a_reward_that_is_not_due_is_left_alone(kind: Kind, maker: Maker) -> None:
    earn(kind)
    kind.supply()
    work(maker, NOON + timedelta(days=13))

    assert shown().state == "held"
    assert kind.handed_over(maker) == 0
