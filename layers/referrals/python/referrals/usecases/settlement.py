"""What the use cases of sign-ups, purchases and refunds share: to decide a case and write it once.

Whatever arrives, in whatever order: a conversion is credited as soon as its friend is bound, and
its refunds are applied as soon as it is credited. Each of these steps is one transaction, and each
delivery of anything continues where an interrupted one stopped.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from referrals.domain.conversions import Case, Conversion, Refund, Verdict, credit, find, left_open
from referrals.domain.decisions import Outcome
from referrals.domain.errors import DuplicateConversionError
from referrals.domain.ids import ConversionId, PersonId, ProgramId
from referrals.domain.ledger import Balance, Posting, after, journal_for
from referrals.domain.people import Person
from referrals.domain.referrals import Bond, no_longer_waiting
from referrals.domain.refunds import Reversed, apply_refund, next_to_apply
from referrals.domain.reports import CustomerDetails, Evidence
from referrals.domain.rewards import Reward
from referrals.store import conversions, events, ledger, people, programs, referrals, rewards
from referrals.store.transactions import Write, commit, read, until_settled
from referrals.usecases.evidence import EvidenceReading
from referrals.usecases.keys import Keys


def record_once(
    draft: Conversion, *, told: CustomerDetails, evidence: Evidence, keys: Keys, now: datetime
) -> tuple[Conversion, bool]:
    """Record a conversion unless it was before, and take up whatever can be decided by then.

    `draft` is the conversion as reported, without its touches. Gives it as decided, and whether it
    was new. DuplicateConversionError when it was reported before with other content.
    """
    case, bond, is_new = until_settled(lambda: _record(draft, told, evidence, keys, now))
    has_more = bool(bond.referral and bond.waiting)
    if has_more:
        _take_up_what_waits(bond, now=now)
    if has_more or next_to_apply(case):
        case = apply_waiting_refunds(case.conversion_id, now=now)
    return case.conversion or draft, is_new


def _record(
    draft: Conversion, told: CustomerDetails, evidence: Evidence, keys: Keys, now: datetime
) -> tuple[Case, Bond, bool]:
    wanted_case = conversions.wanted(draft.conversion_id)
    wanted_bond = referrals.wanted(draft.program_id, draft.friend_id)
    wanted_person = people.wanted(draft.friend_id)
    reading = EvidenceReading(evidence, keys=keys.click)
    read(wanted_case, wanted_bond, wanted_person, *reading.wanted)
    case = wanted_case.value or Case(conversion_id=draft.conversion_id)
    bond = wanted_bond.value or Bond(program_id=draft.program_id, friend_id=draft.friend_id)
    if case.conversion is not None:
        if case.conversion.fingerprint != draft.fingerprint:
            raise DuplicateConversionError(draft.order_id or draft.kind)
        return case, bond, False
    conversion = replace(draft, touches=tuple(reading.touches(draft.occurred_at)))
    person = details_to_save(wanted_person.value, draft.friend_id, told)
    return *_decide_and_write(case, conversion, bond=bond, person=person, now=now), True


def _decide_and_write(
    case: Case, conversion: Conversion, *, bond: Bond, person: Person | None, now: datetime
) -> tuple[Case, Bond]:
    """Decide a conversion by the terms it was recorded under, and write all of it at once.

    Personal data is kept of people who take part, not of every customer of the shop: `person` is
    written with a credited conversion only.
    """
    program = programs.get_version(conversion.program_id, conversion.version)
    finding = find(conversion, program=program, bond=bond)
    if finding.referral is None:
        verdict = left_open(conversion, finding, program=program, bond=bond, now=now)
        return _write(case, verdict, bond=bond, person=None, now=now)
    participants = {finding.referral.advocate_id, conversion.friend_id}
    verdict = credit(
        conversion,
        finding,
        referral=finding.referral,
        program=program,
        bond=bond,
        balances=read_balances(program.program_id, participants),
        has_waiting_refunds=bool(case.refunds),
        now=now,
    )
    return _write(case, verdict, bond=bond, person=person, now=now)


def read_balances(program_id: ProgramId, person_ids: Iterable[PersonId]) -> dict[PersonId, Balance]:
    """Read what some people have in a program, all at one moment; nothing yet is an empty one."""
    wanted = {each: ledger.wanted_balance(program_id, each) for each in sorted(person_ids)}
    read(*wanted.values())
    return {
        each: balance.value or Balance(program_id=program_id, person_id=each)
        for each, balance in wanted.items()
    }


def _write(
    case: Case, verdict: Verdict, *, bond: Bond, person: Person | None, now: datetime
) -> tuple[Case, Bond]:
    decided = replace(case, conversion=verdict.conversion)
    commit(
        conversions.save(decided),
        referrals.save(verdict.bond) if verdict.bond else None,
        people.save(person) if person else None,
        *(rewards.save(reward) for reward in verdict.rewards),
        ledger.append(verdict.journal) if verdict.journal else None,
        *(ledger.save_balance(balance) for balance in verdict.balances),
        events.append(verdict.events, now=now),
    )
    return decided, verdict.bond or bond


def _take_up_what_waits(bond: Bond, *, now: datetime) -> None:
    """Decide what came before its friend was bound, oldest first, each with its refunds.

    credit ── refund ── refund ── off the list      without refunds the credit takes it off
    """
    for conversion_id in bond.waiting:
        step = partial(_take_up, bond.program_id, bond.friend_id, conversion_id, now)
        while until_settled(step):
            apply_waiting_refunds(conversion_id, now=now)


def _take_up(
    program_id: ProgramId, friend_id: PersonId, conversion_id: ConversionId, now: datetime
) -> bool:
    """Do the next thing for a conversion that waits; False when it waits no longer."""
    wanted_case = conversions.wanted(conversion_id)
    wanted_bond = referrals.wanted(program_id, friend_id)
    read(wanted_case, wanted_bond)
    case, bond = wanted_case.value, wanted_bond.value
    if bond is None or conversion_id not in bond.waiting:
        return False
    conversion = case.conversion if case else None
    if case is None or conversion is None or _is_done(case, conversion):
        commit(referrals.save(no_longer_waiting(bond, conversion_id)))
        return False
    if conversion.outcome is not Outcome.CREDITED:
        _decide_and_write(case, conversion, bond=bond, person=None, now=now)
    return True


def _is_done(case: Case, conversion: Conversion) -> bool:
    return conversion.outcome is Outcome.CREDITED and next_to_apply(case) is None


def apply_waiting_refunds(conversion_id: ConversionId, *, now: datetime) -> Case:
    """Apply the refunds of an order that wait, one journal each; give the case as it is then."""
    while True:
        case, is_done = until_settled(lambda: _apply_next(conversion_id, now))
        if is_done:
            return case


def _apply_next(conversion_id: ConversionId, now: datetime) -> tuple[Case, bool]:
    case = _read_case(conversion_id)
    refund = next_to_apply(case)
    if refund is None:
        return case, True
    write_reversal(reversal_of(case, refund, now=now), now=now)
    return case, False


def _read_case(conversion_id: ConversionId) -> Case:
    wanted = conversions.wanted(conversion_id)
    read(wanted)
    return wanted.value or Case(conversion_id=conversion_id)


def reversal_of(case: Case, refund: Refund, *, now: datetime) -> Reversed:
    """Decide a refund of a credited conversion, with its rewards and balances as they are."""
    conversion = case.conversion
    if conversion is None:
        raise ValueError("only the refund of a known purchase can be decided")
    standing = _read_rewards(conversion)
    owners = {reward.owner_id for reward in standing}
    return apply_refund(
        case,
        refund,
        conversion=conversion,
        program=programs.get_version(conversion.program_id, conversion.version),
        rewards=standing,
        balances=read_balances(conversion.program_id, owners) if owners else {},
        now=now,
    )


def _read_rewards(conversion: Conversion) -> list[Reward]:
    wanted = [
        rewards.wanted(
            rewards.RewardKey(
                program_id=conversion.program_id,
                owner_id=promise.owner_id,
                reward_id=promise.reward_id,
            )
        )
        for promise in conversion.rewards
    ]
    if wanted:
        read(*wanted)
    return [each.value for each in wanted if each.value is not None]


def booked(reward: Reward, posting: Posting, cause: str, now: datetime) -> tuple[Write, Write]:
    """Give the writes of a journal that moves one reward: the journal and its owner's balance."""
    balances = read_balances(reward.program_id, {reward.owner_id})
    journal = journal_for(
        cause,
        [posting],
        program_id=reward.program_id,
        version=reward.version,
        now=now,
        balances=balances,
    )
    return ledger.append(journal), ledger.save_balance(after(balances[reward.owner_id], journal))


def write_reversal(reversal: Reversed, *, now: datetime) -> None:
    """Write everything that one refund changes, at once."""
    commit(
        conversions.save(reversal.case),
        *(rewards.save(reward) for reward in reversal.rewards),
        ledger.append(reversal.journal) if reversal.journal else None,
        *(ledger.save_balance(balance) for balance in reversal.balances),
        events.append(reversal.events, now=now),
    )


def details_to_save(
    known: Person | None, person_id: PersonId, told: CustomerDetails
) -> Person | None:
    """Give the personal data to write, or None when nothing new was told.

    The newest word of the shop counts; what it leaves out stays as it was.
    """
    base = known or Person(person_id=person_id, customer_id=told.customer_id)
    updated = replace(
        base,
        email=told.email or base.email,
        name=told.name or base.name,
        locale=told.locale or base.locale,
        phone=told.phone or base.phone,
    )
    return None if updated == known else updated
