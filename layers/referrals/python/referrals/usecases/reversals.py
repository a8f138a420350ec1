"""What refunds, chargebacks and reviews share: to take rewards back, in one transaction each."""

from collections.abc import Iterable
from datetime import datetime

from referrals.domain.budgets import Budget
from referrals.domain.conversions import Case, Conversion, Refund
from referrals.domain.ids import ConversionId, PersonId, ProgramId, RewardId
from referrals.domain.ledger import Balance
from referrals.domain.programs import Program
from referrals.domain.refunds import Reversed, apply_refund, milestones_at_risk, next_to_apply
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rewards import Reward
from referrals.fulfil.kinds import given_back
from referrals.store import conversions, events, programs, rewards
from referrals.store.rewards import RewardKey
from referrals.store.transactions import MOST_READ_AT_ONCE, commit, read, until_settled
from referrals.usecases.bookings import money_writes
from referrals.usecases.surroundings import (
    read_balances,
    read_segments,
    read_slices,
    read_whole_budget,
)


def apply_waiting_refunds(conversion_id: ConversionId, *, now: datetime) -> Case:
    """Apply the refunds of an order that wait, one journal each; give the case as it is then."""
    while True:
        case, is_done = until_settled(lambda: _apply_next(conversion_id, now))
        if is_done:
            return case


def _apply_next(conversion_id: ConversionId, now: datetime) -> tuple[Case, bool]:
    case = read_case(conversion_id)
    refund = next_to_apply(case)
    if refund is None:
        return case, True
    write_reversal(reversal_of(case, refund, now=now), now=now)
    return case, False


def read_case(conversion_id: ConversionId) -> Case:
    """Read what is known of a conversion, an empty case when nothing is."""
    wanted = conversions.wanted(conversion_id)
    read(wanted)
    return wanted.value or Case(conversion_id=conversion_id)


def reversal_of(case: Case, refund: Refund, *, now: datetime) -> Reversed:
    """Decide a refund of a credited conversion, with its rewards and balances as they are."""
    conversion = case.conversion
    if conversion is None:
        raise ValueError("only the refund of a known purchase can be decided")
    program = programs.get_version(conversion.program_id, conversion.version)
    promised = read_rewards(conversion)
    balances = read_owners(conversion, promised)
    at_risk = _milestones(conversion, balances)
    return apply_refund(
        case,
        refund,
        conversion=conversion,
        program=program,
        rewards=promised,
        milestones=at_risk,
        balances=balances,
        segments=read_segments(program, [conversion.advocate_id or conversion.friend_id]),
        budget=_budget_for(refund, program, [*promised, *at_risk]),
        now=now,
    )


def read_rewards(conversion: Conversion) -> list[Reward]:
    """Read every reward that was promised for a conversion, in the order promised."""
    return read_promises(
        conversion.program_id,
        [(promise.owner_id, promise.reward_id) for promise in conversion.rewards],
    )


def read_promises(
    program_id: ProgramId, promises: Iterable[tuple[PersonId, RewardId]]
) -> list[Reward]:
    """Read some rewards by owner and id, as many at one moment as a transaction takes.

    Who decides on more of them still writes on the condition that the case is as it was read.
    """
    wanted = [
        rewards.wanted(RewardKey(program_id=program_id, owner_id=owner_id, reward_id=reward_id))
        for owner_id, reward_id in promises
    ]
    for start in range(0, len(wanted), MOST_READ_AT_ONCE):
        read(*wanted[start : start + MOST_READ_AT_ONCE])
    return [each.value for each in wanted if each.value is not None]


def read_owners(conversion: Conversion, promised: Iterable[Reward]) -> dict[PersonId, Balance]:
    """Read the balances of everybody whom a change of a conversion's rewards may touch."""
    owners = {reward.owner_id for reward in promised}
    if conversion.advocate_id is not None:
        owners.add(conversion.advocate_id)
    return read_balances(conversion.program_id, owners)


def _milestones(conversion: Conversion, balances: dict[PersonId, Balance]) -> list[Reward]:
    advocate_id = conversion.advocate_id
    if advocate_id is None:
        return []
    at_risk = milestones_at_risk(conversion, balances[advocate_id])
    return read_promises(conversion.program_id, [(advocate_id, reward_id) for reward_id in at_risk])


def _budget_for(refund: Refund, program: Program, touched: Iterable[Reward]) -> Budget | None:
    """Read the slices that get something back; all of them when something is promised anew."""
    is_won = refund.status is ChargebackStatus.WON
    whole = read_whole_budget(program, refund.refund_id) if is_won else None
    return whole or read_slices(
        program.program_id, {draw.slice for reward in touched for draw in reward.draws}
    )


def write_reversal(reversal: Reversed, *, now: datetime) -> None:
    """Write everything that one refund changes, at once."""
    commit(
        conversions.save(reversal.case),
        *money_writes(reversal),
        events.append(reversal.events, journal=reversal.journal, now=now),
        *(write for reward in reversal.rewards for write in given_back(reward)),
    )
