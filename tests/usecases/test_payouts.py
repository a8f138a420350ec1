"""Payday: what is available in cash is sent together, once, to those who can be reached."""

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.details import PayeeDetails
from referrals.domain.dispatches import Dispatch, DispatchState
from referrals.domain.errors import (
    AnswerMayComeError,
    DispatchMoveNotAllowedError,
    DispatchNotFoundError,
    DuplicatePayoutWordError,
    PaidInPayoutsError,
)
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import DispatchId, PersonId, ProgramId, RewardId, person_id
from referrals.domain.ledger import Place
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.people import Person
from referrals.domain.providers import NotNow, Recipient, Refused, TheirStatus, Unknown
from referrals.domain.reconciliation import Difference, DifferenceKind
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind
from referrals.store import details, differences, dispatches, events, ledger, people, rewards
from referrals.store.transactions import BeatenError, commit
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.apply_program import apply_program
from referrals.usecases.confirm_hand_over import confirm_hand_over
from referrals.usecases.confirm_payout import confirm_payout, return_payout, take_payout_back
from referrals.usecases.export_payouts import export_again, export_payouts
from referrals.usecases.forget_person import forget_person
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.give_details import give_payee
from referrals.usecases.reconcile_payouts import reconcile_payouts
from referrals.usecases.start_payouts import PayoutRun, start_payouts
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, calls_counted, every_kill, killed, overtaken, unheard
from tests.payers import Payer, order_for
from tests.promises import key_of, promise, take_back
from tests.shop import KEYS, NOON, TEA
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

ANNA = person_id("anna", key=KEYS.identity)
A_MINUTE, AN_HOUR, A_DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAILY = PayoutTerms(
    provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, products=("A", "B")
)
BY_BANK = PayoutTerms(provider=PayoutProvider.BANK, every=PayoutSchedule.DAILY)
IBAN = "DE89370400440532013000"


def open_shop(terms: PayoutTerms = DAILY) -> None:
    apply_program(replace(shop.a_program(), payouts=terms), now=NOON)
    person = Person(person_id=ANNA, customer_id="anna", name="Anna", email="anna@customer.example")
    commit(people.save(person))


def earn(*amounts_minor: int, owner_id: PersonId = ANNA, first: int = 1) -> list[Reward]:
    """Let somebody have cash that can be sent, one reward for each amount."""
    return [
        promise(
            RewardId(f"rwd_{owner_id}_{number}"),
            owner_id=owner_id,
            amount_minor=amount_minor,
            now=NOON,
        )
        for number, amount_minor in enumerate(amounts_minor, start=first)
    ]


def payouts() -> list[Dispatch]:
    return sorted(dispatches.iter_all(), key=lambda each: each.reserved_at)


def payout() -> Dispatch:
    (only,) = payouts()
    return only


def states(owner_id: PersonId = ANNA) -> list[RewardState]:
    return [each.state for each in rewards.list_of_owner(TEA, owner_id)]


def places(owner_id: PersonId = ANNA) -> dict[str, int]:
    """Give what somebody has in euro, by place, without what is empty."""
    balance = ledger.find_balance(TEA, owner_id)
    assert balance is not None
    return {str(p): minor for p in Place if (minor := balance.amount(p, "EUR"))}


def told(name: EventName) -> list[DomainEvent]:
    return [each for each in events.iter_all() if each.name is name]


def advance(payer: Payer, *, now: object = None) -> DispatchState | None:
    moment = NOON if now is None else now
    assert isinstance(moment, type(NOON))
    return advance_dispatch(payouts()[-1].dispatch_id, providers=payer, now=moment)


def is_sound() -> bool:
    return verify_ledger().faults == ()


def test_what_is_available_is_reserved_in_one_payout_per_owner() -> None:
    open_shop()
    earn(500, 700)
    assert start_payouts(now=NOON) == PayoutRun(reserved=1)
    assert (payout().state, payout().amount_minor, payout().unit) == ("reserved", 1_200, "EUR")
    assert (payout().provider, payout().due_at) == ("tremendous", NOON)
    assert states() == [RewardState.FULFILLING] * 2
    assert [each.data["dispatch_id"] for each in told(EventName.PAYOUT_RESERVED)] == [
        payout().dispatch_id
    ]
    assert list(rewards.iter_cash(TEA)) == []
    assert is_sound()


def test_a_reserved_payout_is_asked_for_confirmed_and_settled() -> None:
    open_shop()
    earn(500, 700)
    start_payouts(now=NOON)
    payer = Payer()
    assert advance(payer) is DispatchState.SETTLED
    (asked,) = payer.asked
    assert (asked.dispatch_id, asked.amount_minor) == (payout().dispatch_id, 1_200)
    assert asked.recipient == Recipient(name="Anna", email="anna@customer.example")
    assert asked.options == {"funding_source": "balance", "products": "A,B"}
    assert places() == {"paid": 1_200}
    one, other = rewards.list_of_owner(TEA, ANNA)
    assert (one.state, other.state) == (RewardState.FULFILLED, RewardState.FULFILLED)
    assert (one.handed_over or {})["reference"] == f"T-{payout().dispatch_id}"
    assert len(told(EventName.REWARD_FULFILLED)) == 2
    (sent,) = told(EventName.PAYOUT_SENT)
    assert (sent.data["amount_minor"], sent.data["person_id"]) == (1_200, ANNA)
    assert is_sound()


def test_nothing_that_is_stored_or_told_names_the_recipient() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    advance(Payer())
    stored = shop.dump()
    assert "customer.example" not in repr([stored["dispatches"], stored["events"]])


def test_a_run_that_is_repeated_on_the_same_day_reserves_nothing_more() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    earn(900, first=2)
    assert start_payouts(now=NOON + AN_HOUR) == PayoutRun()
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert [each.amount_minor for each in payouts()] == [500, 900]


def test_a_run_that_is_cut_off_anywhere_goes_on_where_it_stopped() -> None:
    open_shop()
    earn(500, 700)
    earn(300, owner_id=ANNA, first=3)
    tables = engine.copied_tables()
    calls = every_kill(lambda: start_payouts(now=NOON))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                start_payouts(now=NOON)
            start_payouts(now=NOON)
            assert shop.dump() == once


def test_runs_at_once_reserve_once() -> None:
    open_shop()
    earn(500, 700)
    at_once([lambda: start_payouts(now=NOON)] * 8)
    assert payout().amount_minor == 1_200
    assert is_sound()


def test_too_little_is_left_until_it_is_enough() -> None:
    open_shop(replace(DAILY, minimum_minor=1_000))
    earn(500)
    assert start_payouts(now=NOON) == PayoutRun(below_minimum=1)
    earn(500, first=2)
    assert start_payouts(now=NOON) == PayoutRun(reserved=1)
    assert payout().amount_minor == 1_000


def test_debts_are_paid_first_and_only_the_rest_is_sent() -> None:
    open_shop()
    (first,) = earn(600)
    start_payouts(now=NOON)
    advance(Payer())
    take_back(key_of(first), owed_minor=0, now=NOON)
    earn(500, 700, first=2)
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert payouts()[-1].amount_minor == 600
    assert places() == {"available": 600, "paid": 600}
    (netted,) = told(EventName.REWARD_NETTED)
    assert netted.data["paid_minor"] == 600
    advance(Payer(), now=NOON + A_DAY)
    assert places() == {"paid": 1_200}
    assert is_sound()


def test_a_debt_that_is_greater_than_what_is_available_takes_all_of_it() -> None:
    open_shop()
    (first,) = earn(600)
    start_payouts(now=NOON)
    advance(Payer())
    take_back(key_of(first), owed_minor=0, now=NOON)
    earn(500, first=2)
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(below_minimum=1)
    for key in rewards.iter_due(NOON + A_DAY):
        fulfil_reward(key, now=NOON + A_DAY)
    assert places() == {"paid": 600, "debt": -100}
    assert states() == [RewardState.CLAWED_BACK, RewardState.FULFILLED]
    assert is_sound()


def test_more_rewards_than_a_payout_holds_go_out_in_two_on_the_same_day() -> None:
    open_shop(replace(DAILY, minimum_minor=4_100))
    earn(*[100] * 41)
    with calls_counted() as made:
        assert start_payouts(now=NOON) == PayoutRun(reserved=2)
    assert made.count("TransactWriteItems") == 2
    assert sorted(len(each.reward_ids) for each in payouts()) == [1, 40]
    assert start_payouts(now=NOON) == PayoutRun()
    for each in payouts():
        advance_dispatch(each.dispatch_id, providers=Payer(), now=NOON)
    assert places() == {"paid": 4_100}
    assert is_sound()


def test_whoever_cannot_be_reached_keeps_what_they_have() -> None:
    open_shop()
    nobody = PersonId("per_nobody")
    earn(500, owner_id=nobody)
    assert start_payouts(now=NOON) == PayoutRun(unreachable=1)
    assert states(nobody) == [RewardState.AVAILABLE]


def test_whoever_is_forgotten_after_the_run_gets_nothing_sent() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    forget_person("anna", keys=KEYS, now=NOON)
    payer = Payer()
    assert advance(payer) is DispatchState.RELEASED
    assert payer.asked == []
    assert states() == [RewardState.AVAILABLE]
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(unreachable=1)


def test_whoever_is_forgotten_with_voiding_loses_what_nobody_was_asked_for_yet() -> None:
    open_shop()
    earn(500, 700)
    start_payouts(now=NOON)
    done = forget_person("anna", keys=KEYS, now=NOON, voids_rewards=True)
    assert (done.voided_rewards, done.open_rewards) == (2, 0)
    assert (payout().state, states()) == (DispatchState.RELEASED, [RewardState.VOIDED] * 2)
    assert is_sound()


def test_whoever_is_forgotten_with_voiding_keeps_what_a_provider_was_asked_for() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer(answers=[Unknown(reason="lost")])
    advance(payer)
    done = forget_person("anna", keys=KEYS, now=NOON, voids_rewards=True)
    assert (done.voided_rewards, done.open_rewards) == (0, 1)
    payer.pay(payer.asked[0])
    assert advance(payer, now=NOON + A_MINUTE) is DispatchState.SETTLED
    assert is_sound()


def test_a_program_pays_on_its_days_and_when_it_is_told_to() -> None:
    open_shop(replace(DAILY, every=PayoutSchedule.MONTHLY, on_day=1))
    earn(500)
    assert start_payouts(now=NOON) == PayoutRun()
    assert start_payouts(now=NOON, only=ProgramId("coffee")) == PayoutRun()
    assert start_payouts(now=NOON, only=TEA) == PayoutRun(reserved=1)


def test_what_expired_is_not_sent() -> None:
    open_shop()
    (reward,) = earn(500)
    commit(rewards.save(replace(reward, expires_at=NOON)))
    assert start_payouts(now=NOON) == PayoutRun()


def test_a_refund_before_it_is_asked_for_releases_the_payout_and_the_rest_goes_out_later() -> None:
    open_shop()
    first, _ = earn(500, 700)
    start_payouts(now=NOON)
    take_back(key_of(first), owed_minor=100, now=NOON)
    payer = Payer()
    assert advance(payer) is DispatchState.RELEASED
    assert payer.asked == []
    assert places() == {"available": 800}
    assert is_sound()
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert advance(payer, now=NOON + A_DAY) is DispatchState.SETTLED
    assert places() == {"paid": 800}
    assert is_sound()


def test_a_refund_of_everything_before_it_is_asked_for_voids_it() -> None:
    open_shop()
    (first,) = earn(500)
    start_payouts(now=NOON)
    take_back(key_of(first), owed_minor=0, now=NOON)
    advance(Payer())
    assert states() == [RewardState.VOIDED]
    assert places() == {}
    assert is_sound()


def test_what_is_taken_back_on_its_way_is_a_debt_that_stands() -> None:
    open_shop()
    first, _ = earn(500, 700)
    start_payouts(now=NOON)
    payer = Payer(answers=[Unknown(reason="lost")])
    assert advance(payer) is DispatchState.UNKNOWN
    take_back(key_of(first), owed_minor=0, now=NOON)
    payer.pay(payer.asked[0])
    assert advance(payer, now=NOON + A_MINUTE) is DispatchState.SETTLED
    assert states() == [RewardState.CLAWED_BACK, RewardState.FULFILLED]
    assert places() == {"paid": 1_200, "debt": -500}
    assert is_sound()


def test_a_refusal_puts_everything_back_and_the_next_run_asks_under_another_id() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer(answers=[Refused(reason="closed account")])
    assert advance(payer) is DispatchState.RELEASED
    assert payout().reason == "closed account"
    (failed,) = told(EventName.PAYOUT_FAILED)
    assert failed.data["reason"] == "closed account"
    assert (states(), places()) == ([RewardState.AVAILABLE], {"available": 500})
    assert start_payouts(now=NOON) == PayoutRun()
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    advance(payer, now=NOON + A_DAY)
    assert len({each.dispatch_id for each in payer.asked}) == 2
    assert places() == {"paid": 500}
    assert is_sound()


def test_what_was_clawed_back_on_its_way_and_refused_becomes_a_void() -> None:
    open_shop()
    first, _ = earn(500, 700)
    start_payouts(now=NOON)
    payer = Payer(answers=[Unknown(reason="lost")])
    advance(payer)
    take_back(key_of(first), owed_minor=0, now=NOON)
    payer.pay(payer.asked[0], status=TheirStatus.FAILED)
    assert advance(payer, now=NOON + A_MINUTE) is DispatchState.RELEASED
    assert states() == [RewardState.VOIDED, RewardState.AVAILABLE]
    assert places() == {"available": 700}
    assert is_sound()


def test_a_lost_answer_is_looked_up_and_never_asked_for_twice_while_it_may_come() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer(answers=[Unknown(reason="lost")])
    for minutes in range(15):
        assert advance(payer, now=NOON + minutes * A_MINUTE) is DispatchState.UNKNOWN
    assert (len(payer.asked), payer.looked_up) == (1, 1)
    assert advance(payer, now=NOON + 15 * A_MINUTE) is DispatchState.SETTLED
    assert len(payer.asked) == 2
    assert len({each.dispatch_id for each in payer.asked}) == 1


@pytest.mark.parametrize("is_after", [False, True])
def test_a_dispatch_that_is_cut_off_anywhere_is_paid_once(*, is_after: bool) -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    tables = engine.copied_tables()
    calls = every_kill(lambda: advance(Payer()))
    for at_call in range(1, calls + 1):
        engine.put_tables(tables)
        forget_caches()
        payer = Payer()
        with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
            advance(payer)
        assert advance(payer, now=NOON + AN_HOUR) is DispatchState.SETTLED
        assert len(payer.asked) == 1
        assert places() == {"paid": 500}
        assert is_sound()


def test_many_workers_at_once_ask_once() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer, dispatch_id = Payer(), payout().dispatch_id
    at_once([lambda: advance_dispatch(dispatch_id, providers=payer, now=NOON)] * 8)
    assert len(payer.asked) == 1
    assert payout().state is DispatchState.SETTLED
    assert is_sound()


def test_an_order_that_is_pending_is_asked_after_until_it_is_done() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    payer.answers = [order_for(payout(), status=TheirStatus.PENDING)]
    payer.orders[payout().dispatch_id] = payer.answers[0]  # type: ignore[assignment]
    assert advance(payer) is DispatchState.ASKED
    assert advance(payer, now=NOON + A_MINUTE) is DispatchState.ASKED
    payer.orders[payout().dispatch_id] = order_for(payout())
    assert advance(payer, now=NOON + AN_HOUR) is DispatchState.SETTLED
    assert len(payer.asked) == 1


def test_a_provider_that_has_no_time_is_asked_again_ever_more_seldom() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer(answers=[NotNow(reason="no funds")] * 3)
    assert advance(payer) is DispatchState.RESERVED
    assert (payout().reason, payout().due_at) == ("no funds", NOON + 2 * A_MINUTE)
    advance(payer, now=NOON + 2 * A_MINUTE)
    assert payout().due_at == NOON + 6 * A_MINUTE
    assert states() == [RewardState.FULFILLING]


def test_a_dispatch_whose_provider_is_not_known_waits() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    state = advance_dispatch(payout().dispatch_id, providers=lambda _: None, now=NOON)
    assert (state, payout().reason) == (DispatchState.RESERVED, "nobody to ask")


def test_an_operator_is_told_once_of_what_stays_unknown_for_a_day_and_nothing_is_released() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer(answers=[Unknown(reason="lost")], found=[Unknown(reason="lost")] * 50)
    for hours in range(0, 73, 3):
        assert advance(payer, now=NOON + hours * AN_HOUR) is DispatchState.UNKNOWN
    (stuck,) = told(EventName.PAYOUT_STUCK)
    assert stuck.occurred_at - NOON == A_DAY
    assert (stuck.data["state"], stuck.data["dispatch_id"]) == ("unknown", payout().dispatch_id)
    assert states() == [RewardState.FULFILLING]
    assert len(payer.asked) == 1


def test_an_operator_is_told_at_once_of_an_order_whose_delivery_failed() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    order = order_for(payout(), status=TheirStatus.PENDING)
    returned = replace(order, details={"delivery": "failed"})
    payer = Payer(answers=[order], orders={payout().dispatch_id: returned})
    assert advance(payer) is DispatchState.ASKED
    assert told(EventName.PAYOUT_STUCK) == []
    for minutes in (1, 2, 4):
        assert advance(payer, now=NOON + minutes * A_MINUTE) is DispatchState.ASKED
    (stuck,) = told(EventName.PAYOUT_STUCK)
    assert (stuck.data["state"], stuck.data["reason"]) == ("asked", "their delivery failed")


def test_an_order_that_stays_pending_for_three_days_is_told_of_once() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    order = order_for(payout(), status=TheirStatus.PENDING)
    payer = Payer(answers=[order], orders={payout().dispatch_id: order})
    for hours in range(0, 200, 6):
        assert advance(payer, now=NOON + hours * AN_HOUR) is DispatchState.ASKED
    (stuck,) = told(EventName.PAYOUT_STUCK)
    assert stuck.occurred_at - NOON == 3 * A_DAY


def test_cash_that_expired_while_a_provider_failed_has_its_whole_term_once_more() -> None:
    open_shop()
    promised = promise(
        RewardId("rwd_1"), owner_id=ANNA, amount_minor=500, now=NOON, expires_after_days=7
    )
    start_payouts(now=NOON + 6 * A_DAY)
    payer = Payer(answers=[NotNow(reason="no funds"), Refused(reason="closed account")])
    assert advance(payer, now=NOON + 6 * A_DAY) is DispatchState.RESERVED
    assert advance(payer, now=NOON + 9 * A_DAY) is DispatchState.RELEASED
    assert fulfil_reward(key_of(promised), now=NOON + 16 * A_DAY - A_MINUTE) == "available"
    (extended,) = told(EventName.REWARD_EXTENDED)
    assert extended.data["expires_at"] == "2026-05-20T12:00:00+00:00"
    assert is_sound()
    assert fulfil_reward(key_of(promised), now=NOON + 16 * A_DAY) == "expired"


def test_an_order_that_differs_is_frozen_and_stops_the_next_run_until_it_is_resolved() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    payer.answers = [order_for(payout(), amount_minor=900)]
    assert advance(payer) is DispatchState.FROZEN
    (difference,) = differences.list_open("tremendous")
    assert (difference.kind, difference.ours, difference.theirs) == (
        *("amount", "5.00 EUR", "9.00 EUR"),
    )
    assert len(told(EventName.PAYOUT_DIFFERENCE)) == 1
    assert (states(), places()) == ([RewardState.FULFILLING], {"available": 500})
    earn(700, first=2)
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(stopped=(TEA,))
    confirm_payout(payout().dispatch_id, reference="call 12", actor="olga", now=NOON + A_DAY)
    differences.resolve(
        "tremendous", difference.difference_id, actor="olga", note="theirs", now=NOON
    )
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert places() == {"available": 700, "paid": 500}
    assert is_sound()


def test_a_payday_that_was_stopped_is_made_up_for_once_nothing_stops_it() -> None:
    open_shop(replace(DAILY, every=PayoutSchedule.MONTHLY, on_day=5))
    earn(500)
    payday = NOON + A_DAY
    difference = Difference(
        difference_id="dif_1",
        provider="tremendous",
        kind=DifferenceKind.EXTRA,
        dispatch_id=None,
        reference="T-1",
        ours="nothing",
        theirs="5.00 EUR",
        found_at=NOON,
    )
    commit(differences.insert(difference))
    assert start_payouts(now=NOON) == PayoutRun()
    for days in range(3):
        assert start_payouts(now=payday + days * A_DAY) == PayoutRun(stopped=(TEA,))
    resolved_at = payday + 2 * A_DAY + AN_HOUR
    differences.resolve("tremendous", "dif_1", actor="olga", note="theirs", now=resolved_at)
    runs = [start_payouts(now=payday + days * A_DAY) for days in (3, 4, 5)]
    assert runs == [PayoutRun(reserved=1), PayoutRun(), PayoutRun()]


def test_an_owner_who_is_busy_keeps_nobody_else_from_being_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_shop()
    boris = Person(person_id=PersonId("per_0"), customer_id="boris", email="b@customer.example")
    commit(people.save(boris))
    earn(500)
    earn(700, owner_id=boris.person_id)
    wanted_balance = ledger.wanted_balance

    def beaten(program_id: ProgramId, owner_id: PersonId) -> object:
        if owner_id == boris.person_id:
            raise BeatenError
        return wanted_balance(program_id, owner_id)

    with monkeypatch.context() as others:
        others.setattr("referrals.store.transactions._PATIENCE_SECONDS", 0.05)
        others.setattr(ledger, "wanted_balance", beaten)
        assert start_payouts(now=NOON) == PayoutRun(reserved=1, busy=1)
    assert start_payouts(now=NOON) == PayoutRun(reserved=1)
    assert sorted(each.amount_minor for each in payouts()) == [500, 700]


def test_what_froze_a_payout_is_not_found_again_at_night() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    order = order_for(payout(), amount_minor=900)
    payer.answers, payer.orders = [order], {payout().dispatch_id: order}
    advance(payer)
    assert reconcile_payouts("tremendous", payer, now=NOON + A_DAY) == 0


def test_a_nightly_comparison_keeps_each_difference_once_and_tells_of_it() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    advance(payer)
    extra = replace(order_for(payout()), external_id="pay_nobody", reference="T-9", created_at=NOON)
    payer.orders = {"pay_nobody": extra}
    night = NOON + A_DAY
    assert reconcile_payouts("tremendous", payer, now=night) == 2
    assert reconcile_payouts("tremendous", payer, now=night + A_DAY) == 0
    found = differences.list_open("tremendous")
    assert sorted(each.kind for each in found) == ["extra", "missing"]
    assert len(told(EventName.PAYOUT_DIFFERENCE)) == 2
    for each in found:
        differences.resolve(
            each.provider, each.difference_id, actor="olga", note="known", now=night
        )
    assert reconcile_payouts("tremendous", payer, now=night + 2 * A_DAY) == 0
    assert differences.list_open("tremendous") == []


def test_books_that_agree_have_no_difference() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    advance(payer)
    assert reconcile_payouts("tremendous", payer, now=NOON + A_DAY) == 0


def test_an_old_payout_whose_order_came_late_is_no_extra_one() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    advance(payer)
    late = NOON + 60 * A_DAY
    payer.orders[payout().dispatch_id] = replace(order_for(payout()), created_at=late - A_DAY)
    assert reconcile_payouts("tremendous", payer, now=late) == 0


def reserved_by_bank(*amounts_minor: int) -> Dispatch:
    open_shop(BY_BANK)
    commit(details.save_payee(PayeeDetails(person_id=ANNA, name="Anna Tee", iban=IBAN)))
    earn(*(amounts_minor or (500,)))
    assert start_payouts(now=NOON) == PayoutRun(reserved=1)
    return payout()


def test_without_an_account_nothing_is_paid_by_bank() -> None:
    open_shop(BY_BANK)
    earn(500)
    assert start_payouts(now=NOON) == PayoutRun(unreachable=1)


def test_a_payout_by_bank_goes_into_one_file_and_settles_when_somebody_saw_it_arrive() -> None:
    reserved = reserved_by_bank()
    assert reserved.due_at is None
    lines = export_payouts(now=NOON).text.splitlines()
    assert lines[1].startswith(f"{reserved.dispatch_id},Anna Tee,{IBAN},5.00,EUR,")
    assert payout().state is DispatchState.ASKED
    assert len(export_payouts(now=NOON + A_MINUTE).text.splitlines()) == 1
    assert export_again(at=NOON).text.splitlines() == lines
    done = confirm_payout(reserved.dispatch_id, reference="booking 7", actor="olga", now=NOON)
    assert done.state is DispatchState.SETTLED
    assert places() == {"paid": 500}
    (reward,) = rewards.list_of_owner(TEA, ANNA)
    assert reward.handed_over == {
        "actor": "olga",
        "dispatch": reserved.dispatch_id,
        "reference": "booking 7",
    }
    assert is_sound()


def test_a_file_that_was_lost_is_written_again_without_what_earlier_files_had() -> None:
    first = reserved_by_bank()
    export_payouts(now=NOON)
    earn(700, first=2)
    start_payouts(now=NOON + A_DAY)
    lost = export_payouts(now=NOON + A_DAY)
    assert export_again(at=NOON + A_DAY) == lost
    assert first.dispatch_id not in lost.text
    confirm_payout(first.dispatch_id, reference="booking 7", actor="olga", now=NOON + A_DAY)
    assert len(export_again(at=NOON).text.splitlines()) == 1


def test_a_payout_is_in_one_file_however_two_exports_meet() -> None:
    dispatch_id = reserved_by_bank().dispatch_id
    tables, files = engine.copied_tables(), list[str]()

    def export_another() -> None:
        files.append(export_payouts(now=NOON).text)

    forget_caches()
    for at_call in range(1, every_kill(lambda: export_payouts(now=NOON)) + 1):
        engine.put_tables(tables)
        forget_caches()
        files.clear()
        with overtaken(at_call=at_call, by=export_another):
            files.append(export_payouts(now=NOON + A_MINUTE).text)
        assert [dispatch_id in file for file in files].count(True) == 1


def test_a_payout_whose_mark_was_written_and_not_heard_of_is_in_the_file() -> None:
    dispatch_id = reserved_by_bank().dispatch_id
    with unheard("TransactWriteItems", "TransactionInProgressException"):
        assert dispatch_id in export_payouts(now=NOON).text
    assert payout().attempts == 1


def test_a_payout_that_is_returned_meanwhile_is_in_no_file_unless_it_was_there_before() -> None:
    dispatch_id = reserved_by_bank().dispatch_id
    tables = engine.copied_tables()

    def give_back() -> Dispatch:
        return return_payout(dispatch_id, reason="left", actor="olga", now=NOON)

    forget_caches()
    for at_call in range(1, every_kill(lambda: export_payouts(now=NOON)) + 1):
        engine.put_tables(tables)
        forget_caches()
        with overtaken(at_call=at_call, by=give_back):
            file = export_payouts(now=NOON)
        assert payout().state is DispatchState.RELEASED
        assert (dispatch_id in file.text) is (payout().asked_at == NOON)


def test_a_payout_by_bank_that_was_refunded_is_not_in_the_file() -> None:
    reserved_by_bank()
    (reward,) = rewards.list_of_owner(TEA, ANNA)
    take_back(key_of(reward), owed_minor=0, now=NOON)
    assert len(export_payouts(now=NOON).text.splitlines()) == 1
    assert payout().state is DispatchState.RELEASED


def test_a_payout_by_bank_whose_account_is_wrong_is_left_out_of_the_file() -> None:
    reserved = reserved_by_bank()
    payee = details.find_payee(ANNA)
    assert payee is not None
    commit(details.save_payee(replace(payee, iban="DE00")))
    assert [each for each, _ in export_payouts(now=NOON).left_out] == [reserved.dispatch_id]
    assert payout().state is DispatchState.RESERVED


def test_a_payout_that_came_back_goes_out_with_the_next_run() -> None:
    reserved = reserved_by_bank()
    export_payouts(now=NOON)
    done = return_payout(reserved.dispatch_id, reason="account closed", actor="olga", now=NOON)
    assert (done.state, done.reason) == (DispatchState.RELEASED, "account closed")
    assert places() == {"available": 500}
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert is_sound()


def test_the_same_word_about_a_payout_changes_nothing_and_another_is_a_contradiction() -> None:
    dispatch_id = reserved_by_bank().dispatch_id
    confirm_payout(dispatch_id, reference="booking 7", actor="olga", now=NOON)
    before = shop.dump()
    confirm_payout(dispatch_id, reference="booking 7", actor="boris", now=NOON)
    with pytest.raises(DuplicatePayoutWordError):
        confirm_payout(dispatch_id, reference="booking 8", actor="olga", now=NOON)
    with pytest.raises(DuplicatePayoutWordError):
        return_payout(dispatch_id, reason="came back", actor="olga", now=NOON)
    assert shop.dump() == before


def test_what_was_returned_cannot_be_confirmed() -> None:
    dispatch_id = reserved_by_bank().dispatch_id
    return_payout(dispatch_id, reason="came back", actor="olga", now=NOON)
    return_payout(dispatch_id, reason="came back", actor="olga", now=NOON)
    with pytest.raises(DuplicatePayoutWordError):
        confirm_payout(dispatch_id, reference="booking 7", actor="olga", now=NOON)


def test_nobody_can_return_what_a_late_request_may_still_do() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer(answers=[Unknown(reason="lost")], found=[Unknown(reason="lost")] * 9)
    advance(payer)
    dispatch_id = payout().dispatch_id
    with pytest.raises(AnswerMayComeError, match=r"may still be done until 2026-05-04 12:15:00"):
        return_payout(dispatch_id, reason="no", actor="olga", now=NOON + 14 * A_MINUTE)
    done = return_payout(dispatch_id, reason="no", actor="olga", now=NOON + 15 * A_MINUTE)
    assert done.state is DispatchState.RELEASED


def test_people_decide_nothing_that_a_provider_is_asked() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    dispatch_id = payout().dispatch_id
    with pytest.raises(DispatchMoveNotAllowedError):
        confirm_payout(dispatch_id, reference="booking 7", actor="olga", now=NOON)
    with pytest.raises(DispatchNotFoundError):
        confirm_payout(DispatchId("pay_no"), reference="booking 7", actor="olga", now=NOON)


def test_a_word_about_a_payout_that_is_cut_off_anywhere_can_be_repeated() -> None:
    dispatch_id = reserved_by_bank().dispatch_id

    def confirm() -> Dispatch:
        return confirm_payout(dispatch_id, reference="booking 7", actor="olga", now=NOON)

    tables = engine.copied_tables()
    calls = every_kill(confirm)
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                confirm()
            confirm()
            assert shop.dump() == once


def settled_by_bank(*amounts_minor: int) -> DispatchId:
    """Let Anna's cash arrive by bank."""
    dispatch_id = reserved_by_bank(*amounts_minor).dispatch_id
    confirm_payout(dispatch_id, reference="booking 7", actor="olga", now=NOON)
    return dispatch_id


def come_back(dispatch_id: DispatchId) -> Dispatch:
    return take_payout_back(dispatch_id, reason="account closed", actor="olga", now=NOON)


def give_account() -> None:
    account = PayeeDetails(person_id=ANNA, name="Anna Tee", iban=IBAN)
    give_payee(account, program_id=TEA, now=NOON)


def test_nothing_goes_to_an_account_from_which_money_came_back_until_it_is_given_again() -> None:
    come_back(settled_by_bank(500))
    assert details.find_payee(ANNA) is None
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(unreachable=1)
    give_account()
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    assert len(told(EventName.PAYEE_CHANGED)) == 1


def test_an_account_that_is_given_at_that_moment_is_whole_or_asked_for() -> None:
    dispatch_id = settled_by_bank(500)
    other = PayeeDetails(person_id=ANNA, name="Anna Tee", iban="BG80BNBG96611020345678")
    tables = engine.copied_tables()
    for at_call in range(1, every_kill(lambda: come_back(dispatch_id)) + 1):
        engine.put_tables(tables)
        forget_caches()
        with overtaken(at_call=at_call, by=lambda: give_payee(other, program_id=TEA, now=NOON)):
            come_back(dispatch_id)
        assert payout().state is DispatchState.RETURNED
        found = details.find_payee(ANNA)
        assert found is None or found.iban == other.iban


def test_money_that_arrived_and_came_back_goes_out_with_the_next_run() -> None:
    dispatch_id = settled_by_bank(500, 700)
    done = come_back(dispatch_id)
    assert (done.state, done.reason) == (DispatchState.RETURNED, "account closed")
    assert (states(), places()) == ([RewardState.AVAILABLE] * 2, {"available": 1_200})
    (returned,) = told(EventName.PAYOUT_RETURNED)
    assert (returned.data["dispatch_id"], returned.data["amount_minor"]) == (dispatch_id, 1_200)
    assert returned.data["again_minor"] == 1_200
    assert len(told(EventName.REWARD_RETURNED)) == 2
    give_account()
    assert start_payouts(now=NOON + A_DAY) == PayoutRun(reserved=1)
    confirm_payout(payouts()[-1].dispatch_id, reference="booking 8", actor="olga", now=NOON + A_DAY)
    assert places() == {"paid": 1_200}
    assert is_sound()


def test_what_was_clawed_back_of_money_that_came_back_is_owed_no_more() -> None:
    dispatch_id = settled_by_bank(500, 700)
    first, second = rewards.list_of_owner(TEA, ANNA)
    take_back(key_of(first), owed_minor=0, now=NOON)
    take_back(key_of(second), owed_minor=600, now=NOON)
    assert places() == {"paid": 1_200, "debt": -600}
    come_back(dispatch_id)
    assert states() == [RewardState.VOIDED, RewardState.AVAILABLE]
    assert places() == {"available": 600}
    (returned,) = told(EventName.PAYOUT_RETURNED)
    assert returned.data["again_minor"] == 600
    assert is_sound()


def test_what_a_debt_had_taken_all_of_is_no_part_of_what_came_back() -> None:
    settled_by_bank(800)
    (first,) = rewards.list_of_owner(TEA, ANNA)
    take_back(key_of(first), owed_minor=0, now=NOON)
    earn(300, 700, first=2)
    start_payouts(now=NOON + A_DAY)
    second = payouts()[-1]
    confirm_payout(second.dispatch_id, reference="booking 8", actor="olga", now=NOON + A_DAY)
    assert (second.amount_minor, places()) == (200, {"paid": 1_000})
    come_back(second.dispatch_id)
    assert places() == {"available": 200, "paid": 800}
    assert sorted(states()) == [
        RewardState.AVAILABLE,
        RewardState.CLAWED_BACK,
        RewardState.FULFILLED,
    ]
    assert is_sound()


def test_a_debt_that_is_none_any_more_goes_out_with_the_next_payout() -> None:
    dispatch_id = settled_by_bank(800)
    (first,) = rewards.list_of_owner(TEA, ANNA)
    take_back(key_of(first), owed_minor=0, now=NOON)
    earn(300, 700, first=2)
    start_payouts(now=NOON + A_DAY)
    confirm_payout(payouts()[-1].dispatch_id, reference="8", actor="olga", now=NOON + A_DAY)
    come_back(dispatch_id)  # after 800 of later rewards had paid for it
    assert places() == {"paid": 200, "debt": 800}
    give_account()
    earn(50, 40, 30, first=4)
    start_payouts(now=NOON + 2 * A_DAY)
    assert payouts()[-1].amount_minor == 920
    *_, netted = told(EventName.REWARD_NETTED)
    assert netted.data["paid_minor"] == -800
    confirm_payout(payouts()[-1].dispatch_id, reference="9", actor="olga", now=NOON + 2 * A_DAY)
    assert places() == {"paid": 1_120}
    assert is_sound()


def test_that_money_came_back_can_be_said_again_and_nothing_else_after_it() -> None:
    dispatch_id = settled_by_bank(500)
    come_back(dispatch_id)
    before = shop.dump()
    come_back(dispatch_id)
    return_payout(dispatch_id, reason="never arrived", actor="olga", now=NOON)
    with pytest.raises(DuplicatePayoutWordError):
        confirm_payout(dispatch_id, reference="booking 7", actor="olga", now=NOON)
    assert shop.dump() == before


def test_money_that_did_not_arrive_did_not_come_back() -> None:
    dispatch_id = reserved_by_bank().dispatch_id
    with pytest.raises(DispatchMoveNotAllowedError):
        come_back(dispatch_id)
    with pytest.raises(DispatchNotFoundError):
        come_back(DispatchId("pay_no"))


def test_a_difference_that_is_resolved_says_no_more_that_a_payout_is_gone() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    advance(payer)
    dispatch_id = payout().dispatch_id
    payer.orders.clear()
    reconcile_payouts(PayoutProvider.TREMENDOUS, payer, now=NOON + 2 * AN_HOUR)
    (difference,) = differences.list_open(PayoutProvider.TREMENDOUS)
    differences.resolve(
        difference.provider, difference.difference_id, actor="olga", note="it is there", now=NOON
    )
    with pytest.raises(DispatchMoveNotAllowedError):
        come_back(dispatch_id)


def test_a_provider_s_payout_comes_back_once_its_books_say_so() -> None:
    open_shop()
    earn(500)
    start_payouts(now=NOON)
    payer = Payer()
    assert advance(payer) is DispatchState.SETTLED
    dispatch_id = payout().dispatch_id
    with pytest.raises(DispatchMoveNotAllowedError):
        come_back(dispatch_id)
    payer.pay(payer.asked[0], status=TheirStatus.FAILED)
    later = NOON + 2 * AN_HOUR
    assert reconcile_payouts(PayoutProvider.TREMENDOUS, payer, now=later) == 1
    assert come_back(dispatch_id).state is DispatchState.RETURNED
    assert places() == {"available": 500}
    assert reconcile_payouts(PayoutProvider.TREMENDOUS, payer, now=later) == 0
    payer.pay(payer.asked[0])
    assert reconcile_payouts(PayoutProvider.TREMENDOUS, payer, now=later) == 1  # alive after all
    assert is_sound()


def test_taking_money_in_can_be_cut_off_anywhere_and_repeated() -> None:
    dispatch_id = settled_by_bank(500, 700)
    tables = engine.copied_tables()
    calls = every_kill(lambda: come_back(dispatch_id))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                come_back(dispatch_id)
            come_back(dispatch_id)
            assert shop.dump() == once


def test_cash_that_is_paid_in_payouts_is_not_confirmed_by_hand() -> None:
    open_shop()
    (reward,) = earn(500)
    key = key_of(reward)
    with pytest.raises(PaidInPayoutsError):
        confirm_hand_over(key, reference="transfer 7", actor="olga", now=NOON)


def test_only_cash_that_is_available_is_looked_for_on_payday() -> None:
    open_shop()
    earn(500)
    promise(RewardId("rwd_credit"), owner_id=ANNA, amount_minor=5, now=NOON, kind=RewardKind.CREDIT)
    assert [key.reward_id for key in rewards.iter_cash(TEA)] == [f"rwd_{ANNA}_1"]
