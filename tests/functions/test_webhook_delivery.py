"""From the event log to webhook endpoints, through queue and clock; who is slow delays nobody."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from infra.local import templates
from infra.local.cloud import LocalCloud, forget_caches
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import EndpointId, EventId
from referrals.domain.webhooks import Endpoint, LaneKey, Pending
from referrals.notify import lane_queue
from referrals.notify.webhooks import secrets_of
from referrals.runtime import clock
from referrals.runtime.signatures import check_signature
from referrals.store import webhooks
from referrals.store.transactions import read
from referrals.usecases.change_endpoint import add_endpoint
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from referrals.usecases.queue_due_lanes import queue_due_lanes
from tests.api import Api
from tests.faults import refused_once
from tests.receivers import Receiver, receiving
from tests.shop import NOON, TEA

ADVOCATE = {"program": "tea", "id": "anna", "email": "anna@customer.example", "code": "ANNA10"}
PURCHASE = {
    "program": "tea",
    "order_id": "A-1",
    "friend": {"id": "boris", "email": "boris@customer.example"},
    "amount_minor": 5_000,
    "currency": "EUR",
    "code": "ANNA10",
}


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOON)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def slow() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def an_endpoint(receiver: Receiver) -> Endpoint:
    added = add_endpoint(receiver.url, events=(), programs=(), description="", now=NOON)
    webhooks.forget_cached()
    return added


def happened(number: int, *, reward: str | None = None) -> DomainEvent:
    return DomainEvent(
        event_id=EventId(f"evt_{number}"),
        name=EventName.REWARD_HELD,
        program_id=TEA,
        occurred_at=NOON,
        data={"reward_id": reward or f"rwd_{number}"},
    )


def pending(endpoint: Endpoint, number: int) -> tuple[Pending, ...]:
    key = LaneKey(endpoint_id=endpoint.endpoint_id, subject=f"rwd_{number}")
    wanted = webhooks.wanted_lane(key)
    read(wanted)
    return wanted.value.pending if wanted.value else ()


class Pollers:
    """Lambda's pollers: each takes a message, calls the handler, and deletes what is done."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.is_over = threading.Event()
        self._queue = cloud.state.ref("WebhookQueue")
        self._one_at_a_time = threading.Lock()

    def run(self) -> None:
        while not self.is_over.is_set():
            for message in self._take():
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                event = {"Records": [{**record, "attributes": {}}]}
                answer = self.cloud.invoke("webhook_delivery", "deliver_webhooks", event)
                assert answer == {"batchItemFailures": []}
                with self._one_at_a_time:
                    templates.client("sqs").delete_message(
                        QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                    )

    def _take(self) -> list[dict[str, Any]]:
        with self._one_at_a_time:
            answer = templates.client("sqs").receive_message(
                QueueUrl=self._queue, MaxNumberOfMessages=1
            )
        return list(answer.get("Messages", []))


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_every_event_of_a_purchase_reaches_an_endpoint_once_and_is_signed(
    api: Api, cloud: LocalCloud, receiver: Receiver
) -> None:
    endpoint = an_endpoint(receiver)
    forget_caches()
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/purchase", PURCHASE)
    cloud.settle()
    published = [json.loads(each.body) for each in cloud.topic_messages()]
    names = ["advocate.enrolled", "conversion.recorded", "referral.created"]
    assert sorted(each["type"] for each in published) == [*names, "reward.held", "reward.held"]
    by_id = sorted(published, key=lambda each: str(each["id"]))
    assert sorted((post.event for post in receiver.posts), key=lambda each: each["id"]) == by_id
    secrets = secrets_of(endpoint, outgoing=[cloud.secret("outgoing-key")], now=NOON)
    for post in receiver.posts:
        check_signature(post.headers, post.body, live=secrets, now=NOON)


def test_what_the_queue_never_got_the_clock_finds(cloud: LocalCloud, receiver: Receiver) -> None:
    an_endpoint(receiver)
    with refused_once("SendMessageBatch", "ServiceUnavailable"):
        enqueue_webhooks(happened(1), now=NOON)
    cloud.settle()
    assert receiver.posts == []
    cloud.run_schedules()
    cloud.settle()
    assert receiver.ids() == ["evt_1"]


def test_what_failed_is_tried_again_when_it_is_due(cloud: LocalCloud, receiver: Receiver) -> None:
    an_endpoint(receiver)
    receiver.answers.append(500)
    enqueue_webhooks(happened(1), now=NOON)
    cloud.settle()
    cloud.run_schedules()
    cloud.settle()
    assert receiver.ids() == ["evt_1"]
    clock.set_source(lambda: NOON + timedelta(minutes=2))
    cloud.run_schedules()
    cloud.settle()
    assert receiver.ids() == ["evt_1", "evt_1"]
    assert cloud.queue_depth("webhooks-dead.fifo") == 0


def test_who_answers_slowly_delays_nobody_else(
    cloud: LocalCloud, receiver: Receiver, slow: Receiver
) -> None:
    an_endpoint(slow)
    an_endpoint(receiver)
    slow.is_open.clear()
    for number in range(12):
        enqueue_webhooks(happened(number), now=NOON)
    everything, pollers = {f"evt_{number}" for number in range(12)}, Pollers(cloud)
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(pollers.run) for _ in range(8)]
        _until(lambda: set(receiver.ids()) == everything)
        # four groups of it are being worked on, and no more until one of them answers
        assert len(slow.posts) <= 4
        slow.is_open.set()
        _until(lambda: cloud.queue_depth("webhooks.fifo") == 0)
        pollers.is_over.set()
        assert [each.result() for each in running] == [None] * 8
    assert sorted(slow.ids()) == sorted(receiver.ids()) == sorted(everything)


def test_of_an_endpoint_that_fails_the_clock_queues_a_few_and_of_others_many(
    cloud: LocalCloud, receiver: Receiver, slow: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("referrals.usecases.queue_due_lanes.MOST_OF_A_FAILING_GROUP", 2)
    endpoint = an_endpoint(slow)
    slow.status = 500
    enqueue_webhooks(happened(0), now=NOON)
    cloud.settle()
    an_endpoint(receiver)
    for number in range(1, 21):
        enqueue_webhooks(happened(number), now=NOON)
    # nothing was queued for the one that is known to fail
    assert cloud.queue_depth("webhooks.fifo") == 20
    assert pending(endpoint, 1) == (Pending(event_id=EventId("evt_1"), occurred_at=NOON),)
    assert queue_due_lanes(now=NOON + timedelta(seconds=1)) == 8 + 20
    cloud.settle()
    assert len(receiver.posts) == 20
    assert len(slow.posts) == 1 + 8


def test_a_message_that_names_no_lane_ends_with_the_dead_letters(cloud: LocalCloud) -> None:
    templates.client("sqs").send_message(
        QueueUrl=cloud.state.ref("WebhookQueue"),
        MessageBody="nonsense",
        MessageGroupId="any",
        MessageDeduplicationId="any",
    )
    cloud.settle()
    assert cloud.queue_depth("webhooks.fifo") == 0
    assert cloud.queue_depth("webhooks-dead.fifo") == 1


def test_a_lane_that_is_gone_is_no_failure(cloud: LocalCloud) -> None:
    body = lane_queue.written(LaneKey(endpoint_id=EndpointId("end_nobody"), subject="rwd_1"))
    event = {"Records": [{"messageId": "1", "body": body, "attributes": {}}]}
    answer = cloud.invoke("webhook_delivery", "deliver_webhooks", event)
    assert answer == {"batchItemFailures": []}
