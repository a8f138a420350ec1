"""Payouts and partners' codes: providers outside are asked, looked up, and compared with."""

from typing import Any

from referrals.domain.payouts import PayoutProvider
from referrals.fulfil import queue
from referrals.runtime import clock
from referrals.runtime.batches import BatchAnswer, each_message
from referrals.runtime.observability import count, logger, metrics
from referrals.runtime.problems import ProblemApp
from referrals.runtime.providers import payout_provider, provider_of
from referrals.store.transactions import ContentionError
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.queue_due_dispatches import queue_due_dispatches as queue_due
from referrals.usecases.reconcile_payouts import reconcile_payouts as reconcile
from referrals.usecases.start_payouts import start_payouts as start

app = ProblemApp("reward_dispatch")


@app.lambda_function(name="start_payouts")
@metrics.log_metrics
def start_payouts(_event: Any, _context: Any) -> None:
    """Start the payouts that programs have planned for today; the clock calls.

    ContentionError when somebody was busy: called again, it passes over whoever is paid.
    """
    run = start(now=clock.utc_now())
    count("PayoutsReserved", run.reserved)
    count("PayoutsUnreachable", run.unreachable)
    count("PayoutRunsStopped", len(run.stopped))
    if run.busy:
        raise ContentionError


@app.lambda_function(name="queue_due_dispatches")
@metrics.log_metrics
def queue_due_dispatches(_event: Any, _context: Any) -> None:
    """Queue whatever dispatch is due now; the clock calls."""
    count("DispatchesQueued", queue_due(now=clock.utc_now()))


@app.lambda_function(name="advance_dispatches")
@metrics.log_metrics
def advance_dispatches(event: Any, context: Any) -> BatchAnswer:
    """Take each dispatch of a batch as far as it goes."""
    return each_message(event, context, _advance)


@app.lambda_function(name="reconcile_payouts")
@metrics.log_metrics
def reconcile_payouts(_event: Any, _context: Any) -> None:
    """Compare the provider's books with ours; the clock calls at night."""
    provider = payout_provider()
    if provider is not None:
        found = reconcile(PayoutProvider.TREMENDOUS, provider, now=clock.utc_now())
        count("PayoutDifferences", found)


def _advance(body: str) -> None:
    dispatch_id = queue.read_dispatch(body)
    state = advance_dispatch(dispatch_id, providers=provider_of, now=clock.utc_now())
    logger.info("dispatch looked after", extra={"dispatch_id": dispatch_id, "state": state})
    count("DispatchesLookedAfter")
