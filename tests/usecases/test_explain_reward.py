"""Explanations: the same number once more for every reward, and a word when it is not."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from referrals import settings
from referrals.domain.conversions import ReviewState
from referrals.domain.errors import NotInReviewError, ReferralError, RewardNotFoundError
from referrals.domain.explanations import Explanation
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import ConversionId, RewardId, fingerprint, person_id
from referrals.domain.programs import AttributionModel, AttributionTerms, BudgetTerms, Program
from referrals.domain.reports import ChargebackReport, ChargebackStatus
from referrals.domain.rewards import Reward
from referrals.domain.rules import (
    Cap,
    Counted,
    Flat,
    Leaderboard,
    Milestone,
    Percent,
    Period,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Tier,
    Tiers,
    Trigger,
)
from referrals.store import conversions, coupons, rewards
from referrals.usecases.apply_program import apply_program
from referrals.usecases.attribute_by_hand import HandAttribution, attribute_by_hand
from referrals.usecases.award_prizes import award_prizes
from referrals.usecases.explain_reward import Owner, explain_reward
from referrals.usecases.forget_person import forget_person
from referrals.usecases.record_chargeback import record_chargeback
from referrals.usecases.review_conversion import review_conversion
from tests import shop
from tests.faults import calls_counted
from tests.shop import KEYS, LATER, NOON, TEA, a_click_of, buy, enrol, give_back, sign_up

pytestmark = pytest.mark.usefixtures("tables")

EARLIER = NOON - timedelta(hours=1)
AFTER_MAY = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)
MILESTONE = replace(
    shop.ADVOCATE_TENTH,
    rule_id="every-second",
    on=Trigger.MILESTONE,
    reward=Flat(amount_minor=1_000),
    milestone=Milestone(every=2),
)
SECOND_LEVEL = replace(
    shop.ADVOCATE_TENTH, rule_id="second", to=Side.SECOND_LEVEL, reward=Percent(rate_bps=333)
)
BOARD = RewardRule(
    rule_id="best",
    on=Trigger.PERIOD_END,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Places(amounts_minor=(10_001, 5_000)),
    leaderboard=Leaderboard(per=Period.MONTH, by=Counted.PURCHASES),
)
EVERYTHING = (
    replace(
        shop.ADVOCATE_TENTH,
        reward=Tiers(
            tiers=(
                Tier(from_count=1, amount=Percent(rate_bps=1_000)),
                Tier(from_count=4, amount=Percent(rate_bps=1_250, max_minor=900)),
            )
        ),
        caps=(Cap(per=Period.DAY, amount_minor=2_500), Cap(amount_minor=6_000)),
        min_amount_minor=1_000,
    ),
    shop.FRIEND_THANKS,
    shop.FRIEND_WELCOME,
    shop.ADVOCATE_COUPON,
    SECOND_LEVEL,
    MILESTONE,
    BOARD,
    replace(
        shop.ADVOCATE_TENTH,
        rule_id="welcome",
        on=Trigger.ENROLMENT,
        reward=Flat(amount_minor=200),
    ),
)


def everything() -> Program:
    return replace(
        shop.a_program(rules=EVERYTHING),
        attribution=AttributionTerms(model=AttributionModel.LINEAR),
        caps=(Cap(per=Period.MONTH, amount_minor=9_000),),
        budget=BudgetTerms(total_minor=100_000),
        fraud=FraudTerms(modes={"too_fast": FraudMode.REVIEW}),
    )


def explained(reward: Reward) -> Explanation:
    owner = Owner(program_id=reward.program_id, person_id=reward.owner_id)
    return explain_reward(reward.reward_id, owner=owner)


def text_of(explanation: Explanation) -> str:
    return "\n".join(line for section in explanation.sections for line in section.lines)


def reward_of(customer_id: str = "anna") -> Reward:
    (reward,) = shop.rewards_of(customer_id)
    return reward


def chargeback(order_id: str, amount_minor: int, status: ChargebackStatus) -> None:
    report = ChargebackReport(
        program_id=TEA,
        order_id=order_id,
        chargeback_id=f"C-{order_id}",
        amount_minor=amount_minor,
        currency="EUR",
        status=status,
        occurred_at=LATER,
        fingerprint=fingerprint(f"{order_id} {amount_minor}", key=KEYS.identity),
    )
    record_chargeback(report, now=LATER)


class Story:
    """Makes one thing after another happen to a shop, drawn with a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.orders: dict[str, int] = {}
        self.steps: list[Callable[[], object]] = [
            *[self.buy] * 6,
            self.sign_up,
            *[self.refund] * 2,
            self.dispute,
            *[self.review] * 2,
            self.hand_over,
            self.attribute,
        ]

    def play(self, count: int) -> None:
        apply_program(everything(), now=NOON)
        for name in ("anna", "clara", "ivan"):
            enrol(name, code=f"{name.upper()}10")
        sign_up("clara", clicks=[a_click_of("ANNA10", at=EARLIER)])
        for number in range(30):
            coupons.add(TEA, "welcome", f"W-{number}")
            coupons.add(TEA, "thanks", f"T-{number}")
        for _ in range(count):
            self.chance.choice(self.steps)()
        award_prizes(now=AFTER_MAY)

    def clicks(self) -> list[str]:
        codes = self.chance.choices(["ANNA10", "CLARA10", "IVAN10"], k=self.chance.randint(0, 3))
        moments = [NOON, EARLIER, EARLIER - timedelta(days=1)]
        return [a_click_of(code, at=self.chance.choice(moments)) for code in codes]

    def friend(self) -> str:
        return f"friend-{self.chance.randint(0, 11)}"

    def buy(self) -> None:
        order_id = f"A-{len(self.orders)}"
        self.orders[order_id] = self.chance.choice([333, 3_333, 4_999, 10_001])
        buy(
            self.friend(),
            order_id=order_id,
            amount_minor=self.orders[order_id],
            clicks=self.clicks(),
        )

    def sign_up(self) -> None:
        try:
            sign_up(self.friend(), clicks=self.clicks())
        except ReferralError:
            return  # signed up before, another way

    def refund(self) -> None:
        if self.orders:
            order_id = self.chance.choice(list(self.orders))
            part = self.chance.choice([1, 2, 3])
            give_back(
                order_id=order_id,
                refund_id=f"R-{self.chance.random()}",
                amount_minor=self.orders[order_id] // part,
            )

    def dispute(self) -> None:
        if self.orders:
            order_id = self.chance.choice(list(self.orders))
            chargeback(order_id, self.orders[order_id], ChargebackStatus.OPENED)
            if self.chance.random() < 0.7:
                chargeback(order_id, self.orders[order_id], ChargebackStatus.WON)

    def review(self) -> None:
        for case in conversions.list_in_review(TEA, most=1):
            state = self.chance.choice([ReviewState.APPROVED, ReviewState.REJECTED])
            try:
                review_conversion(
                    case.conversion_id, state, actor="vera", reason="looked", now=NOON
                )
            except NotInReviewError:
                return

    def hand_over(self) -> None:
        name = self.chance.choice(["anna", "clara", "ivan"])
        shop.fulfil_all(name, now=self.chance.choice([NOON, LATER]))

    def attribute(self) -> None:
        asked = HandAttribution(
            program_id=TEA,
            friend_id=person_id(self.friend(), key=KEYS.identity),
            code="IVAN10",
            since=NOON - timedelta(days=2),
            actor="vera",
            reason="told by telephone",
        )
        try:
            attribute_by_hand(asked, now=LATER)
        except ReferralError:
            return  # bound before


@pytest.mark.parametrize("seed", range(3))
def test_every_reward_of_a_story_is_worked_out_to_what_is_stored(seed: int) -> None:
    Story(seed).play(40)
    stories = [explained(reward) for reward in rewards.iter_all()]
    wrong = [
        f"{each.verdict} {each.faults} {text_of(each)}" for each in stories if not each.is_same
    ]
    assert wrong == []
    kinds = {story.reward.rule_id for story in stories}
    assert len(kinds) >= 6, "too little happened to prove anything"


def test_a_reward_is_told_with_everything_it_came_from() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    sign_up(clicks=[a_click_of("CLARA10", at=EARLIER), a_click_of()])
    buy(amount_minor=3_333)
    story = explained(reward_of())
    assert story.verdict == "3.33 EUR recomputed, 3.33 EUR stored: the same"
    told = text_of(story)
    for part in (
        "bound by ANNA10 since 2026-05-04 12:00:00 UTC",
        "reward:advocate-tenth (terms v1) granted",
        "reward: 10%",
        "price of 33.33 EUR, time 1: 3.33 EUR",
        "Earned: conversion cnv_",
        "held +3.33 EUR",
    ):
        assert part in told


def test_the_touches_are_told_with_why_each_counted_or_did_not() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy(clicks=[a_click_of("CLARA10", at=EARLIER), a_click_of()])
    touches = next(each for each in explained(reward_of()).sections if "touches" in each.title)
    assert [line.split(":")[0] for line in touches.lines[:2]] == [
        f"click CLARA10 at {EARLIER.isoformat()}".split(":")[0],
        f"click ANNA10 at {NOON.isoformat()}".split(":")[0],
    ]
    assert touches.lines[0].endswith("not_the_last")
    assert touches.lines[1].endswith("credited with 100%")


def test_refunds_and_the_history_of_states_are_told() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=LATER)
    give_back(now=LATER)
    story = explained(reward_of())
    assert story.verdict == "4.00 EUR recomputed, 4.00 EUR stored: the same"
    told = text_of(story)
    assert "refund R-1: 10.00 EUR" in told
    assert "10.00 EUR of 50.00 EUR went back: 4.00 EUR stand" in told
    steps = ("Earned", "Hold ended", "Handed over", "Taken back")
    assert [told.index(step) for step in steps] == sorted(told.index(step) for step in steps)


def test_who_attributed_a_friend_by_hand_and_who_reviewed_it_are_told() -> None:
    apply_program(everything(), now=NOON)
    enrol("anna", code="ANNA10")
    answer = buy(clicks=[a_click_of()])
    review_conversion(
        answer.conversion_id, ReviewState.APPROVED, actor="vera", reason="a gift", now=LATER
    )
    tenth = next(each for each in shop.rewards_of("anna") if each.conversion_id)
    told = text_of(explained(tenth))
    assert "too_fast (review) [seconds=0, limit=5]" in told
    assert "approved by vera at 2026-05-19 12:00:00 UTC: a gift" in told


def test_a_hand_attribution_is_told_with_actor_and_reason() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy()
    asked = HandAttribution(
        program_id=TEA,
        friend_id=person_id("boris", key=KEYS.identity),
        code="ANNA10",
        since=EARLIER,
        actor="vera",
        reason="told by telephone",
    )
    attribute_by_hand(asked, now=LATER)
    assert "attributed by hand by vera: told by telephone" in text_of(explained(reward_of()))


def test_what_was_voided_when_its_owner_was_forgotten_is_told() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy(clicks=[a_click_of()])
    forget_person("anna", keys=KEYS, now=LATER, voids_rewards=True)
    story = explained(reward_of())
    assert story.verdict == "0.00 EUR recomputed, 0.00 EUR stored: the same"
    assert "taken back when its owner was forgotten" in text_of(story)


def test_a_reward_is_found_without_its_owner() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy(clicks=[a_click_of()])
    with calls_counted() as made:
        assert explain_reward(reward_of().reward_id).is_same
    assert "Scan" in made
    with calls_counted() as made:
        explained(reward_of())
    assert "Scan" not in made


def test_a_reward_that_nobody_was_promised_is_not_found() -> None:
    shop.open_shop()
    with pytest.raises(RewardNotFoundError):
        explain_reward(RewardId("rwd_nothing"))
    with pytest.raises(RewardNotFoundError):
        explain_reward(
            RewardId("rwd_nothing"),
            owner=Owner(program_id=TEA, person_id=person_id("anna", key=KEYS.identity)),
        )


def _tamper(table: str, key: str, change: Callable[[Any], None]) -> None:
    client: Any = boto3.client("dynamodb")
    name = settings.table_name(table)
    for item in client.scan(TableName=name)["Items"]:
        if key in json.dumps(item):
            body = json.loads(item["body"]["S"])
            change(body)
            client.put_item(TableName=name, Item={**item, "body": {"S": json.dumps(body)}})


def _set(name: str, value: object) -> Callable[[Any], None]:
    return lambda body: body.__setitem__(name, value)


def _decide(name: str, value: object) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        for each in body["conversion"]["decisions"]:
            if each["rule"] == "reward:advocate-tenth":
                each["inputs"][name] = value

    return change


def _reprice(body: Any) -> None:
    body["conversion"]["amount_minor"] = 9_000


def _ungrant(body: Any) -> None:
    body["conversion"]["decisions"] = []


@pytest.mark.parametrize(
    ("table", "change", "fault"),
    [
        ("rewards", _set("amount_minor", 600), "6.00 EUR are stored as granted"),
        ("rewards", _set("voided_minor", 100), ""),
        ("rewards", _set("conversion_id", None), "what it was promised for is not stored"),
        ("conversions", _decide("promised_minor", 700), "the terms promise 5.00 EUR"),
        ("conversions", _decide("granted_minor", 100), "no cap of the terms cuts it"),
        ("conversions", _reprice, "it was decided for an order of 5000"),
        ("conversions", _ungrant, "no decision of cnv_"),
    ],
)
def test_what_was_changed_from_outside_is_told(
    table: str, change: Callable[[Any], None], fault: str
) -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    answer = buy(clicks=[a_click_of()])
    reward = reward_of()
    key: RewardId | ConversionId = reward.reward_id
    if table == "conversions":
        key = answer.conversion_id
    _tamper(table, key, change)
    story = explained(reward)
    assert not story.is_same
    assert story.verdict.endswith("NOT the same")
    assert fault in " ".join(story.faults)


def test_a_reward_that_no_journal_promises_is_told() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])
    buy(clicks=[a_click_of()])
    _tamper("balances", reward_of().owner_id, _set("journals", 0))
    assert "no journal promises it" in explained(reward_of()).faults
