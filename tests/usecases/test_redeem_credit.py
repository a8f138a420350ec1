"""Credit and points are spent once, never below nothing, and given back once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from referrals.domain.catalogue import CatalogueItem
from referrals.domain.errors import (
    AdvocateNotFoundError,
    DuplicateRedemptionError,
    ProgramNotFoundError,
    RedemptionNotFoundError,
)
from referrals.domain.events import EventName
from referrals.domain.ids import ProgramId, RewardId
from referrals.domain.landings import ProgramStatus
from referrals.domain.ledger import Place
from referrals.domain.payouts import PayoutTerms
from referrals.domain.redemptions import RedemptionOutcome, Refusal
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Cap, Flat, Period, RewardKind, Side
from referrals.store import coupons, events, ledger, redemptions
from referrals.store.transactions import commit
from referrals.usecases.apply_program import apply_program
from referrals.usecases.explain_reward import explain_reward
from referrals.usecases.forget_person import forget_person
from referrals.usecases.replay_log import replay_log
from referrals.usecases.show_redemption import show_redemption
from referrals.usecases.spendings import Redeemed
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, every_kill, killed
from tests.shop import (
    KEYS,
    NOON,
    TEA,
    Purse,
    a_click_of,
    buy,
    credit_of,
    enrol,
    give_back,
    purse_of,
    restore,
    spend,
)
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

REDEEMED, RESTORED, DECLINED = RedemptionOutcome
CREDIT = replace(shop.ADVOCATE_TENTH, hold_days=0)
THANKS = replace(shop.FRIEND_THANKS, hold_days=0)
POINTS = replace(CREDIT, rule_id="points", kind=RewardKind.POINTS, reward=Flat(amount_minor=50))
MUG = CatalogueItem(
    item_id="mug", name="A mug", points=30, kind=RewardKind.GIFT, amount_minor=900, pool="mugs"
)
VOUCHER = CatalogueItem(
    item_id="voucher", name="Four euro", points=20, kind=RewardKind.CREDIT, amount_minor=400
)
AN_HOUR_LATER = NOON + timedelta(hours=1)


def earn() -> None:
    """Let Anna have 500 of credit and 50 points, Boris 300 of credit."""
    terms = shop.a_program(rules=[CREDIT, THANKS, POINTS])
    # the least that a cap can leave: whatever is redeemed must not be counted by it
    caps = (Cap(per=Period.ALL_TIME, rewards=2),)
    apply_program(replace(terms, catalogue=(MUG, VOUCHER), caps=caps), now=NOON)
    enrol("anna", code="ANNA10")
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=NOON)
    shop.fulfil_all("boris", now=NOON)


def told(answer: Redeemed) -> tuple[RedemptionOutcome, int | None, int]:
    return answer.outcome, answer.amount_minor, answer.credit_minor


def refused(answer: Redeemed) -> Refusal | None:
    assert (answer.outcome, answer.is_new) == (DECLINED, False)
    return answer.reason


def item_rewards() -> list[tuple[str, RewardState]]:
    rewards = shop.rewards_of("anna")
    return [(each.rule_id, each.state) for each in rewards if each.rule_id.startswith("catalogue:")]


def assert_the_books_are_right() -> None:
    assert verify_ledger().faults == ()
    assert replay_log().faults == ()


def test_credit_is_spent_and_what_is_left_is_told() -> None:
    earn()
    answer = spend(200, order_id="B-1")
    assert (answer.is_new, told(answer)) == (True, (REDEEMED, 200, 300))
    assert (credit_of("anna"), purse_of("anna")) == (300, Purse(paid=500))
    assert told(spend(300, reference="S-2")) == (REDEEMED, 300, 0)
    assert credit_of("anna") == 0
    assert_the_books_are_right()


def test_a_friend_spends_credit_too() -> None:
    earn()
    assert told(spend(300, customer_id="boris")) == (REDEEMED, 300, 0)
    assert credit_of("boris") == 0


def test_points_are_spent_like_credit_and_apart_from_it() -> None:
    earn()
    assert told(spend(40, unit="points")) == (REDEEMED, 40, 10)
    assert (credit_of("anna"), credit_of("anna", unit="points")) == (500, 10)
    assert_the_books_are_right()


def test_a_redemption_that_is_delivered_twice_is_spent_once() -> None:
    earn()
    first = spend(200, order_id="B-1")
    again = spend(200, order_id="B-1", now=AN_HOUR_LATER)
    assert again == replace(first, is_new=False, redemption=again.redemption)
    assert again.redemption is not None
    assert again.redemption.redeemed_at == NOON
    assert credit_of("anna") == 300


@pytest.mark.parametrize(
    "otherwise",
    [
        partial(spend, 201, order_id="B-1"),
        partial(spend, 200, order_id="B-2"),
        partial(spend, 200),
        partial(spend, 200, order_id="B-1", unit="points"),
        partial(spend, item="mug", order_id="B-1"),
    ],
)
def test_the_same_id_with_other_content_is_refused(otherwise: Callable[[], Redeemed]) -> None:
    earn()
    spend(200, order_id="B-1")
    with pytest.raises(DuplicateRedemptionError):
        otherwise()
    assert credit_of("anna") == 300


def test_the_same_id_of_another_customer_is_another_redemption() -> None:
    earn()
    assert told(spend(200)) == (REDEEMED, 200, 300)
    assert told(spend(100, customer_id="boris")) == (REDEEMED, 100, 200)


def test_more_than_there_is_is_declined_and_may_be_asked_again() -> None:
    earn()
    answer = spend(501)
    assert (refused(answer), answer.credit_minor) == (Refusal.INSUFFICIENT_CREDIT, 500)
    assert list(redemptions.iter_all()) == []
    assert told(spend(500)) == (REDEEMED, 500, 0)


def test_what_is_held_is_not_spent() -> None:
    shop.open_shop()
    buy(clicks=[a_click_of()])
    assert refused(spend(1)) is Refusal.INSUFFICIENT_CREDIT


def test_what_is_not_of_this_currency_is_not_spent() -> None:
    earn()
    answer = spend(100, unit="USD")
    assert (refused(answer), answer.credit_minor) == (Refusal.INSUFFICIENT_CREDIT, 0)


def test_credit_is_spent_although_the_program_is_paused() -> None:
    earn()
    terms = shop.a_program(rules=[CREDIT])
    paused = replace(terms, landing=replace(terms.landing, status=ProgramStatus.PAUSED))
    apply_program(paused, now=NOON)
    assert told(spend(200)) == (REDEEMED, 200, 300)


def test_nobody_and_no_program_spend_nothing() -> None:
    earn()
    with pytest.raises(AdvocateNotFoundError):
        spend(1, customer_id="stranger")
    with pytest.raises(ProgramNotFoundError):
        spend(1, program_id=ProgramId("coffee"))


def test_an_advocate_with_nothing_yet_is_told_so() -> None:
    earn()
    enrol("clara", code="CLARA10")
    answer = spend(1, customer_id="clara")
    assert (refused(answer), answer.credit_minor) == (Refusal.INSUFFICIENT_CREDIT, 0)


def test_who_is_forgotten_spends_nothing() -> None:
    earn()
    forget_person("anna", keys=KEYS, now=NOON)
    assert refused(spend(1)) is Refusal.NOT_ACTIVE


def test_sixteen_at_once_spend_no_more_than_there_is() -> None:
    earn()
    answers = at_once([partial(spend, 60, reference=f"S-{number}") for number in range(16)])
    outcomes = Counter(answer.outcome for answer in answers)
    assert outcomes == {REDEEMED: 8, DECLINED: 8}
    assert credit_of("anna") == 20
    assert sum(each.amount_minor for each in redemptions.iter_all()) == 480
    assert_the_books_are_right()


def test_sixteen_deliveries_of_one_redemption_spend_it_once() -> None:
    earn()
    answers = at_once([partial(spend, 200)] * 16)
    assert Counter(answer.is_new for answer in answers) == {True: 1, False: 15}
    assert credit_of("anna") == 300
    assert_the_books_are_right()


@pytest.mark.parametrize("is_after", [False, True])
def test_a_redemption_that_is_cut_off_anywhere_is_spent_once_when_it_is_sent_again(
    is_after: bool,  # noqa: FBT001 - pytest hands it in
) -> None:
    earn()
    calls = every_kill(lambda: spend(10, reference="S-0"))
    for at_call in range(1, calls + 1):
        reference = f"S-{at_call}"
        with pytest.raises(KilledError), killed(at_call=at_call, is_after=is_after):
            spend(10, reference=reference)
        assert spend(10, reference=reference).outcome is REDEEMED
    assert credit_of("anna") == 490 - 10 * calls
    assert_the_books_are_right()


# debts


def test_what_is_owed_cannot_be_spent() -> None:
    earn()
    give_back(amount_minor=2_000)
    assert (credit_of("anna"), purse_of("anna")) == (500, Purse(paid=500, debt=-200))
    answer = spend(301)
    assert (refused(answer), answer.credit_minor) == (Refusal.INSUFFICIENT_CREDIT, 300)
    assert told(spend(300)) == (REDEEMED, 300, 0)
    assert_the_books_are_right()


def test_credit_that_is_spent_and_then_clawed_back_stays_owed_and_is_never_less_than_nothing() -> (
    None
):
    earn()
    spend(400)
    give_back(amount_minor=5_000)
    assert (credit_of("anna"), purse_of("anna")) == (100, Purse(paid=500, debt=-500))
    answer = spend(1, reference="S-2")
    assert (refused(answer), answer.credit_minor) == (Refusal.INSUFFICIENT_CREDIT, 0)
    assert_the_books_are_right()


def test_what_is_given_back_pays_no_debt_and_is_not_spendable_while_one_stands() -> None:
    earn()
    spend(400)
    give_back(amount_minor=5_000)
    assert told(restore()) == (RESTORED, 400, 0)
    assert (credit_of("anna"), purse_of("anna")) == (500, Purse(paid=500, debt=-500))
    assert_the_books_are_right()


# giving back


def test_a_redemption_is_given_back_whole_and_once() -> None:
    earn()
    spend(200)
    first = restore(now=AN_HOUR_LATER)
    assert (first.is_new, told(first)) == (True, (RESTORED, 200, 500))
    again = restore(now=AN_HOUR_LATER + timedelta(hours=1))
    assert again == replace(first, is_new=False, redemption=again.redemption)
    assert again.redemption is not None
    assert again.redemption.restored_at == AN_HOUR_LATER
    assert (credit_of("anna"), purse_of("anna")) == (500, Purse(paid=500))
    assert_the_books_are_right()


def test_what_was_given_back_stays_so_when_its_redemption_is_delivered_once_more() -> None:
    earn()
    spend(200)
    restore()
    again = spend(200)
    assert (again.is_new, told(again)) == (False, (RESTORED, 200, 500))
    assert credit_of("anna") == 500


def test_sixteen_at_once_give_back_once() -> None:
    earn()
    spend(200)
    answers = at_once([restore] * 16)
    assert Counter(answer.is_new for answer in answers) == {True: 1, False: 15}
    assert credit_of("anna") == 500
    assert_the_books_are_right()


def test_what_was_never_spent_is_not_given_back_and_may_be_spent_after() -> None:
    earn()
    with pytest.raises(RedemptionNotFoundError):
        restore()
    assert told(spend(200)) == (REDEEMED, 200, 300)


def test_a_redemption_is_shown_as_it_is() -> None:
    earn()
    with pytest.raises(RedemptionNotFoundError):
        show_redemption("anna", TEA, "S-1", keys=KEYS)
    spend(200)
    assert told(show_redemption("anna", TEA, "S-1", keys=KEYS)) == (REDEEMED, 200, 300)
    restore()
    assert told(show_redemption("anna", TEA, "S-1", keys=KEYS)) == (RESTORED, 200, 500)


# the catalogue


def test_points_buy_an_item_which_is_handed_over_like_any_reward() -> None:
    earn()
    coupons.add(TEA, "mugs", "M-1")
    answer = spend(item="mug")
    assert told(answer) == (REDEEMED, 30, 20)
    assert answer.reward is not None
    assert (answer.reward.kind, answer.reward.side, answer.reward.amount_minor) == (
        RewardKind.GIFT,
        Side.ADVOCATE,
        900,
    )
    assert answer.reward.because == "Promised for points."
    assert purse_of("anna") == Purse(available=900, paid=500)
    assert purse_of("anna", unit="points") == Purse(paid=50)
    assert_the_books_are_right()
    shop.fulfil_all("anna", now=NOON)
    assert item_rewards() == [("catalogue:mug", RewardState.FULFILLED)]
    assert purse_of("anna") == Purse(paid=1_400)
    assert_the_books_are_right()


def test_all_of_an_item_is_one_journal_and_one_entry_of_the_log() -> None:
    earn()
    before = len(list(ledger.iter_journals()))
    answer = spend(item="voucher")
    assert len(list(ledger.iter_journals())) == before + 1
    names = [each.name for each in events.iter_all() if "rdm_" in str(each.data)]
    assert names == [EventName.CREDIT_REDEEMED]
    assert answer.reward is not None
    found = [each for each in events.iter_all() if each.data.get("reward_id")]
    own = [each.name for each in found if each.data["reward_id"] == answer.reward.reward_id]
    assert own == [EventName.REWARD_AVAILABLE]


def test_a_friend_with_points_gets_the_item_as_a_friend() -> None:
    points = replace(THANKS, kind=RewardKind.POINTS, reward=Flat(amount_minor=20))
    terms = shop.a_program(rules=[points])
    apply_program(replace(terms, catalogue=(VOUCHER,)), now=NOON)
    enrol("anna", code="ANNA10")
    buy(clicks=[a_click_of()])
    shop.fulfil_all("boris", now=NOON)
    answer = spend(customer_id="boris", item="voucher")
    assert answer.reward is not None
    assert answer.reward.side is Side.FRIEND
    assert_the_books_are_right()


def test_an_item_that_is_credit_can_be_spent_once_it_is_handed_over() -> None:
    earn()
    spend(item="voucher")
    assert refused(spend(900, reference="S-2")) is Refusal.INSUFFICIENT_CREDIT
    shop.fulfil_all("anna", now=NOON)
    assert told(spend(900, reference="S-2")) == (REDEEMED, 900, 0)
    assert_the_books_are_right()


def test_an_item_out_of_stock_is_declined_and_had_when_the_stock_is_filled() -> None:
    earn()
    answer = spend(item="mug")
    assert (refused(answer), answer.amount_minor) == (Refusal.OUT_OF_STOCK, 30)
    coupons.add(TEA, "mugs", "M-1")
    assert told(spend(item="mug")) == (REDEEMED, 30, 20)


def test_an_item_that_the_catalogue_has_not_is_declined() -> None:
    earn()
    answer = spend(item="teapot")
    assert (refused(answer), answer.amount_minor) == (Refusal.NO_SUCH_ITEM, None)


def test_an_item_for_more_points_than_there_are_is_declined() -> None:
    earn()
    spend(item="voucher")
    coupons.add(TEA, "mugs", "M-1")
    assert told(spend(item="mug", reference="S-2")) == (REDEEMED, 30, 0)
    answer = spend(item="voucher", reference="S-3")
    assert (refused(answer), answer.credit_minor) == (Refusal.INSUFFICIENT_CREDIT, 0)


def test_sixteen_at_once_get_no_more_items_than_there_are_points_for() -> None:
    earn()
    answers = at_once([partial(spend, item="voucher", reference=f"S-{n}") for n in range(16)])
    assert Counter(answer.outcome for answer in answers) == {REDEEMED: 2, DECLINED: 14}
    assert (credit_of("anna", unit="points"), len(item_rewards())) == (10, 2)
    assert_the_books_are_right()


def test_an_item_at_another_price_by_now_is_the_same_redemption_still() -> None:
    earn()
    spend(item="voucher")
    terms = shop.a_program(rules=[CREDIT, THANKS, POINTS])
    apply_program(replace(terms, catalogue=(replace(VOUCHER, points=25),)), now=NOON)
    assert told(spend(item="voucher")) == (REDEEMED, 20, 30)
    (reward,) = [each for each in shop.rewards_of("anna") if each.trigger == "redemption"]
    assert explain_reward(reward.reward_id).is_same


def test_an_item_nobody_has_claimed_is_given_back_with_its_points() -> None:
    earn()
    spend(item="voucher")
    answer = restore()
    assert told(answer) == (RESTORED, 20, 50)
    assert answer.reward is not None
    assert answer.reward.state is RewardState.VOIDED
    assert purse_of("anna") == Purse(paid=500)
    assert credit_of("anna", unit="points") == 50
    shop.fulfil_all("anna", now=NOON)
    assert item_rewards() == [("catalogue:voucher", RewardState.VOIDED)]
    assert_the_books_are_right()


def test_an_item_that_was_handed_over_is_not_given_back_and_the_answer_says_why() -> None:
    earn()
    spend(item="voucher")
    shop.fulfil_all("anna", now=NOON)
    answer = restore()
    assert refused(answer) is Refusal.REWARD_NOT_AVAILABLE
    assert answer.reward is not None
    assert answer.reward.state is RewardState.FULFILLED
    assert credit_of("anna", unit="points") == 30
    assert show_redemption("anna", TEA, "S-1", keys=KEYS).outcome is REDEEMED
    assert_the_books_are_right()


def test_an_item_that_waits_for_stock_is_given_back_and_its_points_with_it() -> None:
    earn()
    coupons.add(TEA, "mugs", "M-1")
    spend(item="mug")
    commit(*coupons.take(TEA, "mugs", "M-1", RewardId("rwd_of_somebody_quicker")))
    shop.fulfil_all("anna", now=NOON)
    assert item_rewards() == [("catalogue:mug", RewardState.AVAILABLE)]
    assert told(restore()) == (RESTORED, 30, 50)
    assert item_rewards() == [("catalogue:mug", RewardState.VOIDED)]
    assert_the_books_are_right()


def test_an_item_that_paid_a_debt_before_it_was_put_back_leaves_the_debt_again() -> None:
    cash = replace(VOUCHER, item_id="cash", kind=RewardKind.CASH)
    earn()
    terms = shop.a_program(rules=[CREDIT, THANKS, POINTS])
    apply_program(replace(terms, catalogue=(cash,), payouts=PayoutTerms()), now=NOON)
    give_back(amount_minor=1_000)
    assert purse_of("anna") == Purse(paid=500, debt=-100)
    spend(item="cash")
    shop.fulfil_all("anna", now=NOON)
    assert purse_of("anna") == Purse(available=300, paid=500)
    assert told(restore()) == (RESTORED, 20, 50)
    assert purse_of("anna") == Purse(paid=500, debt=-100)
    assert_the_books_are_right()


def test_an_item_is_explained_by_its_redemption() -> None:
    earn()
    spend(item="voucher")
    (reward,) = [each for each in shop.rewards_of("anna") if each.trigger == "redemption"]
    explained = explain_reward(reward.reward_id)
    assert (explained.is_same, explained.recomputed_minor) == (True, 400)
    worked_out = explained.sections[-1]
    assert "redeemed for 20 points" in worked_out.lines[0]
    journals = next(each for each in explained.sections if each.title == "journals")
    assert "Spent: S-1" in journals.lines[0]
    restore()
    after = explain_reward(reward.reward_id)
    assert (after.is_same, after.recomputed_minor) == (True, 0)


def test_whoever_is_forgotten_gives_up_an_item_that_nobody_handed_over() -> None:
    earn()
    spend(item="voucher")
    assert forget_person("anna", keys=KEYS, now=NOON, voids_rewards=True).voided_rewards == 1
    assert item_rewards() == [("catalogue:voucher", RewardState.VOIDED)]
    assert refused(restore()) is Refusal.REWARD_NOT_AVAILABLE
    assert_the_books_are_right()


def test_a_balance_says_where_everything_is() -> None:
    earn()
    spend(200)
    spend(item="voucher", reference="S-2")
    found = ledger.find_balance(TEA, shop.rewards_of("anna")[0].owner_id)
    assert found is not None
    assert {
        (place, unit): found.amount(place, unit) for place in Place for unit in found.units
    } == {
        (Place.HELD, "EUR"): 0,
        (Place.AVAILABLE, "EUR"): 400,
        (Place.CREDIT, "EUR"): 300,
        (Place.PAID, "EUR"): 200,
        (Place.DEBT, "EUR"): 0,
        (Place.HELD, "points"): 0,
        (Place.AVAILABLE, "points"): 0,
        (Place.CREDIT, "points"): 30,
        (Place.PAID, "points"): 20,
        (Place.DEBT, "points"): 0,
    }
