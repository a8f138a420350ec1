"""Orders of one program with all that they move, kept in memory: what a store would keep."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from referrals.domain.budgets import Budget
from referrals.domain.conversions import (
    Case,
    Conversion,
    Refund,
    Surroundings,
    Verdict,
    credit,
    find,
)
from referrals.domain.fraud.terms import FraudMode
from referrals.domain.ids import ConversionId, PersonId, RewardId
from referrals.domain.ledger import Balance, Journal, Place, after, moved
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.referrals import Bond, Referral
from referrals.domain.refunds import Reversed, apply_refund, milestones_at_risk
from referrals.domain.rewards import Reward
from tests.factories import (
    ANNA,
    BORIS,
    NOW,
    a_balance,
    a_bond,
    a_conversion,
    a_referral,
    balances_of,
    candidates_of,
)


class Orders:
    """Applies what is reported, one after the other, as the use cases do.

    Boris was brought by Anna, or by whoever `referral` says; so was any other friend.
    """

    def __init__(
        self,
        program: Program,
        *,
        budget: Budget | None = None,
        referral: Referral | None = None,
        balances: Iterable[Balance] = (),
    ) -> None:
        self.program, self.budget = program, budget
        self.referral = referral or a_referral()
        self.balances = balances_of(*balances)
        self.before = dict(self.balances)
        self.bonds: dict[PersonId, Bond] = {}
        self.cases: dict[str, Case] = {}
        self.rewards: dict[RewardId, Reward] = {}
        self.journals: list[Journal] = []

    def buy(
        self,
        order_id: str = "order-1",
        amount_minor: int = 10_000,
        *,
        friend_id: PersonId = BORIS,
        flagged: FraudMode = FraudMode.OFF,
        kind: ConversionKind = ConversionKind.PURCHASE,
        now: datetime = NOW,
    ) -> Verdict:
        conversion = a_conversion(
            conversion_id=ConversionId(f"cnv_{order_id}"),
            kind=kind,
            friend_id=friend_id,
            occurred_at=now,
            order_id=order_id,
            amount_minor=amount_minor,
        )
        return self.credit(conversion, flagged=flagged, now=now)

    def credit(
        self,
        conversion: Conversion,
        *,
        flagged: FraudMode = FraudMode.OFF,
        segment: str | None = None,
        now: datetime = NOW,
    ) -> Verdict:
        friend_id = conversion.friend_id
        bond = self.bonds.get(friend_id, a_bond(friend_id=friend_id, referral=self.referral))
        self.balances.setdefault(friend_id, a_balance(person_id=friend_id))
        self.before.setdefault(friend_id, a_balance(person_id=friend_id))
        finding = find(conversion, program=self.program, bond=bond, candidates=candidates_of())
        assert finding.referral is not None
        verdict = credit(
            conversion,
            finding,
            referral=finding.referral,
            program=self.program,
            bond=bond,
            surroundings=Surroundings(
                balances=self.balances,
                segments={self.referral.advocate_id: segment},
                budget=self.budget,
            ),
            flagged=flagged,
            now=now,
        )
        assert verdict.bond is not None
        self.bonds[friend_id] = verdict.bond
        case = Case(conversion_id=conversion.conversion_id, conversion=verdict.conversion)
        self._take_in(case, verdict)
        return verdict

    def give_back(
        self, refund: Refund, order_id: str = "order-1", *, now: datetime = NOW
    ) -> Reversed | None:
        """Apply a refund or a chargeback; None when it was applied before."""
        case = self.cases[order_id]
        if case.refund(refund.refund_id) is not None:
            return None
        conversion = case.conversion
        assert conversion is not None
        at_risk = milestones_at_risk(conversion, self.balances[self.referral.advocate_id])
        result = apply_refund(
            case,
            refund,
            conversion=conversion,
            program=self.program,
            rewards=[self.rewards[note.reward_id] for note in conversion.rewards],
            milestones=[self.rewards[reward_id] for reward_id in at_risk],
            balances=self.balances,
            budget=self.budget,
            now=now,
        )
        self._take_in(result.case, result)
        return result

    def worth(self, person_id: PersonId = ANNA, unit: str = "EUR") -> int:
        """Give what somebody has in all places, debts subtracted."""
        return sum(self.balances[person_id].amount(place, unit) for place in Place)

    def standing(self, person_id: PersonId = ANNA, rule_id: str | None = None) -> list[int]:
        """Give what stands of somebody's rewards of a rule, of any when none is named."""
        return [
            reward.remaining_minor
            for reward in self.rewards.values()
            if reward.owner_id == person_id and rule_id in {None, reward.rule_id}
        ]

    def _take_in(self, case: Case, result: Verdict | Reversed) -> None:
        assert case.conversion is not None
        assert case.conversion.order_id is not None or case.conversion.amount_minor == 0
        self.cases[case.conversion.order_id or case.conversion_id] = case
        self.rewards.update({each.reward_id: each for each in result.rewards})
        self.balances.update({each.person_id: each for each in result.balances})
        if result.journal:
            self.journals.append(result.journal)
        if self.budget is not None:
            changed = {each.number: each for each in result.slices}
            slices = tuple(changed.get(each.number, each) for each in self.budget.slices)
            self.budget = replace(self.budget, slices=slices)
        self._check()

    def _check(self) -> None:
        """Whatever happened: nothing appeared, nothing was lost, nothing is counted wrong."""
        replayed = dict(self.before)
        units: Counter[str] = Counter()
        for journal in self.journals:
            for person in journal.people:
                replayed[person] = after(replayed[person], journal)
            for (_, unit), gain in moved(journal.postings).items():
                units[unit] += gain
        assert not any(units.values())
        for person, balance in self.balances.items():
            assert balance.amounts == replayed[person].amounts
            assert balance.last_link == replayed[person].last_link
            for use in balance.caps.values():
                for of in (use.all_time, use.day, use.month, use.year):
                    assert of.rewards >= 0
                    assert of.amount_minor >= 0
        for reward in self.rewards.values():
            assert 0 <= reward.remaining_minor <= reward.amount_minor
            if self.budget is not None and reward.is_funded and reward.unit != "points":
                assert sum(draw.amount_minor for draw in reward.draws) == reward.remaining_minor
        if self.budget is not None:
            drawn = sum(
                draw.amount_minor for reward in self.rewards.values() for draw in reward.draws
            )
            assert sum(each.spent_minor for each in self.budget.slices) == drawn
