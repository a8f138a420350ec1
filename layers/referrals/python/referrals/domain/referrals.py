"""Referrals: a friend is bound once per program, for ever, to whoever recommended it.

A bond exists from the first thing heard of a friend. Until a conversion binds them, the conversions
that came too early wait in it; so whoever binds the friend sees them, whatever the order.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.attribution import Credited, attributable_from
from referrals.domain.ids import ConversionId, PersonId, ProgramId, ReferralId, derive
from referrals.domain.money import BASIS_POINTS
from referrals.domain.programs import Program

# A friend who was never referred may be a regular customer: what waits for them stays bounded.
MAX_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What an advocate has of a referral that several led to; all parts are 10,000."""

    advocate_id: PersonId
    share_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """Advocate and friend in one program; nothing before `attributable_from` counts.

    `advocate_id` has the largest part; `second_level_id` is who had brought that advocate then.
    `attributed_by` and `note` say who attributed it by hand, and why.
    """

    referral_id: ReferralId
    advocate_id: PersonId
    since: datetime
    attributable_from: datetime
    code: str
    channel: str
    parts: tuple[Part, ...] = ()
    second_level_id: PersonId | None = None
    attributed_by: str | None = None
    note: str | None = None

    @property
    def shared_by(self) -> tuple[Part, ...]:
        """Give everybody's part, the advocate's own alone when nobody else has one."""
        return self.parts or (Part(advocate_id=self.advocate_id, share_bps=BASIS_POINTS),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """All that is known of a customer of the shop in a program.

    `orders` are all that were reported of theirs, `purchases` those that were credited, renewals
    aside. What they do is looked at by people while `is_in_review`. `revision` is None until it is
    stored.
    """

    program_id: ProgramId
    friend_id: PersonId
    referral: Referral | None = None
    waiting: tuple[ConversionId, ...] = ()
    orders: int = 0
    first_order_at: datetime | None = None
    purchases: int = 0
    is_signed_up: bool = False
    is_in_review: bool = False
    revision: int | None = None

    @property
    def state(self) -> str:
        """Say how far the friend got: `purchased`, `signed_up` or `waiting`."""
        if self.purchases:
            return "purchased"
        return "signed_up" if self.is_signed_up else "waiting"

    def with_order(self, occurred_at: datetime) -> "Bond":
        """Count an order that was reported, whether or not it will be credited."""
        first = self.first_order_at
        earliest = occurred_at if first is None else min(first, occurred_at)
        return replace(self, orders=self.orders + 1, first_order_at=earliest)


def referral_to(
    credited: Credited,
    *,
    program: Program,
    friend_id: PersonId,
    second_level_id: PersonId | None,
    at: datetime,
) -> Referral:
    """Make the referral that binds a friend to those whose touches led to them, since `at`."""
    winner = credited.winner
    parts = tuple(
        Part(advocate_id=share.advocate_id, share_bps=share.share_bps) for share in credited.shares
    )
    return Referral(
        referral_id=ReferralId(derive("ref", program.program_id, friend_id)),
        advocate_id=winner.advocate_id,
        since=at,
        attributable_from=attributable_from(winner.touch, program.attribution),
        code=winner.touch.code,
        channel=winner.touch.channel,
        parts=parts if len(parts) > 1 else (),
        second_level_id=second_level_id,
    )


def kept_waiting(bond: Bond, conversion_id: ConversionId) -> Bond:
    """Let a conversion wait in an unbound bond; the oldest gives way when too many wait."""
    others = tuple(each for each in bond.waiting if each != conversion_id)
    return replace(bond, waiting=(*others, conversion_id)[-MAX_WAITING:])


def no_longer_waiting(bond: Bond, conversion_id: ConversionId) -> Bond:
    """Take a conversion off what waits in a bond."""
    if conversion_id not in bond.waiting:
        return bond
    return replace(bond, waiting=tuple(each for each in bond.waiting if each != conversion_id))
