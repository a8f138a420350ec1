"""A process may end between any two AWS calls; delivering again leaves one effect."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.exceptions import TransactWriteError

from infra.local import engine
from infra.local.cloud import LocalCloud, forget_caches
from referrals.domain.details import PayeeDetails
from referrals.domain.events import DomainEvent
from referrals.domain.ids import person_id
from referrals.runtime import clock
from referrals.store import coupons, events, messages
from referrals.usecases.announce_event import announce_event
from referrals.usecases.apply_program import apply_program
from referrals.usecases.count_clicks import ClickLine, count_clicks
from referrals.usecases.give_details import give_payee
from referrals.usecases.queue_due_rewards import queue_due_rewards
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed, refused_once
from tests.shop import KEYS, LATER, NOON, a_click_of, buy, give_back, sign_up


def _prepared() -> None:
    shop.open_shop()
    coupons.add(shop.TEA, "welcome", "TEA-1")


def _signed_up() -> None:
    _prepared()
    sign_up(clicks=[a_click_of()])


def _bought() -> None:
    _signed_up()
    buy()


def _everything_waits() -> None:
    _prepared()
    give_back()
    buy()
    buy(order_id="A-2")


def _paid() -> None:
    _bought()
    shop.fulfil_all("anna", now=LATER)


def _give_account() -> None:
    account = PayeeDetails(
        person_id=person_id("anna", key=KEYS.identity), name="Anna", iban="DE89370400440532013000"
    )
    give_payee(account, program_id=shop.TEA, now=NOON)


def _lines() -> list[ClickLine]:
    return [
        ClickLine(
            line_id=f"line-{number}",
            code="ANNA10",
            channel=f"channel{number % 3}",
            visitor=f"visitor{number % 40}",
            clicked_at=NOON + timedelta(minutes=number),
            agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            is_prefetch=False,
        )
        for number in range(60)
    ]


@dataclass(frozen=True)
class Case:
    """A use case: what has to be there, and what is delivered, interrupted, delivered again."""

    prepare: Callable[[], None]
    deliver: Callable[[], object]


CASES = {
    "apply_program": Case(lambda: None, lambda: apply_program(shop.a_program(), now=NOON)),
    "enrol_advocate": Case(_prepared, lambda: shop.enrol("ivan")),
    "record_signup": Case(_prepared, lambda: sign_up(clicks=[a_click_of()])),
    "record_signup, much waits": Case(_everything_waits, lambda: sign_up(clicks=[a_click_of()])),
    "record_signup, declined": Case(_prepared, sign_up),
    "record_purchase": Case(_signed_up, buy),
    "record_purchase, first contact": Case(_prepared, lambda: buy(clicks=[a_click_of()])),
    "record_purchase, its refund waits": Case(
        lambda: (_signed_up(), give_back(), None)[-1],  # type: ignore[func-returns-value]
        buy,
    ),
    "record_purchase, waits": Case(_prepared, buy),
    "record_refund, held": Case(_bought, give_back),
    "record_refund, paid": Case(_paid, lambda: give_back(now=LATER)),
    "record_refund, waits": Case(_prepared, give_back),
    "fulfil_reward, credit": Case(_bought, lambda: shop.fulfil_all("anna", now=LATER)),
    "fulfil_reward, coupon": Case(_signed_up, lambda: shop.fulfil_all("boris", now=NOON)),
    "give_payee": Case(_prepared, _give_account),
    "add coupons": Case(_prepared, lambda: coupons.add(shop.TEA, "welcome", "TEA-2")),
    "count_clicks": Case(_prepared, lambda: count_clicks(_lines(), now=NOON)),
}


class _Start:
    """The tables as a case finds them; every delivery starts from a copy."""

    def __init__(self, case: Case) -> None:
        case.prepare()
        self._tables, self._case = engine.copied_tables(), case

    def calls(self) -> int:
        self._begin()
        return every_kill(self._case.deliver)

    def ending(self, *, at_call: int = 0, is_after: bool = False) -> dict[str, list[Any]]:
        """Deliver, be killed at a call if one is named, deliver again; give all there is then."""
        if at_call:
            self.interrupt(at_call=at_call, is_after=is_after)
        else:
            self._begin()
        self._case.deliver()
        assert verify_ledger().faults == ()
        return shop.dump()

    def interrupt(self, *, at_call: int, is_after: bool) -> None:
        """Deliver from the start, and be killed at a call; what comes next is a new process."""
        self._begin()
        with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
            self._case.deliver()
        forget_caches()

    def _begin(self) -> None:
        engine.put_tables(self._tables)
        forget_caches()


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("name", CASES)
def test_an_end_at_any_call_and_a_second_delivery_leave_one_effect(name: str) -> None:
    start = _Start(CASES[name])
    calls, once = start.calls(), start.ending()
    assert calls > 0
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            ending = start.ending(at_call=at_call, is_after=is_after)
            assert ending == once, f"killed {'after' if is_after else 'before'} call {at_call}"


@pytest.mark.usefixtures("tables")
def test_a_refund_that_waited_is_applied_by_whatever_refund_comes_next() -> None:
    case = Case(lambda: (_signed_up(), give_back(amount_minor=2_000), None)[-1], buy)  # type: ignore[func-returns-value]
    start = _Start(case)
    for at_call in range(1, start.calls() + 1):
        for is_after in (False, True):
            start.interrupt(at_call=at_call, is_after=is_after)
            answer = give_back(amount_minor=2_000)
            give_back(refund_id="R-2", amount_minor=500)
            is_bought = shop.purse_of("anna") != shop.Purse()
            assert shop.purse_of("anna").held == (250 if is_bought else 0)
            assert (answer.outcome == "credited") is is_bought


@pytest.mark.usefixtures("tables")
def test_a_coupon_is_not_passed_over_when_the_table_is_busy() -> None:
    shop.open_shop()
    with refused_once("TransactWriteItems", "ThrottlingException"):
        assert coupons.add(shop.TEA, "welcome", "TEA-1") is True
    assert coupons.count(shop.TEA, "welcome") == (1, 0)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("operation", "code", "reasons"),
    [
        ("TransactWriteItems", "TransactionCanceledException", ["None", "TransactionConflict"]),
        ("TransactWriteItems", "TransactionCanceledException", ["ThrottlingError", "None"]),
        ("TransactWriteItems", "ThrottlingException", None),
        ("TransactGetItems", "TransactionCanceledException", ["TransactionConflict", "None"]),
        ("TransactGetItems", "ProvisionedThroughputExceededException", None),
    ],
)
def test_a_conflict_or_a_full_table_is_tried_again(
    operation: str, code: str, reasons: list[str] | None
) -> None:
    _signed_up()
    with refused_once(operation, code, reasons=reasons):
        answer = buy()
    assert (answer.is_new, answer.outcome) == (True, "credited")
    assert shop.purse_of("anna") == shop.Purse(held=500)


@pytest.mark.usefixtures("tables")
def test_a_transaction_that_can_never_succeed_is_not_tried_again() -> None:
    _signed_up()
    with (
        refused_once(
            "TransactWriteItems", "TransactionCanceledException", reasons=["ValidationError"]
        ),
        pytest.raises(TransactWriteError),
    ):
        buy()


def test_a_clock_that_stops_at_any_call_still_has_every_due_reward_paid_once() -> None:
    with LocalCloud(apps=["reward_fulfilment"]) as cloud:
        _bought()
        tables = engine.copied_tables()
        calls = every_kill(lambda: queue_due_rewards(now=LATER))
        assert calls > 0
        for at_call in range(1, calls + 1):
            for is_after in (False, True):
                engine.put_tables(tables)
                with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                    queue_due_rewards(now=LATER)
                queue_due_rewards(now=LATER)
                clock.set_source(lambda: LATER)
                cloud.settle()
                assert shop.purse_of("anna") == shop.Purse(paid=500)
                assert verify_ledger().faults == ()


def _told(cloud: LocalCloud) -> list[DomainEvent]:
    cloud.calls.clear()
    _signed_up()
    return [event for event in events.iter_all() if event.name == "referral.created"]


def test_a_mail_is_sent_at_most_once_wherever_the_process_ends_and_a_doubt_is_shown() -> None:
    with LocalCloud(apps=[]) as cloud:
        (happened,) = _told(cloud)
        calls = 0
        ends = [(at_call, is_after) for at_call in range(1, 25) for is_after in (False, True)]
        for at_call, is_after in ends:
            _forget_messages()
            before = len(cloud.mails())
            try:
                with killed(at_call=at_call, is_after=is_after):
                    announce_event(happened, keys=shop.MAIL_KEYS, now=NOON)
            except KilledError:
                calls = at_call
            announce_event(happened, keys=shop.MAIL_KEYS, now=NOON)
            sent, doubtful = cloud.mails()[before:], messages.list_in_doubt()
            # one to Anna, one to Boris
            assert len(sent) + len(doubtful) >= 2
            assert len({mail.to for mail in sent}) == len(sent) <= 2
        assert calls >= 15, "the process was killed at too few calls to prove anything"


def test_the_topic_gets_an_event_at_least_once_under_one_id() -> None:
    with LocalCloud(apps=[]) as cloud:
        (happened,) = _told(cloud)
        announce_event(happened, keys=shop.MAIL_KEYS, now=NOON)
        announce_event(happened, keys=shop.MAIL_KEYS, now=NOON)
        bodies = [message.body for message in cloud.topic_messages()]
        assert len(bodies) == 2
        assert len(set(bodies)) == 1
        assert len(cloud.mails()) == 2


def _forget_messages() -> None:
    for row in messages.MessageRow.scan():
        row.delete()


def _anna() -> str:
    return person_id("anna", key=KEYS.identity)
