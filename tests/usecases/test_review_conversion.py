"""Reviews: nothing is paid before people decide, what they approve is, what they reject is not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.local import engine
from infra.local.cloud import forget_caches
from referrals.domain.conversions import Conversion, ReviewState
from referrals.domain.decisions import Reason
from referrals.domain.errors import NotInReviewError
from referrals.domain.events import EventName
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import ConversionId, person_id
from referrals.domain.programs import BudgetTerms, Program
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Flat, Milestone, RewardRule, Trigger
from referrals.store import budgets, conversions, events, ledger, rewards
from referrals.store.transactions import read
from referrals.usecases.apply_program import apply_program
from referrals.usecases.compare_projections import ProjectionCheck
from referrals.usecases.reversals import read_case
from referrals.usecases.review_conversion import review_conversion
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import KEYS, LATER, NOON, TEA, Purse, a_click_of, buy, enrol, give_back, purse_of
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

# a conversion at the very second of its click is flagged, one that comes an hour after it is not
HELD_WHEN_TOO_FAST = FraudTerms(modes={"too_fast": FraudMode.REVIEW})
NO_BUDGET = BudgetTerms()
Decide = Callable[[ConversionId], Conversion]
AN_HOUR_BEFORE = NOON - timedelta(hours=1)
SECOND = replace(
    shop.ADVOCATE_TENTH,
    rule_id="second-purchase",
    on=Trigger.MILESTONE,
    reward=Flat(amount_minor=1_000),
    milestone=Milestone(at=(2,)),
)


def open_shop(
    *rules: RewardRule, budget: BudgetTerms = NO_BUDGET, fraud: FraudTerms = HELD_WHEN_TOO_FAST
) -> Program:
    program = replace(
        shop.a_program(rules=rules or (shop.ADVOCATE_TENTH,)), budget=budget, fraud=fraud
    )
    applied = apply_program(program, now=NOON)
    enrol("anna", code="ANNA10")
    return applied


def buy_flagged(friend: str = "boris", *, amount_minor: int = 5_000) -> ConversionId:
    """Let a friend buy for the first time, so fast that it is looked at."""
    answer = buy(
        friend, order_id=f"A-{friend}", amount_minor=amount_minor, clicks=[a_click_of(at=NOON)]
    )
    assert answer.reason is Reason.IN_REVIEW
    return answer.conversion_id


def buy_unflagged(friend: str, *, amount_minor: int = 5_000) -> ConversionId:
    click = a_click_of(at=AN_HOUR_BEFORE)
    answer = buy(friend, order_id=f"A-{friend}", amount_minor=amount_minor, clicks=[click])
    assert answer.reason is None
    return answer.conversion_id


def approve(conversion_id: ConversionId, *, actor: str = "vera") -> Conversion:
    return review_conversion(
        conversion_id, ReviewState.APPROVED, actor=actor, reason="a gift for a friend", now=LATER
    )


def reject(conversion_id: ConversionId, *, actor: str = "vera") -> Conversion:
    return review_conversion(
        conversion_id, ReviewState.REJECTED, actor=actor, reason="one and the same", now=LATER
    )


def states(customer_id: str = "anna") -> list[RewardState]:
    return [reward.state for reward in shop.rewards_of(customer_id)]


def spent_minor() -> int:
    wanted = budgets.wanted_all(TEA)
    read(*wanted)
    return sum(part.spent_minor for part in budgets.found(wanted))


def assert_sound() -> None:
    assert verify_ledger(checks=[ProjectionCheck()]).faults == ()


def test_nothing_is_paid_by_itself_while_people_look_at_it() -> None:
    open_shop()
    buy_flagged()
    shop.fulfil_all("anna", now=LATER + timedelta(days=365))
    assert list(rewards.iter_due(LATER + timedelta(days=365))) == []
    assert states() == [RewardState.IN_REVIEW]
    assert purse_of("anna") == Purse()
    assert_sound()


def test_what_waits_for_people_is_listed_until_they_decide() -> None:
    open_shop()
    first, second = buy_flagged("boris"), buy_flagged("dora")
    listed = conversions.list_in_review(TEA, most=10)
    assert sorted(case.conversion_id for case in listed) == sorted([first, second])
    approve(first)
    reject(second)
    assert conversions.list_in_review(TEA, most=10) == []


def test_whatever_a_friend_in_review_does_is_looked_at_too() -> None:
    open_shop()
    buy_flagged()
    answer = buy(order_id="A-2")
    assert answer.reason is Reason.IN_REVIEW
    assert states() == [RewardState.IN_REVIEW] * 2


def test_a_friend_who_was_approved_is_not_looked_at_again() -> None:
    open_shop()
    approve(buy_flagged())
    assert buy(order_id="A-2").reason is None


def test_a_friend_who_was_rejected_is_looked_at_every_time() -> None:
    open_shop()
    reject(buy_flagged())
    assert buy(order_id="A-2").reason is Reason.IN_REVIEW


def test_what_is_approved_is_paid_when_its_hold_is_over() -> None:
    open_shop()
    approved = approve(buy_flagged())
    assert approved.reason is None
    assert purse_of("anna") == Purse(held=500)
    shop.fulfil_all("anna", now=LATER)
    assert purse_of("anna") == Purse(paid=500)
    assert_sound()


def test_who_approved_it_and_why_is_kept() -> None:
    open_shop()
    conversion_id = buy_flagged()
    approve(conversion_id)
    conversion = read_case(conversion_id).conversion
    assert conversion is not None
    assert conversion.review is not None
    assert (conversion.review.actor, conversion.review.reason) == ("vera", "a gift for a friend")
    assert dict(conversion.decisions[-1].inputs) == {"actor": "vera", "why": "a gift for a friend"}


def test_what_is_approved_waits_when_the_budget_is_empty() -> None:
    open_shop(budget=BudgetTerms(total_minor=500))
    conversion_id = buy_flagged()
    buy_unflagged("dora")
    approve(conversion_id)
    assert sorted(states()) == [RewardState.HELD, RewardState.QUEUED]
    assert purse_of("anna") == Purse(held=500)
    assert_sound()


def test_what_is_approved_is_paid_out_of_the_budget() -> None:
    open_shop(budget=BudgetTerms(total_minor=700))
    approve(buy_flagged())
    assert spent_minor() == 500
    assert_sound()


def test_what_is_rejected_is_voided_with_its_reason_and_counts_for_nobody() -> None:
    open_shop()
    conversion_id = buy_flagged()
    rejected = reject(conversion_id)
    assert rejected.reason is Reason.REJECTED_IN_REVIEW
    assert states() == [RewardState.VOIDED]
    balance = ledger.find_balance(TEA, person_id("anna", key=KEYS.identity))
    assert balance is not None
    assert (balance.purchases, balance.cap_use("advocate-tenth").all_time.rewards) == (0, 0)
    shop.fulfil_all("anna", now=LATER)
    assert purse_of("anna") == Purse()
    assert buy("boris", order_id="A-boris", clicks=[a_click_of(at=NOON)]).reason == (
        Reason.REJECTED_IN_REVIEW
    )
    assert_sound()


def test_the_reason_of_a_rejection_is_told_to_nobody_but_operators() -> None:
    open_shop()
    rejected = reject(buy_flagged())
    assert rejected.decisions[-1].says == "It was looked at and does not count."


@pytest.mark.parametrize("decide", [approve, reject])
def test_to_decide_the_same_again_changes_nothing(decide: Decide) -> None:
    open_shop()
    conversion_id = buy_flagged()
    first = decide(conversion_id)
    before = shop.dump()
    assert decide(conversion_id) == first
    assert shop.dump() == before


def test_what_was_decided_is_not_decided_otherwise() -> None:
    open_shop()
    approved, rejected = buy_flagged("boris"), buy_flagged("dora")
    approve(approved)
    reject(rejected)
    with pytest.raises(NotInReviewError):
        reject(approved)
    with pytest.raises(NotInReviewError):
        approve(rejected)


def test_what_nobody_flagged_or_nobody_reported_cannot_be_decided() -> None:
    open_shop()
    conversion_id = buy_unflagged("dora")
    with pytest.raises(NotInReviewError):
        approve(conversion_id)
    with pytest.raises(NotInReviewError):
        approve(ConversionId("cnv_nothing"))


@pytest.mark.parametrize(("back_minor", "held_minor"), [(1_000, 400), (5_000, 0)])
def test_a_refund_during_a_review_is_taken_off_what_is_approved(
    back_minor: int, held_minor: int
) -> None:
    open_shop(budget=BudgetTerms(total_minor=10_000))
    conversion_id = buy_flagged()
    give_back(order_id="A-boris", amount_minor=back_minor)
    assert purse_of("anna") == Purse()
    approve(conversion_id)
    assert purse_of("anna") == Purse(held=held_minor)
    assert spent_minor() == held_minor
    assert_sound()


def test_a_refund_after_a_rejection_takes_nothing_more() -> None:
    open_shop()
    reject(buy_flagged())
    give_back(order_id="A-boris", amount_minor=5_000)
    assert purse_of("anna") == Purse()
    assert_sound()


def test_a_milestone_waits_with_the_purchase_that_reaches_it() -> None:
    open_shop(SECOND)
    buy_unflagged("dora")
    conversion_id = buy_flagged()
    assert states() == [RewardState.IN_REVIEW]
    approve(conversion_id)
    assert purse_of("anna") == Purse(held=1_000)
    assert_sound()


def test_a_milestone_falls_with_the_purchase_that_reached_it() -> None:
    open_shop(SECOND)
    buy_unflagged("dora")
    reject(buy_flagged())
    assert states() == [RewardState.VOIDED]
    buy_unflagged("ivan")
    assert purse_of("anna") == Purse(held=1_000)
    assert_sound()


@pytest.mark.parametrize("back_minor", [0, 5_000], ids=["bought", "refunded before"])
def test_a_milestone_that_others_reach_without_it_waits_no_longer(back_minor: int) -> None:
    open_shop(SECOND, budget=BudgetTerms(total_minor=10_000))
    buy_unflagged("dora")
    conversion_id = buy_flagged()
    buy_unflagged("ivan")
    if back_minor:
        give_back(order_id="A-boris", amount_minor=back_minor)
    reject(conversion_id)
    assert states() == [RewardState.HELD]
    assert spent_minor() == 1_000
    assert_sound()


def test_a_milestone_that_another_purchase_reached_falls_and_gives_its_budget_back() -> None:
    open_shop(SECOND, budget=BudgetTerms(total_minor=10_000))
    conversion_id = buy_flagged()
    buy_unflagged("dora")
    assert spent_minor() == 1_000
    reject(conversion_id)
    assert states() == [RewardState.VOIDED]
    assert spent_minor() == 0
    assert_sound()


@pytest.mark.parametrize("decide", [approve, reject])
def test_an_end_at_any_call_and_a_second_try_leave_one_decision(decide: Decide) -> None:
    open_shop(shop.ADVOCATE_TENTH, SECOND, budget=BudgetTerms(total_minor=10_000))
    buy_unflagged("dora")
    conversion_id = buy_flagged()
    start = engine.copied_tables()

    def play() -> None:
        decide(conversion_id)

    calls, once = every_kill(play), shop.dump()
    assert calls > 2
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(start)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                play()
            play()
            assert shop.dump() == once


def test_of_an_approval_and_a_rejection_at_once_one_wins() -> None:
    open_shop(shop.ADVOCATE_TENTH, SECOND)
    for number in range(5):
        conversion_id = buy_flagged(f"friend-{number}")
        outcomes = at_once([_tried(approve, conversion_id), _tried(reject, conversion_id)] * 3)
        assert sorted(set(outcomes)) in (["approved", "refused"], ["refused", "rejected"])
        assert outcomes.count("refused") == 3
    assert_sound()
    reviewed = [each for each in events.iter_all() if each.name is EventName.CONVERSION_REVIEWED]
    assert len(reviewed) == 5


def _tried(decide: Decide, conversion_id: ConversionId) -> Callable[[], str]:
    def attempt() -> str:
        try:
            decided = decide(conversion_id)
        except NotInReviewError:
            return "refused"
        return str(decided.review.state) if decided.review else "lost"

    return attempt
