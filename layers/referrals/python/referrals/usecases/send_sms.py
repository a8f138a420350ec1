"""The one way a text message leaves: agreed to, not stopped, claimed, within the month's cap, sent.

    consent ── STOP ── opted out ── claim ── cap ── send ── mark sent
                                          ↑               ↑
                        an end here leaves a claim without `sent_at`: in doubt, as with mails

Text messages are off unless the deployment names a monthly cap.
"""

from dataclasses import dataclass
from datetime import datetime

from referrals import settings
from referrals.domain.ids import ProgramId
from referrals.domain.message_kinds import MessageKind
from referrals.domain.people import Person
from referrals.domain.sending import Withheld, withheld_sms
from referrals.domain.suppressions import number_mark
from referrals.domain.text_messages import SMS_KINDS
from referrals.notify import sms
from referrals.notify.sms import (
    SmsAnswerLostError,
    SmsNotSentError,
    SmsRefusedError,
    SmsValues,
    is_opted_out,
)
from referrals.store import mail_rates, messages, preferences, suppressions
from referrals.store.transactions import read, until_settled
from referrals.usecases.keys import MailKeys
from referrals.usecases.send_mail import MailOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """A text message that is to leave once. `message_id` derives from its cause, and from `sms`."""

    message_id: str
    kind: MessageKind
    person: Person
    program_id: ProgramId
    values: SmsValues


def send_sms(text: Sms, *, keys: MailKeys, now: datetime) -> MailOutcome | None:
    """Send a text message unless it was sent, may have been, or must not leave.

    None, and nothing is noted, where it was never to be sent: text messages are off, this kind is
    not told by one, there is no number, or nobody agreed to it. SmsNotSentError when it has to be
    tried again.
    """
    number, cap = text.person.phone, settings.sms_monthly_cap()
    if cap <= 0 or not number or text.kind not in SMS_KINDS:
        return None
    reason = until_settled(lambda: _withheld(text, number_mark(number, key=keys.identity)))
    if reason is Withheld.NO_CONSENT:
        return None
    try:
        if reason is None and is_opted_out(number):
            reason = Withheld.OPTED_OUT
    except SmsRefusedError as error:
        return _ended(text, MailOutcome.REFUSED, now, refused=error.reason)
    if reason is not None:
        return _ended(text, MailOutcome.WITHHELD, now, withheld=reason.value)
    if not _claim(text, now):
        return MailOutcome.REPEATED
    return _send_claimed(text, number, cap, now)


def _withheld(text: Sms, mark: str) -> Withheld | None:
    chosen = preferences.wanted(text.person.person_id)
    recipient = suppressions.wanted(mark)
    read(chosen, recipient)
    return withheld_sms(mark, preferences=chosen.value, recipient=recipient.value)


def _send_claimed(text: Sms, number: str, cap: int, now: datetime) -> MailOutcome:
    if not mail_rates.take_sms(most=cap, now=now):
        messages.mark_withheld(text.message_id, Withheld.CAP_REACHED)
        return MailOutcome.WITHHELD
    try:
        sms.send_sms(
            number, sms.written(text.kind, locale=text.person.locale or "", values=text.values)
        )
    except SmsRefusedError as error:
        mail_rates.give_back_sms(now=now)
        messages.mark_refused(text.message_id, error.reason)
        return MailOutcome.REFUSED
    except SmsAnswerLostError:
        return MailOutcome.IN_DOUBT
    except SmsNotSentError:
        mail_rates.give_back_sms(now=now)
        messages.release(text.message_id)
        raise
    messages.mark_sent(text.message_id, now=now)
    return MailOutcome.SENT


def _claim(
    text: Sms, now: datetime, *, refused: str | None = None, withheld: str | None = None
) -> bool:
    return messages.claim(
        text.message_id,
        kind=f"{text.kind.value}_sms",
        person_id=text.person.person_id,
        program_id=text.program_id,
        refused=refused,
        withheld=withheld,
        now=now,
    )


def _ended(
    text: Sms,
    outcome: MailOutcome,
    now: datetime,
    *,
    refused: str | None = None,
    withheld: str | None = None,
) -> MailOutcome:
    is_mine = _claim(text, now, refused=refused, withheld=withheld)
    return outcome if is_mine else MailOutcome.REPEATED
