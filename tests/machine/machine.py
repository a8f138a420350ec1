"""A state machine that tells a shop's story in any order, and compares the shop with a small model.

After every step the stored rows must keep their own rules (`rows`) and be what the model owes.
Any step may be killed at any AWS call, or refused by AWS there, and is then delivered again.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pynamodb.exceptions import PynamoDBException

from infra.local import engine
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.clicks import Click, sealed
from referrals.domain.conversions import ReviewState, purchase_id, signup_id
from referrals.domain.details import PayeeDetails
from referrals.domain.dispatches import payout_id
from referrals.domain.errors import DuplicateConversionError, NotInReviewError
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import DispatchId, PersonId, RewardId, fingerprint, person_id
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import (
    AttributionModel,
    AttributionTerms,
    BudgetTerms,
    Program,
)
from referrals.domain.redemptions import RedemptionReport, item_reward_id
from referrals.domain.reports import (
    ChargebackReport,
    ChargebackStatus,
    Circumstances,
    CustomerDetails,
    Evidence,
    PurchaseReport,
    RefundReport,
    SignupReport,
)
from referrals.domain.rules import (
    Cap,
    Flat,
    Milestone,
    Percent,
    Period,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.store import programs
from referrals.store.rewards import RewardKey
from referrals.usecases.apply_program import apply_program
from referrals.usecases.confirm_hand_over import confirm_hand_over, take_hand_over_back
from referrals.usecases.confirm_payout import confirm_payout, return_payout, take_payout_back
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.give_details import give_payee
from referrals.usecases.record_chargeback import record_chargeback
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_refund import record_refund
from referrals.usecases.record_signup import record_signup
from referrals.usecases.redeem_credit import redeem_credit
from referrals.usecases.restore_credit import restore_credit
from referrals.usecases.review_conversion import review_conversion
from referrals.usecases.spendings import Redeemed
from referrals.usecases.start_payouts import start_payouts
from tests import shop
from tests.faults import KilledError, killed, refused
from tests.machine.model import (
    EUR,
    LEAST,
    PLAIN,
    POINTS,
    PRICE,
    WORTH,
    Model,
    Payout,
    Promise,
    Report,
    Return,
    Terms,
)
from tests.machine.rows import Rows
from tests.shop import CLICK_KEY, KEYS, NOON, TEA

ADVOCATES = {"anna": "ANNA10", "clara": "CLARA10", "dora": "DORA10"}
OWNER_OF = {code: name for name, code in ADVOCATES.items()}
FRIENDS = ("boris", "elsa", "fred", "gleb")
ABOVE = {"clara": "anna"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong at which AWS call of a step."""

    what: str
    at_call: int

    def __repr__(self) -> str:
        return f"{self.what} call {self.at_call}"

    def injected(self) -> AbstractContextManager[None]:
        match self.what:
            case "killed before":
                return killed(at_call=self.at_call, is_after=False)
            case "killed after":
                return killed(at_call=self.at_call, is_after=True)
            case "conflict at":
                return refused(at_call=self.at_call, code="TransactionConflict")
            case "throttled at":
                return refused(at_call=self.at_call, code="ThrottlingError")
            case _:
                return refused(at_call=self.at_call, code="InternalServerError")


# calls 1 to 3 are in every step, later ones where more is done: the commit is the third of most
_WHAT = ("killed before", "killed after", "conflict at", "throttled at", "error of AWS at")
FAULTS = st.one_of(
    st.none(),
    st.none(),
    st.builds(Fault, st.sampled_from(_WHAT), st.sampled_from((3, 4, 2, 5, 1, 6, 8, 11))),
)

FRIEND = st.sampled_from(FRIENDS)
AMOUNT = st.sampled_from((5_000, 3_333, 999, 1_001, 15, 1, 0, 12_345))
# clicks as code and seconds ago, oldest first; then codes
EVIDENCE = st.sampled_from(
    (
        ((("ANNA10", 600),), ()),
        ((("ANNA10", 60),), ()),
        ((("CLARA10", 600),), ()),
        ((("ANNA10", 900), ("CLARA10", 300)), ()),
        ((("DORA10", 900), ("CLARA10", 300), ("ANNA10", 60)), ()),
        ((("ANNA10", 1),), ()),
        ((), ("DORA10",)),
        ((("DORA10", 40 * 86_400),), ()),
        ((), ()),
    )
)
# a unit, and how much of it: an amount, or None for all that the account holds
SPENT = st.sampled_from((("EUR", None), ("EUR", 100), ("points", 10), ("points", None)))
CURRENCY = st.sampled_from(("EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "USD"))
HOURS = st.sampled_from((1, 24, 14 * 24, 9, 31 * 24, 3 * 24))


class ReferralMachine(RuleBasedStateMachine):
    """What everybody may do; `BASE` are the first terms, `CHANGES` what may become of them."""

    BASE: ClassVar[Terms] = PLAIN
    CHANGES: ClassVar[tuple[tuple[str, Any], ...]] = ()
    pristine: ClassVar[Any] = None
    examples: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        ReferralMachine.examples += 1
        engine.put_tables(self.pristine)
        programs.forget_cached()
        self.now = NOON
        self.rows = Rows(iter((*ADVOCATES, *FRIENDS)))
        self.story: list[str] = []
        self.told: dict[str, tuple[Callable[..., object], Any]] = {}
        self.orders: list[str] = []
        self.spent: dict[str, RedemptionReport] = {}
        self.transfers: dict[tuple[str, str, str, int], int] = {}
        self.disputes: dict[tuple[str, int], int] = {}
        self.model = Model(dict(self.BASE), above=ABOVE)
        apply_program(a_program(self.model.terms), now=self.now)

    # what happens

    @rule(change=st.data(), fault=FAULTS)
    def change_program(self, change: Any, fault: Fault | None) -> None:
        name, value = change.draw(st.sampled_from(self.CHANGES), label="change")
        terms = {**self.model.terms, name: value}
        if name == "ends_at" and value is not None:
            terms[name] = self.now + value
        if None not in {terms["total"], terms["per_day"]}:
            terms["per_day"] = min(terms["total"], terms["per_day"])
        self._tell(f"the program changes: {name} is {terms[name]}", fault)
        self._do(lambda: apply_program(a_program(terms), now=self.now), fault)
        self.model.terms = terms

    @initialize(evidence=st.tuples(EVIDENCE, EVIDENCE), amount=AMOUNT)
    def begin(self, evidence: Any, amount: int) -> None:
        for friend, shown in zip(FRIENDS, evidence, strict=False):
            self._sign_up(friend, shown, None)
        self._buy(FRIENDS[0], amount, ((), ()), None)

    @precondition(lambda self: self._strangers())
    @rule(which=st.integers(0, 3), evidence=EVIDENCE, fault=FAULTS)
    def sign_up(self, which: int, evidence: Any, fault: Fault | None) -> None:
        self._sign_up(self._strangers()[which % len(self._strangers())], evidence, fault)

    @rule(friend=FRIEND, amount=AMOUNT, evidence=EVIDENCE, currency=CURRENCY, fault=FAULTS)
    def buy(
        self, friend: str, amount: int, evidence: Any, currency: str, fault: Fault | None
    ) -> None:
        self._buy(friend, amount, evidence, fault, currency=currency)

    @rule(friend=FRIEND, amount=AMOUNT)
    def buy_again(self, friend: str, amount: int) -> None:
        self._buy(friend, amount, ((), ()), None)

    @rule(friend=FRIEND, amount=AMOUNT, month=st.integers(2, 4), fault=FAULTS)
    def renew(self, friend: str, amount: int, month: int, fault: Fault | None) -> None:
        self._buy(friend, amount, ((), ()), fault, month=month)

    @rule(
        order=st.integers(0, 5), number=st.integers(1, 3), amount=AMOUNT.filter(bool), fault=FAULTS
    )
    def give_back(self, order: int, number: int, amount: int, fault: Fault | None) -> None:
        name = self._order(order)
        self._refund(name, f"R-{number}", amount, fault)

    @rule(
        order=st.integers(0, 5),
        number=st.integers(1, 2),
        status=st.sampled_from(ChargebackStatus),
        fault=FAULTS,
    )
    def charge_back(
        self, order: int, number: int, status: ChargebackStatus, fault: Fault | None
    ) -> None:
        name = self._order(order)
        whole = self.model.reports[name].amount if name in self.model.reports else 700
        amount = self.disputes.setdefault((name, number), max(whole, 1) if number == 1 else 700)
        key = f"chargeback CB-{number} of {name}, {status}"
        told = ChargebackReport(
            program_id=TEA,
            order_id=name,
            chargeback_id=f"CB-{number}",
            amount_minor=amount,
            currency="EUR",
            status=status,
            occurred_at=self.now,
            fingerprint=_fingerprint(f"CB-{number} of {name}", amount),
        )
        back = Return(amount, dispute=f"CB-{number}", status=status.value)
        self._return(key, record_chargeback, told, fault, back)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 50), fault=FAULTS)
    def repeat(self, which: int, fault: Fault | None) -> None:
        key = list(self.told)[which % len(self.told)]
        use_case, told = self.told[key]
        self._tell(f"again: {key}", fault)
        answer = self._do(lambda: self._call(use_case, told), fault)
        assert not answer.is_new, f"{key} is new for the second time"

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 50))
    def contradict(self, which: int) -> None:
        key = list(self.told)[which % len(self.told)]
        use_case, told = self.told[key]
        self._tell(f"contradicted: {key}", None)
        self._refuse(use_case, replace(told, fingerprint=_fingerprint(key, "otherwise")))

    @rule(hours=HOURS, fault=FAULTS)
    def pass_time(self, hours: int, fault: Fault | None) -> None:
        self.now += timedelta(hours=hours)
        self._tell(f"{hours} hours pass", fault)
        for promise in sorted(self.model.due(self.now), key=lambda each: each.key):
            self._do(lambda each=promise: self._fulfil(each), fault)  # type: ignore[misc]
            self.model.fulfil(promise, self.now)

    @precondition(lambda self: self._in_review())
    @rule(which=st.integers(0, 9), state=st.sampled_from(list(ReviewState)[1:]), fault=FAULTS)
    def review(self, which: int, state: ReviewState, fault: Fault | None) -> None:
        name = self._in_review()[which % len(self._in_review())]
        self._tell(f"{name} is {state}", fault)
        self._do(lambda: self._review(name, state), fault, is_once=fault is not None)
        self.model.review(name, state.value, self.now)

    @precondition(lambda self: self._by_hand())
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def confirm(self, which: int, fault: Fault | None) -> None:
        promise = self._by_hand()[which % len(self._by_hand())]
        self._tell(f"{promise.key} was handed over", fault)
        self.transfers[promise.key] = self.transfers.get(promise.key, 0) + 1
        self._do(lambda: self._confirm(promise), fault)
        self.model.confirm(promise)

    @precondition(lambda self: self._sent())
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def come_back(self, which: int, fault: Fault | None) -> None:
        promise = self._sent()[which % len(self._sent())]
        self._tell(f"{promise.key} came back", fault)
        self._do(lambda: self._take_back_in(promise), fault)
        self.model.come_back(promise, self.now)

    @precondition(lambda self: self.model.terms["pays_out"])
    @rule(friend=FRIEND, amounts=st.lists(AMOUNT.filter(bool), min_size=1, max_size=3))
    def earn_cash(self, friend: str, amounts: list[int]) -> None:
        for amount in amounts:
            self._buy(friend, amount, ((), ()), None, month=2)
        self.pass_time(24, None)

    @precondition(lambda self: self.model.terms["pays_out"])
    @rule(arrives=st.booleans(), fault=FAULTS)
    def pay_day(self, fault: Fault | None, *, arrives: bool) -> None:
        self._tell("payday", fault)
        self._do(lambda: start_payouts(now=self.now, only=TEA), fault)
        self.model.pay_day(self.now, order=lambda promise: self._key_of(promise).reward_id)
        while arrives and self._payouts("reserved"):
            self.settle(0, fault)

    @precondition(lambda self: self._paid())
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def give_back_what_was_paid_for(self, which: int, fault: Fault | None) -> None:
        name = self._paid()[which % len(self._paid())]
        self._refund(name, "R-9", self.model.reports[name].amount, fault)

    @precondition(lambda self: self._payouts("reserved"))
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def settle(self, which: int, fault: Fault | None) -> None:
        payout = self._payout(which, "reserved", "arrived", fault)
        self._do(lambda: self._settle(payout), fault)
        self.model.settle(payout)

    @precondition(lambda self: self._payouts("reserved"))
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def release(self, which: int, fault: Fault | None) -> None:
        payout = self._payout(which, "reserved", "will not arrive", fault)
        self._do(lambda: self._say_why(return_payout, payout), fault)
        self.model.release(payout, self.now)

    @precondition(lambda self: self._payouts("settled"))
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def take_back_in(self, which: int, fault: Fault | None) -> None:
        payout = self._payout(which, "settled", "came back", fault)
        self._do(lambda: self._say_why(take_payout_back, payout), fault)
        self.model.take_back_in(payout, self.now)
        # without an account nothing more would go out
        self.now += timedelta(minutes=1)
        give_payee(account_of(payout.owner), program_id=TEA, now=self.now)

    @rule(which=st.integers(0, 9), what=SPENT, fault=FAULTS)
    def spend(self, which: int, what: tuple[str, int | None], fault: Fault | None) -> None:
        unit = what[0]
        owner = self._holder(which, unit)
        amount = what[1] or self.model.credit(owner, unit) or 1
        name = f"S-{len(self.spent) + 1}"
        self._tell(f"{name}: {owner} spends {amount} {unit}", fault)
        expected = self.model.spend(name, owner, unit, amount)
        self._redeem(name, _report(name, owner, unit=unit, amount=amount), expected, fault)

    @rule(which=st.integers(0, 9), fault=FAULTS)
    def redeem(self, which: int, fault: Fault | None) -> None:
        owner, name = self._holder(which, POINTS), f"S-{len(self.spent) + 1}"
        self._tell(f"{name}: {owner} redeems points for a voucher", fault)
        expected = self.model.redeem(name, owner, self.now)
        self._redeem(name, _report(name, owner, item="voucher"), expected, fault)

    @precondition(lambda self: self.spent)
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def spend_again(self, which: int, fault: Fault | None) -> None:
        name = list(self.spent)[which % len(self.spent)]
        self._tell(f"again: {name}", fault)
        answer = self._do(lambda: self._spend(self.spent[name]), fault)
        is_restored = self.model.spendings[name].is_restored
        assert answer.outcome == ("restored" if is_restored else "redeemed"), answer
        assert not answer.is_new, f"{name} is new for the second time"

    @precondition(lambda self: self.spent)
    @rule(which=st.integers(0, 9), fault=FAULTS)
    def restore(self, which: int, fault: Fault | None) -> None:
        name = list(self.spent)[-1 - which % len(self.spent)]
        self._tell(f"{name} is given back", fault)
        expected = self.model.restore(name)
        answer = self._do(lambda: self._give_back(name), fault)
        assert answer.outcome == expected, f"{answer}, and {expected} in the model"

    # what must hold

    @invariant()
    def holds(self) -> None:
        ReferralMachine.steps += 1
        try:
            self.rows.check()
            self._check_promises()
            self._check_payouts()
            self._check_people()
        except AssertionError as error:
            story = "\n".join(f"  {number}. {line}" for number, line in enumerate(self.story, 1))
            raise AssertionError(f"{error}\n\nThe story, from {self.BASE}:\n{story}") from error

    def _check_promises(self) -> None:
        listed = list(self._stored())
        stored = dict(listed)
        assert len(stored) == len(listed), "something was promised twice"
        expected = {
            each.key: (
                each.amount,
                each.state,
                each.voided,
                each.clawed,
                each.netted,
                each.drawn,
                each.due,
            )
            for each in self.model.promises
        }
        for key in {*stored, *expected}:
            assert stored.get(key) == expected.get(key), (
                f"{key} is {stored.get(key)}, and {expected.get(key)} in the model"
            )

    def _stored(self) -> Iterator[tuple[tuple[str, str, str, int], tuple[Any, ...]]]:
        redeemed = {
            item_reward_id(each["redemption_id"], each["item_id"], each["person_id"]): each
            for each in self.rows.read("redemptions").values()
            if each["item_id"] is not None
        }
        for row in self.rows.read("rewards").values():
            owner = self.rows.name_of(row["owner_id"])
            step, order = row["step"], row["order_id"]
            source = f"milestone {step}" if step is not None else order
            if row["reward_id"] in redeemed:
                source = redeemed[row["reward_id"]]["reference"]
            elif source is None:
                source = self._signup_of(row["conversion_id"])
            due = row["due_at"]
            key = (row["rule_id"], owner, source, row["generation"])
            yield (
                key,
                (
                    row["amount_minor"],
                    row["state"],
                    row["voided_minor"],
                    row["clawed_back_minor"],
                    row["netted_minor"],
                    sum(draw["amount_minor"] for draw in row["draws"]),
                    None if due is None else datetime.fromisoformat(due),
                ),
            )

    def _signup_of(self, conversion_id: str) -> str:
        return next(f"signup {each}" for each in FRIENDS if _SIGNUPS[each] == conversion_id)

    def _check_payouts(self) -> None:
        stored = sorted(
            (self.rows.name_of(each["owner_id"]), each["state"], each["amount_minor"])
            for each in self.rows.read("dispatches").values()
        )
        expected = sorted((each.owner, each.state, each.amount) for each in self.model.payouts)
        assert stored == expected, f"payouts {stored}, and {expected} in the model"

    def _check_people(self) -> None:
        balances = self.rows.read("balances").values()
        held = {
            self.rows.name_of(each["person_id"]): {
                key: amount for key, amount in each["amounts"].items() if amount
            }
            for each in balances
        }
        held = {name: amounts for name, amounts in held.items() if amounts}
        assert held == self.model.holdings(), f"{held}, and {self.model.holdings()} in the model"
        counts = {
            self.rows.name_of(each["person_id"]): each["purchases"]
            for each in balances
            if each["purchases"]
        }
        expected = {name: count for name, count in self.model.purchases.items() if count}
        assert counts == expected, f"purchases {counts}, and {expected} in the model"
        spent = {
            each["reference"]: (each["amount_minor"], each["restored_at"] is not None)
            for each in self.rows.read("redemptions").values()
        }
        owed = {
            each.name: (each.amount, each.is_restored) for each in self.model.spendings.values()
        }
        assert spent == owed, f"spent {spent}, and {owed} in the model"

    def teardown(self) -> None:
        self.model = Model(dict(self.BASE), above=ABOVE)

    # how it is told

    def _holder(self, which: int, unit: str) -> str:
        """Give somebody who has a part in the program, mostly with something to spend."""
        named = {each.owner for each in self.model.promises}
        holders = [*ADVOCATES, *(each for each in FRIENDS if each in named)]
        with_credit = [each for each in holders if self.model.credit(each, unit)]
        among = with_credit if with_credit and which else holders
        return among[which % len(among)]

    def _redeem(
        self, name: str, report: RedemptionReport, expected: str, fault: Fault | None
    ) -> None:
        answer = self._do(lambda: self._spend(report), fault)
        assert answer.outcome == expected, f"{answer}, and {expected} in the model"
        if expected == "redeemed":
            self.spent[name] = report

    def _spend(self, report: RedemptionReport) -> Redeemed:
        return redeem_credit(report, keys=KEYS, now=self.now)

    def _give_back(self, name: str) -> Redeemed:
        customer_id = self.spent[name].customer_id
        return restore_credit(customer_id, TEA, name, keys=KEYS, now=self.now)

    def _strangers(self) -> list[str]:
        return [each for each in FRIENDS if f"signup {each}" not in self.told]

    def _sign_up(self, friend: str, evidence: Any, fault: Fault | None) -> None:
        told, report = self._report(f"signup {friend}", "signup", friend, evidence)
        self._record(record_signup, SignupReport, told, report, fault, friend=_details(friend))

    def _order(self, number: int) -> str:
        """Give one of the newest orders, or the one that will be next."""
        names = [*self.orders, f"A-{len(self.orders) + 1}"]
        return names[-1 - number % len(names)]

    def _buy(
        self,
        friend: str,
        amount: int,
        evidence: Any,
        fault: Fault | None,
        *,
        currency: str = "EUR",
        month: int | None = None,
    ) -> None:
        name = f"A-{len(self.orders) + 1}"
        self.orders.append(name)
        kind = "purchase" if month is None else "renewal"
        told, report = self._report(name, kind, friend, evidence)
        report.amount, report.currency, report.month = amount, currency, month
        self._record(
            record_purchase,
            PurchaseReport,
            told,
            report,
            fault,
            order_id=name,
            friend=_details(friend),
            amount_minor=amount,
            currency=currency,
            circumstances=Circumstances(month=month),
        )

    def _report(
        self, name: str, kind: str, friend: str, evidence: Any
    ) -> tuple[dict[str, Any], Report]:
        clicks = [(code, self.now - timedelta(seconds=ago)) for code, ago in evidence[0]]
        tokens = tuple(_token(code, at) for code, at in clicks)
        told = {
            "program_id": TEA,
            "evidence": Evidence(clicks=tokens, codes=evidence[1]),
            "occurred_at": self.now,
            "fingerprint": _fingerprint(name, evidence, self.now),
        }
        report = Report(
            name=name,
            kind=kind,
            friend=friend,
            at=self.now,
            clicks=tuple((OWNER_OF[code], at) for code, at in clicks),
            codes=tuple(OWNER_OF[code] for code in evidence[1]),
        )
        return told, report

    def _record(
        self,
        use_case: Callable[..., object],
        kind: Any,
        told: dict[str, Any],
        report: Report,
        fault: Fault | None,
        **more: Any,
    ) -> None:
        said = kind(**told, **more)
        by = [code for code, _ in report.clicks] + [*report.codes]
        self._tell(
            f"{report.name}: {report.kind} of {report.friend} for {report.amount} "
            f"{report.currency}, by {by}",
            fault,
        )
        if self._is_known(report.name, use_case, said, fault):
            return
        self._do(lambda: self._call(use_case, said), fault)
        self.told[report.name] = (use_case, said)
        self.model.tell(report, self.now)

    def _refund(self, name: str, refund_id: str, amount: int, fault: Fault | None) -> None:
        key = f"refund {refund_id} of {name}"
        told = RefundReport(
            program_id=TEA,
            order_id=name,
            refund_id=refund_id,
            amount_minor=amount,
            currency="EUR",
            occurred_at=self.now,
            fingerprint=_fingerprint(key, amount),
        )
        self._return(key, record_refund, told, fault, Return(amount))

    def _return(
        self,
        key: str,
        use_case: Callable[..., object],
        said: Any,
        fault: Fault | None,
        back: Return,
    ) -> None:
        self._tell(f"{key}: {said.amount_minor}", fault)
        if self._is_known(key, use_case, said, fault):
            return
        self._do(lambda: self._call(use_case, said), fault)
        self.told[key] = (use_case, said)
        self.model.give_back(said.order_id, back, self.now)

    def _is_known(
        self, key: str, use_case: Callable[..., object], said: Any, fault: Fault | None
    ) -> bool:
        """Whether it was told before: then it changes nothing, or is refused when it differs."""
        if key not in self.told:
            return False
        if self.told[key][1].fingerprint == said.fingerprint:
            self._do(lambda: self._call(use_case, said), fault)
        else:
            self._refuse(use_case, said)
        return True

    def _tell(self, line: str, fault: Fault | None) -> None:
        self.story.append(f"{self.now:%d %b %H:%M} {line}" + (f" ({fault})" if fault else ""))

    def _call(self, use_case: Callable[..., object], told: Any) -> Any:
        if use_case in {record_signup, record_purchase}:
            return use_case(told, keys=KEYS, now=self.now)
        return use_case(told, now=self.now)

    def _do(self, action: Callable[[], Any], fault: Fault | None, *, is_once: bool = False) -> Any:
        """Do something, interrupted by a fault if there is one and then done again."""
        try:
            with fault.injected() if fault else nullcontext():
                answer = action()
            if fault is None:
                return answer
        except (KilledError, PynamoDBException):
            programs.forget_cached()  # whoever comes next is a new process
        try:
            return action()
        except NotInReviewError:
            assert is_once
            return None

    def _refuse(self, use_case: Callable[..., object], told: Any) -> None:
        try:
            self._call(use_case, told)
        except DuplicateConversionError:
            return
        raise AssertionError(f"{told} contradicts what was told, and was taken")

    def _fulfil(self, promise: Promise) -> object:
        return fulfil_reward(self._key_of(promise), now=self.now)

    def _confirm(self, promise: Promise) -> object:
        return confirm_hand_over(
            self._key_of(promise), reference=self._transfer(promise), actor="olga", now=self.now
        )

    def _transfer(self, promise: Promise) -> str:
        """Name the last transfer of a promise: what came back is sent under another name."""
        return f"transfer {self.transfers[promise.key]}"

    def _take_back_in(self, promise: Promise) -> object:
        return take_hand_over_back(
            self._key_of(promise),
            reference=self._transfer(promise),
            reason="account closed",
            actor="olga",
            now=self.now,
        )

    def _paid(self) -> list[str]:
        """Name the orders of which money is on its way, or arrived."""
        return [
            each.source
            for payout in self.model.payouts
            if payout.state in {"reserved", "settled"}
            for each in payout.promises
            if each.left
        ]

    def _payouts(self, state: str) -> list[Payout]:
        return [each for each in self.model.payouts if each.state == state]

    def _payout(self, which: int, state: str, what: str, fault: Fault | None) -> Payout:
        payout = self._payouts(state)[which % len(self._payouts(state))]
        self._tell(f"the payout of {payout.owner} on {payout.day} {what}", fault)
        return payout

    def _settle(self, payout: Payout) -> object:
        return confirm_payout(
            self._dispatch_of(payout), reference="a booking", actor="olga", now=self.now
        )

    def _say_why(self, use_case: Callable[..., object], payout: Payout) -> object:
        return use_case(
            self._dispatch_of(payout), reason="account closed", actor="olga", now=self.now
        )

    def _dispatch_of(self, payout: Payout) -> DispatchId:
        owner, day = person_id(payout.owner, key=KEYS.identity), payout.day
        return payout_id(TEA, owner, EUR, on=day, number=0)

    def _review(self, name: str, state: ReviewState) -> object:
        conversion_id = _SIGNUPS[name.split(" ")[1]] if " " in name else purchase_id(TEA, name)
        return review_conversion(
            conversion_id, state, actor="olga", reason="looked at", now=self.now
        )

    def _key_of(self, promise: Promise) -> RewardKey:
        stored = self.rows.read("rewards").values()
        keys = [key for key, _ in self._stored()]
        row = list(stored)[keys.index(promise.key)]
        return RewardKey(
            program_id=TEA,
            owner_id=PersonId(row["owner_id"]),
            reward_id=RewardId(row["reward_id"]),
        )

    def _in_review(self) -> list[str]:
        return [name for name, each in self.model.reports.items() if each.review == "open"]

    def _by_hand(self) -> list[Promise]:
        return [
            each
            for each in self.model.promises
            if not self.model.terms["pays_out"]
            and each.rule == "monthly"
            and each.state == "available"
        ]

    def _sent(self) -> list[Promise]:
        return [
            each
            for each in self.model.promises
            if not self.model.terms["pays_out"]
            and each.rule == "monthly"
            and each.is_out
            and each.goes_out
        ]


_SIGNUPS = {each: signup_id(TEA, person_id(each, key=KEYS.identity)) for each in FRIENDS}


def _report(
    name: str, owner: str, *, unit: str = POINTS, amount: int | None = None, item: str | None = None
) -> RedemptionReport:
    return RedemptionReport(
        program_id=TEA,
        customer_id=owner,
        reference=name,
        unit=unit,
        amount_minor=amount,
        item_id=item,
    )


def account_of(name: str) -> PayeeDetails:
    """Give the account that somebody is paid to."""
    who = person_id(name, key=KEYS.identity)
    return PayeeDetails(person_id=who, name=name, iban="DE89370400440532013000")


def _details(friend: str) -> CustomerDetails:
    return CustomerDetails(customer_id=friend)


def _token(code: str, at: datetime) -> str:
    return sealed(Click(code=code, clicked_at=at, channel="email", visitor="00" * 8), key=CLICK_KEY)


def _fingerprint(*content: object) -> str:
    return fingerprint(repr(content), key=KEYS.identity)


def a_program(terms: Terms) -> Program:
    """Put a model's terms into the product's words."""
    base = shop.a_program(rules=tuple(_rules(terms)))
    model = AttributionModel.LINEAR if terms["is_linear"] else AttributionModel.LAST_CLICK
    return replace(
        base,
        landing=replace(base.landing, ends_at=terms["ends_at"]),
        attribution=AttributionTerms(model=model),
        caps=_caps(terms["cap"]),
        payouts=_BY_BANK if terms["pays_out"] else None,
        budget=BudgetTerms(total_minor=terms["total"], per_day_minor=terms["per_day"]),
        catalogue=(_VOUCHER,),
        fraud=FraudTerms(modes={"too_fast": FraudMode.REVIEW} if terms["has_review"] else {}),
    )


_BY_BANK = PayoutTerms(
    provider=PayoutProvider.BANK, every=PayoutSchedule.DAILY, minimum_minor=LEAST
)
_VOUCHER = CatalogueItem(
    item_id="voucher", name="A voucher", points=PRICE, kind=RewardKind.CREDIT, amount_minor=WORTH
)


def _caps(cap: dict[str, Any] | None) -> tuple[Cap, ...]:
    if cap is None:
        return ()
    return (
        Cap(per=Period(cap["per"]), rewards=cap.get("rewards"), amount_minor=cap.get("amount")),
    )


def _rules(terms: Terms) -> Iterator[RewardRule]:
    yield RewardRule(
        rule_id="tenth",
        on=Trigger.PURCHASE,
        to=Side.ADVOCATE,
        kind=RewardKind.CREDIT,
        reward=Percent(rate_bps=terms["tenth_bps"], max_minor=terms["tenth_max"]),
        hold_days=14,
        caps=_caps(terms["tenth_cap"]),
    )
    yield RewardRule(
        rule_id="thanks",
        on=Trigger.PURCHASE,
        to=Side.FRIEND,
        kind=RewardKind.CREDIT,
        reward=Flat(amount_minor=terms["thanks"]),
        hold_days=14,
        min_amount_minor=terms["thanks_min"],
    )
    if terms["has_second_level"]:
        yield RewardRule(
            rule_id="twentieth",
            on=Trigger.PURCHASE,
            to=Side.SECOND_LEVEL,
            kind=RewardKind.CREDIT,
            reward=Percent(rate_bps=500),
            hold_days=14,
        )
    yield RewardRule(
        rule_id="monthly",
        on=Trigger.RENEWAL,
        to=Side.ADVOCATE,
        kind=RewardKind.CASH,
        reward=Percent(rate_bps=terms["monthly_bps"]),
        first_months=3,
        expires_after_days=30,
    )
    yield RewardRule(
        rule_id="points",
        on=Trigger.SIGNUP,
        to=Side.ADVOCATE,
        kind=RewardKind.POINTS,
        reward=Flat(amount_minor=terms["points"]),
    )
    if terms["every"]:
        yield RewardRule(
            rule_id="fifth",
            on=Trigger.MILESTONE,
            to=Side.ADVOCATE,
            kind=RewardKind.CREDIT,
            reward=Flat(amount_minor=777),
            milestone=Milestone(every=terms["every"]),
        )


_CAP_CHANGES: tuple[tuple[str, Any], ...] = (
    ("tenth_cap", {"per": "all_time", "rewards": 2}),
    ("tenth_cap", {"per": "month", "amount": 600}),
    ("tenth_cap", {"per": "day", "rewards": 1}),
    ("tenth_cap", None),
    ("cap", {"per": "all_time", "amount": 1_200}),
    ("cap", {"per": "month", "rewards": 3}),
    ("cap", None),
)
_BUDGET_CHANGES: tuple[tuple[str, Any], ...] = (
    ("total", 700),
    ("total", 1_500),
    ("total", 400),
    ("total", 0),
    ("total", None),
    ("per_day", 500),
    ("per_day", None),
)
_PRICE_CHANGES: tuple[tuple[str, Any], ...] = (
    ("tenth_bps", 333),
    ("tenth_bps", 2_500),
    ("tenth_max", 150),
    ("tenth_max", None),
    ("thanks_min", 1_000),
    ("ends_at", timedelta(days=9)),
    ("ends_at", None),
)


class SharedFriends(ReferralMachine):
    """Advocates share friends, one has somebody above; cash is paid out by bank; terms change."""

    BASE: ClassVar[Terms] = {
        **PLAIN,
        "is_linear": True,
        "has_second_level": True,
        "pays_out": True,
    }
    CHANGES = (*_CAP_CHANGES, *_BUDGET_CHANGES, *_PRICE_CHANGES)


class WatchedFriends(ReferralMachine):
    """Fast sign-ups are reviewed, milestones earned and un-earned, the budget is small."""

    BASE: ClassVar[Terms] = {**PLAIN, "has_review": True, "every": 2, "total": 3_000}
    CHANGES = (
        ("has_review", True),
        ("has_review", False),
        ("every", 2),
        ("every", 3),
        ("every", None),
        *_CAP_CHANGES,
        *_BUDGET_CHANGES,
    )
