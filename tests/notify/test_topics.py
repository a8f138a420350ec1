"""Domain events as subscribers of the topic read them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from referrals import clients
from referrals.domain.events import DomainEvent, EventName, EventValue
from referrals.domain.ids import EventId, ProgramId
from referrals.notify.topics import envelope, publish

REGION = "eu-central-1"


def an_event(
    *,
    occurred_at: datetime = datetime(2026, 5, 2, 9, 30, tzinfo=UTC),
    **data: EventValue,
) -> DomainEvent:
    return DomainEvent(
        event_id=EventId("evt_1"),
        name=EventName.REWARD_HELD,
        program_id=ProgramId("spring"),
        occurred_at=occurred_at,
        data=data,
    )


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make the topic and give moto's side of it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    clients.forget_clients()
    with mock_aws():
        arn = clients.client("sns").create_topic(Name="sarafan-test-events")["TopicArn"]
        monkeypatch.setenv("EVENTS_TOPIC_ARN", arn)
        yield sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[arn]
    clients.forget_clients()


def test_an_envelope_says_what_happened_where_and_when() -> None:
    event = an_event(reward_id="rwd_1", amount_minor=10_00, unit="EUR", order_id=None)
    assert envelope(event) == {
        "id": "evt_1",
        "type": "reward.held",
        "timestamp": "2026-05-02T09:30:00Z",
        "data": {
            "program": "spring",
            "reward_id": "rwd_1",
            "amount_minor": 1000,
            "unit": "EUR",
            "order_id": None,
        },
    }


@pytest.mark.parametrize(
    ("occurred_at", "written"),
    [
        (
            datetime(2026, 5, 2, 12, 30, tzinfo=timezone(timedelta(hours=3))),
            "2026-05-02T09:30:00Z",
        ),
        (datetime(2026, 5, 2, 9, 30, 0, 250_000, tzinfo=UTC), "2026-05-02T09:30:00.250000Z"),
    ],
)
def test_a_time_is_written_in_utc(occurred_at: datetime, written: str) -> None:
    assert envelope(an_event(occurred_at=occurred_at))["timestamp"] == written


def test_the_program_of_the_event_wins_over_its_data() -> None:
    assert envelope(an_event(program="another"))["data"] == {"program": "spring"}


def test_subscribers_get_the_envelope_and_what_filters_need(topic: Any) -> None:
    publish(an_event(reward_id="rwd_1", shop="Лён"))
    [(_message_id, message, _subject, attributes, _group)] = topic.sent_notifications
    assert json.loads(message) == {
        "id": "evt_1",
        "type": "reward.held",
        "timestamp": "2026-05-02T09:30:00Z",
        "data": {"program": "spring", "reward_id": "rwd_1", "shop": "Лён"},
    }
    assert attributes == {
        "type": {"Type": "String", "Value": "reward.held"},
        "program": {"Type": "String", "Value": "spring"},
    }


def test_an_event_published_twice_keeps_its_id(topic: Any) -> None:
    publish(an_event())
    publish(an_event())
    assert {json.loads(sent[1])["id"] for sent in topic.sent_notifications} == {"evt_1"}
