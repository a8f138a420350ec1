"""What operators are told at once; what can wait for an hour is looked for by `watch_programs`."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from referrals.domain.dispatches import BANK, FORGOTTEN, REFUNDED
from referrals.domain.ids import EndpointId
from referrals.domain.message_kinds import MessageKind
from referrals.domain.webhooks import DISABLED_AFTER, Endpoint
from referrals.notify.message_values import (
    DisabledReason,
    EndpointDisabled,
    EndpointFailing,
    PayoutStuck,
    Sum,
)
from referrals.store import webhooks
from referrals.store.transactions import read
from referrals.usecases.announcements.told import Told
from referrals.usecases.letters import Letter, to_operators


def endpoint_fails(told: Told) -> Iterator[Letter]:
    """Tell of an endpoint of webhooks that takes nothing, while there is time to mend it."""
    endpoint, since = _find_endpoint(told), told.moment("failing_since")
    if endpoint is None or since is None:
        return
    about = EndpointFailing(
        endpoint_id=endpoint.endpoint_id,
        host=_host(endpoint),
        failing_since=since,
        disabled_at=since + DISABLED_AFTER,
    )
    yield to_operators(MessageKind.WEBHOOK_FAILING, about, cause=told.cause)


def endpoint_disabled(told: Told) -> Iterator[Letter]:
    """Tell of an endpoint of webhooks that gets nothing more."""
    endpoint = _find_endpoint(told)
    if endpoint is None:
        return
    about = EndpointDisabled(
        endpoint_id=endpoint.endpoint_id,
        host=_host(endpoint),
        because=DisabledReason(told.text("reason")),
    )
    yield to_operators(MessageKind.WEBHOOK_DISABLED, about, cause=told.cause)


def payout_stuck(told: Told) -> Iterator[Letter]:
    """Tell of something asked of a provider that waits for people."""
    yield _of_payout(told, is_back=False)


def payout_failed(told: Told) -> Iterator[Letter]:
    """Tell of what a provider did not do; by bank, of a refund, of who is forgotten, one knows."""
    is_known = told.text("provider") == BANK or told.text("reason") in {REFUNDED, FORGOTTEN}
    if not is_known:
        yield _of_payout(told, is_back=True)


def _of_payout(told: Told, *, is_back: bool) -> Letter:
    """Write once a day: when a provider fails, all of a payday's payouts may be told of."""
    about = PayoutStuck(
        dispatch_id=told.text("dispatch_id"),
        provider=told.text("provider"),
        worth=Sum(amount_minor=told.number("amount_minor"), unit=told.text("unit")),
        is_back=is_back,
    )
    day = told.event.occurred_at.date().isoformat()
    return to_operators(
        MessageKind.PAYOUT_STUCK, about, cause=(told.event.name, about.provider, day)
    )


def _find_endpoint(told: Told) -> Endpoint | None:
    wanted = webhooks.wanted_endpoint(EndpointId(told.text("endpoint_id")))
    read(wanted)
    return wanted.value


def _host(endpoint: Endpoint) -> str:
    return urlsplit(endpoint.url).hostname or ""
