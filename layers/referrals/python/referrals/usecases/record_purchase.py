"""A friend bought."""

from datetime import datetime

from referrals.domain.conversions import Conversion, purchase_id
from referrals.domain.ids import person_id
from referrals.domain.programs import ConversionKind
from referrals.domain.reports import PurchaseReport
from referrals.store import programs
from referrals.usecases.answers import Recorded, recorded_conversion
from referrals.usecases.keys import Keys
from referrals.usecases.settlement import Told, record_once


def record_purchase(report: PurchaseReport, *, keys: Keys, now: datetime) -> Recorded:
    """Record a purchase once and promise its rewards, or keep it until its friend is bound.

    ProgramNotFoundError; DuplicateConversionError when the order was reported before with other
    content.
    """
    program = programs.get_live(report.program_id)
    draft = Conversion(
        conversion_id=purchase_id(program.program_id, report.order_id),
        program_id=program.program_id,
        version=program.version,
        kind=ConversionKind.RENEWAL if report.is_renewal else ConversionKind.PURCHASE,
        friend_id=person_id(report.friend.customer_id, key=keys.identity),
        occurred_at=report.occurred_at or now,
        recorded_at=now,
        fingerprint=report.fingerprint,
        circumstances=report.circumstances,
        order_id=report.order_id,
        amount_minor=report.amount_minor,
        currency=report.currency,
    )
    told = Told(friend=report.friend, evidence=report.evidence, signals=report.signals)
    conversion, is_new = record_once(draft, told=told, keys=keys, now=now)
    return recorded_conversion(conversion, is_new=is_new)
