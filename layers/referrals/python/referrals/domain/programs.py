"""Programs: the offer and its terms. A program that was applied is never changed, only followed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from referrals.domain.errors import Fault, TermsNotAllowedError
from referrals.domain.ids import ProgramId
from referrals.domain.money import BASIS_POINTS, is_currency

# Ten years: beyond it somebody mixed up days and seconds, and in the end the calendar ends.
MOST_DAYS = 3_650


# The landing page gets the click token under this name, beside the code.
CLICK_PARAMETER = "click"
# All rewards of one conversion are one transaction, and small ones seldom collide.
MAX_RULES = 20


class ProgramStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class ConversionKind(StrEnum):
    SIGNUP = "signup"
    PURCHASE = "purchase"


class Side(StrEnum):
    """Who a reward is for."""

    ADVOCATE = "advocate"
    FRIEND = "friend"


class RewardKind(StrEnum):
    CREDIT = "credit"
    COUPON = "coupon"


class AttributionModel(StrEnum):
    LAST_CLICK = "last_click"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """The same amount every time; `amount_minor` in the program's currency."""

    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent:
    """A share of the purchase, `rate_bps` ten-thousandths, and at most `max_minor`."""

    rate_bps: int
    max_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most one person can earn by one rule, in rewards, in minor units, or both."""

    rewards: int | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardRule:
    """What the terms promise: who gets what, for which conversion, held for how long."""

    rule_id: str
    on: ConversionKind
    to: Side
    kind: RewardKind
    reward: Flat | Percent
    hold_days: int = 0
    min_amount_minor: int = 0
    is_first_purchase_only: bool = False
    cap: Cap = Cap()
    pool: str | None = None

    @property
    def hold(self) -> timedelta:
        return timedelta(days=self.hold_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionTerms:
    model: AttributionModel = AttributionModel.LAST_CLICK
    window_days: int = 30

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a messenger shows of a share link (OpenGraph)."""

    title: str = ""
    description: str = ""
    image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where a share link leads; the only part of a program that the redirect reads."""

    program_id: ProgramId
    status: ProgramStatus
    landing_page: str
    allowed_hosts: tuple[str, ...]
    fallback_url: str | None = None
    link_parameter: str = "via"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    preview: Preview = Preview()

    def is_running(self, now: datetime) -> bool:
        """Whether the program is on at `now`: active, started, and not at its end yet."""
        has_started = self.starts_at is None or self.starts_at <= now
        has_ended = self.ends_at is not None and self.ends_at <= now
        return self.status is ProgramStatus.ACTIVE and has_started and not has_ended

    def allows(self, url: str) -> bool:
        """Whether a link may lead to `url`: http(s), no user part, an allowed host and port."""
        return is_web_address(url) and urlsplit(url).netloc.lower() in self.allowed_hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One version of a program. `version` counts from 1; nothing in it changes once applied."""

    program_id: ProgramId
    version: int
    name: str
    currency: str
    landing: Landing
    rules: tuple[RewardRule, ...]
    attribution: AttributionTerms = AttributionTerms()
    shop_name: str = ""

    def rules_for(self, kind: ConversionKind) -> tuple[RewardRule, ...]:
        return tuple(rule for rule in self.rules if rule.on is kind)

    def rule(self, rule_id: str) -> RewardRule:
        """Give the rule of this id; KeyError when this version has none."""
        return {rule.rule_id: rule for rule in self.rules}[rule_id]


def is_web_address(url: str) -> bool:
    """Whether `url` is an absolute http(s) address that is safe to put into a header."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def checked(program: Program) -> Program:
    """Give back a program whose terms make sense; TermsNotAllowedError names every fault."""
    faults = list(_faults(program))
    if faults:
        raise TermsNotAllowedError(faults)
    return program


def _faults(program: Program) -> Iterator[Fault]:
    landing = program.landing
    if len(program.rules) > MAX_RULES:
        yield Fault(field="rules", says=f"are more than {MAX_RULES}")
    if landing.link_parameter == CLICK_PARAMETER:
        yield Fault(field="link_parameter", says="is the parameter of the click token")
    if not is_currency(program.currency):
        yield Fault(field="currency", says="is not an ISO 4217 code")
    if not landing.allows(landing.landing_page):
        yield Fault(field="landing_page", says="is not on an allowed host")
    if landing.fallback_url is not None and not landing.allows(landing.fallback_url):
        yield Fault(field="fallback_url", says="is not on an allowed host")
    if landing.starts_at and landing.ends_at and landing.ends_at <= landing.starts_at:
        yield Fault(field="ends_at", says="is not after starts_at")
    if not 1 <= program.attribution.window_days <= MOST_DAYS:
        yield Fault(field="attribution.window_days", says=f"is not between 1 and {MOST_DAYS}")
    seen: set[str] = set()
    for position, rule in enumerate(program.rules):
        yield from _rule_faults(rule, f"rules.{position}")
        if rule.rule_id in seen:
            yield Fault(field=f"rules.{position}.id", says="stands twice")
        seen.add(rule.rule_id)


def _rule_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    yield from _amount_faults(rule, f"{path}.reward")
    if not 0 <= rule.hold_days <= MOST_DAYS:
        yield Fault(field=f"{path}.hold_days", says=f"is not between 0 and {MOST_DAYS}")
    if rule.min_amount_minor < 0:
        yield Fault(field=f"{path}.min_amount_minor", says="is negative")
    for name, limit in (("rewards", rule.cap.rewards), ("amount_minor", rule.cap.amount_minor)):
        if limit is not None and limit < 1:
            yield Fault(field=f"{path}.cap.{name}", says="is less than 1")
    has_purchase_terms = rule.min_amount_minor or rule.is_first_purchase_only
    if rule.on is ConversionKind.SIGNUP and has_purchase_terms:
        yield Fault(field=path, says="sets terms of a purchase for a sign-up")
    if rule.kind is RewardKind.COUPON and not rule.pool:
        yield Fault(field=f"{path}.pool", says="is missing: a coupon comes from a pool")
    if rule.kind is RewardKind.COUPON and rule.cap.amount_minor is not None:
        yield Fault(
            field=f"{path}.cap.amount_minor", says="would cut a coupon, which has one value"
        )


def _amount_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    match rule.reward:
        case Flat(amount_minor=amount_minor):
            if amount_minor < 1:
                yield Fault(field=f"{path}.amount_minor", says="is less than 1")
        case Percent(rate_bps=rate_bps, max_minor=max_minor):
            if not 0 < rate_bps <= BASIS_POINTS:
                yield Fault(field=f"{path}.rate_bps", says="is not between 1 and 10000")
            if max_minor is not None and max_minor < 1:
                yield Fault(field=f"{path}.max_minor", says="is less than 1")
            if rule.on is ConversionKind.SIGNUP:
                yield Fault(field=path, says="is a percentage, and a sign-up has no amount")
            if rule.kind is RewardKind.COUPON:
                yield Fault(field=path, says="is a percentage, and a coupon has one value")
