"""What every provider does, over HTTP, with the system behind it at its best and at its worst."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from infra.local.fakes import Misbehaviour
from referrals.domain.ids import DispatchId
from referrals.domain.providers import NotNow, Refused, TheirOrder, TheirStatus, Unknown
from referrals.fulfil.partners import NoBooksError
from referrals.runtime import clock
from tests.fulfil.outside import Case, Outside, the_partner, the_payer
from tests.shop import NOON

# what was done, and what looking up says then
DONE_BUT_UNHEARD = (
    Misbehaviour.TIME_OUT,
    Misbehaviour.HANG_UP,
    Misbehaviour.FAIL_AFTER,
    Misbehaviour.GIBBERISH,
)


@pytest.fixture(params=[the_payer, the_partner], ids=["tremendous", "partner"])
def case(request: pytest.FixtureRequest, outside: Outside) -> Case:
    make: Callable[[Outside], Case] = request.param
    return make(outside)


def the_id(case: Case) -> DispatchId:
    return case.asking.dispatch_id


def test_what_is_asked_for_is_done_once_and_for_the_amount(case: Case) -> None:
    order = case.provider.ask(case.asking)

    assert isinstance(order, TheirOrder)
    assert (order.external_id, order.amount_minor, order.unit) == (the_id(case), 1_250, "EUR")
    assert order.status is TheirStatus.DONE
    assert case.done(the_id(case)) == 1


def test_who_asks_again_under_the_same_id_gets_the_same_order(case: Case) -> None:
    first = case.provider.ask(case.asking)

    assert case.provider.ask(case.asking) == first
    assert case.provider.look_up(the_id(case)) == first
    assert case.done(the_id(case)) == 1


def test_two_who_ask_at_once_get_one_order(case: Case) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: case.provider.ask(case.asking), range(4)))

    assert answers == [answers[0]] * 4
    assert case.done(the_id(case)) == 1


def test_what_was_never_asked_for_is_surely_not_there(case: Case) -> None:
    assert case.provider.look_up(the_id(case)) is None


@pytest.mark.parametrize("kind", DONE_BUT_UNHEARD)
def test_work_whose_answer_is_lost_is_unknown_and_found_by_looking_up(
    case: Case, kind: Misbehaviour
) -> None:
    case.conduct.misbehave(kind)

    assert isinstance(case.provider.ask(case.asking), Unknown)
    found = case.provider.look_up(the_id(case))
    assert isinstance(found, TheirOrder)
    assert (found.amount_minor, found.unit, found.status) == (1_250, "EUR", TheirStatus.DONE)
    assert case.done(the_id(case)) == 1


@pytest.mark.parametrize("kind", DONE_BUT_UNHEARD)
def test_asking_again_after_a_lost_answer_does_nothing_twice(
    case: Case, kind: Misbehaviour
) -> None:
    case.conduct.misbehave(kind)
    case.provider.ask(case.asking)

    assert isinstance(case.provider.ask(case.asking), TheirOrder)
    assert case.done(the_id(case)) == 1


def test_a_failure_before_the_work_is_unknown_and_then_surely_not_there(case: Case) -> None:
    case.conduct.misbehave(Misbehaviour.FAIL_BEFORE)

    assert case.provider.ask(case.asking) == Unknown(reason="answered 500")
    assert case.provider.look_up(the_id(case)) is None
    assert case.done(the_id(case)) == 0


@pytest.mark.parametrize(
    "kind",
    [
        Misbehaviour.TIME_OUT,
        Misbehaviour.HANG_UP,
        Misbehaviour.FAIL_BEFORE,
        Misbehaviour.FAIL_AFTER,
        Misbehaviour.GIBBERISH,
    ],
)
def test_a_look_that_gets_no_answer_says_nothing_of_the_order(
    case: Case, kind: Misbehaviour
) -> None:
    case.provider.ask(case.asking)
    case.conduct.misbehave(kind, method="GET")

    assert isinstance(case.provider.look_up(the_id(case)), Unknown)
    assert isinstance(case.provider.look_up(the_id(case)), TheirOrder)


def test_who_is_too_busy_did_nothing(case: Case) -> None:
    case.conduct.misbehave(Misbehaviour.BUSY)
    case.conduct.misbehave(Misbehaviour.BUSY, method="GET")

    assert isinstance(case.provider.ask(case.asking), NotNow)
    assert isinstance(case.provider.look_up(the_id(case)), NotNow)
    assert case.done(the_id(case)) == 0


def test_who_is_too_busy_may_say_for_how_long(case: Case) -> None:
    clock.set_source(lambda: NOON)
    case.conduct.misbehave(Misbehaviour.BUSY_FOR_LONG)
    case.conduct.misbehave(Misbehaviour.BUSY_FOR_LONG, method="GET")

    answers = [case.provider.ask(case.asking), case.provider.look_up(the_id(case))]

    half_past = NOON + timedelta(minutes=30)
    assert [isinstance(each, NotNow) and each.not_before for each in answers] == [half_past] * 2
    assert case.done(the_id(case)) == 0


def test_a_refusal_is_for_good_and_nothing_was_done(case: Case) -> None:
    case.conduct.misbehave(Misbehaviour.REFUSE)

    assert isinstance(case.provider.ask(case.asking), Refused)
    assert case.provider.look_up(the_id(case)) is None
    assert case.done(the_id(case)) == 0


def test_an_order_that_is_late_is_pending_until_it_is_done(case: Case) -> None:
    case.conduct.misbehave(Misbehaviour.LATE)

    answers = [
        case.provider.ask(case.asking),
        case.provider.look_up(the_id(case)),
        case.provider.look_up(the_id(case)),
    ]

    orders = [each for each in answers if isinstance(each, TheirOrder)]
    assert [order.status for order in orders] == ["pending", "pending", "done"]
    assert [order.amount_minor for order in orders] == [1_250, 1_250, 1_250]


def test_another_amount_than_was_asked_for_is_told_as_it_is(case: Case) -> None:
    case.conduct.misbehave(Misbehaviour.WRONG_AMOUNT)

    asked, found = case.provider.ask(case.asking), case.provider.look_up(the_id(case))

    assert isinstance(asked, TheirOrder)
    assert asked == found
    assert asked.amount_minor == 2_500


def test_a_stranger_is_told_nothing_and_nothing_is_done(case: Case) -> None:
    assert isinstance(case.stranger.ask(case.asking), NotNow)
    assert isinstance(case.stranger.look_up(the_id(case)), NotNow)
    assert case.done(the_id(case)) == 0


def test_nothing_is_done_where_nobody_listens(case: Case) -> None:
    assert isinstance(case.nowhere.ask(case.asking), NotNow)
    assert isinstance(case.nowhere.look_up(the_id(case)), NotNow)


def test_orders_that_were_made_twice_count_together(outside: Outside) -> None:
    case = the_payer(outside)
    case.conduct.misbehave(Misbehaviour.DUPLICATE)
    case.provider.ask(case.asking)

    found = case.provider.look_up(the_id(case))

    assert isinstance(found, TheirOrder)
    assert (found.amount_minor, found.reference) == (2_500, "ORDER0000001 ORDER0000002")


def test_the_payers_books_are_read_over_all_pages_each_order_once(outside: Outside) -> None:
    for number in range(107):
        outside.fakes.payer.plant(external_id=f"pay_{number}", amount_minor=100, currency="EUR")

    orders = list(outside.payer.iter_orders(clock.utc_now() - timedelta(hours=1)))

    assert [order.external_id for order in orders] == [f"pay_{n}" for n in range(106, -1, -1)]


def test_an_order_that_comes_while_the_books_are_read_hides_no_other(outside: Outside) -> None:
    payer = outside.fakes.payer
    for number in range(105):
        payer.plant(external_id=f"pay_{number}", amount_minor=100, currency="EUR")
    found: list[str] = []
    for order in outside.payer.iter_orders(clock.utc_now() - timedelta(hours=1)):
        if len(found) % 10 == 0:
            payer.plant(external_id=f"new_{len(found)}", amount_minor=1, currency="EUR")
        found.append(order.external_id)

    assert sorted(found) == sorted(f"pay_{number}" for number in range(105))


def test_the_books_begin_with_the_moment_that_was_asked_for(outside: Outside) -> None:
    outside.fakes.payer.plant(external_id="pay_1", amount_minor=100, currency="EUR")

    assert list(outside.payer.iter_orders(clock.utc_now() + timedelta(seconds=1))) == []


def test_a_partner_gives_no_books(outside: Outside) -> None:
    with pytest.raises(NoBooksError):
        outside.partner.iter_orders(clock.utc_now())
