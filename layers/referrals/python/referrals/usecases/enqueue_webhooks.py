"""An event happened: for each endpoint that wants it a delivery is put in the lane of its object.

The delivery and its place in the lane are one transaction, so an event that is announced twice is
delivered once. A message then wakes the worker; if that is lost, the clock finds the lane.
"""

from dataclasses import replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from referrals.domain.events import DomainEvent
from referrals.domain.ids import EndpointId
from referrals.domain.webhooks import (
    MOST_PENDING,
    NOT_SENT,
    Delivery,
    DeliveryState,
    Lane,
    LaneKey,
    joined,
    subject_of,
)
from referrals.notify import lane_queue
from referrals.notify.webhooks import body_of
from referrals.store import webhooks
from referrals.store.transactions import commit, read, until_settled


def enqueue_webhooks(event: DomainEvent, *, now: datetime) -> None:
    """Queue an event for every active endpoint that wants it, once however often it is announced.

    Who is an endpoint is known to the minute. An error of the store when it has to be tried again.
    """
    if event.name in NOT_SENT:
        return
    for endpoint in webhooks.list_endpoints_kept():
        if not endpoint.wants(event):
            continue
        lane = enqueue_delivery(delivery_of(event, endpoint.endpoint_id, now))
        # one that fails is left to the clock, which gives it no more than it can take
        if lane is not None and endpoint.failing_since is None:
            _wake(lane, because=event.event_id, now=now)


def delivery_of(event: DomainEvent, endpoint_id: EndpointId, now: datetime) -> Delivery:
    """Make the delivery of an event to an endpoint."""
    return Delivery(
        endpoint_id=endpoint_id,
        event_id=event.event_id,
        event_name=event.name,
        program_id=event.program_id,
        subject=subject_of(event),
        occurred_at=event.occurred_at,
        body=body_of(event),
        queued_at=now,
    )


def enqueue_delivery(delivery: Delivery, *, is_again: bool = False) -> Lane | None:
    """Put a delivery in its lane, and give the lane; None when it was there before.

    `is_again` queues also what was delivered or given up: ten new tries, under the same id. Into a
    lane that is full nothing goes: a new delivery is dropped, which its log shows, and one that was
    there before stays what it was.
    """
    return until_settled(lambda: _attempt(delivery, is_again=is_again))


def _attempt(delivery: Delivery, *, is_again: bool) -> Lane | None:
    key = LaneKey(endpoint_id=delivery.endpoint_id, subject=delivery.subject)
    wanted_before = webhooks.wanted_delivery(delivery.endpoint_id, delivery.event_id)
    wanted_lane = webhooks.wanted_lane(key)
    read(wanted_before, wanted_lane)
    before, lane, now = wanted_before.value, wanted_lane.value, delivery.queued_at
    if before is not None and (not is_again or before.state is DeliveryState.PENDING):
        return None
    if lane is not None and len(lane.pending) >= MOST_PENDING:
        if before is None:
            commit(webhooks.save_delivery(replace(delivery, state=DeliveryState.DROPPED)))
        return None
    if before is not None:
        delivery = replace(delivery, tries=before.tries, revision=before.revision)
    after = joined(lane, key, delivery.event_id, delivery.occurred_at, now)
    commit(webhooks.save_delivery(delivery), webhooks.save_lane(after))
    return after


def _wake(lane: Lane, *, because: str, now: datetime) -> None:
    """Say that a lane is due, unless somebody works on it or it waits for its next try."""
    if lane.due_at > now:
        return
    try:
        lane_queue.send_all([(lane.key, lane.due_at)], because=because)
    except (BotoCoreError, ClientError):
        return  # the lane is due, and comes up with the next minute
