"""`same_payment`: a card that other people paid with too."""

import pytest

from referrals.domain.fraud.same_payment import SAME_PAYMENT
from referrals.domain.ids import PersonId
from tests.domain.fraud.cases import ANNA, CLARA, DORA, seen, some_signals

CASES = [
    ("a card of one's own", (), 1, None),
    ("a sign-up, where nobody pays", (), 1, None),
    ("siblings with their mother's card, where two may share", (CLARA,), 2, None),
    ("three of an office with its card, where that is allowed", (CLARA, DORA), 3, None),
    ("nobody else, at a limit that terms may not set", (), 0, None),
    ("the advocate pays for the friend", (ANNA,), 1, (1, True)),
    ("the advocate pays, however many may share", (ANNA,), 19, (1, True)),
    ("the card of another friend", (CLARA,), 1, (1, False)),
    ("the third account of one card", (CLARA, DORA), 2, (2, False)),
    ("the advocate and a friend have one card", (ANNA, CLARA), 5, (2, True)),
]


@pytest.mark.parametrize(("label", "owners", "limit", "expected"), CASES, ids=[c[0] for c in CASES])
def test_it_counts_the_others_who_paid_with_the_card(
    label: str,
    owners: tuple[PersonId, ...],
    limit: int,
    expected: tuple[int, bool] | None,
) -> None:
    inputs = SAME_PAYMENT.look(some_signals(payment_owners=owners), limit)
    others = None if inputs is None else (inputs["others"], inputs["is_advocate"])
    assert others == expected


def test_one_other_owner_is_enough_by_default() -> None:
    expected = {"others": 1, "is_advocate": False, "limit": 1}
    assert seen(SAME_PAYMENT, payment_owners=(CLARA,)) == expected
