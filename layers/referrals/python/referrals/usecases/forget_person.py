"""Somebody wants to be forgotten: their data goes, the money stays under an opaque id.

    personal data, event ── each program: advocate, code, balance ── signals ── rewards, if asked

The first is one transaction and happens once. What follows changes nothing when it is done again,
so whoever asks again finishes what was interrupted.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from referrals.domain.dispatches import FORGOTTEN, DispatchState
from referrals.domain.errors import PersonNotFoundError
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.granting import Grants, Occasion, reward_event
from referrals.domain.ids import DispatchId, PersonId, ProgramId, person_id
from referrals.domain.ledger import Balance
from referrals.domain.milestones import unmarked
from referrals.domain.people import AdvocateStatus, Person, forgotten, forgotten_mark
from referrals.domain.rewards import Reward, RewardState, reversed_to
from referrals.domain.rules import Trigger
from referrals.store import (
    advocates,
    details,
    dispatches,
    events,
    ledger,
    links,
    people,
    preferences,
    programs,
    referrals,
    rewards,
    signals,
)
from referrals.store.rewards import RewardKey
from referrals.store.transactions import Write, commit, read, until_settled
from referrals.usecases.bookings import Step, read_balance, write_step
from referrals.usecases.end_dispatch import release
from referrals.usecases.fulfil_reward import read_reward
from referrals.usecases.keys import Keys
from referrals.usecases.surroundings import read_slices

# What was promised and is in nobody's hands yet.
_OPEN = frozenset(
    {RewardState.IN_REVIEW, RewardState.QUEUED, RewardState.HELD, RewardState.AVAILABLE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was done: `codes` are closed for good, `open_rewards` stay promised to the opaque id.

    Those that a provider was asked for are among the latter: nobody can say yet what it does.
    `is_new` is False when their data was gone before.
    """

    person_id: PersonId
    is_new: bool
    codes: tuple[str, ...]
    signals: int
    voided_rewards: int
    open_rewards: int


def forget_person(
    customer_id: str, *, keys: Keys, now: datetime, voids_rewards: bool = False
) -> Forgotten:
    """Delete a customer's personal data in all programs; nothing that is told later is kept again.

    With `voids_rewards` what was not handed over is taken back. PersonNotFoundError.
    """
    owner_id = person_id(customer_id, key=keys.identity)
    taking_part = _programs_of(owner_id)
    is_new = until_settled(lambda: _delete(owner_id, taking_part, keys, now))
    for program_id in taking_part:
        until_settled(partial(_close, program_id, owner_id))
    removed = signals.forget(owner_id)
    if voids_rewards:
        for dispatch_id in {each.dispatch_id for each in _promised(taking_part, owner_id)}:
            until_settled(partial(_release_reserved, dispatch_id, now))
    promised = _promised(taking_part, owner_id)
    voided = sum(_void(reward, now) for reward in promised) if voids_rewards else 0
    return Forgotten(
        person_id=owner_id,
        is_new=is_new,
        codes=tuple(each.code for each in advocates.list_of_person(owner_id)),
        signals=removed,
        voided_rewards=voided,
        open_rewards=len(promised) - voided,
    )


def _promised(taking_part: list[ProgramId], owner_id: PersonId) -> list[Reward]:
    return [
        reward
        for program_id in taking_part
        for reward in rewards.list_of_owner(program_id, owner_id)
        if reward.state in _OPEN or reward.state is RewardState.FULFILLING
    ]


def _release_reserved(dispatch_id: DispatchId | None, now: datetime) -> None:
    """Release what no provider was asked for, so that its rewards can be taken back."""
    dispatch = dispatches.find(dispatch_id) if dispatch_id else None
    if dispatch is not None and dispatch.state is DispatchState.RESERVED:
        release(dispatch, reason=FORGOTTEN, now=now)


def _programs_of(owner_id: PersonId) -> list[ProgramId]:
    """Name the programs that somebody shares in, has something in, or bought in."""
    sharing = {each.program_id for each in advocates.list_of_person(owner_id)}
    return sorted(
        live.program_id
        for live in programs.iter_live()
        if live.program_id in sharing or until_settled(partial(_is_in, live.program_id, owner_id))
    )


def _is_in(program_id: ProgramId, owner_id: PersonId) -> bool:
    balance = ledger.wanted_balance(program_id, owner_id)
    bond = referrals.wanted(program_id, owner_id)
    read(balance, bond)
    return balance.value is not None or bond.value is not None


def _delete(owner_id: PersonId, taking_part: list[ProgramId], keys: Keys, now: datetime) -> bool:
    """Put the date in place of all personal data; False when it is there already."""
    wanted = people.wanted(owner_id)
    read(wanted)
    person = wanted.value
    if person is not None and person.is_forgotten:
        return False
    if person is None and not taking_part:
        raise PersonNotFoundError
    known = person or Person(person_id=owner_id, customer_id="")
    mark = forgotten_mark(known.email, key=keys.identity) if known.email else None
    commit(
        people.save(forgotten(known, now=now)),
        preferences.delete(owner_id),
        *details.delete_all(owner_id),
        signals.note_forgotten(mark, now=now) if mark else None,
        events.append([_event(each, owner_id, now) for each in taking_part], now=now),
    )
    return True


def _event(program_id: ProgramId, owner_id: PersonId, now: datetime) -> DomainEvent:
    return event(
        EventName.PERSON_FORGOTTEN,
        cause=f"forgotten:{program_id}:{owner_id}",
        program_id=program_id,
        occurred_at=now,
        person_id=owner_id,
    )


def _close(program_id: ProgramId, owner_id: PersonId) -> None:
    """End somebody's part in a program: their code works no more, and nothing more is promised.

    Also whoever has nothing yet gets a closed balance: a friend who buys again is promised nothing.
    """
    wanted_advocate = advocates.wanted(program_id, owner_id)
    wanted_balance = ledger.wanted_balance(program_id, owner_id)
    read(wanted_advocate, wanted_balance)
    advocate = wanted_advocate.value
    balance = wanted_balance.value or Balance(program_id=program_id, person_id=owner_id)
    writes = list[Write]()
    if advocate is not None and advocate.status is not AdvocateStatus.FORGOTTEN:
        writes += [
            advocates.set_status(advocate, AdvocateStatus.FORGOTTEN),
            links.close(advocate.code),
        ]
    if not balance.is_closed:
        writes.append(ledger.save_balance(replace(balance, is_closed=True)))
    if writes:
        commit(*writes)


def _void(reward: Reward, now: datetime) -> bool:
    """Take a reward back that is in nobody's hands; False when it was handed over meanwhile."""
    key = RewardKey(
        program_id=reward.program_id, owner_id=reward.owner_id, reward_id=reward.reward_id
    )
    return until_settled(lambda: _void_once(key, now))


def _has_another_part(reward: Reward) -> bool:
    """Whether more of the same promise stands, which is counted together with this."""
    promise = (reward.conversion_id, reward.rule_id, reward.step)
    return any(
        each.reward_id != reward.reward_id
        and (each.conversion_id, each.rule_id, each.step) == promise
        and each.remaining_minor
        for each in rewards.list_of_owner(reward.program_id, reward.owner_id)
    )


def _void_once(key: RewardKey, now: datetime) -> bool:
    reward = read_reward(key)
    reversal = reversed_to(reward, 0) if reward and reward.state in _OPEN else None
    if reward is None or reversal is None:
        return False
    cause, voided = f"forgotten:{reward.reward_id}", reversal.reward
    balance = read_balance(reward)
    budget = read_slices(reward.program_id, {draw.slice for draw in reward.draws})
    grants = Grants(
        Occasion(source=cause, occurred_at=now),
        program=programs.get_version(reward.program_id, reward.version),
        balances={reward.owner_id: balance},
        budget=budget,
        now=now,
    )
    if reward.trigger is not Trigger.REDEMPTION:  # what was paid for is counted by no cap
        is_alone = not _has_another_part(reward)
        grants.uncount(reward, rewards=int(is_alone), amount_minor=reversal.back_minor)
    if budget is not None:
        grants.budget, draws = budget.give_back(
            reward.draws, reversal.back_minor, reward.granted_at.date()
        )
        voided = replace(voided, draws=draws)
    told = reward_event(
        EventName.REWARD_VOIDED,
        voided,
        cause=cause,
        now=now,
        reversed_minor=reversal.back_minor,
    )
    step = Step(
        before=reward,
        reward=voided,
        cause=cause,
        postings=reversal.postings,
        events=(told,),
        balance=unmarked(grants.balances[reward.owner_id], reward.reward_id),
        slices=grants.changed_slices(budget),
    )
    write_step(step, now=now)
    return True
