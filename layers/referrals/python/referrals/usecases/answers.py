"""What the shop is told of something it reported: the same, however often it asks."""

from dataclasses import dataclass

from referrals.domain.conversions import Case, Conversion, Refund
from referrals.domain.decisions import Decision, Outcome, Reason
from referrals.domain.granting import RewardNote
from referrals.domain.ids import ConversionId, PersonId, ReferralId
from referrals.domain.refunds import refund_decision
from referrals.store import people


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The outcome of one report; `advocate` is the shop's customer id of the advocate."""

    is_new: bool
    outcome: Outcome
    reason: Reason | None
    conversion_id: ConversionId
    referral_id: ReferralId | None
    advocate: str | None
    rewards: tuple[RewardNote, ...]
    decisions: tuple[Decision, ...]


def recorded_conversion(conversion: Conversion, *, is_new: bool) -> Recorded:
    """Tell of a sign-up or purchase as it was decided."""
    return Recorded(
        is_new=is_new,
        outcome=conversion.outcome,
        reason=conversion.reason,
        conversion_id=conversion.conversion_id,
        referral_id=conversion.referral_id,
        advocate=_customer_id(conversion.advocate_id),
        rewards=conversion.rewards,
        decisions=conversion.decisions,
    )


def recorded_refund(case: Case, refund: Refund, *, is_new: bool) -> Recorded:
    """Tell of a refund: `waiting` until its purchase is known, then what it took back."""
    conversion = case.conversion
    verdict = refund_decision(case, refund)
    return Recorded(
        is_new=is_new,
        outcome=_refund_outcome(case, verdict),
        reason=verdict.reason,
        conversion_id=case.conversion_id,
        referral_id=conversion.referral_id if conversion else None,
        advocate=_customer_id(conversion.advocate_id if conversion else None),
        rewards=refund.rewards,
        decisions=(verdict,),
    )


def _refund_outcome(case: Case, verdict: Decision) -> Outcome:
    if verdict.reason is None:
        return Outcome.CREDITED
    is_open = case.conversion is None or case.conversion.outcome is Outcome.WAITING
    return Outcome.WAITING if is_open else Outcome.DECLINED


def _customer_id(person_id: PersonId | None) -> str | None:
    if person_id is None:
        return None
    person = people.find(person_id)
    return person.customer_id if person else person_id
