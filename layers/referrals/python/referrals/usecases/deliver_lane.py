"""A lane of webhooks is due: its first event is posted, and what came of it is written.

    lease the lane ── post ── write what came of it

Whoever dies in between leaves a lease that ends: then the event is posted again, under the same id.
So it may arrive twice, and is never lost. Nobody else posts from the lane meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.ids import EventId
from referrals.domain.webhooks import (
    Delivery,
    DeliveryState,
    Endpoint,
    Lane,
    LaneKey,
    Try,
    after_failure,
    after_success,
    endpoint_event,
    leased,
    put_off,
    tried,
    without,
)
from referrals.notify.webhooks import Posted, post
from referrals.store import events, webhooks
from referrals.store.transactions import commit, read, until_settled

# with the lane they fit into one transaction
_DROPPED_AT_ONCE = 50


def deliver_lane(key: LaneKey, *, outgoing: Sequence[str], now: datetime) -> bool:
    """Deliver the first event of a lane that is due; True when the lane may be due again at once.

    `outgoing` are the live keys that signing secrets derive from.
    """
    lane = until_settled(lambda: _lease(key, now))
    if lane is None:
        return False
    endpoint, delivery = _first(lane)
    if endpoint is None or not endpoint.is_active:
        return until_settled(lambda: _drop(lane, now))
    if delivery is None:  # it was deleted with its time to live
        return until_settled(lambda: _forget(lane, now))
    posted = post(endpoint, delivery.event_id, delivery.body, outgoing=outgoing, now=now)
    return until_settled(lambda: _write(lane, delivery.event_id, posted, now))


def _lease(key: LaneKey, now: datetime) -> Lane | None:
    lane = _read_lane(key)
    taken = leased(lane, now=now) if lane is not None else None
    if taken is not None:
        commit(webhooks.save_lane(taken))
    return taken


def _read_lane(key: LaneKey) -> Lane | None:
    wanted = webhooks.wanted_lane(key)
    read(wanted)
    return wanted.value


def _first(lane: Lane) -> tuple[Endpoint | None, Delivery | None]:
    wanted_endpoint = webhooks.wanted_endpoint(lane.key.endpoint_id)
    wanted_delivery = webhooks.wanted_delivery(lane.key.endpoint_id, lane.pending[0].event_id)
    until_settled(lambda: read(wanted_endpoint, wanted_delivery))
    return wanted_endpoint.value, wanted_delivery.value


def _drop(taken: Lane, now: datetime) -> bool:
    """Give up what waits for an endpoint that is told nothing any more, a part at a time."""
    lane = _read_lane(taken.key)
    if lane is None or lane.leased_until != taken.leased_until:
        return False
    dropped = [each.event_id for each in lane.pending[:_DROPPED_AT_ONCE]]
    wanted = [webhooks.wanted_delivery(lane.key.endpoint_id, each) for each in dropped]
    read(*wanted)
    deliveries = [replace(each.value, state=DeliveryState.DROPPED) for each in wanted if each.value]
    left = without(lane, dropped, now=now)
    commit(webhooks.save_lane(left), *(webhooks.save_delivery(each) for each in deliveries))
    return bool(left.pending)


def _forget(taken: Lane, now: datetime) -> bool:
    lane = _read_lane(taken.key)
    if lane is None or lane.leased_until != taken.leased_until:
        return False
    left = without(lane, [taken.pending[0].event_id], now=now)
    commit(webhooks.save_lane(left))
    return bool(left.pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is there when an answer has come; others may have changed it meanwhile."""

    lane: Lane
    endpoint: Endpoint
    delivery: Delivery


def _write(taken: Lane, event_id: EventId, posted: Posted, now: datetime) -> bool:
    """Write what came of a try.

    A success is a fact, whoever has the lane now. A failure is told only by who has it.
    """
    found = _read_all(taken.key, event_id)
    if found is None or not found.lane.holds(event_id):
        return False
    is_ours = found.lane.leased_until == taken.leased_until
    if posted.outcome.is_success:
        return _write_success(found, posted.outcome, now, is_ours=is_ours)
    return is_ours and _write_failure(found, posted, now)


def _read_all(key: LaneKey, event_id: EventId) -> _Found | None:
    wanted_lane, wanted_endpoint, wanted_delivery = (
        webhooks.wanted_lane(key),
        webhooks.wanted_endpoint(key.endpoint_id),
        webhooks.wanted_delivery(key.endpoint_id, event_id),
    )
    read(wanted_lane, wanted_endpoint, wanted_delivery)
    lane, endpoint, delivery = wanted_lane.value, wanted_endpoint.value, wanted_delivery.value
    if lane is None or endpoint is None or delivery is None:
        return None
    return _Found(lane=lane, endpoint=endpoint, delivery=delivery)


def _write_success(found: _Found, outcome: Try, now: datetime, *, is_ours: bool) -> bool:
    lane = found.lane
    left = without(lane, [found.delivery.event_id], now=now)
    if not is_ours:
        left = replace(left, due_at=lane.due_at, leased_until=lane.leased_until)
    after = after_success(found.endpoint, now=now)
    commit(
        webhooks.save_lane(left),
        webhooks.save_delivery(tried(found.delivery, outcome, DeliveryState.DELIVERED)),
        webhooks.save_endpoint(after) if after != found.endpoint else None,
    )
    return is_ours and bool(left.pending)


def _write_failure(found: _Found, posted: Posted, now: datetime) -> bool:
    delivery, event_id = found.delivery, found.delivery.event_id
    again = put_off(found.lane, event_id, now=now, not_before=posted.not_before)
    left = again or without(found.lane, [event_id], now=now)
    state = DeliveryState.PENDING if again else DeliveryState.FAILED
    after, name = after_failure(found.endpoint, is_gone=posted.outcome.is_gone, now=now)
    told = name and endpoint_event(name, after, program_id=delivery.program_id, now=now)
    commit(
        webhooks.save_lane(left),
        webhooks.save_delivery(tried(delivery, posted.outcome, state)),
        webhooks.save_endpoint(after) if after != found.endpoint else None,
        events.append([told], now=now) if told else None,
    )
    return bool(left.pending) and left.due_at <= now
