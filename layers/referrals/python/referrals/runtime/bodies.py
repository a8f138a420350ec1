"""Request bodies: what a caller may send, checked to the last field, and turned into reports."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from referrals.domain.attribution import CLOCK_SKEW
from referrals.domain.countries import is_country
from referrals.domain.ids import ProgramId, fingerprint
from referrals.domain.money import is_currency
from referrals.domain.redemptions import RedemptionReport
from referrals.domain.reports import (
    ChargebackReport,
    ChargebackStatus,
    Circumstances,
    CustomerDetails,
    EnrolmentReport,
    Evidence,
    PurchaseReport,
    RefundReport,
    ReportedSignals,
    SignupReport,
)
from referrals.domain.rules import POINTS_UNIT
from referrals.runtime import clock
from referrals.usecases.change_sms_consent import Consent

# Ten thousand million in the largest unit of most currencies: beyond it somebody mixed up units.
_MOST_MINOR = 10**12
_MOST_TOUCHES = 20
_MOST_PRODUCTS = 50
# A hundred years of months: beyond it somebody counted days.
_MOST_MONTHS = 1_200
_MOST_METADATA_CHARACTERS = 10_000
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    if text and not text.strip():
        raise ValueError("is blank")
    return text


def _nothing(given: Any) -> Any:
    return None if given == "" else given


def _list(given: Any) -> Any:
    """Take a JSON list for a tuple; an empty one is the same as nothing."""
    return (tuple(given) or None) if isinstance(given, list) else given


def _at_most(limit: int) -> AfterValidator:
    def few(items: tuple[str, ...]) -> tuple[str, ...]:
        if len(items) > limit:
            raise ValueError(f"are more than {limit}")
        return items

    return AfterValidator(few)


def _address(text: str) -> str:
    try:
        # no look-up: a hook must not wait for somebody's name server, and tests may use .test
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError("is not an e-mail address") from error
    return str(checked.normalized)


def _currency(text: str) -> str:
    code = text.upper()
    if not is_currency(code):
        raise ValueError("is not an ISO 4217 code of money")
    return code


def _country(text: str) -> str:
    code = text.upper()
    if not is_country(code):
        raise ValueError("is not an ISO 3166-1 alpha-2 code of a country")
    return code


def _past(moment: datetime) -> datetime:
    if moment > clock.utc_now() + CLOCK_SKEW:
        raise ValueError("lies in the future")
    if moment.year < 2000:  # noqa: PLR2004 - before any shop that could call; a 0 sent by mistake
        raise ValueError("is before the year 2000")
    return moment.astimezone(UTC)


def _rfc3339(given: Any) -> datetime:
    """Read text in RFC 3339 only: pydantic would take a number as seconds since 1970."""
    text = given.upper() if isinstance(given, str) else ""
    try:
        return datetime.fromisoformat(text if _RFC3339.fullmatch(text) else "")
    except ValueError:
        raise ValueError("is not an RFC 3339 time such as 2026-11-21T08:00:00Z") from None


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(str(metadata)) > _MOST_METADATA_CHARACTERS:
        raise ValueError(f"is over {_MOST_METADATA_CHARACTERS} characters")
    return metadata


Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=128), AfterValidator(_printable)
]
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG.pattern}$")]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_address)]
PersonName = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")]
Wording = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
ClickToken = Annotated[str, StringConstraints(max_length=1_000)]
TypedCode = Annotated[str, StringConstraints(max_length=64), AfterValidator(_printable)]
# what an empty form field sends is the same as nothing
MaybeClick = Annotated[ClickToken | None, BeforeValidator(_nothing)]
MaybeTouches = Annotated[
    Annotated[tuple[ClickToken, ...], _at_most(_MOST_TOUCHES)] | None, BeforeValidator(_list)
]
MaybeCode = Annotated[TypedCode | None, BeforeValidator(_nothing)]
MaybeIdentifier = Annotated[Identifier | None, BeforeValidator(_nothing)]
Country = Annotated[str, StringConstraints(max_length=2), AfterValidator(_country)]
MaybeCountry = Annotated[Country | None, BeforeValidator(_nothing)]
MaybeProducts = Annotated[
    Annotated[tuple[Identifier, ...], _at_most(_MOST_PRODUCTS)] | None, BeforeValidator(_list)
]
# Longer than any that is meant, and not asked to be well formed: a shop passes on what it saw.
MaybeSeen = Annotated[
    Annotated[str, StringConstraints(max_length=4_000)] | None, BeforeValidator(_nothing)
]
AmountMinor = Annotated[int, Field(ge=0, le=_MOST_MINOR)]
Currency = Annotated[str, StringConstraints(max_length=3), AfterValidator(_currency)]
OccurredAt = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_past)]
Scalar = str | int | float | bool | None
Metadata = Annotated[dict[str, Scalar], AfterValidator(_small)]


def _of_a_refund(refund_id: str) -> str:
    if refund_id.startswith("chargeback:"):
        raise ValueError("begins with chargeback:, and chargebacks have a hook of their own")
    return refund_id


RefundId = Annotated[Identifier, AfterValidator(_of_a_refund)]


class Body(BaseModel):
    """Strict: no text for a number, no 1.0 for 1, and no field that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    # fields that may differ when the same is told again
    may_differ: ClassVar[frozenset[str]] = frozenset()

    def fingerprint(self, kind: str, *, key: bytes) -> str:
        """Give a keyed hash of what was said, the same however it was spelled in JSON."""
        content = self.model_dump(mode="json", exclude_none=True, exclude=set(self.may_differ))
        said = json.dumps(content, sort_keys=True)
        return fingerprint(f"{kind}:{said}", key=key)


class Customer(Body):
    id: Identifier
    email: Email | None = None
    name: PersonName | None = None
    locale: Locale | None = None
    phone: Phone | None = None

    def details(self) -> CustomerDetails:
        return CustomerDetails(
            customer_id=self.id,
            email=self.email,
            name=self.name,
            locale=self.locale,
            phone=self.phone,
        )


class Signals(Body):
    """What the shop saw of a friend: fraud rules look at it, nobody keeps it."""

    address: MaybeSeen = None
    agent: MaybeSeen = None
    payment_fingerprint: MaybeSeen = None
    landing_url: MaybeSeen = None

    def reported(self) -> ReportedSignals:
        return ReportedSignals(
            address=self.address,
            agent=self.agent,
            payment_fingerprint=self.payment_fingerprint,
            landing_url=self.landing_url,
        )


class Subscription(Body):
    """`month` is the one that a payment begins; `id` is taken and not kept: no rule reads it."""

    id: Identifier
    month: Annotated[int, Field(ge=1, le=_MOST_MONTHS)]


class ConversionHook(Body):
    """What a friend did: who they are, what shows who recommended, and the circumstances.

    Signals differ when a shop repeats a report from another server, and are not what was said.
    """

    may_differ = frozenset({"signals"})

    program: Slug
    friend: Customer
    click: MaybeClick = None
    touches: MaybeTouches = None
    code: MaybeCode = None
    stated_advocate: MaybeIdentifier = None
    country: MaybeCountry = None
    is_new_customer: bool | None = None
    signals: Signals | None = None
    occurred_at: OccurredAt | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The click tokens that came with it, oldest first."""
        return _told(*(self.touches or ()), self.click)

    def reported_signals(self) -> ReportedSignals:
        return self.signals.reported() if self.signals else ReportedSignals()


class SignupHook(ConversionHook):
    def report(self, *, key: bytes) -> SignupReport:
        return SignupReport(
            program_id=ProgramId(self.program),
            friend=self.friend.details(),
            evidence=Evidence(
                clicks=self.tokens, codes=_told(self.code), stated=_told(self.stated_advocate)
            ),
            occurred_at=self.occurred_at,
            fingerprint=self.fingerprint("signup", key=key),
            circumstances=Circumstances(country=self.country, is_new_customer=self.is_new_customer),
            signals=self.reported_signals(),
        )


class PurchaseHook(ConversionHook):
    """`metadata` is taken, so that a shop may send what it has, and not kept: no rule reads it."""

    order_id: Identifier
    amount_minor: AmountMinor
    currency: Currency
    coupon: MaybeCode = None
    products: MaybeProducts = None
    subscription: Subscription | None = None
    metadata: Metadata | None = None

    def report(self, *, key: bytes) -> PurchaseReport:
        return PurchaseReport(
            program_id=ProgramId(self.program),
            order_id=self.order_id,
            friend=self.friend.details(),
            amount_minor=self.amount_minor,
            currency=self.currency,
            evidence=Evidence(
                clicks=self.tokens,
                codes=_told(self.code),
                coupons=_told(self.coupon),
                stated=_told(self.stated_advocate),
            ),
            occurred_at=self.occurred_at,
            fingerprint=self.fingerprint("purchase", key=key),
            circumstances=Circumstances(
                country=self.country,
                products=self.products or (),
                month=self.subscription.month if self.subscription else None,
                is_new_customer=self.is_new_customer,
            ),
            signals=self.reported_signals(),
        )


class RefundHook(Body):
    program: Slug
    order_id: Identifier
    refund_id: RefundId
    amount_minor: Annotated[int, Field(ge=1, le=_MOST_MINOR)]
    currency: Currency
    occurred_at: OccurredAt | None = None

    def report(self, *, key: bytes) -> RefundReport:
        return RefundReport(
            program_id=ProgramId(self.program),
            order_id=self.order_id,
            refund_id=self.refund_id,
            amount_minor=self.amount_minor,
            currency=self.currency,
            occurred_at=self.occurred_at,
            fingerprint=self.fingerprint("refund", key=key),
        )


class ChargebackHook(Body):
    """A dispute is told of each time that it moves: how it stands is news, not a contradiction."""

    may_differ = frozenset({"status", "occurred_at"})

    program: Slug
    order_id: Identifier
    chargeback_id: Identifier
    amount_minor: Annotated[int, Field(ge=1, le=_MOST_MINOR)]
    currency: Currency
    status: ChargebackStatus
    occurred_at: OccurredAt | None = None

    def report(self, *, key: bytes) -> ChargebackReport:
        return ChargebackReport(
            program_id=ProgramId(self.program),
            order_id=self.order_id,
            chargeback_id=self.chargeback_id,
            amount_minor=self.amount_minor,
            currency=self.currency,
            status=self.status,
            occurred_at=self.occurred_at,
            fingerprint=self.fingerprint("chargeback", key=key),
        )


class ConsentBody(Body):
    """That somebody agreed to text messages: the words they saw, where, and when."""

    wording: Wording
    source: Wording
    given_at: OccurredAt

    def consent(self) -> Consent:
        return Consent(wording=self.wording, source=self.source, given_at=self.given_at)


class AdvocateBody(Body):
    program: Slug
    id: Identifier
    email: Email
    name: PersonName | None = None
    locale: Locale | None = None
    phone: Phone | None = None
    sms_consent: ConsentBody | None = None
    segment: Slug | None = None
    code: MaybeCode = None

    @field_validator("sms_consent")
    @classmethod
    def _with_a_number(
        cls, consent: ConsentBody | None, others: ValidationInfo
    ) -> ConsentBody | None:
        if consent is not None and others.data.get("phone") is None:
            raise ValueError("is for a telephone number, and there is none")
        return consent

    def report(self) -> EnrolmentReport:
        return EnrolmentReport(
            program_id=ProgramId(self.program),
            customer=CustomerDetails(
                customer_id=self.id,
                email=self.email,
                name=self.name,
                locale=self.locale,
                phone=self.phone,
            ),
            segment=self.segment,
            code=self.code,
        )


class RedemptionBody(Body):
    """What a customer spends: an amount of a currency or of points, or an item for its points."""

    program: Slug
    redemption_id: Identifier
    item: Annotated[Slug | None, BeforeValidator(_nothing)] = None
    currency: Currency | None = None
    unit: Literal["points"] | None = Field(default=None, validate_default=True)
    amount_minor: Annotated[int, Field(ge=1, le=_MOST_MINOR)] | None = Field(
        default=None, validate_default=True
    )
    order_id: MaybeIdentifier = None
    occurred_at: OccurredAt | None = None

    @field_validator("unit")
    @classmethod
    def _one_unit(cls, unit: str | None, others: ValidationInfo) -> str | None:
        is_money = others.data.get("currency") is not None
        if is_money and others.data.get("item") is not None:
            raise ValueError("of an item is points, and no currency")
        if is_money and unit is not None:
            raise ValueError("is named beside a currency")
        if unit is None and _has_no(others, "item") and _has_no(others, "currency"):
            raise ValueError("is missing, and so is a currency")
        return unit

    @field_validator("amount_minor")
    @classmethod
    def _one_price(cls, amount_minor: int | None, others: ValidationInfo) -> int | None:
        if amount_minor is None and _has_no(others, "item"):
            raise ValueError("is missing")
        if amount_minor is not None and others.data.get("item") is not None:
            raise ValueError("is given, and the item has a price of its own")
        return amount_minor

    def report(self, *, customer_id: str) -> RedemptionReport:
        return RedemptionReport(
            program_id=ProgramId(self.program),
            customer_id=customer_id,
            reference=self.redemption_id,
            unit=self.currency or POINTS_UNIT,
            amount_minor=self.amount_minor,
            item_id=self.item,
            order_id=self.order_id,
            occurred_at=self.occurred_at,
        )


def _has_no(others: ValidationInfo, field: str) -> bool:
    """Whether a field was left out; one that is wrong was not, and is told of by itself."""
    return field in others.data and others.data[field] is None


class RestorationBody(Body):
    program: Slug


def _told(*told: str | None) -> tuple[str, ...]:
    return tuple(each for each in told if each)
