"""Offers: what somebody is told that a recommendation brings, before anything has happened."""

from dataclasses import replace

import pytest

from referrals.domain.landings import ProgramStatus
from referrals.domain.ledger import Mark
from referrals.domain.milestones import mark_key
from referrals.domain.offers import Sharer, Step, first_amount, next_step, offer
from referrals.domain.programs import Eligibility, Experiment
from referrals.domain.rules import (
    Conditions,
    Counted,
    Flat,
    Percent,
    Places,
    RewardRule,
    Side,
    Tier,
    Tiers,
    Trigger,
)
from tests.factories import (
    ANNA,
    NOW,
    REWARD,
    a_balance,
    a_leaderboard_rule,
    a_milestone_rule,
    a_program,
    a_rule,
)

SOMEBODY = Sharer(person_id=ANNA)
FOR_SIGNING_UP = a_rule(
    rule_id="welcome", on=Trigger.SIGNUP, to=Side.FRIEND, reward=Flat(amount_minor=500)
)
FOR_BUYING = a_rule(
    rule_id="thanks", on=Trigger.PURCHASE, to=Side.FRIEND, reward=Flat(amount_minor=300)
)
VIPS = Conditions(segments=("vip",))
AT_THREE = a_milestone_rule(at=(3,))


def offered(
    *rules: RewardRule, sharer: Sharer = SOMEBODY, side: Side = Side.FRIEND
) -> RewardRule | None:
    return offer(a_program(*rules), sharer, side, now=NOW)


def test_what_is_to_come_is_offered_before_what_is_there_at_once() -> None:
    assert offered(FOR_SIGNING_UP, FOR_BUYING) == FOR_BUYING
    assert offered(FOR_SIGNING_UP) == FOR_SIGNING_UP


def test_each_side_is_offered_its_own() -> None:
    assert offered(FOR_BUYING, a_rule(), side=Side.ADVOCATE) == a_rule()
    assert offered(a_rule()) is None


@pytest.mark.parametrize(
    "only",
    [
        Conditions(countries=("DE",)),
        Conditions(products=("tea",)),
        Conditions(channels=("email",)),
        VIPS,
    ],
)
def test_what_may_not_apply_is_not_promised(only: Conditions) -> None:
    assert offered(replace(FOR_BUYING, only=only)) is None


def test_terms_of_a_segment_are_offered_to_it() -> None:
    of_vips = replace(FOR_BUYING, only=VIPS)
    assert offered(of_vips, sharer=Sharer(person_id=ANNA, segment="vip")) == of_vips


def test_nothing_is_offered_while_the_program_is_not_running() -> None:
    program = a_program(FOR_BUYING)
    paused = replace(program, landing=replace(program.landing, status=ProgramStatus.PAUSED))
    assert offer(paused, SOMEBODY, Side.FRIEND, now=NOW) is None


def test_nothing_is_offered_to_the_holdout_or_to_segments_that_may_not_refer() -> None:
    program = a_program(FOR_BUYING)
    held_out = replace(program, experiment=Experiment(name="all", holdout_bps=10_000))
    members = replace(program, eligibility=Eligibility(segments=("members",)))
    assert offer(held_out, SOMEBODY, Side.FRIEND, now=NOW) is None
    assert offer(members, SOMEBODY, Side.FRIEND, now=NOW) is None


def test_of_tiers_the_first_is_offered_and_of_places_nothing() -> None:
    tiers = Tiers(
        tiers=(
            Tier(from_count=1, amount=Flat(amount_minor=1_000)),
            Tier(from_count=4, amount=Percent(rate_bps=500)),
        )
    )
    assert first_amount(a_rule(reward=tiers)) == Flat(amount_minor=1_000)
    assert first_amount(a_rule()) == Percent(rate_bps=1_000)
    assert first_amount(replace(a_leaderboard_rule(), reward=Places(amounts_minor=(9,)))) is None


@pytest.mark.parametrize(("purchases", "count"), [(0, None), (1, None), (2, 2), (3, None)])
def test_a_milestone_is_near_when_one_conversion_is_missing(
    purchases: int, count: int | None
) -> None:
    balance = a_balance(purchases=purchases)
    step = next_step(a_program(AT_THREE), SOMEBODY, balance, Counted.PURCHASES, now=NOW)
    assert (step.count if step else None) == count


def test_a_milestone_of_something_else_is_not_near() -> None:
    balance = a_balance(purchases=2)
    program = a_program(AT_THREE)
    assert next_step(program, SOMEBODY, balance, Counted.SIGNUPS, now=NOW) is None


def test_a_milestone_that_stands_is_no_news_and_one_that_was_taken_back_is() -> None:
    program = a_program(AT_THREE)
    key = mark_key(AT_THREE.rule_id, Counted.PURCHASES, 3)
    standing = a_balance(purchases=2, milestones={key: Mark(reward_id=REWARD)})
    gone = a_balance(purchases=2, milestones={key: Mark(reward_id=None)})
    assert next_step(program, SOMEBODY, standing, Counted.PURCHASES, now=NOW) is None
    assert next_step(program, SOMEBODY, gone, Counted.PURCHASES, now=NOW) == Step(
        rule=AT_THREE, counted=Counted.PURCHASES, count=2
    )
