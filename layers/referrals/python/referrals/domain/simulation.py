"""Simulation: terms played over what was recorded, in memory, by the same decisions as in earnest.

Kept is what people have, and of conversions only those of which more is to come: memory grows with
the number of people, not with what they did. Nothing is booked and nobody is told.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from referrals.domain.budgets import Budget, Slice, shared_out, slice_of
from referrals.domain.conversions import (
    Case,
    Conversion,
    Refund,
    Review,
    ReviewState,
    Surroundings,
    Verdict,
    blocked,
    credit,
    find,
    left_open,
    not_eligible,
    participants,
)
from referrals.domain.decisions import Decision, Outcome, Reason
from referrals.domain.eligibility import Candidate, climbed
from referrals.domain.enrolments import decide_enrolment
from referrals.domain.fraud.runner import verdict as verdict_of
from referrals.domain.fraud.runner import with_modes_of
from referrals.domain.fraud.terms import FraudMode
from referrals.domain.granting import funded
from referrals.domain.ids import ConversionId, PersonId, RewardId
from referrals.domain.leaderboards import (
    SETTLES_WITHIN,
    award,
    is_ranked,
    leaderboard_of,
    points_of,
    rank,
)
from referrals.domain.ledger import Balance, Score
from referrals.domain.milestones import score_key
from referrals.domain.people import Advocate
from referrals.domain.plans import Tally
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.queues import BudgetQueue
from referrals.domain.referrals import Bond, Referral, no_longer_waiting
from referrals.domain.refunds import apply_refund, milestones_at_risk, next_to_apply, taken_back
from referrals.domain.reviews import decide_review
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import Period, RewardRule

_NO_MORE_THAN_A_MONTH = timedelta(days=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that was recorded: an enrolment, a conversion, a refund or a review of it.

    Or a `referral` that an operator gave to `friend_id`. `is_last` when nothing more of that
    conversion follows; `is_last_evidence` when nothing that follows can bind its friend.
    """

    at: datetime
    advocate: Advocate | None = None
    conversion_id: ConversionId | None = None
    conversion: Conversion | None = None
    refund: Refund | None = None
    review: Review | None = None
    referral: Referral | None = None
    friend_id: PersonId | None = None
    is_last: bool = True
    is_last_evidence: bool = False


def as_reported(conversion: Conversion) -> Conversion:
    """Give a conversion as it was before anything was decided; what fraud rules saw stays on it."""
    return replace(
        conversion,
        outcome=Outcome.WAITING,
        reason=None,
        decisions=(),
        advocate_id=None,
        referral_id=None,
        rewards=(),
        channel=None,
        review=None,
    )


def happenings_of(case: Case) -> Iterator[Happening]:
    """Give what was recorded of one conversion, in its order, as it was reported.

    Nothing of a conversion that is not known, nor of an enrolment: of those the advocate tells.
    """
    conversion, key = case.conversion, case.conversion_id
    if conversion is None or conversion.kind is ConversionKind.ENROLMENT:
        return
    happened = [
        Happening(
            at=conversion.recorded_at,
            conversion_id=key,
            conversion=as_reported(conversion),
            friend_id=conversion.friend_id,
            is_last=False,
        )
    ]
    for refund in case.refunds:
        as_told = replace(refund, is_applied=False, reason=None, rewards=())
        happened.append(
            Happening(at=refund.recorded_at, conversion_id=key, refund=as_told, is_last=False)
        )
    review = conversion.review
    if review is not None and review.decided_at is not None:
        happened.append(
            Happening(at=review.decided_at, conversion_id=key, review=review, is_last=False)
        )
    happened.sort(key=lambda each: each.at)
    yield from happened[:-1]
    yield replace(happened[-1], is_last=True)


class Simulation:
    """Plays happenings, in the order recorded, under the terms of one program.

    What happened under any version is decided by these terms alone, from the first happening on.
    Counted is what happens from `since` on; all of it when that is None.
    """

    def __init__(self, program: Program, *, since: datetime | None = None) -> None:
        self.program, self._since = program, since
        self.tally = Tally()
        self._segments: dict[PersonId, str | None] = {}
        self._bonds: dict[PersonId, Bond] = {}
        self._balances: dict[PersonId, Balance] = {}
        self._cases: dict[ConversionId, Case] = {}
        self._open: set[ConversionId] = set()
        self._rewards: dict[RewardId, Reward] = {}
        self._queue = BudgetQueue()
        self._slices: tuple[Slice, ...] = ()
        self._pers = sorted({leaderboard_of(rule).per for rule in program.leaderboards})
        self._boards: dict[Period, datetime] = {}

    def take(self, happening: Happening) -> None:
        """Play the next thing that happened."""
        self._pass_time(happening.at)
        self.tally.events += 1
        conversion_id = happening.conversion_id
        if happening.advocate is not None:
            self._enrol(happening.advocate)
        elif happening.referral is not None and happening.friend_id is not None:
            self._bind(happening.friend_id, happening.referral, happening.at)
        elif happening.conversion is not None:
            if self._is_hopeless(happening, happening.conversion):
                self._pass_over(happening.conversion)
                return
            self._convert(happening.conversion, is_last=happening.is_last)
        elif happening.refund is not None and conversion_id is not None:
            self._refund(conversion_id, happening.refund)
        elif happening.review is not None and conversion_id is not None:
            self._review(conversion_id, happening.review)
        if happening.is_last_evidence and happening.friend_id is not None:
            self._give_up_on(happening.friend_id)
        if happening.is_last and conversion_id is not None:
            self._open.discard(conversion_id)
            self._forget(conversion_id)

    def finish(self, until: datetime) -> Tally:
        """Let time pass until then, and give what it all comes to."""
        self._pass_time(until)
        for reward in self._rewards.values():
            if reward.state in {RewardState.QUEUED, RewardState.IN_REVIEW}:
                self.tally.waiting_minor[reward.unit] += reward.remaining_minor
        return self.tally

    @property
    def kept_conversions(self) -> int:
        """How many conversions are kept because more of them may come."""
        return len(self._cases)

    # time

    def _pass_time(self, now: datetime) -> None:
        """Do what time alone brings about by `now`: prizes of periods, and turns in the queue."""
        if self._since is not None and now >= self._since:
            since, self._since = self._since, None
            self._pass_time(since)
            self.tally = Tally()
        for per in self._pers:
            self._boards.setdefault(per, _end_of_period(per, now.date()) + SETTLES_WITHIN)
        while self._boards and (
            due := [(at, per) for per, at in self._boards.items() if at <= now]
        ):
            at, per = min(due)
            self._queue.ask_until(at, self)
            self._award_prizes(per, at)
            self._boards[per] = _end_of_period(per, at.date()) + SETTLES_WITHIN
        if self.program.budget.is_limited:
            self._queue.ask_until(now, self)

    def left_minor(self, now: datetime) -> int:
        """Give what of the budget is left to draw; of no use without any."""
        totals = [each.left_in_all() for each in self._slices]
        days = [each.left_today(now.date()) for each in self._slices]
        return min(
            sum(part for part in parts if part is not None)
            for parts in (totals, days)
            if None not in parts
        )

    def pay(self, reward_id: RewardId, now: datetime) -> None:
        """Pay a reward that waited for the budget."""
        reward, budget = self._rewards[reward_id], self._budget(reward_id, now)
        drawn = funded(reward, budget, self.program.currency, now=now)
        if drawn is None or drawn[0] is None or budget is None:
            raise AssertionError(f"the budget has no room for {reward_id}")
        self._store([drawn[1]], (), drawn[0].changed_from(budget))
        if reward.step is None and reward.conversion_id not in self._cases:
            del self._rewards[reward_id]

    # what happens

    def _enrol(self, advocate: Advocate) -> None:
        person_id = advocate.person_id
        if advocate.segment is not None:
            self._segments[person_id] = advocate.segment
        if not self.program.rules_for(ConversionKind.ENROLMENT):
            return
        verdict = decide_enrolment(
            advocate,
            program=self.program,
            surroundings=self._surroundings([person_id], person_id, advocate.created_at),
            now=advocate.created_at,
        )
        self._count(verdict.conversion.decisions)
        self._promise(verdict, advocate.created_at)
        self._drop_rewards(verdict.rewards)

    def _convert(self, conversion: Conversion, *, is_last: bool) -> None:
        key, now = conversion.conversion_id, conversion.recorded_at
        if not is_last:
            self._open.add(key)
        self.tally.conversions += 1
        bond = self._bond(conversion.friend_id)
        if conversion.is_order:
            bond = bond.with_order(conversion.occurred_at)
        case = self._cases.get(key) or Case(conversion_id=key)
        flags, flagged = conversion.flags, FraudMode.OFF
        if flags:
            flagged = verdict_of(with_modes_of(self.program.fraud, flags))
        self._decide(case, conversion, bond, flagged=flagged, now=now)
        self._take_up(conversion.friend_id, now)
        self._apply_waiting(key, now)

    def _is_hopeless(self, happening: Happening, conversion: Conversion) -> bool:
        """Whether nothing has bound the friend, and neither this nor anything later can."""
        if not happening.is_last_evidence or not happening.is_last or conversion.touches:
            return False
        bond = self._bonds.get(conversion.friend_id)
        return bond is None or (bond.referral is None and not bond.waiting)

    def _pass_over(self, conversion: Conversion) -> None:
        """Count a conversion that nobody can ever be credited for: its customer bought, too."""
        self.tally.conversions += 1
        reason = not_eligible(conversion, self.program)
        if conversion.is_order:
            reason = reason or Reason.NO_SIGNUP_YET
            bond = self._bond(conversion.friend_id)
            self._bonds[bond.friend_id] = bond.with_order(conversion.occurred_at)
        self.tally.declined[reason or Reason.NO_TOUCH] += 1

    def _decide(
        self, case: Case, conversion: Conversion, bond: Bond, *, flagged: FraudMode, now: datetime
    ) -> None:
        candidates = self._candidates(conversion) if bond.referral is None else {}
        finding = find(conversion, program=self.program, bond=bond, candidates=candidates)
        if finding.referral is not None and flagged is FraudMode.BLOCK:
            finding = blocked(conversion, finding)
        if finding.referral is None:
            left = left_open(conversion, finding, bond=bond, is_rehearsal=True, now=now)
            self._keep(case, left, now)
            return
        everybody = participants(conversion, finding.referral)
        verdict = credit(
            conversion,
            finding,
            referral=finding.referral,
            program=self.program,
            bond=bond,
            surroundings=self._surroundings(everybody, conversion.conversion_id, now),
            flagged=flagged,
            has_waiting_refunds=bool(case.refunds),
            now=now,
        )
        self.tally.credited += 1
        self.tally.purchases += conversion.kind is ConversionKind.PURCHASE
        self.tally.revenue_minor += conversion.amount_minor
        self._count(verdict.conversion.decisions)
        self._keep(case, verdict, now)

    def _keep(self, case: Case, verdict: Verdict, now: datetime) -> None:
        decided, before = verdict.conversion, case.conversion
        if before is not None and before.reason is not None:  # it waited until now
            self.tally.declined[before.reason] -= 1
        if decided.outcome is not Outcome.CREDITED and decided.reason is not None:
            self.tally.declined[decided.reason] += 1
        is_kept = case.conversion_id in self._open
        if verdict.bond is not None:
            is_kept = is_kept or case.conversion_id in verdict.bond.waiting
            self._bind_to(verdict.bond)
        self._promise(verdict, now)
        if is_kept:
            touches = () if decided.outcome is Outcome.CREDITED else decided.touches
            slim = replace(decided, decisions=(), touches=touches)
            self._cases[case.conversion_id] = replace(case, conversion=slim)
        else:
            self._cases.pop(case.conversion_id, None)
            self._drop_rewards(verdict.rewards)

    def _bind_to(self, bond: Bond) -> None:
        before = self._bonds.get(bond.friend_id)
        self._bonds[bond.friend_id] = bond
        if before is not None and before.waiting:
            for conversion_id in set(before.waiting).difference(bond.waiting):
                self._forget(conversion_id)

    def _promise(self, verdict: Verdict, now: datetime) -> None:
        self._store(verdict.rewards, verdict.balances, verdict.slices)
        for reward in verdict.rewards:
            self._count_granted(reward)
            self._let_wait(reward, now)

    def _take_up(self, friend_id: PersonId, now: datetime) -> None:
        """Decide what waited for a friend who is bound by now, oldest first."""
        bond = self._bond(friend_id)
        if bond.referral is None:
            return
        for conversion_id in bond.waiting:
            case = self._cases[conversion_id]
            conversion = case.conversion
            if conversion is not None and conversion.outcome is not Outcome.CREDITED:
                # what came too early is not looked at for fraud again
                bond = self._bond(friend_id)
                self._decide(case, conversion, bond, flagged=FraudMode.OFF, now=now)
            self._apply_waiting(conversion_id, now)
            self._bonds[friend_id] = no_longer_waiting(self._bond(friend_id), conversion_id)
            self._forget(conversion_id)

    def _apply_waiting(self, conversion_id: ConversionId, now: datetime) -> None:
        while (case := self._cases.get(conversion_id)) and (refund := next_to_apply(case)):
            self._apply(case, refund, now)

    def _refund(self, conversion_id: ConversionId, refund: Refund) -> None:
        case = self._cases.get(conversion_id) or Case(conversion_id=conversion_id)
        self._open.add(conversion_id)
        self._cases[conversion_id] = case.with_refund(refund)
        self._apply_waiting(conversion_id, refund.recorded_at)

    def _apply(self, case: Case, refund: Refund, now: datetime) -> None:
        conversion = case.conversion
        if conversion is None:
            raise ValueError("a refund without its order waits")
        promised = [self._rewards[note.reward_id] for note in conversion.rewards]
        people = {reward.owner_id for reward in promised}
        at_risk: list[Reward] = []
        if conversion.advocate_id is not None:
            people.add(conversion.advocate_id)
            ids = milestones_at_risk(conversion, self._balance(conversion.advocate_id))
            at_risk = [self._rewards[reward_id] for reward_id in ids]
        surroundings = self._surroundings(people, refund.refund_id, now)
        done = apply_refund(
            case,
            refund,
            conversion=conversion,
            program=self.program,
            rewards=promised,
            milestones=at_risk,
            balances=surroundings.balances,
            segments=self._segments,
            budget=surroundings.budget,
            now=now,
        )
        self._cases[case.conversion_id] = done.case
        if not conversion.is_rejected:
            self._count_kept(conversion, _kept_minor(case), _kept_minor(done.case))
        self._change(done.rewards, done.balances, done.slices, now)

    def _review(self, conversion_id: ConversionId, review: Review) -> None:
        case = self._cases.get(conversion_id)
        conversion = case.conversion if case else None
        if case is None or conversion is None or not conversion.is_in_review:
            return
        promised = [self._rewards[note.reward_id] for note in conversion.rewards]
        advocate_id = conversion.advocate_id or conversion.friend_id
        people = {*(reward.owner_id for reward in promised), advocate_id}
        now, is_rejected = (
            review.decided_at or review.opened_at,
            review.state is ReviewState.REJECTED,
        )
        surroundings = self._surroundings(people, conversion_id, now)
        ids = milestones_at_risk(conversion, surroundings.balances[advocate_id])
        done = decide_review(
            case,
            review.state,
            actor=review.actor or "",
            reason=review.reason or "",
            program=self.program,
            bond=self._bond(conversion.friend_id),
            rewards=promised,
            milestones=[self._rewards[reward_id] for reward_id in ids] if is_rejected else [],
            balances=surroundings.balances,
            budget=surroundings.budget,
            now=now,
        )
        self._cases[conversion_id] = done.case
        self._bonds[conversion.friend_id] = done.bond
        if is_rejected:
            self.tally.credited -= 1
            self.tally.declined[Reason.REJECTED_IN_REVIEW] += 1
            self._count_kept(conversion, _kept_minor(case), 0)
        self._change(done.rewards, done.balances, done.slices, now)

    def _bind(self, friend_id: PersonId, referral: Referral, now: datetime) -> None:
        """Bind a friend whom an operator attributed, unless these terms bound them before."""
        bond = self._bond(friend_id)
        advocate = climbed(Candidate(advocate_id=referral.advocate_id), self._bonds_of)
        if bond.referral is not None or friend_id in advocate.brought_by:
            return
        by_hand = replace(referral, second_level_id=advocate.second_level_id)
        self._bonds[friend_id] = replace(bond, referral=by_hand)
        self._take_up(friend_id, now)

    def _award_prizes(self, per: Period, now: datetime) -> None:
        """Award what was won in the period of this length that ended a day ago."""
        ended_at = now - SETTLES_WITHIN
        for rule in self.program.leaderboards:
            if leaderboard_of(rule).per is per:
                self._award_board(rule, ended_at - timedelta(microseconds=1), now)

    def _award_board(self, rule: RewardRule, within: datetime, now: datetime) -> None:
        key, by = score_key(rule, within), leaderboard_of(rule).by
        scores = {
            person: balance.scores[key]
            for person, balance in self._balances.items()
            if points_of(balance.scores.get(key, Score()), by) > 0
            and is_ranked(person, rule, self.program, segment=self._segments.get(person), now=now)
        }
        label = leaderboard_of(rule).per.label(within.date())
        ranking = rank(self.program, rule, label, scores, now=now)
        for prize in ranking.prizes:
            around = self._surroundings([prize.person_id], prize.person_id, now)
            done = award(prize, ranking, program=self.program, surroundings=around, now=now)
            self._count(done.award.decisions)
            self._change(done.rewards, done.balances, done.slices, now)
            self._drop_rewards(done.rewards)

    # what is kept

    def _store(
        self, rewards: Iterable[Reward], balances: Iterable[Balance], slices: Iterable[Slice]
    ) -> None:
        for balance in balances:
            self._balances[balance.person_id] = balance
        for reward in rewards:
            self._rewards[reward.reward_id] = reward
        changed = {part.number: part for part in slices}
        if changed:
            self._slices = tuple(changed.get(part.number, part) for part in self._slices)

    def _change(
        self,
        rewards: Iterable[Reward],
        balances: Iterable[Balance],
        slices: tuple[Slice, ...],
        now: datetime,
    ) -> None:
        """Store rewards that were taken back, or promised anew, and count what that comes to."""
        known = {each.reward_id: self._rewards.get(each.reward_id) for each in rewards}
        self._store(rewards, balances, slices)
        if slices and len(self._queue):
            self._queue.hear_again(now)
        for reward in rewards:
            before = known[reward.reward_id]
            if before is None:
                self._count_granted(reward)
            else:
                self._count_back(reward, before.remaining_minor - reward.remaining_minor)
                if before.state is RewardState.QUEUED:
                    self._wait_for_less(reward, now)
                    continue
            self._let_wait(reward, now)

    def _let_wait(self, reward: Reward, now: datetime) -> None:
        if reward.state is RewardState.QUEUED:
            self.tally.budget_hits += 1
            due_at = reward.due_at or now
            self._queue.put(reward.reward_id, reward.remaining_minor, due_at=due_at)

    def _wait_for_less(self, reward: Reward, now: datetime) -> None:
        if reward.state is RewardState.QUEUED:
            self._queue.lower(reward.reward_id, reward.remaining_minor, now=now)
        else:
            self._queue.remove(reward.reward_id)

    def _give_up_on(self, friend_id: PersonId) -> None:
        """Let go of what waits for a friend whom nobody will ever be told to have brought."""
        bond = self._bonds.get(friend_id)
        if bond is None or bond.referral is not None or not bond.waiting:
            return
        self._bonds[friend_id] = replace(bond, waiting=())
        for conversion_id in bond.waiting:
            self._forget(conversion_id)

    def _forget(self, conversion_id: ConversionId) -> None:
        """Let go of a conversion of which nothing more comes, with its rewards."""
        case = self._cases.get(conversion_id)
        if case is None or conversion_id in self._open:
            return
        conversion = case.conversion
        if conversion is None:
            del self._cases[conversion_id]
        elif conversion_id not in self._bond(conversion.friend_id).waiting:
            del self._cases[conversion_id]
            self._drop_rewards(self._rewards[note.reward_id] for note in conversion.rewards)

    def _drop_rewards(self, rewards: Iterable[Reward]) -> None:
        """Let go of rewards that nothing takes back any more, those that wait aside."""
        for reward in list(rewards):
            is_milestone = reward.step is not None and reward.conversion_id is not None
            if reward.is_funded and not is_milestone:
                self._rewards.pop(reward.reward_id, None)

    # counting

    def _count_granted(self, reward: Reward) -> None:
        self.tally.rewards[reward.rule_id] += 1
        self.tally.granted_minor[reward.unit] += reward.amount_minor
        self.tally.by_person[reward.owner_id, reward.unit] += reward.amount_minor
        self.tally.by_rule[reward.rule_id, reward.unit] += reward.amount_minor

    def _count_back(self, reward: Reward, back_minor: int) -> None:
        if back_minor:
            self.tally.reversed_minor[reward.unit] += back_minor
            self.tally.by_person[reward.owner_id, reward.unit] -= back_minor
            self.tally.by_rule[reward.rule_id, reward.unit] -= back_minor

    def _count_kept(self, conversion: Conversion, before_minor: int, after_minor: int) -> None:
        """Count what of a credited order stands by now."""
        self.tally.revenue_minor += after_minor - before_minor
        if conversion.kind is ConversionKind.PURCHASE:
            self.tally.purchases += bool(after_minor) - bool(before_minor)

    def _count(self, decisions: Iterable[Decision]) -> None:
        """Count what rules of rewards refused, and what caps cut."""
        for each in decisions:
            if not each.rule.startswith("reward:"):
                continue
            if each.reason is not None:
                self.tally.refused[each.reason] += 1
            elif each.inputs["granted_minor"] != each.inputs["promised_minor"]:
                self.tally.cut_by_caps += 1

    # what decisions are made against

    def _surroundings(
        self, people: Iterable[PersonId], natural_key: str, now: datetime
    ) -> Surroundings:
        return Surroundings(
            balances={person: self._balance(person) for person in people},
            segments=self._segments,
            budget=self._budget(natural_key, now),
            is_rehearsal=True,
        )

    def _candidates(self, conversion: Conversion) -> dict[PersonId, Candidate]:
        named = {touch.advocate_id for touch in conversion.touches if touch.advocate_id}
        return {
            person: climbed(
                Candidate(
                    advocate_id=person,
                    segment=self._segments.get(person),
                    orders=self._bond(person).orders,
                ),
                self._bonds_of,
            )
            for person in named
        }

    def _bonds_of(self, people: Sequence[PersonId]) -> dict[PersonId, Bond]:
        return {person: self._bond(person) for person in people}

    def _bond(self, friend_id: PersonId) -> Bond:
        known = self._bonds.get(friend_id)
        return known or Bond(program_id=self.program.program_id, friend_id=friend_id)

    def _balance(self, person: PersonId) -> Balance:
        known = self._balances.get(person)
        return known or Balance(program_id=self.program.program_id, person_id=person)

    def _budget(self, natural_key: str, now: datetime) -> Budget | None:
        """Give the whole budget, the slice first that is asked first in earnest."""
        if not self.program.budget.is_limited:
            return None
        if not self._slices:
            self._slices = shared_out(
                self.program.budget,
                program_id=self.program.program_id,
                known=(),
                today=now.date(),
            )
        first = slice_of(natural_key)
        return Budget(slices=(*self._slices[first:], *self._slices[:first]), is_whole=True)


def _kept_minor(case: Case) -> int:
    """Give what of an order stands after the refunds that were applied."""
    conversion = case.conversion
    if conversion is None:
        return 0
    applied = [refund for refund in case.refunds if refund.is_applied]
    return max(conversion.amount_minor - taken_back(applied, conversion.currency), 0)


def _end_of_period(per: Period, on: date) -> datetime:
    """Give the moment at which the month, quarter or year of a day is over."""
    label = per.label(on)
    while per.label(on) == label:
        on = (on.replace(day=1) + _NO_MORE_THAN_A_MONTH).replace(day=1)
    return datetime.combine(on, time.min, UTC)
