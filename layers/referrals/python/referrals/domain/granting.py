"""Granting: reward rules decided one after another, against caps, a budget and what went before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.budgets import Budget, Slice
from referrals.domain.caps import room
from referrals.domain.decisions import Decision, Reason, decision
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.ids import ConversionId, PersonId, RewardId
from referrals.domain.ledger import Balance, Journal, Posting, after, journal_for
from referrals.domain.money import BASIS_POINTS
from referrals.domain.programs import HOLDOUT, Program
from referrals.domain.reports import Circumstances
from referrals.domain.rewards import (
    BUDGET_RETRY_AFTER,
    Reward,
    RewardState,
    grant_posting,
    lowest_amount,
    reward_id_of,
)
from referrals.domain.rules import (
    POINTS_UNIT,
    Cap,
    Conditions,
    Period,
    RewardKind,
    RewardRule,
    Side,
)

# What all rules together are counted under, among a person's uses of caps.
ALL_RULES = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What rules are looked at for; `source` is what the ids of its rewards derive from.

    `segment` and `variant` are the advocate's. Nothing is promised for good while `is_in_review`.
    """

    source: str
    occurred_at: datetime
    conversion_id: ConversionId | None = None
    order_id: str | None = None
    amount_minor: int = 0
    purchases: int = 0
    circumstances: Circumstances = Circumstances()
    channel: str | None = None
    segment: str | None = None
    variant: str | None = None
    is_in_review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody is promised by a rule, before caps: `count` says the how-many-th time it is.

    It is not `is_another` reward for the caps when it adds to one that stands.
    """

    owner_id: PersonId
    promised_minor: int
    count: int
    share_bps: int = BASIS_POINTS
    step: int | None = None
    generation: int = 1
    source: str | None = None
    is_another: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardNote:
    """A reward as an answer told of it; kept, so that the same question gets the same answer."""

    reward_id: RewardId
    owner_id: PersonId
    to: Side
    kind: RewardKind
    state: RewardState
    amount_minor: int
    unit: str
    held_until: datetime


class Grants:
    """Decides claims one by one and gathers what they change; nothing is written here.

    `balances` must hold every owner. Without a `budget` nothing is bounded by one. In a rehearsal
    nothing is booked.
    """

    def __init__(
        self,
        occasion: Occasion,
        *,
        program: Program,
        balances: Mapping[PersonId, Balance],
        budget: Budget | None,
        is_rehearsal: bool = False,
        now: datetime,
    ) -> None:
        self.occasion, self.program, self.now = occasion, program, now
        self.is_rehearsal = is_rehearsal
        self.balances, self.budget = dict(balances), budget
        self.rewards: list[Reward] = []
        self.decisions: list[Decision] = []

    def decide(self, rule: RewardRule, claim: Claim) -> Reward | None:
        """Decide one claim: note the decision, and promise what caps leave of it."""
        reason = self._refusal(rule, claim)
        left_minor = 0 if reason else self._room(rule, claim)
        if reason is None and left_minor == 0:
            reason = Reason.CAP_REACHED
        self.decisions.append(self._decision(rule, claim, reason, left_minor))
        return None if reason else self._promise(rule, claim, left_minor)

    def restore(self, rule: RewardRule, claim: Claim) -> Reward | None:
        """Promise again what was taken back, as far as caps have room by now."""
        if self.balances[claim.owner_id].is_closed:
            return None
        left_minor = self._room(rule, claim)
        return self._promise(rule, claim, left_minor) if left_minor else None

    def _refusal(self, rule: RewardRule, claim: Claim) -> Reason | None:
        if self.balances[claim.owner_id].is_closed:
            return Reason.FORGOTTEN
        if self.occasion.variant == HOLDOUT:
            return Reason.HOLDOUT
        reason = not_meant_for(rule.only, self.occasion) or _not_earned(rule, self.occasion)
        if reason is None and claim.promised_minor == 0:
            return Reason.ROUNDS_TO_NOTHING
        return reason

    def _room(self, rule: RewardRule, claim: Claim) -> int:
        balance, today = self.balances[claim.owner_id], self.now.date()
        sides = [(rule.caps, balance.cap_use(rule.rule_id))]
        if rule.to is not Side.FRIEND:
            caps = self.program.caps if self._is_of_money(rule) else _without_amounts(self.program)
            sides.append((caps, balance.cap_use(ALL_RULES)))
        left_minor = min(
            room(caps, use, claim.promised_minor, today, is_another=claim.is_another)
            for caps, use in sides
        )
        is_cut = left_minor < claim.promised_minor
        return 0 if is_cut and rule.is_whole else left_minor

    def _is_of_money(self, rule: RewardRule) -> bool:
        return rule.unit(self.program.currency) == self.program.currency

    def _decision(
        self, rule: RewardRule, claim: Claim, reason: Reason | None, granted_minor: int
    ) -> Decision:
        used = (
            self.balances[claim.owner_id].cap_use(rule.rule_id).of(Period.ALL_TIME, self.now.date())
        )
        return decision(
            f"reward:{rule.rule_id}",
            self.program.version,
            reason,
            owner=claim.owner_id,
            order_minor=self.occasion.amount_minor,
            count=claim.count,
            share_bps=claim.share_bps,
            promised_minor=claim.promised_minor,
            granted_minor=granted_minor,
            rewards_so_far=used.rewards,
            amount_so_far_minor=used.amount_minor,
            segment=self.occasion.segment,
            variant=self.occasion.variant,
        )

    def _promise(self, rule: RewardRule, claim: Claim, amount_minor: int) -> Reward:
        """Promise an amount: it is counted at once, and paid for as soon as the budget has room.

        The hold runs from the conversion, not from its report.
        """
        asked, held_until = self.occasion, self.occasion.occurred_at + rule.hold
        reward = Reward(
            reward_id=reward_id_of(
                claim.source or asked.source,
                rule.rule_id,
                claim.owner_id,
                generation=claim.generation,
            ),
            program_id=self.program.program_id,
            version=self.program.version,
            rule_id=rule.rule_id,
            conversion_id=asked.conversion_id,
            order_id=asked.order_id,
            owner_id=claim.owner_id,
            side=rule.to,
            kind=rule.kind,
            pool=rule.pool,
            partner=rule.partner,
            ships=rule.ships,
            unit=rule.unit(self.program.currency),
            amount_minor=amount_minor,
            state=RewardState.IN_REVIEW,
            held_until=held_until,
            granted_at=self.now,
            due_at=None,
            expires_after_days=rule.expires_after_days,
            trigger=rule.on,
            step=claim.step,
            generation=claim.generation,
        )
        self.count(reward, rewards=int(claim.is_another), amount_minor=amount_minor)
        if not asked.is_in_review:
            reward = self.fund(reward)
        self.rewards.append(reward)
        return reward

    def count(self, reward: Reward, *, rewards: int, amount_minor: int) -> None:
        """Count a grant against the caps of its owner."""
        today, owner_id = self.now.date(), reward.owner_id
        of_money = 0 if reward.unit == POINTS_UNIT else amount_minor
        balance = self.balances[owner_id]
        used = {
            **balance.caps,
            reward.rule_id: balance.cap_use(reward.rule_id).plus(
                rewards=rewards, amount_minor=amount_minor, on=today
            ),
        }
        if reward.side is not Side.FRIEND:
            used[ALL_RULES] = balance.cap_use(ALL_RULES).plus(
                rewards=rewards, amount_minor=of_money, on=today
            )
        self.balances[owner_id] = replace(balance, caps=used)

    def uncount(self, reward: Reward, *, rewards: int, amount_minor: int) -> None:
        """Give back to the caps of its owner what was reversed of a reward."""
        granted_on, balance = reward.granted_at.date(), self.balances[reward.owner_id]
        of_money = 0 if reward.unit == POINTS_UNIT else amount_minor
        used = {
            **balance.caps,
            reward.rule_id: balance.cap_use(reward.rule_id).less(
                rewards=rewards, amount_minor=amount_minor, granted_on=granted_on
            ),
        }
        if reward.side is not Side.FRIEND:
            used[ALL_RULES] = balance.cap_use(ALL_RULES).less(
                rewards=rewards, amount_minor=of_money, granted_on=granted_on
            )
        self.balances[reward.owner_id] = replace(balance, caps=used)

    def fund(self, reward: Reward) -> Reward:
        """Take the money of a promise from the budget: HELD when there was enough, else QUEUED."""
        drawn = funded(reward, self.budget, self.program.currency, now=self.now)
        if drawn is None:
            self.decisions.append(
                decision(
                    "budget",
                    self.program.version,
                    Reason.BUDGET_EXHAUSTED,
                    reward=reward.reward_id,
                    amount_minor=reward.remaining_minor,
                )
            )
            return replace(reward, state=RewardState.QUEUED, due_at=self.now + BUDGET_RETRY_AFTER)
        self.budget, held = drawn
        return held

    def has_waited_in_vain(self, budget: Budget | None) -> bool:
        """Whether something was queued while only a part of the budget was looked at."""
        is_queued = any(reward.state is RewardState.QUEUED for reward in self.rewards)
        return is_queued and budget is not None and not budget.is_whole

    def book(self, cause: str, postings: Iterable[Posting]) -> Journal | None:
        """Write the journal of `cause` and take it into the balances; None without postings."""
        listed = tuple(postings)
        if not listed or self.is_rehearsal:
            return None
        journal = journal_for(
            cause,
            listed,
            program_id=self.program.program_id,
            version=self.program.version,
            now=self.now,
            balances=self.balances,
        )
        for person in journal.people:
            self.balances[person] = after(self.balances[person], journal)
        return journal

    def changed_balances(self, before: Mapping[PersonId, Balance]) -> tuple[Balance, ...]:
        return tuple(
            each
            for person, each in self.balances.items()
            if each is not before[person] and each != before[person]
        )

    def changed_slices(self, before: Budget | None) -> tuple[Slice, ...]:
        return self.budget.changed_from(before) if self.budget and before else ()

    def grant_postings(self) -> list[Posting]:
        if self.is_rehearsal:
            return []
        return [
            grant_posting(reward) for reward in self.rewards if reward.state is RewardState.HELD
        ]


def funded(
    reward: Reward, budget: Budget | None, currency: str, *, now: datetime
) -> tuple[Budget | None, Reward] | None:
    """Move a promise to HELD with its money from the budget; None when that has too little.

    Only rewards in the program's currency are paid out of its budget.
    """
    state, due_at = RewardState.HELD, reward.held_until
    if budget is None or reward.unit != currency:
        return budget, replace(reward, state=state, due_at=due_at)
    drawn = budget.draw(reward.remaining_minor, now.date())
    if drawn is None:
        return None
    left, draws = drawn
    return left, replace(reward, state=state, due_at=due_at, draws=draws)


def not_meant_for(only: Conditions, asked: Occasion) -> Reason | None:
    """Say which condition an occasion does not meet; None when it meets all."""
    circumstances = asked.circumstances
    unmet = (
        (bool(only.variants) and asked.variant not in only.variants, Reason.OTHER_VARIANT),
        (bool(only.segments) and asked.segment not in only.segments, Reason.OTHER_SEGMENT),
        (asked.segment in only.except_segments, Reason.OTHER_SEGMENT),
        (bool(only.channels) and asked.channel not in only.channels, Reason.OTHER_CHANNEL),
        (
            bool(only.countries) and circumstances.country not in only.countries,
            Reason.OTHER_COUNTRY,
        ),
        (
            bool(only.products) and not set(only.products) & set(circumstances.products),
            Reason.OTHER_PRODUCT,
        ),
    )
    return next((reason for is_unmet, reason in unmet if is_unmet), None)


def _not_earned(rule: RewardRule, asked: Occasion) -> Reason | None:
    """Say what about the amount, the rank or the month does not earn a reward."""
    month, most_minor = asked.circumstances.month, rule.max_amount_minor
    if asked.amount_minor < lowest_amount(rule):
        return Reason.BELOW_MINIMUM
    if most_minor is not None and asked.amount_minor > most_minor:
        return Reason.ABOVE_MAXIMUM
    if rule.is_first_purchase_only and asked.purchases:
        return Reason.NOT_FIRST_PURCHASE
    if rule.first_months is not None and month is not None and month > rule.first_months:
        return Reason.TOO_LATE_IN_SUBSCRIPTION
    return None


def _without_amounts(program: Program) -> tuple[Cap, ...]:
    """Give the program's caps for what is no money: they count it, and do not weigh it."""
    return tuple(replace(cap, amount_minor=None) for cap in program.caps)


def note(reward: Reward) -> RewardNote:
    """Give what an answer tells of a reward as it is now."""
    return RewardNote(
        reward_id=reward.reward_id,
        owner_id=reward.owner_id,
        to=reward.side,
        kind=reward.kind,
        state=reward.state,
        amount_minor=reward.remaining_minor,
        unit=reward.unit,
        held_until=reward.held_until,
    )


_STATE_EVENTS: Mapping[RewardState, EventName] = {
    RewardState.IN_REVIEW: EventName.REWARD_IN_REVIEW,
    RewardState.QUEUED: EventName.REWARD_QUEUED,
    RewardState.HELD: EventName.REWARD_HELD,
}


def promise_event(reward: Reward, *, cause: str, now: datetime) -> DomainEvent:
    """Tell of a promise that was just made, or that moved on towards its hold."""
    return reward_event(_STATE_EVENTS[reward.state], reward, cause=cause, now=now)


def put_back_event(before: Reward, after: Reward, *, cause: str, now: datetime) -> DomainEvent:
    """Tell that a reward was put back, by what that changed of it."""
    back_minor = after.voided_minor - before.voided_minor
    if back_minor or after.state is RewardState.VOIDED:
        return reward_event(
            EventName.REWARD_VOIDED, after, cause=cause, now=now, reversed_minor=back_minor
        )
    return netted_event(before, after, cause=cause, now=now)


def netted_event(before: Reward, after: Reward, *, cause: str, now: datetime) -> DomainEvent:
    """Tell what of a reward paid a debt; below 0 what its owner had paid too much."""
    paid_minor = after.netted_minor - before.netted_minor
    return reward_event(EventName.REWARD_NETTED, after, cause=cause, now=now, paid_minor=paid_minor)


def reward_event(
    name: EventName, reward: Reward, *, cause: str, now: datetime, **more: str | int | None
) -> DomainEvent:
    """Tell of a reward as it is after `cause`: all of it, so that it can be rebuilt from that."""
    return event(
        name,
        cause=cause,
        program_id=reward.program_id,
        occurred_at=now,
        reward_id=reward.reward_id,
        person_id=reward.owner_id,
        conversion_id=reward.conversion_id,
        order_id=reward.order_id,
        rule=reward.rule_id,
        version=reward.version,
        side=reward.side,
        kind=reward.kind,
        pool=reward.pool,
        partner=reward.partner,
        ships=reward.ships,
        dispatch_id=reward.dispatch_id,
        unit=reward.unit,
        state=reward.state,
        amount_minor=reward.remaining_minor,
        granted_minor=reward.amount_minor,
        voided_minor=reward.voided_minor,
        clawed_back_minor=reward.clawed_back_minor,
        netted_minor=reward.netted_minor,
        held_until=reward.held_until.isoformat(),
        granted_at=reward.granted_at.isoformat(),
        expires_at=reward.expires_at.isoformat() if reward.expires_at else None,
        expires_after_days=reward.expires_after_days,
        trigger=reward.trigger,
        step=reward.step,
        generation=reward.generation,
        draws=",".join(
            f"{each.slice}:{each.amount_minor}:{each.of_today_minor}" for each in reward.draws
        ),
        writing=reward.writing,
        **more,
    )
