"""Referrals: a friend is bound to an advocate once per program, for ever.

A bond exists from the first thing heard of a friend. Until a conversion binds them, the conversions
that came too early wait in it; so whoever binds the friend sees them, whatever the order.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from referrals.domain.attribution import Share, attributable_from
from referrals.domain.ids import ConversionId, PersonId, ProgramId, ReferralId, derive
from referrals.domain.programs import AttributionTerms, Program

# A friend who was never referred may be a regular customer: what waits for them stays bounded.
MAX_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """Advocate and friend in one program; nothing before `attributable_from` counts."""

    referral_id: ReferralId
    advocate_id: PersonId
    since: datetime
    attributable_from: datetime
    code: str
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """All that is known of a friend in a program; `revision` is None until it is stored."""

    program_id: ProgramId
    friend_id: PersonId
    referral: Referral | None = None
    waiting: tuple[ConversionId, ...] = ()
    purchases: int = 0
    is_signed_up: bool = False
    expires_at: datetime | None = None
    revision: int | None = None

    @property
    def state(self) -> str:
        """Say how far the friend got: `purchased`, `signed_up` or `waiting`."""
        if self.purchases:
            return "purchased"
        return "signed_up" if self.is_signed_up else "waiting"


def referral_to(share: Share, *, program: Program, friend_id: PersonId, at: datetime) -> Referral:
    """Make the referral that binds a friend to the advocate who has this share, since `at`."""
    return Referral(
        referral_id=ReferralId(derive("ref", program.program_id, friend_id)),
        advocate_id=share.advocate_id,
        since=at,
        attributable_from=attributable_from(share.touch, program.attribution),
        code=share.touch.code,
        channel=share.touch.channel,
    )


def kept_waiting(
    bond: Bond, conversion_id: ConversionId, *, now: datetime, terms: AttributionTerms
) -> Bond:
    """Let a conversion wait in an unbound bond, for as long as a click counts and a day more.

    The oldest gives way when too many wait.
    """
    others = tuple(each for each in bond.waiting if each != conversion_id)
    return replace(
        bond,
        waiting=(*others, conversion_id)[-MAX_WAITING:],
        expires_at=now + terms.window + timedelta(days=1),
    )


def no_longer_waiting(bond: Bond, conversion_id: ConversionId) -> Bond:
    """Take a conversion off what waits in a bond."""
    return replace(bond, waiting=tuple(each for each in bond.waiting if each != conversion_id))
