"""Reviews: what people decide of a conversion that a fraud rule flagged.

What they approve is paid for like any other promise; what they reject is owed nothing, and counts
for nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.budgets import Budget, Slice
from referrals.domain.conversions import Case, Conversion, ReviewState
from referrals.domain.decisions import Reason, decision
from referrals.domain.errors import NotInReviewError
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.granting import Grants
from referrals.domain.ids import PersonId
from referrals.domain.ledger import Balance, Journal
from referrals.domain.milestones import scored
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.referrals import Bond
from referrals.domain.refunds import Settling, occasion_of, taken_back
from referrals.domain.rewards import Reward, RewardState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Everything that one review changes, to be written at once or not at all."""

    case: Case
    bond: Bond
    rewards: tuple[Reward, ...]
    journal: Journal | None
    balances: tuple[Balance, ...]
    slices: tuple[Slice, ...]
    events: tuple[DomainEvent, ...]


def review_cause(conversion: Conversion) -> str:
    return f"review:{conversion.conversion_id}"


def decide_review(
    case: Case,
    state: ReviewState,
    *,
    actor: str,
    reason: str,
    program: Program,
    bond: Bond,
    rewards: Sequence[Reward],
    milestones: Sequence[Reward],
    balances: Mapping[PersonId, Balance],
    budget: Budget | None,
    now: datetime,
) -> Reviewed:
    """Approve or reject a conversion that is in review; NotInReviewError when it is not.

    `rewards` are all that were promised for it, `milestones` those that may fall without it.
    """
    conversion = case.conversion
    if conversion is None or conversion.review is None or not conversion.is_in_review:
        raise NotInReviewError(case.conversion_id)
    is_approved = state is ReviewState.APPROVED
    decided = replace(
        conversion,
        review=replace(conversion.review, state=state, actor=actor, reason=reason, decided_at=now),
        reason=None if is_approved else Reason.REJECTED_IN_REVIEW,
    )
    back_minor = taken_back(
        [refund for refund in case.refunds if refund.is_applied], conversion.currency
    )
    grants = Grants(
        occasion_of(decided, program, {}),
        program=program,
        balances=balances,
        budget=budget,
        now=now,
    )
    settling = Settling(
        decided, grants, back_before_minor=back_minor, back_minor=decided.amount_minor
    )
    if is_approved:
        _fund(grants, rewards)
    else:
        _take_back(settling, rewards, milestones)
    cause = review_cause(decided)
    journal = settling.book(cause)
    return Reviewed(
        case=replace(case, conversion=_noted(decided, grants)),
        bond=replace(bond, is_in_review=False) if is_approved else bond,
        rewards=settling.changed,
        journal=journal,
        balances=grants.changed_balances(balances),
        slices=grants.changed_slices(budget),
        events=(_reviewed_event(decided, now), *settling.events(cause)),
    )


def _fund(grants: Grants, rewards: Iterable[Reward]) -> None:
    """Pay for what was promised and waits for nothing but the review."""
    grants.rewards += [
        grants.fund(reward) for reward in rewards if reward.state is RewardState.IN_REVIEW
    ]


def _take_back(settling: Settling, rewards: Sequence[Reward], milestones: Sequence[Reward]) -> None:
    """Take back what a rejected conversion promised, and the milestones that fall without it.

    A milestone of it that others reach without it waits no longer.
    """
    settling.settle(rewards, (), may_promise=False)
    _uncount(settling.conversion, settling.grants, settling.back_before_minor)
    settling.un_earn(milestones)
    gone = {reversal.reward.reward_id for reversal in settling.reversals}
    _fund(
        settling.grants,
        [reward for reward in rewards if reward.step is not None and reward.reward_id not in gone],
    )


def _uncount(conversion: Conversion, grants: Grants, back_minor: int) -> None:
    """Count a rejected conversion for nobody, unless a refund did so before."""
    advocate_id = conversion.advocate_id
    if advocate_id is None:
        return
    balance = grants.balances[advocate_id]
    kept_minor = max(conversion.amount_minor - back_minor, 0)
    still_counts = bool(kept_minor) or not conversion.amount_minor
    is_purchase = conversion.kind is ConversionKind.PURCHASE and still_counts
    less = replace(
        balance,
        signups=balance.signups - (conversion.kind is ConversionKind.SIGNUP),
        purchases=balance.purchases - is_purchase,
    )
    if not conversion.is_order:
        grants.balances[advocate_id] = less
        return
    grants.balances[advocate_id] = scored(
        less,
        grants.program,
        occurred_at=conversion.occurred_at,
        purchases=-int(is_purchase),
        revenue_minor=-kept_minor,
    )


def _noted(conversion: Conversion, grants: Grants) -> Conversion:
    seen = decision(
        "review",
        conversion.version,
        conversion.reason,
        actor=conversion.review.actor if conversion.review else None,
        why=conversion.review.reason if conversion.review else None,
    )
    return replace(conversion, decisions=(*conversion.decisions, seen, *grants.decisions))


def _reviewed_event(conversion: Conversion, now: datetime) -> DomainEvent:
    review = conversion.review
    return event(
        EventName.CONVERSION_REVIEWED,
        cause=review_cause(conversion),
        program_id=conversion.program_id,
        occurred_at=now,
        conversion_id=conversion.conversion_id,
        kind=conversion.kind,
        friend_id=conversion.friend_id,
        advocate_id=conversion.advocate_id,
        amount_minor=conversion.amount_minor,
        state=review.state if review else None,
        actor=review.actor if review else None,
        why=review.reason if review else None,
    )
