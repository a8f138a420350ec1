"""Eligibility: who may refer and who may be referred, looked at touch by touch before any credit.

What is wrong with a touch is noted on it, so that it stands among the candidates with its reason.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.attribution import CLOCK_SKEW, Touch
from referrals.domain.decisions import Reason
from referrals.domain.ids import PersonId
from referrals.domain.programs import Eligibility, TouchKind
from referrals.domain.referrals import Bond

# So many are looked at above an advocate: more than any chain of recommendations has had.
MOST_ABOVE = 500
# So many of those at the top are held in a commit; above an advocate whom nobody shared is one.
MOST_TOPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What eligibility asks about an advocate.

    `orders` are their own; `brought_by` is everybody above them: whoever brought them, whoever
    brought those, and so on; `tops` are those of them, or they, whom nobody brought.
    """

    advocate_id: PersonId
    segment: str | None = None
    orders: int = 0
    brought_by: tuple[PersonId, ...] = ()
    tops: tuple[PersonId, ...] = ()
    second_level_id: PersonId | None = None


def climbed(
    candidate: Candidate, bonds_of: Callable[[Sequence[PersonId]], Mapping[PersonId, Bond]]
) -> Candidate:
    """Look at everybody above a candidate, level by level, where a share is enough to be above.

    As long as nobody brings one of the tops, no circle can close through the candidate.
    """
    level, seen = [candidate.advocate_id], {candidate.advocate_id}
    above: list[PersonId] = []
    tops: list[PersonId] = []
    second_level_id = None
    while level and len(above) < MOST_ABOVE:
        bonds, level_above = bonds_of(level), list[PersonId]()
        for person in level:
            referral = bonds[person].referral
            if referral is None:
                tops.append(person)
                continue
            if person == candidate.advocate_id:
                second_level_id = referral.advocate_id
            fresh = [p.advocate_id for p in referral.shared_by if p.advocate_id not in seen]
            seen.update(fresh)
            level_above += fresh
        above += level_above
        level = level_above
    return replace(
        candidate,
        brought_by=tuple(above),
        tops=tuple(sorted(tops)[:MOST_TOPS]),
        second_level_id=second_level_id,
    )


def judged(
    touches: Iterable[Touch],
    *,
    terms: Eligibility,
    friend: Bond,
    is_new_customer: bool | None,
    candidates: Mapping[PersonId, Candidate],
) -> tuple[Touch, ...]:
    """Note on each sound touch what the terms of eligibility have against it."""
    return tuple(
        touch
        if touch.flaw is not None
        else replace(
            touch, flaw=_flaw(touch, terms, friend, candidates, is_new_customer=is_new_customer)
        )
        for touch in touches
    )


def _flaw(
    touch: Touch,
    terms: Eligibility,
    friend: Bond,
    candidates: Mapping[PersonId, Candidate],
    *,
    is_new_customer: bool | None,
) -> Reason | None:
    candidate = candidates.get(touch.advocate_id) if touch.advocate_id else None
    if candidate is None or candidate.advocate_id == friend.friend_id:
        return None  # attribution has its own word for that
    if friend.friend_id in candidate.brought_by or len(candidate.brought_by) >= MOST_ABOVE:
        return Reason.CIRCLE
    if touch.kind is TouchKind.MANUAL:
        return None  # an operator has looked at the rest
    not_open = _not_open_to(terms, candidate)
    if not_open is None and terms.is_new_customers_only:
        is_known = _is_known(friend, touch.at, is_new_customer=is_new_customer)
        return Reason.NOT_NEW_CUSTOMER if is_known else None
    return not_open


def _not_open_to(terms: Eligibility, candidate: Candidate) -> Reason | None:
    if terms.segments and candidate.segment not in terms.segments:
        return Reason.ADVOCATE_NOT_ELIGIBLE
    return Reason.NOT_ENOUGH_PURCHASES if candidate.orders < terms.min_purchases else None


def _is_known(friend: Bond, touched_at: datetime, *, is_new_customer: bool | None) -> bool:
    """Whether somebody was a customer before: by the shop's word, or by an earlier order.

    An order that is no earlier than clocks differ may be the very one that the touch led to.
    """
    if is_new_customer is not None:
        return not is_new_customer
    first_at = friend.first_order_at
    return first_at is not None and first_at < touched_at - CLOCK_SKEW
