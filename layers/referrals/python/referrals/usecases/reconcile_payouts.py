"""At night the provider's books are held against ours; what differs stops the next payouts.

    their orders since ──┐
    our dispatches ──────┴──> compare ──> differences, each kept and told of once

Nothing is put right by it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from referrals.domain.dispatches import Dispatch
from referrals.domain.ids import DispatchId, ProgramId
from referrals.domain.providers import Provider, TheirOrder
from referrals.domain.reconciliation import Difference, compare, difference_event
from referrals.store import differences, dispatches, events, programs
from referrals.store.transactions import commit, until_settled

# A payout that a provider approves late is still seen to end.
LOOKED_BACK = timedelta(days=45)


def reconcile_payouts(name: str, provider: Provider, *, now: datetime) -> int:
    """Compare the books of the last weeks with a provider's; gives how many differences are new.

    OutboundError when theirs cannot be read whole: nothing is compared then.
    """
    since = now - LOOKED_BACK
    theirs = list(provider.iter_orders(since))
    ours = _ours(name, theirs, since)
    campaigns = frozenset(
        program.payouts.campaign_id
        for program in programs.iter_live()
        if program.payouts is not None and program.payouts.campaign_id is not None
    )
    found = compare(ours, theirs, now=now, provider=name, since=since, campaigns=campaigns)
    known = {dispatch.dispatch_id: dispatch for dispatch in ours}
    return sum(
        until_settled(partial(_keep, difference, _program_of(difference, known, name), now))
        for difference in found
    )


def _ours(name: str, theirs: Iterable[TheirOrder], since: datetime) -> Sequence[Dispatch]:
    """Read what was reserved since, and what older payouts their orders belong to.

    The index is a moment behind; the items themselves are not.
    """
    recent = {each.dispatch_id for each in dispatches.iter_of_provider(name, since=since)}
    asked = recent | {DispatchId(order.external_id) for order in theirs if order.external_id}
    found = (dispatches.find(dispatch_id) for dispatch_id in sorted(asked))
    return [dispatch for dispatch in found if dispatch is not None]


def _program_of(
    difference: Difference, known: dict[DispatchId, Dispatch], name: str
) -> ProgramId | None:
    """Name the program that a difference is told of in; of an order of nobody's, one that pays."""
    if difference.dispatch_id is not None:
        return known[difference.dispatch_id].program_id
    paying = (
        program.program_id
        for program in programs.iter_live()
        if program.payouts is not None and program.payouts.provider == name
    )
    return min(paying, default=None)


def _keep(difference: Difference, program_id: ProgramId | None, now: datetime) -> bool:
    """Keep a difference and tell of it; False when it was found before."""
    if differences.find(difference.provider, difference.difference_id) is not None:
        return False
    told = [] if program_id is None else [difference_event(difference, program_id, now=now)]
    commit(differences.insert(difference), events.append(told, now=now))
    return True
