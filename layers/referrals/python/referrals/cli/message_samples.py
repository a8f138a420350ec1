"""Made-up values for each kind of message: what a preview and a test mail speak of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from referrals.domain.decisions import Reason
from referrals.domain.message_kinds import OPERATOR_KINDS, MessageKind, Purpose, purpose_of
from referrals.domain.payouts import PayoutProvider
from referrals.domain.rules import POINTS_UNIT, Counted, RewardKind, Side, Trigger
from referrals.notify.message_values import (
    About,
    Ask,
    BackReason,
    BudgetLow,
    Decline,
    DetailsRequest,
    DisabledReason,
    EndpointDisabled,
    EndpointFailing,
    Expiry,
    MailRates,
    MessageValues,
    MonthFigures,
    NextMilestone,
    Offer,
    OpenDifferences,
    OrderNews,
    PayeeChange,
    PayoutNews,
    PayoutReturn,
    PayoutStuck,
    ReviewsWaiting,
    RewardNews,
    StockLow,
    Sum,
    TakenBack,
    WantedDetails,
    Worth,
)

_HELD_UNTIL = datetime(2026, 5, 16, 9, 30, tzinfo=UTC)
_CHANGED_AT = datetime(2026, 5, 2, 18, 5, tzinfo=UTC)
_NAMES: Mapping[str, tuple[str, str]] = {
    "en": ("Anna", "Boris Petrov"),
    "ru": ("Анна", "Борис Петров"),
    "bg": ("Ана", "Борис Петров"),
    "ro": ("Ana", "Mihai Popescu"),
}
_PORTAL = "https://go.shop.example/portal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One message of a kind: of what, and to which side."""

    kind: MessageKind
    about: About | None = None
    side: Side = Side.ADVOCATE


def samples(currency: str = "EUR") -> Mapping[str, Sample]:
    """Give samples by name: each kind under its own, and more of what comes in several ways."""
    return _to_people(currency) | _of_rewards(currency) | _to_operators(currency)


def sample_values(
    sample: Sample, *, program_name: str, shop_name: str, language: str, postal_address: str | None
) -> MessageValues:
    """Give the values of a message that nobody gets: made-up names, a link that leads nowhere."""
    is_to_operator = sample.kind in OPERATOR_KINDS
    recipient, friend = _NAMES[language]
    about = sample.about
    if isinstance(about, Offer):
        about = replace(about, advocate_name=friend)
    values = MessageValues(
        program_name=program_name,
        shop_name=shop_name,
        side=sample.side,
        about=about,
        postal_address=postal_address,
    )
    if is_to_operator:
        return values
    is_to_friend = sample.side is Side.FRIEND
    can_do_without = purpose_of(sample.kind) is not Purpose.AWAITED
    return replace(
        values,
        recipient_name=recipient,
        friend_name=None if is_to_friend else friend,
        link="https://shop.example/" if is_to_friend else "https://go.shop.example/ANNA10",
        code=None if is_to_friend else "ANNA10",
        preferences_link=f"{_PORTAL}/preferences/SAMPLE",
        unsubscribe_link=f"{_PORTAL}/unsubscribe/SAMPLE" if can_do_without else None,
    )


def _to_people(currency: str) -> dict[str, Sample]:
    credit = _worth(RewardKind.CREDIT, currency)
    share = Worth(kind=RewardKind.CREDIT, unit=currency, rate_bps=10_00)
    return {
        "welcome": Sample(kind=MessageKind.WELCOME),
        "friend_signed_up": Sample(kind=MessageKind.FRIEND_SIGNED_UP),
        "friend_bought": Sample(kind=MessageKind.FRIEND_BOUGHT, about=OrderNews(worth=credit)),
        "friend_bought_for_nothing": Sample(
            kind=MessageKind.FRIEND_BOUGHT, about=OrderNews(reason=Reason.NOT_FIRST_PURCHASE)
        ),
        "milestone_reached": Sample(
            kind=MessageKind.MILESTONE_REACHED,
            about=RewardNews(
                worth=credit,
                trigger=Trigger.MILESTONE,
                step=5,
                counted=Counted.SIGNUPS,
                held_until=_HELD_UNTIL,
                hold_days=14,
            ),
        ),
        "milestone_near": Sample(
            kind=MessageKind.MILESTONE_NEAR,
            about=NextMilestone(worth=credit, count=4, counted=Counted.PURCHASES),
        ),
        "reward_declined": Sample(
            kind=MessageKind.REWARD_DECLINED, about=Decline(reason=Reason.BELOW_MINIMUM)
        ),
        "monthly_summary": Sample(
            kind=MessageKind.MONTHLY_SUMMARY,
            about=MonthFigures(
                month=date(2026, 4, 1),
                clicks=1_234,
                signups=3,
                purchases=1,
                earned=(_sum(currency), Sum(amount_minor=120, unit=POINTS_UNIT)),
                available=(Sum(amount_minor=25_50, unit=currency),),
            ),
        ),
        "reminder": Sample(kind=MessageKind.REMINDER, about=Ask(worth=share)),
        "friend_welcome": Sample(
            kind=MessageKind.FRIEND_WELCOME, side=Side.FRIEND, about=Offer(worth=share)
        ),
        "friend_welcome_with_code": Sample(
            kind=MessageKind.FRIEND_WELCOME,
            side=Side.FRIEND,
            about=Offer(worth=_worth(RewardKind.COUPON, currency), code="WELCOME-4KD9"),
        ),
    }


def _of_rewards(currency: str) -> dict[str, Sample]:
    return {
        "reward_earned": _earned(_worth(RewardKind.CREDIT, currency)),
        "reward_earned_points": _earned(_points(120)),
        "reward_earned_gift": _earned(_worth(RewardKind.GIFT, currency)),
        "reward_earned_cash": _earned(_worth(RewardKind.CASH, currency)),
        "reward_earned_partner": _earned(_worth(RewardKind.PARTNER, currency)),
        "reward_earned_friend_coupon": _earned(_worth(RewardKind.COUPON, currency), Side.FRIEND),
        "reward_earned_prize": Sample(
            kind=MessageKind.REWARD_EARNED,
            about=RewardNews(
                worth=_worth(RewardKind.CASH, currency), trigger=Trigger.PERIOD_END, step=2
            ),
        ),
        "reward_ready": _ready(
            RewardNews(worth=_worth(RewardKind.CREDIT, currency), balance_minor=25_50)
        ),
        "reward_ready_points": _ready(
            RewardNews(worth=_points(120), balance_minor=1_520, has_catalogue=True)
        ),
        "reward_ready_coupon": _ready(
            RewardNews(worth=_worth(RewardKind.COUPON, currency), code="THANKS-7XK2")
        ),
        "reward_ready_partner": _ready(
            RewardNews(
                worth=_worth(RewardKind.PARTNER, currency),
                code="TEA-2231",
                valid_until=_HELD_UNTIL,
            )
        ),
        "reward_ready_gift": _ready(
            RewardNews(worth=_worth(RewardKind.GIFT, currency), ships=True)
        ),
        "reward_ready_cash": _ready(RewardNews(worth=_worth(RewardKind.CASH, currency))),
        "reward_ready_friend_credit": _ready(
            RewardNews(worth=_worth(RewardKind.CREDIT, currency)), Side.FRIEND
        ),
        "reward_ready_friend_coupon": _ready(
            RewardNews(worth=_worth(RewardKind.COUPON, currency), code="THANKS-7XK2"), Side.FRIEND
        ),
        "reward_ready_chosen": _ready(
            RewardNews(
                worth=_worth(RewardKind.GIFT, currency),
                trigger=Trigger.REDEMPTION,
                item_name="Tea towel",
                ships=True,
            )
        ),
        "reward_expiring": Sample(
            kind=MessageKind.REWARD_EXPIRING,
            about=Expiry(
                worth=_worth(RewardKind.GIFT, currency),
                expires_at=_HELD_UNTIL,
                wanted=WantedDetails.ADDRESS,
                details_link=f"{_PORTAL}/details/SAMPLE",
            ),
        ),
        "reward_expiring_cash": Sample(
            kind=MessageKind.REWARD_EXPIRING,
            about=Expiry(
                worth=_worth(RewardKind.CASH, currency),
                expires_at=_HELD_UNTIL,
                minimum_minor=25_00,
            ),
        ),
        "reward_taken_back": Sample(
            kind=MessageKind.REWARD_TAKEN_BACK,
            about=TakenBack(
                worth=_worth(RewardKind.CREDIT, currency),
                because=BackReason.CHARGEBACK,
                owed_minor=10_00,
            ),
        ),
        "reward_taken_back_in_part": Sample(
            kind=MessageKind.REWARD_TAKEN_BACK,
            about=TakenBack(
                worth=_worth(RewardKind.CREDIT, currency),
                because=BackReason.REFUND,
                left_minor=6_00,
            ),
        ),
        "details_needed": Sample(
            kind=MessageKind.DETAILS_NEEDED,
            about=DetailsRequest(
                worth=_worth(RewardKind.GIFT, currency),
                wanted=WantedDetails.ADDRESS,
                details_link=f"{_PORTAL}/details/SAMPLE",
            ),
        ),
        "details_needed_cash": Sample(
            kind=MessageKind.DETAILS_NEEDED,
            about=DetailsRequest(
                worth=_worth(RewardKind.CASH, currency),
                wanted=WantedDetails.PAYEE,
                details_link=f"{_PORTAL}/details/SAMPLE",
            ),
        ),
        "payout_sent": Sample(
            kind=MessageKind.PAYOUT_SENT,
            about=PayoutNews(paid=_sum(currency), reference="pay_sample"),
        ),
        "payout_sent_by_provider": Sample(
            kind=MessageKind.PAYOUT_SENT,
            about=PayoutNews(paid=_sum(currency), provider=PayoutProvider.TREMENDOUS),
        ),
        "payout_returned": Sample(
            kind=MessageKind.PAYOUT_RETURNED,
            about=PayoutReturn(paid=_sum(currency), details_link=f"{_PORTAL}/details/SAMPLE"),
        ),
        "payout_returned_by_provider": Sample(
            kind=MessageKind.PAYOUT_RETURNED, about=PayoutReturn(paid=_sum(currency))
        ),
        "payout_returned_in_part": Sample(
            kind=MessageKind.PAYOUT_RETURNED,
            about=PayoutReturn(paid=_sum(currency), again=Sum(amount_minor=18_00, unit=currency)),
        ),
        "payee_changed": Sample(
            kind=MessageKind.PAYEE_CHANGED, about=PayeeChange(changed_at=_CHANGED_AT)
        ),
    }


def _to_operators(currency: str) -> dict[str, Sample]:
    return {
        "review_waiting": Sample(
            kind=MessageKind.REVIEW_WAITING,
            about=ReviewsWaiting(program_id="friends", count=3, oldest_at=_HELD_UNTIL),
        ),
        "stock_low": Sample(
            kind=MessageKind.STOCK_LOW,
            about=StockLow(program_id="friends", pool="spring", left=4),
        ),
        "budget_low": Sample(
            kind=MessageKind.BUDGET_LOW,
            about=BudgetLow(
                program_id="friends", used_minor=805_00, limit_minor=1_000_00, currency=currency
            ),
        ),
        "payout_stuck": Sample(
            kind=MessageKind.PAYOUT_STUCK, about=_stuck_payout(currency, is_back=False)
        ),
        "payout_stuck_and_back": Sample(
            kind=MessageKind.PAYOUT_STUCK, about=_stuck_payout(currency, is_back=True)
        ),
        "provider_difference": Sample(
            kind=MessageKind.PROVIDER_DIFFERENCE,
            about=OpenDifferences(provider="tremendous", count=2, oldest_at=_HELD_UNTIL),
        ),
        "mail_rate": Sample(
            kind=MessageKind.MAIL_RATE,
            about=MailRates(days=14, sent=2_400, bounces=132, complaints=3),
        ),
        "webhook_failing": Sample(
            kind=MessageKind.WEBHOOK_FAILING,
            about=EndpointFailing(
                endpoint_id="end_sample",
                host="hooks.shop.example",
                failing_since=_HELD_UNTIL,
                disabled_at=datetime(2026, 5, 21, 9, 30, tzinfo=UTC),
            ),
        ),
        "webhook_disabled": Sample(
            kind=MessageKind.WEBHOOK_DISABLED,
            about=EndpointDisabled(
                endpoint_id="end_sample",
                host="hooks.shop.example",
                because=DisabledReason.FAILING,
            ),
        ),
    }


def _stuck_payout(currency: str, *, is_back: bool) -> PayoutStuck:
    return PayoutStuck(
        dispatch_id="pay_sample", provider="tremendous", worth=_sum(currency), is_back=is_back
    )


def _worth(kind: RewardKind, currency: str) -> Worth:
    return Worth(kind=kind, unit=currency, amount_minor=10_00)


def _points(count: int) -> Worth:
    return Worth(kind=RewardKind.POINTS, unit=POINTS_UNIT, amount_minor=count)


def _sum(currency: str) -> Sum:
    return Sum(amount_minor=30_00, unit=currency)


def _earned(worth: Worth, side: Side = Side.ADVOCATE) -> Sample:
    news = RewardNews(worth=worth, held_until=_HELD_UNTIL, hold_days=14)
    return Sample(kind=MessageKind.REWARD_EARNED, about=news, side=side)


def _ready(news: RewardNews, side: Side = Side.ADVOCATE) -> Sample:
    return Sample(kind=MessageKind.REWARD_READY, about=news, side=side)
