"""Mail as SES is given it, and what its refusals mean."""

import email
import traceback
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.stub import Stubber
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from referrals import clients
from referrals.notify.emails import (
    MEANINGS,
    MailAnswerLostError,
    MailError,
    MailHeldUpError,
    MailNotSentError,
    MailRefusedError,
    MailStoppedError,
    build_mime,
    list_headers,
    send_email,
)
from referrals.notify.messages import RenderedMessage

REGION = "eu-central-1"
MESSAGE = RenderedMessage(
    subject="Вы заработали 500\xa0₽",
    html="<p>Здравствуйте, Анна!</p>",
    text="Здравствуйте, Анна!\n",
)


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run an SES that knows our sender, and give its client."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("MAIL_FROM", "Лён и нитки <hello@shop.example>")
    monkeypatch.delenv("MAIL_CONFIGURATION_SET", raising=False)
    clients.forget_clients()
    with mock_aws():
        client = clients.client("sesv2", attempts=1)
        client.create_email_identity(EmailIdentity="hello@shop.example")
        yield client
    clients.forget_clients()


def send(to: str = "anna@shop.example", **tags: str) -> str:
    return send_email(to=to, message=MESSAGE, locale="ru-RU", tags=tags)


def sent() -> list[Any]:
    messages: list[Any] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    return messages


def asked_of(ses: Any) -> list[dict[str, Any]]:
    """Collect what the client is asked to send from now on."""
    requests: list[dict[str, Any]] = []
    ses.meta.events.register(
        "before-parameter-build.sesv2.SendEmail", lambda params, **_: requests.append(params)
    )
    return requests


def fail_with(ses: Any, error: Exception) -> None:
    """Let every request of the client end in `error` instead of an answer."""

    def fail(**_: Any) -> None:
        raise error

    ses.meta.events.register("before-call.sesv2.SendEmail", fail)


def test_a_mail_arrives_in_both_parts_with_its_subject(ses: Any) -> None:
    message_id = send()
    [given] = sent()
    mime = email.message_from_string(given.raw_data, policy=default)
    assert isinstance(mime, EmailMessage)
    assert given.id == message_id
    assert given.source == "hello@shop.example"
    assert mime["From"] == "Лён и нитки <hello@shop.example>"
    assert mime["To"] == "anna@shop.example"
    assert mime["Subject"] == "Вы заработали 500\xa0₽"
    assert mime["Content-Language"] == "ru"
    assert [part.get_content_type() for part in mime.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in mime.iter_parts()] == [
        "Здравствуйте, Анна!",
        "<p>Здравствуйте, Анна!</p>",
    ]


def test_a_mail_is_ascii_on_the_wire() -> None:
    mime = build_mime(
        sender="Лён <a@shop.example>", to="b@shop.example", message=MESSAGE, locale="ru"
    )
    assert mime.as_bytes().isascii()
    assert all(len(line) <= 78 for line in mime.as_bytes().splitlines())


def test_content_language_is_the_language_that_was_written() -> None:
    mime = build_mime(sender="a@shop.example", to="b@shop.example", message=MESSAGE, locale="de-DE")
    assert mime["Content-Language"] == "en"


def test_no_header_says_how_the_mail_was_made() -> None:
    mime = build_mime(sender="a@shop.example", to="b@shop.example", message=MESSAGE, locale="ru")
    assert sorted(mime.keys()) == [
        "Auto-Submitted",
        "Content-Language",
        "Content-Type",
        "From",
        "MIME-Version",
        "Subject",
        "To",
    ]


UNSUBSCRIBE = f"https://portal.shop.example/unsubscribe/{'aB3-_' * 24}.{'x' * 43}"
PREFERENCES = f"https://portal.shop.example/preferences/{'aB3-_' * 20}.{'x' * 43}"


def headers_on_the_wire(unsubscribe: str | None, preferences: str | None) -> list[str]:
    headers = list_headers(
        unsubscribe=unsubscribe, preferences=preferences, feedback_id=("reminder", "tea: №1")
    )
    mime = build_mime(
        sender="a@shop.example",
        to="b@shop.example",
        message=MESSAGE,
        locale="en",
        headers=headers,
    )
    lines = mime.as_bytes().decode("ascii").partition("\r\n\r\n")[0].split("\r\n")
    return [line for line in lines if line.startswith(("List-", "Feedback-"))]


def test_one_click_unsubscribes_as_rfc_8058_has_it() -> None:
    """The address is on one line as it is: folded into encoded words no mailbox would open it."""
    assert headers_on_the_wire(UNSUBSCRIBE, PREFERENCES) == [
        "Feedback-ID: reminder:tea___1:sarafan",
        f"List-Unsubscribe: <{UNSUBSCRIBE}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]


def test_without_one_click_the_header_leads_to_the_preferences() -> None:
    assert headers_on_the_wire(None, PREFERENCES) == [
        "Feedback-ID: reminder:tea___1:sarafan",
        f"List-Unsubscribe: <{PREFERENCES}>",
    ]


def test_who_has_no_preferences_gets_no_such_header() -> None:
    assert headers_on_the_wire(None, None) == ["Feedback-ID: reminder:tea___1:sarafan"]


def test_a_subject_with_line_breaks_stays_a_subject() -> None:
    hostile = RenderedMessage(subject="Hi\r\nBcc: all@shop.example", html="", text="")
    mime = build_mime(sender="a@shop.example", to="b@shop.example", message=hostile, locale="en")
    assert mime["Bcc"] is None
    assert mime["Subject"] == "Hi Bcc: all@shop.example"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@localhost",
        "анна@shop.example",
        "anna@shop.example\r\nBcc: all@shop.example",
        "anna@shop.example, boris@shop.example",
        "Anna <anna@shop.example>",
    ],
)
def test_what_is_no_address_is_refused_without_a_call(ses: Any, address: str) -> None:
    with pytest.raises(MailRefusedError):
        send(address)
    assert sent() == []


def test_a_cyrillic_domain_is_written_in_ascii(ses: Any) -> None:
    requests = asked_of(ses)
    send("anna@почта.рф")
    assert requests[0]["Destination"] == {"ToAddresses": ["anna@xn--80a1acny.xn--p1ai"]}


def test_tags_travel_with_what_ses_does_not_take_replaced(ses: Any) -> None:
    requests = asked_of(ses)
    send(event="reward.held", program="prg_spring", empty="")
    assert requests[0]["EmailTags"] == [
        {"Name": "event", "Value": "reward_held"},
        {"Name": "program", "Value": "prg_spring"},
    ]


def test_the_configuration_set_is_named_when_there_is_one(
    ses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = asked_of(ses)
    send()
    monkeypatch.setenv("MAIL_CONFIGURATION_SET", "sarafan-mail")
    send()
    assert "ConfigurationSetName" not in requests[0]
    assert requests[1]["ConfigurationSetName"] == "sarafan-mail"


def test_a_sender_that_ses_does_not_know_stops_all_mail(
    ses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_FROM", "stranger@elsewhere.example")
    with pytest.raises(MailStoppedError, match="MessageRejected"):
        send()


@pytest.mark.parametrize(
    ("named", "meaning"),
    [
        ("Hello@Shop.example", MailStoppedError),
        ("shop.example", MailStoppedError),
        ("hello@shop.example, anna@customer.example", MailStoppedError),
        # in the sandbox
        ("anna@customer.example", MailRefusedError),
    ],
)
def test_who_is_not_verified_says_whether_one_mail_is_refused_or_all_are_stopped(
    ses: Any, named: str, meaning: type[MailError]
) -> None:
    # https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
    words = (
        "Email address is not verified. The following identities failed the check in region"
        f" EU-CENTRAL-1: {named}"
    )
    with Stubber(ses) as stub:
        stub.add_client_error("send_email", "MessageRejected", words)
        with pytest.raises(MailError) as raised:
            send("anna@customer.example")
    assert type(raised.value) is meaning


# all that SES v2 names for SendEmail, what its first version said instead, and what any API may say
ANSWERS = [
    ("MessageRejected", 400, MailRefusedError),
    ("BadRequestException", 400, MailRefusedError),
    ("InvalidParameterValue", 400, MailRefusedError),
    ("TooManyRequestsException", 429, MailHeldUpError),
    ("LimitExceededException", 400, MailHeldUpError),
    ("AccountSuspendedException", 400, MailStoppedError),
    ("SendingPausedException", 400, MailStoppedError),
    ("MailFromDomainNotVerifiedException", 400, MailStoppedError),
    ("NotFoundException", 404, MailStoppedError),
    ("ThrottlingException", 400, MailHeldUpError),
    ("Throttling", 400, MailHeldUpError),
    ("InternalFailure", 500, MailNotSentError),
    ("AccessDeniedException", 403, MailNotSentError),
    ("NeverHeardOf", 418, MailNotSentError),
]


@pytest.mark.parametrize(("code", "status", "meaning"), ANSWERS)
def test_an_error_of_ses_is_final_or_for_now_or_stops_everything(
    ses: Any, code: str, status: int, meaning: type[Exception]
) -> None:
    with Stubber(ses) as stub:
        stub.add_client_error("send_email", code, "no", http_status_code=status)
        with pytest.raises(meaning) as raised:
            send()
    assert type(raised.value) is meaning
    assert str(raised.value) == code


def test_every_error_that_ses_names_is_classified(ses: Any) -> None:
    operation = ses.meta.service_model.operation_model("SendEmail")
    named = {shape.name for shape in operation.error_shapes}
    assert len(named) == 8
    assert named <= set(MEANINGS)
    assert named <= {code for code, _, _ in ANSWERS}


def test_a_stopped_account_is_tried_again_later() -> None:
    assert issubclass(MailStoppedError, MailNotSentError)


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://email.example"),
        ConnectTimeoutError(endpoint_url="https://email.example"),
    ],
)
def test_a_mail_that_never_reached_ses_was_not_sent(ses: Any, error: Exception) -> None:
    fail_with(ses, error)
    with pytest.raises(MailHeldUpError) as raised:
        send()
    assert type(raised.value) is MailHeldUpError


@pytest.mark.parametrize(
    "error",
    [
        ConnectionClosedError(endpoint_url="https://email.example"),
        ReadTimeoutError(endpoint_url="https://email.example"),
    ],
)
def test_a_mail_whose_answer_got_lost_may_have_been_sent(ses: Any, error: Exception) -> None:
    fail_with(ses, error)
    with pytest.raises(MailAnswerLostError):
        send()


def test_a_mail_is_tried_once_because_ses_would_send_it_twice(
    ses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []

    def time_out(**_: Any) -> None:
        attempts.append("sent")
        raise ReadTimeoutError(endpoint_url="https://email.example")

    ses.meta.events.register_first("before-send.sesv2.SendEmail", time_out)
    with pytest.raises(MailNotSentError):
        send()
    assert attempts == ["sent"]


# a verified identity of the account, and an address that is not quite one
@pytest.mark.parametrize("address", ["anna@customer.example", "anna@localhost"])
def test_an_error_names_no_recipient_in_its_traceback_either(ses: Any, address: str) -> None:
    words = f"not authorized to perform ses:SendEmail on arn:aws:ses:::identity/{address}"
    fail_with(ses, ClientError({"Error": {"Code": "AccessDenied", "Message": words}}, "SendEmail"))
    with pytest.raises(MailError) as raised:
        send(address)
    assert "anna" not in "".join(traceback.format_exception(raised.value))


def test_a_client_is_made_once_and_forgotten_when_asked(
    ses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clients.client("sesv2", attempts=1) is ses
    clients.forget_clients()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert clients.client("sesv2", attempts=1).meta.region_name == "us-east-1"


def test_building_a_mail_makes_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    clients.forget_clients()

    def refuse() -> None:
        raise AssertionError("a session was made")

    monkeypatch.setattr(botocore.session, "get_session", refuse)
    mime = build_mime(sender="a@shop.example", to="b@shop.example", message=MESSAGE, locale="ru")
    assert mime["To"] == "b@shop.example"
