"""Refunds: what an order gives back, its rewards give back, in any order and never twice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.conversions import Case, Refund, note
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.events import EventName
from referrals.domain.ids import RewardId
from referrals.domain.ledger import Balance, CapUse, Place, Posting, account_of
from referrals.domain.programs import Flat, Program, Side
from referrals.domain.refunds import (
    Reversed,
    apply_refund,
    next_to_apply,
    refund_cause,
    refund_decision,
    refund_event,
)
from referrals.domain.rewards import Reward, RewardState
from tests.factories import (
    ANNA,
    ANNA_AVAILABLE,
    ANNA_HELD,
    BORIS,
    EXPENSE,
    NOW,
    TEA,
    a_balance,
    a_case,
    a_conversion,
    a_program,
    a_refund,
    a_reward,
    a_rule,
    a_thanks_rule,
)

ANNA_DEBT = account_of(ANNA, Place.DEBT)
BORIS_HELD = account_of(BORIS, Place.HELD)
TENTH = a_reward()
THANKS = a_reward(
    reward_id=RewardId("rwd_2"),
    rule_id="friend-thanks",
    owner_id=BORIS,
    side=Side.FRIEND,
    amount_minor=300,
)
TERMS = a_program(a_rule(), a_thanks_rule())
CREDITED = a_conversion(outcome=Outcome.CREDITED, rewards=(note(TENTH), note(THANKS)))
HOLDING = a_balance(
    amounts={"held:EUR": 1_000}, caps={"advocate-tenth": CapUse(rewards=1, amount_minor=1_000)}
)
FRIEND_HOLDING = a_balance(
    person_id=BORIS,
    amounts={"held:EUR": 300},
    caps={"friend-thanks": CapUse(rewards=1, amount_minor=300)},
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
    assert balance.cap_use("advocate-tenth") == CapUse(rewards=1, amount_minor=750)


def test_a_whole_refund_gives_the_reward_back_to_the_cap() -> None:
    balance = balances_by_person(refunded(a_refund(amount_minor=10_000)))["per_anna"]
    assert balance.amounts == {"held:EUR": 0}
    assert balance.cap_use("advocate-tenth") == CapUse(rewards=0, amount_minor=0)


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
