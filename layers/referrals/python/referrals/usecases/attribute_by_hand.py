"""Somebody says, later and by hand, who recommended a friend."""

from dataclasses import dataclass, replace
from datetime import datetime

from referrals.domain.attribution import Credited, Touch, attribute
from referrals.domain.conversions import referral_event
from referrals.domain.eligibility import judged
from referrals.domain.errors import AlreadyBoundError, NotAttributableError
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.links import LinkStatus, is_code, normalized
from referrals.domain.programs import Program, TouchKind
from referrals.domain.referrals import Bond, Referral, referral_to
from referrals.store import events, links, programs, referrals
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.settlement import take_up_what_waits
from referrals.usecases.surroundings import read_candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class HandAttribution:
    """Whose friend it is, from when on, who says so and why."""

    program_id: ProgramId
    friend_id: PersonId
    code: str
    since: datetime
    actor: str
    reason: str


def attribute_by_hand(asked: HandAttribution, *, now: datetime) -> Referral:
    """Bind a friend to the advocate of a code, and decide what waited by the rules of its own date.

    AlreadyBoundError for a friend who belongs to somebody; NotAttributableError for an unknown
    code, a self-referral or a circle; ProgramNotFoundError.
    """
    program = programs.get_live(asked.program_id)
    bond = until_settled(lambda: _bind(asked, program, now))
    take_up_what_waits(bond, now=now)
    if bond.referral is None:
        raise AssertionError("a friend who was bound has a referral")
    return bond.referral


def _bind(asked: HandAttribution, program: Program, now: datetime) -> Bond:
    code = normalized(asked.code)
    if not is_code(code):
        raise NotAttributableError("nobody has this code")
    wanted_link = links.wanted(code)
    wanted_bond = referrals.wanted(asked.program_id, asked.friend_id)
    read(wanted_link, wanted_bond)
    link = wanted_link.value
    bond = wanted_bond.value or Bond(program_id=asked.program_id, friend_id=asked.friend_id)
    if bond.referral is not None:
        if bond.referral.attributed_by == asked.actor and bond.referral.code == code:
            return bond  # said twice: what waits may not have been taken up
        raise AlreadyBoundError(bond.referral.referral_id)
    if link is None:
        raise NotAttributableError("nobody has this code")
    if link.status is LinkStatus.CLOSED:
        raise NotAttributableError("whose code it was is forgotten")
    touch = Touch(
        kind=TouchKind.MANUAL,
        at=asked.since,
        code=link.code,
        channel="manual",
        advocate_id=link.advocate_id,
        program_id=link.program_id,
        actor=asked.actor,
        note=asked.reason,
    )
    candidates = read_candidates(program, {link.advocate_id})
    touches = judged(
        [touch],
        terms=program.eligibility,
        friend=bond,
        is_new_customer=None,
        candidates=candidates,
    )
    found = attribute(touches, program=program, friend_id=asked.friend_id, occurred_at=now)
    if not isinstance(found, Credited):
        raise NotAttributableError(found.decisions[0].says)
    candidate = candidates[link.advocate_id]
    referral = replace(
        referral_to(
            found,
            program=program,
            friend_id=asked.friend_id,
            second_level_id=candidate.second_level_id,
            at=now,
        ),
        attributed_by=asked.actor,
        note=asked.reason,
    )
    bound = replace(bond, referral=referral)
    cause = f"attribution:{referral.referral_id}"
    told = referral_event(
        referral, cause=cause, program_id=program.program_id, friend_id=asked.friend_id, now=now
    )
    commit(
        referrals.save(bound),
        events.append([told], now=now),
        *(referrals.check_unbound(program.program_id, top) for top in candidate.tops),
    )
    return bound
