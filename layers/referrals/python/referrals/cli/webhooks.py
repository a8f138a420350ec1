"""`referrals webhooks`: who is told of events, how that goes, and what is sent again."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table

from referrals.cli.output import StoppedError, out
from referrals.cli.programs import get_program
from referrals.cli.stored_secrets import live_values, print_live
from referrals.domain.errors import ReferralError
from referrals.domain.events import EventName
from referrals.domain.ids import EndpointId, ProgramId
from referrals.domain.webhooks import (
    NOT_SENT,
    Delivery,
    DeliveryState,
    DisabledReason,
    Endpoint,
    Try,
    disabled,
    enabled,
    rotated,
)
from referrals.notify.webhooks import post_test, secrets_of
from referrals.outbound import OutboundError, check_target
from referrals.runtime import clock
from referrals.store import webhooks
from referrals.usecases.change_endpoint import add_endpoint, change_endpoint
from referrals.usecases.replay_webhooks import replay_event, replay_failed, replay_since

app = typer.Typer(help="Webhooks that go out.", no_args_is_help=True)

_MOST = 50
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_GIVEN_UP = (DeliveryState.FAILED, DeliveryState.DROPPED)

EndpointName = Annotated[str, typer.Argument(metavar="ID")]


@app.command("add")
def add(
    url: str,
    event: Annotated[
        list[EventName] | None, typer.Option(help="A kind of event, several times; all of them.")
    ] = None,
    program: Annotated[
        list[str] | None, typer.Option(help="A program, several times; all of them.")
    ] = None,
    description: Annotated[str, typer.Option(help="Whose it is, and what for.")] = "",
) -> None:
    """Tell an address of events from now on, and show the secret that it checks them with."""
    if unsent := NOT_SENT & set(event or ()):
        raise StoppedError(f"not sent by webhook: {', '.join(sorted(unsent))}")
    for each in program or ():
        get_program(each, None)
    try:
        check_target(url)
    except OutboundError as error:
        raise StoppedError(f"{url} cannot be called: {error}") from error
    added = add_endpoint(
        url,
        events=event or (),
        programs=[ProgramId(each) for each in program or ()],
        description=description,
        now=clock.utc_now(),
    )
    out.print(f"{added.endpoint_id} is told from now on, everywhere within a minute")
    _print_secrets(added)


@app.command("list")
def list_endpoints() -> None:
    """List every endpoint, the oldest first."""
    table = Table("endpoint", "address", "status", "events", "programs", "failing since")
    for each in webhooks.list_endpoints():
        table.add_row(
            each.endpoint_id,
            each.url,
            _status(each),
            ", ".join(each.events) or "all",
            ", ".join(each.programs) or "all",
            _moment(each.failing_since),
        )
    out.print(table)


@app.command("show")
def show(endpoint: EndpointName) -> None:
    """Show all that is known of an endpoint, but not its secret."""
    known = _get(endpoint)
    lines = {
        "address": known.url,
        "description": known.description or "-",
        "status": _status(known),
        "events": ", ".join(known.events) or "all",
        "programs": ", ".join(known.programs) or "all",
        "added": _moment(known.created_at),
        "last success": _moment(known.succeeded_at),
        "failing since": _moment(known.failing_since),
        "secret": f"number {known.generation}",
        "secret before": f"signs too until {_moment(known.previous_until)}",
    }
    if known.previous_until is None or known.previous_until <= clock.utc_now():
        del lines["secret before"]
    for name, says in lines.items():
        out.print(f"{name}: {says}", soft_wrap=True)


@app.command("secret")
def show_secret(endpoint: EndpointName) -> None:
    """Show the secret that signatures are checked with, and those before while they sign too."""
    _print_secrets(_get(endpoint))


@app.command("rotate")
def rotate(endpoint: EndpointName) -> None:
    """Sign with a new secret; the one before signs too for 24 hours."""
    now = clock.utc_now()
    changed = _change(endpoint, lambda known: rotated(known, now=now))
    out.print(f"the secret before signs too until {_moment(changed.previous_until)}")
    _print_secrets(changed)


@app.command("disable")
def disable(endpoint: EndpointName) -> None:
    """Tell an endpoint nothing more; what waits for it is dropped when it would be due."""
    _change(endpoint, lambda known: disabled(known, DisabledReason.BY_HAND))
    out.print(f"{endpoint} is disabled, everywhere within a minute")


@app.command("enable")
def enable(endpoint: EndpointName) -> None:
    """Tell an endpoint again; `replay` sends what it missed."""
    _change(endpoint, enabled)
    out.print(f"{endpoint} is told again, everywhere within a minute")


@app.command("test")
def test(endpoint: EndpointName) -> None:
    """Post an event `webhook.test` from here and now, and show what comes back."""
    known = _get(endpoint)
    outcome = post_test(known, outgoing=live_values("outgoing-key"), now=clock.utc_now())
    if not outcome.is_success:
        raise StoppedError(f"not taken: {_answer(outcome)}")
    out.print(f"taken: {_answer(outcome)}")


@app.command("log")
def show_log(
    endpoint: EndpointName,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="What was given up only.")] = False,
    most: Annotated[int, typer.Option(min=1, help="The newest.")] = _MOST,
) -> None:
    """Show what an endpoint was sent and what it answered last, the newest first."""
    known = _get(endpoint)
    table = Table("event", "what", "queued", "state", "tries", "last answer")
    deliveries = webhooks.iter_deliveries(known.endpoint_id, states=_GIVEN_UP if failed else ())
    for each in islice(deliveries, most):
        table.add_row(
            each.event_id,
            each.event_name,
            _moment(each.queued_at),
            each.state,
            str(len(each.tries)),
            _last_answer(each),
        )
    out.print(table)


@app.command("replay")
def replay(
    endpoint: EndpointName,
    *,
    event: Annotated[str | None, typer.Option(help="One event, by its id.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=_FORMATS, help="Everything from a moment on, UTC, also what it has."),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="What was given up.")] = False,
) -> None:
    """Send events again, under the ids that they had: they are on their way within a minute."""
    if [event is not None, since is not None, failed].count(True) != 1:
        raise StoppedError("one of --event, --since and --failed is needed")
    now = clock.utc_now()
    try:
        if event is not None:
            queued = replay_event(endpoint, event, now=now)
        elif since is not None:
            queued = replay_since(endpoint, since.replace(tzinfo=UTC), now=now)
        else:
            queued = replay_failed(endpoint, now=now)
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print(f"{queued} events are sent again")


def _get(endpoint: str) -> Endpoint:
    try:
        return webhooks.get_endpoint(EndpointId(endpoint))
    except ReferralError as error:
        raise StoppedError(str(error)) from error


def _change(endpoint: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
    try:
        return change_endpoint(endpoint, change)
    except ReferralError as error:
        raise StoppedError(str(error)) from error


def _print_secrets(endpoint: Endpoint) -> None:
    outgoing = live_values("outgoing-key")
    print_live(secrets_of(endpoint, outgoing=outgoing, now=clock.utc_now()))


def _status(endpoint: Endpoint) -> str:
    return (
        f"{endpoint.status} ({endpoint.disabled_reason})"
        if endpoint.disabled_reason
        else (endpoint.status)
    )


def _last_answer(delivery: Delivery) -> str:
    return _answer(delivery.tries[-1]) if delivery.tries else ""


def _answer(outcome: Try) -> str:
    return f"{outcome.status or outcome.error} in {outcome.duration_ms} ms"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%F %T} UTC" if moment is not None else "-"
