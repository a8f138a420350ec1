"""Who is told what, once; and the topic that carries every event."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local.cloud import LocalCloud, forget_caches
from referrals.domain.rules import Flat, RewardKind
from referrals.runtime import clock
from referrals.store import coupons, messages
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api
from tests.faults import refused_once
from tests.functions.requests import ADVOCATE, PURCHASE, SIGNUP
from tests.shop import NOON

LATER = NOON + timedelta(days=14)


def _mails(cloud: LocalCloud) -> list[tuple[str, str]]:
    return [(mail.to[0].split("@")[0], mail.subject) for mail in cloud.mails()]


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOON)


@pytest.fixture
def referred(api: Api, cloud: LocalCloud) -> Api:
    """Enrol Anna, let Boris sign up in Russian and buy, tell everybody."""
    coupons.add(shop.TEA, "welcome", "TEA-1")
    api.post("/api/advocates", ADVOCATE)
    friend = {**SIGNUP["friend"], "locale": "ru"}
    api.post("/hooks/signup", {**SIGNUP, "friend": friend})
    api.post("/hooks/purchase", PURCHASE)
    cloud.settle()
    return api


def test_both_are_told_of_what_they_earned_each_in_their_language(
    referred: Api, cloud: LocalCloud
) -> None:
    assert _mails(cloud) == [
        ("anna", "Your link for friends is ready"),
        ("anna", "Boris has joined us"),
        ("boris", "Добро пожаловать в магазин «Samovar»!"),
        ("anna", "You have earned €5"),
        ("boris", "Вам полагается 3\xa0€"),
    ]


def test_a_reward_that_is_ready_is_told_with_its_coupon(referred: Api, cloud: LocalCloud) -> None:
    cloud.run_schedules()
    cloud.settle()
    last = cloud.mails()[-1]
    assert last.to[0] == "boris@customer.example"
    assert "TEA-1" in last.text
    assert "TEA-1" in last.html


def test_the_welcome_has_the_link_in_text_and_html(referred: Api, cloud: LocalCloud) -> None:
    welcome = cloud.mails()[0]
    assert "http://127.0.0.1/r/ANNA10" in welcome.text
    assert 'href="http://127.0.0.1/r/ANNA10"' in welcome.html


def test_the_end_of_the_hold_is_told_to_both(referred: Api, cloud: LocalCloud) -> None:
    clock.set_source(lambda: LATER)
    before = len(cloud.mails())
    cloud.run_schedules()
    cloud.settle()
    told = [subject for recipient, subject in _mails(cloud)[before:] if recipient == "anna"]
    assert "€5 of credit, added for you" in told
    told = [subject for recipient, subject in _mails(cloud)[before:] if recipient == "boris"]
    assert sorted(told) == ["3\xa0€ уже на вашем счёте", "Ваш купон на 5\xa0€"]


def test_on_the_fourteenth_day_an_advocate_is_reminded_once(
    referred: Api, cloud: LocalCloud
) -> None:
    for hours in (0, 24, 48):
        clock.set_source(lambda hours=hours: LATER + timedelta(hours=hours))  # type: ignore[misc]
        cloud.run_schedules()
        cloud.settle()
    reminders = [mail for mail in _mails(cloud) if mail[1].startswith("Do you know")]
    assert reminders == [("anna", "Do you know somebody who would like Samovar?")]


def test_an_operator_is_told_of_low_stock_once_a_day(referred: Api, cloud: LocalCloud) -> None:
    for _ in range(3):
        cloud.run_schedules()
        cloud.settle()
    assert [mail.to for mail in cloud.mails() if "welcome" in mail.subject] == [
        ("operator@shop.example",)
    ]


def test_a_mailing_that_names_nothing_fails_alone(cloud: LocalCloud) -> None:
    records = [
        {
            "messageId": name,
            "body": body,
            "eventSource": "aws:sqs",
            "receiptHandle": name,
            "attributes": {},
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:mailings",
            "awsRegion": "eu-west-1",
        }
        for name, body in (
            ("bad", "{}"),
            ("good", '{"kind": "reminder", "program": "tea", "person": "per_nobody"}'),
        )
    ]
    answer = cloud.invoke("notifications", "send_mailings", {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_the_topic_carries_every_event_without_personal_data(
    referred: Api, cloud: LocalCloud
) -> None:
    envelopes = [json.loads(message.body) for message in cloud.topic_messages()]
    assert [each["type"] for each in envelopes] == [
        "advocate.enrolled",
        "referral.created",
        "conversion.recorded",
        "reward.held",
        "conversion.recorded",
        "reward.held",
        "reward.held",
    ]
    assert len({each["id"] for each in envelopes}) == 7
    text = json.dumps(envelopes)
    for personal in ("customer.example", "Boris", "boris", "anna@", "TEA-1"):
        assert personal not in text


@pytest.mark.parametrize(
    "answer", ["ThrottlingException", "AccessDeniedException", "NotFoundException", "NeverHeardOf"]
)
def test_a_mail_that_ses_did_not_take_is_sent_when_the_stream_comes_back(
    api: Api, cloud: LocalCloud, answer: str
) -> None:
    api.post("/api/advocates", ADVOCATE)
    with refused_once("SendEmail", answer):
        cloud.settle()
    assert _mails(cloud) == [("anna", "Your link for friends is ready")]
    assert messages.list_in_doubt() == []


def test_a_mail_that_ses_will_never_take_is_noted_and_stops_nothing(
    api: Api, cloud: LocalCloud
) -> None:
    api.post("/api/advocates", ADVOCATE)
    with refused_once("SendEmail", "MessageRejected"):
        cloud.settle()
    (row,) = messages.MessageRow.scan()
    assert row.refused == "MessageRejected"
    assert row.sent_at is None
    assert [json.loads(each.body)["type"] for each in cloud.topic_messages()] == [
        "advocate.enrolled"
    ]


def test_a_friend_of_whom_no_address_is_known_gets_no_mail(api: Api, cloud: LocalCloud) -> None:
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10"})
    cloud.settle()
    assert {recipient for recipient, _ in _mails(cloud)} == {"anna"}


@pytest.mark.parametrize("seconds", [0, 5, 3_600])
def test_a_hold_of_14_days_is_told_as_14_days_however_late_the_report(
    api: Api, cloud: LocalCloud, seconds: int
) -> None:
    api.post("/api/advocates", ADVOCATE)
    occurred_at = (NOON - timedelta(seconds=seconds)).isoformat()
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10", "occurred_at": occurred_at})
    cloud.settle()
    (earned,) = [mail for mail in cloud.mails() if "earned" in mail.subject]
    assert "14 days" in earned.text.replace("\xa0", " ")


def test_a_kind_of_message_that_the_terms_silence_is_not_sent(api: Api, cloud: LocalCloud) -> None:
    apply_program(replace(shop.a_program(), silent_messages=("welcome",)), now=NOON)
    forget_caches()
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10"})
    cloud.settle()
    assert _mails(cloud) == [("anna", "You have earned €5")]


def test_points_without_a_hold_are_told_once_they_are_there(api: Api, cloud: LocalCloud) -> None:
    points = replace(
        shop.ADVOCATE_TENTH, kind=RewardKind.POINTS, reward=Flat(amount_minor=50), hold_days=0
    )
    apply_program(shop.a_program(rules=[points]), now=NOON)
    forget_caches()
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10"})
    cloud.settle()
    cloud.run_schedules()
    cloud.settle()
    assert [subject for _, subject in _mails(cloud)] == [
        "Your link for friends is ready",
        "50 points, added for you",
    ]


def test_of_a_reward_that_paid_a_debt_only_what_is_left_is_told(
    api: Api, cloud: LocalCloud
) -> None:
    apply_program(shop.a_program(rules=[replace(shop.ADVOCATE_TENTH, hold_days=0)]), now=NOON)
    forget_caches()
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", {**PURCHASE, "code": "ANNA10"})
    cloud.run_schedules()
    cloud.settle()
    money = {"program": "tea", "amount_minor": 2_000, "currency": "EUR"}
    api.post("/hooks/refund", {**money, "order_id": PURCHASE["order_id"], "refund_id": "R-1"})
    for order_id in ("A-2", "A-3"):
        api.post("/hooks/purchase", {**PURCHASE, **money, "order_id": order_id})
        cloud.run_schedules()
        cloud.settle()
    told = [subject for _, subject in _mails(cloud) if "credit" in subject]
    # the second order's 2 euro pay back what the refund took, the third's are hers
    assert told == ["€5 of credit, added for you", "€2 of credit, added for you"]
