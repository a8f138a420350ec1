"""A relay that stands still for 25 hours loses nothing: the sweep announces what was forgotten."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.local.cloud import LocalCloud
from infra.local.pumps import Pump, SchedulePump, StreamPump
from referrals.runtime import clock
from referrals.store import coupons, events, webhooks
from referrals.usecases.apply_program import apply_program
from referrals.usecases.change_endpoint import add_endpoint
from tests import shop
from tests.api import Api
from tests.receivers import Receiver, receiving
from tests.shop import NOON, TEA

# the same people have the same ids in every cloud
SECRETS = {"identity-key": "an identity key of this test"}
HOURS = 25
HOUR = timedelta(hours=1)
STREAM_KEEPS = timedelta(hours=24)
EVERY_MINUTE = "rate(1 minute)"


class Relay:
    """The stream of the event log, and the sweep; either can be still."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        (self.stream,) = [each for each in cloud._pumps.sources if isinstance(each, StreamPump)]

    def tick(self, *, is_swept: bool) -> None:
        """Let an hour end: due rewards are queued and handed over, and the log may be swept."""
        for pump in self._cloud._pumps.schedules:
            if self._is_wanted(pump, is_swept=is_swept):
                pump.pump()
        self._cloud.settle()

    def _is_wanted(self, pump: Pump, *, is_swept: bool) -> bool:
        if not isinstance(pump, SchedulePump):
            return False
        if pump.function.name == "sweep_events":
            return is_swept
        return pump.expression == EVERY_MINUTE


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came of 25 hours: mails by recipient and subject, ids on the topic and by webhook."""

    mails: Counter[str]
    topic: Counter[str]
    webhooks: Counter[str]
    log: frozenset[str]


def heard_of_a_day(*, is_relayed: bool, is_swept: bool) -> Heard:
    """Let 25 hours pass with a friend every five, and then three hours more."""
    with LocalCloud(secrets=SECRETS) as cloud, receiving() as receiver:
        _live_through_it(cloud, receiver, is_relayed=is_relayed, is_swept=is_swept)
        return Heard(
            mails=Counter(f"{mail.to[0]}: {mail.subject}" for mail in cloud.mails()),
            topic=Counter(
                json.loads(message.body)["id"]
                for message in cloud.topic_messages()
                if message.topic.endswith("-events")
            ),
            webhooks=Counter(receiver.ids()),
            log=frozenset(happened.event_id for happened in events.iter_all()),
        )


def _live_through_it(
    cloud: LocalCloud, receiver: Receiver, *, is_relayed: bool, is_swept: bool
) -> None:
    api, relay = Api(cloud), Relay(cloud)
    _set(NOON)
    apply_program(shop.a_program(), now=NOON)
    add_endpoint(receiver.url, events=(), programs=(), description="", now=NOON)
    webhooks.forget_cached()
    for number in range(HOURS):
        coupons.add(TEA, "welcome", f"TEA-{number:02}")
    api.post("/api/advocates", {**_person("anna"), "code": "ANNA10"})
    relay.tick(is_swept=True)
    relay.stream.is_stopped = not is_relayed
    for hour in range(1, HOURS + 1):
        _set(NOON + hour * HOUR)
        if hour % 5 == 1:
            _refer(api, f"friend{hour}")
        relay.tick(is_swept=is_swept)
    _set(NOON + (HOURS + 1) * HOUR)
    if not is_relayed:
        assert relay.stream.trim(clock.utc_now() - STREAM_KEEPS) > 0
    relay.stream.is_stopped = False
    for hour in range(HOURS + 1, HOURS + 4):
        _set(NOON + hour * HOUR)
        relay.tick(is_swept=True)


def _refer(api: Api, friend: str) -> None:
    api.post("/hooks/signup", {"program": TEA, "friend": _friend(friend), "code": "ANNA10"})
    order = {"program": TEA, "order_id": f"A-{friend}", "amount_minor": 5_000, "currency": "EUR"}
    api.post("/hooks/purchase", {**order, "friend": _friend(friend)})


def _person(name: str) -> dict[str, str]:
    return {"program": TEA, **_friend(name)}


def _friend(name: str) -> dict[str, str]:
    return {"id": name, "email": f"{name}@customer.example", "name": name.title()}


def _set(moment: datetime) -> None:
    clock.set_source(lambda: moment)


def test_a_relay_that_stood_still_for_25_hours_loses_nothing() -> None:
    undisturbed = heard_of_a_day(is_relayed=True, is_swept=True)
    assert len(undisturbed.log) > 40
    assert set(undisturbed.topic.values()) == {1}  # the sweep had nothing to do
    assert undisturbed.topic.keys() == undisturbed.webhooks.keys() == undisturbed.log
    for is_swept in (False, True):  # neither stream nor sweep; or the stream alone stood still
        late = heard_of_a_day(is_relayed=False, is_swept=is_swept)
        assert late.log == undisturbed.log
        assert late.mails == undisturbed.mails
        assert late.topic.keys() == late.log
        assert late.webhooks == undisturbed.webhooks
        assert set(late.webhooks.values()) == {1}
