"""Rewards: the price, the life and the undoing of a promise."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.errors import MoveNotAllowedError
from referrals.domain.ids import ConversionId
from referrals.domain.ledger import Place, Posting, account_of
from referrals.domain.programs import ConversionKind, Flat, Percent, RewardRule, Side
from referrals.domain.rewards import (
    Reward,
    RewardState,
    grant_posting,
    granted,
    hand_over_posting,
    lowest_amount,
    moved_to,
    owed_after_refunds,
    price,
    release_posting,
    reversed_to,
)
from tests.factories import (
    A_DAY,
    A_TENTH,
    ANNA,
    ANNA_AVAILABLE,
    ANNA_HELD,
    EXPENSE,
    FIVE_EURO,
    NOW,
    ORDER,
    TEA,
    a_reward,
    a_rule,
    a_welcome_rule,
)

ANNA_PAID = account_of(ANNA, Place.PAID)
ANNA_DEBT = account_of(ANNA, Place.DEBT)
AMOUNTS = st.integers(min_value=1, max_value=10**9)
STATES_BEFORE_THE_HAND_OVER = [RewardState.HELD, RewardState.AVAILABLE]
STATES_FROM_THE_HAND_OVER_ON = [RewardState.FULFILLING, RewardState.FULFILLED]


@pytest.mark.parametrize(
    ("reward", "order_minor", "promised_minor"),
    [
        pytest.param(FIVE_EURO, 10_000, 500, id="the same every time"),
        pytest.param(FIVE_EURO, 1, 500, id="the same for a small order"),
        pytest.param(A_TENTH, 10_000, 1_000, id="a tenth"),
        pytest.param(A_TENTH, 4, 0, id="a tenth of too little"),
        pytest.param(A_TENTH, 25, 2, id="a tenth, half to even"),
        pytest.param(Percent(rate_bps=1_000, max_minor=2_000), 19_999, 2_000, id="just the most"),
        pytest.param(Percent(rate_bps=1_000, max_minor=2_000), 90_000, 2_000, id="at most"),
        pytest.param(Percent(rate_bps=1_000, max_minor=2_000), 19_000, 1_900, id="below the most"),
    ],
)
def test_a_rule_has_a_price_for_each_order(
    reward: Flat | Percent, order_minor: int, promised_minor: int
) -> None:
    assert price(a_rule(reward=reward), order_minor) == promised_minor


@pytest.mark.parametrize(
    ("rule", "lowest_minor"),
    [
        pytest.param(a_rule(), 1, id="a purchase must be worth something"),
        pytest.param(a_rule(min_amount_minor=2_000), 2_000, id="a purchase with a minimum"),
        pytest.param(a_welcome_rule(), 0, id="a sign-up is worth nothing"),
    ],
)
def test_a_rule_has_a_least_that_an_order_must_be_worth(
    rule: RewardRule, lowest_minor: int
) -> None:
    assert lowest_amount(rule) == lowest_minor


def a_granted_reward(rule: RewardRule, *, conversion_id: ConversionId = ORDER) -> Reward:
    return granted(
        rule,
        1_000,
        program_id=TEA,
        version=3,
        conversion_id=conversion_id,
        order_id="order-1",
        owner_id=ANNA,
        unit="EUR",
        held_from=datetime(2026, 5, 18, 12, tzinfo=UTC),
        now=NOW,
    )


def test_a_reward_is_held_from_the_conversion_on_and_not_from_its_report() -> None:
    reward = a_granted_reward(a_rule(hold_days=14))
    assert reward.state is RewardState.HELD
    assert reward.held_until == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reward.due_at == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert reward.granted_at == NOW


def test_a_reward_carries_the_rule_and_the_version_of_the_terms_that_made_it() -> None:
    reward = a_granted_reward(a_rule())
    assert (reward.rule_id, reward.version, reward.side) == ("advocate-tenth", 3, Side.ADVOCATE)
    assert (reward.amount_minor, reward.unit, reward.order_id) == (1_000, "EUR", "order-1")


def test_a_coupon_carries_the_pool_it_comes_from() -> None:
    assert a_granted_reward(a_welcome_rule()).pool == "welcome"


def test_a_rule_makes_one_reward_a_conversion() -> None:
    other = ConversionId("cnv_other")
    ids = [
        a_granted_reward(a_rule()).reward_id,
        a_granted_reward(a_rule(hold_days=0)).reward_id,
        a_granted_reward(a_rule(rule_id="another")).reward_id,
        a_granted_reward(a_rule(), conversion_id=other).reward_id,
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(each.startswith("rwd_") for each in ids)


ALLOWED_MOVES = [
    (RewardState.HELD, RewardState.AVAILABLE),
    (RewardState.HELD, RewardState.VOIDED),
    (RewardState.AVAILABLE, RewardState.FULFILLING),
    (RewardState.AVAILABLE, RewardState.VOIDED),
    (RewardState.FULFILLING, RewardState.FULFILLED),
    (RewardState.FULFILLING, RewardState.AVAILABLE),
    (RewardState.FULFILLED, RewardState.CLAWED_BACK),
]
FORBIDDEN_MOVES = [
    (RewardState.HELD, RewardState.HELD),
    (RewardState.HELD, RewardState.FULFILLING),
    (RewardState.HELD, RewardState.FULFILLED),
    (RewardState.HELD, RewardState.CLAWED_BACK),
    (RewardState.FULFILLING, RewardState.CLAWED_BACK),
    (RewardState.AVAILABLE, RewardState.HELD),
    (RewardState.AVAILABLE, RewardState.AVAILABLE),
    (RewardState.AVAILABLE, RewardState.FULFILLED),
    (RewardState.AVAILABLE, RewardState.CLAWED_BACK),
    (RewardState.FULFILLING, RewardState.HELD),
    (RewardState.FULFILLING, RewardState.FULFILLING),
    (RewardState.FULFILLING, RewardState.VOIDED),
    (RewardState.FULFILLED, RewardState.HELD),
    (RewardState.FULFILLED, RewardState.AVAILABLE),
    (RewardState.FULFILLED, RewardState.FULFILLING),
    (RewardState.FULFILLED, RewardState.FULFILLED),
    (RewardState.FULFILLED, RewardState.VOIDED),
    *((RewardState.VOIDED, state) for state in RewardState),
    *((RewardState.CLAWED_BACK, state) for state in RewardState),
]


@pytest.mark.parametrize(("before", "after"), ALLOWED_MOVES)
def test_a_reward_moves_on(before: RewardState, after: RewardState) -> None:
    moved = moved_to(a_reward(state=before), after, due_at=NOW)
    assert moved == a_reward(state=after, due_at=NOW)


@pytest.mark.parametrize(("before", "after"), FORBIDDEN_MOVES)
def test_a_reward_moves_nowhere_else(before: RewardState, after: RewardState) -> None:
    reward = a_reward(state=before)
    with pytest.raises(MoveNotAllowedError) as refused:
        moved_to(reward, after, due_at=None)
    assert str(refused.value) == f"reward rwd_1 cannot go from {before} to {after}"


def test_every_move_is_either_allowed_or_forbidden() -> None:
    every = {(before, after) for before in RewardState for after in RewardState}
    assert {*ALLOWED_MOVES, *FORBIDDEN_MOVES} == every
    assert not {*ALLOWED_MOVES} & {*FORBIDDEN_MOVES}


def test_a_promise_moves_money_from_the_program_into_the_hold() -> None:
    assert grant_posting(a_reward()) == Posting(
        source=EXPENSE, destination=ANNA_HELD, amount_minor=1_000, unit="EUR"
    )


def test_the_end_of_a_hold_moves_what_is_still_promised() -> None:
    assert release_posting(a_reward(voided_minor=250)) == Posting(
        source=ANNA_HELD, destination=ANNA_AVAILABLE, amount_minor=750, unit="EUR"
    )


def test_a_hand_over_moves_what_is_handed_over_to_what_was_paid() -> None:
    assert hand_over_posting(a_reward(voided_minor=250)) == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_PAID, amount_minor=750, unit="EUR"
    )


def test_what_is_clawed_back_during_the_hand_over_is_still_handed_over() -> None:
    reward = a_reward(state=RewardState.FULFILLING, voided_minor=250, clawed_back_minor=750)
    assert hand_over_posting(reward).amount_minor == 750
    assert reward.remaining_minor == 0


@pytest.mark.parametrize(
    ("reward", "because"),
    [
        pytest.param(a_reward(), "Promised for order order-1.", id="whole"),
        pytest.param(a_reward(order_id=None), "Promised for a sign-up.", id="a sign-up"),
        pytest.param(
            a_reward(voided_minor=1),
            "Promised for order order-1; part of it was taken back after a refund.",
            id="less",
        ),
        pytest.param(
            a_reward(voided_minor=400, clawed_back_minor=600),
            "Promised for order order-1; taken back after a refund.",
            id="nothing left",
        ),
    ],
)
def test_a_reward_says_why_it_is_what_it_is(reward: Reward, because: str) -> None:
    assert reward.because == because


@pytest.mark.parametrize(
    ("refunded_minor", "min_amount_minor", "is_percent", "owed_minor"),
    [
        pytest.param(0, 0, True, 1_000, id="nothing refunded"),
        pytest.param(2_500, 0, True, 750, id="a quarter of a share"),
        pytest.param(2_500, 0, False, 1_000, id="a flat reward stays whole"),
        pytest.param(9_999, 0, False, 1_000, id="a flat reward stays whole for a cent"),
        pytest.param(9_999, 0, True, 0, id="a share of a cent is nothing"),
        pytest.param(10_000, 0, True, 0, id="all of a share"),
        pytest.param(10_000, 0, False, 0, id="all of an order with a flat reward"),
        pytest.param(12_000, 0, True, 0, id="more than was paid"),
        pytest.param(8_000, 2_000, True, 200, id="down to the minimum"),
        pytest.param(8_001, 2_000, True, 0, id="a cent below the minimum"),
        pytest.param(8_001, 2_000, False, 0, id="a flat reward below the minimum"),
        pytest.param(4_950, 0, True, 505, id="to the cent"),
    ],
)
def test_a_reward_is_worth_what_its_order_still_is(
    refunded_minor: int, min_amount_minor: int, *, is_percent: bool, owed_minor: int
) -> None:
    owed = owed_after_refunds(
        a_reward(amount_minor=1_000),
        paid_minor=10_000,
        refunded_minor=refunded_minor,
        min_amount_minor=min_amount_minor,
        is_percent=is_percent,
    )
    assert owed == owed_minor


@given(
    amount_minor=AMOUNTS,
    paid_minor=AMOUNTS,
    refunds=st.tuples(AMOUNTS, AMOUNTS),
    min_amount_minor=st.integers(min_value=0, max_value=10**9),
    is_percent=st.booleans(),
)
def test_the_more_is_refunded_the_less_is_owed(
    *,
    amount_minor: int,
    paid_minor: int,
    refunds: tuple[int, int],
    min_amount_minor: int,
    is_percent: bool,
) -> None:
    less, more = (
        owed_after_refunds(
            a_reward(amount_minor=amount_minor),
            paid_minor=paid_minor,
            refunded_minor=refunded_minor,
            min_amount_minor=min_amount_minor,
            is_percent=is_percent,
        )
        for refunded_minor in (refunds[0], sum(refunds))
    )
    assert 0 <= more <= less <= amount_minor


@pytest.mark.parametrize("state", STATES_BEFORE_THE_HAND_OVER)
def test_before_the_hand_over_what_is_taken_back_is_voided(state: RewardState) -> None:
    reversal = reversed_to(a_reward(state=state), 750)
    assert reversal is not None
    assert reversal.reward == a_reward(state=state, voided_minor=250)
    assert not reversal.is_whole
    assert not reversal.is_claw_back


@pytest.mark.parametrize("state", STATES_FROM_THE_HAND_OVER_ON)
def test_from_the_hand_over_on_what_is_taken_back_is_clawed_back(state: RewardState) -> None:
    reversal = reversed_to(a_reward(state=state), 750)
    assert reversal is not None
    assert reversal.reward == a_reward(state=state, clawed_back_minor=250)
    assert not reversal.is_whole
    assert reversal.is_claw_back


@pytest.mark.parametrize(
    ("state", "source"),
    [
        pytest.param(RewardState.HELD, ANNA_HELD, id="out of the hold"),
        pytest.param(RewardState.AVAILABLE, ANNA_AVAILABLE, id="out of what is available"),
        pytest.param(RewardState.FULFILLING, ANNA_DEBT, id="as a debt while it is handed over"),
        pytest.param(RewardState.FULFILLED, ANNA_DEBT, id="as a debt once it was"),
    ],
)
def test_what_is_taken_back_returns_to_the_program(state: RewardState, source: str) -> None:
    reversal = reversed_to(a_reward(state=state), 750)
    assert reversal is not None
    assert reversal.posting == Posting(
        source=source, destination=EXPENSE, amount_minor=250, unit="EUR"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(RewardState.HELD, RewardState.VOIDED, id="held"),
        pytest.param(RewardState.AVAILABLE, RewardState.VOIDED, id="available"),
        pytest.param(RewardState.FULFILLING, RewardState.FULFILLING, id="in somebody's hands"),
        pytest.param(RewardState.FULFILLED, RewardState.CLAWED_BACK, id="handed over"),
    ],
)
def test_a_reward_of_which_nothing_is_left_ends(before: RewardState, after: RewardState) -> None:
    reversal = reversed_to(a_reward(state=before), 0)
    assert reversal is not None
    assert reversal.is_whole
    assert reversal.reward.state is after
    assert reversal.reward.remaining_minor == 0


@pytest.mark.parametrize("state", [RewardState.HELD, RewardState.AVAILABLE, RewardState.FULFILLED])
def test_a_reward_that_ended_is_not_looked_at_again(state: RewardState) -> None:
    reversal = reversed_to(a_reward(state=state), 0)
    assert reversal is not None
    assert reversal.reward.due_at is None


@pytest.mark.parametrize("state", RewardState)
@pytest.mark.parametrize("owed_minor", [1_000, 1_001])
def test_nothing_is_taken_back_of_a_reward_that_is_owed_whole(
    state: RewardState, owed_minor: int
) -> None:
    assert reversed_to(a_reward(state=state), owed_minor) is None


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param(a_reward(state=RewardState.VOIDED, voided_minor=1_000), id="voided"),
        pytest.param(
            a_reward(state=RewardState.CLAWED_BACK, clawed_back_minor=1_000), id="clawed back"
        ),
        pytest.param(
            a_reward(state=RewardState.FULFILLING, clawed_back_minor=1_000),
            id="clawed back while it is handed over",
        ),
    ],
)
def test_nothing_is_taken_back_twice(ended: Reward) -> None:
    assert reversed_to(ended, 0) is None


@given(
    amount_minor=AMOUNTS,
    owed=st.lists(st.integers(min_value=0, max_value=10**9), max_size=6),
    state=st.sampled_from([*STATES_BEFORE_THE_HAND_OVER, *STATES_FROM_THE_HAND_OVER_ON]),
)
def test_reversals_together_take_back_no_more_than_was_promised(
    amount_minor: int, owed: list[int], state: RewardState
) -> None:
    reward, back_minor = a_reward(amount_minor=amount_minor, state=state), 0
    for owed_minor in owed:
        reversal = reversed_to(reward, owed_minor)
        if reversal is None:
            continue
        back_minor += reversal.posting.amount_minor
        assert reversal.reward.remaining_minor == owed_minor
        reward = reversal.reward
    assert back_minor == amount_minor - reward.remaining_minor
    assert 0 <= reward.remaining_minor == min([amount_minor, *owed])


def test_a_reward_that_is_reversed_in_part_keeps_its_hold() -> None:
    reversal = reversed_to(a_reward(due_at=NOW + 14 * A_DAY), 750)
    assert reversal is not None
    assert reversal.reward.due_at == datetime(2026, 6, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize("on", ConversionKind)
def test_a_hold_of_no_days_ends_at_once(on: ConversionKind) -> None:
    rule = replace(a_welcome_rule(), on=on)
    assert a_granted_reward(rule).held_until == datetime(2026, 5, 18, 12, tzinfo=UTC)
