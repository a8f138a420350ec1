"""What comes back to mails and text messages: the JSON of SES and of two-way SMS, as our values.

What is not understood is None and never an error: SES sends events of kinds that do not concern us,
and a message that can never be read must not be tried for ever.
"""

import re
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Annotated

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from referrals.domain.suppressions import Feedback, FeedbackKind
from referrals.domain.text_messages import SmsReply
from referrals.runtime.sns import TopicMessage

# Of what SES tried and put off: these speak of the mailbox, the others of the mail.
_OF_THE_MAILBOX = frozenset({"General", "MailboxFull"})
# SES did not try, because the address is on the account's own list: it counts in no rate of theirs.
_NOT_TRIED = "OnAccountSuppressionList"
_NO_COMPLAINT = "not-spam"
_MESSAGE_ID = re.compile(r"msg_[a-z2-7]{24}")

# Words of SES's own, so that no address gets into a log or a table by them.
_Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z-]{0,39}$")]
# A year in which there is SES: what is added to a moment, or written in UTC, is a moment still.
_Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC)),
]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class _Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, strict=True, extra="ignore")


class _Mailbox(_Told):
    email_address: str = Field(max_length=1_000)


class _Back(_Told):
    feedback_id: _Id
    timestamp: _Moment


class _Bounce(_Back):
    bounce_type: _Word
    bounce_sub_type: _Word
    bounced_recipients: list[_Mailbox] = Field(min_length=1, max_length=50)


class _Complaint(_Back):
    complained_recipients: list[_Mailbox] = Field(min_length=1, max_length=50)
    complaint_feedback_type: _Word | None = None
    complaint_sub_type: _Word | None = None


class _Mail(_Told):
    tags: dict[str, list[str]] = {}


class _MailEvent(_Told):
    """An event of a configuration set, or a notification of an identity: SES has both."""

    kind: str = Field(validation_alias=AliasChoices("eventType", "notificationType"))
    mail: _Mail
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


class _Reply(_Told):
    origination_number: str = Field(min_length=1, max_length=32)
    message_body: str = Field(max_length=2_000)


def mail_feedback(message: TopicMessage) -> Feedback | None:
    """Read what SES says of a mail; None for what is neither a bounce nor a complaint."""
    try:
        event = _MailEvent.model_validate_json(message.body)
    except ValidationError:
        return None
    if event.kind == "Bounce" and event.bounce:
        return _of_bounce(event.bounce, event.mail)
    if event.kind == "Complaint" and event.complaint:
        return _of_complaint(event.complaint, event.mail)
    return None


def _of_bounce(bounce: _Bounce, mail: _Mail) -> Feedback:
    return Feedback(
        feedback_id=bounce.feedback_id,
        kind=_bounce_kind(bounce),
        addresses=_addresses(bounce.bounced_recipients),
        detail=f"{bounce.bounce_type}/{bounce.bounce_sub_type}",
        occurred_at=bounce.timestamp,
        is_counted=bounce.bounce_sub_type != _NOT_TRIED,
        message_id=_message_id(mail),
    )


def _bounce_kind(bounce: _Bounce) -> FeedbackKind:
    """Tell hard from soft; an undetermined bounce is neither, and may be an answering machine."""
    if bounce.bounce_type == "Permanent":
        return FeedbackKind.HARD_BOUNCE
    if bounce.bounce_type == "Transient" and bounce.bounce_sub_type in _OF_THE_MAILBOX:
        return FeedbackKind.SOFT_BOUNCE
    return FeedbackKind.HINT


def _of_complaint(complaint: _Complaint, mail: _Mail) -> Feedback:
    is_none = complaint.complaint_feedback_type == _NO_COMPLAINT
    return Feedback(
        feedback_id=complaint.feedback_id,
        kind=FeedbackKind.HINT if is_none else FeedbackKind.COMPLAINT,
        addresses=_addresses(complaint.complained_recipients),
        detail=f"Complaint/{complaint.complaint_feedback_type or 'unknown'}",
        occurred_at=complaint.timestamp,
        is_counted=complaint.complaint_sub_type != _NOT_TRIED,
        message_id=_message_id(mail),
    )


def _addresses(mailboxes: list[_Mailbox]) -> tuple[str, ...]:
    """Give the plain addresses: SES repeats a name that stood before one."""
    plain = (parseaddr(each.email_address)[1] for each in mailboxes)
    return tuple(dict.fromkeys(address for address in plain if "@" in address))


def _message_id(mail: _Mail) -> str | None:
    tagged = (mail.tags.get("message_id") or [""])[0]
    return tagged if _MESSAGE_ID.fullmatch(tagged) else None


def sms_reply(message: TopicMessage) -> SmsReply | None:
    """Read what somebody answered to a text message."""
    try:
        reply = _Reply.model_validate_json(message.body)
    except ValidationError:
        return None
    return SmsReply(
        number=reply.origination_number,
        text=reply.message_body,
        sent_at=message.published_at,
    )
