"""Reward rules: what the terms promise to whom, on what, how much of it, and how often.

Words only; what a rule comes to for one conversion is worked out in `rewards` and `conversions`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from referrals.domain.countries import is_country
from referrals.domain.errors import Fault
from referrals.domain.money import BASIS_POINTS

# Ten years: beyond it somebody mixed up days and seconds, and in the end the calendar ends.
MOST_DAYS = 3_650
MOST_MONTHS = 120
MOST_PLACES = 100
_QUARTER_MONTHS = 3


class Trigger(StrEnum):
    """What a rule waits for. The first four are conversions, the others follow from them."""

    ENROLMENT = "enrolment"
    SIGNUP = "signup"
    PURCHASE = "purchase"
    RENEWAL = "renewal"
    MILESTONE = "milestone"
    PERIOD_END = "period_end"
    REDEMPTION = "redemption"  # of points, for an item of the catalogue; no rule waits for it


class Side(StrEnum):
    """Who a reward is for; the second level is the advocate who brought the advocate."""

    ADVOCATE = "advocate"
    FRIEND = "friend"
    SECOND_LEVEL = "second_level"


class RewardKind(StrEnum):
    CREDIT = "credit"
    POINTS = "points"
    COUPON = "coupon"
    GIFT = "gift"
    CASH = "cash"
    PARTNER = "partner"


POINTS_UNIT = "points"
# Handed over whole or not at all: they are not cut by a cap, nor netted against a debt.
WHOLE_KINDS = frozenset({RewardKind.COUPON, RewardKind.GIFT, RewardKind.PARTNER})
_STOCKED_KINDS = frozenset({RewardKind.COUPON, RewardKind.GIFT})
_PARTNERED_KINDS = frozenset({RewardKind.COUPON, RewardKind.PARTNER})
_MONEY_TRIGGERS = frozenset({Trigger.PURCHASE, Trigger.RENEWAL})
# These are an advocate's own: no friend signs up or buys with them.
_ABOUT_ONE_PERSON = frozenset({Trigger.ENROLMENT, Trigger.MILESTONE, Trigger.PERIOD_END})


class Period(StrEnum):
    """A stretch of the UTC calendar, or all of time."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL_TIME = "all_time"

    def label(self, on: date) -> str:
        """Name the period that a day is in: `2026-11-22`, `2026-11`, `2026-Q4`, `2026`, ``."""
        match self:
            case Period.DAY:
                return on.isoformat()
            case Period.MONTH:
                return f"{on.year:04}-{on.month:02}"
            case Period.QUARTER:
                return f"{on.year:04}-Q{(on.month - 1) // _QUARTER_MONTHS + 1}"
            case Period.YEAR:
                return f"{on.year:04}"
            case Period.ALL_TIME:
                return ""


_LENGTHS = (Period.DAY, Period.MONTH, Period.QUARTER, Period.YEAR, Period.ALL_TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """The same amount every time, in minor units of the program's currency, or in points."""

    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent:
    """A share of the purchase, `rate_bps` ten-thousandths, and at most `max_minor`."""

    rate_bps: int
    max_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """An amount from the `from_count`-th time on, until the next tier begins."""

    from_count: int
    amount: Flat | Percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """Amounts by how many times it is: for the advocate their purchases, for the friend theirs."""

    tiers: tuple[Tier, ...]

    def at(self, count: int) -> Flat | Percent:
        """Give the amount for the `count`-th time, counted from 1."""
        return max(
            (tier for tier in self.tiers if tier.from_count <= max(count, 1)),
            key=lambda tier: tier.from_count,
        ).amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Prizes of a leaderboard, the first place first."""

    amounts_minor: tuple[int, ...]


Amount = Flat | Percent | Tiers | Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most one person can earn in a period, in rewards, in minor units, or both."""

    per: Period = Period.ALL_TIME
    rewards: int | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a conversion must be for a rule to apply. Empty means: whatever it is."""

    segments: tuple[str, ...] = ()
    except_segments: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()


class Counted(StrEnum):
    """What milestones count, and leaderboards rank by; revenue only ranks."""

    SIGNUPS = "signups"
    PURCHASES = "purchases"
    REVENUE = "revenue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """At which counts of an advocate's a reward is earned: at some, or at every n-th."""

    count: Counted = Counted.PURCHASES
    at: tuple[int, ...] = ()
    every: int | None = None

    def is_at(self, count: int) -> bool:
        return count in self.at or bool(self.every and count and count % self.every == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """How advocates are ranked at the end of each period."""

    per: Period = Period.MONTH
    by: Counted = Counted.PURCHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardRule:
    """What the terms promise: who gets what, for which conversion, held for how long.

    `first_months` bounds a renewal's rule to the first months of a subscription. A coupon or a gift
    comes from `pool`, a partner's offer or a coupon made by one from `partner`; a gift that `ships`
    waits for an address. A reward that nobody could be handed within `expires_after_days` of
    becoming available expires.
    """

    rule_id: str
    on: Trigger
    to: Side
    kind: RewardKind
    reward: Amount
    hold_days: int = 0
    min_amount_minor: int = 0
    max_amount_minor: int | None = None
    is_first_purchase_only: bool = False
    only: Conditions = Conditions()
    caps: tuple[Cap, ...] = ()
    pool: str | None = None
    partner: str | None = None
    ships: bool = False
    expires_after_days: int | None = None
    first_months: int | None = None
    milestone: Milestone | None = None
    leaderboard: Leaderboard | None = None

    @property
    def hold(self) -> timedelta:
        return timedelta(days=self.hold_days)

    @property
    def is_whole(self) -> bool:
        """Whether it is handed over whole or not at all."""
        return self.kind in WHOLE_KINDS

    def unit(self, currency: str) -> str:
        return POINTS_UNIT if self.kind is RewardKind.POINTS else currency


def rule_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    """Name everything in a rule that contradicts itself."""
    yield from _amount_faults(rule, f"{path}.reward")
    yield from cap_faults(rule.caps, f"{path}.caps")
    yield from _trigger_faults(rule, path)
    yield from _condition_faults(rule, f"{path}.only")
    if not 0 <= rule.hold_days <= MOST_DAYS:
        yield Fault(field=f"{path}.hold_days", says=f"is not between 0 and {MOST_DAYS}")
    if rule.expires_after_days is not None and not 1 <= rule.expires_after_days <= MOST_DAYS:
        yield Fault(field=f"{path}.expires_after_days", says=f"is not between 1 and {MOST_DAYS}")
    if rule.min_amount_minor < 0:
        yield Fault(field=f"{path}.min_amount_minor", says="is negative")
    if rule.max_amount_minor is not None and rule.max_amount_minor < max(rule.min_amount_minor, 1):
        yield Fault(field=f"{path}.max_amount_minor", says="is below the minimum")
    yield from source_faults(
        rule.kind, pool=rule.pool, partner=rule.partner, ships=rule.ships, path=path
    )
    for position, cap in enumerate(rule.caps):
        if rule.kind in WHOLE_KINDS and cap.amount_minor is not None:
            yield Fault(
                field=f"{path}.caps.{position}.amount_minor",
                says=f"would cut a {rule.kind}, which has one value",
            )


def source_faults(
    kind: RewardKind, *, pool: str | None, partner: str | None, ships: bool, path: str
) -> Iterator[Fault]:
    """Name what contradicts itself in where a reward comes from, and how it goes out."""
    if pool is not None and kind not in _STOCKED_KINDS:
        yield Fault(field=f"{path}.pool", says=f"is for coupons and gifts, not for {kind}")
    if partner is not None and kind not in _PARTNERED_KINDS:
        says = f"is for coupons and partners' offers, not for {kind}"
        yield Fault(field=f"{path}.partner", says=says)
    if kind is RewardKind.GIFT and not pool:
        yield Fault(field=f"{path}.pool", says="is missing: a gift comes from a pool")
    if kind is RewardKind.COUPON and not pool and partner is None:
        says = "is missing: a coupon comes from a pool, or from a partner"
        yield Fault(field=f"{path}.pool", says=says)
    if kind is RewardKind.COUPON and pool and partner is not None:
        says = "is set beside a pool, and a coupon comes from one of them"
        yield Fault(field=f"{path}.partner", says=says)
    if ships and kind is not RewardKind.GIFT:
        yield Fault(field=f"{path}.ships", says=f"is for gifts, not for {kind}")


def cap_faults(caps: tuple[Cap, ...], path: str) -> Iterator[Fault]:
    """Name the caps that nobody could keep, that stand twice, or that another makes idle."""
    seen: set[Period] = set()
    for position, cap in enumerate(caps):
        here = f"{path}.{position}"
        if cap.rewards is None and cap.amount_minor is None:
            yield Fault(field=here, says="limits neither rewards nor amount_minor")
        for name, limit in (("rewards", cap.rewards), ("amount_minor", cap.amount_minor)):
            if limit is not None and limit < 1:
                yield Fault(field=f"{here}.{name}", says="is less than 1")
        if cap.per is Period.QUARTER:
            yield Fault(field=f"{here}.per", says="is not day, month, year or all_time")
        if cap.per in seen:
            yield Fault(field=f"{here}.per", says=f"names {cap.per} twice")
        seen.add(cap.per)
        for longer in caps:
            if _LENGTHS.index(longer.per) > _LENGTHS.index(cap.per):
                yield from _idle_cap_faults(cap, longer, here)


def _idle_cap_faults(cap: Cap, longer: Cap, path: str) -> Iterator[Fault]:
    for name, limit, limit_of_longer in (
        ("rewards", cap.rewards, longer.rewards),
        ("amount_minor", cap.amount_minor, longer.amount_minor),
    ):
        if limit is not None and limit_of_longer is not None and limit > limit_of_longer:
            yield Fault(
                field=f"{path}.{name}",
                says=f"is more than the {limit_of_longer} per {longer.per}",
            )


def _trigger_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    yield from _purchase_term_faults(rule, path)
    if rule.on is Trigger.REDEMPTION:
        yield Fault(field=f"{path}.on", says="is what points are spent by; no rule waits for it")
    if rule.to is Side.SECOND_LEVEL and rule.on is not Trigger.PURCHASE:
        yield Fault(field=f"{path}.to", says="is the second level, which purchases alone reward")
    if rule.on in _ABOUT_ONE_PERSON and rule.to is not Side.ADVOCATE:
        yield Fault(field=f"{path}.to", says=f"is not the advocate, whose the {rule.on} is")
    if rule.first_months is not None and rule.on is not Trigger.RENEWAL:
        yield Fault(field=f"{path}.first_months", says=f"is for renewals, not for a {rule.on}")
    if rule.first_months is not None and not 1 <= rule.first_months <= MOST_MONTHS:
        yield Fault(field=f"{path}.first_months", says=f"is not between 1 and {MOST_MONTHS}")
    if (rule.milestone is not None) != (rule.on is Trigger.MILESTONE):
        yield Fault(field=f"{path}.milestone", says="belongs to a milestone, and each needs one")
    elif rule.milestone is not None:
        yield from _milestone_faults(rule.milestone, f"{path}.milestone")
    if (rule.leaderboard is not None) != (rule.on is Trigger.PERIOD_END):
        yield Fault(field=f"{path}.leaderboard", says="belongs to a period's end, which needs one")
    elif rule.leaderboard is not None:
        yield from _leaderboard_faults(rule.leaderboard, f"{path}.leaderboard")


def _purchase_term_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    is_of_money = rule.on in _MONEY_TRIGGERS
    for name, is_set, fits in (
        ("min_amount_minor", rule.min_amount_minor != 0, is_of_money),
        ("max_amount_minor", rule.max_amount_minor is not None, is_of_money),
        ("only.products", bool(rule.only.products), is_of_money),
        ("first_purchase_only", rule.is_first_purchase_only, rule.on is Trigger.PURCHASE),
    ):
        if is_set and not fits:
            yield Fault(field=f"{path}.{name}", says=f"is about purchases, not about a {rule.on}")


def _condition_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    only = rule.only
    for name, values in (("countries", only.countries), ("channels", only.channels)):
        if values and rule.on in _ABOUT_ONE_PERSON:
            yield Fault(
                field=f"{path}.{name}", says=f"is about a sign-up or purchase, not a {rule.on}"
            )
    unknown = [country for country in only.countries if not is_country(country)]
    if unknown:
        yield Fault(
            field=f"{path}.countries",
            says=f"names {unknown[0]}, which is no ISO 3166 code in capitals, such as NO",
        )
    if only.segments and not set(only.segments) - set(only.except_segments):
        yield Fault(field=f"{path}.except_segments", says="leaves none of the segments")


def _milestone_faults(milestone: Milestone, path: str) -> Iterator[Fault]:
    if bool(milestone.at) == (milestone.every is not None):
        yield Fault(field=path, says="needs either `at` or `every`")
    if list(milestone.at) != sorted(set(milestone.at)):
        yield Fault(field=f"{path}.at", says="does not go up")
    if any(count < 1 for count in milestone.at):
        yield Fault(field=f"{path}.at", says="counts from 1")
    if milestone.every is not None and milestone.every < 1:
        yield Fault(field=f"{path}.every", says="is less than 1")
    if milestone.count is Counted.REVENUE:
        yield Fault(field=f"{path}.count", says="is signups or purchases")


def _leaderboard_faults(leaderboard: Leaderboard, path: str) -> Iterator[Fault]:
    if leaderboard.per not in {Period.MONTH, Period.QUARTER, Period.YEAR}:
        yield Fault(field=f"{path}.per", says="is not month, quarter or year")
    if leaderboard.by is Counted.SIGNUPS:
        yield Fault(field=f"{path}.by", says="is purchases or revenue")


def _amount_faults(rule: RewardRule, path: str) -> Iterator[Fault]:
    if isinstance(rule.reward, Places) != (rule.on is Trigger.PERIOD_END):
        yield Fault(field=path, says="has places only, and always, at a period's end")
        return
    match rule.reward:
        case Places(amounts_minor=amounts):
            yield from _place_faults(rule, amounts, f"{path}.places")
        case Tiers(tiers=tiers):
            yield from _tier_faults(rule, tiers, f"{path}.tiers")
        case amount:
            yield from _simple_faults(rule, amount, path)


def _place_faults(rule: RewardRule, amounts: tuple[int, ...], path: str) -> Iterator[Fault]:
    if not 1 <= len(amounts) <= MOST_PLACES:
        yield Fault(field=path, says=f"are not between 1 and {MOST_PLACES}")
    if any(amount < 1 for amount in amounts):
        yield Fault(field=path, says="are not amounts of 1 or more")
    if list(amounts) != sorted(amounts, reverse=True):
        yield Fault(field=path, says="do not go down from the first")
    if rule.kind in WHOLE_KINDS and len(set(amounts)) > 1:
        yield Fault(field=path, says=f"differ, and a {rule.kind} has one value")


def _tier_faults(rule: RewardRule, tiers: tuple[Tier, ...], path: str) -> Iterator[Fault]:
    counts = [tier.from_count for tier in tiers]
    if not counts or counts[0] != 1 or counts != sorted(set(counts)):
        yield Fault(field=path, says="do not begin at 1 and go up")
    if rule.kind in WHOLE_KINDS:
        yield Fault(field=path, says=f"are amounts, and a {rule.kind} has one value")
    if _is_once(rule):
        yield Fault(field=path, says="count what happens to each person once")
    for position, tier in enumerate(tiers):
        yield from _simple_faults(rule, tier.amount, f"{path}.{position}")


def _is_once(rule: RewardRule) -> bool:
    is_friends = rule.to is Side.FRIEND
    is_first = rule.on is Trigger.SIGNUP or rule.is_first_purchase_only
    return rule.on is Trigger.ENROLMENT or (is_friends and is_first)


def _simple_faults(rule: RewardRule, amount: Flat | Percent, path: str) -> Iterator[Fault]:
    match amount:
        case Flat(amount_minor=amount_minor):
            if amount_minor < 1:
                yield Fault(field=f"{path}.amount_minor", says="is less than 1")
        case Percent(rate_bps=rate_bps, max_minor=max_minor):
            if not 0 < rate_bps <= BASIS_POINTS:
                yield Fault(field=f"{path}.rate_bps", says="is not between 1 and 10000")
            if max_minor is not None and max_minor < 1:
                yield Fault(field=f"{path}.max_minor", says="is less than 1")
            if rule.on not in _MONEY_TRIGGERS:
                yield Fault(field=path, says=f"is a percentage, and a {rule.on} has no amount")
            if rule.kind in WHOLE_KINDS or rule.kind is RewardKind.POINTS:
                yield Fault(field=path, says=f"is a percentage, and {rule.kind} is no money")
