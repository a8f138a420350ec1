"""Outgoing webhooks: who is told what, in which order, and how often it is tried.

    events of one object ──> lane ──one by one──> endpoint
                              │  ↑ again after a pause, ten times in all
                              └──┘

What happened to one object (a reward, a conversion, a payout, a person) stands in one lane of each
endpoint that wants it, and goes out in order: the next waits until the first was delivered or
given up. Lanes know nothing of each other, so one that is stuck delays no other object.
"""

import hashlib
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from referrals.domain.errors import NotAllowedError, NotFoundError
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.ids import EndpointId, EventId, ProgramId

# Ten tries: at once, and after each of these, 75 hours in all.
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=4),
    timedelta(minutes=25),
    timedelta(hours=1, minutes=30),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_TRIES = len(PAUSES) + 1
# Each pause is longer or shorter by up to a tenth, so that those who failed together part.
_JITTER_BPS = 1_000
# For as long as this a receiver who asks for it is left alone; what is planned may be longer.
LONGEST_WISH = timedelta(hours=24)
_ASK_FOR_TIME = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

DISABLED_AFTER = timedelta(days=5)
WARNED_AFTER = (timedelta(days=1), timedelta(days=3))
# No try for longer than any pause: what fails then is a failure of its own.
_FORGOTTEN_AFTER = timedelta(days=2)
_NOTED_EVERY = timedelta(hours=1)

ROTATION = timedelta(hours=24)
# A worker has a minute; who died in it is followed after this.
LEASE = timedelta(seconds=90)
# DynamoDB takes 400 KB in an item
MOST_PENDING = 2_000
_TRIES_KEPT = 20
GROUPS = 4

# What says that webhooks fail is not sent by webhook.
NOT_SENT = frozenset({EventName.WEBHOOK_FAILING, EventName.WEBHOOK_DISABLED})
_SUBJECTS = ("reward_id", "conversion_id", "dispatch_id", "advocate_id", "person_id")


class EndpointNotFoundError(NotFoundError):
    code = "endpoint_not_found"

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"no webhook endpoint is called {endpoint_id}")


class SecretRotatingError(NotAllowedError):
    """The secret before the current one was promised to sign for a day, which is not over."""

    code = "secret_rotating"

    def __init__(self, endpoint_id: str, until: datetime) -> None:
        super().__init__(f"the secret before of {endpoint_id} signs until {until:%F %T} UTC")


class EndpointStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """What became of an event for one endpoint; all but `delivered` can be sent again.

    It is `failed` after ten tries, and `dropped` when the endpoint was disabled before.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class DisabledReason(StrEnum):
    GONE = "gone"  # it answered 410
    FAILING = "failing"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Somebody who is told of events; of all of them when `events` or `programs` is empty.

    `generation` counts its secrets; the one before signs too until `previous_until`.
    """

    endpoint_id: EndpointId
    url: str
    created_at: datetime
    events: tuple[EventName, ...] = ()
    programs: tuple[ProgramId, ...] = ()
    description: str = ""
    status: EndpointStatus = EndpointStatus.ACTIVE
    disabled_reason: DisabledReason | None = None
    generation: int = 1
    previous_until: datetime | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    succeeded_at: datetime | None = None
    warnings: int = 0
    revision: int | None = None

    @property
    def is_active(self) -> bool:
        return self.status is EndpointStatus.ACTIVE

    def wants(self, happened: DomainEvent) -> bool:
        """Say whether it is to be told of an event."""
        return (
            self.is_active
            and happened.name not in NOT_SENT
            and (not self.events or happened.name in self.events)
            and (not self.programs or happened.program_id in self.programs)
        )

    def secret_labels(self, now: datetime) -> tuple[str, ...]:
        """Give what its live secrets derive from, the current one first."""
        live = [self.generation]
        if self.previous_until is not None and now < self.previous_until:
            live.append(self.generation - 1)
        return tuple(f"webhook:{self.endpoint_id}:{generation}" for generation in live)


def rotated(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    """Give an endpoint a new secret; the one before signs too for a day. SecretRotatingError."""
    if endpoint.previous_until is not None and now < endpoint.previous_until:
        raise SecretRotatingError(endpoint.endpoint_id, endpoint.previous_until)
    return replace(endpoint, generation=endpoint.generation + 1, previous_until=now + ROTATION)


def disabled(endpoint: Endpoint, reason: DisabledReason) -> Endpoint:
    return replace(endpoint, status=EndpointStatus.DISABLED, disabled_reason=reason)


def enabled(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint be told again, as if it had never failed."""
    return replace(
        endpoint,
        status=EndpointStatus.ACTIVE,
        disabled_reason=None,
        failing_since=None,
        failed_at=None,
        warnings=0,
    )


def after_success(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    """Note a success: it ends a failure, and is else written once an hour at most."""
    if endpoint.failing_since is None and _is_fresh(endpoint.succeeded_at, _NOTED_EVERY, now):
        return endpoint
    return replace(endpoint, failing_since=None, failed_at=None, warnings=0, succeeded_at=now)


def after_failure(
    endpoint: Endpoint, *, is_gone: bool, now: datetime
) -> tuple[Endpoint, EventName | None]:
    """Note a failed try, with what operators are to hear of it.

    Warned after one and three days without a success, it is disabled after five; at once when it
    says that it is gone for good (410).
    """
    if not endpoint.is_active:
        return endpoint, None
    since = endpoint.failing_since
    if since is None or not _is_fresh(endpoint.failed_at, _FORGOTTEN_AFTER, now):
        since = now
    if is_gone or now - since >= DISABLED_AFTER:
        reason = DisabledReason.GONE if is_gone else DisabledReason.FAILING
        return disabled(endpoint, reason), EventName.WEBHOOK_DISABLED
    warnings = sum(now - since >= each for each in WARNED_AFTER)
    noted = replace(endpoint, failing_since=since, failed_at=now, warnings=warnings)
    if warnings > endpoint.warnings:
        return noted, EventName.WEBHOOK_FAILING
    is_noted = since != now and _is_fresh(endpoint.failed_at, _NOTED_EVERY, now)
    return (endpoint if is_noted else noted), None


def _is_fresh(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < span


def endpoint_event(
    name: EventName, endpoint: Endpoint, *, program_id: ProgramId, now: datetime
) -> DomainEvent:
    """Tell operators of an endpoint, but not its address, which may hold secrets.

    The program is the one whose event could not be delivered.
    """
    since = endpoint.failing_since
    return event(
        name,
        cause=f"webhook:{endpoint.endpoint_id}:{endpoint.revision}",
        program_id=program_id,
        occurred_at=now,
        endpoint_id=endpoint.endpoint_id,
        failing_since=since.isoformat() if since else None,
        reason=endpoint.disabled_reason,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt to deliver: the status that was answered, or why there was none."""

    at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether it was taken; a redirect is not followed, and is a failure."""
        return (
            self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES
        )

    @property
    def is_gone(self) -> bool:
        return self.status == HTTPStatus.GONE

    @property
    def may_ask_for_time(self) -> bool:
        """Whether the answer may say when to come again; of others nothing is taken."""
        return self.status in _ASK_FOR_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint; `body` is sent as it stands. Keeps its last tries."""

    endpoint_id: EndpointId
    event_id: EventId
    event_name: EventName
    program_id: ProgramId
    subject: str
    occurred_at: datetime
    body: str
    queued_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    tries: tuple[Try, ...] = ()
    revision: int | None = None


def tried(delivery: Delivery, latest: Try, state: DeliveryState) -> Delivery:
    """Add a try to what a delivery remembers."""
    return replace(delivery, state=state, tries=(*delivery.tries, latest)[-_TRIES_KEPT:])


def requeued(delivery: Delivery, *, now: datetime) -> Delivery:
    """Let a delivery begin again."""
    return replace(delivery, state=DeliveryState.PENDING, queued_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneKey:
    """What names a lane in a message: its endpoint, and the object whose events are in it."""

    endpoint_id: EndpointId
    subject: str

    @property
    def group(self) -> str:
        """Say with which lanes of its endpoint it takes turns."""
        number = hashlib.sha256(self.subject.encode()).digest()[0] % GROUPS
        return groups_of(self.endpoint_id)[number]


def groups_of(endpoint_id: EndpointId) -> tuple[str, ...]:
    """Give the groups of an endpoint: each delivers one lane at a time."""
    return tuple(f"{endpoint_id}.{number}" for number in range(GROUPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An event that waits in a lane, and how often it was tried."""

    event_id: EventId
    occurred_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What is still to be delivered about one object to one endpoint, in the order it happened.

    While somebody delivers, it is leased, and due again when the lease ends.
    """

    key: LaneKey
    pending: tuple[Pending, ...]
    due_at: datetime
    leased_until: datetime | None = None
    revision: int | None = None

    def holds(self, event_id: EventId) -> bool:
        return any(each.event_id == event_id for each in self.pending)


def subject_of(happened: DomainEvent) -> str:
    """Say which object an event is about; the program when it is about nothing smaller."""
    named = (happened.data.get(name) for name in _SUBJECTS)
    return str(next((each for each in named if each), happened.program_id))


def joined(lane: Lane | None, key: LaneKey, event_id: EventId, at: datetime, now: datetime) -> Lane:
    """Put an event into a lane, after those that happened before it or at the same time."""
    one = Pending(event_id=event_id, occurred_at=at)
    if lane is None:
        return Lane(key=key, pending=(one,), due_at=now)
    waiting = list(lane.pending)
    insort(waiting, one, key=lambda each: each.occurred_at)
    return replace(lane, pending=tuple(waiting))


def leased(lane: Lane, *, now: datetime) -> Lane | None:
    """Take a lane to deliver from it; None when it is not due, or somebody else has it."""
    if lane.due_at > now:
        return None
    return replace(lane, leased_until=now + LEASE, due_at=now + LEASE)


def without(lane: Lane, event_ids: Sequence[EventId], *, now: datetime) -> Lane:
    """Take events out of a lane; what is left in it is due at once."""
    rest = tuple(each for each in lane.pending if each.event_id not in event_ids)
    return replace(lane, pending=rest, due_at=now, leased_until=None)


def put_off(
    lane: Lane, event_id: EventId, *, now: datetime, not_before: datetime | None = None
) -> Lane | None:
    """Leave an event that failed in its lane for the next try; None when it had its last one.

    `not_before` is what the receiver asked for: it makes the pause longer, up to a day, and never
    shorter, and gives no try more.
    """
    (failed,) = [each for each in lane.pending if each.event_id == event_id]
    tries = failed.tries + 1
    if tries >= MOST_TRIES:
        return None
    pause = pause_after(tries, f"{lane.key.endpoint_id}:{event_id}")
    waiting = [replace(each, tries=tries) if each is failed else each for each in lane.pending]
    due_at = max(now + pause, min(not_before or now, now + LONGEST_WISH))
    return replace(lane, pending=tuple(waiting), due_at=due_at, leased_until=None)


def pause_after(tries: int, name: str) -> timedelta:
    """Give the pause after so many tries of the delivery of this name."""
    digest = hashlib.sha256(f"{name}:{tries}".encode()).digest()
    drawn = int.from_bytes(digest[:4]) % (2 * _JITTER_BPS + 1)
    return PAUSES[tries - 1] * (10_000 - _JITTER_BPS + drawn) / 10_000
