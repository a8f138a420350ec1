"""The parts of a program document about what arrives: payouts, points' worth, partners, words."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from referrals.cli.document_parts import Flag, Line, Number, Part, Positive
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.message_kinds import OPERATOR_KINDS, MessageKind
from referrals.domain.payouts import BALANCE, PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import (
    LAST_REMINDER_DAYS,
    MessageText,
    PartnerTerms,
    ReminderTerms,
)
from referrals.domain.rules import RewardKind
from referrals.runtime.bodies import Slug

_TO_PEOPLE = [kind.value for kind in MessageKind if kind not in OPERATOR_KINDS]


def _to_people(kind: MessageKind) -> MessageKind:
    """Refuse what goes to operators: a warning is not silenced by the terms it warns of."""
    if kind in OPERATOR_KINDS:
        raise ValueError("is a message to operators, which is no part of the terms")
    return kind


Switch = Literal["on", "off"]
Language = Literal["en", "ru", "bg", "ro"]
MessageName = Annotated[
    MessageKind,
    AfterValidator(_to_people),
    WithJsonSchema({"type": "string", "enum": _TO_PEOPLE}),
]
ItemKind = Literal["credit", "coupon", "gift", "cash", "partner"]
# What a provider calls things of its own; a comma would make two of one.
TheirName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class PayoutsPart(Part):
    """When the cash that advocates have available is sent, and by whom."""

    provider: PayoutProvider = Field(
        default=PayoutProvider.BANK,
        description="Who pays: a `bank`, by a file that people upload, or `tremendous`.",
    )
    every: PayoutSchedule = Field(
        default=PayoutSchedule.MONTHLY, description="How often: `daily`, `weekly` or `monthly`."
    )
    on_day: Annotated[int, Field(strict=True, ge=1, le=28)] = Field(
        default=1,
        description="The day of the week (1 is Monday) or of the month (1 to 28), in UTC.",
        examples=[15],
    )
    minimum_minor: Number = Field(
        default=0,
        description="The least that is sent to anybody, in minor units; less waits for more.",
        examples=[2000],
    )
    campaign_id: TheirName | None = Field(
        default=None, description="For tremendous: the campaign that says what can be chosen."
    )
    products: tuple[TheirName, ...] = Field(
        default=(), description="For tremendous: what can be chosen, in place of a campaign."
    )
    funding_source: TheirName = Field(
        default=BALANCE, description="For tremendous: what the money is taken from."
    )

    def payouts(self) -> PayoutTerms:
        return PayoutTerms(**dict(self))


class PartnerPart(Part):
    """A system outside that makes codes for us."""

    url: str = Field(
        description="Where it is asked, by signed calls: an https address.",
        examples=["https://cinema.example/codes"],
    )

    def partner(self) -> PartnerTerms:
        return PartnerTerms(url=self.url.rstrip("/"))  # an id is put behind it with a slash


class ItemPart(Part):
    """One thing that points buy."""

    id: Slug = Field(
        description="Names the item where the shop redeems it, for good.", examples=["mug"]
    )
    name: Line = Field(description="What it is, as people read it.", examples=["A mug"])
    points: Positive = Field(description="Its price, in points.", examples=[300])
    kind: ItemKind = Field(
        description="What is given: `credit`, a `coupon`, a `gift`, `cash`, or an offer of a "
        "`partner`."
    )
    amount_minor: Positive = Field(
        description="What it is worth, in minor units of the program's currency.", examples=[900]
    )
    pool: Slug | None = Field(
        default=None, description="The stock that it comes from: a coupon or a gift."
    )
    partner: Slug | None = Field(
        default=None, description="The partner whose system makes its code."
    )
    ships: Flag = Field(default=False, description="The gift is sent: it waits for an address.")

    def item(self) -> CatalogueItem:
        return CatalogueItem(
            item_id=self.id,
            name=self.name,
            points=self.points,
            kind=RewardKind(self.kind),
            amount_minor=self.amount_minor,
            pool=self.pool,
            partner=self.partner,
            ships=self.ships,
        )


class TextPart(Part):
    """The program's own words for a message in one language; what is left out stays as it is."""

    subject: str | None = Field(default=None, description="The line in the list of mails.")
    heading: str | None = Field(default=None, description="What stands large above the text.")
    body: str | None = Field(
        default=None, description="The text; an empty line begins a paragraph."
    )

    def text(self) -> MessageText:
        return MessageText(**dict(self))


class RemindersPart(Part):
    """When an advocate whom nobody followed is asked to share again; after the last it stops."""

    after_days: tuple[Annotated[int, Field(strict=True, ge=1, le=LAST_REMINDER_DAYS)], ...] = Field(
        default=ReminderTerms().after_days,
        min_length=1,
        description="Days after they enrolled or a friend came, going up.",
        examples=[[14, 49, 133]],
    )


def _off_or_days(given: Any) -> str:
    return "<days>" if isinstance(given, dict) else "<off>"


OffOrReminders = Annotated[
    Annotated[Literal["off"], Tag("<off>")] | Annotated[RemindersPart, Tag("<days>")],
    Discriminator(_off_or_days),
]


def reminder_terms(part: RemindersPart | Literal["off"]) -> ReminderTerms:
    """Give what a document says of reminders."""
    return ReminderTerms(after_days=() if part == "off" else part.after_days)
