"""The one way a mail leaves: wanted, welcome, claimed, sent, marked.

    preferences ── suppression ── brake ── claim ── send ── mark sent
                                        ↑        ↑       ↑
              an end here leaves nothing        an end here leaves a claim without `sent_at`:
                                         in doubt, shown to an operator, never sent again

What must not leave is claimed with the reason, and that is its end, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.mail_rates import brake_of
from referrals.domain.message_kinds import MessageKind, Purpose, purpose_of
from referrals.domain.preferences import OPTIONAL, Preferences, asked
from referrals.domain.sending import Withheld, withheld_mail
from referrals.domain.suppressions import address_mark
from referrals.notify.emails import (
    MailAnswerLostError,
    MailNotSentError,
    MailRefusedError,
    list_headers,
    send_email,
    wire_address,
)
from referrals.notify.messages import RenderedMessage
from referrals.notify.portal_links import MailLinks, mail_links
from referrals.store import mail_rates, messages, people, preferences, suppressions
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.keys import MailKeys

OPERATOR = "operator"


class MailOutcome(StrEnum):
    """What became of a message. Repeated is one that was taken before, however that ended."""

    SENT = "sent"
    REPEATED = "repeated"
    WITHHELD = "withheld"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that is to leave once.

    `message_id` derives from its cause. `person_id` is None for operators, who have no preferences
    and get no links. `write` is called with the recipient's links, only when the mail may leave.
    """

    message_id: str
    kind: MessageKind
    to: str
    locale: str
    program_id: ProgramId | None
    person_id: PersonId | None
    write: Callable[[MailLinks], RenderedMessage]


def send_mail(mail: Mail, *, keys: MailKeys, now: datetime) -> MailOutcome:
    """Send a mail unless it was sent, is being sent, may have been, or must not leave.

    MailNotSentError when it has to be tried again: nothing is claimed then.
    """
    try:
        address = wire_address(mail.to)
    except MailRefusedError as error:
        return _ended(mail, MailOutcome.REFUSED, now, refused=error.reason)
    mark = address_mark(address, key=keys.identity)
    reason = until_settled(lambda: _withheld(mail, mark, now))
    if reason is not None:
        return _ended(mail, MailOutcome.WITHHELD, now, withheld=reason.value)
    links = mail_links(mail.person_id, mail.kind, keys=keys.portal)
    message = mail.write(links)
    if not _claim(mail, now):
        return MailOutcome.REPEATED
    return _send_claimed(mail, address, message, links, now)


def _withheld(mail: Mail, mark: str, now: datetime) -> Withheld | None:
    """Say why a mail must not leave; one that asks to share is counted as an ask when it may."""
    recipient, known = suppressions.wanted(mark), None
    if mail.person_id is None:
        read(recipient)
    else:
        person, chosen = people.wanted(mail.person_id), preferences.wanted(mail.person_id)
        read(recipient, person, chosen)
        if person.value is not None and person.value.is_forgotten:
            return Withheld.FORGOTTEN
        known = chosen.value or Preferences(person_id=mail.person_id)
    is_optional = purpose_of(mail.kind) in OPTIONAL
    reason = withheld_mail(
        mail.kind,
        mail.message_id,
        preferences=known,
        recipient=recipient.value,
        brake=brake_of(mail_rates.rates_of_the_minute(now=now)) if is_optional else None,
        now=now,
    )
    if reason is None and known and purpose_of(mail.kind) is Purpose.ASK:
        counted = asked(known, mail.message_id, now=now)
        if counted != known:
            commit(preferences.save(counted), people.not_forgotten(counted.person_id))
    return reason


def _send_claimed(
    mail: Mail, address: str, message: RenderedMessage, links: MailLinks, now: datetime
) -> MailOutcome:
    try:
        send_email(
            to=address,
            message=message,
            locale=mail.locale,
            tags=_tags(mail),
            headers=list_headers(
                unsubscribe=links.unsubscribe,
                preferences=links.preferences,
                feedback_id=(mail.kind.value, mail.program_id or OPERATOR),
            ),
        )
    except MailRefusedError as error:
        messages.mark_refused(mail.message_id, error.reason)
        return MailOutcome.REFUSED
    except MailAnswerLostError:
        return MailOutcome.IN_DOUBT
    except MailNotSentError:
        messages.release(mail.message_id)
        raise
    messages.mark_sent(mail.message_id, now=now)
    mail_rates.count_sent(now=now)
    return MailOutcome.SENT


def _tags(mail: Mail) -> dict[str, str]:
    """Give what comes back with bounces and complaints: opaque ids, by which the mail is found."""
    return {
        "message": mail.kind.value,
        "message_id": mail.message_id,
        "person": mail.person_id or OPERATOR,
        "program": mail.program_id or "",
    }


def _claim(
    mail: Mail, now: datetime, *, refused: str | None = None, withheld: str | None = None
) -> bool:
    return messages.claim(
        mail.message_id,
        kind=mail.kind.value,
        person_id=mail.person_id or OPERATOR,
        program_id=mail.program_id,
        refused=refused,
        withheld=withheld,
        now=now,
    )


def _ended(
    mail: Mail,
    outcome: MailOutcome,
    now: datetime,
    *,
    refused: str | None = None,
    withheld: str | None = None,
) -> MailOutcome:
    is_mine = _claim(mail, now, refused=refused, withheld=withheld)
    return outcome if is_mine else MailOutcome.REPEATED
