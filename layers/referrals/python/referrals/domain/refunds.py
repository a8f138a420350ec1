"""Refunds: what an order gives back, its rewards give back in proportion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.conversions import Case, Conversion, Refund, note, reward_event
from referrals.domain.decisions import REFUND_RULE, Decision, Outcome, Reason
from referrals.domain.events import DomainEvent, EventName, EventValue, event
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.ledger import Balance, Journal, after, journal_for, with_cap_use
from referrals.domain.programs import Percent, Program
from referrals.domain.rewards import Reversal, Reward, owed_after_refunds, reversed_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """Everything that one refund changes, to be written at once or not at all."""

    case: Case
    rewards: tuple[Reward, ...] = ()
    journal: Journal | None = None
    balances: tuple[Balance, ...] = ()
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


def apply_refund(
    case: Case,
    refund: Refund,
    *,
    conversion: Conversion,
    program: Program,
    rewards: Sequence[Reward],
    balances: Mapping[PersonId, Balance],
    now: datetime,
) -> Reversed:
    """Take back from an order's rewards what they are no longer owed after this refund.

    More than was paid may be given back (postage, goodwill): rewards never go below nothing.
    """
    cause, held = refund_cause(case, refund), dict(balances)
    reason = _no_effect(refund, conversion, rewards)
    reversals = [] if reason else _reversals(case, refund, conversion, program, rewards)
    journal = None
    if reversals:
        journal = journal_for(
            cause,
            [reversal.posting for reversal in reversals],
            program_id=program.program_id,
            version=program.version,
            now=now,
            balances=held,
        )
        for reversal in reversals:
            owner_id = reversal.reward.owner_id
            held[owner_id] = _cap_given_back(held[owner_id], reversal)
        held.update({person: after(held[person], journal) for person in journal.people})
    applied = replace(
        refund,
        is_applied=True,
        reason=reason,
        rewards=tuple(note(reversal.reward) for reversal in reversals),
    )
    return Reversed(
        case=case.with_refund(applied),
        rewards=tuple(reversal.reward for reversal in reversals),
        journal=journal,
        balances=tuple(each for person, each in held.items() if each != balances[person]),
        events=(
            refund_event(case, applied, program_id=program.program_id, now=now),
            *(_reversal_event(reversal, cause, now) for reversal in reversals),
        ),
    )


def _no_effect(refund: Refund, conversion: Conversion, rewards: Sequence[Reward]) -> Reason | None:
    if refund.currency != conversion.currency:
        return Reason.OTHER_CURRENCY
    return None if rewards else Reason.NOTHING_TO_REVERSE


def _reversals(
    case: Case,
    refund: Refund,
    conversion: Conversion,
    program: Program,
    rewards: Sequence[Reward],
) -> list[Reversal]:
    refunded_minor = refund.amount_minor + sum(
        earlier.amount_minor
        for earlier in case.refunds
        if earlier.is_applied and earlier.currency == conversion.currency
    )
    found = []
    for reward in rewards:
        rule = program.rule(reward.rule_id)
        owed_minor = owed_after_refunds(
            reward,
            paid_minor=conversion.amount_minor,
            refunded_minor=refunded_minor,
            min_amount_minor=rule.min_amount_minor,
            is_percent=isinstance(rule.reward, Percent),
        )
        reversal = reversed_to(reward, owed_minor)
        if reversal is not None:
            found.append(reversal)
    return found


def _cap_given_back(balance: Balance, reversal: Reversal) -> Balance:
    return with_cap_use(
        balance,
        reversal.reward.rule_id,
        rewards=-1 if reversal.is_whole else 0,
        amount_minor=-reversal.posting.amount_minor,
    )


def refund_event(
    case: Case, refund: Refund, *, program_id: ProgramId, now: datetime
) -> DomainEvent:
    """Tell that a refund was recorded, or, once it is applied, that it was."""
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
    )


def _reversal_event(reversal: Reversal, cause: str, now: datetime) -> DomainEvent:
    name = EventName.REWARD_CLAWED_BACK if reversal.is_claw_back else EventName.REWARD_VOIDED
    return reward_event(
        name, reversal.reward, cause=cause, now=now, reversed_minor=reversal.posting.amount_minor
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
