"""Reports: what the shop tells of a friend, before anything is decided."""

from dataclasses import dataclass
from datetime import datetime

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
    """Click tokens and typed codes that came with a report, oldest first."""

    clicks: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupReport:
    """A friend signed up. `fingerprint` tells a repetition from a contradiction."""

    program_id: ProgramId
    friend: CustomerDetails
    evidence: Evidence
    occurred_at: datetime | None
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReport:
    """A friend bought for `amount_minor` of `currency`."""

    program_id: ProgramId
    order_id: str
    friend: CustomerDetails
    amount_minor: int
    currency: str
    evidence: Evidence
    occurred_at: datetime | None
    fingerprint: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentReport:
    """A customer wants to share; `code` is the vanity code they wish for."""

    program_id: ProgramId
    customer: CustomerDetails
    segment: str | None = None
    code: str | None = None
