"""Holds what is stored against what the log says it should be."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta

from referrals.domain.caps import CapUse
from referrals.domain.dispatches import FINISHED
from referrals.domain.entries import LogEntry
from referrals.domain.ids import ProgramId
from referrals.domain.ledger import Balance, Journal
from referrals.domain.projections import Holder, Projections, comparable, money_in
from referrals.domain.referrals import Bond
from referrals.domain.rewards import Reward, RewardState
from referrals.store import (
    budgets,
    conversions,
    dispatches,
    events,
    ledger,
    programs,
    redemptions,
    referrals,
    rewards,
)

_NO_CAPS = CapUse()
_ALWAYS_DUE = frozenset({RewardState.QUEUED, RewardState.HELD, RewardState.FULFILLING})
# Around midnight a grant may be counted under the day that another one had begun before.
_NEAR_MIDNIGHT = timedelta(minutes=1)


class ProjectionCheck:
    """A check of the ledger: rewards, redemptions, referrals, caps, counts and budgets."""

    def __init__(self) -> None:
        self.projections = Projections(programs.get_version)

    def take_journal(self, journal: Journal) -> None:
        self.projections.take_journal(journal)

    def take_entry(self, entry: LogEntry) -> None:
        for event in events.read_body(entry.body):
            self.projections.take(event)

    def faults(self) -> Iterator[str]:
        """Name every difference between what is stored and what was rebuilt."""
        yield from faults_of(self.projections)


def faults_of(projections: Projections) -> Iterator[str]:
    """Name every difference between what is stored and what the log says."""
    yield from _reward_faults(projections)
    yield from _dispatch_faults()
    yield from _bond_faults(projections)
    yield from _redemption_faults(projections)
    yield from _balance_faults(projections)
    yield from _budget_faults(projections)
    yield from _limit_faults()
    yield from _case_faults(projections)


def _reward_faults(projections: Projections) -> Iterator[str]:
    missing = dict(projections.rewards)
    for stored in rewards.iter_all():
        rebuilt = missing.pop(stored.reward_id, None)
        if rebuilt is None:
            yield f"reward {stored.reward_id} is in no event"
        else:
            yield from _differences(f"reward {stored.reward_id}", stored, rebuilt)
        is_looked_after = stored.due_at is not None or stored.dispatch_id is not None
        if stored.state in _ALWAYS_DUE and not is_looked_after:
            yield f"reward {stored.reward_id} is {stored.state} and nobody will look at it"
    yield from (f"reward {reward_id} is not stored" for reward_id in missing)


def _differences(name: str, stored: Reward, rebuilt: Reward) -> Iterator[str]:
    ours, theirs = comparable(stored), comparable(rebuilt)
    for field in Reward.__dataclass_fields__:
        has, should = getattr(ours, field), getattr(theirs, field)
        if has != should:
            yield f"{name} has {field} {has} and the events say {should}"


def _redemption_faults(projections: Projections) -> Iterator[str]:
    missing = dict(projections.redemptions)
    for stored in redemptions.iter_all():
        rebuilt = missing.pop(stored.redemption_id, None)
        if rebuilt is None:
            yield f"redemption {stored.redemption_id} is in no event"
        elif replace(stored, revision=None) != rebuilt:
            yield f"redemption {stored.redemption_id} is not what the events say"
    yield from (f"redemption {redemption_id} is not stored" for redemption_id in missing)


def _dispatch_faults() -> Iterator[str]:
    """Hold every dispatch against its rewards: an open one has all of them, a closed one none."""
    claimed = {
        reward.reward_id: (reward.dispatch_id, reward.to_hand_over_minor)
        for reward in rewards.iter_all()
        if reward.state is RewardState.FULFILLING and reward.dispatch_id is not None
    }
    for dispatch in dispatches.iter_all():
        if dispatch.state in FINISHED:
            continue
        own = [claimed.pop(reward_id, None) for reward_id in dispatch.reward_ids]
        minors = [each[1] for each in own if each and each[0] == dispatch.dispatch_id]
        if len(minors) < len(own) or sum(minors) != dispatch.amount_minor:
            yield f"dispatch {dispatch.dispatch_id} is not what its rewards add up to"
    yield from (f"reward {reward_id} is in no open dispatch" for reward_id in claimed)


def _bond_faults(projections: Projections) -> Iterator[str]:
    missing = projections.bonds()
    for stored in referrals.iter_all():
        rebuilt = missing.pop((stored.program_id, stored.friend_id), None)
        if rebuilt is None:
            yield f"the bond of {stored.friend_id} is in no event"
        elif _comparable_bond(stored) != _comparable_bond(rebuilt):
            yield f"the bond of {stored.friend_id} is not what the events say"
    yield from (f"the bond of {friend_id} is not stored" for _, friend_id in missing)


def _comparable_bond(bond: Bond) -> Bond:
    """Give a bond without what no event tells; while it is taken up, what waits is on the way."""
    waiting = () if bond.referral else tuple(sorted(bond.waiting))
    return replace(bond, waiting=waiting, is_in_review=False, revision=None)


def _balance_faults(projections: Projections) -> Iterator[str]:
    missing = projections.balances()
    for stored in ledger.iter_balances():
        holder = (stored.program_id, stored.person_id)
        rebuilt = missing.pop(holder, None) or _nothing(holder)
        yield from _sum_faults(stored, rebuilt)
        yield from _cap_faults(stored, rebuilt)
        for name in ("signups", "purchases", "milestones", "scores", "is_closed"):
            has, should = getattr(stored, name), getattr(rebuilt, name)
            if has != should:
                yield f"{stored.person_id} has {name} {has} and the events say {should}"
    for (_, person), rebuilt in missing.items():
        if rebuilt.amounts or rebuilt.signups or rebuilt.purchases:
            yield f"the balance of {person} is not stored"


def _nothing(holder: Holder) -> Balance:
    return Balance(program_id=holder[0], person_id=holder[1])


def _sum_faults(stored: Balance, rebuilt: Balance) -> Iterator[str]:
    for key in sorted({*stored.amounts, *rebuilt.amounts}):
        has, should = stored.amounts.get(key, 0), rebuilt.amounts.get(key, 0)
        if has != should:
            yield f"{stored.person_id} has {has} in {key} and the events add up to {should}"


def _cap_faults(stored: Balance, rebuilt: Balance) -> Iterator[str]:
    for key in sorted({*stored.caps, *rebuilt.caps}):
        has, should = stored.caps.get(key, _NO_CAPS), rebuilt.caps.get(key, _NO_CAPS)
        is_same = has == should
        if not is_same and has.all_time == should.all_time and _is_near_midnight(stored, key):
            continue
        if not is_same:
            yield f"{stored.person_id} has used {has} of the caps of {key}; rewards say {should}"


def _is_near_midnight(stored: Balance, key: str) -> bool:
    """Whether the latest grant under a cap may have met another one at midnight."""
    on = stored.caps[key].on if key in stored.caps else None
    if on is None:
        return False
    midnight = datetime.combine(on, time.min)
    return any(
        abs(reward.granted_at.replace(tzinfo=None) - midnight) < _NEAR_MIDNIGHT
        for reward in rewards.list_of_owner(stored.program_id, stored.person_id)
    )


def _budget_faults(projections: Projections) -> Iterator[str]:
    spent = Counter[tuple[ProgramId, int]](projections.spent())
    for part in budgets.iter_all():
        should = spent.pop((part.program_id, part.number), 0)
        if part.spent_minor != should:
            yield (
                f"slice {part.number} of the budget of {part.program_id} has {part.spent_minor} "
                f"spent and the rewards in it add up to {should}"
            )
    for (program_id, number), amount_minor in spent.items():
        if amount_minor:
            yield f"slice {number} of the budget of {program_id} is not stored"


def _limit_faults() -> Iterator[str]:
    """Compare the limits of each budget's slices, together, with what the live terms say."""
    slices = list(budgets.iter_all())
    for program in programs.iter_live():
        own = [part for part in slices if part.program_id == program.program_id]
        for name in ("total_minor", "per_day_minor"):
            has, should = _sum([getattr(part, name) for part in own]), getattr(program.budget, name)
            if has != should and (own or program.budget.is_limited):
                yield (
                    f"the budget of {program.program_id} is shared out as {name} {has} and the "
                    f"terms say {should}"
                )


def _sum(limits: list[int | None]) -> int | None:
    known = [limit for limit in limits if limit is not None]
    return sum(known) if known else None


def _case_faults(projections: Projections) -> Iterator[str]:
    """Compare the money of each conversion and of what went back of it with the log."""
    for case in conversions.iter_all():
        stored, should = case.conversion, projections.money_of(case.conversion_id)
        if stored is not None and money_in(stored) != should:
            yield f"conversion {case.conversion_id} is not what the events say"
        applied = {each.refund_id: each.amount_minor for each in case.refunds if each.is_applied}
        if applied != projections.refunds_of(case.conversion_id):
            yield f"the refunds of {case.conversion_id} are not what the events say"
