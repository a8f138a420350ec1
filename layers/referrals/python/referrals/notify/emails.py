"""E-mail through SES: a rendered message becomes MIME and is handed over once.

MailError
├── MailRefusedError            this mail will never be accepted; trying again is no use
└── MailNotSentError            not accepted now; try again later
    └── MailAnswerLostError     the answer got lost: accepted or not, nobody knows

SES has no idempotency token, so nothing here tries twice: whoever calls holds the claim.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError
from email_validator import EmailNotValidError, validate_email

from referrals import settings
from referrals.clients import client
from referrals.notify.languages import negotiate
from referrals.notify.messages import RenderedMessage
from referrals.notify.names import one_line

# SES asks for 7-bit content; Python would otherwise send short Cyrillic lines as they are.
_POLICY = SMTP.clone(cte_type="7bit")

# The names of SES v2, and what its first version calls the same.
_REFUSALS = frozenset({"MessageRejected", "BadRequestException", "InvalidParameterValue"})
_LONGEST_TAG = 256


class MailError(Exception):
    """A mail that SES did not confirm; says why, and never to whom: logs are no address book."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailRefusedError(MailError):
    """This mail will never be accepted."""


class MailNotSentError(MailError):
    """This mail was not accepted now; it may be later."""


class MailAnswerLostError(MailNotSentError):
    """The connection broke before the answer: another try may send this mail a second time."""


def build_mime(*, sender: str, to: str, message: RenderedMessage, locale: str) -> EmailMessage:
    """Build the mail, in pure ASCII on the wire; SES adds the date and the message id.

    `sender` is `name <address>`. MailRefusedError when `to` is no address that SES can reach.
    """
    mime = EmailMessage(policy=_POLICY)
    mime["From"] = sender
    mime["To"] = _ascii_address(to)
    mime["Subject"] = one_line(message.subject)
    # RFC 3834: no out-of-office answers, please.
    mime["Auto-Submitted"] = "auto-generated"
    mime.set_content(message.text)
    mime.add_alternative(message.html, subtype="html")
    # Last: setting content takes away every Content header that stands there.
    mime["Content-Language"] = negotiate(locale)
    return mime


def send_email(*, to: str, message: RenderedMessage, locale: str, tags: Mapping[str, str]) -> str:
    """Send a message from the deployment's address and give the id that SES knows it by.

    `tags` come back with bounces and complaints; characters that SES does not take become `_`.
    Raises MailRefusedError or MailNotSentError; a broken deployment shows as itself.
    """
    mime = build_mime(sender=settings.mail_from(), to=to, message=message, locale=locale)
    request: dict[str, Any] = {
        # Said, and not left to SES to gather from the headers.
        "Destination": {"ToAddresses": [mime["To"]]},
        "Content": {"Raw": {"Data": mime.as_bytes()}},
        "EmailTags": [
            {"Name": _tag_text(name), "Value": _tag_text(value)}
            for name, value in tags.items()
            if name and value
        ],
    }
    configuration_set = settings.mail_configuration_set()
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    with _mail_errors():
        answer = client("sesv2", attempts=1).send_email(**request)
    return str(answer["MessageId"])


def _ascii_address(address: str) -> str:
    try:
        # Whether the domain exists is for SES to find out; here it only has to fit a header.
        valid = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise MailRefusedError("the recipient is not an e-mail address") from error
    return str(valid.ascii_email)


def _tag_text(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:_LONGEST_TAG]


@contextmanager
def _mail_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _meaning(error) from error
    except NotConnectedError as error:
        raise MailNotSentError(type(error).__name__) from error
    except HTTPClientError as error:
        # A time-out while reading, or a connection that closed: the request was on its way.
        raise MailAnswerLostError(type(error).__name__) from error


def _meaning(error: ClientError) -> MailError:
    """Tell what SES said: any error is an answer, so the mail was not accepted."""
    code = error.response.get("Error", {}).get("Code", "")
    return MailRefusedError(code) if code in _REFUSALS else MailNotSentError(code)
