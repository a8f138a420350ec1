"""Kinds of messages: which are for operators, and whether somebody waits for one."""

from collections.abc import Mapping
from enum import StrEnum


class Purpose(StrEnum):
    """Why a message is sent, and so whether one can do without it.

    Who unsubscribes from a purpose gets none of its messages; what is awaited is sent as long as
    the address takes mail. Asks are counted over all programs, so that nobody is asked too often.
    """

    AWAITED = "awaited"
    NEWS = "news"
    ASK = "ask"


class MessageKind(StrEnum):
    """What messages are about; the names stand in program documents."""

    WELCOME = "welcome"
    FRIEND_SIGNED_UP = "friend_signed_up"
    FRIEND_BOUGHT = "friend_bought"
    REWARD_EARNED = "reward_earned"
    REWARD_READY = "reward_ready"
    MILESTONE_REACHED = "milestone_reached"
    MILESTONE_NEAR = "milestone_near"
    REWARD_EXPIRING = "reward_expiring"
    REWARD_DECLINED = "reward_declined"
    REWARD_TAKEN_BACK = "reward_taken_back"
    DETAILS_NEEDED = "details_needed"
    PAYOUT_SENT = "payout_sent"
    PAYOUT_RETURNED = "payout_returned"
    PAYEE_CHANGED = "payee_changed"
    MONTHLY_SUMMARY = "monthly_summary"
    REMINDER = "reminder"
    FRIEND_WELCOME = "friend_welcome"
    REVIEW_WAITING = "review_waiting"
    STOCK_LOW = "stock_low"
    BUDGET_LOW = "budget_low"
    PAYOUT_STUCK = "payout_stuck"
    PROVIDER_DIFFERENCE = "provider_difference"
    MAIL_RATE = "mail_rate"
    WEBHOOK_FAILING = "webhook_failing"
    WEBHOOK_DISABLED = "webhook_disabled"


OPERATOR_KINDS = frozenset(
    {
        MessageKind.REVIEW_WAITING,
        MessageKind.STOCK_LOW,
        MessageKind.BUDGET_LOW,
        MessageKind.PAYOUT_STUCK,
        MessageKind.PROVIDER_DIFFERENCE,
        MessageKind.MAIL_RATE,
        MessageKind.WEBHOOK_FAILING,
        MessageKind.WEBHOOK_DISABLED,
    }
)
_PURPOSES: Mapping[MessageKind, Purpose] = {
    MessageKind.FRIEND_SIGNED_UP: Purpose.NEWS,
    MessageKind.FRIEND_BOUGHT: Purpose.NEWS,
    MessageKind.MILESTONE_NEAR: Purpose.ASK,
    MessageKind.MONTHLY_SUMMARY: Purpose.NEWS,
    MessageKind.REMINDER: Purpose.ASK,
}


def purpose_of(kind: MessageKind) -> Purpose:
    return _PURPOSES.get(kind, Purpose.AWAITED)
