"""What providers outside answer, in one language for all of them.

A provider is asked for one dispatch under an id that was stored before (`external_id`). What it
says is one of four: their order, as it stands; no, for good; not now, and nothing was done; or
nothing that we know of, after which it is looked up and never guessed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from referrals.domain.ids import DispatchId


class TheirStatus(StrEnum):
    """Where an order stands with the provider."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirOrder:
    """One order in a provider's books. `details` may hold the code that it made."""

    external_id: str
    reference: str
    amount_minor: int
    unit: str
    status: TheirStatus
    created_at: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider said no for good, and did nothing; `reason` is safe for logs and operators."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """Nothing was done, surely; the same may be asked again later.

    `not_before` is the moment that the provider itself asked for.
    """

    reason: str
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The request may have done its work, and the answer did not come."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom a provider is to send to; personal data, never stored with a dispatch."""

    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a provider is asked for. `options` are the terms': products, campaign, funding source.

    `recipient` is None for a partner, who makes a code and is told nothing of people.
    """

    dispatch_id: DispatchId
    amount_minor: int
    unit: str
    recipient: Recipient | None
    options: Mapping[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """A system outside that pays, or makes codes; no method raises for what the provider says."""

    def ask(self, asking: Asking) -> TheirOrder | Refused | NotNow | Unknown:
        """Ask for it once."""

    def look_up(self, dispatch_id: DispatchId) -> TheirOrder | NotNow | Unknown | None:
        """Find what became of a dispatch; None when the provider surely has no such order."""

    def iter_orders(self, since: datetime) -> Iterator[TheirOrder]:
        """List the provider's orders since a moment; OutboundError when it cannot be read whole."""
