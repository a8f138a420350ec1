"""Rewards: the price, the life and the undoing of a promise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from referrals.domain.errors import MoveNotAllowedError
from referrals.domain.ids import DispatchId
from referrals.domain.ledger import Posting, moved
from referrals.domain.rewards import (
    Reversal,
    Reward,
    RewardState,
    available,
    came_back,
    expired,
    extended,
    grant_posting,
    hand_over_posting,
    lowest_amount,
    moved_to,
    netted,
    owed_after_refunds,
    price,
    put_back,
    release_posting,
    reversed_to,
    reward_id_of,
    shrinks_with_order,
)
from referrals.domain.rules import Flat, Percent, RewardKind, RewardRule, Tier, Tiers, Trigger
from tests.factories import (
    A_DAY,
    A_TENTH,
    ANNA,
    ANNA_AVAILABLE,
    ANNA_CREDIT,
    ANNA_DEBT,
    ANNA_HELD,
    ANNA_PAID,
    BORIS,
    EXPENSE,
    FIVE_EURO,
    NOW,
    ORDER,
    a_leaderboard_rule,
    a_milestone_rule,
    a_posting,
    a_reward,
    a_rule,
    a_welcome_rule,
)

AMOUNTS = st.integers(min_value=1, max_value=10**9)
(
    IN_REVIEW,
    QUEUED,
    HELD,
    AVAILABLE,
    FULFILLING,
    FULFILLED,
    EXPIRED,
    VOIDED,
    CLAWED_BACK,
) = RewardState
STATES_BEFORE_THE_HAND_OVER = [HELD, AVAILABLE]
STATES_FROM_THE_HAND_OVER_ON = [FULFILLING, FULFILLED]


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


FIVE_THEN_EIGHT_THEN_A_TENTH = Tiers(
    tiers=(
        Tier(from_count=1, amount=FIVE_EURO),
        Tier(from_count=3, amount=Flat(amount_minor=800)),
        Tier(from_count=10, amount=A_TENTH),
    )
)


@pytest.mark.parametrize(
    ("count", "promised_minor"),
    [
        pytest.param(0, 500, id="before the first"),
        pytest.param(1, 500, id="the first"),
        pytest.param(2, 500, id="the last of a tier"),
        pytest.param(3, 800, id="the first of the next"),
        pytest.param(9, 800, id="the last of that"),
        pytest.param(10, 1_000, id="a share from the tenth on"),
        pytest.param(1_000_000, 1_000, id="for ever"),
    ],
)
def test_tiers_promise_by_the_how_manyth_time_it_is(count: int, promised_minor: int) -> None:
    rule = a_rule(reward=FIVE_THEN_EIGHT_THEN_A_TENTH)
    assert price(rule, 10_000, count=count) == promised_minor


@pytest.mark.parametrize(
    ("place", "prize_minor"),
    [
        pytest.param(1, 5_000, id="first"),
        pytest.param(3, 1_000, id="last of those with a prize"),
        pytest.param(4, 0, id="a place too low"),
    ],
)
def test_a_leaderboard_has_a_prize_for_each_place(place: int, prize_minor: int) -> None:
    assert price(a_leaderboard_rule(), 0, count=place) == prize_minor


@pytest.mark.parametrize(
    ("reward", "count", "shrinks"),
    [
        pytest.param(FIVE_EURO, 1, False, id="flat"),
        pytest.param(A_TENTH, 1, True, id="a share"),
        pytest.param(FIVE_THEN_EIGHT_THEN_A_TENTH, 9, False, id="the ninth is flat"),
        pytest.param(FIVE_THEN_EIGHT_THEN_A_TENTH, 10, True, id="the tenth is a share"),
    ],
)
def test_only_a_share_of_an_order_shrinks_with_it(
    reward: Flat | Percent | Tiers, count: int, *, shrinks: bool
) -> None:
    assert shrinks_with_order(a_rule(reward=reward), count=count) is shrinks


@pytest.mark.parametrize(
    ("rule", "lowest_minor"),
    [
        pytest.param(a_rule(), 1, id="a purchase must be worth something"),
        pytest.param(a_rule(min_amount_minor=2_000), 2_000, id="a purchase with a minimum"),
        pytest.param(a_rule(on=Trigger.RENEWAL), 1, id="so must a renewal"),
        pytest.param(a_welcome_rule(), 0, id="a sign-up is worth nothing"),
        pytest.param(a_milestone_rule(at=(3,)), 0, id="a milestone is no order"),
    ],
)
def test_a_rule_has_a_least_that_an_order_must_be_worth(
    rule: RewardRule, lowest_minor: int
) -> None:
    assert lowest_amount(rule) == lowest_minor


ALLOWED_MOVES = {
    (IN_REVIEW, QUEUED),
    (IN_REVIEW, HELD),
    (IN_REVIEW, VOIDED),
    (QUEUED, HELD),
    (QUEUED, VOIDED),
    (HELD, AVAILABLE),
    (HELD, VOIDED),
    (AVAILABLE, FULFILLING),
    (AVAILABLE, EXPIRED),
    (AVAILABLE, VOIDED),
    (FULFILLING, FULFILLED),
    (FULFILLING, AVAILABLE),
    (FULFILLED, CLAWED_BACK),
    (FULFILLED, AVAILABLE),
    (CLAWED_BACK, AVAILABLE),
}
FORBIDDEN_TO = {
    IN_REVIEW: (IN_REVIEW, AVAILABLE, FULFILLING, FULFILLED, EXPIRED, CLAWED_BACK),
    QUEUED: (IN_REVIEW, QUEUED, AVAILABLE, FULFILLING, FULFILLED, EXPIRED, CLAWED_BACK),
    HELD: (IN_REVIEW, QUEUED, HELD, FULFILLING, FULFILLED, EXPIRED, CLAWED_BACK),
    AVAILABLE: (IN_REVIEW, QUEUED, HELD, AVAILABLE, FULFILLED, CLAWED_BACK),
    FULFILLING: (IN_REVIEW, QUEUED, HELD, FULFILLING, EXPIRED, VOIDED, CLAWED_BACK),
    FULFILLED: (IN_REVIEW, QUEUED, HELD, FULFILLING, FULFILLED, EXPIRED, VOIDED),
    EXPIRED: tuple(RewardState),
    VOIDED: tuple(RewardState),
    CLAWED_BACK: tuple(state for state in RewardState if state is not AVAILABLE),
}
FORBIDDEN_MOVES = [(before, after) for before, afters in FORBIDDEN_TO.items() for after in afters]


@pytest.mark.parametrize(("before", "after"), sorted(ALLOWED_MOVES))
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
    assert not ALLOWED_MOVES & {*FORBIDDEN_MOVES}
    assert len(ALLOWED_MOVES) + len(FORBIDDEN_MOVES) == 81


def test_a_promise_moves_money_from_the_program_into_the_hold() -> None:
    assert grant_posting(a_reward()) == Posting(
        source=EXPENSE, destination=ANNA_HELD, amount_minor=1_000, unit="EUR"
    )


def test_the_end_of_a_hold_moves_what_is_still_promised() -> None:
    assert release_posting(a_reward(voided_minor=250)) == Posting(
        source=ANNA_HELD, destination=ANNA_AVAILABLE, amount_minor=750, unit="EUR"
    )


@pytest.mark.parametrize("kind", [RewardKind.CREDIT, RewardKind.POINTS])
def test_credit_and_points_that_are_handed_over_are_there_to_be_spent(kind: RewardKind) -> None:
    assert hand_over_posting(a_reward(kind=kind, voided_minor=250)) == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_CREDIT, amount_minor=750, unit="EUR"
    )


@pytest.mark.parametrize("kind", sorted({*RewardKind} - {RewardKind.CREDIT, RewardKind.POINTS}))
def test_what_else_is_handed_over_is_paid(kind: RewardKind) -> None:
    assert hand_over_posting(a_reward(kind=kind, voided_minor=250)) == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_PAID, amount_minor=750, unit="EUR"
    )


def test_what_is_clawed_back_during_the_hand_over_is_still_handed_over() -> None:
    reward = a_reward(state=FULFILLING, voided_minor=250, clawed_back_minor=750)
    assert hand_over_posting(reward) == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_CREDIT, amount_minor=750, unit="EUR"
    )
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
        pytest.param(
            a_reward(state=IN_REVIEW),
            "Promised for order order-1, once it has been looked at.",
            id="in review",
        ),
        pytest.param(
            a_reward(state=QUEUED),
            "Promised for order order-1; it waits until the program's budget has room.",
            id="queued",
        ),
        pytest.param(
            a_reward(state=EXPIRED),
            "Promised for order order-1; not taken up in time.",
            id="expired",
        ),
        pytest.param(
            a_reward(trigger=Trigger.MILESTONE, step=10), "Promised for milestone 10.", id="ten"
        ),
        pytest.param(
            a_reward(trigger=Trigger.PERIOD_END, step=1, order_id=None),
            "Promised for place 1 of the leaderboard.",
            id="a prize",
        ),
        pytest.param(
            a_reward(trigger=Trigger.ENROLMENT, order_id=None),
            "Promised for sharing.",
            id="sharing",
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
    (owed,) = owed_after_refunds(
        [1_000],
        paid_minor=10_000,
        refunded_minor=refunded_minor,
        min_amount_minor=min_amount_minor,
        is_percent=is_percent,
    )
    assert owed == owed_minor


@pytest.mark.parametrize(
    ("granted_minor", "refunded_minor", "owed_minor"),
    [
        pytest.param((500, 500), 5_000, (250, 250), id="halves of a half"),
        pytest.param((334, 333, 333), 5_000, (167, 167, 166), id="the odd cent to the earlier"),
        pytest.param((600, 401), 5_000, (300, 200), id="half a cent to the even"),
        pytest.param((999, 1), 5_000, (500, 0), id="of equal remainders the earlier"),
        pytest.param((1_000, 0), 2_500, (750, 0), id="who was granted nothing is owed nothing"),
        pytest.param((0, 0), 2_500, (0, 0), id="nothing granted at all"),
        pytest.param((600, 400), 10_000, (0, 0), id="a whole refund"),
    ],
)
def test_what_is_left_of_a_shared_reward_is_split_to_the_cent(
    granted_minor: Sequence[int], refunded_minor: int, owed_minor: Sequence[int]
) -> None:
    assert (
        owed_after_refunds(
            granted_minor,
            paid_minor=10_000,
            refunded_minor=refunded_minor,
            min_amount_minor=0,
            is_percent=True,
        )
        == owed_minor
    )


@given(
    granted_minor=st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=5),
    paid_minor=AMOUNTS,
    refunded_minor=st.integers(min_value=0, max_value=10**9),
)
def test_shared_rewards_together_are_owed_what_one_alone_would_be(
    granted_minor: list[int], paid_minor: int, refunded_minor: int
) -> None:
    shared, (alone,) = (
        owed_after_refunds(
            amounts,
            paid_minor=paid_minor,
            refunded_minor=refunded_minor,
            min_amount_minor=0,
            is_percent=True,
        )
        for amounts in (granted_minor, [sum(granted_minor)])
    )
    assert sum(shared) == alone
    assert all(0 <= owed <= granted for owed, granted in zip(shared, granted_minor, strict=True))


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
    ((less,), (more,)) = (
        owed_after_refunds(
            [amount_minor],
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
        pytest.param(HELD, ANNA_HELD, id="out of the hold"),
        pytest.param(AVAILABLE, ANNA_AVAILABLE, id="out of what is available"),
        pytest.param(FULFILLING, ANNA_DEBT, id="as a debt while it is handed over"),
        pytest.param(FULFILLED, ANNA_DEBT, id="as a debt once it was"),
    ],
)
def test_what_is_taken_back_returns_to_the_program(state: RewardState, source: str) -> None:
    reversal = reversed_to(a_reward(state=state), 750)
    assert reversal is not None
    assert reversal.back_minor == 250
    assert reversal.postings == (
        Posting(source=source, destination=EXPENSE, amount_minor=250, unit="EUR"),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(HELD, VOIDED, id="held"),
        pytest.param(AVAILABLE, VOIDED, id="available"),
        pytest.param(FULFILLING, FULFILLING, id="in somebody's hands"),
        pytest.param(FULFILLED, CLAWED_BACK, id="handed over"),
    ],
)
def test_a_reward_of_which_nothing_is_left_ends(before: RewardState, after: RewardState) -> None:
    reversal = reversed_to(a_reward(state=before), 0)
    assert reversal is not None
    assert reversal.is_whole
    assert reversal.reward.state is after
    assert reversal.reward.remaining_minor == 0


@pytest.mark.parametrize("state", [HELD, AVAILABLE, FULFILLED])
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
        pytest.param(a_reward(state=VOIDED, voided_minor=1_000), id="voided"),
        pytest.param(a_reward(state=CLAWED_BACK, clawed_back_minor=1_000), id="clawed back"),
        pytest.param(
            a_reward(state=FULFILLING, clawed_back_minor=1_000),
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
        back_minor += reversal.back_minor
        assert sum(each.amount_minor for each in reversal.postings) == reversal.back_minor
        assert reversal.reward.remaining_minor == owed_minor
        reward = reversal.reward
    assert back_minor == amount_minor - reward.remaining_minor
    assert 0 <= reward.remaining_minor == min([amount_minor, *owed])


def test_a_reward_that_is_reversed_in_part_keeps_its_hold() -> None:
    reversal = reversed_to(a_reward(due_at=NOW + 14 * A_DAY), 750)
    assert reversal is not None
    assert reversal.reward.due_at == datetime(2026, 6, 3, 12, tzinfo=UTC)


def test_a_rule_promises_one_person_one_reward_for_a_source() -> None:
    ids = [
        reward_id_of(ORDER, "advocate-tenth", ANNA),
        reward_id_of(ORDER, "advocate-tenth", ANNA, generation=1),
        reward_id_of(ORDER, "advocate-tenth", ANNA, generation=2),
        reward_id_of(ORDER, "advocate-tenth", BORIS),
        reward_id_of(ORDER, "advocate-extra", ANNA),
        reward_id_of("milestone:tea:3", "advocate-tenth", ANNA),
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5
    assert all(each.startswith("rwd_") for each in ids)


@pytest.mark.parametrize("state", [IN_REVIEW, QUEUED])
def test_a_promise_without_money_yet_is_taken_back_without_a_posting(state: RewardState) -> None:
    reversal = reversed_to(a_reward(state=state), 750)
    assert reversal is not None
    assert reversal.reward == a_reward(state=state, voided_minor=250)
    assert (reversal.back_minor, reversal.postings) == (250, ())
    assert not reversal.is_claw_back


@pytest.mark.parametrize("state", [IN_REVIEW, QUEUED])
def test_a_promise_without_money_yet_of_which_nothing_is_left_is_voided(
    state: RewardState,
) -> None:
    reversal = reversed_to(a_reward(state=state), 0)
    assert reversal is not None
    assert reversal.reward.state is VOIDED
    assert reversal.is_whole


@pytest.mark.parametrize(
    ("state", "is_funded"),
    [
        pytest.param(IN_REVIEW, False, id="in review"),
        pytest.param(QUEUED, False, id="queued"),
        pytest.param(HELD, True, id="held"),
        pytest.param(FULFILLED, True, id="handed over"),
        pytest.param(EXPIRED, False, id="lapsed"),
    ],
)
def test_the_ledger_holds_what_was_paid_for(state: RewardState, *, is_funded: bool) -> None:
    assert a_reward(state=state).is_funded is is_funded


@pytest.mark.parametrize(
    ("expires_after_days", "expires_at"),
    [
        pytest.param(None, None, id="for ever"),
        pytest.param(30, datetime(2026, 6, 19, 12, tzinfo=UTC), id="for thirty days"),
    ],
)
def test_the_time_to_hand_over_runs_from_the_end_of_the_hold(
    expires_after_days: int | None, expires_at: datetime | None
) -> None:
    ended = available(a_reward(expires_after_days=expires_after_days), now=NOW)
    assert (ended.state, ended.due_at, ended.expires_at) == (AVAILABLE, NOW, expires_at)


def test_a_reward_that_lapses_goes_back_to_the_program() -> None:
    lapsed, postings = expired(a_reward(state=AVAILABLE, voided_minor=250))
    assert (lapsed.state, lapsed.due_at) == (EXPIRED, None)
    assert postings == (
        Posting(source=ANNA_AVAILABLE, destination=EXPENSE, amount_minor=750, unit="EUR"),
    )


def test_what_paid_a_debt_does_not_lapse() -> None:
    lapsed, postings = expired(a_reward(state=AVAILABLE, netted_minor=400))
    assert lapsed.state is EXPIRED
    assert postings == (
        Posting(source=ANNA_AVAILABLE, destination=EXPENSE, amount_minor=600, unit="EUR"),
    )


def test_a_reward_that_paid_a_debt_whole_lapses_without_a_posting() -> None:
    lapsed, postings = expired(a_reward(state=AVAILABLE, netted_minor=1_000))
    assert (lapsed.state, postings) == (EXPIRED, ())


def test_what_was_paid_too_much_does_not_lapse_with_what_it_went_with() -> None:
    lapsed, postings = expired(a_reward(state=AVAILABLE, netted_minor=-400))
    assert (lapsed.state, lapsed.netted_minor) == (EXPIRED, 0)
    assert postings == (
        Posting(source=ANNA_AVAILABLE, destination=EXPENSE, amount_minor=1_000, unit="EUR"),
        Posting(source=ANNA_AVAILABLE, destination=ANNA_DEBT, amount_minor=400, unit="EUR"),
    )


@pytest.mark.parametrize("state", [state for state in RewardState if state is not AVAILABLE])
def test_only_what_is_available_lapses(state: RewardState) -> None:
    reward = a_reward(state=state)
    with pytest.raises(MoveNotAllowedError):
        expired(reward)


@pytest.mark.parametrize(
    ("debt_minor", "netted_minor", "to_hand_over_minor"),
    [
        pytest.param(400, 400, 600, id="a part"),
        pytest.param(1_000, 1_000, 0, id="all of it"),
        pytest.param(5_000, 1_000, 0, id="more than it is"),
    ],
)
def test_a_debt_is_paid_before_anything_is_handed_over(
    debt_minor: int, netted_minor: int, to_hand_over_minor: int
) -> None:
    less, posting = netted(a_reward(state=FULFILLING), debt_minor)
    assert (less.netted_minor, less.to_hand_over_minor) == (netted_minor, to_hand_over_minor)
    assert less.remaining_minor == 1_000
    assert posting == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_DEBT, amount_minor=netted_minor, unit="EUR"
    )


def test_a_second_debt_is_paid_from_what_the_first_left() -> None:
    less, posting = netted(a_reward(state=FULFILLING, netted_minor=400), 700)
    assert (less.netted_minor, less.to_hand_over_minor) == (1_000, 0)
    assert posting is not None
    assert posting.amount_minor == 600


@pytest.mark.parametrize(
    "reward",
    [
        pytest.param(a_reward(state=FULFILLING, kind=RewardKind.GIFT), id="a gift"),
        pytest.param(a_reward(state=FULFILLING, netted_minor=1_000), id="nothing to hand over"),
    ],
)
def test_what_cannot_be_cut_pays_no_debt(reward: Reward) -> None:
    assert netted(reward, 400) == (reward, None)


def test_who_owes_nothing_pays_no_debt() -> None:
    reward = a_reward(state=FULFILLING)
    assert netted(reward, 0) == (reward, None)


def test_what_was_paid_too_much_goes_out_with_the_next_reward() -> None:
    more, posting = netted(a_reward(state=FULFILLING), -400)
    assert (more.netted_minor, more.to_hand_over_minor, more.remaining_minor) == (
        -400,
        1_400,
        1_000,
    )
    assert posting == Posting(
        source=ANNA_DEBT, destination=ANNA_AVAILABLE, amount_minor=400, unit="EUR"
    )


def test_what_was_paid_too_much_stays_with_a_reward_that_is_put_back() -> None:
    again, posting = put_back(a_reward(state=FULFILLING, netted_minor=-400), due_at=NOW)
    assert (again.to_hand_over_minor, posting) == (1_400, None)


def test_what_was_paid_too_much_waits_for_the_next_when_its_reward_is_voided() -> None:
    reversal = reversed_to(a_reward(state=AVAILABLE, netted_minor=-400), 0)
    assert reversal is not None
    assert (reversal.reward.state, reversal.reward.to_hand_over_minor) == (VOIDED, 0)
    assert reversal.postings == (
        Posting(source=ANNA_AVAILABLE, destination=EXPENSE, amount_minor=1_000, unit="EUR"),
        Posting(source=ANNA_AVAILABLE, destination=ANNA_DEBT, amount_minor=400, unit="EUR"),
    )
    assert reversal.returned_minor == 1_000


SENT = a_reward(state=FULFILLED, kind=RewardKind.CASH, due_at=None)
RETURNED = {"returned": "7"}


def test_cash_that_came_back_is_available_again_with_its_whole_term() -> None:
    expires_at = NOW + A_DAY
    sent = replace(
        SENT, expires_after_days=30, expires_at=expires_at, dispatch_id=DispatchId("pay_1")
    )
    again, postings = came_back(sent, RETURNED, now=NOW)
    assert (again.state, again.due_at, again.dispatch_id) == (AVAILABLE, NOW, None)
    assert (again.expires_at, again.handed_over) == (NOW + 30 * A_DAY, RETURNED)
    assert postings == (
        Posting(source=ANNA_PAID, destination=ANNA_AVAILABLE, amount_minor=1_000, unit="EUR"),
    )


def test_what_was_clawed_back_of_cash_that_came_back_is_owed_no_more() -> None:
    again, postings = came_back(replace(SENT, clawed_back_minor=300), RETURNED, now=NOW)
    assert (again.voided_minor, again.clawed_back_minor) == (300, 0)
    assert postings == (
        Posting(source=ANNA_PAID, destination=ANNA_AVAILABLE, amount_minor=1_000, unit="EUR"),
        Posting(source=ANNA_AVAILABLE, destination=ANNA_DEBT, amount_minor=300, unit="EUR"),
    )


def test_cash_that_was_clawed_back_whole_and_came_back_is_voided() -> None:
    gone = replace(SENT, state=CLAWED_BACK, clawed_back_minor=1_000)
    again, _ = came_back(gone, RETURNED, now=NOW)
    assert (again.state, again.due_at, again.to_hand_over_minor) == (VOIDED, None, 0)


@pytest.mark.parametrize(
    "reward",
    [
        pytest.param(replace(SENT, kind=RewardKind.CREDIT), id="credit"),
        pytest.param(replace(SENT, netted_minor=1_000), id="nothing was sent"),
        *(
            pytest.param(replace(SENT, state=state), id=state)
            for state in RewardState
            if state not in {FULFILLED, CLAWED_BACK}
        ),
    ],
)
def test_only_cash_that_was_sent_comes_back(reward: Reward) -> None:
    with pytest.raises(MoveNotAllowedError):
        came_back(reward, RETURNED, now=NOW)


def test_a_reward_that_paid_a_debt_whole_is_handed_over_without_a_posting() -> None:
    assert hand_over_posting(a_reward(state=FULFILLING, netted_minor=1_000)) is None


def test_a_reward_that_could_not_be_handed_over_is_available_again() -> None:
    again, posting = put_back(a_reward(state=FULFILLING), due_at=NOW)
    assert again == a_reward(state=AVAILABLE, due_at=NOW)
    assert posting is None


def test_what_was_clawed_back_of_something_that_never_went_out_is_no_debt() -> None:
    again, posting = put_back(a_reward(state=FULFILLING, clawed_back_minor=300), due_at=NOW)
    assert again == a_reward(state=AVAILABLE, due_at=NOW, voided_minor=300)
    assert posting == Posting(
        source=ANNA_AVAILABLE, destination=ANNA_DEBT, amount_minor=300, unit="EUR"
    )


def test_a_reward_that_was_clawed_back_whole_and_never_went_out_is_voided() -> None:
    again, _ = put_back(a_reward(state=FULFILLING, clawed_back_minor=1_000), due_at=NOW)
    assert again == a_reward(state=VOIDED, due_at=None, voided_minor=1_000)


@pytest.mark.parametrize(
    ("kind", "days", "expires_after_days", "extended_days"),
    [
        (RewardKind.CASH, None, None, None),
        (RewardKind.CASH, 4, 30, 40),
        (RewardKind.CASH, 25, 30, 40),
        (RewardKind.CASH, 60, 30, 60),
        (RewardKind.PARTNER, None, None, None),
        (RewardKind.PARTNER, 4, 30, 14),
        (RewardKind.PARTNER, 25, 30, 25),
    ],
)
def test_time_that_a_dispatch_took_in_vain_is_given_back(
    kind: RewardKind, days: int | None, expires_after_days: int | None, extended_days: int | None
) -> None:
    """A dispatch claimed it now and is released after ten days; days are counted from now."""
    reward = a_reward(
        state=FULFILLING,
        kind=kind,
        expires_at=None if days is None else NOW + days * A_DAY,
        expires_after_days=expires_after_days,
    )
    longer = extended(reward, since=NOW, now=NOW + 10 * A_DAY)
    assert longer.expires_at == (None if extended_days is None else NOW + extended_days * A_DAY)


A_DEBT_OF_FOUR = a_posting(source=ANNA_DEBT, destination=EXPENSE, amount_minor=400)


def a_netted_reward(state: RewardState) -> tuple[Reward, list[Posting]]:
    """Bring ten euro, four of which paid a debt, to a state; give all postings until then."""
    held = a_reward()
    ended = available(held, now=NOW)
    less, netting = netted(moved_to(ended, FULFILLING, due_at=NOW), 400)
    assert netting is not None
    done = [A_DEBT_OF_FOUR, grant_posting(held), release_posting(ended), netting]
    match state:
        case RewardState.FULFILLING:
            return less, done
        case RewardState.FULFILLED:
            handed_over = hand_over_posting(less)
            assert handed_over is not None
            return moved_to(less, FULFILLED, due_at=None), [*done, handed_over]
    again, none = put_back(less, due_at=NOW)
    assert none is None
    if state is AVAILABLE:
        return again, done
    lapsed, back = expired(again)
    return lapsed, [*done, *back]


def worth(postings: Sequence[Posting]) -> int:
    """Give what Anna has in all her places, her debt subtracted."""
    sums = moved(postings)
    assert sum(sums.values()) == 0
    return -sums[EXPENSE, "EUR"]


@pytest.mark.parametrize("back_minor", [0, 300, 800, 1_000])
@pytest.mark.parametrize("state", [AVAILABLE, FULFILLING, FULFILLED])
def test_a_reward_that_paid_a_debt_is_worth_what_is_owed_of_it(
    state: RewardState, back_minor: int
) -> None:
    reward, postings = a_netted_reward(state)
    reversal = reversed_to(reward, 1_000 - back_minor)
    after_all = [*postings, *(reversal.postings if reversal else ())]
    # the four euro that Anna owed before were nothing of this reward's
    assert worth(after_all) == 1_000 - back_minor - 400


@pytest.mark.parametrize(
    ("owed_minor", "worth_minor"),
    [
        pytest.param(700, 400, id="as little as the part that lapsed"),
        pytest.param(400, 400, id="all that lapsed"),
        pytest.param(200, 200, id="some of what paid the debt"),
        pytest.param(0, 0, id="all of it"),
    ],
)
def test_a_lapsed_reward_gives_back_what_paid_a_debt(owed_minor: int, worth_minor: int) -> None:
    reward, postings = a_netted_reward(EXPIRED)
    reversal = reversed_to(reward, owed_minor)
    assert reversal is not None
    assert reversal.reward.state is EXPIRED
    assert worth([*postings, *reversal.postings]) == worth_minor - 400


@pytest.mark.parametrize(
    ("owed_minor", "expected"),
    [
        pytest.param(700, a_reward(state=AVAILABLE, voided_minor=300, netted_minor=400), id="3"),
        pytest.param(
            200,
            a_reward(state=AVAILABLE, voided_minor=600, clawed_back_minor=200, netted_minor=400),
            id="8",
        ),
        pytest.param(
            0,
            a_reward(state=VOIDED, voided_minor=600, clawed_back_minor=400, netted_minor=400),
            id="10",
        ),
    ],
)
def test_a_reward_that_paid_a_debt_is_put_back_as_it_would_be_reversed(
    owed_minor: int, expected: Reward
) -> None:
    available_before, _ = a_netted_reward(AVAILABLE)
    claimed, _ = a_netted_reward(FULFILLING)
    reversed_before = reversed_to(available_before, owed_minor)
    reversed_meanwhile = reversed_to(claimed, owed_minor)
    assert reversed_before is not None
    assert reversed_meanwhile is not None
    due_at = None if owed_minor == 0 else NOW
    put_back_after, _ = put_back(reversed_meanwhile.reward, due_at=due_at)
    settled = replace(expected, due_at=due_at)
    for each in (reversed_before.reward, put_back_after):
        assert replace(each, expires_at=None, due_at=due_at) == settled


def test_a_reversal_out_of_a_place_and_a_debt_takes_from_both() -> None:
    reversal = reversed_to(a_reward(state=AVAILABLE, netted_minor=400), 200)
    assert reversal is not None
    assert reversal.postings == (
        Posting(source=ANNA_AVAILABLE, destination=EXPENSE, amount_minor=600, unit="EUR"),
        Posting(source=ANNA_DEBT, destination=EXPENSE, amount_minor=200, unit="EUR"),
    )
    assert (reversal.reward.voided_minor, reversal.reward.clawed_back_minor) == (600, 200)


STEPS = st.lists(
    st.sampled_from(["claim", "put back", "hand over", "expire", "come back"])
    | st.integers(min_value=0, max_value=1_000),
    max_size=8,
)


def stepped(reward: Reward, step: str | int, debt_minor: int) -> tuple[Reward, list[Posting]]:
    """Do a step of a reward's life if its state allows it; a number takes it back to that."""
    posting: Posting | None = None
    match step, reward.state:
        case int(), _:
            reversal: Reversal | None = reversed_to(reward, int(step))
            return (reversal.reward, list(reversal.postings)) if reversal else (reward, [])
        case "claim", RewardState.AVAILABLE:
            reward, posting = netted(moved_to(reward, FULFILLING, due_at=NOW), debt_minor)
        case "put back", RewardState.FULFILLING:
            reward, posting = put_back(reward, due_at=NOW)
        case "hand over", RewardState.FULFILLING if not reward.is_undone_in_part:
            posting = hand_over_posting(reward)
            reward = moved_to(reward, FULFILLED, due_at=None)
        case "expire", RewardState.AVAILABLE:
            reward, postings = expired(reward)
            return reward, list(postings)
        case "come back", RewardState.FULFILLED | RewardState.CLAWED_BACK if (
            reward.to_hand_over_minor
        ):
            reward, postings = came_back(reward, {}, now=NOW)
            return reward, list(postings)
    return reward, [posting] if posting else []


@settings(max_examples=400)
@given(steps=STEPS, debt_minor=st.integers(min_value=-800, max_value=1_200))
def test_whatever_happens_to_a_reward_its_owner_has_what_is_left_of_it(
    steps: list[str | int], debt_minor: int
) -> None:
    held = a_reward(kind=RewardKind.CASH)
    reward = available(held, now=NOW)
    postings = [grant_posting(held), release_posting(reward)]
    for step in steps:
        # a debt that is paid is none any more, and neither is what was paid too much
        rest = sorted((0, debt_minor, debt_minor - reward.netted_minor))[1]
        reward, more = stepped(reward, step, rest)
        postings += more
        left_minor = reward.remaining_minor
        if reward.state is EXPIRED:
            left_minor = min(left_minor, reward.netted_minor)
        assert worth(postings) == left_minor
        assert moved(postings)[ANNA_AVAILABLE, "EUR"] >= 0
        assert reward.to_hand_over_minor >= 0
