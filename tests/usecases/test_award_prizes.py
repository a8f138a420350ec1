"""Prizes of leaderboards: frozen once, awarded once, whatever happens in between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.decisions import Reason
from referrals.domain.events import EventName
from referrals.domain.ids import PersonId, person_id
from referrals.domain.leaderboards import Award, Prize, Ranking
from referrals.domain.programs import BudgetTerms, Experiment, Program
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import (
    Cap,
    Conditions,
    Counted,
    Leaderboard,
    Period,
    Places,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.store import coupons, events, programs, rankings
from referrals.store.transactions import BeatenError, commit, read
from referrals.usecases.apply_program import apply_program
from referrals.usecases.award_prizes import award_prizes
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import KEYS, NOON, TEA, Purse, a_click_of, buy, enrol, give_back, purse_of, sign_up
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

BOARD = RewardRule(
    rule_id="best-of-month",
    on=Trigger.PERIOD_END,
    to=Side.ADVOCATE,
    kind=RewardKind.CREDIT,
    reward=Places(amounts_minor=(10_000, 5_000)),
    leaderboard=Leaderboard(per=Period.MONTH, by=Counted.PURCHASES),
)
NIGHT = datetime(2026, 6, 2, 0, 30, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)


def open_board(program: Program | None = None, **codes: str) -> None:
    """Put a program with a leaderboard live in May, with advocates by their codes."""
    apply_program(program or shop.a_program(rules=[BOARD]), now=NOON)
    for customer_id, code in (codes or {"anna": "ANNA10", "clara": "CLARA10"}).items():
        enrol(customer_id, code=code)


def bring(code: str, *orders: int, at: datetime = NOON) -> None:
    """Let a friend of the owner of a code buy, once per amount."""
    friend = f"friend-of-{code}-{at:%m%d}"
    sign_up(friend, clicks=[a_click_of(code, at=at)], occurred_at=at, now=at)
    for number, amount_minor in enumerate(orders):
        buy(
            friend,
            order_id=f"{friend}-{number}",
            amount_minor=amount_minor,
            occurred_at=at,
            now=at,
        )


def prizes_of(customer_id: str) -> list[Reward]:
    return [each for each in shop.rewards_of(customer_id) if each.trigger is Trigger.PERIOD_END]


def ranking(label: str = "2026-05", rule_id: str = BOARD.rule_id) -> Ranking | None:
    return rankings.find(TEA, rule_id, label)


def award_of(customer_id: str) -> Award:
    frozen = ranking()
    assert frozen is not None
    wanted = rankings.wanted_award(frozen, person_id(customer_id, key=KEYS.identity))
    read(wanted)
    assert wanted.value is not None
    return wanted.value


def test_a_month_that_is_over_awards_its_places() -> None:
    open_board()
    bring("ANNA10", 1_000, 1_000)
    bring("CLARA10", 1_000)
    assert award_prizes(now=NIGHT) == 2
    (first,), (second,) = prizes_of("anna"), prizes_of("clara")
    assert (first.amount_minor, first.step, first.state) == (10_000, 1, RewardState.HELD)
    assert (second.amount_minor, second.step) == (5_000, 2)
    assert first.because == "Promised for place 1 of the leaderboard."
    assert (first.conversion_id, first.held_until) == (None, NIGHT)
    shop.fulfil_all("anna", now=NIGHT)
    assert purse_of("anna") == Purse(paid=10_000)
    assert verify_ledger().faults == ()


def test_a_prize_is_held_as_long_as_its_rule_says_from_the_award_on() -> None:
    open_board(shop.a_program(rules=[replace(BOARD, hold_days=14)]), anna="ANNA10")
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    assert [each.held_until for each in prizes_of("anna")] == [NIGHT + timedelta(days=14)]


def test_nothing_is_awarded_before_the_period_is_over_for_a_day() -> None:
    open_board()
    bring("ANNA10", 1_000)
    assert award_prizes(now=datetime(2026, 5, 31, 23, 59, tzinfo=UTC)) == 0
    assert award_prizes(now=datetime(2026, 6, 1, 0, 30, tzinfo=UTC)) == 0
    assert ranking() is None


def test_awarding_again_changes_nothing() -> None:
    open_board()
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    before = shop.dump()
    assert award_prizes(now=NIGHT) == 0
    assert award_prizes(now=NEXT_NIGHT) == 0
    assert shop.dump() == before


def test_what_happens_after_the_ranking_is_frozen_changes_no_prize() -> None:
    open_board()
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    give_back(order_id="friend-of-ANNA10-0504-0", amount_minor=1_000, now=NIGHT)
    bring("CLARA10", 1_000, 1_000)
    award_prizes(now=NEXT_NIGHT)
    assert [each.remaining_minor for each in prizes_of("anna")] == [10_000]
    assert prizes_of("clara") == []


def test_a_refund_before_the_end_takes_its_purchase_from_the_score() -> None:
    open_board()
    bring("ANNA10", 1_000)
    give_back(order_id="friend-of-ANNA10-0504-0", amount_minor=1_000)
    assert award_prizes(now=NIGHT) == 0
    frozen = ranking()
    assert frozen is not None
    assert frozen.prizes == ()


def test_tied_advocates_share_their_places() -> None:
    open_board()
    bring("ANNA10", 1_000)
    bring("CLARA10", 1_000)
    award_prizes(now=NIGHT)
    assert [each.amount_minor for each in prizes_of("anna")] == [7_500]
    assert [each.amount_minor for each in prizes_of("clara")] == [7_500]


def test_each_period_is_a_leaderboard_of_its_own() -> None:
    june = datetime(2026, 6, 10, tzinfo=UTC)
    open_board()
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    bring("CLARA10", 1_000, at=june)
    award_prizes(now=datetime(2026, 7, 2, 0, 30, tzinfo=UTC))
    assert len(prizes_of("anna")) == 1
    assert [each.granted_at.month for each in prizes_of("clara")] == [7]


def test_quarters_and_years_are_awarded_after_they_end() -> None:
    quarter = replace(
        BOARD,
        rule_id="best-of-quarter",
        leaderboard=Leaderboard(per=Period.QUARTER, by=Counted.REVENUE),
    )
    year = replace(BOARD, rule_id="best-of-year", leaderboard=Leaderboard(per=Period.YEAR))
    open_board(shop.a_program(rules=[quarter, year]), anna="ANNA10")
    bring("ANNA10", 1_000)
    assert award_prizes(now=NIGHT) == 0
    assert award_prizes(now=datetime(2026, 7, 2, 0, 30, tzinfo=UTC)) == 1
    assert award_prizes(now=datetime(2027, 1, 2, 0, 30, tzinfo=UTC)) == 1
    assert [each.rule_id for each in prizes_of("anna")] == ["best-of-quarter", "best-of-year"]


def test_a_rule_that_came_after_the_period_awards_nothing_for_it() -> None:
    apply_program(shop.a_program(rules=[shop.ADVOCATE_TENTH]), now=NOON)
    enrol("anna", code="ANNA10")
    apply_program(shop.a_program(rules=[BOARD]), now=datetime(2026, 6, 1, tzinfo=UTC))
    bring("ANNA10", 1_000)  # in May, and reported in June
    assert award_prizes(now=NIGHT) == 0
    assert ranking() is None


def test_terms_that_change_after_the_period_do_not_change_its_prizes() -> None:
    open_board()
    bring("ANNA10", 1_000)
    later = datetime(2026, 6, 1, 9, tzinfo=UTC)
    apply_program(shop.a_program(rules=[shop.ADVOCATE_TENTH]), now=later)
    award_prizes(now=NIGHT)
    assert [(each.amount_minor, each.version) for each in prizes_of("anna")] == [(10_000, 1)]


def test_a_ranking_is_no_version_of_the_program() -> None:
    open_board()
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    assert [program.version for program, _ in programs.list_versions(TEA)] == [1]
    assert [program.program_id for program in programs.iter_live()] == [TEA]


def test_whoever_could_not_be_given_a_prize_leaves_the_place_to_others() -> None:
    vips_only = replace(BOARD, only=Conditions(segments=("vip",)))
    open_board(shop.a_program(rules=[vips_only]))
    bring("ANNA10", 1_000)
    assert award_prizes(now=NIGHT) == 0
    frozen = ranking()
    assert frozen is not None
    assert frozen.prizes == ()


def test_nobody_in_the_holdout_is_ranked() -> None:
    all_out = Experiment(name="all out", holdout_bps=10_000)
    open_board(replace(shop.a_program(rules=[BOARD]), experiment=all_out))
    bring("ANNA10", 1_000)
    assert award_prizes(now=NIGHT) == 0


def test_a_prize_that_a_cap_refuses_is_decided_for_good() -> None:
    rules = [replace(BOARD, caps=(Cap(per=Period.DAY, rewards=1),)), shop.ADVOCATE_TENTH]
    program = replace(shop.a_program(rules=rules), caps=(Cap(per=Period.MONTH, rewards=1),))
    open_board(program, anna="ANNA10")
    bring("ANNA10", 1_000)
    bring("ANNA10", 1_000, at=NIGHT)  # takes June's one reward
    assert award_prizes(now=NIGHT) == 0
    assert [each.reason for each in award_of("anna").decisions] == [Reason.CAP_REACHED]
    assert award_of("anna").reward is None
    before = shop.dump()
    award_prizes(now=NEXT_NIGHT)
    assert shop.dump() == before
    assert prizes_of("anna") == []


def test_prizes_that_the_budget_has_no_room_for_wait_for_it() -> None:
    program = replace(shop.a_program(rules=[BOARD]), budget=BudgetTerms(total_minor=12_000))
    open_board(program)
    bring("ANNA10", 1_000, 1_000)
    bring("CLARA10", 1_000)
    assert award_prizes(now=NIGHT) == 2
    assert [each.state for each in prizes_of("anna")] == [RewardState.HELD]
    assert [each.state for each in prizes_of("clara")] == [RewardState.QUEUED]
    apply_program(replace(program, budget=BudgetTerms(total_minor=15_000)), now=NIGHT)
    shop.fulfil_all("clara", now=NIGHT + timedelta(minutes=15))
    assert purse_of("clara") == Purse(paid=5_000)
    assert verify_ledger().faults == ()


def test_prizes_that_are_whole_come_from_their_pool() -> None:
    coupon = replace(
        BOARD, kind=RewardKind.COUPON, pool="best", reward=Places(amounts_minor=(900, 900))
    )
    open_board(shop.a_program(rules=[coupon]))
    coupons.add(TEA, "best", "BEST-1")
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    shop.fulfil_all("anna", now=NIGHT)
    assert [each.handed_over for each in prizes_of("anna")] == [{"coupon_code": "BEST-1"}]


def test_each_prize_is_told_of_once() -> None:
    open_board()
    bring("ANNA10", 1_000)
    award_prizes(now=NIGHT)
    award_prizes(now=NIGHT)
    told = [each for each in events.iter_all() if each.data.get("trigger") == Trigger.PERIOD_END]
    assert [(each.name, each.data["step"]) for each in told] == [(EventName.REWARD_HELD, 1)]


def test_a_run_that_is_cut_off_anywhere_is_continued_by_the_next() -> None:
    open_board()
    bring("ANNA10", 1_000, 1_000)
    bring("CLARA10", 1_000)
    tables = engine.copied_tables()
    calls = every_kill(lambda: award_prizes(now=NIGHT))
    once = shop.dump()
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(tables)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                award_prizes(now=NIGHT)
            forget_caches()
            award_prizes(now=NIGHT)
            assert shop.dump() == once, f"killed at call {at_call}"


def test_many_runs_at_once_award_each_prize_once() -> None:
    open_board()
    bring("ANNA10", 1_000, 1_000)
    bring("CLARA10", 1_000)
    assert sum(at_once([lambda: award_prizes(now=NIGHT)] * 8)) == 2
    assert len(prizes_of("anna")) == 1
    assert purse_of("clara") == Purse(held=5_000)
    assert verify_ledger().faults == ()


def _many_prizes(count: int) -> Ranking:
    return Ranking(
        program_id=TEA,
        rule_id=BOARD.rule_id,
        label="2026-05",
        version=1,
        frozen_at=NIGHT,
        prizes=tuple(
            Prize(person_id=PersonId(f"per_{number:024d}"), place=1, amount_minor=1, score=1)
            for number in range(count)
        ),
    )


def test_a_ranking_with_more_winners_than_an_item_holds_is_kept_in_pages() -> None:
    frozen = _many_prizes(4_001)
    commit(*rankings.insert(frozen))
    assert ranking() == frozen


def test_a_ranking_is_frozen_once() -> None:
    commit(*rankings.insert(_many_prizes(1)))
    with pytest.raises(BeatenError):
        commit(*rankings.insert(_many_prizes(2)))
    assert ranking() == _many_prizes(1)
