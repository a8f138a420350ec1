"""Dead letters are looked at without being taken, and done again without being done twice."""

import base64
import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.sqs.models import sqs_backends
from typer.testing import CliRunner, Result

import functions.reward_dispatch.app as reward_dispatch
from infra.local import templates
from infra.local.cloud import LocalCloud
from infra.local.pumps import StreamPump
from infra.local.templates import ACCOUNT, REGION
from referrals.cli import dead_letters
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.events import EventName, event
from referrals.domain.ids import RewardId, person_id
from referrals.domain.message_kinds import MessageKind
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import ReminderTerms
from referrals.domain.rewards import RewardState
from referrals.fulfil import queue
from referrals.notify import mailings
from referrals.notify.dead_letters import LostItem, send
from referrals.notify.mailings import Mailing
from referrals.runtime import clock
from referrals.store import announced, counters, coupons, events, rewards, webhooks
from referrals.usecases.apply_program import apply_program
from referrals.usecases.change_endpoint import add_endpoint
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from referrals.usecases.start_payouts import start_payouts
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, killed
from tests.payers import Payer
from tests.promises import promise
from tests.receivers import receiving
from tests.shop import NOON, TEA, rewards_of, sign_up

WEEK_LATER = NOON + timedelta(days=7)
# more than the one letter takes: addresses, two receives, what is done again, and the deleting
CALLS_OF_A_REDRIVE = 16
GROUPED = {"MessageGroupId": "whe_1#2", "MessageDeduplicationId": "lane 1"}


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    monkeypatch.setattr(out, "_width", 240)
    monkeypatch.setattr(dead_letters, "_WAIT_SECONDS", 0)
    clock.set_source(lambda: NOON)
    with LocalCloud(secrets={"identity-key": shop.KEYS.identity.decode()}) as started:
        apply_program(shop.a_program(), now=NOON)
        yield started


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["queue", *arguments])


def put(cloud: LocalCloud, name: str, body: Any, **grouped: str) -> str:
    """Put a message into a queue; give its id."""
    sqs = templates.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{cloud.prefix}{name}")["QueueUrl"]
    text = body if isinstance(body, str) else json.dumps(body)
    return str(sqs.send_message(QueueUrl=url, MessageBody=text, **grouped)["MessageId"])


def take(cloud: LocalCloud, name: str) -> list[tuple[str, str | None]]:
    """Take what is in a queue: each body with its group."""
    sqs = templates.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{cloud.prefix}{name}")["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return [
        (message["Body"], message["Attributes"].get("MessageGroupId"))
        for message in answer.get("Messages", [])
    ]


def a_due_reward() -> str:
    """Let Boris have a coupon coming; give what the queue says about it."""
    shop.enrol("anna", code="ANNA10")
    coupons.add(TEA, "welcome", "TEA-1")
    sign_up("boris", codes=["ANNA10"])
    (key,) = shop.reward_keys("boris")
    return queue.written(key)


def a_batch_of_clicks() -> dict[str, Any]:
    click = {
        "event": "click",
        "code": "ANNA10",
        "channel": "email",
        "visitor": "00" * 8,
        "at": NOON.isoformat(),
        "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    }
    lines = [{"id": "1", "timestamp": 1, "message": json.dumps(click)}]
    packed = gzip.compress(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": lines}).encode())
    return {
        "requestPayload": {"awslogs": {"data": base64.b64encode(packed).decode()}},
        "responsePayload": {"errorType": "ContentionError", "errorMessage": "busy"},
    }


def a_lost_item() -> LostItem:
    """Enrol Anna, and let the item of that be one that was given up."""
    shop.enrol("anna", code="ANNA10")
    (entry,) = _items()
    announced.give_up(entry.place)
    return LostItem(place=entry.place, why="KeyError")


def _items() -> list[Any]:
    return [
        entry
        for shard in range(events.SHARDS_PER_DAY)
        for entry in events.iter_shard(shard, since=NOON, until=NOON + timedelta(days=30))
    ]


def test_all_dead_letter_queues_are_listed_with_what_they_hold(cloud: LocalCloud) -> None:
    put(cloud, "fulfilment-dead", {"program": "tea", "owner": "per_1", "reward": "rwd_1"})
    put(cloud, "webhooks-dead.fifo", {"lane": "whe_1#rwd_1"}, **GROUPED)
    clock.set_source(lambda: datetime.now(UTC) + timedelta(hours=5, minutes=1))
    lines = [line for line in run("list").output.splitlines() if "-dead" in line]
    assert [" ".join(line.replace("│", " ").split()) for line in lines] == [
        "fulfilment-dead 1 5 hours",
        "dispatches-dead 0",
        "webhooks-dead.fifo 1 5 hours",
        "mailings-dead 0",
        "events-dead 0",
        "clicks-dead 0",
    ]
    assert cloud.queue_depth("fulfilment-dead") == 1


def test_every_dead_letter_queue_of_the_templates_is_known() -> None:
    names = [
        resource["Properties"]["QueueName"]["Fn::Sub"].removeprefix("${Prefix}")
        for file in ("state.yaml", "apps/notifications.yaml", "apps/click_counter.yaml")
        for resource in templates.read(templates.INFRA / file)["Resources"].values()
        if resource.get("Type") == "AWS::SQS::Queue"
    ]
    dead = {name for name in names if "-dead" in name}
    assert dead == set(dead_letters.DEAD_QUEUES)
    sources = {kind.source for kind in dead_letters.DEAD_QUEUES.values() if kind.source}
    assert sources == set(names) - dead


ABOUT: list[tuple[str, Any, str]] = [
    (
        "fulfilment-dead",
        {"program": "tea", "owner": "per_1", "reward": "rwd_1"},
        "program tea, owner per_1, reward rwd_1",
    ),
    ("dispatches-dead", {"dispatch": "pay_1"}, "dispatch pay_1"),
    ("webhooks-dead.fifo", {"lane": "whe_1#rwd_1"}, "lane whe_1#rwd_1"),
    ("mailings-dead", {"to": "anna@customer.example"}, "to (not shown)"),
    ("mailings-dead", "anna@customer.example", "not readable"),
    ("clicks-dead", a_batch_of_clicks(), "1 lines of clicks, of ANNA10"),
    ("clicks-dead", {}, "not readable"),
    (
        "events-dead",
        {
            "day_shard": "2026-05-04#3",
            "position": f"{NOON.isoformat()}#bat_1",
            "why": "KeyError",
        },
        "2026-05-04#3 2026-05-04T12:00:00+00:00#bat_1",
    ),
    (
        "events-dead",
        {
            "DDBStreamBatchInfo": {
                "approximateArrivalOfFirstRecord": "2026-05-04T12:00:00Z",
                "approximateArrivalOfLastRecord": "2026-05-04T12:00:07Z",
                "batchSize": 3,
            }
        },
        "3 items of the log, 2026-05-04 12:00:00 to 2026-05-04 12:00:07 UTC",
    ),
    ("events-dead", {"day_shard": "anna", "position": "anna"}, "not readable"),
]


def test_a_message_is_shown_by_what_it_is_about_and_stays(cloud: LocalCloud) -> None:
    ids = {
        put(cloud, name, body, **(GROUPED if name.endswith(".fifo") else {})): (name, says)
        for name, body, says in ABOUT
    }
    for _ in range(2):
        shown = {name: run("show", name).output for name in dead_letters.DEAD_QUEUES}
        assert not any("@" in output for output in shown.values())
        for message_id, (name, says) in ids.items():
            (line,) = [each for each in shown[name].splitlines() if message_id in each]
            assert says in line
    assert sum(cloud.queue_depth(name) for name in dead_letters.DEAD_QUEUES) == len(ABOUT)


def test_why_a_batch_of_clicks_failed_is_shown(cloud: LocalCloud) -> None:
    put(cloud, "clicks-dead", a_batch_of_clicks())
    assert "ContentionError" in run("show", "clicks-dead").output


def test_no_more_is_shown_than_was_asked_for(cloud: LocalCloud) -> None:
    for number in range(15):
        put(cloud, "dispatches-dead", {"dispatch": f"pay_{number}"})
    assert run("show", "dispatches-dead", "--limit", "12").output.count("pay_") == 12
    assert cloud.queue_depth("dispatches-dead") == 15


def test_what_came_from_a_queue_goes_back_to_it(cloud: LocalCloud) -> None:
    for name, source in (
        ("fulfilment-dead", "fulfilment"),
        ("dispatches-dead", "dispatches"),
        ("mailings-dead", "mailings"),
    ):
        put(cloud, name, "what it was")
        assert run("redrive", name, "--all").exit_code == 0
        assert take(cloud, source) == [("what it was", None)]
        assert cloud.queue_depth(name) == 0


def test_what_came_from_a_queue_with_groups_goes_back_to_its_group(cloud: LocalCloud) -> None:
    put(cloud, "webhooks-dead.fifo", "what it was", **GROUPED)
    assert run("redrive", "webhooks-dead.fifo", "--all").exit_code == 0
    assert take(cloud, "webhooks.fifo") == [("what it was", "whe_1#2")]


def test_more_letters_than_one_call_brings_are_all_done_again(cloud: LocalCloud) -> None:
    for number in range(25):
        put(cloud, "dispatches-dead", {"dispatch": f"pay_{number}"})
        put(
            cloud,
            "webhooks-dead.fifo",
            {"lane": f"{number}"},
            MessageGroupId="whe_1#0",
            MessageDeduplicationId=f"{number}",
        )
    for name, source in (
        ("dispatches-dead", "dispatches"),
        ("webhooks-dead.fifo", "webhooks.fifo"),
    ):
        assert "25 messages done again" in run("redrive", name, "--all").output
        assert (cloud.queue_depth(name), cloud.queue_depth(source)) == (0, 25)


def test_a_single_message_can_be_chosen(cloud: LocalCloud) -> None:
    ids = [put(cloud, "dispatches-dead", {"dispatch": f"pay_{number}"}) for number in range(12)]
    answer = run("redrive", "dispatches-dead", "--id", ids[11], "--id", ids[3])
    assert "2 messages done again" in answer.output
    assert sorted(body for body, _ in take(cloud, "dispatches")) == [
        '{"dispatch": "pay_11"}',
        '{"dispatch": "pay_3"}',
    ]
    assert cloud.queue_depth("dispatches-dead") == 10
    missing = run("redrive", "dispatches-dead", "--id", ids[3])
    assert (missing.exit_code, f"not done: {ids[3]}" in missing.output) == (1, True)


def test_a_dry_run_moves_nothing(cloud: LocalCloud) -> None:
    put(cloud, "dispatches-dead", {"dispatch": "pay_1"})
    answer = run("redrive", "dispatches-dead", "--all", "--dry-run")
    assert "1 messages would be done again" in answer.output
    assert (cloud.queue_depth("dispatches-dead"), cloud.queue_depth("dispatches")) == (1, 0)


def test_what_is_to_be_done_again_has_to_be_said() -> None:
    assert run("redrive", "fulfilment-dead").exit_code == 1
    assert run("redrive", "fulfilment-dead", "--all", "--id", "1").exit_code == 1
    assert "there are fulfilment-dead, " in run("redrive", "fulfilment", "--all").output


def test_a_letter_that_cannot_be_read_stays_and_the_others_go(cloud: LocalCloud) -> None:
    damaged = put(cloud, "events-dead", "anna@customer.example")
    send(a_lost_item())
    answer = run("redrive", "events-dead", "--all")
    assert answer.exit_code == 1
    assert "1 messages done again" in answer.output
    assert f"not done: {damaged}" in answer.output
    assert "@" not in answer.output
    assert cloud.queue_depth("events-dead") == 1


def test_a_letter_about_what_no_sweep_would_see_stays_and_says_so(cloud: LocalCloud) -> None:
    send(a_lost_item())
    clock.set_source(lambda: NOON + timedelta(days=39))
    answer = run("redrive", "events-dead", "--all")
    assert answer.exit_code == 1
    assert "longer ago than any sweep looks" in answer.output
    assert cloud.queue_depth("events-dead") == 1


Prepared = Callable[[], object]


def _reward(cloud: LocalCloud, _stack: ExitStack) -> Prepared:
    put(cloud, "fulfilment-dead", a_due_reward())
    return lambda: (
        [each.state for each in rewards_of("boris")],
        coupons.count(TEA, "welcome"),
        len(shop.dump()["journals"]),
        verify_ledger().faults,
    )


def _payout(cloud: LocalCloud, stack: ExitStack) -> Prepared:
    payer = Payer()
    stack.enter_context(pytest.MonkeyPatch.context()).setattr(reward_dispatch, "provider_of", payer)
    terms = PayoutTerms(
        provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, products=("A",)
    )
    apply_program(replace(shop.a_program(), payouts=terms), now=NOON)
    shop.enrol("anna", code="ANNA10")
    anna = person_id("anna", key=cloud.secret("identity-key").encode())
    promise(RewardId("rwd_1"), owner_id=anna, amount_minor=5_000, now=NOON)
    start_payouts(now=NOON)
    (paid,) = [each.dispatch_id for each in rewards.list_of_owner(TEA, anna)]
    put(cloud, "dispatches-dead", {"dispatch": paid})
    return lambda: (
        len(payer.asked),
        [each.state for each in rewards.list_of_owner(TEA, anna)],
        verify_ledger().faults,
    )


def _webhook(cloud: LocalCloud, stack: ExitStack) -> Prepared:
    receiver = stack.enter_context(receiving())
    add_endpoint(receiver.url, events=(), programs=(), description="", now=NOON)
    webhooks.forget_cached()
    _stop_the_stream(cloud)
    happened = event(
        EventName.REWARD_HELD, cause="a", program_id=TEA, occurred_at=NOON, reward_id="rwd_1"
    )
    enqueue_webhooks(happened, now=NOON)
    ((body, group),) = take(cloud, "webhooks.fifo")
    templates.client("sqs").purge_queue(
        QueueUrl=templates.client("sqs").get_queue_url(QueueName=f"{cloud.prefix}webhooks.fifo")[
            "QueueUrl"
        ]
    )
    grouped = {"MessageGroupId": str(group), "MessageDeduplicationId": "dead"}
    put(cloud, "webhooks-dead.fifo", body, **grouped)
    return lambda: receiver.ids() == [happened.event_id]


def _mailing(cloud: LocalCloud, _stack: ExitStack) -> Prepared:
    reminders = ReminderTerms(after_days=(5,))
    apply_program(replace(shop.a_program(), reminders=reminders), now=NOON)
    shop.enrol("anna", code="ANNA10")
    _stop_the_stream(cloud)
    anna = person_id("anna", key=shop.KEYS.identity)
    reminder = Mailing(kind=MessageKind.REMINDER, program_id=TEA, person_id=anna)
    put(cloud, "mailings-dead", mailings.written(reminder))
    return lambda: len(cloud.mails())


def _item(cloud: LocalCloud, _stack: ExitStack) -> Prepared:
    send(a_lost_item())
    _stop_the_stream(cloud)
    return lambda: (len(cloud.mails()), len(cloud.topic_messages()))


def _stretch(cloud: LocalCloud, _stack: ExitStack) -> Prepared:
    a_lost_item()
    announced.take_up_again(_items()[0].place)
    put(
        cloud,
        "events-dead",
        {
            "DDBStreamBatchInfo": {
                "approximateArrivalOfFirstRecord": "2026-05-04T12:00:05Z",
                "approximateArrivalOfLastRecord": "2026-05-04T12:00:05Z",
                "batchSize": 1,
            }
        },
    )
    _stop_the_stream(cloud)
    for shard in range(events.SHARDS_PER_DAY):  # the sweep was past it
        announced.move_cursor(shard, before=None, after=NOON + timedelta(hours=20))
    return lambda: (len(cloud.mails()), len(cloud.topic_messages()))


def _clicks(cloud: LocalCloud, _stack: ExitStack) -> Prepared:
    put(cloud, "clicks-dead", a_batch_of_clicks())
    return lambda: {
        bucket: (tally.clicks, tally.repeats)
        for bucket, tally in counters.list_of_code("ANNA10").items()
    }


def _stop_the_stream(cloud: LocalCloud) -> None:
    for pump in cloud._pumps.sources:
        if isinstance(pump, StreamPump):
            pump.is_stopped = True


LETTERS: dict[str, tuple[Callable[[LocalCloud, ExitStack], Prepared], object]] = {
    "fulfilment-dead": (_reward, ([RewardState.FULFILLED], (0, 1), 3, ())),
    "dispatches-dead": (_payout, (1, [RewardState.FULFILLED], ())),
    "webhooks-dead.fifo": (_webhook, True),
    "mailings-dead": (_mailing, 1),
    "events-dead, an item": (_item, (1, 1)),
    "events-dead, a stretch": (_stretch, (1, 1)),
    "clicks-dead": (_clicks, {"2026-05-04#email": (1, 0), "total": (1, 0)}),
}


@pytest.mark.parametrize("kind", LETTERS)
def test_done_again_and_killed_at_any_call_is_done_once(cloud: LocalCloud, kind: str) -> None:
    prepare, once = LETTERS[kind]
    with ExitStack() as stack:
        look, name = prepare(cloud, stack), kind.partition(",")[0]
        for number in range(1, CALLS_OF_A_REDRIVE + 1):
            for is_after in (False, True):
                with killed(at_call=number, is_after=is_after), contextlib.suppress(KilledError):
                    run("redrive", name, "--all")
                _show_what_is_hidden(cloud, name)
        assert run("redrive", name, "--all").exit_code == 0
        clock.set_source(lambda: WEEK_LATER)
        cloud.invoke("notifications", "sweep_events", {})
        cloud.settle()
        assert look() == once


def _show_what_is_hidden(cloud: LocalCloud, name: str) -> None:
    """Let the time go by in which a message that somebody took is hidden from others."""
    queue_of_moto = sqs_backends[ACCOUNT][REGION].queues[f"{cloud.prefix}{name}"]
    for message in queue_of_moto._messages:
        message.visible_at = 0
