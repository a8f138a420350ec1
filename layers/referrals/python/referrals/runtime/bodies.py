"""Request bodies: what a caller may send, checked to the last field, and turned into reports."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from referrals.domain.attribution import CLOCK_SKEW
from referrals.domain.ids import ProgramId, fingerprint
from referrals.domain.money import is_currency
from referrals.domain.reports import (
    CustomerDetails,
    EnrolmentReport,
    Evidence,
    PurchaseReport,
    RefundReport,
    SignupReport,
)
from referrals.runtime import clock

# Ten thousand million in the largest unit of most currencies: beyond it somebody mixed up units.
_MOST_MINOR = 10**12
_MOST_TOUCHES = 20
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


def _few(tokens: tuple[str, ...]) -> tuple[str, ...]:
    if len(tokens) > _MOST_TOUCHES:
        raise ValueError(f"are more than {_MOST_TOUCHES}")
    return tokens


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
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
ClickToken = Annotated[str, StringConstraints(max_length=1_000)]
TypedCode = Annotated[str, StringConstraints(max_length=64), AfterValidator(_printable)]
# what an empty form field sends is the same as nothing
MaybeClick = Annotated[ClickToken | None, BeforeValidator(_nothing)]
MaybeTouches = Annotated[
    Annotated[tuple[ClickToken, ...], AfterValidator(_few)] | None, BeforeValidator(_list)
]
MaybeCode = Annotated[TypedCode | None, BeforeValidator(_nothing)]
AmountMinor = Annotated[int, Field(ge=0, le=_MOST_MINOR)]
Currency = Annotated[str, StringConstraints(max_length=3), AfterValidator(_currency)]
OccurredAt = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_past)]
Scalar = str | int | float | bool | None
Metadata = Annotated[dict[str, Scalar], AfterValidator(_small)]


class Body(BaseModel):
    """Strict: no text for a number, no 1.0 for 1, and no field that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def fingerprint(self, kind: str, *, key: bytes) -> str:
        """Give a keyed hash of what was said, the same however it was spelled in JSON."""
        said = json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True)
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


class SignupHook(Body):
    program: Slug
    friend: Customer
    click: MaybeClick = None
    touches: MaybeTouches = None
    code: MaybeCode = None
    occurred_at: OccurredAt | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The click tokens that came with it."""
        return _evidence(*(self.touches or ()), self.click, codes=()).clicks

    def report(self, *, key: bytes) -> SignupReport:
        return SignupReport(
            program_id=ProgramId(self.program),
            friend=self.friend.details(),
            evidence=_evidence(*(self.touches or ()), self.click, codes=(self.code,)),
            occurred_at=self.occurred_at,
            fingerprint=self.fingerprint("signup", key=key),
        )


class PurchaseHook(Body):
    """`metadata` is taken, so that a shop may send what it has, and not kept: no rule reads it."""

    program: Slug
    order_id: Identifier
    friend: Customer
    amount_minor: AmountMinor
    currency: Currency
    click: MaybeClick = None
    code: MaybeCode = None
    coupon: MaybeCode = None
    occurred_at: OccurredAt | None = None
    metadata: Metadata | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The click tokens that came with it."""
        return (self.click,) if self.click else ()

    def report(self, *, key: bytes) -> PurchaseReport:
        return PurchaseReport(
            program_id=ProgramId(self.program),
            order_id=self.order_id,
            friend=self.friend.details(),
            amount_minor=self.amount_minor,
            currency=self.currency,
            evidence=_evidence(self.click, codes=(self.coupon, self.code)),
            occurred_at=self.occurred_at,
            fingerprint=self.fingerprint("purchase", key=key),
        )


class RefundHook(Body):
    program: Slug
    order_id: Identifier
    refund_id: Identifier
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


class AdvocateBody(Body):
    program: Slug
    id: Identifier
    email: Email
    name: PersonName | None = None
    locale: Locale | None = None
    segment: Slug | None = None
    code: MaybeCode = None

    def report(self) -> EnrolmentReport:
        return EnrolmentReport(
            program_id=ProgramId(self.program),
            customer=CustomerDetails(
                customer_id=self.id, email=self.email, name=self.name, locale=self.locale
            ),
            segment=self.segment,
            code=self.code,
        )


def _evidence(*clicks: str | None, codes: tuple[str | None, ...]) -> Evidence:
    return Evidence(
        clicks=tuple(click for click in clicks if click),
        codes=tuple(code for code in codes if code),
    )
