"""People decide what becomes of a conversion that a fraud rule flagged.

Until they do, nothing of it is paid: what is in review is due for nobody.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from referrals.domain.budgets import Budget
from referrals.domain.conversions import Conversion, ReviewState
from referrals.domain.errors import NotInReviewError
from referrals.domain.ids import ConversionId, PersonId
from referrals.domain.ledger import Balance
from referrals.domain.programs import Program
from referrals.domain.referrals import Bond
from referrals.domain.refunds import milestones_at_risk
from referrals.domain.reviews import Reviewed, decide_review
from referrals.domain.rewards import Reward
from referrals.fulfil.kinds import given_back
from referrals.store import (
    conversions,
    events,
    programs,
    referrals,
)
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.bookings import money_writes
from referrals.usecases.reversals import read_case, read_owners, read_promises, read_rewards
from referrals.usecases.surroundings import read_slices, read_whole_budget


def review_conversion(
    conversion_id: ConversionId, state: ReviewState, *, actor: str, reason: str, now: datetime
) -> Conversion:
    """Approve or reject a conversion that is in review, for good, in the name of `actor`.

    Saying the same again changes nothing. NotInReviewError when there is nothing to decide, or it
    was decided otherwise.
    """
    return until_settled(lambda: _review(conversion_id, state, actor, reason, now))


def _review(
    conversion_id: ConversionId, state: ReviewState, actor: str, reason: str, now: datetime
) -> Conversion:
    case = read_case(conversion_id)
    conversion = case.conversion
    if conversion is None or conversion.review is None:
        raise NotInReviewError(conversion_id)
    if conversion.review.state is state:
        return conversion
    if not conversion.is_in_review:
        raise NotInReviewError(conversion_id)
    program = programs.get_version(conversion.program_id, conversion.version)
    bond = referrals.wanted(conversion.program_id, conversion.friend_id)
    read(bond)
    promised = read_rewards(conversion)
    balances = read_owners(conversion, promised)
    at_risk = _at_risk(conversion, balances) if state is ReviewState.REJECTED else []
    reviewed = decide_review(
        case,
        state,
        actor=actor,
        reason=reason,
        program=program,
        bond=bond.value or Bond(program_id=conversion.program_id, friend_id=conversion.friend_id),
        rewards=promised,
        milestones=at_risk,
        balances=balances,
        budget=_budget_for(program, conversion_id, [*promised, *at_risk]),
        now=now,
    )
    _write(reviewed, bond.value, now)
    return reviewed.case.conversion or conversion


def _at_risk(conversion: Conversion, balances: Mapping[PersonId, Balance]) -> list[Reward]:
    """Read the milestones that fall if a conversion counts for nobody."""
    advocate_id = conversion.advocate_id
    if advocate_id is None:
        return []
    at_risk = milestones_at_risk(conversion, balances[advocate_id])
    return read_promises(conversion.program_id, [(advocate_id, reward_id) for reward_id in at_risk])


def _budget_for(
    program: Program, conversion_id: ConversionId, touched: Iterable[Reward]
) -> Budget | None:
    """Read the budget; where the live terms have none, the slices that get something back."""
    return read_whole_budget(program, conversion_id) or read_slices(
        program.program_id, {draw.slice for reward in touched for draw in reward.draws}
    )


def _write(reviewed: Reviewed, stored: Bond | None, now: datetime) -> None:
    commit(
        conversions.save(reviewed.case),
        referrals.save(reviewed.bond) if reviewed.bond != stored else None,
        *money_writes(reviewed),
        events.append(reviewed.events, journal=reviewed.journal, now=now),
        *(write for reward in reviewed.rewards for write in given_back(reward)),
    )
