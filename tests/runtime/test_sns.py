"""Messages of SNS topics: what is signed by SNS for our topic, and everything else."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from infra.local.sns_signer import CERTIFICATE_URL, Signer, make_signer, signer
from referrals import outbound
from referrals.outbound import Answer
from referrals.runtime import sns
from referrals.runtime.sns import CertificateNotReachedError, ForgedError, our_messages, verified

TOPIC = "arn:aws:sns:eu-west-1:123456789012:sarafan-mail-feedback"
OTHER_TOPIC = "arn:aws:sns:eu-west-1:666666666666:sarafan-mail-feedback"
TOLD: dict[str, Any] = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": TOPIC,
    "Subject": None,
    "Message": '{"eventType": "Bounce"}\n',
    "Timestamp": "2026-05-04T12:00:00.123Z",
}


@pytest.fixture(autouse=True)
def asked_for() -> Iterator[list[str]]:
    """Serve the signer's certificate wherever it is asked for; collect the addresses."""
    asked = list[str]()

    def source(url: str) -> bytes:
        asked.append(url)
        return signer().certificate

    sns.set_certificate_source(source)
    yield asked
    sns.set_certificate_source(None)


def signed(by: Signer | None = None, *, version: str = "2", **changes: object) -> dict[str, Any]:
    return (by or signer()).signed({**TOLD, **changes}, version=version)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "A subject"])
def test_a_message_that_sns_signed_is_believed(version: str, subject: str | None) -> None:
    message = verified(signed(version=version, Subject=subject), topic_arn=TOPIC)
    assert message.body == '{"eventType": "Bounce"}\n'
    assert message.message_id == "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    assert message.published_at.isoformat() == "2026-05-04T12:00:00.123000+00:00"


@pytest.mark.parametrize(("version", "digest"), [("1", SHA1()), ("2", SHA256())])  # noqa: S303 - SNS has it
def test_what_is_signed_is_what_the_developer_guide_says(version: str, digest: Any) -> None:
    text = (
        "Message\nHello\nMessageId\nid-1\nSubject\nHi\nTimestamp\n2026-05-04T12:00:00.000Z\n"
        f"TopicArn\n{TOPIC}\nType\nNotification\n"
    )
    signature = signer().key.sign(text.encode(), PKCS1v15(), digest)
    told = {
        "Type": "Notification",
        "MessageId": "id-1",
        "TopicArn": TOPIC,
        "Subject": "Hi",
        "Message": "Hello",
        "Timestamp": "2026-05-04T12:00:00.000Z",
        "SignatureVersion": version,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertUrl": CERTIFICATE_URL,
        "MessageAttributes": {"not": "signed"},
    }
    assert verified(told, topic_arn=TOPIC).body == "Hello"


def test_a_certificate_is_fetched_once(asked_for: list[str]) -> None:
    for _ in range(3):
        verified(signed(), topic_arn=TOPIC)
    assert asked_for == [CERTIFICATE_URL]


FORGED = {
    "another topic": signed(TopicArn=OTHER_TOPIC),
    "another topic, named as ours": {**signed(TopicArn=OTHER_TOPIC), "TopicArn": TOPIC},
    "another key": signed(make_signer()),
    "another body": {**signed(), "Message": '{"eventType": "Complaint"}'},
    "another time": {**signed(), "Timestamp": "2026-05-04T12:00:01.123Z"},
    "another id": {**signed(), "MessageId": "another"},
    "a subject put in": {**signed(), "Subject": "put in"},
    "a subject taken away": {**signed(Subject="taken"), "Subject": None},
    "a confirmation": signed(Type="SubscriptionConfirmation"),
    "no type": signed(Type=None),
    "version 1 for 2": {**signed(), "SignatureVersion": "1"},
    "version 2 for 1": {**signed(version="1"), "SignatureVersion": "2"},
    "version 0": {**signed(), "SignatureVersion": "0"},
    "no version": {**signed(), "SignatureVersion": None},
    "a list for a version": {**signed(), "SignatureVersion": ["2"]},
    "no signature": {**signed(), "Signature": ""},
    "a signature that is none": {**signed(), "Signature": "%%%"},
    "a signature that is a number": {**signed(), "Signature": 7},
    "a short signature": {**signed(), "Signature": "QUJD"},
    "no certificate": {**signed(), "SigningCertUrl": None},
    "letters that no base64 has": {**signed(), "Signature": "é"},
    "no message": {**signed(), "Message": None},
    "a message that is a list": {**signed(), "Message": [1]},
    "no time": signed(Timestamp="yesterday"),
    "a time without a zone": signed(Timestamp="2026-05-04T12:00:00"),
    "nothing": {},
}


@pytest.mark.parametrize("name", FORGED)
def test_what_sns_did_not_sign_for_our_topic_is_refused(name: str) -> None:
    with pytest.raises(ForgedError):
        verified(FORGED[name], topic_arn=TOPIC)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/cert.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/cert.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/cert.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/cert.pem",
        "https://evil.example#sns.eu-west-1.amazonaws.com/cert.pem",
        "https://xsns.eu-west-1.amazonaws.com/cert.pem",
        "https://sns.a.b.amazonaws.com/cert.pem",
        "https://sns..amazonaws.com/cert.pem",
        "https://snsXeu-west-1.amazonaws.com/cert.pem",
        "https://s3.eu-west-1.amazonaws.com/bucket/cert.pem",
        "https://sns.amazonaws.com/cert.pem",
        "https://sns.eu-central-1.amazonaws.com/cert.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/cert.pem",
        "https://sns.s3.amazonaws.com/cert.pem",
        "https://sns.s3-eu-west-1.amazonaws.com/cert.pem",
        "https://sns.s3-accelerate.amazonaws.com/cert.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/cert.pem",
        "https://sns.eu-west-1.amazonaws.com/cert.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/?x=cert.pem",
        "https://sns.eu-west-1.amazonaws.com/cert.pem#x",
        "https://sns.eu-west-1.amazonaws.com/a/../cert.pem",
        "https://sns.eu-west-1.amazonaws.com/cert.txt",
        "https://sns.eu-west-1.amazonaws.com/cert.pem\n",
        "https://sns.eu-west-1.amazonaws.com\n.evil.example/cert.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/cert.pem",
        "HTTPS://SNS.EU-WEST-1.AMAZONAWS.COM/cert.pem",
        "https://sns.eu-west-1.amazonaws。com/cert.pem",
        "https://[::1]/cert.pem",
        "https://[/cert.pem",
        "https://169.254.169.254/cert.pem",
        "file:///etc/ssl/cert.pem",
        "//sns.eu-west-1.amazonaws.com/cert.pem",
        "",
        7,
    ],
)
def test_no_certificate_is_fetched_from_anywhere_but_sns(url: object, asked_for: list[str]) -> None:
    told = {**signed(), "SigningCertUrl": url}
    with pytest.raises(ForgedError):
        verified(told, topic_arn=TOPIC)
    assert asked_for == []


def test_a_certificate_in_china_is_of_sns_too() -> None:
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:sarafan-mail-feedback"
    told = signed(TopicArn=topic)
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem"
    assert verified({**told, "SigningCertUrl": url}, topic_arn=topic).body == TOLD["Message"]


def test_what_is_no_certificate_is_refused() -> None:
    sns.set_certificate_source(lambda _url: b"<html>")
    told = signed()
    with pytest.raises(ForgedError):
        verified(told, topic_arn=TOPIC)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, ForgedError),
        (403, ForgedError),
        (404, ForgedError),
        (500, CertificateNotReachedError),
        (503, CertificateNotReachedError),
    ],
)
def test_a_certificate_that_is_not_there_is_refused_and_one_that_cannot_be_had_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    sns.set_certificate_source(None)
    monkeypatch.setattr(outbound, "send", lambda *_, **__: Answer(status=status, body=b""))
    told = signed()
    with pytest.raises(error):
        verified(told, topic_arn=TOPIC)


def test_without_a_network_a_message_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Answer:
        raise outbound.NotReachedError("no connection")

    sns.set_certificate_source(None)
    monkeypatch.setattr(outbound, "send", fail)
    told = signed()
    with pytest.raises(CertificateNotReachedError):
        verified(told, topic_arn=TOPIC)


def test_a_fetched_certificate_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[str, str]]()

    def answer(method: str, url: str, **_: object) -> Answer:
        asked.append((method, url))
        return Answer(status=200, body=signer().certificate)

    sns.set_certificate_source(None)
    monkeypatch.setattr(outbound, "send", answer)
    verified(signed(), topic_arn=TOPIC)
    assert asked == [("GET", CERTIFICATE_URL)]


def test_of_several_messages_the_forged_ones_are_left_out() -> None:
    records = [{"Sns": signed()}, {"Sns": FORGED["another key"]}, {"Sns": signed(Message="2")}]
    bodies = [each.body for each in our_messages({"Records": records}, topic_arn=TOPIC)]
    assert bodies == [TOLD["Message"], "2"]
