"""Something happened: whoever it concerns gets an e-mail, and the topic gets the event.

A mail is claimed before it is sent, so nobody gets it twice. The topic gets an event at least once,
under an id that never changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from referrals import settings
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import PersonId, ProgramId, RewardId, derive
from referrals.domain.people import Person
from referrals.domain.programs import Program
from referrals.domain.rules import RewardKind, Side, Trigger
from referrals.notify.emails import (
    MailAnswerLostError,
    MailNotSentError,
    MailRefusedError,
    send_email,
)
from referrals.notify.messages import MessageKind, MessageValues, RenderedMessage, render
from referrals.notify.topics import publish
from referrals.store import advocates, messages, people, programs, rewards
from referrals.store.transactions import read


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    kind: MessageKind
    person: Person
    message: RenderedMessage


def announce_event(event: DomainEvent, *, now: datetime) -> None:
    """Publish an event on the topic, and send the mail that it calls for, if any.

    In this order: a mail that cannot be sent must not keep an event from those who listen.

    MailNotSentError, or an error of SNS, when it has to be tried again.
    """
    publish(event)
    mail = _mail_for(event)
    if mail is not None:
        _send_once(mail, event, now)


def _send_once(mail: _Mail, event: DomainEvent, now: datetime) -> None:
    """Send a mail unless it was sent, is being sent, or may have been.

    claim ── send ── mark sent      an end here ↓ leaves a claim without `sent_at`:
           ↑      ↑                 in doubt, shown to an operator, never sent again
    """
    message_id = derive("msg", event.event_id, mail.kind, mail.person.person_id)
    is_mine = messages.claim(
        message_id, kind=mail.kind.value, person_id=mail.person.person_id, now=now
    )
    if not is_mine:
        return
    try:
        send_email(
            to=mail.person.email or "",
            message=mail.message,
            locale=mail.person.locale or "",
            tags={"message": mail.kind.value, "program": event.program_id},
        )
    except MailRefusedError as error:
        messages.mark_refused(message_id, error.reason)
    except MailAnswerLostError:
        return
    except MailNotSentError:
        messages.release(message_id)
        raise
    else:
        messages.mark_sent(message_id, now=now)


def _mail_for(event: DomainEvent) -> _Mail | None:
    build = _MAILS.get(event.name)
    if build is None:
        return None
    recipient_id = PersonId(str(event.data.get("person_id") or event.data.get("advocate_id")))
    person = people.find(recipient_id)
    if person is None or not person.email:
        return None
    program = programs.get_live(event.program_id)
    written = build(event, program, person)
    if written is None:
        return None
    kind, values = written
    if kind in program.silent_messages:
        return None
    return _Mail(
        kind=kind, person=person, message=render(kind, locale=person.locale or "", values=values)
    )


_Written = tuple[MessageKind, MessageValues]


def _welcome(event: DomainEvent, program: Program, person: Person) -> _Written:
    code = str(event.data["code"])
    return MessageKind.WELCOME, MessageValues(
        program_name=program.name,
        shop_name=program.shop_name or program.name,
        recipient_name=person.name,
        code=code,
        link=settings.share_link(code),
    )


def _friend_signed_up(event: DomainEvent, program: Program, person: Person) -> _Written:
    friend = people.find(PersonId(str(event.data["friend_id"])))
    code = str(event.data["code"])
    return MessageKind.FRIEND_SIGNED_UP, MessageValues(
        program_name=program.name,
        shop_name=program.shop_name or program.name,
        recipient_name=person.name,
        friend_name=friend.name if friend else None,
        code=code,
        link=settings.share_link(code),
    )


def _reward_earned(event: DomainEvent, program: Program, person: Person) -> _Written | None:
    if not _has_words(event):
        return None
    held_until = datetime.fromisoformat(str(event.data["held_until"]))
    # to the nearest day: a report comes a little after what it tells of
    hold_days = round((held_until - event.occurred_at) / timedelta(days=1))
    if hold_days < 1:
        return None  # it is ready before a mail about its hold is read
    values = _reward_values(event, program, person, held_until=held_until, hold_days=hold_days)
    return MessageKind.REWARD_EARNED, values


def _has_words(event: DomainEvent) -> bool:
    """Whether there are words for a reward: they thank for a friend, with credit or a coupon."""
    is_for_a_friend = event.data["trigger"] in {Trigger.SIGNUP, Trigger.PURCHASE, Trigger.RENEWAL}
    return is_for_a_friend and event.data["kind"] in {RewardKind.CREDIT, RewardKind.COUPON}


def _reward_ready(event: DomainEvent, program: Program, person: Person) -> _Written | None:
    if not _has_words(event) or _handed_over_minor(event) <= 0:
        return None
    coupon_code = _coupon_code(event, person)
    if event.data["kind"] == RewardKind.COUPON and coupon_code is None:
        return None  # somebody handed it over themselves
    return MessageKind.REWARD_READY, _reward_values(event, program, person, coupon_code=coupon_code)


def _handed_over_minor(event: DomainEvent) -> int:
    """Give what of a reward reaches its owner: the rest of it paid a debt."""
    return int(event.data["amount_minor"] or 0) - int(event.data["netted_minor"] or 0)


def _reward_values(
    event: DomainEvent,
    program: Program,
    person: Person,
    *,
    held_until: datetime | None = None,
    hold_days: int | None = None,
    coupon_code: str | None = None,
) -> MessageValues:
    # who brought an advocate is an advocate
    side = Side.FRIEND if event.data["side"] == Side.FRIEND else Side.ADVOCATE
    return MessageValues(
        program_name=program.name,
        shop_name=program.shop_name or program.name,
        side=side,
        recipient_name=person.name,
        link=_own_link(person, program) if side is Side.ADVOCATE else program.landing.landing_page,
        kind=RewardKind(str(event.data["kind"])),
        amount_minor=_handed_over_minor(event),
        unit=str(event.data["unit"]),
        held_until=held_until,
        hold_days=hold_days,
        coupon_code=coupon_code,
    )


def _own_link(person: Person, program: Program) -> str | None:
    advocate = advocates.find(program.program_id, person.person_id)
    return settings.share_link(advocate.code) if advocate else None


def _coupon_code(event: DomainEvent, person: Person) -> str | None:
    """Read the coupon from the reward: a code that is worth money does not travel in events."""
    if event.data["kind"] != RewardKind.COUPON:
        return None
    wanted = rewards.wanted(
        rewards.RewardKey(
            program_id=ProgramId(event.program_id),
            owner_id=person.person_id,
            reward_id=RewardId(str(event.data["reward_id"])),
        )
    )
    read(wanted)
    handed_over = wanted.value.handed_over if wanted.value else None
    return handed_over.get("coupon_code") if handed_over else None


_MAILS: Mapping[EventName, Callable[[DomainEvent, Program, Person], _Written | None]] = {
    EventName.ADVOCATE_ENROLLED: _welcome,
    EventName.REFERRAL_CREATED: _friend_signed_up,
    EventName.REWARD_HELD: _reward_earned,
    EventName.REWARD_FULFILLED: _reward_ready,
}
