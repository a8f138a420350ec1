"""The local cloud as its users see it: apps, mails, topics, calls, and rest."""

import logging
import os
import time
import urllib.request
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from chalice import Chalice
from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from infra.local.cloud import LocalCloud, NotSettledError
from infra.local.invocations import Function, ItemCall


class LinkRow(Model):
    class Meta:
        table_name = "sarafan-local-links"
        region = "eu-west-1"

    code = UnicodeAttribute(hash_key=True)


def a_module(**functions: Any) -> ModuleType:
    module = ModuleType("stand_in")
    vars(module).update(app=Chalice("stand-in", configure_logs=False), **functions)
    return module


def hooks() -> ModuleType:
    """Make an app whose one route writes through PynamoDB and through boto3, and logs a click."""
    module = a_module()

    def purchase() -> dict[str, str]:
        with TransactWrite(connection=Connection(region="eu-west-1")) as transaction:
            transaction.save(LinkRow("ANNA10"))
        boto3.client("dynamodb").put_item(
            TableName=f"{os.environ['TABLE_PREFIX']}events",
            Item={"day_shard": {"S": "d"}, "position": {"S": "1"}},
        )
        logging.getLogger("referrals.clicks").info('{"event": "click"}')
        return {"link_base": os.environ["LINK_BASE"]}

    module.app.route("/hooks/purchase")(purchase)
    return module


def announce_events(event: Any, context: Any) -> None:
    for _ in event["Records"]:
        boto3.client("sesv2").send_email(
            FromEmailAddress=os.environ["MAIL_FROM"],
            Destination={"ToAddresses": ["anna@customer.example"]},
            Content={
                "Raw": {
                    "Data": b"From: Sarafan <hello@shop.example>\r\n"
                    b"To: anna@customer.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
                    b"List-Unsubscribe: <https://shop.example/u>\r\n"
                    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
                    b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
                    b"--b\r\nContent-Type: text/html\r\n\r\n<p>hello</p>\r\n--b--\r\n"
                }
            },
        )
        boto3.client("sns").publish(
            TopicArn=os.environ["EVENTS_TOPIC_ARN"],
            Message="{}",
            MessageAttributes={"type": {"DataType": "String", "StringValue": "reward.held"}},
        )


def queue_due_rewards(event: Any, context: Any) -> None:
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["FULFILMENT_QUEUE_URL"], MessageBody="rwd_1"
    )


def nothing(event: Any, context: Any) -> None:
    """Be content."""


def a_cloud(**replaced: ModuleType) -> LocalCloud:
    modules = {
        "link_redirect": a_module(),
        "conversion_hooks": hooks(),
        "click_counter": a_module(count_clicks=nothing),
        "reward_fulfilment": a_module(
            queue_due_rewards=queue_due_rewards,
            fulfil_rewards=nothing,
            seal_days=nothing,
            award_prizes=nothing,
        ),
        "notifications": a_module(
            announce_events=announce_events,
            sweep_events=nothing,
            queue_mailings=nothing,
            watch_programs=nothing,
        ),
    }
    return LocalCloud(apps=tuple(modules), modules=modules | replaced)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with a_cloud() as cloud:
        yield cloud


def ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own server
        return str(response.read().decode())


def test_a_request_goes_all_the_way_to_a_mail_and_a_topic(cloud: LocalCloud) -> None:
    base_url = cloud.serve()
    assert ask(f"{base_url}/hooks/purchase") == f'{{"link_base":"{base_url}/r"}}'
    assert cloud.settle() == 2  # the event, and the click
    (mail,) = cloud.mails()
    assert (mail.to, mail.subject) == (("anna@customer.example",), "Grüße")
    assert (mail.text.strip(), mail.html.strip()) == ("hello", "<p>hello</p>")
    assert mail.headers["List-Unsubscribe"] == "<https://shop.example/u>"
    (message,) = cloud.topic_messages()
    assert (message.topic, message.body) == ("sarafan-local-events", "{}")
    assert message.attributes == {"type": "reward.held"}


def test_every_aws_call_is_put_down_to_the_function_that_made_it(cloud: LocalCloud) -> None:
    ask(f"{cloud.serve()}/hooks/purchase")
    cloud.settle()
    made = [
        (str(call.function), call.operation, call.resources)
        for call in cloud.calls
        if call.function
    ]
    assert made[:3] == [
        ("conversion_hooks.api_handler", "TransactWriteItems", ("sarafan-local-links",)),
        ("conversion_hooks.api_handler", "PutItem", ("sarafan-local-events",)),
        (
            "notifications.announce_events",
            "SendEmail",
            ("Sarafan <hello@shop.example>",),
        ),
    ]
    assert cloud.calls[0].items == (ItemCall(operation="Put", table="sarafan-local-links"),)


def test_a_schedule_fills_the_queue_and_the_queue_is_emptied(cloud: LocalCloud) -> None:
    assert cloud.run_schedules() == 6
    assert cloud.queue_depth("fulfilment") == 1
    assert cloud.settle() == 1
    assert cloud.queue_depth("fulfilment") == 0


def test_what_never_comes_to_rest_is_named() -> None:
    restless = a_module(queue_due_rewards=nothing, fulfil_rewards=queue_due_rewards)
    with a_cloud(reward_fulfilment=restless) as cloud:
        cloud.invoke("reward_fulfilment", "fulfil_rewards", {})
        with pytest.raises(NotSettledError) as caught:
            cloud.settle()
    assert caught.value.busy == (Function("reward_fulfilment", "fulfil_rewards"),)


def test_the_background_delivers_by_itself(cloud: LocalCloud) -> None:
    cloud.run_in_background(interval_s=0.01)
    ask(f"{cloud.serve()}/hooks/purchase")
    ends_at = time.monotonic() + 10
    while not cloud.mails() and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert len(cloud.mails()) == 1


def test_nothing_is_left_of_a_cloud_that_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_PREFIX", "before-")
    monkeypatch.delenv("API_KEY_SECRET", raising=False)
    with a_cloud() as cloud:
        url = cloud.serve()
        assert os.environ["TABLE_PREFIX"] == "sarafan-local-"
    assert os.environ["TABLE_PREFIX"] == "before-"
    assert "API_KEY_SECRET" not in os.environ
    with pytest.raises(OSError, match="refused"):
        ask(url)


def test_secrets_are_the_given_ones() -> None:
    with LocalCloud(apps=(), secrets={"api-key": "a-known-key"}) as cloud:
        assert cloud.secret("api-key") == "a-known-key"
