"""Mail for tests of use cases: an SES that knows our sender, and what it was given."""

import email
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from infra.local import templates
from referrals import clients
from referrals.domain.message_kinds import MessageKind
from referrals.domain.people import Person
from referrals.notify.messages import RenderedMessage
from referrals.notify.portal_links import MailLinks
from referrals.usecases.send_mail import Mail
from tests.shop import TEA

PORTAL = "https://portal.shop.example"


def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify the sender; to be called where AWS is mocked."""
    monkeypatch.setenv("MAIL_FROM", "Tea for two <hello@shop.example>")
    monkeypatch.setenv("PORTAL_BASE", PORTAL)
    monkeypatch.delenv("MAIL_CONFIGURATION_SET", raising=False)
    clients.client("sesv2", attempts=1).create_email_identity(EmailIdentity="hello@shop.example")


def delivered() -> list[EmailMessage]:
    """Give what SES was given, the oldest first."""
    given: list[Any] = ses_backends[DEFAULT_ACCOUNT_ID][templates.REGION].sent_messages
    return [
        email.message_from_string(each.raw_data, _class=EmailMessage, policy=default)
        for each in given
    ]


def a_mail(
    message_id: str = "msg_1",
    *,
    kind: MessageKind = MessageKind.FRIEND_BOUGHT,
    to: str = "anna@customer.example",
    person: Person | None = None,
) -> Mail:
    return Mail(
        message_id=message_id,
        kind=kind,
        to=to,
        locale="en",
        program_id=TEA,
        person_id=person.person_id if person else None,
        write=_written,
    )


def _written(links: MailLinks) -> RenderedMessage:
    return RenderedMessage(
        subject="Hello", html=f"<p>{links.preferences}</p>", text=str(links.unsubscribe)
    )


@contextmanager
def ses_answers(code: str) -> Iterator[None]:
    """Let SES answer every mail with an error inside the block."""
    events = clients.client("sesv2", attempts=1).meta.events

    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "SendEmail")

    events.register("before-call.sesv2.SendEmail", fail)
    try:
        yield
    finally:
        events.unregister("before-call.sesv2.SendEmail", fail)
