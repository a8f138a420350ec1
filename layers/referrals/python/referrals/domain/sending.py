"""Whether a mail or a text message may leave, and if not, why."""

from datetime import datetime
from enum import StrEnum

from referrals.domain.mail_rates import Brake
from referrals.domain.message_kinds import MessageKind, Purpose, purpose_of
from referrals.domain.preferences import OPTIONAL, Preferences, may_be_asked
from referrals.domain.suppressions import Recipient, SuppressionReason


class Withheld(StrEnum):
    """Why a message was not sent although everything was ready for it."""

    FORGOTTEN = "forgotten"
    TURNED_OFF = "turned_off"
    ASKED_LATELY = "asked_lately"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    BOUNCE_RATE = "bounce_rate"
    COMPLAINT_RATE = "complaint_rate"
    NO_CONSENT = "no_consent"
    STOPPED = "stopped"
    OPTED_OUT = "opted_out"
    CAP_REACHED = "cap_reached"


_SUPPRESSED_FOR = {
    SuppressionReason.BOUNCE: Withheld.BOUNCED,
    SuppressionReason.COMPLAINT: Withheld.COMPLAINED,
    SuppressionReason.STOP: Withheld.STOPPED,
    SuppressionReason.MANUAL: Withheld.SUPPRESSED,
}
_BRAKED_FOR = {Brake.BOUNCES: Withheld.BOUNCE_RATE, Brake.COMPLAINTS: Withheld.COMPLAINT_RATE}


def withheld_mail(
    kind: MessageKind,
    message_id: str,
    *,
    preferences: Preferences | None,
    recipient: Recipient | None,
    brake: Brake | None,
    now: datetime,
) -> Withheld | None:
    """Say why a mail must not leave, None when it may.

    `preferences` are None for whoever never chose anything, and for operators. In this order: what
    people want, whether their mailbox takes mail, how we stand with all mailboxes.
    """
    purpose = purpose_of(kind)
    if preferences is not None and purpose in preferences.off:
        return Withheld.TURNED_OFF
    if preferences is not None and purpose is Purpose.ASK:  # noqa: SIM102 - reads as the two above
        if not may_be_asked(preferences, message_id, now=now):
            return Withheld.ASKED_LATELY
    if recipient is not None and recipient.suppression is not None:
        return _SUPPRESSED_FOR[recipient.suppression.reason]
    if brake is not None and purpose in OPTIONAL:
        return _BRAKED_FOR[brake]
    return None


def withheld_sms(
    mark: str, *, preferences: Preferences | None, recipient: Recipient | None
) -> Withheld | None:
    """Say why a text message must not leave for a number, None when it may.

    Consent is for one number. After a STOP only consent that was given later counts.
    """
    consent = preferences.sms if preferences else None
    if consent is None or consent.withdrawn_at is not None or consent.number_mark != mark:
        return Withheld.NO_CONSENT
    suppression = recipient.suppression if recipient else None
    if suppression is None:
        return None
    if suppression.reason is SuppressionReason.STOP and consent.given_at > suppression.since:
        return None
    return _SUPPRESSED_FOR[suppression.reason]
