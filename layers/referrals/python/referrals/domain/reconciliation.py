"""Reconciliation: what a provider was asked for, held against what its books say.

    missing     asked for, and they have no such order
    extra       an order of ours that we know nothing of
    amount      another amount than was asked for
    currency    another unit
    status      settled here and failed there, or given up here and alive there
    duplicate   more than one live order under one id

Nothing is put right by itself: a difference waits for people, and stops the next payout. An order
that failed or was cancelled moved no money, and is a difference only where it is settled here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from referrals.domain.dispatches import ARRIVED, GIVEN_UP, Dispatch, DispatchState
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.ids import DispatchId, ProgramId, derive
from referrals.domain.money import written
from referrals.domain.payouts import PayoutProvider
from referrals.domain.providers import TheirOrder, TheirStatus

_FAILED = "failed"
# Both books are read one after the other, and a provider's list is behind its orders for a while.
GRACE = timedelta(hours=1)
# Ids that we give begin like this; others who use the account of a provider give their own.
_OUR_PREFIXES = ("pay_", "dsp_")

_ASKED_FOR = ARRIVED | {DispatchState.ASKED, DispatchState.FROZEN}


class DifferenceKind(StrEnum):
    MISSING = "missing"
    EXTRA = "extra"
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATUS = "status"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that the two books say differently; `ours` and `theirs` say it in words.

    The id derives from what was found, so that the same difference is the same every night, and
    comes up anew when the provider's side of it changes.
    """

    difference_id: str
    provider: str
    kind: DifferenceKind
    dispatch_id: DispatchId | None
    reference: str | None
    ours: str
    theirs: str
    found_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    note: str | None = None

    @property
    def says_gone(self) -> bool:
        """Whether what was settled here is, with them, no live order.

        A failed one stays so. What is missing may have been late in their list, and turned up:
        that is known of nothing that somebody resolved.
        """
        if self.kind is DifferenceKind.MISSING:
            return self.resolved_at is None
        return self.kind is DifferenceKind.STATUS and self.theirs == _FAILED

    def is_open(self, at: datetime) -> bool:
        """Whether it was found, and not resolved, by a moment."""
        return self.found_at <= at and (self.resolved_at is None or self.resolved_at > at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    kind: DifferenceKind
    dispatch_id: DispatchId | None = None
    reference: str | None = None
    ours: str
    theirs: str


def compare(
    ours: Iterable[Dispatch],
    theirs: Iterable[TheirOrder],
    *,
    now: datetime,
    provider: str = PayoutProvider.TREMENDOUS,
    since: datetime | None = None,
    campaigns: frozenset[str] = frozenset(),
) -> list[Difference]:
    """Name every difference between our dispatches and a provider's orders, sorted by id.

    `theirs` are all orders since a moment. `ours` have to reach further back, or an order whose
    dispatch is not among them would be an extra one; those asked for before `since` are not missed.
    Orders without an id of ours count when they are in one of our `campaigns`. What is younger than
    an hour is left for the next time.
    """
    known = {dispatch.dispatch_id: dispatch for dispatch in ours if dispatch.provider == provider}
    orders = defaultdict(list)
    found = []
    for order in theirs:
        if order.external_id in known:
            orders[order.external_id].append(order)
        elif _is_extra(order, campaigns, now):
            found.append(_extra(order))
    for dispatch_id, dispatch in known.items():
        if not _is_young(dispatch.asked_at, now):
            found += _differences(dispatch, orders[dispatch_id], since)
    return sorted(
        (_difference(each, provider, now) for each in found), key=lambda each: each.difference_id
    )


def _is_young(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now - GRACE


def _is_extra(order: TheirOrder, campaigns: frozenset[str], now: datetime) -> bool:
    is_ours = order.external_id.startswith(_OUR_PREFIXES)
    return (
        (is_ours or order.details.get("campaign_id") in campaigns)
        and _is_live(order)
        and not _is_young(order.created_at, now)
    )


def _is_live(order: TheirOrder) -> bool:
    return order.status is not TheirStatus.FAILED


def _extra(order: TheirOrder) -> _Found:
    # what others call their orders is not ours to keep
    under = order.external_id if order.external_id.startswith(_OUR_PREFIXES) else "no id of ours"
    return _Found(
        kind=DifferenceKind.EXTRA,
        reference=order.reference,
        ours="nothing",
        theirs=f"{written(order.amount_minor, order.unit)} under {under}",
    )


def _differences(
    dispatch: Dispatch, orders: Sequence[TheirOrder], since: datetime | None
) -> Iterator[_Found]:
    live = [order for order in orders if _is_live(order)]
    if len(live) > 1:
        yield _duplicate(dispatch, live)
        return
    if live:
        yield from _of_live(dispatch, live[0])
        return
    if orders and dispatch.state in ARRIVED:
        yield _in_status(dispatch, orders[0])
    if not orders and dispatch.state in _ASKED_FOR and not _is_before(dispatch.asked_at, since):
        yield _Found(
            kind=DifferenceKind.MISSING,
            dispatch_id=dispatch.dispatch_id,
            reference=dispatch.reference,
            ours=_in_words(dispatch),
            theirs="nothing",
        )


def _is_before(moment: datetime | None, since: datetime | None) -> bool:
    return since is not None and (moment is None or moment < since)


def _of_live(dispatch: Dispatch, order: TheirOrder) -> Iterator[_Found]:
    if dispatch.state in GIVEN_UP:
        yield _in_status(dispatch, order)
    if order.unit != dispatch.unit:
        yield _in_money(DifferenceKind.CURRENCY, dispatch, order)
    elif order.amount_minor != dispatch.amount_minor:
        yield _in_money(DifferenceKind.AMOUNT, dispatch, order)


def _duplicate(dispatch: Dispatch, live: Sequence[TheirOrder]) -> _Found:
    ordered = sorted(live, key=lambda order: order.reference)
    each = [f"{order.reference} {written(order.amount_minor, order.unit)}" for order in ordered]
    return _Found(
        kind=DifferenceKind.DUPLICATE,
        dispatch_id=dispatch.dispatch_id,
        reference=dispatch.reference or ordered[0].reference,
        ours=_in_words(dispatch),
        theirs=", ".join(each),
    )


def _in_status(dispatch: Dispatch, order: TheirOrder) -> _Found:
    return _Found(
        kind=DifferenceKind.STATUS,
        dispatch_id=dispatch.dispatch_id,
        reference=order.reference,
        ours=dispatch.state,
        # to them it is one story whether they are still at it or have done it
        theirs="alive" if _is_live(order) else _FAILED,
    )


def _in_money(kind: DifferenceKind, dispatch: Dispatch, order: TheirOrder) -> _Found:
    return _Found(
        kind=kind,
        dispatch_id=dispatch.dispatch_id,
        reference=order.reference,
        ours=written(dispatch.amount_minor, dispatch.unit),
        theirs=written(order.amount_minor, order.unit),
    )


def _in_words(dispatch: Dispatch) -> str:
    return f"{written(dispatch.amount_minor, dispatch.unit)}, {dispatch.state}"


def _difference(found: _Found, provider: str, now: datetime) -> Difference:
    subject = found.dispatch_id or found.reference or ""
    # one order too many stays the same difference, however many of them were seen
    theirs = "" if found.kind is DifferenceKind.DUPLICATE else found.theirs
    return Difference(
        difference_id=derive("dif", provider, found.kind, subject, theirs),
        provider=provider,
        kind=found.kind,
        dispatch_id=found.dispatch_id,
        reference=found.reference,
        ours=found.ours,
        theirs=found.theirs,
        found_at=now,
    )


def difference_with(dispatch: Dispatch, order: TheirOrder | None, *, now: datetime) -> Difference:
    """Say what of an order, or of none, is not as a dispatch has it: the same as at night.

    ValueError when all of it is.
    """
    if order is None:
        found: _Found | None = next(_differences(dispatch, (), None), None)
    elif order.external_id != dispatch.dispatch_id:
        found = replace(_extra(order), dispatch_id=dispatch.dispatch_id)
    elif " " in order.reference or dispatch.reference not in {None, order.reference}:
        found = replace(_duplicate(dispatch, [order]), reference=order.reference)
    else:
        found = next(_of_live(dispatch, order), None)
    if found is None:
        raise ValueError(f"nothing differs of {dispatch.dispatch_id}")
    return _difference(found, dispatch.provider, now)


def difference_event(
    difference: Difference, program_id: ProgramId, *, now: datetime
) -> DomainEvent:
    """Tell of a difference that was found."""
    return event(
        EventName.PAYOUT_DIFFERENCE,
        cause=f"difference:{difference.difference_id}",
        program_id=program_id,
        occurred_at=now,
        dispatch_id=difference.dispatch_id,
        difference=difference.difference_id,
        provider=difference.provider,
        kind=difference.kind,
        ours=difference.ours,
        theirs=difference.theirs,
        reference=difference.reference,
    )
