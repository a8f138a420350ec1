"""A friend's bank took money back, or the shop won it back."""

from datetime import datetime

from referrals.domain.conversions import Refund
from referrals.domain.reports import ChargebackReport
from referrals.usecases.answers import Recorded
from referrals.usecases.record_refund import record_return


def record_chargeback(report: ChargebackReport, *, now: datetime) -> Recorded:
    """Record how a chargeback stands, each status once.

    Opened or lost, it takes back like a refund; won, it counts as if it had not been, and what was
    taken back is promised anew. Its reports may come in any order. ProgramNotFoundError;
    DuplicateConversionError when it was reported before with another amount.
    """
    refund = Refund(
        refund_id=f"chargeback:{report.chargeback_id}:{report.status}",
        chargeback_id=report.chargeback_id,
        status=report.status,
        amount_minor=report.amount_minor,
        currency=report.currency,
        occurred_at=report.occurred_at or now,
        recorded_at=now,
        fingerprint=report.fingerprint,
    )
    return record_return(refund, program_id=report.program_id, order_id=report.order_id, now=now)
