"""`same_email`: a mailbox that other people use too."""

import pytest

from referrals.domain.fraud.same_email import SAME_EMAIL
from referrals.domain.ids import PersonId
from tests.domain.fraud.cases import ANNA, CLARA, DORA, seen, some_signals

CASES = [
    ("an address that nobody else has", (), 1, None),
    ("a couple, where couples may share one", (CLARA,), 2, None),
    ("a family of three, where three may share one", (CLARA, DORA), 3, None),
    ("nobody else, at the highest limit", (), 19, None),
    ("nobody else, at a limit that terms may not set", (), 0, None),
    ("the advocate's own address", (ANNA,), 1, (1, True)),
    ("the advocate's own address, where couples may share one", (ANNA,), 2, (1, True)),
    ("another friend's address", (CLARA,), 1, (1, False)),
    ("two other friends, where couples may share one", (CLARA, DORA), 2, (2, False)),
    ("one mailbox behind the advocate and a friend", (ANNA, CLARA), 1, (2, True)),
]


@pytest.mark.parametrize(("label", "owners", "limit", "expected"), CASES, ids=[c[0] for c in CASES])
def test_it_counts_the_others_who_have_the_mailbox(
    label: str,
    owners: tuple[PersonId, ...],
    limit: int,
    expected: tuple[int, bool] | None,
) -> None:
    inputs = SAME_EMAIL.look(some_signals(email_owners=owners), limit)
    others = None if inputs is None else (inputs["others"], inputs["is_advocate"])
    assert others == expected


def test_one_other_owner_is_enough_by_default() -> None:
    expected = {"others": 1, "is_advocate": False, "limit": 1}
    assert seen(SAME_EMAIL, email_owners=(CLARA,)) == expected
