"""What comes of an attempt to hand a reward over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from referrals.store.transactions import Write


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The reward can go out: `details` are kept with it, `writes` join its last move."""

    details: Mapping[str, str] = field(default_factory=dict)
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """The reward has to wait: for `again_after`, or when that is None until somebody acts.

    `writes` join the move that puts it back.
    """

    again_after: timedelta | None
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """A partner makes what is handed over: it is asked in a dispatch, which takes it from here."""

    partner: str
