"""Events go to webhook endpoints: in order, once or again, and not for longer than it helps."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import EndpointId, EventId
from referrals.domain.webhooks import (
    Delivery,
    DeliveryState,
    DisabledReason,
    Endpoint,
    Lane,
    LaneKey,
    Try,
    disabled,
    enabled,
    groups_of,
    rotated,
)
from referrals.notify.webhooks import Posted, post_test, secrets_of
from referrals.runtime.signatures import RefusedError, check_signature
from referrals.store import events, webhooks
from referrals.store.transactions import commit, read
from referrals.usecases import enqueue_webhooks as enqueuing
from referrals.usecases.change_endpoint import add_endpoint, change_endpoint
from referrals.usecases.deliver_lane import deliver_lane
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from referrals.usecases.replay_webhooks import (
    DeliveryNotFoundError,
    EndpointDisabledError,
    replay_event,
    replay_failed,
    replay_since,
)
from tests.faults import KilledError, calls_counted, every_kill, killed
from tests.receivers import Post, Receiver, receiving
from tests.shop import NOON, TEA
from tests.usecases.test_races import at_once

OUTGOING = ("an outgoing key of this test suite",)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _no_queue(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose every message on its way to the queue: the clock finds all the same what is due."""
    monkeypatch.setenv("WEBHOOK_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/no-queue.fifo")
    webhooks.forget_cached()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def an_endpoint(receiver: Receiver, *wanted: EventName) -> Endpoint:
    added = add_endpoint(receiver.url, events=wanted, programs=(), description="", now=NOON)
    webhooks.forget_cached()
    return added


def happened(
    number: int = 1,
    *,
    reward: str = "rwd_1",
    name: EventName = EventName.REWARD_HELD,
    at: datetime = NOON,
) -> DomainEvent:
    return DomainEvent(
        event_id=EventId(f"evt_{number}"),
        name=name,
        program_id=TEA,
        occurred_at=at,
        data={"reward_id": reward, "amount_minor": 500, "note": "\u0447\u0430\u0439"},
    )


def deliver_due(endpoint: Endpoint, *, now: datetime) -> None:
    """Do what the clock and the worker do: deliver whatever is due, as far as it goes."""
    for group in groups_of(endpoint.endpoint_id):
        for key, _ in webhooks.list_due(group, now, most=100):
            deliver(key, now=now)


def deliver(key: LaneKey, *, now: datetime) -> None:
    while deliver_lane(key, outgoing=OUTGOING, now=now):
        pass


def delivery(endpoint: Endpoint, number: int = 1) -> Delivery:
    wanted = webhooks.wanted_delivery(endpoint.endpoint_id, EventId(f"evt_{number}"))
    read(wanted)
    assert wanted.value is not None
    return wanted.value


def known(endpoint: Endpoint) -> Endpoint:
    return webhooks.get_endpoint(endpoint.endpoint_id)


def key_of(endpoint: Endpoint, reward: str = "rwd_1") -> LaneKey:
    return LaneKey(endpoint_id=endpoint.endpoint_id, subject=reward)


def lane(endpoint: Endpoint, reward: str = "rwd_1") -> Lane | None:
    wanted = webhooks.wanted_lane(key_of(endpoint, reward))
    read(wanted)
    return wanted.value


def is_empty(endpoint: Endpoint, reward: str = "rwd_1") -> bool:
    return lane(endpoint, reward) is None


def next_try_at(endpoint: Endpoint) -> datetime:
    waiting = lane(endpoint)
    assert waiting is not None
    return waiting.due_at


def told() -> list[EventName]:
    """Give what operators were told, in order."""
    return [each.name for each in sorted(events.iter_all(), key=lambda each: each.occurred_at)]


def is_signed(post: Post, secret: str, now: datetime) -> bool:
    try:
        check_signature(post.headers, post.body, live=[secret], now=now)
    except RefusedError:
        return False
    return True


def test_an_event_is_posted_as_standard_webhooks_has_it(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(), now=NOON)
    deliver_due(endpoint, now=NOON)
    (post,) = receiver.posts
    assert post.event == {
        "id": "evt_1",
        "type": "reward.held",
        "timestamp": "2026-05-04T12:00:00Z",
        "data": {
            "reward_id": "rwd_1",
            "amount_minor": 500,
            "note": "\u0447\u0430\u0439",
            "program": "tea",
        },
    }
    assert post.headers["content-type"] == "application/json"
    assert post.headers["webhook-id"] == "evt_1"
    assert post.headers["webhook-timestamp"] == "1777896000"
    (secret,) = secrets_of(endpoint, outgoing=OUTGOING, now=NOON)
    assert is_signed(post, secret, NOON)
    assert delivery(endpoint).state is DeliveryState.DELIVERED
    assert [each.status for each in delivery(endpoint).tries] == [200]
    assert is_empty(endpoint)


def test_an_event_that_is_announced_again_and_again_is_posted_once(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    at_once([lambda: enqueue_webhooks(happened(), now=NOON)] * 8)
    deliver_due(endpoint, now=NOON)
    enqueue_webhooks(happened(), now=NOON + HOUR)
    deliver_due(endpoint, now=NOON + HOUR)
    assert receiver.ids() == ["evt_1"]


def test_without_endpoints_an_event_asks_once_a_minute_who_they_are() -> None:
    with calls_counted() as made:
        for number in range(20):
            enqueue_webhooks(happened(number), now=NOON)
    assert made == ["Scan"]


def test_an_endpoint_is_told_only_what_it_asked_for(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver, EventName.REWARD_FULFILLED)
    enqueue_webhooks(happened(1), now=NOON)
    enqueue_webhooks(happened(2, name=EventName.REWARD_FULFILLED), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert receiver.ids() == ["evt_2"]


@pytest.mark.parametrize("name", [EventName.WEBHOOK_FAILING, EventName.WEBHOOK_DISABLED])
def test_that_a_webhook_fails_is_told_to_no_webhook(receiver: Receiver, name: EventName) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(name=name), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert receiver.posts == []


def test_what_happened_to_one_object_arrives_in_order_whatever_fails(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    draw = random.Random(75)
    numbers = list(range(12))
    draw.shuffle(numbers)  # the stream's shards bring them in any order
    for number in numbers:
        at = NOON + timedelta(seconds=number)
        enqueue_webhooks(happened(number, at=at), now=NOON + timedelta(minutes=1))
    receiver.answers.extend(draw.choice([200, 500, 503, 302]) for _ in range(20))
    now = NOON + timedelta(minutes=1)
    while not is_empty(endpoint):
        deliver_due(endpoint, now=now)
        now += HOUR
    arrived = list(dict.fromkeys(receiver.ids()))
    assert arrived == [f"evt_{number}" for number in range(12)]
    assert receiver.ids() == sorted(receiver.ids(), key=arrived.index)


def test_an_object_that_fails_delays_no_other(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    receiver.answers.append(500)
    enqueue_webhooks(happened(1), now=NOON)
    deliver_due(endpoint, now=NOON)
    enqueue_webhooks(happened(2), now=NOON)
    enqueue_webhooks(happened(3, reward="rwd_2"), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert receiver.ids() == ["evt_1", "evt_3"]
    deliver_due(endpoint, now=NOON + HOUR)
    assert receiver.ids() == ["evt_1", "evt_3", "evt_1", "evt_2"]


def test_an_event_is_tried_ten_times_over_75_hours_and_then_the_next_follows(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(1), now=NOON)
    enqueue_webhooks(happened(2), now=NOON)
    receiver.status = 500
    now = NOON
    while delivery(endpoint).state is DeliveryState.PENDING:
        deliver_due(endpoint, now=now)
        now = next_try_at(endpoint)
    tries = delivery(endpoint).tries
    assert len(tries) == 10
    assert delivery(endpoint).state is DeliveryState.FAILED
    assert timedelta(hours=67.5) <= tries[-1].at - tries[0].at <= timedelta(hours=82.6)
    assert Counter(receiver.ids()) == {"evt_1": 10, "evt_2": 1}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked", ["7200", "Mon, 04 May 2026 14:00:00 GMT"])
def test_a_receiver_that_asks_for_time_is_not_told_of_that_object_before_it_is_over(
    receiver: Receiver, status: int, asked: str
) -> None:
    endpoint = an_endpoint(receiver)
    receiver.answers.append(status)
    receiver.asks_for = (asked,)
    enqueue_webhooks(happened(1), now=NOON)
    deliver_due(endpoint, now=NOON)
    in_two_hours = NOON + 2 * HOUR
    assert in_two_hours <= next_try_at(endpoint) < in_two_hours + timedelta(seconds=10)
    enqueue_webhooks(happened(2), now=NOON + HOUR)
    deliver_due(endpoint, now=in_two_hours - timedelta(seconds=1))
    assert receiver.ids() == ["evt_1"]
    deliver_due(endpoint, now=in_two_hours + timedelta(seconds=10))
    assert receiver.ids() == ["evt_1", "evt_1", "evt_2"]


def test_who_asks_for_time_for_one_object_is_told_of_others(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    receiver.answers.append(429)
    receiver.asks_for = ("7200",)
    enqueue_webhooks(happened(1), now=NOON)
    deliver_due(endpoint, now=NOON)
    enqueue_webhooks(happened(2, reward="rwd_2"), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert receiver.ids() == ["evt_1", "evt_2"]
    assert is_empty(endpoint, "rwd_2")


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (500, ("7200",)),
        (302, ("7200",)),
        (429, ("-7200",)),
        (429, ("soon",)),
        (429, ("7200", "7200")),
        (503, ("Mon, 04 May 2026 11:00:00 GMT",)),
    ],
)
def test_what_asks_for_no_time_is_tried_again_when_it_was_planned(
    receiver: Receiver, status: int, asked: tuple[str, ...]
) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status, receiver.asks_for = status, asked
    enqueue_webhooks(happened(), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert timedelta(seconds=54) <= next_try_at(endpoint) - NOON <= timedelta(seconds=66)


def test_who_asks_for_time_for_ever_is_tried_once_a_day_and_disabled_after_five(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status, receiver.asks_for = 503, ("9" * 5_000,)
    enqueue_webhooks(happened(), now=NOON)
    for hours in range(10 * 24):
        deliver_due(endpoint, now=NOON + hours * HOUR)
    assert [each.at - NOON for each in delivery(endpoint).tries] == [
        *(timedelta(0), 1 * DAY, 2 * DAY, 3 * DAY, 4 * DAY),
        5 * DAY,
    ]
    assert delivery(endpoint).state is DeliveryState.DROPPED
    assert known(endpoint).disabled_reason is DisabledReason.FAILING


def test_a_redirect_is_a_failure_and_nobody_goes_there(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status = 307
    enqueue_webhooks(happened(), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert [each.status for each in delivery(endpoint).tries] == [307]
    assert delivery(endpoint).state is DeliveryState.PENDING
    assert len(receiver.posts) == 1


def test_an_endpoint_whose_address_is_not_public_any_more_fails_and_is_not_called() -> None:
    endpoint = add_endpoint(
        "https://169.254.169.254/", events=(), programs=(), description="", now=NOON
    )
    webhooks.forget_cached()
    enqueue_webhooks(happened(), now=NOON)
    deliver_due(endpoint, now=NOON)
    (tried,) = delivery(endpoint).tries
    assert tried.error == "TargetRefusedError: is no public address"
    assert known(endpoint).failing_since == NOON


def test_an_endpoint_that_says_it_is_gone_is_disabled_and_what_waits_is_dropped(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status = 410
    for number in range(3):
        enqueue_webhooks(happened(number), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert known(endpoint).disabled_reason is DisabledReason.GONE
    assert told() == [EventName.WEBHOOK_DISABLED]
    deliver_due(endpoint, now=NOON + HOUR)
    assert [delivery(endpoint, number).state for number in range(3)] == [DeliveryState.DROPPED] * 3
    assert receiver.ids() == ["evt_0"]
    assert is_empty(endpoint)


def test_two_objects_that_hear_410_at_once_tell_operators_once(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status = 410
    for number in range(4):
        enqueue_webhooks(happened(number, reward=f"rwd_{number}"), now=NOON)
    at_once(
        [lambda n=n: deliver(key_of(endpoint, f"rwd_{n}"), now=NOON) for n in range(4)]  # type: ignore[misc]
    )
    assert told() == [EventName.WEBHOOK_DISABLED]


def test_an_endpoint_that_fails_for_five_days_is_disabled_after_two_warnings(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status = 500
    for day in range(6):
        now = NOON + day * DAY
        enqueue_webhooks(happened(day, reward=f"rwd_{day}", at=now), now=now)
        deliver_due(endpoint, now=now)
    assert told() == [
        EventName.WEBHOOK_FAILING,
        EventName.WEBHOOK_FAILING,
        EventName.WEBHOOK_DISABLED,
    ]
    assert known(endpoint).disabled_reason is DisabledReason.FAILING
    webhooks.forget_cached()
    enqueue_webhooks(happened(7), now=NOON + 6 * DAY)
    assert list(webhooks.iter_deliveries(endpoint.endpoint_id, states=[DeliveryState.PENDING]))
    deliver_due(endpoint, now=NOON + 9 * DAY)
    states = {each.state for each in webhooks.iter_deliveries(endpoint.endpoint_id)}
    assert states == {DeliveryState.DROPPED}


def test_a_success_after_four_days_ends_the_failure(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    receiver.status = 500
    for day in range(5):
        now = NOON + day * DAY
        receiver.status = 200 if day == 4 else 500
        enqueue_webhooks(happened(day, reward=f"rwd_{day}", at=now), now=now)
        deliver_due(endpoint, now=now)
    assert known(endpoint).failing_since is None
    assert known(endpoint).succeeded_at == NOON + 4 * DAY


def test_while_a_secret_is_rotated_the_old_and_the_new_one_open_what_is_posted(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver)
    (old,) = secrets_of(endpoint, outgoing=OUTGOING, now=NOON)
    changed = change_endpoint(endpoint.endpoint_id, lambda each: rotated(each, now=NOON))
    new = secrets_of(changed, outgoing=OUTGOING, now=NOON)[0]
    for number, now in enumerate((NOON, NOON + DAY)):
        enqueue_webhooks(happened(number), now=now)
        deliver_due(endpoint, now=now)
    during, after = receiver.posts
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert [is_signed(during, each, NOON) for each in (old, new)] == [True, True]
    assert [is_signed(after, each, NOON + DAY) for each in (old, new)] == [False, True]


def test_secrets_of_endpoints_differ_and_need_the_outgoing_key(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    other = replace(endpoint, endpoint_id=EndpointId("end_other"))
    secrets = {
        *secrets_of(endpoint, outgoing=OUTGOING, now=NOON),
        *secrets_of(other, outgoing=OUTGOING, now=NOON),
        *secrets_of(endpoint, outgoing=("another key",), now=NOON),
    }
    assert len(secrets) == 3
    assert all(each.startswith("whsec_") for each in secrets)


def test_a_test_event_is_posted_at_once(receiver: Receiver) -> None:
    outcome = post_test(an_endpoint(receiver), outgoing=OUTGOING, now=NOON)
    assert outcome.is_success
    assert receiver.posts[0].event["type"] == "webhook.test"


def _failed(endpoint: Endpoint, receiver: Receiver, *numbers: int) -> None:
    receiver.status = 500
    for number in numbers:
        enqueue_webhooks(happened(number, at=NOON + timedelta(seconds=number)), now=NOON)
    now = NOON
    while not is_empty(endpoint):
        deliver_due(endpoint, now=now)
        now += 27 * HOUR
        change_endpoint(endpoint.endpoint_id, enabled)  # somebody keeps it alive
    receiver.posts.clear()
    receiver.status = 200


def test_what_was_given_up_is_sent_again_in_order_under_the_same_ids(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(9), now=NOON)
    deliver_due(endpoint, now=NOON)
    _failed(endpoint, receiver, 2, 1)
    later = NOON + 60 * DAY
    assert replay_failed(endpoint.endpoint_id, now=later) == 2
    deliver_due(endpoint, now=later)
    assert receiver.ids() == ["evt_1", "evt_2"]
    assert replay_failed(endpoint.endpoint_id, now=later) == 0


def test_one_event_is_sent_again_even_when_it_was_delivered(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(), now=NOON)
    deliver_due(endpoint, now=NOON)
    assert replay_event(endpoint.endpoint_id, "evt_1", now=NOON + HOUR) == 1
    assert replay_event(endpoint.endpoint_id, "evt_1", now=NOON + HOUR) == 0  # on its way
    deliver_due(endpoint, now=NOON + HOUR)
    assert receiver.ids() == ["evt_1", "evt_1"]
    assert [each.at for each in delivery(endpoint).tries] == [NOON, NOON + HOUR]


def test_everything_since_a_moment_is_sent_again_that_the_endpoint_wants(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver, EventName.REWARD_HELD)
    for number, hours in enumerate((0, 5, 10, 15, 20)):
        name = EventName.REWARD_VOIDED if hours == 15 else EventName.REWARD_HELD
        at = NOON + hours * HOUR
        commit(events.append([happened(number, name=name, at=at)], now=at))
    enqueue_webhooks(happened(2, at=NOON + 10 * HOUR), now=NOON + 10 * HOUR)
    deliver_due(endpoint, now=NOON + 10 * HOUR)
    assert replay_since(endpoint.endpoint_id, NOON + 5 * HOUR, now=NOON + DAY) == 3
    deliver_due(endpoint, now=NOON + DAY)
    assert receiver.ids() == ["evt_2", "evt_1", "evt_2", "evt_4"]


def test_an_event_that_was_never_to_be_sent_cannot_be_sent_again(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    with pytest.raises(DeliveryNotFoundError):
        replay_event(endpoint.endpoint_id, "evt_1", now=NOON)


@pytest.mark.parametrize(
    "replay",
    [
        lambda endpoint_id: replay_event(endpoint_id, "evt_1", now=NOON),
        lambda endpoint_id: replay_failed(endpoint_id, now=NOON),
        lambda endpoint_id: replay_since(endpoint_id, NOON, now=NOON),
    ],
)
def test_nothing_is_sent_again_to_an_endpoint_that_is_disabled(
    receiver: Receiver, replay: Callable[[str], int]
) -> None:
    endpoint = an_endpoint(receiver)
    change_endpoint(endpoint.endpoint_id, lambda each: disabled(each, DisabledReason.BY_HAND))
    with pytest.raises(EndpointDisabledError):
        replay(endpoint.endpoint_id)


def test_workers_who_come_at_once_post_once(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(1), now=NOON)
    enqueue_webhooks(happened(2), now=NOON)
    key = key_of(endpoint)
    at_once([lambda: deliver_lane(key, outgoing=OUTGOING, now=NOON)] * 8)
    deliver(key, now=NOON)
    assert receiver.ids() == ["evt_1", "evt_2"]


def _calls_of_a_delivery() -> int:
    """Count the AWS calls from the announcement to the last word of a delivery."""
    with receiving() as receiver:
        endpoint = an_endpoint(receiver)

        def action() -> None:
            enqueue_webhooks(happened(50, reward="rwd_50"), now=NOON)
            deliver(key_of(endpoint, "rwd_50"), now=NOON)

        calls = every_kill(action)
        change_endpoint(endpoint.endpoint_id, lambda each: disabled(each, DisabledReason.BY_HAND))
    return calls


def test_a_process_that_dies_anywhere_loses_nothing_and_keeps_the_order(
    receiver: Receiver,
) -> None:
    calls = _calls_of_a_delivery()
    assert calls >= 6
    endpoint = an_endpoint(receiver)
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            number = at_call * 2 + is_after
            reward = f"rwd_{number}-"
            webhooks.forget_cached()
            _killed_delivery(endpoint, number, reward, at_call, is_after=is_after)
            later = NOON + timedelta(minutes=2)
            enqueue_webhooks(happened(number, reward=reward), now=later)  # the relay comes again
            deliver_due(endpoint, now=later)
            assert receiver.ids().count(f"evt_{number}") in {1, 2}
            assert delivery(endpoint, number).state is DeliveryState.DELIVERED
            assert is_empty(endpoint, reward)


def _killed_delivery(
    endpoint: Endpoint, number: int, reward: str, at_call: int, *, is_after: bool
) -> None:
    with killed(at_call=at_call, is_after=is_after):
        try:
            enqueue_webhooks(happened(number, reward=reward), now=NOON)
            deliver(key_of(endpoint, reward), now=NOON)
        except KilledError:
            return


def test_a_success_is_written_by_a_worker_who_was_too_slow_and_a_failure_is_not(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(), now=NOON)
    later = NOON + timedelta(minutes=2)
    monkeypatch.setattr(
        "referrals.usecases.deliver_lane.post", _slow_then_fast(endpoint, later, first=500)
    )
    deliver(key_of(endpoint), now=NOON)
    assert [each.status for each in delivery(endpoint).tries] == [503]
    enqueue_webhooks(happened(2, reward="rwd_2"), now=NOON)
    monkeypatch.setattr(
        "referrals.usecases.deliver_lane.post",
        _slow_then_fast(endpoint, later, first=200, reward="rwd_2"),
    )
    deliver(key_of(endpoint, "rwd_2"), now=NOON)
    assert [each.status for each in delivery(endpoint, 2).tries] == [503, 200]
    assert delivery(endpoint, 2).state is DeliveryState.DELIVERED
    assert is_empty(endpoint, "rwd_2")


def _slow_then_fast(
    endpoint: Endpoint, later: datetime, *, first: int, reward: str = "rwd_1"
) -> Callable[..., object]:
    """Let somebody else take the lane, and fail, while the first post is on its way."""
    seen = list[int]()

    def post(*_: object, **__: object) -> Posted:
        if seen:
            return Posted(outcome=Try(at=later, duration_ms=1, status=503))
        seen.append(1)
        deliver(key_of(endpoint, reward), now=later)
        return Posted(outcome=Try(at=NOON, duration_ms=120_000, status=first))

    return post


def test_what_finds_its_lane_full_is_dropped_and_can_be_sent_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = an_endpoint(receiver)
    monkeypatch.setattr(enqueuing, "MOST_PENDING", 2)
    for number in range(3):
        enqueue_webhooks(happened(number), now=NOON)
    assert delivery(endpoint, 2).state is DeliveryState.DROPPED
    deliver_due(endpoint, now=NOON)
    assert receiver.ids() == ["evt_0", "evt_1"]
    assert replay_failed(endpoint.endpoint_id, now=NOON + HOUR) == 1


def test_what_was_delivered_stays_so_when_the_lane_has_no_room_to_send_it_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = an_endpoint(receiver)
    enqueue_webhooks(happened(1), now=NOON)
    deliver_due(endpoint, now=NOON)
    monkeypatch.setattr(enqueuing, "MOST_PENDING", 1)
    enqueue_webhooks(happened(2), now=NOON)
    assert replay_event(endpoint.endpoint_id, "evt_1", now=NOON) == 0
    assert delivery(endpoint, 1).state is DeliveryState.DELIVERED


def test_what_waits_for_a_disabled_endpoint_is_dropped_however_much_it_is(
    receiver: Receiver,
) -> None:
    endpoint = an_endpoint(receiver)
    for number in range(60):
        enqueue_webhooks(happened(number), now=NOON)
    change_endpoint(endpoint.endpoint_id, lambda each: disabled(each, DisabledReason.BY_HAND))
    deliver_due(endpoint, now=NOON)
    states = Counter(each.state for each in webhooks.iter_deliveries(endpoint.endpoint_id))
    assert states == {DeliveryState.DROPPED: 60}
    assert is_empty(endpoint)
    assert receiver.posts == []
