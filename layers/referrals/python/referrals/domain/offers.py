"""Offers: what the terms promise somebody before anything has happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from referrals.domain.granting import Occasion, not_meant_for
from referrals.domain.ids import PersonId
from referrals.domain.ledger import Balance
from referrals.domain.milestones import mark_key
from referrals.domain.programs import HOLDOUT, Program
from referrals.domain.rewards import price
from referrals.domain.rules import (
    Counted,
    Flat,
    Milestone,
    Percent,
    Places,
    RewardRule,
    Side,
    Tiers,
    Trigger,
)

# A sign-up's reward tells of itself as soon as it is there; the one to come is news.
_TO_COME_FIRST = (Trigger.PURCHASE, Trigger.SIGNUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharer:
    """What of an advocate decides which rules are meant for them and their friends."""

    person_id: PersonId
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A milestone that is one conversion away; `count` is how many there are by now."""

    rule: RewardRule
    counted: Counted
    count: int

    @property
    def amount_minor(self) -> int:
        return price(self.rule, 0, count=self.count + 1)


def offer(program: Program, sharer: Sharer, side: Side, *, now: datetime) -> RewardRule | None:
    """Give the rule by which a recommendation rewards a side; None when nothing is sure.

    What depends on a country, a product or a channel is not.
    """
    rules = _meant(program, sharer, program.rules, now)
    promised = [rule for rule in rules if rule.to is side]
    return next((rule for on in _TO_COME_FIRST for rule in promised if rule.on is on), None)


def first_amount(rule: RewardRule) -> Flat | Percent | None:
    """Give what a rule brings the first time: an amount, or a share of an order."""
    match rule.reward:
        case Tiers() as tiers:
            return tiers.at(1)
        case Places():
            return None
        case amount:
            return amount


def next_step(
    program: Program, sharer: Sharer, balance: Balance, counted: Counted, *, now: datetime
) -> Step | None:
    """Give the milestone that an advocate is one step away from; None when there is none.

    One whose reward stands already, because the count had been higher, is no news.
    """
    count = balance.purchases if counted is Counted.PURCHASES else balance.signups
    for rule in _meant(program, sharer, program.milestones, now):
        milestone = rule.milestone or Milestone()
        if milestone.count is not counted or not milestone.is_at(count + 1):
            continue
        mark = balance.milestones.get(mark_key(rule.rule_id, counted, count + 1))
        step = Step(rule=rule, counted=counted, count=count)
        if (mark is None or mark.reward_id is None) and step.amount_minor:
            return step
    return None


def _meant(
    program: Program, sharer: Sharer, rules: Sequence[RewardRule], now: datetime
) -> Iterator[RewardRule]:
    """Give the rules that are meant for an advocate whatever their friends do."""
    variant = program.variant_of(sharer.person_id)
    eligible = program.eligibility.segments
    is_out = variant == HOLDOUT or bool(eligible and sharer.segment not in eligible)
    if is_out or not program.landing.is_running(now):
        return
    asked = Occasion(source="", occurred_at=now, segment=sharer.segment, variant=variant)
    for rule in rules:
        if not_meant_for(rule.only, asked) is None:
            yield rule
