"""Late attribution: by hand, with evidence, and by the terms of what it is about."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.errors import AlreadyBoundError, NotAttributableError, ProgramNotFoundError
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.links import LinkStatus
from referrals.domain.referrals import Referral
from referrals.domain.rules import Percent
from referrals.store import links
from referrals.usecases.apply_program import apply_program
from referrals.usecases.attribute_by_hand import HandAttribution, attribute_by_hand
from referrals.usecases.compare_projections import ProjectionCheck
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import KEYS, LATER, NOON, TEA, Purse, a_click_of, buy, give_back, purse_of, sign_up
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

DAY = timedelta(days=1)


def person(customer_id: str) -> PersonId:
    return person_id(customer_id, key=KEYS.identity)


def attribute(
    friend: str = "boris",
    *,
    code: str = "ANNA10",
    since: datetime = NOON - DAY,
    actor: str = "vera",
    reason: str = "she wrote to us on the day",
    program_id: ProgramId = TEA,
    now: datetime = LATER,
) -> Referral:
    asked = HandAttribution(
        program_id=program_id,
        friend_id=person(friend),
        code=code,
        since=since,
        actor=actor,
        reason=reason,
    )
    return attribute_by_hand(asked, now=now)


def open_shop() -> None:
    shop.open_shop(rules=[shop.ADVOCATE_TENTH])


def assert_sound() -> None:
    assert verify_ledger(checks=[ProjectionCheck()]).faults == ()


def test_what_a_friend_did_since_then_is_credited() -> None:
    open_shop()
    sign_up()
    buy()
    assert purse_of("anna") == Purse()
    attribute()
    assert purse_of("anna") == Purse(held=500)
    assert sign_up().outcome == "credited"
    assert_sound()


def test_what_a_friend_did_before_is_not() -> None:
    open_shop()
    buy(occurred_at=NOON - 2 * DAY)
    attribute()
    again = buy(occurred_at=NOON - 2 * DAY)
    assert (again.outcome, again.reason) == ("declined", "before_referral")
    assert purse_of("anna") == Purse()
    assert_sound()


def test_a_window_that_is_over_does_not_matter_to_an_operator() -> None:
    open_shop()
    buy(clicks=[a_click_of(at=NOON - 60 * DAY)])
    attribute(since=NOON - 60 * DAY)
    assert purse_of("anna") == Purse(held=500)


def test_terms_that_changed_in_between_do_not_matter() -> None:
    open_shop()
    buy()
    doubled = replace(shop.ADVOCATE_TENTH, reward=Percent(rate_bps=2_000))
    apply_program(shop.a_program(rules=[doubled]), now=NOON + DAY)
    buy(order_id="A-2", occurred_at=NOON + 2 * DAY, now=NOON + 2 * DAY)
    attribute()
    granted = {each.order_id: (each.version, each.amount_minor) for each in shop.rewards_of("anna")}
    assert granted == {"A-1": (1, 500), "A-2": (2, 1_000)}
    assert_sound()


def test_refunds_that_waited_are_applied() -> None:
    open_shop()
    buy()
    give_back()
    attribute()
    assert purse_of("anna") == Purse(held=400)


def test_who_said_so_and_why_stand_in_the_decision_of_every_conversion() -> None:
    open_shop()
    buy()
    referral = attribute()
    assert (referral.attributed_by, referral.note) == ("vera", "she wrote to us on the day")
    seen = buy().decisions[0]
    assert seen.rule == "referral"
    assert seen.inputs["attributed_by"] == "vera"
    assert seen.inputs["note"] == "she wrote to us on the day"


def test_a_later_order_of_the_friend_is_the_advocates_too() -> None:
    open_shop()
    attribute("dora", since=NOON)
    buy("dora")
    assert purse_of("anna") == Purse(held=500)


def test_to_say_it_twice_changes_nothing() -> None:
    open_shop()
    buy()
    first, before = attribute(), shop.dump()
    assert attribute(code="anna-10") == first
    assert shop.dump() == before


def test_a_friend_who_is_bound_stays_bound() -> None:
    open_shop()
    sign_up(clicks=[a_click_of()])
    with pytest.raises(AlreadyBoundError):
        attribute(code="CLARA10")
    with pytest.raises(AlreadyBoundError):
        attribute(code="ANNA10")


def test_nobody_is_attributed_to_themselves() -> None:
    open_shop()
    with pytest.raises(NotAttributableError, match="One's own link"):
        attribute("anna")


def test_no_circle_is_closed_by_hand_however_long_it_is() -> None:
    open_shop()
    sign_up("clara", clicks=[a_click_of()])
    shop.enrol("dora", code="DORA10")
    sign_up("dora", clicks=[a_click_of("CLARA10")])
    for code in ("CLARA10", "DORA10"):
        with pytest.raises(NotAttributableError, match="recommend the shop to each other"):
            attribute("anna", code=code)


@pytest.mark.parametrize("code", ["NOBODY", "", "\u0410\u041d\u041d\u0410", "x" * 3_000])
def test_a_code_that_nobody_has_is_refused(code: str) -> None:
    open_shop()
    with pytest.raises(NotAttributableError, match="nobody has this code"):
        attribute(code=code)


def test_a_moment_that_is_to_come_is_refused() -> None:
    open_shop()
    with pytest.raises(NotAttributableError):
        attribute(since=LATER + DAY)


def test_a_program_that_does_not_exist_is_refused() -> None:
    open_shop()
    with pytest.raises(ProgramNotFoundError):
        attribute(program_id=ProgramId("coffee"))


def test_a_paused_code_is_an_operators_to_judge() -> None:
    open_shop()
    links.set_status("ANNA10", LinkStatus.PAUSED)
    buy()
    attribute()
    assert purse_of("anna") == Purse(held=500)


def test_an_end_at_any_call_and_a_second_try_leave_one_effect() -> None:
    open_shop()
    sign_up()
    buy()
    give_back()
    buy(order_id="A-2")
    start = engine.copied_tables()
    calls, once = every_kill(attribute), shop.dump()
    assert calls > 6
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(start)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                attribute()
            attribute()
            assert shop.dump() == once


def test_of_two_who_name_each_other_at_once_one_is_bound() -> None:
    open_shop()

    def tried(friend: str, code: str) -> str:
        try:
            attribute(friend, code=code)
        except NotAttributableError:
            return "refused"
        return "bound"

    outcomes = at_once([lambda: tried("anna", "CLARA10"), lambda: tried("clara", "ANNA10")])
    assert sorted(outcomes) == ["bound", "refused"]
