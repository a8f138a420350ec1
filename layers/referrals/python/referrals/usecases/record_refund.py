"""The shop gave money back."""

from datetime import datetime

from referrals.domain.conversions import Case, Refund, purchase_id
from referrals.domain.errors import DuplicateConversionError
from referrals.domain.ids import ProgramId
from referrals.domain.refunds import next_to_apply, refund_event
from referrals.domain.reports import RefundReport
from referrals.store import conversions, events, programs
from referrals.store.transactions import commit, until_settled
from referrals.usecases.answers import Recorded, recorded_refund
from referrals.usecases.reversals import (
    apply_waiting_refunds,
    read_case,
    reversal_of,
    write_reversal,
)


def record_refund(report: RefundReport, *, now: datetime) -> Recorded:
    """Record a refund once and take back what its order no longer owes.

    One that comes before its purchase is kept and applied when that is credited.
    ProgramNotFoundError; DuplicateConversionError when it was reported before with other content.
    """
    refund = Refund(
        refund_id=report.refund_id,
        amount_minor=report.amount_minor,
        currency=report.currency,
        occurred_at=report.occurred_at or now,
        recorded_at=now,
        fingerprint=report.fingerprint,
    )
    return record_return(refund, program_id=report.program_id, order_id=report.order_id, now=now)


def record_return(
    refund: Refund, *, program_id: ProgramId, order_id: str, now: datetime
) -> Recorded:
    """Record money that went back, or came back, once; errors as in `record_refund`."""
    programs.get_live(program_id)
    case, is_new = until_settled(lambda: _record(refund, program_id, order_id, now))
    if next_to_apply(case):  # others waited with it, and whoever was to apply them did not
        case = apply_waiting_refunds(case.conversion_id, now=now)
    recorded = case.refund(refund.refund_id)
    if recorded is None:
        raise AssertionError(f"refund {refund.refund_id} was recorded and is not there")
    return recorded_refund(case, recorded, is_new=is_new)


def _record(
    refund: Refund, program_id: ProgramId, order_id: str, now: datetime
) -> tuple[Case, bool]:
    case = read_case(purchase_id(program_id, order_id))
    if any(each.fingerprint != refund.fingerprint for each in _same(case, refund)):
        raise DuplicateConversionError(refund.chargeback_id or refund.refund_id)
    if case.refund(refund.refund_id) is not None:
        return case, False
    with_refund = case.with_refund(refund)
    if next_to_apply(with_refund) is None:
        waiting = refund_event(with_refund, refund, program_id=program_id, now=now)
        commit(conversions.save(with_refund), events.append([waiting], now=now))
        return with_refund, True
    reversal = reversal_of(with_refund, refund, now=now)
    write_reversal(reversal, now=now)
    return reversal.case, True


def _same(case: Case, refund: Refund) -> list[Refund]:
    """Give what was reported before of the same refund, or of the same chargeback."""
    return [
        each
        for each in case.refunds
        if each.refund_id == refund.refund_id
        or (refund.chargeback_id is not None and each.chargeback_id == refund.chargeback_id)
    ]
