"""Webhook endpoints from the command line."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from referrals import outbound, settings
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import EventId
from referrals.domain.webhooks import DisabledReason, EndpointStatus, LaneKey
from referrals.runtime import clock
from referrals.store import events, webhooks
from referrals.store.transactions import commit
from referrals.usecases.deliver_lane import deliver_lane
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from tests import shop
from tests.receivers import Receiver, receiving
from tests.shop import NOON, TEA

OUTGOING = "an outgoing key of this test suite"


@pytest.fixture(autouse=True)
def _shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a program and a key, and let no line be broken."""
    monkeypatch.setattr(out, "_width", 250)
    monkeypatch.setenv("WEBHOOK_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/no-queue.fifo")
    monkeypatch.setattr(outbound, "_resolve", lambda _host, _port: ["93.184.215.14"])
    secret: Any = boto3.client("secretsmanager")
    content = json.dumps({"current": OUTGOING})
    secret.create_secret(Name=settings.table_name("outgoing-key"), SecretString=content)
    webhooks.forget_cached()
    shop.open_shop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def run(*arguments: str, now: datetime = NOON) -> Result:
    clock.set_source(lambda: now)
    return CliRunner().invoke(app, ["webhooks", *arguments])


def added(url: str, *more: str) -> str:
    """Add an endpoint, and give its id."""
    result = run("add", url, *more)
    assert result.exit_code == 0, result.output
    webhooks.forget_cached()
    return result.output.split(" ")[0]


def happened(number: int = 1) -> DomainEvent:
    return DomainEvent(
        event_id=EventId(f"evt_{number}"),
        name=EventName.REWARD_HELD,
        program_id=TEA,
        occurred_at=NOON,
        data={"reward_id": "rwd_1"},
    )


def deliver(endpoint: str, *, now: datetime = NOON) -> None:
    (known,) = webhooks.list_endpoints()
    assert known.endpoint_id == endpoint
    key = LaneKey(endpoint_id=known.endpoint_id, subject="rwd_1")
    while deliver_lane(key, outgoing=[OUTGOING], now=now):
        pass


def test_an_endpoint_that_is_added_is_shown_with_what_it_asked_for() -> None:
    endpoint = added(
        "https://hooks.example/in",
        *("--event", "reward.held", "--event", "reward.fulfilled"),
        *("--program", "tea", "--description", "bookkeeping"),
    )
    shown = run("show", endpoint).output.splitlines()
    assert shown == [
        "address: https://hooks.example/in",
        "description: bookkeeping",
        "status: active",
        "events: reward.held, reward.fulfilled",
        "programs: tea",
        "added: 2026-05-04 12:00:00 UTC",
        "last success: -",
        "failing since: -",
        "secret: number 1",
    ]
    assert "reward.held, reward.fulfilled" in run("list").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["http://hooks.example/"], "cannot be called: is no https address"),
        (["https://hooks.example:22/"], "is on a port that is not called"),
        (["https://hooks.example/", "--program", "coffee"], "no program is called coffee"),
        (["https://hooks.example/", "--event", "webhook.failing"], "not sent by webhook"),
        (["https://hooks.example/", "--event", "reward.eaten"], "reward.eaten"),
    ],
)
def test_an_endpoint_that_cannot_be_told_is_not_added(arguments: list[str], says: str) -> None:
    result = run("add", *arguments)
    assert result.exit_code != 0
    assert says in result.output
    assert webhooks.list_endpoints() == []


def test_a_secret_is_shown_when_asked_for_and_two_while_it_is_rotated() -> None:
    endpoint = added("https://hooks.example/")
    first = run("secret", endpoint).output.split()
    rotated = run("rotate", endpoint)
    assert "until 2026-05-05 12:00:00 UTC" in rotated.output
    again = run("rotate", endpoint)
    assert (again.exit_code, "signs until 2026-05-05 12:00:00 UTC" in again.output) == (1, True)
    both = run("secret", endpoint).output.split()
    assert len(first) == 1
    assert first[0].startswith("whsec_")
    assert both[1:] == [*first, "(before;", "signs", "too)"]
    assert "signs too until 2026-05-05 12:00:00 UTC" in run("show", endpoint).output
    assert run("secret", endpoint, now=NOON + timedelta(days=1)).output.split() == both[:1]
    assert not {*first, both[0]} & set(run("show", endpoint).output.split())


def test_while_the_outgoing_key_and_the_endpoint_rotate_every_secret_that_signs_is_shown() -> None:
    endpoint = added("https://hooks.example/")
    (first,) = run("secret", endpoint).output.split()
    assert CliRunner().invoke(app, ["secrets", "rotate", "outgoing-key"]).exit_code == 0
    of_new_key, of_old_key = run("secret", endpoint).output.splitlines()
    assert of_old_key == f"{first} (before; signs too)"
    run("rotate", endpoint)
    lines = run("secret", endpoint).output.splitlines()
    assert lines[0].startswith("whsec_")
    assert [each.removesuffix(" (before; signs too)") for each in lines[1::2]] == [
        of_new_key,
        first,
    ]
    assert len(set(lines)) == 4
    on_the_next_day = run("secret", endpoint, now=NOON + timedelta(days=1)).output.splitlines()
    assert on_the_next_day == lines[::2]


def test_an_endpoint_is_disabled_and_enabled() -> None:
    endpoint = added("https://hooks.example/")
    assert run("disable", endpoint).exit_code == 0
    (disabled,) = webhooks.list_endpoints()
    assert (disabled.status, disabled.disabled_reason) == (
        EndpointStatus.DISABLED,
        DisabledReason.BY_HAND,
    )
    assert "disabled (by_hand)" in run("list").output
    assert run("enable", endpoint).exit_code == 0
    assert webhooks.list_endpoints()[0].is_active


def test_a_test_shows_what_came_back(receiver: Receiver) -> None:
    endpoint = added(receiver.url)
    assert run("test", endpoint).output.startswith("taken: 200 in ")
    receiver.status = 500
    refused = run("test", endpoint)
    assert refused.exit_code == 1
    assert refused.output.startswith("not taken: 500 in ")
    assert [post.event["type"] for post in receiver.posts] == ["webhook.test"] * 2


def test_the_log_shows_what_was_answered_and_what_was_given_up(receiver: Receiver) -> None:
    endpoint = added(receiver.url)
    receiver.status = 410
    enqueue_webhooks(happened(1), now=NOON)
    deliver(endpoint)
    deliver(endpoint, now=NOON + timedelta(hours=1))
    run("enable", endpoint)
    receiver.status = 200
    enqueue_webhooks(happened(2), now=NOON + timedelta(hours=2))
    deliver(endpoint, now=NOON + timedelta(hours=2))
    newest, oldest = run("log", endpoint).output.splitlines()[3:-1]
    assert [word in newest for word in ("evt_2", "reward.held", "delivered", "200 in")] == [
        True
    ] * 4
    assert [word in oldest for word in ("evt_1", "dropped", "410 in")] == [True] * 3
    failed = run("log", endpoint, "--failed").output
    assert "evt_1" in failed
    assert "evt_2" not in failed


@pytest.mark.parametrize(
    "how", [["--event", "evt_1"], ["--since", "2026-05-04"], ["--since", "2026-05-04T12:00:00"]]
)
def test_events_are_sent_again(receiver: Receiver, how: list[str]) -> None:
    endpoint = added(receiver.url, "--event", "reward.held")
    commit(events.append([happened()], now=NOON))
    enqueue_webhooks(happened(), now=NOON)
    deliver(endpoint)
    assert "1 events are sent again" in run("replay", endpoint, *how).output
    deliver(endpoint)
    assert receiver.ids() == ["evt_1", "evt_1"]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (["--failed"], "0 events are sent again"),
        (["--since", "2026-05-05"], "0 events are sent again"),
        (["--event", "evt_9"], "was never to be told of evt_9"),
        ([], "one of --event, --since and --failed is needed"),
        (["--failed", "--event", "evt_1"], "one of --event, --since and --failed is needed"),
    ],
)
def test_what_cannot_be_sent_again_is_said(receiver: Receiver, how: list[str], says: str) -> None:
    endpoint = added(receiver.url)
    assert says in run("replay", endpoint, *how).output


@pytest.mark.parametrize(
    "command", ["show", "secret", "rotate", "disable", "enable", "test", "log", "replay --failed"]
)
def test_an_endpoint_that_nobody_knows_is_said(command: str) -> None:
    name, *options = command.split()
    result = run(name, "end_nobody", *options)
    assert result.exit_code == 1
    assert "no webhook endpoint is called end_nobody" in result.output
