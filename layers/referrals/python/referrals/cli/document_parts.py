"""The parts of a program document: what each field may be, and what it means to who writes it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from referrals.domain.fraud.rules import RULES
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.landings import Preview
from referrals.domain.money import BASIS_POINTS
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    BudgetTerms,
    Experiment,
    Goals,
    TouchKind,
    Variant,
    Weights,
)
from referrals.domain.rules import (
    MOST_DAYS,
    MOST_MONTHS,
    Amount,
    Cap,
    Conditions,
    Counted,
    Flat,
    Leaderboard,
    Milestone,
    Percent,
    Period,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Tier,
    Tiers,
    Trigger,
)
from referrals.runtime.bodies import Slug

# Ten thousand million in the largest unit of most currencies: beyond it somebody mixed up units.
_MOST = 10**12


def _moment(given: Any) -> datetime:
    """Read text only: pydantic would take a number for seconds since 1970."""
    try:
        return datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise ValueError("is not a time such as 2026-11-21T08:00:00Z") from None


Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Number = Annotated[int, Field(strict=True, ge=0, le=_MOST)]
Positive = Annotated[int, Field(strict=True, ge=1, le=_MOST)]
Days = Annotated[int, Field(strict=True, ge=0, le=MOST_DAYS)]
SomeDays = Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)]
Months = Annotated[int, Field(strict=True, ge=1, le=MOST_MONTHS)]
RateBps = Annotated[int, Field(strict=True, ge=1, le=BASIS_POINTS)]
ShareBps = Annotated[int, Field(strict=True, ge=0, le=BASIS_POINTS)]
Flag = Annotated[bool, Field(strict=True)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
RuleTrigger = Literal["enrolment", "signup", "purchase", "renewal", "milestone", "period_end"]
FraudName = Annotated[str, WithJsonSchema({"type": "string", "enum": [r.name for r in RULES]})]


class Part(BaseModel):
    """A mapping whose fields are all known: what nobody reads would be promised in vain."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FlatPart(Part):
    """The same amount every time."""

    amount_minor: Positive = Field(
        description="The amount, in minor units of the program's currency (500 is 5.00 EUR), "
        "or in points.",
        examples=[500],
    )


class PercentPart(Part):
    """A share of the order."""

    rate_bps: RateBps = Field(
        description="The share of the order in ten-thousandths: 1000 is 10 percent.",
        examples=[1000],
    )
    max_minor: Positive | None = Field(
        default=None, description="The most that one order earns, in minor units.", examples=[2000]
    )


class FirstFlatPart(FlatPart):
    """What the first few times earn, when they earn another amount than later ones."""

    count: Positive = Field(description="How many times count as the first.", examples=[3])


class FirstPercentPart(PercentPart):
    """What the first few times earn, when they earn another share than later ones."""

    count: Positive = Field(description="How many times count as the first.", examples=[3])


class FlatTierPart(FlatPart):
    """A tier with an amount."""

    from_: Positive = Field(
        alias="from", description="The how-many-th time the tier begins with; 1 for the first one."
    )


class PercentTierPart(PercentPart):
    """A tier with a share of the order."""

    from_: Positive = Field(
        alias="from", description="The how-many-th time the tier begins with; 1 for the first one."
    )


# What the parts of a union are told apart by: the first of these fields that is there.
_TELLING = ("tiers", "places", "rate_bps", "amount_minor")


def _told_apart(given: Any) -> str | None:
    """Name a part of a union; the name is in no path of a fault, as nobody wrote it."""
    fields = given if isinstance(given, dict) else {}
    return next((f"<{name}>" for name in _TELLING if name in fields), None)


_FLAT, _PERCENT = Tag("<amount_minor>"), Tag("<rate_bps>")
_AMOUNT_OR_SHARE = Discriminator(
    _told_apart,
    custom_error_type="amount",
    custom_error_message="needs amount_minor or rate_bps",
)
FirstPart = Annotated[
    Annotated[FirstFlatPart, _FLAT] | Annotated[FirstPercentPart, _PERCENT], _AMOUNT_OR_SHARE
]
TierPart = Annotated[
    Annotated[FlatTierPart, _FLAT] | Annotated[PercentTierPart, _PERCENT], _AMOUNT_OR_SHARE
]
_FIRST = "What the first few times earn instead: for the advocate their friends' sign-ups or "
_FIRST += "purchases, for the friend their own."


class FlatRewardPart(FlatPart):
    """The same amount every time, but for the first few if `first` is set."""

    first: FirstPart | None = Field(default=None, description=_FIRST)


class PercentRewardPart(PercentPart):
    """A share of the order, and another one for the first few if `first` is set."""

    first: FirstPart | None = Field(default=None, description=_FIRST)


class TiersRewardPart(Part):
    """An amount that changes with how many times it is."""

    tiers: tuple[TierPart, ...] = Field(
        description="Tiers, each from a count on until the next one begins; the first from 1.",
        examples=[[{"from": 1, "amount_minor": 500}, {"from": 10, "amount_minor": 1000}]],
    )


class PlacesRewardPart(Part):
    """Prizes of a leaderboard."""

    places: tuple[Positive, ...] = Field(
        description="The prize of each place in minor units or points, the first place first.",
        examples=[[10000, 5000, 2500]],
    )


RewardPart = Annotated[
    Annotated[FlatRewardPart, _FLAT]
    | Annotated[PercentRewardPart, _PERCENT]
    | Annotated[TiersRewardPart, Tag("<tiers>")]
    | Annotated[PlacesRewardPart, Tag("<places>")],
    Discriminator(
        _told_apart,
        custom_error_type="reward",
        custom_error_message="needs amount_minor, rate_bps, tiers or places",
    ),
]


def _simple(part: FlatPart | PercentPart) -> Flat | Percent:
    match part:
        case FlatPart(amount_minor=amount_minor):
            return Flat(amount_minor=amount_minor)
        case PercentPart(rate_bps=rate_bps, max_minor=max_minor):
            return Percent(rate_bps=rate_bps, max_minor=max_minor)


def _amount(
    part: FlatRewardPart | PercentRewardPart | TiersRewardPart | PlacesRewardPart,
) -> Amount:
    match part:
        case PlacesRewardPart(places=places):
            return Places(amounts_minor=places)
        case TiersRewardPart(tiers=tiers):
            return Tiers(
                tiers=tuple(Tier(from_count=each.from_, amount=_simple(each)) for each in tiers)
            )
        case FlatRewardPart() | PercentRewardPart():
            if part.first is None:
                return _simple(part)
            return Tiers(
                tiers=(
                    Tier(from_count=1, amount=_simple(part.first)),
                    Tier(from_count=part.first.count + 1, amount=_simple(part)),
                )
            )


class CapPart(Part):
    """The most one person earns in a period; what would be over it is cut, or not given."""

    per: Literal["day", "month", "year", "all_time"] = Field(
        description="The period, of the calendar in UTC; all_time for ever."
    )
    rewards: Positive | None = Field(
        default=None, description="The most rewards in the period.", examples=[50]
    )
    amount_minor: Positive | None = Field(
        default=None, description="The most in minor units, or points.", examples=[20000]
    )

    def cap(self) -> Cap:
        return Cap(per=Period(self.per), rewards=self.rewards, amount_minor=self.amount_minor)


class OnlyPart(Part):
    """What has to be true for a rule to apply; all that is named has to be."""

    segments: tuple[Slug, ...] = Field(
        default=(), description="The advocate is in one of these segments.", examples=[["vip"]]
    )
    except_segments: tuple[Slug, ...] = Field(
        default=(),
        description="The advocate is in none of these segments.",
        examples=[["staff"]],
    )
    countries: tuple[Country, ...] = Field(
        default=(),
        description="The order or sign-up comes from one of these countries (ISO 3166, capitals).",
        examples=[["DE", "AT"]],
    )
    products: tuple[Line, ...] = Field(
        default=(),
        description="One of these products is in the order, as the shop names them.",
        examples=[["teapot"]],
    )
    channels: tuple[Line, ...] = Field(
        default=(),
        description="The friend came by one of these: how the link was shared (`whatsapp`, "
        "`email`, ..., `link` when that was not said), or `code` or `coupon`.",
        examples=[["whatsapp", "telegram"]],
    )
    variants: tuple[Slug, ...] = Field(
        default=(), description="The advocate is in one of these variants of the experiment."
    )

    def conditions(self) -> Conditions:
        return Conditions(**dict(self))


class MilestonePart(Part):
    """At which counts of an advocate's a milestone is reached: `at` some, or `every` n-th."""

    count: Literal["signups", "purchases"] = Field(
        default="purchases", description="What is counted: friends' sign-ups, or their purchases."
    )
    at: tuple[Positive, ...] = Field(
        default=(), description="The counts that earn the reward, going up.", examples=[[3, 10]]
    )
    every: Positive | None = Field(
        default=None, description="Each n-th earns the reward.", examples=[5]
    )

    def milestone(self) -> Milestone:
        return Milestone(count=Counted(self.count), at=self.at, every=self.every)


class LeaderboardPart(Part):
    """How advocates are ranked; prizes are given when the period is over."""

    per: Literal["month", "quarter", "year"] = Field(
        default="month", description="The period at whose end prizes are given (UTC)."
    )
    by: Literal["purchases", "revenue"] = Field(
        default="purchases",
        description="What advocates are ranked by: friends' purchases, or what those paid.",
    )

    def leaderboard(self) -> Leaderboard:
        return Leaderboard(per=Period(self.per), by=Counted(self.by))


class RulePart(Part):
    """One promise: who gets what, for what, how often."""

    id: Slug = Field(
        description="Names the rule in reports and decisions; small letters, digits, hyphens.",
        examples=["advocate-tenth"],
    )
    on: RuleTrigger = Field(
        description="What the rule waits for: `enrolment` (somebody becomes an advocate), "
        "`signup` and `purchase` of a friend, `renewal` (a later payment of a subscription), "
        "`milestone`, or `period_end` (the prizes of a leaderboard)."
    )
    to: Side = Field(
        description="Who is rewarded: the `advocate`, the `friend`, or the `second_level` "
        "(the advocate who brought the advocate; for purchases)."
    )
    kind: RewardKind = Field(
        description="What is given: `credit` in the shop, `points`, a `coupon` or a `gift` from a "
        "pool, `cash`, or an offer of a `partner`."
    )
    reward: RewardPart = Field(
        description="How much: `amount_minor`, `rate_bps`, `tiers`, or `places` of a leaderboard."
    )
    pool: Slug | None = Field(
        default=None, description="The stock that coupons or gifts come from.", examples=["welcome"]
    )
    partner: Slug | None = Field(
        default=None,
        description="The partner whose system makes the code: of a `partner` reward, which people "
        "hand over unless set, or of a `coupon` that comes from no pool.",
        examples=["cinema"],
    )
    ships: Flag = Field(
        default=False, description="The gift is sent: it waits for an address, asked for by mail."
    )
    hold_days: Days | None = Field(
        default=None,
        description="Days from the event until the reward can be used; the time for returns. "
        "The program's `hold_days` unless set.",
        examples=[14],
    )
    expires_after_days: SomeDays | None = Field(
        default=None,
        description="Days after which a reward that could not be handed over lapses.",
        examples=[365],
    )
    first_purchase_only: Flag = Field(
        default=False, description="Only the friend's first purchase counts."
    )
    min_amount_minor: Number = Field(
        default=0, description="The least an order must be worth, in minor units.", examples=[2000]
    )
    max_amount_minor: Positive | None = Field(
        default=None, description="The most an order may be worth, in minor units."
    )
    first_months: Months | None = Field(
        default=None,
        description="For renewals: only the first months of a subscription; for ever unless set.",
        examples=[12],
    )
    milestone: MilestonePart | None = Field(
        default=None, description="For `on: milestone`: which counts are milestones."
    )
    leaderboard: LeaderboardPart | None = Field(
        default=None, description="For `on: period_end`: how advocates are ranked."
    )
    only: OnlyPart = Field(default=OnlyPart(), description="What else has to be true.")
    caps: tuple[CapPart, ...] = Field(
        default=(),
        description="The most one person earns by this rule, at most one cap per period.",
        examples=[[{"per": "month", "rewards": 10}]],
    )

    def rule(self, *, hold_days: int) -> RewardRule:
        """Give the rule; `hold_days` are the program's."""
        return RewardRule(
            rule_id=self.id,
            on=Trigger(self.on),
            to=self.to,
            kind=self.kind,
            reward=_amount(self.reward),
            hold_days=hold_days if self.hold_days is None else self.hold_days,
            min_amount_minor=self.min_amount_minor,
            max_amount_minor=self.max_amount_minor,
            is_first_purchase_only=self.first_purchase_only,
            only=self.only.conditions(),
            caps=tuple(each.cap() for each in self.caps),
            pool=self.pool,
            partner=self.partner,
            ships=self.ships,
            expires_after_days=self.expires_after_days,
            first_months=self.first_months,
            milestone=self.milestone.milestone() if self.milestone else None,
            leaderboard=self.leaderboard.leaderboard() if self.leaderboard else None,
        )

    def renames(self, path: str, here: str) -> Iterator[tuple[str, str]]:
        """Say where in the document stands what the rule at `path` of the program has."""
        yield path, here
        reward = self.reward
        if isinstance(reward, FlatRewardPart | PercentRewardPart) and reward.first is not None:
            yield f"{path}.reward.tiers", f"{here}.reward.first"
            yield f"{path}.reward.tiers.0", f"{here}.reward.first"
            yield f"{path}.reward.tiers.1", f"{here}.reward"


class SegmentPart(Part):
    """The terms that a segment of advocates has of its own."""

    rules: tuple[RulePart, ...] = Field(
        min_length=1,
        description="Rules for this segment alone. One with the id of a general rule takes its "
        "place in this segment; any other is in addition.",
    )


class PreviewPart(Part):
    """What a messenger shows of a share link (OpenGraph)."""

    title: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="The headline; the program's name unless set."
    )
    description: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="", description="The line below it.", examples=["Five euro off your first order."]
    )
    image_url: str | None = Field(default=None, description="The picture, an http(s) address.")

    def preview(self, name: str) -> Preview:
        """Give the preview; `name` stands in for a title."""
        return Preview(
            title=self.title or name, description=self.description, image_url=self.image_url
        )


class WeightsPart(Part):
    """Parts of the `position` model, in percent; 100 in all."""

    first: Number = Field(description="Percent for the first touch.", examples=[40])
    middle: Number = Field(description="Percent for all touches between.", examples=[20])
    last: Number = Field(description="Percent for the last touch.", examples=[40])


class AttributionPart(Part):
    """Whose a conversion is when a friend heard of the shop more than once."""

    model: AttributionModel = Field(
        default=AttributionModel.LAST_CLICK,
        description="Who is credited: `last_click`, `first_click`, all alike (`linear`), or by "
        "`position` with `weights`.",
    )
    window_days: SomeDays = Field(
        default=30, description="How long before a conversion a click still counts.", examples=[30]
    )
    weights: WeightsPart | None = Field(
        default=None, description="For `model: position`; 40, 20, 40 unless set."
    )
    precedence: tuple[Literal["code", "coupon", "click", "stated"], ...] = Field(
        default=("code", "coupon", "click", "stated"),
        description="What counts more, the strongest first: a typed share code, a coupon, a click, "
        "or what the friend said. Kinds that are left out do not count.",
    )

    def attribution(self) -> AttributionTerms:
        return AttributionTerms(
            model=self.model,
            window_days=self.window_days,
            weights=Weights(**dict(self.weights)) if self.weights else Weights(),
            precedence=tuple(TouchKind(each) for each in self.precedence),
        )


class AdvocatesPart(Part):
    """What an advocate has to be."""

    segments: tuple[Slug, ...] = Field(
        default=(), description="Only customers of these segments; anybody unless set."
    )
    min_purchases: Number | None = Field(
        default=None,
        description="How often somebody must have bought themselves before they bring anybody.",
        examples=[1],
    )


class FriendsPart(Part):
    """What a friend has to be."""

    new_customers_only: Flag = Field(
        default=False, description="Only people who never bought here before."
    )


class EligibilityPart(Part):
    """What both sides have to be."""

    advocates: AdvocatesPart = Field(default=AdvocatesPart(), description="Who may refer.")
    friends: FriendsPart = Field(default=FriendsPart(), description="Who may be referred.")


class BudgetPart(Part):
    """The most that the program promises; rewards beyond it wait for room."""

    total_minor: Number | None = Field(
        default=None, description="In all, in minor units.", examples=[1000000]
    )
    per_day_minor: Number | None = Field(
        default=None, description="Per day (UTC), in minor units.", examples=[50000]
    )

    def budget(self) -> BudgetTerms:
        return BudgetTerms(total_minor=self.total_minor, per_day_minor=self.per_day_minor)


class VariantPart(Part):
    """A group of advocates with terms of its own."""

    name: Slug = Field(
        description="What rules name in `only.variants`.", examples=["double-reward"]
    )
    share_bps: RateBps = Field(
        description="The share of advocates in ten-thousandths: 5000 is a half.", examples=[5000]
    )


class ExperimentPart(Part):
    """An A/B test: each advocate is in one group for as long as its name stays the same."""

    name: Slug = Field(
        description="Names the test; another name draws the groups anew.", examples=["autumn-2026"]
    )
    variants: tuple[VariantPart, ...] = Field(
        default=(),
        description="The groups; who is in none of them has the rules that name no variant.",
    )
    holdout_bps: ShareBps = Field(
        default=0,
        description="The share of advocates, in ten-thousandths, who earn nothing, to measure by.",
        examples=[1000],
    )

    def experiment(self) -> Experiment:
        return Experiment(
            name=self.name,
            variants=tuple(
                Variant(name=each.name, share_bps=each.share_bps) for each in self.variants
            ),
            holdout_bps=self.holdout_bps,
        )


class FraudPart(Part):
    """How a fraud rule is used, and where its limit is."""

    mode: FraudMode = Field(
        description="What a flag does: `off`, `shadow` (it is noted), `review` (rewards wait for "
        "an operator), `block` (it is a no)."
    )
    limit: Positive | None = Field(
        default=None, description="The rule's limit; its own unless set.", examples=[10]
    )


def _mode_or_terms(given: Any) -> str:
    return "<terms>" if isinstance(given, dict) else "<mode>"


ModeOrTerms = Annotated[
    Annotated[FraudMode, Tag("<mode>")] | Annotated[FraudPart, Tag("<terms>")],
    Discriminator(_mode_or_terms),
]


def fraud_terms(parts: dict[str, FraudMode | FraudPart]) -> FraudTerms:
    """Give what a document says of fraud rules."""
    modes = {
        name: part.mode if isinstance(part, FraudPart) else part for name, part in parts.items()
    }
    limits = {
        name: part.limit
        for name, part in parts.items()
        if isinstance(part, FraudPart) and part.limit is not None
    }
    return FraudTerms(modes=modes, limits=limits)


class GoalsPart(Part):
    """What the business wants of the program; `plan` says whether the terms would reach it."""

    purchases: Positive | None = Field(
        default=None, description="How many purchases friends should make.", examples=[500]
    )
    max_cost_per_purchase_minor: Positive | None = Field(
        default=None, description="What one of them may cost in rewards, in minor units."
    )
    max_cost_share_bps: RateBps | None = Field(
        default=None,
        description="What share of their revenue rewards may cost, in ten-thousandths.",
        examples=[1500],
    )

    def goals(self) -> Goals:
        return Goals(**dict(self))
