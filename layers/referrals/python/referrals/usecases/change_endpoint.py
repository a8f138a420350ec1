"""People add a webhook endpoint, or change one: its secret, or whether it is told anything."""

from collections.abc import Callable, Sequence
from datetime import datetime

from referrals.domain.events import EventName
from referrals.domain.ids import EndpointId, ProgramId, derive
from referrals.domain.webhooks import Endpoint
from referrals.store import webhooks
from referrals.store.transactions import commit, until_settled


def add_endpoint(
    url: str,
    *,
    events: Sequence[EventName],
    programs: Sequence[ProgramId],
    description: str,
    now: datetime,
) -> Endpoint:
    """Tell somebody of events from now on; of all of them where none are named."""
    added = Endpoint(
        endpoint_id=EndpointId(derive("end", url, now.isoformat())),
        url=url,
        created_at=now,
        events=tuple(events),
        programs=tuple(programs),
        description=description,
    )
    commit(webhooks.save_endpoint(added))
    return added


def change_endpoint(endpoint_id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
    """Change an endpoint as it is now; EndpointNotFoundError."""

    def attempt() -> Endpoint:
        changed = change(webhooks.get_endpoint(EndpointId(endpoint_id)))
        commit(webhooks.save_endpoint(changed))
        return changed

    return until_settled(attempt)
