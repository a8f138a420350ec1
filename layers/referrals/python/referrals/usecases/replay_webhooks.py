"""An endpoint asks for events again: one of them, all since a moment, or those it never got.

Each gets ten new tries under the id it always had, in the order in which things happened. What is
still on its way is left alone. The clock takes it from here.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from referrals.domain.errors import NotAllowedError, NotFoundError
from referrals.domain.events import DomainEvent
from referrals.domain.ids import EndpointId, EventId
from referrals.domain.webhooks import Delivery, DeliveryState, Endpoint, requeued
from referrals.store import events, webhooks
from referrals.store.transactions import read
from referrals.usecases.enqueue_webhooks import delivery_of, enqueue_delivery

_A_DAY = timedelta(days=1)


class EndpointDisabledError(NotAllowedError):
    """Nothing is sent to an endpoint that is disabled."""

    code = "endpoint_disabled"

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"{endpoint_id} is disabled; enable it first")


class DeliveryNotFoundError(NotFoundError):
    code = "delivery_not_found"

    def __init__(self, endpoint_id: str, event_id: str) -> None:
        super().__init__(f"{endpoint_id} was never to be told of {event_id}")


def replay_event(endpoint_id: str, event_id: str, *, now: datetime) -> int:
    """Send one event again; gives how many were queued.

    EndpointNotFoundError, EndpointDisabledError, DeliveryNotFoundError.
    """
    endpoint = _active(endpoint_id)
    wanted = webhooks.wanted_delivery(endpoint.endpoint_id, EventId(event_id))
    read(wanted)
    if wanted.value is None:
        raise DeliveryNotFoundError(endpoint_id, event_id)
    return _queued_again(wanted.value, now)


def replay_failed(endpoint_id: str, *, now: datetime) -> int:
    """Send again what was given up in the last 90 days; gives how many were queued.

    EndpointNotFoundError, EndpointDisabledError.
    """
    endpoint, states = _active(endpoint_id), (DeliveryState.FAILED, DeliveryState.DROPPED)
    given_up = list(webhooks.iter_deliveries(endpoint.endpoint_id, states=states))
    in_order = sorted(given_up, key=lambda each: each.occurred_at)
    return sum(_queued_again(each, now) for each in in_order)


def replay_since(endpoint_id: str, since: datetime, *, now: datetime) -> int:
    """Send everything that the log holds since a moment and the endpoint wants, also what it has.

    Gives how many were queued. EndpointNotFoundError, EndpointDisabledError.
    """
    endpoint = _active(endpoint_id)
    wanted = (each for each in _iter_since(since, now) if endpoint.wants(each))
    return sum(_queued_again(delivery_of(each, endpoint.endpoint_id, now), now) for each in wanted)


def _active(endpoint_id: str) -> Endpoint:
    endpoint = webhooks.get_endpoint(EndpointId(endpoint_id))
    if not endpoint.is_active:
        raise EndpointDisabledError(endpoint_id)
    return endpoint


def _queued_again(delivery: Delivery, now: datetime) -> int:
    lane = enqueue_delivery(requeued(delivery, now=now), is_again=True)
    return 0 if lane is None else 1


def _iter_since(since: datetime, now: datetime) -> Iterator[DomainEvent]:
    day = since.date()
    while day <= now.date():
        entries = [entry for entry, _ in events.iter_day(day) if entry.place.recorded_at >= since]
        for entry in sorted(entries, key=lambda each: each.position):
            yield from events.read_body(entry.body)
        day += _A_DAY
