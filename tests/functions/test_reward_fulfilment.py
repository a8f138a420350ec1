"""The clock and the queue: what is due is done once, and what fails comes again alone."""

import json
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.templates import client
from referrals.cli.signatures import signed_by
from referrals.domain.rewards import RewardState
from referrals.runtime import clock
from referrals.seal.signing import current_public_key
from referrals.store import events, roots
from tests.api import Api
from tests.functions.requests import ADVOCATE, PURCHASE, SIGNUP
from tests.shop import NOON


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_source(lambda: NOON)


def _batch(bodies: list[str]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "body": body,
                "eventSource": "aws:sqs",
                "attributes": {},
                "messageAttributes": {},
            }
            for number, body in enumerate(bodies)
        ]
    }


def _refer(api: Api) -> None:
    api.post("/api/advocates", ADVOCATE)
    api.post("/hooks/signup", SIGNUP)
    api.post("/hooks/purchase", PURCHASE)


def test_nothing_is_queued_before_it_is_due_and_all_of_it_then(api: Api, cloud: LocalCloud) -> None:
    _refer(api)
    cloud.run_schedules()
    assert cloud.queue_depth("fulfilment") == 1  # the coupon has no hold
    clock.set_source(lambda: NOON + timedelta(days=14))
    cloud.run_schedules()
    assert cloud.queue_depth("fulfilment") == 1 + 3


def test_a_reward_that_was_queued_many_times_is_fulfilled_once(api: Api, cloud: LocalCloud) -> None:
    _refer(api)
    clock.set_source(lambda: NOON + timedelta(days=14))
    for _ in range(3):
        cloud.run_schedules()
    cloud.settle()
    (reward,) = api.advocate("anna").json["rewards"]
    assert (reward["state"], reward["amount_minor"]) == (RewardState.FULFILLED, 500)
    assert api.advocate("anna").json["balances"][0]["paid_minor"] == 500


def test_a_message_that_was_lost_is_queued_again_by_the_next_tick(
    api: Api, cloud: LocalCloud
) -> None:
    _refer(api)
    clock.set_source(lambda: NOON + timedelta(days=14))
    cloud.run_schedules()
    queue = cloud.state.ref("FulfilmentQueue")
    client("sqs").purge_queue(QueueUrl=queue)
    cloud.run_schedules()
    cloud.settle()
    assert api.advocate("anna").json["balances"][0]["paid_minor"] == 500


def test_every_subset_of_failures_in_a_batch_of_five_returns_just_the_failed(
    cloud: LocalCloud,
) -> None:
    good = json.dumps({"program": "tea", "owner": "per_x", "reward": "rwd_x"})
    for size in range(6):
        for failing in combinations(range(5), size):
            bodies = ["{}" if number in failing else good for number in range(5)]
            answer = cloud.invoke("reward_fulfilment", "fulfil_rewards", _batch(bodies))
            failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
            assert failed == [f"message-{number}" for number in failing]


def test_a_poison_message_ends_in_the_dead_letter_queue_and_the_others_are_done(
    api: Api, cloud: LocalCloud
) -> None:
    _refer(api)
    clock.set_source(lambda: NOON + timedelta(days=14))
    client("sqs").send_message(QueueUrl=cloud.state.ref("FulfilmentQueue"), MessageBody="poison")
    cloud.run_schedules()
    cloud.settle()
    assert cloud.queue_depth("fulfilment") == 0
    assert cloud.queue_depth("fulfilment-dead") == 1
    assert api.advocate("anna").json["balances"][0]["paid_minor"] == 500


def test_a_day_that_is_over_is_sealed_once_with_all_that_was_written(
    api: Api, cloud: LocalCloud
) -> None:
    _refer(api)
    clock.set_source(lambda: NOON + timedelta(days=1))
    for _ in range(2):
        cloud.invoke("reward_fulfilment", "seal_days", {})
    (root,) = roots.iter_all()
    assert (root.day, root.entries) == (NOON.date(), len(list(events.iter_day(NOON.date()))))
    assert root.entries > 0
    assert signed_by([current_public_key()])(root)
