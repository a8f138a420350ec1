"""What SES and two-way SMS say, read into our values; and what is not understood."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from referrals.domain.suppressions import FeedbackKind
from referrals.runtime.feedback import mail_feedback, sms_reply
from referrals.runtime.sns import TopicMessage

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MESSAGE_ID = "msg_abcdefghijklmnopqrstuvwx"
# as in "Examples of event data that Amazon SES publishes to Amazon SNS"
BOUNCE: dict[str, Any] = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {
                "emailAddress": "anna@shop.example",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 <anna@shop.example>... User unknown",
            }
        ],
        "timestamp": "2026-05-04T12:00:00.000Z",
        "feedbackId": "0100-feedback-1",
        "reportingMTA": "dsn; mta.example.com",
    },
    "mail": {
        "timestamp": "2026-05-04T11:59:00.000Z",
        "messageId": "0100-mail-1",
        "destination": ["anna@shop.example"],
        "headersTruncated": False,
        "tags": {"ses:configuration-set": ["mail"], "message_id": [MESSAGE_ID]},
    },
}
COMPLAINT: dict[str, Any] = {
    "eventType": "Complaint",
    "complaint": {
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": "anna@shop.example"}],
        "timestamp": "2026-05-04T12:00:00.000Z",
        "feedbackId": "0100-feedback-2",
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": "2026-05-04T12:00:00.000Z",
    },
    "mail": BOUNCE["mail"],
}


def message(body: object) -> TopicMessage:
    text = body if isinstance(body, str) else json.dumps(body)
    return TopicMessage(message_id="1", body=text, published_at=AT)


def bounce(**changes: object) -> dict[str, Any]:
    return {**BOUNCE, "bounce": {**BOUNCE["bounce"], **changes}}


def complaint(**changes: object) -> dict[str, Any]:
    return {**COMPLAINT, "complaint": {**COMPLAINT["complaint"], **changes}}


def test_a_bounce_is_read_with_the_mail_that_it_is_of() -> None:
    told = mail_feedback(message(BOUNCE))
    assert told is not None
    assert told.kind is FeedbackKind.HARD_BOUNCE
    assert told.addresses == ("anna@shop.example",)
    assert told.feedback_id == "0100-feedback-1"
    assert told.detail == "Permanent/General"
    assert told.occurred_at == AT
    assert told.message_id == MESSAGE_ID


@pytest.mark.parametrize(
    ("bounce_type", "subtype", "kind", "is_counted"),
    [
        ("Permanent", "General", FeedbackKind.HARD_BOUNCE, True),
        ("Permanent", "NoEmail", FeedbackKind.HARD_BOUNCE, True),
        ("Permanent", "Suppressed", FeedbackKind.HARD_BOUNCE, True),
        ("Permanent", "OnAccountSuppressionList", FeedbackKind.HARD_BOUNCE, False),
        ("Transient", "General", FeedbackKind.SOFT_BOUNCE, True),
        ("Transient", "MailboxFull", FeedbackKind.SOFT_BOUNCE, True),
        ("Transient", "MessageTooLarge", FeedbackKind.HINT, True),
        ("Transient", "ContentRejected", FeedbackKind.HINT, True),
        ("Transient", "AttachmentRejected", FeedbackKind.HINT, True),
        ("Undetermined", "Undetermined", FeedbackKind.HINT, True),
        ("NeverHeardOf", "General", FeedbackKind.HINT, True),
    ],
)
def test_kinds_of_bounces(
    bounce_type: str, subtype: str, kind: FeedbackKind, *, is_counted: bool
) -> None:
    told = mail_feedback(message(bounce(bounceType=bounce_type, bounceSubType=subtype)))
    assert told is not None
    assert (told.kind, told.is_counted) == (kind, is_counted)


@pytest.mark.parametrize(
    ("feedback_type", "subtype", "kind", "is_counted"),
    [
        ("abuse", None, FeedbackKind.COMPLAINT, True),
        ("fraud", None, FeedbackKind.COMPLAINT, True),
        (None, None, FeedbackKind.COMPLAINT, True),
        ("not-spam", None, FeedbackKind.HINT, True),
        ("abuse", "OnAccountSuppressionList", FeedbackKind.COMPLAINT, False),
    ],
)
def test_kinds_of_complaints(
    feedback_type: str | None, subtype: str | None, kind: FeedbackKind, *, is_counted: bool
) -> None:
    body = complaint(complaintFeedbackType=feedback_type, complaintSubType=subtype)
    told = mail_feedback(message(body))
    assert told is not None
    assert (told.kind, told.is_counted) == (kind, is_counted)


def test_a_notification_of_an_identity_says_the_same_in_another_field() -> None:
    body = {**BOUNCE, "notificationType": "Bounce", "mail": {"messageId": "0100"}}
    del body["eventType"]
    told = mail_feedback(message(body))
    assert told is not None
    assert told.message_id is None


def test_a_name_before_an_address_is_left_out_and_no_address_is_told_twice() -> None:
    recipients = [
        {"emailAddress": '"Anna B." <anna@shop.example>'},
        {"emailAddress": "anna@shop.example"},
        {"emailAddress": "not an address"},
    ]
    told = mail_feedback(message(bounce(bouncedRecipients=recipients)))
    assert told is not None
    assert told.addresses == ("anna@shop.example",)


@pytest.mark.parametrize("tag", ["", "msg_1", "anna@shop.example", f"{MESSAGE_ID}\n", "x" * 5_000])
def test_a_tag_that_is_no_message_of_ours_is_left_out(tag: str) -> None:
    body = {**BOUNCE, "mail": {"tags": {"message_id": [tag]}}}
    told = mail_feedback(message(body))
    assert told is not None
    assert told.message_id is None


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "null", "[]", "7", '"Bounce"', "{}", "\ud800", "[" * 100_000),
        {"eventType": "Delivery", "mail": {}, "delivery": {}},
        {"eventType": "Bounce", "mail": {}},
        {"eventType": "Complaint", "mail": {}, "bounce": BOUNCE["bounce"]},
        {**BOUNCE, "mail": None},
        {**BOUNCE, "mail": {"tags": {"message_id": "not a list"}}},
        bounce(bouncedRecipients=[]),
        bounce(bouncedRecipients="anna@shop.example"),
        bounce(bouncedRecipients=[{"emailAddress": "a@shop.example"}] * 51),
        bounce(feedbackId=""),
        bounce(feedbackId="x" * 257),
        bounce(feedbackId=7),
        bounce(timestamp="yesterday"),
        bounce(timestamp="2026-05-04T12:00:00"),
        bounce(timestamp="0001-01-01T00:00:00+14:00"),
        bounce(timestamp="9999-12-31T23:59:59-14:00"),
        bounce(bounceType="<anna@shop.example>"),
        bounce(bounceSubType=None),
        complaint(complaintFeedbackType="anna@shop.example"),
        complaint(complainedRecipients=None),
    ],
    ids=lambda body: ascii(body)[:40],
)
def test_what_is_not_understood_is_nothing_and_no_error(body: object) -> None:
    assert mail_feedback(message(body)) is None


REPLY = {
    "originationNumber": "+4915112345678",
    "destinationNumber": "+4915100000000",
    "messageKeyword": "JOIN",
    "messageBody": "STOP",
    "inboundMessageId": "cae173d2",
    "previousPublishedMessageId": None,
}


def test_an_answer_to_a_text_message_is_read_with_its_time() -> None:
    told = sms_reply(message(REPLY))
    assert told is not None
    assert (told.number, told.text, told.sent_at) == ("+4915112345678", "STOP", AT)


@pytest.mark.parametrize(
    "body",
    [
        *("", "{}", "[]"),
        {**REPLY, "messageBody": None},
        {**REPLY, "messageBody": "x" * 2_001},
        {**REPLY, "originationNumber": ""},
        {**REPLY, "originationNumber": 49},
    ],
    ids=lambda body: ascii(body)[:40],
)
def test_what_is_no_answer_is_nothing(body: object) -> None:
    assert sms_reply(message(body)) is None
