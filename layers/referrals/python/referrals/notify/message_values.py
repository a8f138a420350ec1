"""What messages speak of: who sends one fills these in, and `messages` makes words of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from referrals.domain.decisions import Reason
from referrals.domain.message_kinds import MessageKind
from referrals.domain.payouts import PayoutProvider
from referrals.domain.rules import Counted, RewardKind, Side, Trigger


class BackReason(StrEnum):
    """Why a reward was taken back, as far as its owner is told."""

    REFUND = "refund"
    CHARGEBACK = "chargeback"
    REVIEW = "review"
    MILESTONE = "milestone"  # friends' orders that counted for it were returned
    OTHER = "other"


class WantedDetails(StrEnum):
    """What we have to know before a reward can be sent."""

    ADDRESS = "address"
    PAYEE = "payee"


class DisabledReason(StrEnum):
    """Why an endpoint of webhooks gets nothing more."""

    GONE = "gone"  # it answered 410
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """So much of a currency, in minor units, or so many points (`POINTS_UNIT`)."""

    amount_minor: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a reward is, or will be. A share of an order (`rate_bps`) has no amount yet."""

    kind: RewardKind
    unit: str
    amount_minor: int | None = None
    rate_bps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardNews:
    """A reward that was promised or handed over.

    `step` is the count of a milestone, of what `counted` says, or the place on a leaderboard.
    `hold_days` is how long it is held from this message on. `code` is the coupon's or the
    partner's. `balance_minor` is what its owner can now spend in its unit. `item_name` is what
    points were redeemed for; `has_catalogue` says whether they can be.
    """

    worth: Worth
    trigger: Trigger = Trigger.PURCHASE
    step: int | None = None
    counted: Counted = Counted.PURCHASES
    held_until: datetime | None = None
    hold_days: int | None = None
    ships: bool = False
    code: str | None = None
    valid_until: datetime | None = None
    balance_minor: int | None = None
    has_catalogue: bool = False
    item_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNews:
    """A friend's order: what its reward will be, or why there is none. Neither: nobody promised."""

    worth: Worth | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextMilestone:
    """`count` so far of what `counted` says; with one more the reward is earned."""

    worth: Worth
    count: int
    counted: Counted = Counted.PURCHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """A reward that lapses at `expires_at`, and what keeps it.

    `details_link` leads to the form for `wanted`. Cash that waits to be enough names the
    `minimum_minor` of a payout.
    """

    worth: Worth
    expires_at: datetime
    wanted: WantedDetails | None = None
    details_link: str | None = None
    minimum_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why there is no reward; the reason is told in the words of `SAYS_TO_ADVOCATE`."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A reward as it was, what is left of it, and what its owner owes because they had it."""

    worth: Worth
    because: BackReason = BackReason.OTHER
    left_minor: int = 0
    owed_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsRequest:
    """What is missing for a reward, and the form that asks for it."""

    worth: Worth
    wanted: WantedDetails
    details_link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutNews:
    """Money that was sent, by whom, and under which reference."""

    paid: Sum
    provider: PayoutProvider = PayoutProvider.BANK
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReturn:
    """Money that was sent and came back; `again` when less than that goes out again.

    What went to an account has a `details_link`, to the form for another one; what a provider pays
    goes to the reader's mailbox, and has none.
    """

    paid: Sum
    again: Sum | None = None
    details_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeChange:
    """An account was given, at `changed_at`; nothing of it is told."""

    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFigures:
    """What happened in the month of `month`, and what is there to be spent or paid now."""

    month: date
    clicks: int
    signups: int
    purchases: int
    earned: tuple[Sum, ...] = ()
    available: tuple[Sum, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A reminder: what a recommendation brings the advocate, and whether it is the last one."""

    worth: Worth | None = None
    is_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a friend gets, on what, and by which code; `advocate_name` is whose advice it was."""

    worth: Worth | None = None
    trigger: Trigger = Trigger.PURCHASE
    code: str | None = None
    advocate_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewsWaiting:
    program_id: str
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLow:
    """A pool of coupons, or a stock of gifts, of which `left` are free."""

    program_id: str
    pool: str
    left: int
    kind: RewardKind = RewardKind.COUPON


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLow:
    """What is used of a budget, in minor units of `currency`: of the day's, or of all of it."""

    program_id: str
    used_minor: int
    limit_minor: int
    currency: str
    is_of_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutStuck:
    """A payout, or a partner's code, that does not go on by itself, or came back (`is_back`)."""

    dispatch_id: str
    provider: str
    worth: Sum
    is_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDifferences:
    provider: str
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRates:
    """What came back of the mails of the last `days` days, and whether NEWS and ASK stopped."""

    days: int
    sent: int
    bounces: int
    complaints: int
    is_braked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFailing:
    """An endpoint of webhooks by its id and host: its whole address may hold secrets."""

    endpoint_id: str
    host: str
    failing_since: datetime
    disabled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDisabled:
    endpoint_id: str
    host: str
    because: DisabledReason


About = (
    RewardNews
    | OrderNews
    | NextMilestone
    | Expiry
    | Decline
    | TakenBack
    | DetailsRequest
    | PayoutNews
    | PayoutReturn
    | PayeeChange
    | MonthFigures
    | Ask
    | Offer
    | ReviewsWaiting
    | StockLow
    | BudgetLow
    | PayoutStuck
    | OpenDifferences
    | MailRates
    | EndpointFailing
    | EndpointDisabled
)

# What each kind has to be about; those that are not here are about nothing more.
ABOUT: Mapping[MessageKind, type[About]] = {
    MessageKind.FRIEND_BOUGHT: OrderNews,
    MessageKind.REWARD_EARNED: RewardNews,
    MessageKind.REWARD_READY: RewardNews,
    MessageKind.MILESTONE_REACHED: RewardNews,
    MessageKind.MILESTONE_NEAR: NextMilestone,
    MessageKind.REWARD_EXPIRING: Expiry,
    MessageKind.REWARD_DECLINED: Decline,
    MessageKind.REWARD_TAKEN_BACK: TakenBack,
    MessageKind.DETAILS_NEEDED: DetailsRequest,
    MessageKind.PAYOUT_SENT: PayoutNews,
    MessageKind.PAYOUT_RETURNED: PayoutReturn,
    MessageKind.PAYEE_CHANGED: PayeeChange,
    MessageKind.MONTHLY_SUMMARY: MonthFigures,
    MessageKind.REMINDER: Ask,
    MessageKind.FRIEND_WELCOME: Offer,
    MessageKind.REVIEW_WAITING: ReviewsWaiting,
    MessageKind.STOCK_LOW: StockLow,
    MessageKind.BUDGET_LOW: BudgetLow,
    MessageKind.PAYOUT_STUCK: PayoutStuck,
    MessageKind.PROVIDER_DIFFERENCE: OpenDifferences,
    MessageKind.MAIL_RATE: MailRates,
    MessageKind.WEBHOOK_FAILING: EndpointFailing,
    MessageKind.WEBHOOK_DISABLED: EndpointDisabled,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageValues:
    """Whom a message is for, and what it is about: `ABOUT` says which kind needs what.

    `shop_name` may be empty: then the program's name signs. `link` is the share link in a message
    to an advocate, a page of the shop in one to a friend, and nothing in one to an operator.
    `code` is the advocate's own. Names are what people typed; `friend_name` is never told to a
    friend. `unsubscribe_link` is in what one can do without, `preferences_link` in all but what
    operators get.
    """

    program_name: str
    shop_name: str = ""
    side: Side = Side.ADVOCATE
    recipient_name: str | None = None
    link: str | None = None
    code: str | None = None
    friend_name: str | None = None
    about: About | None = None
    preferences_link: str | None = None
    unsubscribe_link: str | None = None
    postal_address: str | None = None
