"""What operators are told at once; what can wait for an hour is looked for by `watch_programs`."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from referrals.domain.ids import EndpointId
from referrals.domain.message_kinds import MessageKind
from referrals.domain.webhooks import DISABLED_AFTER, Endpoint
from referrals.notify.message_values import DisabledReason, EndpointDisabled, EndpointFailing
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


def _find_endpoint(told: Told) -> Endpoint | None:
    wanted = webhooks.wanted_endpoint(EndpointId(told.text("endpoint_id")))
    read(wanted)
    return wanted.value


def _host(endpoint: Endpoint) -> str:
    return urlsplit(endpoint.url).hostname or ""
