"""Bugs to plant: each is a way in which the money of some other system goes wrong, or could here.

A bug is put into the real code for as long as a block runs. The machine has to notice each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from referrals.domain import conversions, granting, redemptions, refunds, rewards
from referrals.domain.budgets import Budget, Slice, shared_out
from referrals.domain.caps import CapUse
from referrals.domain.decisions import Reason
from referrals.domain.granting import Grants
from referrals.domain.ids import RedemptionId
from referrals.domain.landings import Landing
from referrals.domain.ledger import Balance, Place, account_of
from referrals.domain.rewards import Reward, RewardState
from referrals.store import budgets, ledger
from referrals.store.transactions import commit
from referrals.usecases import apply_program as applying
from referrals.usecases import (
    bookings,
    confirm_hand_over,
    end_dispatch,
    end_hold,
    record_refund,
    redeem_credit,
    restore_credit,
    settlement,
    spendings,
    start_payouts,
)
from referrals.usecases import fulfil_reward as fulfilling
from referrals.usecases.reversals import read_case
from tests.machine.machine import ReferralMachine, SharedFriends, WatchedFriends
from tests.machine.model import Terms
from tests.shop import NOON

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Bug:
    """A bug by what it does, with a shop in which it soon shows."""

    says: str
    machine: type[ReferralMachine]
    terms: Terms
    plant: Plant

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the code have it for a while."""
        with pytest.MonkeyPatch.context() as monkeypatch:
            self.plant(monkeypatch)
            yield

    def __str__(self) -> str:
        return self.says


PLANTED: list[Bug] = []


def _bug(says: str, machine: type[ReferralMachine], **terms: Any) -> Callable[[Plant], Plant]:
    def add(plant: Plant) -> Plant:
        PLANTED.append(Bug(says=says, machine=machine, terms=terms, plant=plant))
        return plant

    return add


# from the records of others: REFERENCE.md names whose


@_bug("the same order again pays again", WatchedFriends)
def _pays_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """RefRef: a repeated report is taken for new, and what it promises gets ids of its own."""
    real, numbers = settlement._record, iter(range(1, 1_000_000))

    def forgetful(draft: Any, *more: Any) -> Any:
        case, bond, is_new = real(draft, *more)
        if is_new:
            return case, bond, True
        return real(replace(draft, conversion_id=f"{draft.conversion_id}-{next(numbers)}"), *more)

    monkeypatch.setattr(settlement, "_record", forgetful)


@_bug(
    "a duplicate is noted before its effect, and the note stays when the effect fails",
    WatchedFriends,
)
def _noted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dub: the key of a lead is taken before the look-up and never released."""
    real, noted = record_refund._record, set[tuple[int, str, str]]()

    def noting(refund: Any, program_id: Any, order_id: str, now: Any) -> Any:
        key = (ReferralMachine.examples, order_id, refund.refund_id)
        if key in noted:
            case = read_case(conversions.purchase_id(program_id, order_id))
            return case.with_refund(replace(refund, is_applied=True)), False
        noted.add(key)
        answer = real(refund, program_id, order_id, now)
        noted.remove(key)  # only failures need the note: what succeeded is known from the case
        return answer

    monkeypatch.setattr(record_refund, "_record", noting)


@_bug("a refund in part takes the whole", SharedFriends)
def _takes_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dub: a partial refund marks the whole commission refunded."""

    def owed(granted_minor: Any, *, refunded_minor: int, **_terms: Any) -> tuple[int, ...]:
        return (0,) * len(granted_minor) if refunded_minor else tuple(granted_minor)

    monkeypatch.setattr(refunds, "owed_after_refunds", owed)


@_bug("what was paid is not clawed back", WatchedFriends)
def _paid_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dub: paid commissions are skipped by refunds."""
    real = rewards.reversed_to

    def unless_paid(reward: Any, owed_minor: int) -> Any:
        return None if reward.state is RewardState.FULFILLED else real(reward, owed_minor)

    monkeypatch.setattr(refunds, "reversed_to", unless_paid)


@_bug(
    "the budget is written without a condition, from what an earlier request read", WatchedFriends
)
def _stale_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dub: the spend cap is read, then written."""
    real, written = budgets._slice, dict[tuple[int, int, int], Slice]()

    def one_late(row: Any) -> Slice:
        read, example = real(row), ReferralMachine.examples
        revision = read.revision or 0
        written[example, read.number, revision] = read
        before = written.get((example, read.number, revision - 1), read)
        return replace(before, revision=read.revision)

    monkeypatch.setattr(budgets, "_slice", one_late)


@_bug("the currency of an order is not looked at", WatchedFriends)
def _any_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    """RefRef: the currency is fixed to one."""
    monkeypatch.setattr(conversions, "not_eligible", _only_dates)


def _only_dates(conversion: Any, program: Any) -> Any:
    is_running = program.landing.is_running(conversion.occurred_at)
    return None if is_running else Reason.PROGRAM_NOT_RUNNING


@_bug("the minimum amount is stored and never read", WatchedFriends, thanks_min=1_000)
def _no_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """RefRef: minimum amounts are stored and never read."""
    real = rewards.lowest_amount
    monkeypatch.setattr(granting, "lowest_amount", lambda rule: min(real(rule), 1))


@_bug("the dates of a program are stored and never read", SharedFriends, ends_at=NOON)
def _no_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """RefRef: program dates are stored and never read."""
    monkeypatch.setattr(Landing, "is_running", lambda _landing, _now: True)


@_bug("refunds are recorded and not reflected", SharedFriends)
def _not_reflected(monkeypatch: pytest.MonkeyPatch) -> None:
    """AffiliateWP: refunds are not reflected."""
    monkeypatch.setattr(refunds.Settling, "settle", lambda *_args, **_more: None)


# from our own


@_bug("a reward does not count against its cap", SharedFriends)
def _cap_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CapUse, "plus", lambda use, **_grant: use)


@_bug("a cap gets nothing back from a refund", SharedFriends)
def _cap_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CapUse, "less", lambda use, **_reversal: use)


@_bug("the budget gets nothing back from a refund", WatchedFriends)
def _budget_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "give_back", lambda budget, draws, *_more: (budget, tuple(draws)))


@_bug("a hold that ends twice is booked twice", SharedFriends)
def _booked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    real = end_hold.end_hold

    def twice(reward: Any, *, now: Any) -> None:
        real(reward, now=now)
        posting = rewards.release_posting(reward)
        step = bookings.Step(
            before=reward, reward=reward, cause=f"again:{reward.reward_id}", postings=(posting,)
        )
        journal, balance = bookings._booked(step, now)
        if journal is not None and balance is not None:
            commit(ledger.append(journal), ledger.save_balance(balance))

    monkeypatch.setattr(fulfilling, "end_hold", twice)


@_bug("a claw-back comes out of what is available", SharedFriends)
def _from_available(monkeypatch: pytest.MonkeyPatch) -> None:
    real = account_of

    def account(owner_id: Any, place: Place) -> Any:
        return real(owner_id, Place.AVAILABLE if place is Place.DEBT else place)

    monkeypatch.setattr(rewards, "account_of", account)


@_bug("what is left over of a shared reward is lost", SharedFriends)
def _remainder_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded_down(total: int, weights: Any) -> tuple[int, ...]:
        return tuple(total * weight // sum(weights) for weight in weights)

    monkeypatch.setattr(conversions, "split", rounded_down)


@_bug("a journal is written and the balance is not", SharedFriends)
def _balance_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "save_balance", lambda _balance: None)


@_bug("a chargeback that is won pays once more", SharedFriends)
def _won_pays_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    real = refunds.Settling._settle_rule

    def twice(settling: Any, same: Any, *, may_promise: bool) -> None:
        real(settling, same, may_promise=may_promise)
        if may_promise and not settling.grants.rewards:
            own = [each for each in same if each.owner_id == same[0].owner_id]
            rule = settling.grants.program.rule(same[0].rule_id)
            settling._promise_again(rule, own, 0, own[0].amount_minor)

    monkeypatch.setattr(refunds.Settling, "_settle_rule", twice)


@_bug("a milestone stays when its purchases are refunded", WatchedFriends)
def _milestone_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunds.Settling, "un_earn", lambda _settling, _milestones: None)


@_bug("what is in review is paid for all the same", WatchedFriends)
def _review_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    real = granting.Grants.__init__

    def unseen(grants: Grants, occasion: Any, **more: Any) -> None:
        real(grants, replace(occasion, is_in_review=False), **more)

    monkeypatch.setattr(Grants, "__init__", unseen)


@_bug("what comes before its friend is bound is forgotten", SharedFriends)
def _early_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "take_up_what_waits", lambda _bond, **_more: None)


@_bug("a refund that comes before its purchase is forgotten", SharedFriends)
def _early_refund_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "next_to_apply", lambda _case: None)


@_bug("a debt is not paid out of the next reward", SharedFriends)
def _debt_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulfilling, "netted", lambda reward, _debt: (reward, None))


@_bug("a lowered budget forgets what is spent", WatchedFriends)
def _spent_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shared_out

    def fresh(*args: Any, known: Any, **more: Any) -> Any:
        return real(*args, known=[replace(each, spent_minor=0) for each in known], **more)

    monkeypatch.setattr(applying, "shared_out", fresh)


@_bug("content is not compared: a contradiction is taken for a repetition", SharedFriends)
def _not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_refund, "_same", lambda _case, _refund: [])


@_bug("a redemption that is sent again spends again", SharedFriends)
def _spends_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made, numbers = spendings.read_holder, redemptions._redemption, iter(range(1_000_000))

    def forgetful(*asked: Any) -> Any:
        return replace(real(*asked), redemption=None)

    def another(*asked: Any) -> Any:
        redemption = made(*asked)
        again = RedemptionId(f"{redemption.redemption_id}-{next(numbers)}")
        return replace(redemption, redemption_id=again)

    monkeypatch.setattr(redeem_credit, "read_holder", forgetful)
    monkeypatch.setattr(redemptions, "_redemption", another)


@_bug("what can be spent is read once, and nobody looks whether it changed", SharedFriends)
def _stale_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    real, known = spendings.read_holder, dict[tuple[int, str], Balance]()

    def as_it_was(program_id: Any, owner_id: Any, reference: str) -> Any:
        holder = real(program_id, owner_id, reference)
        first = known.setdefault((ReferralMachine.examples, owner_id), holder.balance)
        return replace(holder, balance=replace(holder.balance, amounts=first.amounts))

    monkeypatch.setattr(redeem_credit, "read_holder", as_it_was)


@_bug("what is owed can be spent", SharedFriends)
def _debt_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        redemptions, "spendable_minor", lambda balance, unit: balance.amount(Place.CREDIT, unit)
    )


@_bug("what was spent is given back twice", SharedFriends)
def _restored_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    real, cause, numbers = spendings.read_holder, redemptions._cause, iter(range(1_000_000))

    def as_if_spent(*asked: Any) -> Any:
        holder = real(*asked)
        spent = holder.redemption and replace(holder.redemption, restored_at=None)
        return replace(holder, redemption=spent)

    monkeypatch.setattr(restore_credit, "read_holder", as_if_spent)
    monkeypatch.setattr(redemptions, "_cause", lambda *of: f"{cause(*of)}-{next(numbers)}")


@_bug("an item is given back and its reward stays", SharedFriends)
def _item_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redemptions, "reversed_to", lambda _reward, _owed_minor: None)


def _only_in_name(reward: Reward, *args: Any, **more: Any) -> Any:
    again, postings = rewards.came_back(reward, *args, **more)
    return again, postings[1:]


def _still_owed(reward: Reward, *args: Any, **more: Any) -> Any:
    again, postings = rewards.came_back(reward, *args, **more)
    clawed_back_minor = again.voided_minor + again.clawed_back_minor - reward.voided_minor
    owed = replace(again, voided_minor=reward.voided_minor, clawed_back_minor=clawed_back_minor)
    return owed, postings[:1]


@_bug("cash that came back stays sent", WatchedFriends)
def _stays_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm_hand_over, "came_back", _only_in_name)


@_bug("a payout that came back stays sent", SharedFriends)
def _payout_stays_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_dispatch, "came_back", _only_in_name)


@_bug("a claw-back stays a debt when the payout came back", SharedFriends)
def _claw_back_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_dispatch, "came_back", _still_owed)


@_bug("a payout sends what its owner owes", SharedFriends)
def _owed_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_payouts, "netted", lambda reward, _debt: (reward, None))


@_bug("who paid more than they owed never sees it again", SharedFriends)
def _too_much_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rewards.netted
    monkeypatch.setattr(fulfilling, "netted", lambda reward, debt: real(reward, max(debt, 0)))


@_bug("a payout that will not arrive is put back and stays claimed", SharedFriends)
def _stays_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        end_dispatch, "put_back", lambda reward, **_more: (replace(reward, due_at=None), None)
    )
