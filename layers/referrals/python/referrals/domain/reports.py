"""Reports: what a shop tells, checked for form and not yet decided.

Personal data is in reports while they are handled; what is kept of it is kept in `people`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referrals.domain.ids import ProgramId


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDetails:
    """A customer as the shop knows them; `customer_id` is the shop's own."""

    customer_id: str
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What came with a report to show who recommended, oldest first.

    `stated` are the shop's customer ids of advocates whom the friend named when asked.
    """

    clicks: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    coupons: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What reward rules may ask about a conversion, none of it personal.

    `country` is ISO 3166-1 alpha-2; `month` the month of a subscription that a payment begins,
    counted from 1, and None for what is no subscription.
    """

    country: str | None = None
    products: tuple[str, ...] = ()
    month: int | None = None
    is_new_customer: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSignals:
    """What fraud rules look at and nobody keeps: it is hashed with a rotating key, or forgotten."""

    address: str | None = None
    agent: str | None = None
    payment_fingerprint: str | None = None
    landing_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupReport:
    """A friend signed up. `fingerprint` tells a repetition from a contradiction."""

    program_id: ProgramId
    friend: CustomerDetails
    evidence: Evidence
    occurred_at: datetime | None
    fingerprint: str
    circumstances: Circumstances = Circumstances()
    signals: ReportedSignals = ReportedSignals()


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReport:
    """A friend bought for `amount_minor` of `currency`.

    A payment for a later month of a subscription is a renewal.
    """

    program_id: ProgramId
    order_id: str
    friend: CustomerDetails
    amount_minor: int
    currency: str
    evidence: Evidence
    occurred_at: datetime | None
    fingerprint: str
    circumstances: Circumstances = Circumstances()
    signals: ReportedSignals = ReportedSignals()

    @property
    def is_renewal(self) -> bool:
        return self.circumstances.month is not None and self.circumstances.month > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReport:
    """The shop gave `amount_minor` of an order back."""

    program_id: ProgramId
    order_id: str
    refund_id: str
    amount_minor: int
    currency: str
    occurred_at: datetime | None
    fingerprint: str


class ChargebackStatus(StrEnum):
    """How a dispute stands: while it is open or lost the money is gone, once won it is back."""

    OPENED = "opened"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargebackReport:
    """A friend's bank took `amount_minor` of an order back, or the shop won it back."""

    program_id: ProgramId
    order_id: str
    chargeback_id: str
    amount_minor: int
    currency: str
    status: ChargebackStatus
    occurred_at: datetime | None
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentReport:
    """A customer wants to share; `code` is the vanity code they wish for."""

    program_id: ProgramId
    customer: CustomerDetails
    segment: str | None = None
    code: str | None = None
