"""The straight line through the local cloud: the same items, mails and messages as the long way."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud import LocalCloud, Mail, TopicMessage
from infra.local.straight_line import straight_line
from referrals.runtime import clock
from referrals.store import coupons, mail_rates, messages
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api
from tests.conftest import fresh_tables
from tests.shop import NOON, TEA

SECRETS = {
    "identity-key": "an identity key of this test",
    "portal-key": "a portal key of this test",
}
_BOUNDARY = re.compile(r"={15}\d+==")


def _play() -> tuple[dict[str, list[Any]], Sequence[Mail], Sequence[TopicMessage]]:
    with LocalCloud(secrets=SECRETS) as cloud:
        clock.set_source(lambda: NOON)
        apply_program(shop.a_program(), now=NOON)
        coupons.add(TEA, "welcome", "TEA-1")
        api = Api(cloud)
        anna = {"id": "anna", "email": "anna@customer.example", "name": "Anna", "code": "ANNA10"}
        api.post("/api/advocates", {"program": TEA, **anna})
        boris = {"id": "boris", "email": "boris@customer.example", "name": "Boris"}
        api.post("/hooks/signup", {"program": TEA, "friend": boris, "code": "ANNA10"})
        order = {"order_id": "A-1", "amount_minor": 5_000, "currency": "EUR"}
        api.post("/hooks/purchase", {"program": TEA, "friend": {"id": "boris"}, **order})
        cloud.settle()
        clock.set_source(lambda: NOON + timedelta(days=15))
        cloud.invoke("reward_fulfilment", "queue_due_rewards", {})
        cloud.settle()
        return shop.dump(), cloud.mails(), cloud.topic_messages()


def _without_chance(mails: Sequence[Mail]) -> list[tuple[Any, ...]]:
    return [(each.to, each.sender, each.subject, _BOUNDARY.sub("", each.raw)) for each in mails]


def test_a_story_leaves_the_same_items_mails_and_messages() -> None:
    long_items, long_mails, long_messages = _play()
    with straight_line():
        items, mails, told = _play()
    assert items == long_items
    assert len(mails) == 8
    assert _without_chance(mails) == _without_chance(long_mails)
    assert told == long_messages


def _update() -> dict[str, list[Any]]:
    for _ in range(2):
        mail_rates.count_sent(now=NOON)
    assert messages.claim("msg_1", kind="welcome", person_id="per_anna", program_id=TEA, now=NOON)
    messages.mark_sent("msg_1", now=NOON)
    taken = [mail_rates.take_sms(most=2, now=NOON) for _ in range(3)]
    assert taken == [True, True, False]
    mail_rates.give_back_sms(now=NOON)
    return shop.dump()


@pytest.mark.usefixtures("tables")
def test_updates_leave_the_same_items() -> None:
    long_way = _update()
    with straight_line(), fresh_tables():
        assert _update() == long_way
