"""Addresses and numbers that nothing is sent to, known by keyed hashes and not by what they are.

The key is the identity key, which never rotates: who complained once is recognised for ever.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from referrals.domain.fraud.addresses import email_domain

_MARK_BYTES = 16  # 128 bits: no two addresses will ever share a mark
# SES itself tries for half a day before it tells of a soft bounce, and a full mailbox is emptied
# when its owner is back from a holiday. One that refused on five days of a month is abandoned.
SOFT_BOUNCES_FORGIVEN = 4
_SOFT_BOUNCES_COUNT_FOR = timedelta(days=30)


class SuppressionReason(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    STOP = "stop"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Why and since when nothing is sent; `detail` is the kind of bounce or complaint."""

    reason: SuppressionReason
    since: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What came back from an address or a number: enough to suppress it, or soft bounces."""

    mark: str
    suppression: Suppression | None = None
    soft_bounced_on: tuple[date, ...] = ()
    revision: int | None = None


class FeedbackKind(StrEnum):
    """What a mail brought back; a hint is noted with its mail and says nothing of anybody."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    HINT = "hint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What SES says of one mail.

    `is_counted` is False for what SES did not even try: it counts in no rate of theirs either.
    `message_id` is ours, None for mails that were sent without one.
    """

    feedback_id: str
    kind: FeedbackKind
    addresses: tuple[str, ...]
    detail: str
    occurred_at: datetime
    is_counted: bool = True
    message_id: str | None = None


def address_mark(address: str, *, key: bytes) -> str:
    """Give what an e-mail address is recognised by: a keyed hash of it in lower case.

    Tags stay: `anna+tea@shop.example` may be another mailbox, and is never shown to be the same.
    """
    local, _, domain = address.strip().casefold().rpartition("@")
    written = f"{local}@{email_domain(address) or domain}"
    return _mark("suppressed-address", written, key)


def number_mark(number: str, *, key: bytes) -> str:
    """Give what a telephone number in E.164 is recognised by: a keyed hash of its digits."""
    digits = "".join(sign for sign in number if sign.isdigit())
    return _mark("suppressed-number", digits, key)


def _mark(kind: str, text: str, key: bytes) -> str:
    message = f"{kind}\x1f{text}".encode(errors="replace")
    return hmac.digest(key, message, "sha256")[:_MARK_BYTES].hex()


def suppressed(recipient: Recipient, suppression: Suppression) -> Recipient:
    """Suppress a recipient; who is suppressed stays so for the first reason."""
    if recipient.suppression is not None:
        return recipient
    return replace(recipient, suppression=suppression)


def lifted(recipient: Recipient) -> Recipient:
    """Forget what came back from a recipient: somebody vouches for them."""
    return replace(recipient, suppression=None, soft_bounced_on=())


def stopped(recipient: Recipient, *, at: datetime) -> Recipient:
    """Note the newest STOP of a number: only consent that was given later counts."""
    known = recipient.suppression
    if known and (known.reason is not SuppressionReason.STOP or known.since >= at):
        return recipient
    return replace(recipient, suppression=Suppression(reason=SuppressionReason.STOP, since=at))


def after_feedback(recipient: Recipient, feedback: Feedback) -> Recipient:
    """Give what is known of a recipient after a mail came back.

    Hard bounces and complaints suppress at once, soft bounces on the fifth day within 30 days.
    That a complaint was none lifts nothing: SES keeps a list of its own, and would take mails
    that it does not send.
    """
    match feedback.kind:
        case FeedbackKind.HARD_BOUNCE:
            return suppressed(recipient, _bounce(feedback))
        case FeedbackKind.COMPLAINT:
            complaint = SuppressionReason.COMPLAINT
            return suppressed(
                recipient,
                Suppression(reason=complaint, since=feedback.occurred_at, detail=feedback.detail),
            )
        case FeedbackKind.SOFT_BOUNCE:
            return _after_soft_bounce(recipient, feedback)
        case FeedbackKind.HINT:
            return recipient


def _after_soft_bounce(recipient: Recipient, feedback: Feedback) -> Recipient:
    day = feedback.occurred_at.date()
    days = {*recipient.soft_bounced_on, day}
    recent = tuple(sorted(each for each in days if abs(day - each) < _SOFT_BOUNCES_COUNT_FOR))
    noted = replace(recipient, soft_bounced_on=recent)
    if len(recent) <= SOFT_BOUNCES_FORGIVEN:
        return noted
    return suppressed(noted, _bounce(feedback))


def _bounce(feedback: Feedback) -> Suppression:
    return Suppression(
        reason=SuppressionReason.BOUNCE, since=feedback.occurred_at, detail=feedback.detail
    )
