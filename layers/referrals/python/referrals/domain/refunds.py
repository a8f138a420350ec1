"""Refunds and chargebacks: what an order gives back, its rewards give back in proportion.

What rewards are owed depends on the sum that went back alone, so any order of reports ends alike.
A chargeback that the shop wins counts as if it had not been: what was taken back is promised anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.budgets import Budget, Slice
from referrals.domain.conversions import Case, Conversion, Refund
from referrals.domain.decisions import REFUND_RULE, Decision, Outcome, Reason
from referrals.domain.events import DomainEvent, EventName, EventValue, event
from referrals.domain.granting import Claim, Grants, Occasion, note, promise_event, reward_event
from referrals.domain.ids import PersonId, ProgramId, RewardId
from referrals.domain.ledger import Balance, Journal
from referrals.domain.milestones import (
    earn,
    is_out_of_reach,
    scored,
    standing_above,
    unmarked,
)
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rewards import (
    Reversal,
    Reward,
    owed_after_refunds,
    reversed_to,
    shrinks_with_order,
)
from referrals.domain.rules import Counted, RewardRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """Everything that one refund changes, to be written at once or not at all."""

    case: Case
    rewards: tuple[Reward, ...] = ()
    journal: Journal | None = None
    balances: tuple[Balance, ...] = ()
    slices: tuple[Slice, ...] = ()
    events: tuple[DomainEvent, ...] = ()


def refund_cause(case: Case, refund: Refund) -> str:
    return f"refund:{case.conversion_id}:{refund.refund_id}"


def next_to_apply(case: Case) -> Refund | None:
    """Give the oldest refund of a decided order that was not applied yet.

    While the order itself waits for its friend to be bound, its refunds wait with it.
    """
    if case.conversion is None or case.conversion.outcome is not Outcome.CREDITED:
        return None
    return next((refund for refund in case.refunds if not refund.is_applied), None)


def taken_back(refunds: Iterable[Refund], currency: str | None) -> int:
    """Add up what went back: refunds, and chargebacks that were not won, each counted once."""
    plain_minor, lost = 0, dict[str, int]()
    won = set[str]()
    for refund in refunds:
        if refund.currency != currency:
            continue
        if refund.chargeback_id is None:
            plain_minor += refund.amount_minor
        elif refund.status is ChargebackStatus.WON:
            won.add(refund.chargeback_id)
        else:
            lost[refund.chargeback_id] = refund.amount_minor
    return plain_minor + sum(amount for key, amount in lost.items() if key not in won)


def milestones_at_risk(conversion: Conversion, balance: Balance) -> tuple[RewardId, ...]:
    """Name the milestone rewards that are un-earned if this conversion no longer stands."""
    match conversion.kind:
        case ConversionKind.PURCHASE:
            return tuple(standing_above(balance, Counted.PURCHASES, balance.purchases - 1))
        case ConversionKind.SIGNUP:
            return tuple(standing_above(balance, Counted.SIGNUPS, balance.signups - 1))
        case _:
            return ()


def apply_refund(
    case: Case,
    refund: Refund,
    *,
    conversion: Conversion,
    program: Program,
    rewards: Sequence[Reward],
    milestones: Sequence[Reward] = (),
    balances: Mapping[PersonId, Balance],
    segments: Mapping[PersonId, str | None] | None = None,
    budget: Budget | None = None,
    now: datetime,
) -> Reversed:
    """Take back from an order's rewards what they are no longer owed after this refund.

    `rewards` are all that were ever promised for the order, `milestones` those at risk. More than
    was paid may be given back (postage, goodwill): rewards never go below nothing.
    """
    grants = Grants(
        occasion_of(conversion, program, segments or {}),
        program=program,
        balances=balances,
        budget=budget,
        now=now,
    )
    applied = [each for each in case.refunds if each.is_applied]
    settling = Settling(
        conversion,
        grants,
        back_before_minor=taken_back(applied, conversion.currency),
        back_minor=taken_back([*applied, refund], conversion.currency),
    )
    reason = _no_effect(refund, conversion, rewards)
    if reason is not Reason.OTHER_CURRENCY:
        settling.settle(rewards, milestones, may_promise=refund.status is ChargebackStatus.WON)
    cause = refund_cause(case, refund)
    journal = settling.book(cause)
    changed = settling.changed
    done = replace(
        refund,
        is_applied=True,
        reason=None if changed else reason,
        rewards=tuple(note(reward) for reward in changed),
    )
    told = refund_event(case, done, program_id=program.program_id, now=now)
    return Reversed(
        case=replace(case, conversion=settling.conversion_after).with_refund(done),
        rewards=changed,
        journal=journal,
        balances=grants.changed_balances(balances),
        slices=grants.changed_slices(budget),
        events=(told, *settling.events(cause)),
    )


class Settling:
    """Brings the rewards of one conversion to what they are owed.

    `back_before_minor` and `back_minor` are what of its amount went back, so far and by now.
    """

    def __init__(
        self, conversion: Conversion, grants: Grants, *, back_before_minor: int, back_minor: int
    ) -> None:
        self.conversion, self.grants = conversion, grants
        self.back_before_minor, self.back_minor = back_before_minor, back_minor
        self.reversals: list[Reversal] = []

    def settle(
        self, rewards: Sequence[Reward], milestones: Sequence[Reward], *, may_promise: bool
    ) -> None:
        """Take back what is not owed; promise again what is, if that `may_promise`."""
        for same_rule in _by_rule(rewards):
            self._settle_rule(same_rule, may_promise=may_promise)
        if not self.conversion.is_rejected:
            self._count(milestones)

    def _settle_rule(self, rewards: Sequence[Reward], *, may_promise: bool) -> None:
        """Compare what stands with what is owed, owner by owner; the newest promise goes first."""
        rule = self.grants.program.rule(rewards[0].rule_id)
        first = [reward for reward in rewards if reward.generation == 1]
        for original, owed_minor in zip(first, self._owed(rule, first), strict=True):
            own = [reward for reward in rewards if reward.owner_id == original.owner_id]
            standing_minor = sum(reward.remaining_minor for reward in own)
            for reward in sorted(own, key=lambda each: each.generation, reverse=True):
                excess_minor = standing_minor - owed_minor
                if excess_minor > 0:
                    kept_minor = max(reward.remaining_minor - excess_minor, 0)
                    is_alone = standing_minor == reward.remaining_minor
                    standing_minor -= self.reverse(reward, kept_minor, is_alone=is_alone)
            if standing_minor < owed_minor and may_promise:
                self._promise_again(rule, own, standing_minor, owed_minor)

    def _owed(self, rule: RewardRule, first: Sequence[Reward]) -> tuple[int, ...]:
        if self.conversion.is_rejected:
            return (0,) * len(first)
        return owed_after_refunds(
            [reward.amount_minor for reward in first],
            paid_minor=self.conversion.amount_minor,
            refunded_minor=self.back_minor,
            min_amount_minor=rule.min_amount_minor,
            is_percent=shrinks_with_order(rule, count=count_of(self.conversion, rule)),
        )

    def reverse(self, reward: Reward, kept_minor: int, *, is_alone: bool = True) -> int:
        """Take a reward back to `kept_minor`, with its caps and its budget; give what that was.

        Unless it `is_alone`, another part of the same promise stands, and is counted for both.
        """
        if not reward.is_cut_to_fit and kept_minor:
            return 0
        reversal = reversed_to(reward, kept_minor)
        if reversal is None:
            return 0
        back_minor, grants = reversal.back_minor, self.grants
        is_gone = reversal.is_whole and is_alone
        grants.uncount(reward, rewards=int(is_gone), amount_minor=back_minor)
        if grants.budget is not None and reward.draws:
            grants.budget, draws = grants.budget.give_back(
                reward.draws, reversal.returned_minor, reward.granted_at.date()
            )
            reversal = replace(reversal, reward=replace(reversal.reward, draws=draws))
        self.reversals.append(reversal)
        return back_minor

    def _promise_again(
        self, rule: RewardRule, own: Sequence[Reward], standing_minor: int, owed_minor: int
    ) -> None:
        claim = Claim(
            owner_id=own[0].owner_id,
            promised_minor=owed_minor - standing_minor,
            count=1,
            generation=max(reward.generation for reward in own) + 1,
            is_another=not standing_minor,
        )
        self.grants.restore(rule, claim)

    def _count(self, milestones: Sequence[Reward]) -> None:
        """Count the order for its advocate by what is left of it."""
        paid_minor, advocate_id = self.conversion.amount_minor, self.conversion.advocate_id
        if advocate_id is None or not paid_minor:
            return
        kept_before_minor = max(paid_minor - self.back_before_minor, 0)
        kept_minor = max(paid_minor - self.back_minor, 0)
        is_purchase = self.conversion.kind is ConversionKind.PURCHASE
        change = (bool(kept_minor) - bool(kept_before_minor)) * is_purchase
        balance = self.grants.balances[advocate_id]
        self.grants.balances[advocate_id] = scored(
            replace(balance, purchases=balance.purchases + change),
            self.grants.program,
            occurred_at=self.conversion.occurred_at,
            purchases=change,
            revenue_minor=kept_minor - kept_before_minor,
        )
        if change < 0:
            self.un_earn(milestones)
        elif change > 0:
            earn(self.grants, advocate_id, Counted.PURCHASES)

    def un_earn(self, milestones: Iterable[Reward]) -> None:
        """Take back those milestones that the counts no longer reach."""
        for reward in milestones:
            held = self.grants.balances[reward.owner_id]
            if is_out_of_reach(held, reward.reward_id):
                self.reverse(reward, 0)
                held = self.grants.balances[reward.owner_id]
                self.grants.balances[reward.owner_id] = unmarked(held, reward.reward_id)

    def book(self, cause: str) -> Journal | None:
        """Write the one journal of all of it."""
        postings = [posting for each in self.reversals for posting in each.postings]
        return self.grants.book(cause, [*postings, *self.grants.grant_postings()])

    @property
    def changed(self) -> tuple[Reward, ...]:
        return (*(reversal.reward for reversal in self.reversals), *self.grants.rewards)

    @property
    def conversion_after(self) -> Conversion:
        """Give the conversion with whatever was promised for it by now."""
        again = tuple(note(reward) for reward in self.grants.rewards)
        return replace(self.conversion, rewards=(*self.conversion.rewards, *again))

    def events(self, cause: str) -> Iterator[DomainEvent]:
        for reversal in self.reversals:
            yield _reversal_event(reversal, cause, self.grants.now)
        for reward in self.grants.rewards:
            yield promise_event(reward, cause=cause, now=self.grants.now)


def count_of(conversion: Conversion, rule: RewardRule) -> int:
    """Give the how-many-th time it was when a rule was decided for a conversion."""
    decided = (each for each in conversion.decisions if each.rule == f"reward:{rule.rule_id}")
    return next((int(each.inputs.get("count") or 1) for each in decided), 1)


def _by_rule(rewards: Sequence[Reward]) -> Iterator[list[Reward]]:
    """Group the rewards of an order by rule, milestones aside, in the order they were promised."""
    groups: defaultdict[str, list[Reward]] = defaultdict(list)
    for reward in rewards:
        if reward.step is None:
            groups[reward.rule_id].append(reward)
    yield from groups.values()


def occasion_of(
    conversion: Conversion, program: Program, segments: Mapping[PersonId, str | None]
) -> Occasion:
    """Say what a decided conversion is to the rules, for whatever is promised for it later."""
    advocate_id = conversion.advocate_id
    return Occasion(
        source=conversion.conversion_id,
        occurred_at=conversion.occurred_at,
        conversion_id=conversion.conversion_id,
        order_id=conversion.order_id,
        amount_minor=conversion.amount_minor,
        circumstances=conversion.circumstances,
        channel=conversion.channel,
        segment=segments.get(advocate_id) if advocate_id else None,
        variant=program.variant_of(advocate_id) if advocate_id else None,
        is_in_review=conversion.is_in_review,
    )


def _no_effect(refund: Refund, conversion: Conversion, rewards: Sequence[Reward]) -> Reason | None:
    if refund.currency != conversion.currency:
        return Reason.OTHER_CURRENCY
    return None if rewards else Reason.NOTHING_TO_REVERSE


def refund_event(
    case: Case, refund: Refund, *, program_id: ProgramId, now: datetime
) -> DomainEvent:
    """Tell that a refund was recorded, or, once it is applied, that it was."""
    conversion = case.conversion
    return event(
        EventName.REFUND_RECORDED if refund.is_applied else EventName.REFUND_WAITING,
        cause=refund_cause(case, refund),
        program_id=program_id,
        occurred_at=now,
        conversion_id=case.conversion_id,
        refund_id=refund.refund_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
        chargeback_id=refund.chargeback_id,
        status=refund.status,
        advocate_id=conversion.advocate_id if conversion else None,
        happened_at=refund.occurred_at.isoformat(),
    )


def _reversal_event(reversal: Reversal, cause: str, now: datetime) -> DomainEvent:
    name = EventName.REWARD_CLAWED_BACK if reversal.is_claw_back else EventName.REWARD_VOIDED
    return reward_event(
        name,
        reversal.reward,
        cause=cause,
        now=now,
        reversed_minor=reversal.back_minor,
        returned_minor=reversal.returned_minor,
    )


def refund_decision(case: Case, refund: Refund) -> Decision:
    """Say what became of a refund so far."""
    conversion = case.conversion
    version = conversion.version if conversion else 0
    inputs: dict[str, EventValue] = {
        "refund_minor": refund.amount_minor,
        "paid_minor": conversion.amount_minor if conversion else None,
    }
    if refund.is_applied:
        reason = refund.reason
    elif conversion is None or conversion.outcome is Outcome.WAITING:
        reason = Reason.NO_PURCHASE_YET if conversion is None else Reason.NO_SIGNUP_YET
    elif conversion.outcome is Outcome.DECLINED:
        reason = Reason.NOTHING_TO_REVERSE
    else:
        reason = None
    return Decision(rule=REFUND_RULE, version=version, reason=reason, inputs=inputs)
