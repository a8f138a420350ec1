"""A batch gives back exactly what failed; what always fails ends where people look."""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from moto import mock_aws

from infra.local import engine, templates
from infra.local.invocations import Context, Function, as_lambda
from infra.local.pumps import QueuePump
from infra.local.templates import Stack
from referrals.runtime.batches import each_message, each_new_image

PREFIX = "sarafan-test-"
FUNCTION = Function("reward_fulfilment", "fulfil_rewards")


class TroubleError(Exception):
    """What a handler raises about a record that it cannot do."""


def a_message(number: int) -> dict[str, Any]:
    return {"messageId": f"m{number}", "body": str(number), "eventSource": "aws:sqs"}


def an_insert(number: int) -> dict[str, Any]:
    image = {"number": {"S": str(number)}}
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"SequenceNumber": f"s{number}", "NewImage": image},
    }


def failed_ids(answer: Any) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_every_subset_of_failures_in_a_batch_of_ten_gives_exactly_the_failed_ids() -> None:
    event, context = {"Records": [a_message(number) for number in range(10)]}, Context(FUNCTION)
    wrong, done = list[tuple[bool, ...]](), Counter[int]()
    for failing in product([False, True], repeat=10):

        def handle(body: str, failing: tuple[bool, ...] = failing) -> None:
            if failing[int(body)]:
                raise TroubleError
            done[int(body)] += 1

        answer = failed_ids(each_message(event, context, handle))
        if answer != [f"m{number}" for number in range(10) if failing[number]]:
            wrong.append(failing)
    assert wrong == []
    assert done == dict.fromkeys(range(10), 512)  # whoever did not fail was done


def test_every_subset_of_failures_in_a_stream_goes_on_from_the_first_of_them() -> None:
    event, context = {"Records": [an_insert(number) for number in range(10)]}, Context(FUNCTION)
    wrong = []
    for failing in product([False, True], repeat=10):

        def handle(image: dict[str, Any], failing: tuple[bool, ...] = failing) -> None:
            if failing[int(image["number"])]:
                raise TroubleError

        answer = failed_ids(each_new_image(event, context, handle))
        first = [f"s{number}" for number in range(10) if failing[number]][:1]
        if min(answer, default="") != "".join(first):
            wrong.append(failing)
    assert wrong == []


@pytest.fixture
def state() -> Iterator[Stack]:
    engine.install()
    with mock_aws():
        yield templates.create_state(PREFIX)


def send(queue: str, *bodies: str, group: str | None = None) -> None:
    for body in bodies:
        grouped = {"MessageGroupId": group, "MessageDeduplicationId": body} if group else {}
        templates.client("sqs").send_message(QueueUrl=_url(queue), MessageBody=body, **grouped)


def dead(queue: str) -> list[tuple[str, str]]:
    """Give what a dead-letter queue holds, and how often each was received before it came there."""
    answer = templates.client("sqs").receive_message(
        QueueUrl=_url(queue), MaxNumberOfMessages=10, AttributeNames=["All"]
    )
    return [
        (message["Body"], str(int(message["Attributes"]["ApproximateReceiveCount"]) - 1))
        for message in answer.get("Messages", [])
    ]


def _url(queue: str) -> str:
    return f"https://sqs.eu-west-1.amazonaws.com/123456789012/{PREFIX}{queue}"


def a_pump(state: Stack, logical_id: str, done: Counter[str]) -> QueuePump:
    """Give a pump whose handler does everything but what is called poison."""

    def handle(body: str) -> None:
        done[body] += 1
        if body == "poison":
            raise TroubleError

    def handler(event: Any, context: Any) -> Any:
        return each_message(event, context, handle)

    return QueuePump(
        function=FUNCTION,
        invoke=lambda function, event: as_lambda(handler, function, event),
        queue_arn=state.attribute(f"{logical_id}.Arn"),
    )


@pytest.mark.parametrize(
    ("queue", "logical_id"),
    [
        ("fulfilment", "FulfilmentQueue"),
        ("dispatches", "DispatchQueue"),
        ("mailings", "MailingQueue"),
    ],
)
def test_a_poison_message_is_dead_after_five_receives_while_nine_are_done_once(
    state: Stack, queue: str, logical_id: str
) -> None:
    nine = [f"good {number}" for number in range(9)]
    done = Counter[str]()
    send(queue, *nine[:4], "poison", *nine[4:])
    pump = a_pump(state, logical_id, done)
    assert [pump.pump() for _ in range(7)] == [10, 1, 1, 1, 1, 0, 0]
    assert done == {**dict.fromkeys(nine, 1), "poison": 5}
    assert dead(f"{queue}-dead") == [("poison", "5")]


def test_a_poison_message_of_one_group_holds_up_no_other_group(state: Stack) -> None:
    done = Counter[str]()
    send("webhooks.fifo", "a1", "poison", "a2", group="a")
    send("webhooks.fifo", "b1", "b2", "b3", group="b")
    send("webhooks.fifo", "c1", "c2", "c3", "c4", group="c")
    pump = a_pump(state, "WebhookQueue", done)
    assert [pump.pump() for _ in range(7)] == [10, 1, 1, 1, 1, 0, 0]
    nine = ["a1", "a2", "b1", "b2", "b3", "c1", "c2", "c3", "c4"]
    assert done == {**dict.fromkeys(nine, 1), "poison": 5}
    assert dead("webhooks-dead.fifo") == [("poison", "5")]


def test_what_stands_behind_a_poison_message_in_its_group_comes_when_that_is_dead(
    state: Stack,
) -> None:
    done = Counter[str]()
    send("webhooks.fifo", "poison", *(f"a{number}" for number in range(12)), group="a")
    pump = a_pump(state, "WebhookQueue", done)
    while pump.pump():
        pass
    assert done == {**{f"a{number}": 1 for number in range(12)}, "poison": 5}
    assert dead("webhooks-dead.fifo") == [("poison", "5")]
