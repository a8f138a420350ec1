"""E-mail through SES: a rendered message becomes MIME and is handed over once.

MailError
├── MailRefusedError            this mail will never be accepted; trying again is no use
└── MailNotSentError            not accepted now; try again later
    ├── MailHeldUpError         nor is any other mail, whoever it is for
    │   └── MailStoppedError    until people mend something; they are told
    └── MailAnswerLostError     the answer got lost: accepted or not, nobody knows

SES has no idempotency token, so nothing here tries twice: whoever calls holds the claim. What SES
says is kept from tracebacks, which are logged: its words may name the recipient.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError
from email_validator import EmailNotValidError, validate_email

from referrals import settings
from referrals.clients import client
from referrals.notify.languages import negotiate
from referrals.notify.messages import RenderedMessage
from referrals.notify.names import one_line

_NEVER_FOLDED = "List-Unsubscribe"
_LONGEST_TAG = 256
_SENDER_ID = "sarafan"  # by which mailbox providers tell our mails apart in their statistics


class _Policy(EmailPolicy):
    """The modern policy, but an address to unsubscribe at stays as it is.

    Python would fold what is longer than 78 signs into encoded words, which mailboxes do not open.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == _NEVER_FOLDED:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


# SES asks for 7-bit content; Python would otherwise send short Cyrillic lines as they are.
_POLICY = _Policy(linesep="\r\n", cte_type="7bit")


class MailError(Exception):
    """A mail that SES did not confirm; says why, and never to whom: logs are no address book."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailRefusedError(MailError):
    """This mail will never be accepted."""


class MailNotSentError(MailError):
    """This mail was not accepted now; it may be later."""


class MailHeldUpError(MailNotSentError):
    """No mail is accepted now: too many at once, too many today, or SES is not reached."""


class MailStoppedError(MailHeldUpError):
    """SES accepts no mail of this deployment, and will not before somebody mends it."""


class MailAnswerLostError(MailNotSentError):
    """The connection broke before the answer: another try may send this mail a second time."""


# also of a sender that is not verified, which is no one mail's fault
_REJECTED = "MessageRejected"

# What each error of SES v2's SendEmail means, with what its first version and any API call the
# same. Any other is taken for one that passes, and for this mail's alone: to try in vain costs less
# than to lose a mail, or to keep all others waiting for it.
MEANINGS: Mapping[str, type[MailError]] = {
    # the content, or in the sandbox the recipient, is not accepted
    _REJECTED: MailRefusedError,
    "BadRequestException": MailRefusedError,
    "InvalidParameterValue": MailRefusedError,
    # so many a second, so many a day
    "TooManyRequestsException": MailHeldUpError,
    "LimitExceededException": MailHeldUpError,
    "ThrottlingException": MailHeldUpError,
    "Throttling": MailHeldUpError,
    # AWS stopped the account for good, or somebody paused the account or the configuration set
    "AccountSuspendedException": MailStoppedError,
    "SendingPausedException": MailStoppedError,
    # the deployment's own: a domain that lost its DNS records, a configuration set that is gone
    "MailFromDomainNotVerifiedException": MailStoppedError,
    "NotFoundException": MailStoppedError,
}


def list_headers(
    *, unsubscribe: str | None, preferences: str | None, feedback_id: Sequence[str]
) -> dict[str, str]:
    """Give the headers by which a mailbox offers to end a kind of mail, and counts complaints.

    With `unsubscribe` one click does it (RFC 8058: a POST, and https but on a developer's machine);
    otherwise the header (RFC 2369) leads to the page of preferences. `feedback_id` says what the
    mail is, at most three parts, never who got it.
    """
    headers = {"Feedback-ID": ":".join(_tag_text(part) for part in (*feedback_id, _SENDER_ID))}
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    elif preferences:
        headers["List-Unsubscribe"] = f"<{preferences}>"
    return headers


def build_mime(
    *,
    sender: str,
    to: str,
    message: RenderedMessage,
    locale: str,
    headers: Mapping[str, str] | None = None,
) -> EmailMessage:
    """Build the mail, in pure ASCII on the wire; SES adds the date and the message id.

    `sender` is `name <address>`. MailRefusedError when `to` is no address that SES can reach.
    """
    mime = EmailMessage(policy=_POLICY)
    mime["From"] = sender
    mime["To"] = wire_address(to)
    mime["Subject"] = one_line(message.subject)
    for name, value in (headers or {}).items():
        mime[name] = value
    # RFC 3834: no out-of-office answers, please.
    mime["Auto-Submitted"] = "auto-generated"
    mime.set_content(message.text)
    mime.add_alternative(message.html, subtype="html")
    # Last: setting content takes away every Content header that stands there.
    mime["Content-Language"] = negotiate(locale)
    return mime


def send_email(
    *,
    to: str,
    message: RenderedMessage,
    locale: str,
    tags: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
) -> str:
    """Send a message from the deployment's address and give the id that SES knows it by.

    `tags` come back with bounces and complaints; characters that SES does not take become `_`.
    Raises MailRefusedError or MailNotSentError; a broken deployment shows as itself.
    """
    sender = settings.mail_from()
    mime = build_mime(sender=sender, to=to, message=message, locale=locale, headers=headers)
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
    with _mail_errors(sender=parseaddr(sender)[1], to=str(mime["To"])):
        answer = client("sesv2", attempts=1).send_email(**request)
    return str(answer["MessageId"])


def wire_address(address: str) -> str:
    """Give an address as SES is told it, with its domain in ASCII; MailRefusedError."""
    try:
        # Whether the domain exists is for SES to find out; here it only has to fit a header.
        valid = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except EmailNotValidError:
        raise MailRefusedError("the recipient is not an e-mail address") from None
    return str(valid.ascii_email)


def _tag_text(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:_LONGEST_TAG]


@contextmanager
def _mail_errors(*, sender: str, to: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _meaning(error, sender=sender, to=to) from None
    except NotConnectedError as error:
        raise MailHeldUpError(type(error).__name__) from None
    except HTTPClientError as error:
        # A time-out while reading, or a connection that closed: the request was on its way.
        raise MailAnswerLostError(type(error).__name__) from None


def _meaning(error: ClientError, *, sender: str, to: str) -> MailError:
    """Tell what SES said: any error is an answer, so the mail was not accepted."""
    told = error.response.get("Error", {})
    code, words = told.get("Code", ""), told.get("Message", "").lower()
    # it names whoever is not verified; in the sandbox that may be the recipient alone
    is_unverified = "not verified" in words and to.lower() not in words
    if code == _REJECTED and (is_unverified or sender.lower() in words):
        return MailStoppedError(code)
    return MEANINGS.get(code, MailNotSentError)(code)
