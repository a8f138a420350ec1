"""Event sources deliver what Lambda's would, when they are told to."""

import base64
import gzip
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from infra.local import engine, templates
from infra.local.filters import fits, fits_line
from infra.local.invocations import Function, as_lambda
from infra.local.pumps import (
    ClickLog,
    DeliveryError,
    LogPump,
    Pump,
    Pumps,
    QueuePump,
    SchedulePump,
    StreamPump,
    connect,
)
from infra.local.templates import Stack
from referrals.runtime import clock

PREFIX = "sarafan-test-"
APPS = (
    *("click_counter", "reward_fulfilment", "notifications", "reward_dispatch"),
    "webhook_delivery",
)

Handler = Callable[[Any, Any], Any]


@pytest.fixture
def state() -> Iterator[Stack]:
    engine.install()
    with mock_aws():
        yield templates.create_state(PREFIX)


def calling(handler: Handler) -> Callable[[Function, Any], Any]:
    return lambda function, event: as_lambda(handler, function, event)


def pumps_of(state: Stack, handler: Handler, log: ClickLog | None = None) -> Pumps:
    apps = templates.create_apps(state, "http://127.0.0.1/r")
    wanted = {app: apps[app] for app in APPS}
    return connect(wanted, calling(handler), log or ClickLog())


def pump_for(pumps: Pumps, name: str) -> Any:
    (found,) = [one for one in (*pumps.sources, *pumps.schedules) if one.function.name == name]
    return found


class Handled:
    """A handler that keeps its events and gives the answers it was made with, the last one on."""

    def __init__(self, *answers: Any) -> None:
        self.events: list[Any] = []
        self.answers = list(answers)

    def __call__(self, event: Any, _: object) -> Any:
        self.events.append(event)
        answer = self.answers.pop(0) if len(self.answers) > 1 else next(iter(self.answers), None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def positions(self) -> list[list[str]]:
        return [
            [record["dynamodb"]["Keys"]["position"]["S"] for record in event["Records"]]
            for event in self.events
        ]

    def bodies(self) -> list[list[str]]:
        return [[record["body"] for record in event["Records"]] for event in self.events]


def append_events(*positions: str) -> None:
    for position in positions:
        templates.client("dynamodb").put_item(
            TableName=f"{PREFIX}events",
            Item={
                "day_shard": {"S": "2026-03-01#0"},
                "position": {"S": position},
                "body": {"B": b"\x00\xff"},
            },
        )


def a_stream_pump(state: Stack, handler: Handler, **settings: Any) -> StreamPump:
    return StreamPump(
        function=Function("notifications", "announce_events"),
        invoke=calling(handler),
        stream_arn=state.attribute("EventsTable.StreamArn"),
        **settings,
    )


def failures(*positions: int) -> dict[str, Any]:
    """Report the records at these places of the stream as failed."""
    first = 1100000000017454423009  # moto's sequence numbers start here
    return {"batchItemFailures": [{"itemIdentifier": str(first + at)} for at in positions]}


def send(queue: str, *bodies: str) -> None:
    for body in bodies:
        templates.client("sqs").send_message(
            QueueUrl=f"https://sqs.eu-west-1.amazonaws.com/123456789012/{PREFIX}{queue}",
            MessageBody=body,
        )


def waiting(queue: str) -> list[str]:
    messages = templates.client("sqs").receive_message(
        QueueUrl=f"https://sqs.eu-west-1.amazonaws.com/123456789012/{PREFIX}{queue}",
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
    )
    return [message["Body"] for message in messages.get("Messages", [])]


def lines_of(event: Any) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))


def click_log_with(*lines: str) -> ClickLog:
    log = ClickLog()
    for line in lines:
        log.emit(logging.makeLogRecord({"msg": line, "created": 1_772_323_200.0}))
    return log


def test_the_templates_connect_every_function_that_is_not_called_over_http(state: Stack) -> None:
    pumps = pumps_of(state, Handled())
    assert [str(one.function) for one in pumps.sources] == [
        "click_counter.count_clicks",
        "reward_fulfilment.fulfil_rewards",
        "notifications.announce_events",
        "notifications.send_mailings",
        "notifications.record_mail_feedback",
        "notifications.record_sms_replies",
        "reward_dispatch.advance_dispatches",
        "webhook_delivery.deliver_webhooks",
    ]
    assert [str(one.function) for one in pumps.schedules] == [
        "reward_fulfilment.queue_due_rewards",
        "reward_fulfilment.seal_days",
        "reward_fulfilment.award_prizes",
        "notifications.sweep_events",
        "notifications.queue_mailings",
        "notifications.watch_programs",
        "reward_dispatch.start_payouts",
        "reward_dispatch.queue_due_dispatches",
        "reward_dispatch.reconcile_payouts",
        "webhook_delivery.queue_due_lanes",
    ]


def test_the_settings_of_a_source_come_from_its_template(state: Stack) -> None:
    pump = pump_for(pumps_of(state, Handled()), "announce_events")
    assert (pump.batch_size, pump.retries, pump.bisects) == (25, 10, True)
    assert pump.filters == [{"eventName": ["INSERT"]}]
    assert pump.on_failure == "arn:aws:sqs:eu-west-1:123456789012:sarafan-test-events-dead"


def test_an_unknown_kind_of_source_is_refused(state: Stack) -> None:
    template = {
        "Resources": {
            "CountClicks": {"Properties": {"Events": {"It": {"Type": "S3", "Properties": {}}}}}
        }
    }
    with pytest.raises(ValueError, match="S3"):
        connect({"click_counter": Stack(template, {})}, calling(Handled()), ClickLog())


def test_a_stream_delivers_in_order_what_was_written_before_and_after(state: Stack) -> None:
    append_events("1", "2")
    handled = Handled()
    pump = pump_for(pumps_of(state, handled), "announce_events")
    assert pump.pump() == 2
    append_events("3")
    assert pump.pump() == 1
    assert pump.pump() == 0
    assert handled.positions() == [["1", "2"], ["3"]]


def test_a_stream_record_has_the_shape_that_lambda_gives_it(state: Stack) -> None:
    append_events("1")
    handled = Handled()
    a_stream_pump(state, handled).pump()
    record = handled.events[0]["Records"][0]
    assert (record["eventSource"], record["awsRegion"]) == ("aws:dynamodb", "eu-west-1")
    assert record["eventSourceARN"] == state.attribute("EventsTable.StreamArn")
    assert record["dynamodb"]["NewImage"]["body"] == {"B": "AP8="}
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], float)


def test_a_filter_keeps_out_what_is_not_an_insert(state: Stack) -> None:
    handled = Handled()
    pump = pump_for(pumps_of(state, handled), "announce_events")
    append_events("1")
    templates.client("dynamodb").delete_item(
        TableName=f"{PREFIX}events",
        Key={"day_shard": {"S": "2026-03-01#0"}, "position": {"S": "1"}},
    )
    assert pump.pump() == 1
    assert handled.events[0]["Records"][0]["eventName"] == "INSERT"


def test_a_stream_goes_on_from_the_record_that_failed(state: Stack) -> None:
    append_events("1", "2", "3")
    handled = Handled(failures(1), None)
    a_stream_pump(state, handled, bisects=False).pump()
    assert handled.positions() == [["1", "2", "3"], ["2", "3"]]


def test_a_failure_that_names_no_record_of_the_batch_fails_all_of_it(state: Stack) -> None:
    append_events("1", "2")
    handled = Handled(failures(9), None)
    a_stream_pump(state, handled, bisects=False).pump()
    assert handled.positions() == [["1", "2"], ["1", "2"]]


def test_a_batch_that_raises_is_halved_until_the_bad_record_is_alone(state: Stack) -> None:
    append_events("1", "2", "bad", "4")

    def handler(event: Any, context: Any) -> None:
        handled(event, context)
        if "bad" in handled.positions()[-1]:
            raise ArithmeticError

    handled = Handled()
    dead_letters = "arn:aws:sqs:eu-west-1:123456789012:sarafan-test-fulfilment-dead"
    a_stream_pump(state, handler, retries=1, on_failure=dead_letters).pump()
    assert handled.positions() == [
        ["1", "2", "bad", "4"],
        ["1", "2"],
        ["bad", "4"],
        ["bad"],
        ["bad"],
        ["4"],
    ]


def test_what_a_stream_gives_up_on_is_named_in_the_queue_for_it(state: Stack) -> None:
    clock.set_source(lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
    append_events("1", "2")
    handled = Handled(failures(0), failures(0), failures(0), None)
    pump = a_stream_pump(
        state,
        handled,
        retries=1,
        on_failure="arn:aws:sqs:eu-west-1:123456789012:sarafan-test-fulfilment-dead",
    )
    pump.pump()
    (letter,) = waiting("fulfilment-dead")
    assert json.loads(letter)["DDBStreamBatchInfo"] == {
        "startSequenceNumber": "1100000000017454423009",
        "endSequenceNumber": "1100000000017454423009",
        "approximateArrivalOfFirstRecord": "2026-03-01T12:00:00Z",
        "approximateArrivalOfLastRecord": "2026-03-01T12:00:00Z",
        "batchSize": 1,
        "streamArn": state.attribute("EventsTable.StreamArn"),
    }
    assert handled.positions()[-1] == ["2"]


def test_without_such_a_queue_a_failing_stream_is_an_error_and_loses_nothing(state: Stack) -> None:
    append_events("1")
    handled = Handled(*[ArithmeticError()] * 4, None)
    pump = a_stream_pump(state, handled, retries=3)
    with pytest.raises(DeliveryError, match=r"notifications\.announce_events"):
        pump.pump()
    assert pump.pump() == 1
    assert handled.positions() == [["1"]] * 5


def test_a_stream_that_stood_still_for_a_day_has_forgotten_what_came_before(state: Stack) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    handled = Handled()
    pump = a_stream_pump(state, handled, is_stopped=True)
    clock.set_source(lambda: noon)
    append_events("1", "2")
    clock.set_source(lambda: noon + timedelta(hours=2))
    append_events("3")
    assert pump.pump() == 0
    assert pump.trim(noon + timedelta(hours=1)) == 2
    pump.is_stopped = False
    assert pump.pump() == 1
    assert handled.positions() == [["3"]]


def test_a_queue_deletes_what_is_done_and_shows_again_what_failed(state: Stack) -> None:
    handled = Handled()
    pump = pump_for(pumps_of(state, handled), "fulfil_rewards")
    send("fulfilment", "good", "bad")

    def handler(event: Any, context: Any) -> Any:
        handled(event, context)
        bad = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}

    pump.invoke = calling(handler)
    assert pump.pump() == 2
    assert pump.pump() == 1
    assert handled.bodies() == [["good", "bad"], ["bad"]]


def test_a_queue_hands_over_ten_messages_at_a_time(state: Stack) -> None:
    handled = Handled()
    pump = pump_for(pumps_of(state, handled), "fulfil_rewards")
    send("fulfilment", *(str(i) for i in range(12)))
    assert pump.pump() == 12
    assert [len(bodies) for bodies in handled.bodies()] == [10, 2]


def test_a_message_that_always_fails_ends_with_the_dead_letters_after_five_tries(
    state: Stack,
) -> None:
    handled = Handled(ArithmeticError())
    pump = pump_for(pumps_of(state, handled), "fulfil_rewards")
    send("fulfilment", "bad")
    assert [pump.pump() for _ in range(7)] == [1, 1, 1, 1, 1, 0, 0]
    assert len(handled.events) == 5
    assert waiting("fulfilment-dead") == ["bad"]


def a_fifo_pump(state: Stack, handler: Handler) -> QueuePump:
    function = Function("webhook_delivery", "deliver_webhooks")
    queue_arn = state.attribute("WebhookQueue.Arn")
    return QueuePump(function=function, invoke=calling(handler), queue_arn=queue_arn)


def send_in_group(group: str, *bodies: str) -> None:
    for body in bodies:
        templates.client("sqs").send_message(
            QueueUrl=f"https://sqs.eu-west-1.amazonaws.com/123456789012/{PREFIX}webhooks.fifo",
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=body,
        )


def test_messages_of_a_group_that_failed_together_come_again_in_their_order(state: Stack) -> None:
    handled = Handled(ArithmeticError(), None)
    pump = a_fifo_pump(state, handled)
    send_in_group("a", "a1", "a2", "a3")
    while pump.pump():
        pass
    first, *again = handled.bodies()
    assert first == ["a1", "a2", "a3"]
    assert [body for bodies in again for body in bodies] == ["a1", "a2", "a3"]


def test_a_group_that_fails_holds_no_other_group_up(state: Stack) -> None:
    handled = Handled()

    def handler(event: Any, context: Any) -> Any:
        handled(event, context)
        bad = [record["messageId"] for record in event["Records"] if record["body"][0] == "a"]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}

    pump = a_fifo_pump(state, handler)
    send_in_group("a", "a1")
    send_in_group("b", "b1", "b2")
    assert pump.pump() == 3
    assert pump.pump() == 1
    assert handled.bodies() == [["a1", "b1", "b2"], ["a1"]]


def test_a_message_has_the_shape_that_lambda_gives_it(state: Stack) -> None:
    handled = Handled()
    queue_arn = state.attribute("FulfilmentQueue.Arn")
    send("fulfilment", "hello")
    function = Function("reward_fulfilment", "fulfil_rewards")
    QueuePump(function=function, invoke=calling(handled), queue_arn=queue_arn).pump()
    record = handled.events[0]["Records"][0]
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == queue_arn
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_the_click_log_is_delivered_as_cloudwatch_zips_it(state: Stack) -> None:
    handled = Handled()
    click = '{"event": "click", "code": "ANNA10"}'
    log = click_log_with(click, '{"event": "preview"}', "no json")
    pump = pump_for(pumps_of(state, handled, log), "count_clicks")
    assert pump.pump() == 1
    assert pump.pump() == 0
    assert lines_of(handled.events[0]) == {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/sarafan-test-link-redirect",
        "logStream": "local",
        "subscriptionFilters": ["click_counter.count_clicks"],
        "logEvents": [{"id": "0" * 56, "timestamp": 1_772_323_200_000, "message": click}],
    }


def test_lines_that_fail_three_times_are_kept_in_the_queue_for_them(state: Stack) -> None:
    handled = Handled(ArithmeticError())
    log = click_log_with('{"event": "click"}')
    pump_for(pumps_of(state, handled, log), "count_clicks").pump()
    assert len(handled.events) == 3
    (letter,) = waiting("clicks-dead")
    assert json.loads(letter)["requestPayload"] == handled.events[0]


def test_without_such_a_queue_failing_lines_are_an_error() -> None:
    pump = LogPump(
        function=Function("click_counter", "count_clicks"),
        invoke=calling(Handled(ArithmeticError())),
        log=click_log_with("a line"),
        log_group="/aws/lambda/redirect",
    )
    with pytest.raises(DeliveryError):
        pump.pump()


def test_a_schedule_ticks_once_for_each_call() -> None:
    handled = Handled()
    pump: Pump = SchedulePump(
        function=Function("reward_fulfilment", "queue_due_rewards"),
        invoke=calling(handled),
        expression="rate(1 minute)",
    )
    assert (pump.pump(), pump.pump()) == (1, 1)
    assert [event["detail-type"] for event in handled.events] == ["Scheduled Event"] * 2


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ({"eventName": "INSERT"}, {"eventName": ["INSERT", "MODIFY"]}, True),
        ({"eventName": "REMOVE"}, {"eventName": ["INSERT", "MODIFY"]}, False),
        ({"a": {"b": {"S": "xyz"}}}, {"a": {"b": {"S": [{"prefix": "x"}]}}}, True),
        ({"a": {}}, {"a": {"b": {"S": [{"prefix": "x"}]}}}, False),
        ({"a": 1}, {"a": [{"exists": True}], "b": [{"exists": False}]}, True),
    ],
)
def test_events_are_filtered_by_pattern(value: Any, pattern: Any, expected: bool) -> None:  # noqa: FBT001 - a case of the table
    assert fits(value, pattern) is expected


def test_a_pattern_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ValueError, match="anything-but"):
        fits({"a": 1}, {"a": [{"anything-but": 1}]})
    with pytest.raises(ValueError, match="ERROR"):
        fits_line("a line", "ERROR")
