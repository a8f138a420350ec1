"""The shop gave money back."""

from datetime import datetime

from referrals.domain.conversions import Case, Refund, purchase_id
from referrals.domain.errors import DuplicateConversionError
from referrals.domain.refunds import next_to_apply, refund_event
from referrals.domain.reports import RefundReport
from referrals.store import conversions, events, programs
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.answers import Recorded, recorded_refund
from referrals.usecases.settlement import apply_waiting_refunds, reversal_of, write_reversal


def record_refund(report: RefundReport, *, now: datetime) -> Recorded:
    """Record a refund once and take back what its order no longer owes.

    One that comes before its purchase is kept and applied when that is credited.
    ProgramNotFoundError; DuplicateConversionError when it was reported before with other content.
    """
    programs.get_live(report.program_id)
    case, is_new = until_settled(lambda: _record(report, now))
    if next_to_apply(case):  # others waited with it, and whoever was to apply them did not
        case = apply_waiting_refunds(case.conversion_id, now=now)
    refund = case.refund(report.refund_id)
    if refund is None:
        raise AssertionError(f"refund {report.refund_id} was recorded and is not there")
    return recorded_refund(case, refund, is_new=is_new)


def _record(report: RefundReport, now: datetime) -> tuple[Case, bool]:
    conversion_id = purchase_id(report.program_id, report.order_id)
    wanted = conversions.wanted(conversion_id)
    read(wanted)
    case = wanted.value or Case(conversion_id=conversion_id)
    known = case.refund(report.refund_id)
    if known is not None and known.fingerprint != report.fingerprint:
        raise DuplicateConversionError(report.refund_id)
    if known is not None:
        return case, False
    refund = _refund(report, now)
    with_refund = case.with_refund(refund)
    if next_to_apply(with_refund) is None:
        waiting = refund_event(with_refund, refund, program_id=report.program_id, now=now)
        commit(conversions.save(with_refund), events.append([waiting], now=now))
        return with_refund, True
    reversal = reversal_of(with_refund, refund, now=now)
    write_reversal(reversal, now=now)
    return reversal.case, True


def _refund(report: RefundReport, now: datetime) -> Refund:
    return Refund(
        refund_id=report.refund_id,
        amount_minor=report.amount_minor,
        currency=report.currency,
        occurred_at=report.occurred_at or now,
        recorded_at=now,
        fingerprint=report.fingerprint,
    )
