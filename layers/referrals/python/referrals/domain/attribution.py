"""Attribution: whose conversion it is, as a pure function of touches, terms and time.

A typed code or a coupon is a touch at the moment of the conversion, so under `last_click` it wins
over every click: it is the latest, and the most deliberate, thing the friend did. Of two touches at
the same moment the one named later wins.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from referrals.domain.decisions import Decision, Reason, decision
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.money import BASIS_POINTS
from referrals.domain.programs import AttributionModel, AttributionTerms, Program

# The shop's clock and ours may differ: the same tolerance as for the signatures of hooks.
CLOCK_SKEW = timedelta(minutes=5)


class TouchKind(StrEnum):
    CLICK = "click"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One piece of evidence that came with a conversion: a click token or a code.

    `flaw` says what was wrong with it before any terms were looked at.
    """

    kind: TouchKind
    at: datetime
    code: str
    channel: str
    advocate_id: PersonId | None = None
    program_id: ProgramId | None = None
    flaw: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a conversion; the parts of one conversion add up to 10,000 basis points."""

    touch: Touch
    advocate_id: PersonId
    share_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited:
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
    """
    if not touches:
        no_touch = decision("attribution", program.version, Reason.NO_TOUCH)
        return Declined(reason=Reason.NO_TOUCH, decisions=(no_touch,))
    flaws = [_flaw(touch, program, friend_id, occurred_at) for touch in touches]
    sound = [touch for touch, flaw in zip(touches, flaws, strict=True) if flaw is None]
    if not sound:
        seen = tuple(
            _seen(touch, flaw, program.version) for touch, flaw in zip(touches, flaws, strict=True)
        )
        return Declined(reason=_nearest(flaws), decisions=seen)
    shares = MODELS[program.attribution.model](sound)
    winning = [share.touch for share in shares]
    seen = tuple(
        _seen(touch, flaw if flaw or touch in winning else Reason.NOT_THE_LAST, program.version)
        for touch, flaw in zip(touches, flaws, strict=True)
    )
    return Credited(shares=shares, decisions=seen)


def _last_click(touches: Sequence[Touch]) -> tuple[Share, ...]:
    latest = max(enumerate(touches), key=lambda each: (each[1].at, each[0]))[1]
    return (_share(latest, BASIS_POINTS),)


# One entry a model; each takes sound touches and gives shares that add up to 10,000.
MODELS: Mapping[AttributionModel, Callable[[Sequence[Touch]], tuple[Share, ...]]] = {
    AttributionModel.LAST_CLICK: _last_click,
}


def _share(touch: Touch, share_bps: int) -> Share:
    if touch.advocate_id is None:
        raise ValueError("a touch without an advocate is not sound")
    return Share(touch=touch, advocate_id=touch.advocate_id, share_bps=share_bps)


def _flaw(
    touch: Touch, program: Program, friend_id: PersonId, occurred_at: datetime
) -> Reason | None:
    if touch.flaw is not None:
        return touch.flaw
    if touch.program_id != program.program_id:
        return Reason.OTHER_PROGRAM
    if touch.advocate_id == friend_id:
        return Reason.SELF_REFERRAL
    if touch.at > occurred_at + CLOCK_SKEW:
        return Reason.AFTER_CONVERSION
    if touch.at < occurred_at - program.attribution.window:
        return Reason.OUTSIDE_WINDOW
    return None


# The reason nearest to success is the one to tell: the friend who used their own link wants to
# hear of that, not of an old link beside it.
_NEAREST_FIRST = (
    Reason.SELF_REFERRAL,
    Reason.OUTSIDE_WINDOW,
    Reason.AFTER_CONVERSION,
    Reason.CODE_PAUSED,
    Reason.OTHER_PROGRAM,
    Reason.UNKNOWN_CODE,
    Reason.CLICK_NOT_GENUINE,
)


def _nearest(flaws: Sequence[Reason | None]) -> Reason:
    return next(reason for reason in _NEAREST_FIRST if reason in flaws)


def _seen(touch: Touch, flaw: Reason | None, version: int) -> Decision:
    return decision(
        f"attribution:{touch.kind}",
        version,
        flaw,
        code=touch.code,
        at=touch.at.isoformat(),
        channel=touch.channel,
    )


def attributable_from(touch: Touch, terms: AttributionTerms) -> datetime:
    """Give the moment from which a friend's conversions can be owed to a touch.

    A click has its own moment. A code says nothing about when the friend heard of it, so the
    window is taken as given.
    """
    return touch.at if touch.kind is TouchKind.CLICK else touch.at - terms.window
