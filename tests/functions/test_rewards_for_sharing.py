"""Rewards for enrolling and for leaderboards, over HTTP and by the clock."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from infra.local.cloud import LocalCloud
from referrals.domain.rules import Flat, Leaderboard, Places, RewardKind, Trigger
from referrals.runtime import clock
from referrals.store import coupons
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api
from tests.functions.requests import ADVOCATE, PURCHASE
from tests.shop import NOON, TEA

SHARING = replace(
    shop.ADVOCATE_COUPON,
    rule_id="sharing",
    on=Trigger.ENROLMENT,
    pool="sharing",
    hold_days=0,
)
CREDIT = replace(
    SHARING,
    rule_id="sharing-credit",
    kind=RewardKind.CREDIT,
    pool=None,
    reward=Flat(amount_minor=100),
    hold_days=3,
)
BEST = replace(
    shop.ADVOCATE_TENTH,
    rule_id="best",
    on=Trigger.PERIOD_END,
    reward=Places(amounts_minor=(700,)),
    hold_days=0,
    leaderboard=Leaderboard(),
)


@pytest.fixture(autouse=True)
def _program(cloud: LocalCloud) -> None:
    clock.set_source(lambda: NOON)
    apply_program(shop.a_program(rules=[SHARING, CREDIT, BEST]), now=NOON)


def test_the_answer_to_an_enrolment_tells_its_rewards_and_gives_the_coupon(api: Api) -> None:
    coupons.add(TEA, "sharing", "SHARE-1")
    enrolled = api.post("/api/advocates", ADVOCATE)
    coupon, credit = enrolled.json["rewards"]
    assert enrolled.status == 201
    assert {name: value for name, value in coupon.items() if name != "id"} == {
        "kind": "coupon",
        "state": "fulfilled",
        "amount_minor": 400,
        "unit": "EUR",
        "held_until": "2026-05-04T12:00:00Z",
        "coupon_code": "SHARE-1",
    }
    assert {name: value for name, value in credit.items() if name != "id"} == {
        "kind": "credit",
        "state": "held",
        "amount_minor": 100,
        "unit": "EUR",
        "held_until": "2026-05-07T12:00:00Z",
    }
    again = api.post("/api/advocates", ADVOCATE)
    assert (again.status, again.json) == (200, enrolled.json)


def test_an_enrolment_without_stock_is_answered_and_the_coupon_follows(
    api: Api, cloud: LocalCloud
) -> None:
    enrolled = api.post("/api/advocates", ADVOCATE)
    assert (enrolled.status, enrolled.json["rewards"][0]["state"]) == (201, "available")
    coupons.add(TEA, "sharing", "SHARE-1")
    clock.set_source(lambda: NOON.replace(hour=13))
    cloud.run_schedules()
    cloud.settle()
    again = api.post("/api/advocates", ADVOCATE)
    assert again.json["rewards"][0]["coupon_code"] == "SHARE-1"


def test_the_clock_awards_prizes_once_and_they_are_handed_over(api: Api, cloud: LocalCloud) -> None:
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10"})
    clock.set_source(lambda: datetime(2026, 6, 2, 0, 30, tzinfo=UTC))
    for _ in range(3):
        cloud.run_schedules()
        cloud.settle()
    prizes = [each for each in api.advocate("anna").json["rewards"] if each["amount_minor"] == 700]
    assert [(each["state"], each["because"]) for each in prizes] == [
        ("fulfilled", "Promised for place 1 of the leaderboard.")
    ]
