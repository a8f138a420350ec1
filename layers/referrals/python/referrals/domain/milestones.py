"""Milestones and scores: what an advocate's conversions come to when they are counted together.

A milestone is earned when the count of what stands reaches it, un-earned when a refund takes the
count below it, and earned again, as a new reward, when the count comes back.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from referrals.domain.granting import Claim, Grants
from referrals.domain.ids import PersonId, RewardId
from referrals.domain.ledger import Balance, Mark, Score
from referrals.domain.programs import Program
from referrals.domain.rewards import price
from referrals.domain.rules import Counted, Leaderboard, Milestone, RewardRule

# An item must not grow for ever: of an advocate's oldest milestones nobody takes back so many.
_MOST_MARKS = 200
_PERIODS_KEPT = 3


def earn(grants: Grants, advocate_id: PersonId, counted: Counted) -> None:
    """Promise the milestones that an advocate stands at and has not been promised."""
    balance = grants.balances[advocate_id]
    count = balance.purchases if counted is Counted.PURCHASES else balance.signups
    for rule in grants.program.milestones:
        milestone = _milestone_of(rule)
        if milestone.count is counted and milestone.is_at(count):
            _earn_one(grants, rule, advocate_id, count)


def _earn_one(grants: Grants, rule: RewardRule, advocate_id: PersonId, count: int) -> None:
    counted = _milestone_of(rule).count
    key = mark_key(rule.rule_id, counted, count)
    known = grants.balances[advocate_id].milestones.get(key)
    if known is None and _is_before_all_marks(grants.balances[advocate_id], counted, count):
        return
    if known is not None and known.reward_id is not None:
        return
    generation = known.generation + 1 if known else 1
    claim = Claim(
        owner_id=advocate_id,
        promised_minor=price(rule, 0, count=count),
        count=count,
        step=count,
        generation=generation,
        source=f"milestone:{grants.program.program_id}:{counted}:{count}",
    )
    reward = grants.decide(rule, claim)
    if reward is not None:
        mark = Mark(reward_id=reward.reward_id, generation=generation)
        balance = grants.balances[advocate_id]
        grants.balances[advocate_id] = replace(
            balance, milestones=marked(balance.milestones, key, mark)
        )


def mark_key(rule_id: str, counted: Counted, count: int) -> str:
    """Name a milestone within a balance."""
    return f"{rule_id}:{counted}:{count}"


def standing_above(balance: Balance, counted: Counted, count: int) -> Iterator[RewardId]:
    """Give the milestone rewards that a count of `count` does not earn."""
    for key, mark in balance.milestones.items():
        _, of, step = key.rsplit(":", 2)
        if mark.reward_id is not None and of == counted and int(step) > count:
            yield mark.reward_id


def is_out_of_reach(balance: Balance, reward_id: RewardId) -> bool:
    """Whether a milestone's reward stands above what is counted by now."""
    return reward_id in {
        *standing_above(balance, Counted.PURCHASES, balance.purchases),
        *standing_above(balance, Counted.SIGNUPS, balance.signups),
    }


def unmarked(balance: Balance, reward_id: RewardId) -> Balance:
    """Note that a milestone's reward was taken back, so that it can be earned again."""
    marks = {
        key: replace(mark, reward_id=None) if mark.reward_id == reward_id else mark
        for key, mark in balance.milestones.items()
    }
    return replace(balance, milestones=marks)


def scored(
    balance: Balance,
    program: Program,
    *,
    occurred_at: datetime,
    purchases: int,
    revenue_minor: int,
) -> Balance:
    """Count what an advocate brought, or lost again, for the leaderboards of the terms."""
    scores = dict(balance.scores)
    for rule in program.leaderboards:
        key = score_key(rule, occurred_at)
        known = scores.get(key, Score())
        scores[key] = Score(
            purchases=known.purchases + purchases,
            revenue_minor=known.revenue_minor + revenue_minor,
        )
        scores = _latest_periods(scores, key)
    return replace(balance, scores=scores)


def score_key(rule: RewardRule, occurred_at: datetime) -> str:
    """Name the period of a leaderboard within a balance."""
    leaderboard = rule.leaderboard or Leaderboard()
    return f"{rule.rule_id}@{leaderboard.per.label(occurred_at.date())}"


def _latest_periods(scores: Mapping[str, Score], like: str) -> dict[str, Score]:
    """Drop the oldest periods of the rule and the length of `like`: quarters tell no months."""
    shape = _without_digits(like)
    alike = sorted(key for key in scores if _without_digits(key) == shape)
    gone = set(alike[:-_PERIODS_KEPT])
    return {key: score for key, score in scores.items() if key not in gone}


def _without_digits(key: str) -> tuple[str, str]:
    rule_id, label = key.split("@")
    return rule_id, re.sub(r"\d", "0", label)


def marked(marks: Mapping[str, Mark], key: str, mark: Mark) -> dict[str, Mark]:
    """Give the marks with the newest one, without the oldest when there are too many."""
    others = {each: known for each, known in marks.items() if each != key}
    return dict([*others.items(), (key, mark)][-_MOST_MARKS:])


def _is_before_all_marks(balance: Balance, counted: Counted, count: int) -> bool:
    """Whether the mark of a count is gone for its age: what was promised there still stands."""
    if len(balance.milestones) < _MOST_MARKS:
        return False
    steps = [
        int(step)
        for _, of, step in (key.rsplit(":", 2) for key in balance.milestones)
        if of == counted
    ]
    return count < min(steps, default=0)


def _milestone_of(rule: RewardRule) -> Milestone:
    return rule.milestone or Milestone()
