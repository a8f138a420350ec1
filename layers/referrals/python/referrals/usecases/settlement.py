"""What the use cases of sign-ups, purchases and refunds share: to decide a case and write it once.

Whatever arrives, in whatever order: a conversion is credited as soon as its friend is bound, and
its refunds are applied as soon as it is credited. Each of these steps is one transaction, and each
delivery of anything continues where an interrupted one stopped.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from referrals.domain.conversions import (
    Case,
    Conversion,
    Finding,
    Verdict,
    blocked,
    credit,
    find,
    left_open,
    participants,
)
from referrals.domain.decisions import Outcome
from referrals.domain.eligibility import MOST_TOPS
from referrals.domain.errors import DuplicateConversionError
from referrals.domain.fraud.terms import FraudMode
from referrals.domain.ids import ConversionId, PersonId
from referrals.domain.people import Person
from referrals.domain.referrals import Bond, no_longer_waiting
from referrals.domain.refunds import next_to_apply
from referrals.domain.reports import CustomerDetails, Evidence, ReportedSignals
from referrals.store import (
    conversions,
    events,
    people,
    programs,
    referrals,
)
from referrals.store.transactions import Write, commit, read, until_settled
from referrals.usecases.bookings import money_writes
from referrals.usecases.evidence import EvidenceReading
from referrals.usecases.fraud_watch import keep_in_mind, watch
from referrals.usecases.keys import Keys
from referrals.usecases.recognition import Recognition
from referrals.usecases.reversals import apply_waiting_refunds
from referrals.usecases.surroundings import (
    Around,
    look_around,
    with_everybody,
    with_whole_budget,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came with a report beside the conversion itself; nothing of it is in the conversion."""

    friend: CustomerDetails
    evidence: Evidence
    signals: ReportedSignals


def record_once(
    draft: Conversion, *, told: Told, keys: Keys, now: datetime
) -> tuple[Conversion, bool]:
    """Record a conversion unless it was before, and take up whatever can be decided by then.

    `draft` is the conversion as reported, without its touches. Gives it as decided, and whether it
    was new. DuplicateConversionError when it was reported before with other content.
    """
    case, bond, is_new = until_settled(lambda: _record(draft, told, keys, now))
    has_more = bool(bond.referral and bond.waiting)
    if has_more:
        take_up_what_waits(bond, now=now)
    if has_more or next_to_apply(case):
        case = apply_waiting_refunds(case.conversion_id, now=now)
    return case.conversion or draft, is_new


def _record(draft: Conversion, told: Told, keys: Keys, now: datetime) -> tuple[Case, Bond, bool]:
    wanted_case = conversions.wanted(draft.conversion_id)
    wanted_bond = referrals.wanted(draft.program_id, draft.friend_id)
    wanted_person = people.wanted(draft.friend_id)
    reading = EvidenceReading(told.evidence, program_id=draft.program_id, keys=keys)
    eligibility = programs.get_version(draft.program_id, draft.version).eligibility
    recognition = Recognition(
        draft.friend_id, told.friend.email, keys=keys, matters=eligibility.is_new_customers_only
    )
    read(wanted_case, wanted_bond, wanted_person, *reading.wanted, *recognition.wanted)
    case = wanted_case.value or Case(conversion_id=draft.conversion_id)
    bond = wanted_bond.value or Bond(program_id=draft.program_id, friend_id=draft.friend_id)
    if case.conversion is not None:
        if case.conversion.fingerprint != draft.fingerprint:
            raise DuplicateConversionError(draft.order_id or draft.kind)
        return case, bond, False
    conversion = replace(draft, touches=tuple(reading.touches(draft.occurred_at)))
    known = wanted_person.value
    if recognition.is_known or (known is not None and known.is_forgotten):
        circumstances = replace(draft.circumstances, is_new_customer=False)
        conversion = replace(conversion, circumstances=circumstances)
    deciding = _Deciding(
        case,
        conversion,
        stored=bond,
        bond=bond.with_order(draft.occurred_at) if draft.is_order else bond,
        person=details_to_save(known, draft.friend_id, told.friend),
        writes=recognition.writes(now=now),
        now=now,
    )
    return *deciding.run(told, keys), True


class _Deciding:
    """Decides a conversion by the terms it was recorded under, and writes all of it at once.

    `bond` is the stored one with what this conversion alone adds to it. Personal data is kept of
    people who take part, not of every customer of the shop: `person` is written with a credited
    conversion only.
    """

    def __init__(
        self,
        case: Case,
        conversion: Conversion,
        *,
        stored: Bond,
        bond: Bond,
        person: Person | None,
        writes: tuple[Write, ...] = (),
        now: datetime,
    ) -> None:
        self.case, self.conversion, self.now = case, conversion, now
        self.stored, self.bond, self.person, self.writes = stored, bond, person, writes
        self.program = programs.get_version(conversion.program_id, conversion.version)

    def run(self, told: Told | None = None, keys: Keys | None = None) -> tuple[Case, Bond]:
        around = look_around(self.conversion, program=self.program, bond=self.bond)
        finding = find(
            self.conversion, program=self.program, bond=self.bond, candidates=around.candidates
        )
        if finding.referral is None:
            if told is not None and keys is not None:
                keep_in_mind(
                    self.conversion,
                    told=told.friend,
                    reported=told.signals,
                    terms=self.program.fraud,
                    keys=keys,
                    now=self.now,
                )
            return self._leave_open(finding)
        flagged = FraudMode.OFF
        if told is not None and keys is not None:
            flags, flagged = watch(
                self.conversion,
                finding.referral,
                is_new_friend=self.bond.referral is None,
                told=told.friend,
                reported=told.signals,
                terms=self.program.fraud,
                keys=keys,
                now=self.now,
            )
            self.conversion = replace(self.conversion, flags=flags)
        if flagged is FraudMode.BLOCK:
            return self._leave_open(blocked(self.conversion, finding))
        everybody = participants(self.conversion, finding.referral)
        around = with_everybody(around, everybody, program=self.program)
        verdict = self._credit(finding, around, flagged)
        if verdict.is_short_of_budget:
            around = with_whole_budget(around, self.program)
            verdict = self._credit(finding, around, flagged)
        return self._write(verdict, *self._no_circle(finding, around))

    def _credit(self, finding: Finding, around: Around, flagged: FraudMode) -> Verdict:
        if finding.referral is None:
            raise ValueError("only a conversion that is somebody's can be credited")
        return credit(
            self.conversion,
            finding,
            referral=finding.referral,
            program=self.program,
            bond=self.bond,
            surroundings=around.surroundings,
            flagged=flagged,
            has_waiting_refunds=bool(self.case.refunds),
            now=self.now,
        )

    def _leave_open(self, finding: Finding) -> tuple[Case, Bond]:
        return self._write(left_open(self.conversion, finding, bond=self.bond, now=self.now))

    def _no_circle(self, finding: Finding, around: Around) -> list[Write]:
        """Let the commit be beaten if whoever stands above the advocate was brought meanwhile."""
        if self.bond.referral is not None or finding.referral is None:
            return []
        tops = {
            top
            for part in finding.referral.shared_by
            for top in around.candidates[part.advocate_id].tops
        }
        return [
            referrals.check_unbound(self.program.program_id, top)
            for top in sorted(tops)[:MOST_TOPS]
        ]

    def _write(self, verdict: Verdict, *checks: Write) -> tuple[Case, Bond]:
        decided = replace(self.case, conversion=verdict.conversion)
        bond = verdict.bond or self.bond
        is_credited = verdict.conversion.outcome is Outcome.CREDITED
        commit(
            conversions.save(decided),
            referrals.save(bond) if bond != self.stored else None,
            people.save(self.person) if self.person and is_credited else None,
            *money_writes(verdict),
            events.append(verdict.events, journal=verdict.journal, now=self.now),
            *self.writes,
            *checks,
        )
        return decided, bond


def take_up_what_waits(bond: Bond, *, now: datetime) -> None:
    """Decide what came before its friend was bound, oldest first, each with its refunds.

    credit ── refund ── refund ── off the list      without refunds the credit takes it off
    """
    for conversion_id in bond.waiting:
        step = partial(_take_up, bond, conversion_id, now)
        while until_settled(step):
            apply_waiting_refunds(conversion_id, now=now)


def _take_up(of: Bond, conversion_id: ConversionId, now: datetime) -> bool:
    """Do the next thing for a conversion that waits; False when it waits no longer."""
    wanted_case = conversions.wanted(conversion_id)
    wanted_bond = referrals.wanted(of.program_id, of.friend_id)
    read(wanted_case, wanted_bond)
    case, bond = wanted_case.value, wanted_bond.value
    if bond is None or conversion_id not in bond.waiting:
        return False
    conversion = case.conversion if case else None
    if case is None or conversion is None or _is_done(case, conversion):
        commit(referrals.save(no_longer_waiting(bond, conversion_id)))
        return False
    if conversion.outcome is not Outcome.CREDITED:
        _Deciding(case, conversion, stored=bond, bond=bond, person=None, now=now).run()
    return True


def _is_done(case: Case, conversion: Conversion) -> bool:
    return conversion.outcome is Outcome.CREDITED and next_to_apply(case) is None


def details_to_save(
    known: Person | None, person_id: PersonId, told: CustomerDetails
) -> Person | None:
    """Give the personal data to write, or None when nothing new was told.

    The newest word of the shop counts; what it leaves out stays as it was. Of whoever is forgotten
    nothing is kept again.
    """
    if known is not None and known.is_forgotten:
        return None
    base = known or Person(person_id=person_id, customer_id=told.customer_id)
    updated = replace(
        base,
        email=told.email or base.email,
        name=told.name or base.name,
        locale=told.locale or base.locale,
        phone=told.phone or base.phone,
    )
    return None if updated == known else updated
