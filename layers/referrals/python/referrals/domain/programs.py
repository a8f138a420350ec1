"""Programs: the offer and its terms. A program that was applied is never changed, only followed."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from referrals.domain.catalogue import CatalogueItem, catalogue_faults
from referrals.domain.clicks import CHANNELS
from referrals.domain.errors import Fault, TermsNotAllowedError
from referrals.domain.fraud.rules import fraud_faults
from referrals.domain.fraud.terms import FraudTerms
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.landings import CLICK_PARAMETER, Landing, is_web_address
from referrals.domain.money import BASIS_POINTS, is_currency
from referrals.domain.payouts import PayoutTerms, payout_faults
from referrals.domain.rules import (
    MOST_DAYS,
    Cap,
    RewardKind,
    RewardRule,
    Trigger,
    cap_faults,
    rule_faults,
)

# Every rule that is looked at leaves a decision in the item of its conversion.
MAX_RULES = 40
# All rewards of one conversion are one transaction, and small ones seldom collide.
MOST_RULES_AT_ONCE = 12
# A conversion is shared by so many advocates at most: twelve rules for each of them, with their
# balances, stay within the 100 items of a transaction.
MOST_SHARES = 5
HOLDOUT = "holdout"
MOST_REMINDERS = 6
LAST_REMINDER_DAYS = 365
# Where fakes of partners run beside us; calls go to none of these unless that is allowed.
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ConversionKind(StrEnum):
    """What people do that may be rewarded; the first triggers of rules."""

    ENROLMENT = "enrolment"
    SIGNUP = "signup"
    PURCHASE = "purchase"
    RENEWAL = "renewal"


class AttributionModel(StrEnum):
    LAST_CLICK = "last_click"
    FIRST_CLICK = "first_click"
    LINEAR = "linear"
    POSITION = "position"


class TouchKind(StrEnum):
    """What shows who recommended: from the strongest to the weakest unless the terms say other.

    A manual one is an operator's word, which stands above all.
    """

    MANUAL = "manual"
    CODE = "code"
    COUPON = "coupon"
    CLICK = "click"
    STATED = "stated"


# How a friend came: by a link, and how that was shared, or by what else showed who recommended.
_CHANNELS = CHANNELS.union(TouchKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Parts of the `position` model for the first, all middle and the last touch; 100 in all."""

    first: int = 40
    middle: int = 20
    last: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionTerms:
    """How advocates are credited: only touches of the strongest kind present are looked at."""

    model: AttributionModel = AttributionModel.LAST_CLICK
    window_days: int = 30
    weights: Weights = Weights()
    precedence: tuple[TouchKind, ...] = (
        TouchKind.CODE,
        TouchKind.COUPON,
        TouchKind.CLICK,
        TouchKind.STATED,
    )

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Who may refer, and who may be referred.

    `min_purchases` are an advocate's own, before they bring anybody: 0 in a pre-sale program, 1 in
    an after-sale one.
    """

    segments: tuple[str, ...] = ()
    min_purchases: int = 0
    is_new_customers_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTerms:
    """The most that a program promises in all and per UTC day, in minor units of its currency."""

    total_minor: int | None = None
    per_day_minor: int | None = None

    @property
    def is_limited(self) -> bool:
        return self.total_minor is not None or self.per_day_minor is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    name: str
    share_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An A/B test by advocate: shares of variants and of a holdout add up to 10,000 or less.

    Advocates in no variant and not in the holdout are the control group.
    """

    name: str
    variants: tuple[Variant, ...] = ()
    holdout_bps: int = 0

    def variant_of(self, advocate_id: PersonId) -> str | None:
        """Assign an advocate for ever: a hash of experiment and person, not a draw by lot."""
        digest = hashlib.sha256(f"{self.name}\x1f{advocate_id}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") * BASIS_POINTS >> 64
        for name, share_bps in (
            (HOLDOUT, self.holdout_bps),
            *((variant.name, variant.share_bps) for variant in self.variants),
        ):
            if place < share_bps:
                return name
            place -= share_bps
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What the business wants of the program; `plan` says whether terms would reach it."""

    purchases: int | None = None
    max_cost_per_purchase_minor: int | None = None
    max_cost_share_bps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTerms:
    """A system outside that makes codes for us: where it is asked, by signed calls."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderTerms:
    """When an advocate whom nobody followed is asked to share: days after they last had reason to.

    After the last of them it stops. Empty: never.
    """

    after_days: tuple[int, ...] = (14, 49, 133)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageText:
    """A program's own words for a message in one language; what is None stays as it is.

    Each is a template in a sandbox: text, the names that the message knows, and `if`.
    """

    subject: str | None = None
    heading: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One version of a program. `version` counts from 1; nothing in it changes once applied.

    `caps` bound what one advocate earns by all rules together, in the program's currency.
    `silent_messages` are kinds of messages that are not sent, `texts` the program's own words by
    kind and language. Pools with fewer than `low_stock` left are told of.
    """

    program_id: ProgramId
    version: int
    name: str
    currency: str
    landing: Landing
    rules: tuple[RewardRule, ...]
    attribution: AttributionTerms = AttributionTerms()
    shop_name: str = ""
    eligibility: Eligibility = Eligibility()
    caps: tuple[Cap, ...] = ()
    budget: BudgetTerms = BudgetTerms()
    experiment: Experiment | None = None
    fraud: FraudTerms = field(default_factory=FraudTerms)
    goals: Goals = Goals()
    silent_messages: tuple[str, ...] = ()
    texts: Mapping[str, Mapping[str, MessageText]] = field(default_factory=dict)
    reminders: ReminderTerms = ReminderTerms()
    payouts: PayoutTerms | None = None
    partners: Mapping[str, PartnerTerms] = field(default_factory=dict)
    catalogue: tuple[CatalogueItem, ...] = ()
    low_stock: int = 10

    def rules_for(self, kind: ConversionKind) -> tuple[RewardRule, ...]:
        return tuple(rule for rule in self.rules if rule.on is Trigger(kind))

    @property
    def milestones(self) -> tuple[RewardRule, ...]:
        return tuple(rule for rule in self.rules if rule.on is Trigger.MILESTONE)

    @property
    def leaderboards(self) -> tuple[RewardRule, ...]:
        return tuple(rule for rule in self.rules if rule.on is Trigger.PERIOD_END)

    @property
    def asks_for_segments(self) -> bool:
        """Whether anything in the terms depends on an advocate's segment."""
        return bool(self.eligibility.segments) or any(
            rule.only.segments or rule.only.except_segments for rule in self.rules
        )

    def rule(self, rule_id: str) -> RewardRule:
        """Give the rule of this id; KeyError when this version has none."""
        return {rule.rule_id: rule for rule in self.rules}[rule_id]

    def variant_of(self, advocate_id: PersonId) -> str | None:
        return self.experiment.variant_of(advocate_id) if self.experiment else None


def checked(program: Program) -> Program:
    """Give back a program whose terms make sense; TermsNotAllowedError names every fault."""
    faults = list(_faults(program))
    if faults:
        raise TermsNotAllowedError(faults)
    return program


def following(live: Program | None, program: Program) -> Program:
    """Give a program as the version that comes after the live one; the first when none is live.

    TermsNotAllowedError when a budget or payouts would be counted in two currencies.
    """
    if live is None:
        return replace(program, version=1)
    counts_money = any(each.budget.is_limited or each.payouts for each in (live, program))
    if counts_money and program.currency != live.currency:
        says = f"cannot change once applied: budget and payouts are counted in {live.currency}"
        raise TermsNotAllowedError([Fault(field="currency", says=says)])
    return replace(program, version=live.version + 1)


def _faults(program: Program) -> Iterator[Fault]:
    if not is_currency(program.currency):
        yield Fault(field="currency", says="is not an ISO 4217 code")
    yield from _landing_faults(program.landing)
    yield from _attribution_faults(program.attribution)
    if program.eligibility.min_purchases < 0:
        yield Fault(field="eligibility.min_purchases", says="is negative")
    yield from _number_of_rules_faults(program)
    seen: set[str] = set()
    for position, rule in enumerate(program.rules):
        yield from rule_faults(rule, f"rules.{position}")
        yield from _fit_faults(program, rule, f"rules.{position}")
        if rule.rule_id in seen:
            yield Fault(field=f"rules.{position}.id", says="stands twice")
        seen.add(rule.rule_id)
    yield from cap_faults(program.caps, "caps")
    yield from _budget_faults(program.budget)
    if program.experiment is not None:
        yield from _experiment_faults(program.experiment)
    yield from fraud_faults(program.fraud)
    yield from _goal_faults(program.goals)
    yield from _reminder_faults(program.reminders)
    if program.payouts is not None:
        yield from payout_faults(program.payouts, "payouts")
    yield from _partner_faults(program)
    yield from catalogue_faults(program.catalogue, "catalogue")
    for position, item in enumerate(program.catalogue):
        yield from _item_fit_faults(program, item, f"catalogue.{position}")
    if program.low_stock < 0:
        yield Fault(field="low_stock", says="is negative")


def _landing_faults(landing: Landing) -> Iterator[Fault]:
    if landing.link_parameter == CLICK_PARAMETER:
        yield Fault(field="link_parameter", says="is the parameter of the click token")
    for position, host in enumerate(landing.allowed_hosts):
        if not _is_host(host):
            yield Fault(
                field=f"allowed_hosts.{position}", says="is not a host such as shop.example"
            )
    if not landing.allows(landing.landing_page):
        yield Fault(field="landing_page", says="is not on an allowed host")
    if landing.fallback_url is not None and not landing.allows(landing.fallback_url):
        yield Fault(field="fallback_url", says="is not on an allowed host")
    image_url = landing.preview.image_url
    if image_url is not None and not is_web_address(image_url):
        yield Fault(field="preview.image_url", says="is not an http(s) address")
    if landing.starts_at and landing.ends_at and landing.ends_at <= landing.starts_at:
        yield Fault(field="ends_at", says="is not after starts_at")


def _is_host(host: str) -> bool:
    url = f"https://{host}"
    return is_web_address(url) and urlsplit(url).netloc == host


def _attribution_faults(terms: AttributionTerms) -> Iterator[Fault]:
    weights = (terms.weights.first, terms.weights.middle, terms.weights.last)
    if not 1 <= terms.window_days <= MOST_DAYS:
        yield Fault(field="attribution.window_days", says=f"is not between 1 and {MOST_DAYS}")
    if min(weights) < 0 or sum(weights) != 100:  # noqa: PLR2004 - per cent
        yield Fault(field="attribution.weights", says="do not add up to 100")
    if terms.weights != Weights() and terms.model is not AttributionModel.POSITION:
        yield Fault(field="attribution.weights", says=f"are for position, not for {terms.model}")
    if len(set(terms.precedence)) != len(terms.precedence) or not terms.precedence:
        yield Fault(field="attribution.precedence", says="is empty or names a kind twice")
    if TouchKind.MANUAL in terms.precedence:
        yield Fault(field="attribution.precedence", says="names manual, which stands above all")


def _number_of_rules_faults(program: Program) -> Iterator[Fault]:
    if len(program.rules) > MAX_RULES:
        yield Fault(field="rules", says=f"are more than {MAX_RULES}")
        return
    segments = {name for rule in program.rules for name in rule.only.segments}
    variants = {name for rule in program.rules for name in rule.only.variants}
    most = max(
        len(_rules_at_once(program, kind, segment, variant))
        for kind in ConversionKind
        for segment in (None, *segments)
        for variant in (None, *variants)
    )
    if most > MOST_RULES_AT_ONCE:
        yield Fault(
            field="rules",
            says=f"are {most} for one advocate at once, more than {MOST_RULES_AT_ONCE}",
        )


def _rules_at_once(
    program: Program, kind: ConversionKind, segment: str | None, variant: str | None
) -> list[RewardRule]:
    """List what one conversion may set off; a sign-up or a purchase may be a milestone, too."""
    return [
        rule
        for rule in program.rules
        if rule.on in {Trigger(kind), Trigger.MILESTONE}
        and (not rule.only.segments or segment in rule.only.segments)
        and segment not in rule.only.except_segments
        and (not rule.only.variants or variant in rule.only.variants)
    ]


def _fit_faults(program: Program, rule: RewardRule, path: str) -> Iterator[Fault]:
    """Name what a rule waits for that its program never lets happen."""
    known = {each.name for each in program.experiment.variants} if program.experiment else set()
    if not known.issuperset(rule.only.variants):
        yield Fault(field=f"{path}.only.variants", says="are not in the experiment")
    unknown = sorted(set(rule.only.channels) - _CHANNELS)
    if unknown:
        yield Fault(field=f"{path}.only.channels", says=f"names {unknown[0]}, which is no channel")
    eligible = set(program.eligibility.segments)
    if eligible and rule.only.segments and not eligible.intersection(rule.only.segments):
        yield Fault(field=f"{path}.only.segments", says="are not among those who may refer")
    if eligible and eligible.issubset(rule.only.except_segments):
        yield Fault(field=f"{path}.only.except_segments", says="leaves nobody who may refer")
    yield from _unknown_partner_faults(program, rule.partner, path)


def _item_fit_faults(program: Program, item: CatalogueItem, path: str) -> Iterator[Fault]:
    """Name what an item of the catalogue needs of its program that this does not have."""
    if item.kind is RewardKind.CASH and program.payouts is None:
        yield Fault(field=f"{path}.kind", says="is cash, and the program has no payouts")
    yield from _unknown_partner_faults(program, item.partner, path)


def _unknown_partner_faults(program: Program, partner: str | None, path: str) -> Iterator[Fault]:
    if partner is not None and partner not in program.partners:
        yield Fault(field=f"{path}.partner", says=f"names {partner}, which is none of the partners")


def _partner_faults(program: Program) -> Iterator[Fault]:
    for name, terms in program.partners.items():
        if not _can_be_called(terms.url):
            yield Fault(
                field=f"partners.{name}.url", says="is not an https address without a query"
            )


def _can_be_called(url: str) -> bool:
    if not is_web_address(url):
        return False
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
    return is_safe and not parts.query and not parts.fragment


def _reminder_faults(terms: ReminderTerms) -> Iterator[Fault]:
    days = terms.after_days
    if list(days) != sorted(set(days)):
        yield Fault(field="reminders.after_days", says="does not go up")
    if len(days) > MOST_REMINDERS:
        yield Fault(field="reminders.after_days", says=f"has more than {MOST_REMINDERS}")
    if not all(1 <= each <= LAST_REMINDER_DAYS for each in days):
        says = f"is not between 1 and {LAST_REMINDER_DAYS}"
        yield Fault(field="reminders.after_days", says=says)


def _budget_faults(budget: BudgetTerms) -> Iterator[Fault]:
    total, per_day = budget.total_minor, budget.per_day_minor
    for name, limit in (("total_minor", total), ("per_day_minor", per_day)):
        if limit is not None and limit < 0:
            yield Fault(field=f"budget.{name}", says="is negative")
    if total is not None and per_day is not None and per_day > total:
        yield Fault(field="budget.per_day_minor", says="is more than the total")


def _experiment_faults(experiment: Experiment) -> Iterator[Fault]:
    names = [variant.name for variant in experiment.variants]
    shares = [experiment.holdout_bps, *(variant.share_bps for variant in experiment.variants)]
    if not any(shares):
        yield Fault(field="experiment", says="has neither a variant nor a holdout")
    if min(shares) < 0 or sum(shares) > BASIS_POINTS:
        yield Fault(field="experiment", says="has shares that are not between 0 and 10000 in all")
    if len(set(names)) != len(names) or HOLDOUT in names:
        yield Fault(field="experiment.variants", says=f"has a name twice, or {HOLDOUT}")


def _goal_faults(goals: Goals) -> Iterator[Fault]:
    for name, goal in (
        ("purchases", goals.purchases),
        ("max_cost_per_purchase_minor", goals.max_cost_per_purchase_minor),
        ("max_cost_share_bps", goals.max_cost_share_bps),
    ):
        if goal is not None and goal < 1:
            yield Fault(field=f"goals.{name}", says="is less than 1")
