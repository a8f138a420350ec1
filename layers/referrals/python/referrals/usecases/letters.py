"""Letters: whom to write to, about what, and what makes one of them the same letter again."""

from dataclasses import dataclass, replace
from datetime import datetime

from referrals import settings
from referrals.domain.ids import PersonId, ProgramId, derive
from referrals.domain.message_kinds import MessageKind
from referrals.domain.people import Person
from referrals.domain.programs import Program
from referrals.domain.rules import Side
from referrals.notify.message_values import About, MessageValues, PayoutNews, RewardNews
from referrals.notify.messages import RenderedMessage, render
from referrals.notify.portal_links import MailLinks
from referrals.notify.sms import SmsValues
from referrals.store import advocates
from referrals.usecases.keys import MailKeys
from referrals.usecases.send_mail import Mail, MailOutcome, send_mail
from referrals.usecases.send_sms import Sms, send_sms

# Operators are written to in the language of the commands that they are to type.
_OPERATORS_LOCALE = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be written to a person, or to operators. One of the same `cause` is sent once."""

    kind: MessageKind
    person: Person | None
    program: Program | None
    cause: tuple[str, ...]
    values: MessageValues

    @property
    def message_id(self) -> str:
        reader = self.person.person_id if self.person else "operators"
        return derive("msg", *self.cause, self.kind, reader)


def to_advocate(
    kind: MessageKind,
    person: Person,
    program: Program,
    *,
    cause: tuple[str, ...],
    code: str | None,
    side: Side = Side.ADVOCATE,
    friend_name: str | None = None,
    about: About | None = None,
) -> Letter:
    """Write to somebody who shares, with the link of their `code`.

    `side` tells an advocate from whoever brought that advocate.
    """
    values = MessageValues(
        program_name=program.name,
        shop_name=program.shop_name,
        side=side,
        recipient_name=person.name,
        code=code,
        link=settings.share_link(code) if code else None,
        friend_name=friend_name,
        about=about,
    )
    return Letter(kind=kind, person=person, program=program, cause=cause, values=values)


def to_friend(
    kind: MessageKind,
    person: Person,
    program: Program,
    *,
    cause: tuple[str, ...],
    about: About | None = None,
) -> Letter:
    """Write to somebody who was referred, with the page where share links lead."""
    values = MessageValues(
        program_name=program.name,
        shop_name=program.shop_name,
        side=Side.FRIEND,
        recipient_name=person.name,
        link=program.landing.landing_page,
        about=about,
    )
    return Letter(kind=kind, person=person, program=program, cause=cause, values=values)


def to_operators(
    kind: MessageKind, about: About, *, cause: tuple[str, ...], program: Program | None = None
) -> Letter:
    """Write to whoever operates the deployment, about a program or all of it."""
    values = MessageValues(program_name=program.name if program else "", about=about)
    return Letter(kind=kind, person=None, program=program, cause=cause, values=values)


def own_code(program_id: ProgramId, person_id: PersonId) -> str | None:
    """Give the code that somebody shares in a program; None when they do not."""
    advocate = advocates.find(program_id, person_id)
    return advocate.code if advocate else None


def send_letter(letter: Letter, *, keys: MailKeys, now: datetime) -> MailOutcome | None:
    """Send a letter once; None when nobody is to get it: no address, or the terms silence it.

    MailNotSentError when it has to be tried again.
    """
    person, program = letter.person, letter.program
    to = person.email if person else settings.operator_email()
    if not to or (program is not None and letter.kind in program.silent_messages):
        return None
    mail = Mail(
        message_id=letter.message_id,
        kind=letter.kind,
        to=to,
        locale=_locale(person),
        program_id=program.program_id if program else None,
        person_id=person.person_id if person else None,
        write=lambda links: _written(letter, links),
    )
    return send_mail(mail, keys=keys, now=now)


def send_text(letter: Letter, *, keys: MailKeys, now: datetime) -> MailOutcome | None:
    """Send a letter as a text message, too, to whoever agreed to that; None who did not.

    SmsNotSentError when it has to be tried again.
    """
    person, program = letter.person, letter.program
    if person is None or program is None or letter.kind in program.silent_messages:
        return None
    text = Sms(
        message_id=f"{letter.message_id}_sms",
        kind=letter.kind,
        person=person,
        program_id=program.program_id,
        values=_sms_values(letter),
    )
    return send_sms(text, keys=keys, now=now)


def _sms_values(letter: Letter) -> SmsValues:
    shop_name = letter.values.shop_name or letter.values.program_name
    match letter.values.about:
        case RewardNews(worth=told) | PayoutNews(paid=told):
            return SmsValues(shop_name=shop_name, amount_minor=told.amount_minor, unit=told.unit)
        case _:
            return SmsValues(shop_name=shop_name)


def _written(letter: Letter, links: MailLinks) -> RenderedMessage:
    values = replace(
        letter.values,
        unsubscribe_link=links.unsubscribe,
        preferences_link=links.preferences,
        postal_address=settings.postal_address(),
    )
    texts = letter.program.texts.get(letter.kind) if letter.program else None
    return render(letter.kind, locale=_locale(letter.person), values=values, texts=texts)


def _locale(person: Person | None) -> str:
    return (person.locale or "") if person else _OPERATORS_LOCALE
