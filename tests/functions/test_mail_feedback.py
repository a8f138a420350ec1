"""Bounces, complaints and answers to text messages: from the topic to the tables."""

import json
from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud import LocalCloud, Mail
from infra.local.sns_signer import make_signer, signer
from referrals.domain.suppressions import (
    SuppressionReason,
    address_mark,
    number_mark,
)
from referrals.runtime import clock, sns
from referrals.store import mail_rates, messages, suppressions
from tests.api import Api
from tests.functions.requests import ADVOCATE
from tests.shop import NOON, dump

ADDRESS, NUMBER = "anna@customer.example", "+4915112345678"
TABLES = ("suppressions", "counters", "messages", "preferences")


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOON)


@pytest.fixture
def welcome(api: Api, cloud: LocalCloud) -> Mail:
    """Enrol Anna, and give the mail that welcomes her."""
    api.post("/api/advocates", {**ADVOCATE, "email": ADDRESS})
    cloud.settle()
    return cloud.mails()[-1]


def identity(cloud: LocalCloud) -> bytes:
    return cloud.secret("identity-key").encode()


def reason_of(cloud: LocalCloud, address: str = ADDRESS) -> SuppressionReason | None:
    found = suppressions.find(address_mark(address, key=identity(cloud)))
    return found.suppression.reason if found.suppression else None


def test_a_mail_that_bounces_is_the_last_to_that_address(
    welcome: Mail, api: Api, cloud: LocalCloud
) -> None:
    cloud.bounce(welcome)
    cloud.settle()
    assert reason_of(cloud) is SuppressionReason.BOUNCE
    before = len(cloud.mails())
    api.post("/hooks/signup", _signup())
    cloud.settle()
    assert not [mail for mail in cloud.mails()[before:] if mail.to[0] == ADDRESS]
    withheld = {row.withheld for row in messages.MessageRow.scan() if row.withheld}
    assert withheld == {"bounced"}


def _signup() -> dict[str, Any]:
    friend = {"id": "boris", "email": "boris@customer.example", "name": "Boris"}
    return {"program": "tea", "friend": friend, "code": "ANNA10"}


def test_a_complaint_suppresses_and_is_counted_once_however_often_it_is_told(
    welcome: Mail, cloud: LocalCloud
) -> None:
    for _ in range(3):
        cloud.complain(welcome)
    cloud.settle()
    assert reason_of(cloud) is SuppressionReason.COMPLAINT
    assert mail_rates.rates(now=NOON).complained == 1


def test_feedback_finds_the_mail_that_it_is_of(welcome: Mail, cloud: LocalCloud) -> None:
    cloud.bounce(welcome, kind="Transient", subtype="MailboxFull")
    cloud.settle()
    (row,) = messages.MessageRow.scan()
    assert row.feedback == "Transient/MailboxFull"
    assert reason_of(cloud) is None


def test_a_mailbox_that_refuses_for_days_is_given_up(welcome: Mail, cloud: LocalCloud) -> None:
    for day in range(5):
        assert reason_of(cloud) is None
        clock.set_source(lambda day=day: NOON + timedelta(days=day))  # type: ignore[misc]
        told = _bounce(f"f{day}", clock.utc_now().isoformat(), kind="Transient")
        cloud.invoke("notifications", "record_mail_feedback", _signed(cloud, told))
    assert reason_of(cloud) is SuppressionReason.BOUNCE


def _bounce(feedback_id: str, at: str, *, kind: str = "Permanent") -> dict[str, Any]:
    bounce = {
        "feedbackId": feedback_id,
        "bounceType": kind,
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": ADDRESS}],
        "timestamp": at,
    }
    return {"eventType": "Bounce", "bounce": bounce, "mail": {"tags": {}}}


def _told(cloud: LocalCloud, body: object, topic: str = "MailFeedbackTopic") -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": cloud.state.ref(topic),
        "Subject": None,
        "Message": body if isinstance(body, str) else json.dumps(body),
        "Timestamp": "2026-05-04T12:00:00.000Z",
    }


def _event(told: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": told}]}


def _signed(cloud: LocalCloud, body: object) -> dict[str, Any]:
    return _event(signer().signed(_told(cloud, body)))


def _forgeries(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    """Make up what a stranger who may invoke the function would send."""
    body = _bounce("forged", NOON.isoformat())
    right = signer().signed(_told(cloud, body))
    return {
        "no signature": _told(cloud, body),
        "another key": make_signer().signed(_told(cloud, body)),
        "another body": {
            **signer().signed(_told(cloud, "{}")),
            "Message": json.dumps(body),
        },
        "another topic of ours": signer().signed(_told(cloud, body, "EventsTopic")),
        "their own host": {**right, "SigningCertUrl": "https://evil.example/cert.pem"},
        "their own bucket": {
            **right,
            "SigningCertUrl": "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        },
        "a certificate that is not there": {
            **right,
            "SigningCertUrl": "https://sns.eu-west-1.amazonaws.com/another.pem",
        },
    }


def test_what_sns_did_not_sign_writes_nothing_and_is_not_tried_again(cloud: LocalCloud) -> None:
    before = {table: dump()[table] for table in TABLES}
    for told in _forgeries(cloud).values():
        cloud.invoke("notifications", "record_mail_feedback", _event(told))
        cloud.invoke("notifications", "record_sms_replies", _event(told))
    assert {table: dump()[table] for table in TABLES} == before


@pytest.mark.parametrize("body", ["", "hello", "{}", "[]", '{"eventType": "Delivery", "mail": {}}'])
def test_what_is_signed_and_no_feedback_is_passed_over(cloud: LocalCloud, body: str) -> None:
    cloud.invoke("notifications", "record_mail_feedback", _signed(cloud, body))
    assert dump()["suppressions"] == []


def test_a_certificate_that_cannot_be_had_lets_the_message_come_again(cloud: LocalCloud) -> None:
    def unreachable(_url: str) -> bytes:
        raise sns.CertificateNotReachedError("no connection")

    event = _signed(cloud, _bounce("f1", NOON.isoformat()))
    sns.set_certificate_source(unreachable)
    with pytest.raises(sns.CertificateNotReachedError):
        cloud.invoke("notifications", "record_mail_feedback", event)
    sns.set_certificate_source(lambda _url: signer().certificate)
    cloud.invoke("notifications", "record_mail_feedback", event)
    assert reason_of(cloud) is SuppressionReason.BOUNCE


def test_a_stop_ends_text_messages_and_start_does_not_begin_them(cloud: LocalCloud) -> None:
    cloud.answer_sms(NUMBER, "Thank you")
    cloud.settle()
    assert dump()["suppressions"] == []
    cloud.answer_sms(NUMBER, "СТОП")
    cloud.answer_sms(NUMBER, "START")
    cloud.settle()
    stopped = suppressions.find(number_mark(NUMBER, key=identity(cloud)))
    assert stopped.suppression is not None
    assert stopped.suppression.reason is SuppressionReason.STOP


def test_no_log_line_and_no_table_but_people_shows_the_address(
    welcome: Mail, cloud: LocalCloud, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.bounce(welcome)
    cloud.complain(welcome)
    cloud.answer_sms(NUMBER, "STOP")
    cloud.settle()
    told = capfd.readouterr()
    tables = {name: rows for name, rows in dump().items() if name != "people"}
    for personal in (ADDRESS, NUMBER):
        assert personal not in told.out + told.err
        assert personal not in str(tables)
