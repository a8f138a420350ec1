"""Attribution: whose conversion it is, as a pure function of touches, terms and time.

The strongest kind of evidence that holds decides alone: an operator's word, then the kinds in the
order of the terms' `precedence`. Clicks are shared out by the terms' model; of any other kind the
latest has all. A code, a coupon and an advocate whom the friend names are touches at the moment of
the conversion. Of two touches at the same moment the one told later is the later.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from referrals.domain.decisions import Decision, Reason, decision
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.money import BASIS_POINTS, split
from referrals.domain.programs import (
    MOST_SHARES,
    AttributionModel,
    AttributionTerms,
    Program,
    TouchKind,
    Weights,
)

# The shop's clock and ours may differ: the same tolerance as for the signatures of hooks.
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One piece of evidence that came with a conversion.

    `flaw` says what was wrong with it before any terms were looked at. `actor` is the operator
    whose word a manual touch is, and `note` their reason.
    """

    kind: TouchKind
    at: datetime
    code: str
    channel: str
    advocate_id: PersonId | None = None
    program_id: ProgramId | None = None
    flaw: Reason | None = None
    actor: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a conversion; the parts of one conversion add up to 10,000 basis points.

    `touch` is the latest of the advocate's touches that have a part in it.
    """

    touch: Touch
    advocate_id: PersonId
    share_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited:
    """One share per advocate, the largest first and of equal ones the latest first."""

    shares: tuple[Share, ...]
    decisions: tuple[Decision, ...]

    @property
    def winner(self) -> Share:
        """The largest share, and of equal ones the latest: the advocate whom the friend joins."""
        return max(self.shares, key=lambda share: (share.share_bps, share.touch.at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    reason: Reason
    decisions: tuple[Decision, ...]


def attribute(
    touches: Sequence[Touch], *, program: Program, friend_id: PersonId, occurred_at: datetime
) -> Credited | Declined:
    """Credit the advocates whose touches led to the conversion, or say why nobody is credited.

    Both edges of the window count: a program that promises "30 days" is read as including day 30.
    A touch that is told twice counts once.
    """
    if not touches:
        no_touch = decision("attribution", program.version, Reason.NO_TOUCH)
        return Declined(reason=Reason.NO_TOUCH, decisions=(no_touch,))
    terms = program.attribution
    flaws = {touch: _flaw(touch, program, friend_id, occurred_at) for touch in touches}
    sound = [touch for touch in touches if flaws[touch] is None]
    if not sound:
        seen = tuple(_seen(touch, flaws[touch], program.version) for touch in touches)
        return Declined(reason=_nearest(flaws.values()), decisions=seen)
    parts = _weighed(sound, terms)
    shares = shared_out(parts)
    credited = {share.advocate_id for share in shares}
    share_of = {share.touch: share.share_bps for share in shares}
    seen = tuple(
        _seen(
            touch,
            flaws[touch] or _lost(touch, parts, credited, terms),
            program.version,
            share_bps=share_of.get(touch),
        )
        for touch in touches
    )
    return Credited(shares=shares, decisions=seen)


def _weighed(sound: Sequence[Touch], terms: AttributionTerms) -> dict[Touch, int]:
    """Weigh the touches of the strongest kind that there is; they are given the latest first."""
    strongest = next(
        kind
        for kind in (TouchKind.MANUAL, *terms.precedence)
        if any(touch.kind is kind for touch in sound)
    )
    deciding = dict.fromkeys(touch for touch in reversed(sound) if touch.kind is strongest)
    latest_first = sorted(deciding, key=_moment, reverse=True)
    model = terms.model if strongest is TouchKind.CLICK else AttributionModel.LAST_CLICK
    weights = MODELS[model](len(latest_first), terms.weights)
    return dict(zip(latest_first, reversed(weights), strict=True))


def _moment(touch: Touch) -> datetime:
    return touch.at


def _last(count: int, _weights: Weights) -> tuple[int, ...]:
    return (*[0] * (count - 1), 1)


def _first(count: int, _weights: Weights) -> tuple[int, ...]:
    return (1, *[0] * (count - 1))


def _linear(count: int, _weights: Weights) -> tuple[int, ...]:
    return (1,) * count


def _position(count: int, weights: Weights) -> tuple[int, ...]:
    """Weigh by place; without any middle its part falls to first and last, as they stand."""
    between = count - 2
    if between > 0:
        # times the number of touches in the middle, so that its even split stays whole
        middle = [weights.middle] * between
        return (weights.first * between, *middle, weights.last * between)
    outer = (weights.first, weights.last)[-count:]
    return outer if sum(outer) else (1,) * count


# One entry a model; each is given the number of touches and gives their weights, oldest first.
MODELS: Mapping[AttributionModel, Callable[[int, Weights], tuple[int, ...]]] = {
    AttributionModel.LAST_CLICK: _last,
    AttributionModel.FIRST_CLICK: _first,
    AttributionModel.LINEAR: _linear,
    AttributionModel.POSITION: _position,
}


def shared_out(parts: Mapping[Touch, int]) -> tuple[Share, ...]:
    """Turn the weights of touches, the latest first, into shares of advocates.

    Shares are of the `MOST_SHARES` largest, the later on ties, and add up to 10,000. Remainders
    go to the larger and later ones first, so that rounding never makes a winner.
    """
    touch_of: dict[PersonId, Touch] = {}
    weight_of: dict[PersonId, int] = {}
    for touch, weight in parts.items():
        if weight:
            advocate_id = _advocate(touch)
            touch_of.setdefault(advocate_id, touch)
            weight_of[advocate_id] = weight_of.get(advocate_id, 0) + weight
    largest = sorted(weight_of, key=weight_of.__getitem__, reverse=True)[:MOST_SHARES]
    shares_bps = split(BASIS_POINTS, [weight_of[each] for each in largest])
    return tuple(
        Share(touch=touch_of[each], advocate_id=each, share_bps=share_bps)
        for each, share_bps in zip(largest, shares_bps, strict=True)
        if share_bps
    )


def _advocate(touch: Touch) -> PersonId:
    if touch.advocate_id is None:
        raise ValueError("a touch without an advocate is not sound")
    return touch.advocate_id


def _flaw(
    touch: Touch, program: Program, friend_id: PersonId, occurred_at: datetime
) -> Reason | None:
    if touch.kind not in {TouchKind.MANUAL, *program.attribution.precedence}:
        return Reason.KIND_NOT_CONSIDERED
    if touch.flaw is not None:
        return touch.flaw
    if touch.program_id != program.program_id:
        return Reason.OTHER_PROGRAM
    if touch.advocate_id == friend_id:
        return Reason.SELF_REFERRAL
    return _untimely(touch, program.attribution, occurred_at)


def _untimely(touch: Touch, terms: AttributionTerms, occurred_at: datetime) -> Reason | None:
    if touch.at > occurred_at + CLOCK_SKEW:
        return Reason.AFTER_CONVERSION
    # an operator names the moment from which conversions count, however long ago that is
    is_old = touch.kind is not TouchKind.MANUAL and touch.at < occurred_at - terms.window
    return Reason.OUTSIDE_WINDOW if is_old else None


# The reason nearest to success is the one to tell: the friend who used their own link wants to
# hear of that, not of an old link beside it. Reasons that are not named come after all of these.
_NEAREST_FIRST: tuple[Reason, ...] = (
    Reason.SELF_REFERRAL,
    Reason.OUTSIDE_WINDOW,
    Reason.AFTER_CONVERSION,
    Reason.CODE_PAUSED,
    Reason.OTHER_PROGRAM,
    Reason.KIND_NOT_CONSIDERED,
    Reason.UNKNOWN_ADVOCATE,
    Reason.UNKNOWN_CODE,
    Reason.CLICK_NOT_GENUINE,
    *Reason,
)


def _nearest(flaws: Iterable[Reason | None]) -> Reason:
    present = set(flaws)
    return next(reason for reason in _NEAREST_FIRST if reason in present)


_LOST_BY_MODEL: Mapping[AttributionModel, Reason] = {
    AttributionModel.LAST_CLICK: Reason.NOT_THE_LAST,
    AttributionModel.FIRST_CLICK: Reason.NOT_THE_FIRST,
    AttributionModel.LINEAR: Reason.NOT_AMONG_THE_LARGEST,
    AttributionModel.POSITION: Reason.NOT_AMONG_THE_LARGEST,
}


def _lost(
    touch: Touch, parts: Mapping[Touch, int], credited: set[PersonId], terms: AttributionTerms
) -> Reason | None:
    """Say why a sound touch has no part in the conversion, or None when it has one."""
    if touch not in parts:
        return Reason.WEAKER_EVIDENCE
    if parts[touch] and touch.advocate_id in credited:
        return None
    return _LOST_BY_MODEL[terms.model] if touch.kind is TouchKind.CLICK else Reason.NOT_THE_LAST


def _seen(
    touch: Touch, reason: Reason | None, version: int, *, share_bps: int | None = None
) -> Decision:
    share = {} if share_bps is None else {"share_bps": share_bps}
    return decision(
        f"attribution:{touch.kind}",
        version,
        reason,
        code=touch.code,
        at=touch.at.isoformat(),
        channel=touch.channel,
        kind=touch.kind.value,
        **share,
    )


def attributable_from(touch: Touch, terms: AttributionTerms) -> datetime:
    """Give the moment from which a friend's conversions can be owed to a touch.

    A click has its own moment, and an operator names one. Anything else says nothing about when
    the friend heard of the advocate, so the window is taken as given.
    """
    has_its_moment = touch.kind in {TouchKind.CLICK, TouchKind.MANUAL}
    return touch.at if has_its_moment else touch.at - terms.window
