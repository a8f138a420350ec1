"""Refunds: what an order gives back, its rewards give back, in any order and never twice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.budgets import Budget, Draw
from referrals.domain.caps import Use
from referrals.domain.conversions import Case, Refund, Review, ReviewState
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.events import EventName
from referrals.domain.fraud.terms import FraudMode
from referrals.domain.granting import note
from referrals.domain.ids import RewardId
from referrals.domain.ledger import Balance, Place, Posting, account_of
from referrals.domain.programs import Program
from referrals.domain.referrals import Part, Referral
from referrals.domain.refunds import (
    Reversed,
    apply_refund,
    next_to_apply,
    refund_cause,
    refund_decision,
    refund_event,
    taken_back,
)
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rewards import Reward, RewardState, available, moved_to, netted
from referrals.domain.rules import Cap, Flat, RewardRule, Side
from tests.domain.orders import Orders
from tests.factories import (
    A_DAY,
    ANNA,
    ANNA_AVAILABLE,
    ANNA_DEBT,
    ANNA_HELD,
    BORIS,
    CLARA,
    EXPENSE,
    NOW,
    TEA,
    TODAY,
    a_balance,
    a_budget,
    a_case,
    a_chargeback,
    a_conversion,
    a_gift_rule,
    a_leaderboard_rule,
    a_milestone_rule,
    a_program,
    a_referral,
    a_refund,
    a_reward,
    a_rule,
    a_second_level_rule,
    a_thanks_rule,
    a_use,
    balances_of,
)

BORIS_HELD = account_of(BORIS, Place.HELD)
BY_THIRDS = a_referral(
    parts=(
        Part(advocate_id=ANNA, share_bps=3_334),
        Part(advocate_id=BORIS, share_bps=3_333),
        Part(advocate_id=CLARA, share_bps=3_333),
    )
)
TENTH = a_reward()
THANKS = a_reward(
    reward_id=RewardId("rwd_2"),
    rule_id="friend-thanks",
    owner_id=BORIS,
    side=Side.FRIEND,
    amount_minor=300,
)
TERMS = a_program(a_rule(), a_thanks_rule())
CREDITED = a_conversion(
    outcome=Outcome.CREDITED, advocate_id=ANNA, rewards=(note(TENTH), note(THANKS))
)
HOLDING = a_balance(
    amounts={"held:EUR": 1_000},
    caps={"advocate-tenth": a_use(1, 1_000), "*": a_use(1, 1_000)},
    purchases=1,
)
FRIEND_HOLDING = a_balance(
    person_id=BORIS,
    amounts={"held:EUR": 300},
    caps={"friend-thanks": a_use(1, 300)},
)


def refunded(
    refund: Refund,
    *,
    case: Case | None = None,
    program: Program = TERMS,
    rewards: tuple[Reward, ...] = (TENTH, THANKS),
) -> Reversed:
    """Refund an order of 100 euro that earned Anna ten and Boris three."""
    return apply_refund(
        case or a_case(conversion=CREDITED),
        refund,
        conversion=CREDITED,
        program=program,
        rewards=rewards,
        balances={ANNA: HOLDING, BORIS: FRIEND_HOLDING},
        now=NOW,
    )


def balances_by_person(result: Reversed) -> dict[str, Balance]:
    return {each.person_id: each for each in result.balances}


def standing(result: Reversed, before: tuple[Reward, ...]) -> tuple[Reward, ...]:
    """Give the rewards as they are after a refund."""
    changed = {each.reward_id: each for each in result.rewards}
    return tuple(changed.get(each.reward_id, each) for each in before)


def test_a_partial_refund_takes_the_same_part_of_a_share() -> None:
    result = refunded(a_refund(amount_minor=2_500))
    assert result.rewards == (replace(TENTH, voided_minor=250),)


def test_a_partial_refund_leaves_a_flat_reward_whole() -> None:
    result = refunded(a_refund(amount_minor=2_500), rewards=(THANKS,))
    assert (result.rewards, result.journal) == ((), None)


def test_a_whole_refund_takes_everything_back_from_both() -> None:
    result = refunded(a_refund(amount_minor=10_000))
    assert [(each.reward_id, each.state, each.remaining_minor) for each in result.rewards] == [
        ("rwd_1", RewardState.VOIDED, 0),
        ("rwd_2", RewardState.VOIDED, 0),
    ]


def test_a_refund_below_the_minimum_takes_everything_back_by_that_rule() -> None:
    terms = a_program(a_rule(), a_thanks_rule(min_amount_minor=8_000))
    result = refunded(a_refund(amount_minor=2_500), program=terms)
    assert [(each.reward_id, each.remaining_minor) for each in result.rewards] == [
        ("rwd_1", 750),
        ("rwd_2", 0),
    ]


def test_a_refund_is_one_journal_that_pays_the_program_back() -> None:
    result = refunded(a_refund(refund_id="r-7", amount_minor=10_000))
    assert result.journal is not None
    assert result.journal.cause == "refund:cnv_order:r-7"
    assert result.journal.postings == (
        Posting(source=ANNA_HELD, destination=EXPENSE, amount_minor=1_000, unit="EUR"),
        Posting(source=BORIS_HELD, destination=EXPENSE, amount_minor=300, unit="EUR"),
    )


@pytest.mark.parametrize(
    ("state", "source"),
    [
        pytest.param(RewardState.HELD, ANNA_HELD, id="held"),
        pytest.param(RewardState.AVAILABLE, ANNA_AVAILABLE, id="available"),
        pytest.param(RewardState.FULFILLING, ANNA_DEBT, id="being handed over"),
        pytest.param(RewardState.FULFILLED, ANNA_DEBT, id="handed over"),
    ],
)
def test_a_refund_takes_from_where_the_reward_is(state: RewardState, source: str) -> None:
    result = refunded(a_refund(), rewards=(replace(TENTH, state=state),))
    assert result.journal is not None
    assert [(each.source, each.amount_minor) for each in result.journal.postings] == [(source, 250)]


def test_a_refund_after_the_hold_claws_the_reward_back() -> None:
    result = refunded(
        a_refund(amount_minor=10_000), rewards=(replace(TENTH, state=RewardState.FULFILLED),)
    )
    (reward,) = result.rewards
    assert reward.state is RewardState.CLAWED_BACK
    assert (reward.voided_minor, reward.clawed_back_minor) == (0, 1_000)
    assert balances_by_person(result)["per_anna"].amount(Place.DEBT, "EUR") == -1_000


def test_a_partial_refund_gives_its_amount_back_to_the_cap() -> None:
    balance = balances_by_person(refunded(a_refund()))["per_anna"]
    assert balance.amounts == {"held:EUR": 750}
    assert balance.cap_use("advocate-tenth") == a_use(1, 750)


def test_a_whole_refund_gives_the_reward_back_to_the_cap() -> None:
    balance = balances_by_person(refunded(a_refund(amount_minor=10_000)))["per_anna"]
    assert balance.amounts == {"held:EUR": 0}
    assert balance.cap_use("advocate-tenth") == a_use(0, 0)


def test_balances_end_on_the_hash_of_the_refunds_journal() -> None:
    result = refunded(a_refund(amount_minor=10_000))
    assert result.journal is not None
    assert {each.last_hash for each in result.balances} == {result.journal.digest}


def test_who_loses_nothing_is_not_written() -> None:
    assert set(balances_by_person(refunded(a_refund()))) == {"per_anna"}


def test_a_second_refund_takes_what_both_together_come_to() -> None:
    once = refunded(a_refund(refund_id="one", amount_minor=3_333))
    twice = refunded(
        a_refund(refund_id="two", amount_minor=3_333),
        case=once.case,
        rewards=standing(once, (TENTH, THANKS)),
    )
    assert [each.remaining_minor for each in once.rewards] == [667]
    assert [each.remaining_minor for each in twice.rewards] == [333]


def test_more_given_back_than_was_paid_takes_back_what_was_promised_and_no_more() -> None:
    result = refunded(a_refund(amount_minor=99_999))
    assert [each.remaining_minor for each in result.rewards] == [0, 0]
    assert balances_by_person(result)["per_anna"].amounts == {"held:EUR": 0}


def test_a_refund_after_everything_was_taken_back_takes_nothing() -> None:
    once = refunded(a_refund(refund_id="one", amount_minor=10_000))
    twice = refunded(
        a_refund(refund_id="two", amount_minor=10_000),
        case=once.case,
        rewards=standing(once, (TENTH, THANKS)),
    )
    assert (twice.rewards, twice.journal, twice.balances) == ((), None, ())


def test_a_refund_in_another_currency_takes_nothing_and_says_so() -> None:
    result = refunded(a_refund(currency="USD"))
    assert (result.rewards, result.journal, result.balances) == ((), None, ())
    assert result.case.refund("refund-1") == a_refund(
        currency="USD", is_applied=True, reason=Reason.OTHER_CURRENCY
    )


def test_a_refund_in_another_currency_does_not_count_for_the_next() -> None:
    foreign = a_refund(refund_id="one", amount_minor=9_000, currency="USD", is_applied=True)
    case = a_case(conversion=CREDITED, refunds=(foreign,))
    result = refunded(a_refund(refund_id="two", amount_minor=2_500), case=case)
    assert [each.remaining_minor for each in result.rewards] == [750]


def test_a_refund_that_still_waits_does_not_count_yet() -> None:
    waiting = a_refund(refund_id="one", amount_minor=9_000)
    case = a_case(conversion=CREDITED, refunds=(waiting,))
    result = refunded(a_refund(refund_id="two", amount_minor=2_500), case=case)
    assert [each.remaining_minor for each in result.rewards] == [750]


def test_a_refund_of_an_order_that_earned_nothing_says_so() -> None:
    result = refunded(a_refund(), rewards=())
    applied = result.case.refund("refund-1")
    assert applied is not None
    assert (applied.is_applied, applied.reason) == (True, Reason.NOTHING_TO_REVERSE)


def test_an_applied_refund_keeps_what_it_changed() -> None:
    applied = refunded(a_refund()).case.refund("refund-1")
    assert applied is not None
    assert [(each.reward_id, each.amount_minor) for each in applied.rewards] == [("rwd_1", 750)]


@pytest.mark.parametrize(
    ("state", "name"),
    [
        pytest.param(RewardState.HELD, EventName.REWARD_VOIDED, id="before the hand-over"),
        pytest.param(RewardState.FULFILLED, EventName.REWARD_CLAWED_BACK, id="after it"),
    ],
)
def test_a_refund_and_what_it_took_back_are_told_of(state: RewardState, name: EventName) -> None:
    result = refunded(a_refund(), rewards=(replace(TENTH, state=state),))
    assert [each.name for each in result.events] == [EventName.REFUND_RECORDED, name]
    assert result.events[1].data["reversed_minor"] == 250
    assert result.events[1].data["amount_minor"] == 750


def test_each_refund_of_an_order_is_told_of_as_its_own() -> None:
    one, two = (refunded(a_refund(refund_id=each)) for each in ("one", "two"))
    assert not {each.event_id for each in one.events} & {each.event_id for each in two.events}


def test_a_refund_that_waits_is_told_of_as_waiting() -> None:
    told = refund_event(a_case(), a_refund(), program_id=TEA, now=NOW)
    assert told.name is EventName.REFUND_WAITING
    assert told.data["refund_id"] == "refund-1"


def test_a_refund_is_its_orders_cause() -> None:
    assert refund_cause(a_case(), a_refund(refund_id="r-7")) == "refund:cnv_order:r-7"


ORDERS = st.integers(min_value=1, max_value=10**7)
REFUNDS = st.lists(st.integers(min_value=1, max_value=10**6), min_size=1, max_size=5)
IN_TWO_ORDERS = REFUNDS.flatmap(
    lambda amounts: st.tuples(
        st.permutations(list(enumerate(amounts))), st.permutations(list(enumerate(amounts)))
    )
)


def after_all(
    refunds: list[tuple[int, int]], *, paid_minor: int, reward_minor: int, state: RewardState
) -> list[Reward]:
    """Apply refunds one after the other; gives the advocate's reward after each of them."""
    conversion = replace(CREDITED, amount_minor=paid_minor)
    case, reward = a_case(conversion=conversion), a_reward(amount_minor=reward_minor, state=state)
    balances, history = {ANNA: a_balance()}, [reward]
    for number, amount_minor in refunds:
        result = apply_refund(
            case,
            a_refund(refund_id=f"refund-{number}", amount_minor=amount_minor),
            conversion=conversion,
            program=a_program(a_rule(min_amount_minor=100)),
            rewards=[reward],
            balances=balances,
            now=NOW,
        )
        case = result.case
        balances.update({each.person_id: each for each in result.balances})
        (reward,) = standing(result, (reward,))
        history.append(reward)
    return history


@given(orders=IN_TWO_ORDERS, paid_minor=ORDERS, reward_minor=ORDERS)
def test_refunds_in_any_order_end_the_same(
    orders: tuple[list[tuple[int, int]], list[tuple[int, int]]], paid_minor: int, reward_minor: int
) -> None:
    ends = [
        after_all(each, paid_minor=paid_minor, reward_minor=reward_minor, state=RewardState.HELD)[
            -1
        ]
        for each in orders
    ]
    assert ends[0] == ends[1]


@given(
    refunds=REFUNDS,
    paid_minor=ORDERS,
    reward_minor=ORDERS,
    state=st.sampled_from([RewardState.HELD, RewardState.AVAILABLE, RewardState.FULFILLED]),
)
def test_each_refund_leaves_as_much_or_less_and_never_below_nothing(
    refunds: list[int], paid_minor: int, reward_minor: int, state: RewardState
) -> None:
    history = after_all(
        list(enumerate(refunds)), paid_minor=paid_minor, reward_minor=reward_minor, state=state
    )
    remaining = [each.remaining_minor for each in history]
    assert remaining == sorted(remaining, reverse=True)
    assert remaining[0] == reward_minor
    assert remaining[-1] >= 0


@given(refunds=REFUNDS, paid_minor=ORDERS, reward_minor=ORDERS)
def test_several_refunds_end_as_one_of_their_sum_would(
    refunds: list[int], paid_minor: int, reward_minor: int
) -> None:
    held = RewardState.HELD
    several = after_all(
        list(enumerate(refunds)), paid_minor=paid_minor, reward_minor=reward_minor, state=held
    )
    one = after_all(
        [(0, sum(refunds))], paid_minor=paid_minor, reward_minor=reward_minor, state=held
    )
    assert several[-1].remaining_minor == one[-1].remaining_minor


def test_the_oldest_refund_of_a_credited_order_is_next() -> None:
    refunds = (
        a_refund(refund_id="one", is_applied=True),
        a_refund(refund_id="two"),
        a_refund(refund_id="three"),
    )
    case = a_case(conversion=CREDITED, refunds=refunds)
    assert next_to_apply(case) == a_refund(refund_id="two")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(refunds=(a_refund(),)), id="before its purchase"),
        pytest.param(
            a_case(conversion=a_conversion(), refunds=(a_refund(),)),
            id="while its purchase waits",
        ),
        pytest.param(
            a_case(conversion=a_conversion(outcome=Outcome.DECLINED), refunds=(a_refund(),)),
            id="when its purchase was declined",
        ),
        pytest.param(
            a_case(conversion=CREDITED, refunds=(a_refund(is_applied=True),)), id="applied already"
        ),
        pytest.param(a_case(conversion=CREDITED), id="no refund at all"),
    ],
)
def test_no_refund_is_next(case: Case) -> None:
    assert next_to_apply(case) is None


@pytest.mark.parametrize(
    ("case", "refund", "reason"),
    [
        pytest.param(a_case(), a_refund(), Reason.NO_PURCHASE_YET, id="before its purchase"),
        pytest.param(
            a_case(conversion=a_conversion()),
            a_refund(),
            Reason.NO_SIGNUP_YET,
            id="while its purchase waits for a sign-up",
        ),
        pytest.param(
            a_case(conversion=a_conversion(outcome=Outcome.DECLINED)),
            a_refund(),
            Reason.NOTHING_TO_REVERSE,
            id="of a declined purchase",
        ),
        pytest.param(
            a_case(conversion=CREDITED), a_refund(is_applied=True), None, id="that was applied"
        ),
        pytest.param(
            a_case(conversion=CREDITED),
            a_refund(is_applied=True, reason=Reason.OTHER_CURRENCY),
            Reason.OTHER_CURRENCY,
            id="in another currency",
        ),
    ],
)
def test_what_became_of_a_refund_is_said(case: Case, refund: Refund, reason: Reason | None) -> None:
    assert refund_decision(case, refund).reason is reason


def test_a_decision_about_a_refund_says_what_was_looked_at() -> None:
    decision = refund_decision(a_case(conversion=CREDITED), a_refund(is_applied=True))
    assert decision.says_to_operator == (
        "refund (terms v1) granted [refund_minor=2500, paid_minor=10000]"
    )


def test_a_flat_reward_of_the_terms_shrinks_with_no_part_of_its_order() -> None:
    flat = a_program(a_rule(reward=Flat(amount_minor=1_000)))
    result = refunded(a_refund(amount_minor=9_999), program=flat, rewards=(TENTH,))
    assert result.rewards == ()


def bought(
    *rules: RewardRule,
    amount_minor: int = 10_000,
    referral: Referral | None = None,
    budget: Budget | None = None,
    flagged: FraudMode = FraudMode.OFF,
    caps: tuple[Cap, ...] = (),
) -> Orders:
    """Let Boris buy for 100 euro in a program of some rules, a tenth for Anna if none is named."""
    orders = Orders(a_program(*rules, caps=caps), referral=referral, budget=budget)
    orders.buy(amount_minor=amount_minor, flagged=flagged)
    return orders


def moved_on(orders: Orders, state: RewardState) -> Orders:
    """Bring every reward to a state, with what that moves."""
    for reward in list(orders.rewards.values()):
        orders.rewards[reward.reward_id] = replace(reward, state=state)
    return orders


def states(orders: Orders) -> list[RewardState]:
    return [each.state for each in orders.rewards.values()]


def test_a_shared_reward_is_given_back_by_the_largest_remainder() -> None:
    orders = bought(referral=BY_THIRDS)
    assert [orders.worth(each) for each in (ANNA, BORIS, CLARA)] == [334, 333, 333]
    orders.give_back(a_refund(amount_minor=5_000))
    assert [orders.worth(each) for each in (ANNA, BORIS, CLARA)] == [167, 167, 166]
    orders.give_back(a_refund(refund_id="rest", amount_minor=5_000))
    assert [orders.worth(each) for each in (ANNA, BORIS, CLARA)] == [0, 0, 0]


def test_the_second_level_gives_back_its_part_too() -> None:
    orders = bought(a_rule(), a_second_level_rule(), referral=a_referral(second_level_id=CLARA))
    orders.give_back(a_refund(amount_minor=2_500))
    assert (orders.worth(ANNA), orders.worth(CLARA)) == (750, 375)


def test_a_gift_is_taken_back_whole_or_not_at_all() -> None:
    orders = bought(a_gift_rule())
    result = orders.give_back(a_refund(amount_minor=9_999))
    assert result is not None
    assert result.rewards == ()
    orders.give_back(a_refund(refund_id="rest", amount_minor=1))
    assert states(orders) == [RewardState.VOIDED]


def test_a_reward_that_a_cap_cut_gives_back_its_part_of_what_was_granted() -> None:
    orders = bought(a_rule(caps=(Cap(amount_minor=600),)))
    orders.give_back(a_refund(amount_minor=5_000))
    assert orders.standing() == [300]


@pytest.mark.parametrize(
    ("refunds_minor", "room_minor"),
    [
        pytest.param([2_500], 250, id="a part"),
        pytest.param([2_500, 2_500], 500, id="two parts"),
        pytest.param([10_000], 1_000, id="all of it"),
    ],
)
def test_what_is_taken_back_is_there_for_others(refunds_minor: list[int], room_minor: int) -> None:
    orders = bought(a_rule(caps=(Cap(amount_minor=1_000),)), budget=a_budget(400, 600))
    for number, amount_minor in enumerate(refunds_minor):
        orders.give_back(a_refund(refund_id=f"{number}", amount_minor=amount_minor))
    assert orders.budget is not None
    assert sum(each.left_in_all() or 0 for each in orders.budget.slices) == room_minor
    orders.buy("order-2")
    assert orders.worth() == 1_000


def test_a_refund_gives_its_slices_back_to_be_written() -> None:
    orders = bought(budget=a_budget(400, 600))
    result = orders.give_back(a_refund(amount_minor=2_500))
    assert result is not None
    assert [(each.number, each.spent_minor, each.spent_today_minor) for each in result.slices] == [
        (0, 400, 750),
        (1, 350, 0),
    ]
    assert result.rewards[0].draws == (
        Draw(slice=0, amount_minor=400, of_today_minor=750),
        Draw(slice=1, amount_minor=350, of_today_minor=0),
    )


@pytest.mark.parametrize("flagged", [FraudMode.REVIEW, FraudMode.OFF])
def test_a_refund_of_what_was_not_paid_for_yet_moves_nothing(flagged: FraudMode) -> None:
    orders = bought(budget=a_budget(0), flagged=flagged)
    part = orders.give_back(a_refund(amount_minor=2_500))
    assert part is not None
    assert (part.journal, orders.standing()) == (None, [750])
    rest = orders.give_back(a_refund(refund_id="rest", amount_minor=7_500))
    assert rest is not None
    assert (rest.journal, states(orders)) == (None, [RewardState.VOIDED])
    assert orders.balances[ANNA].cap_use("advocate-tenth") == a_use(0, 0)


def test_a_lapsed_reward_keeps_nothing_of_the_budget() -> None:
    orders = bought(budget=a_budget(1_000))
    (held,) = orders.rewards.values()
    assert orders.budget is not None
    # four euro of it paid a debt; six lapsed and went back to the budget
    orders.budget, kept = orders.budget.give_back(held.draws, 600, TODAY)
    lapsed = replace(held, state=RewardState.EXPIRED, netted_minor=400, draws=kept)
    orders.rewards[held.reward_id] = lapsed
    result = apply_refund(
        orders.cases["order-1"],
        a_refund(amount_minor=3_000),
        conversion=CREDITED,
        program=orders.program,
        rewards=[lapsed],
        balances=orders.balances,
        budget=orders.budget,
        now=NOW,
    )
    assert [(each.state, each.remaining_minor) for each in result.rewards] == [
        (RewardState.EXPIRED, 700)
    ]
    assert (result.rewards[0].draws, result.slices) == (kept, ())


def test_who_was_rejected_in_review_is_owed_nothing_whatever_goes_back() -> None:
    rejected = replace(
        CREDITED,
        review=Review(state=ReviewState.REJECTED, opened_at=NOW),
    )
    result = apply_refund(
        a_case(conversion=rejected),
        a_refund(amount_minor=1),
        conversion=rejected,
        program=TERMS,
        rewards=[TENTH, THANKS],
        balances=balances_of(HOLDING, FRIEND_HOLDING),
        now=NOW,
    )
    assert [each.remaining_minor for each in result.rewards] == [0, 0]


def test_a_won_chargeback_promises_nothing_of_what_was_rejected() -> None:
    rejected = replace(CREDITED, review=Review(state=ReviewState.REJECTED, opened_at=NOW))
    gone = replace(TENTH, state=RewardState.VOIDED, voided_minor=1_000)
    result = apply_refund(
        a_case(conversion=rejected),
        a_chargeback(ChargebackStatus.WON),
        conversion=rejected,
        program=TERMS,
        rewards=[gone],
        balances=balances_of(),
        now=NOW,
    )
    assert (result.rewards, result.journal) == ((), None)


OPENED, WON, LOST = ChargebackStatus


@pytest.mark.parametrize(
    ("refunds", "back_minor"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([a_refund(), a_refund(refund_id="two")], 5_000, id="two refunds"),
        pytest.param([a_refund(currency="USD")], 0, id="another currency"),
        pytest.param([a_chargeback(OPENED)], 10_000, id="opened"),
        pytest.param([a_chargeback(LOST)], 10_000, id="lost"),
        pytest.param([a_chargeback(OPENED), a_chargeback(LOST)], 10_000, id="opened and lost"),
        pytest.param([a_chargeback(WON)], 0, id="won, told first"),
        pytest.param([a_chargeback(OPENED), a_chargeback(WON)], 0, id="opened and won"),
        pytest.param([a_chargeback(WON), a_chargeback(OPENED)], 0, id="won and opened"),
        pytest.param(
            [a_chargeback(LOST), a_chargeback(WON), a_chargeback(OPENED)], 0, id="won after all"
        ),
        pytest.param(
            [a_chargeback(WON), a_chargeback(OPENED, chargeback_id="dispute-2", amount_minor=7)],
            7,
            id="of two disputes one",
        ),
        pytest.param([a_refund(), a_chargeback(OPENED)], 12_500, id="both kinds"),
    ],
)
def test_what_went_back_is_refunds_and_chargebacks_that_were_not_won(
    refunds: list[Refund], back_minor: int
) -> None:
    assert taken_back(refunds, "EUR") == back_minor


def test_a_chargeback_takes_back_like_a_refund() -> None:
    orders = bought(a_rule(), a_thanks_rule())
    orders.give_back(a_chargeback(OPENED))
    assert (orders.worth(ANNA), orders.worth(BORIS)) == (0, 0)
    assert states(orders) == [RewardState.VOIDED, RewardState.VOIDED]


def test_a_lost_chargeback_takes_nothing_that_an_opened_one_took() -> None:
    orders = bought()
    orders.give_back(a_chargeback(OPENED, amount_minor=5_000))
    result = orders.give_back(a_chargeback(LOST, amount_minor=5_000))
    assert result is not None
    assert (result.rewards, result.journal) == ((), None)
    assert orders.worth() == 500


def test_a_won_chargeback_promises_anew_what_was_taken_back() -> None:
    orders = bought(a_rule(), a_thanks_rule())
    orders.give_back(a_chargeback(OPENED))
    result = orders.give_back(a_chargeback(WON), now=NOW + A_DAY)
    assert result is not None
    assert [
        (each.owner_id, each.generation, each.amount_minor, each.state) for each in result.rewards
    ] == [(ANNA, 2, 1_000, RewardState.HELD), (BORIS, 2, 300, RewardState.HELD)]
    assert (orders.worth(ANNA), orders.worth(BORIS)) == (1_000, 300)
    assert orders.balances[ANNA].purchases == 1


def test_what_is_promised_anew_is_another_reward_held_from_the_order_on() -> None:
    orders = bought()
    orders.give_back(a_chargeback(OPENED))
    result = orders.give_back(a_chargeback(WON), now=NOW + A_DAY)
    assert result is not None
    (anew,) = result.rewards
    assert len(orders.rewards) == 2
    assert anew.held_until == datetime(2026, 6, 3, 12, tzinfo=UTC)
    assert anew.granted_at == datetime(2026, 5, 21, 12, tzinfo=UTC)
    assert result.case.conversion is not None
    assert [each.reward_id for each in result.case.conversion.rewards] == list(orders.rewards)


def test_what_is_promised_anew_is_told_of() -> None:
    orders = bought()
    orders.give_back(a_chargeback(OPENED))
    result = orders.give_back(a_chargeback(WON))
    assert result is not None
    assert [each.name for each in result.events] == [
        EventName.REFUND_RECORDED,
        EventName.REWARD_HELD,
    ]
    applied = result.case.refund("chargeback:dispute-1:won")
    assert applied is not None
    assert [(each.amount_minor, each.state) for each in applied.rewards] == [
        (1_000, RewardState.HELD)
    ]


def test_a_chargeback_that_is_won_after_the_claw_back_leaves_no_debt_in_the_end() -> None:
    orders = moved_on(bought(), RewardState.FULFILLED)
    orders.give_back(a_chargeback(OPENED))
    assert orders.balances[ANNA].amount(Place.DEBT, "EUR") == -1_000
    result = orders.give_back(a_chargeback(WON))
    assert result is not None
    anew = available(result.rewards[0], now=NOW)
    less, posting = netted(moved_to(anew, RewardState.FULFILLING, due_at=NOW), 1_000)
    assert less.to_hand_over_minor == 0
    assert posting == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_DEBT, amount_minor=1_000, unit="EUR"
    )


def test_a_chargeback_of_a_part_that_is_won_promises_that_part_anew() -> None:
    orders = bought()
    orders.give_back(a_chargeback(OPENED, amount_minor=2_500))
    orders.give_back(a_chargeback(WON, amount_minor=2_500))
    assert orders.standing() == [750, 250]
    assert orders.worth() == 1_000


def test_the_newest_promise_is_taken_back_first() -> None:
    orders = bought()
    orders.give_back(a_chargeback(OPENED, amount_minor=2_500))
    orders.give_back(a_chargeback(WON, amount_minor=2_500))
    orders.give_back(a_refund(amount_minor=5_000))
    assert orders.standing() == [500, 0]


def test_a_part_that_is_promised_anew_is_no_second_reward_for_the_caps() -> None:
    orders = bought(a_rule(caps=(Cap(rewards=1),)))
    orders.give_back(a_chargeback(OPENED, amount_minor=2_500))
    orders.give_back(a_chargeback(WON, amount_minor=2_500))
    assert orders.standing() == [750, 250]
    assert orders.balances[ANNA].cap_use("advocate-tenth").all_time == Use(
        rewards=1, amount_minor=1_000
    )


def test_a_reward_in_two_parts_gives_its_caps_back_once_when_both_are_gone() -> None:
    orders = bought(a_rule(caps=(Cap(rewards=1),)), caps=(Cap(rewards=1),))
    orders.give_back(a_chargeback(OPENED, amount_minor=2_500))
    orders.give_back(a_chargeback(WON, amount_minor=2_500))
    orders.give_back(a_refund(amount_minor=5_000))
    assert orders.balances[ANNA].cap_use("advocate-tenth").all_time == Use(
        rewards=1, amount_minor=500
    )
    orders.give_back(a_refund(refund_id="rest", amount_minor=5_000))
    assert orders.balances[ANNA].cap_use("advocate-tenth").all_time == Use()
    assert orders.balances[ANNA].cap_use("*").all_time == Use()


def test_what_is_promised_anew_waits_for_the_budget_when_others_took_it() -> None:
    orders = bought(budget=a_budget(1_000))
    orders.give_back(a_chargeback(OPENED))
    orders.buy("order-2")
    orders.give_back(a_chargeback(WON))
    assert states(orders) == [RewardState.VOIDED, RewardState.HELD, RewardState.QUEUED]
    assert orders.worth() == 1_000


def test_what_is_promised_anew_stays_within_the_caps_by_then() -> None:
    orders = bought(a_rule(caps=(Cap(amount_minor=1_500),)))
    orders.give_back(a_chargeback(OPENED))
    orders.buy("order-2", 12_000)
    orders.give_back(a_chargeback(WON))
    assert orders.standing() == [0, 1_200, 300]


def test_what_is_promised_anew_of_a_flagged_order_is_reviewed_too() -> None:
    orders = bought(flagged=FraudMode.REVIEW)
    orders.give_back(a_chargeback(OPENED))
    orders.give_back(a_chargeback(WON))
    assert states(orders) == [RewardState.VOIDED, RewardState.IN_REVIEW]
    assert orders.worth() == 0


def test_a_gift_that_was_taken_back_is_promised_anew_whole() -> None:
    orders = bought(a_gift_rule())
    orders.give_back(a_chargeback(OPENED))
    orders.give_back(a_chargeback(WON))
    assert orders.standing() == [0, 500]


def test_a_share_that_was_taken_back_is_promised_anew_to_each() -> None:
    orders = bought(referral=BY_THIRDS)
    orders.give_back(a_chargeback(OPENED, amount_minor=5_000))
    orders.give_back(a_chargeback(WON, amount_minor=5_000))
    assert [orders.worth(each) for each in (ANNA, BORIS, CLARA)] == [334, 333, 333]


RETURNS = [
    *(a_refund(refund_id=f"refund-{number}", amount_minor=3_000) for number in range(2)),
    *(a_chargeback(status, amount_minor=5_000) for status in ChargebackStatus),
    *(
        a_chargeback(status, chargeback_id="dispute-2", amount_minor=10_000)
        for status in ChargebackStatus
    ),
]
STATES = st.sampled_from([RewardState.HELD, RewardState.AVAILABLE, RewardState.FULFILLED])


def returned(returns: list[Refund], state: RewardState = RewardState.HELD) -> Orders:
    """Apply everything that came back to an order for three people, delivered as it comes."""
    orders = Orders(
        a_program(
            a_rule(caps=(Cap(rewards=1),)),
            a_thanks_rule(min_amount_minor=6_000),
            a_gift_rule(),
            a_milestone_rule(every=1),
            a_leaderboard_rule(),
            caps=(Cap(rewards=3),),
        ),
        referral=a_referral(
            parts=(
                Part(advocate_id=ANNA, share_bps=6_667),
                Part(advocate_id=CLARA, share_bps=3_333),
            )
        ),
        budget=a_budget(900, 0, 5_000),
    )
    orders.buy(amount_minor=9_999)
    moved_on(orders, state)
    for each in returns:
        orders.give_back(each)
    return orders


def end(orders: Orders) -> object:
    """Give everything that must not depend on the order of reports."""
    assert orders.budget is not None
    return (
        {each: orders.worth(each) for each in (ANNA, BORIS, CLARA)},
        {each: sum(orders.standing(rule_id=each)) for each in ("advocate-tenth", "advocate-gift")},
        {
            (person, rule_id): use
            for person, balance in orders.balances.items()
            for rule_id, use in balance.caps.items()
        },
        orders.balances[ANNA].purchases,
        orders.balances[ANNA].scores,
        sum(each.spent_minor for each in orders.budget.slices),
    )


@given(data=st.data(), state=STATES)
def test_returns_in_any_order_and_any_repetition_end_the_same(
    data: st.DataObject, state: RewardState
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(RETURNS), max_size=10))
    shuffled = data.draw(st.permutations(chosen))
    assert end(returned(chosen, state)) == end(returned(shuffled, state))


@given(
    paid_minor=st.integers(min_value=1, max_value=10**6),
    refunds_minor=st.lists(st.integers(min_value=1, max_value=10**6), max_size=6),
    weights=st.lists(st.integers(min_value=1, max_value=9), min_size=2, max_size=3),
)
def test_reversals_of_a_shared_reward_never_come_to_more_than_it_was(
    paid_minor: int, refunds_minor: list[int], weights: list[int]
) -> None:
    people = (ANNA, CLARA, BORIS)
    bps = [10_000 * each // sum(weights) for each in weights]
    bps[0] += 10_000 - sum(bps)
    parts = tuple(
        Part(advocate_id=person, share_bps=share)
        for person, share in zip(people, bps, strict=False)
    )
    orders = bought(amount_minor=paid_minor, referral=a_referral(parts=parts))
    granted_minor = {each.reward_id: each.amount_minor for each in orders.rewards.values()}
    reversed_minor = dict.fromkeys(granted_minor, 0)
    for number, amount_minor in enumerate(refunds_minor):
        result = orders.give_back(a_refund(refund_id=f"{number}", amount_minor=amount_minor))
        assert result is not None
        for told in result.events:
            if told.name is EventName.REWARD_VOIDED:
                back = told.data["reversed_minor"]
                assert isinstance(back, int)
                reversed_minor[RewardId(str(told.data["reward_id"]))] += back
    for reward_id, back_minor in reversed_minor.items():
        assert 0 <= back_minor <= granted_minor[reward_id]
        left_minor = granted_minor[reward_id] - back_minor
        assert orders.rewards[reward_id].remaining_minor == left_minor
