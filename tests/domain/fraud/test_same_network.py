"""`same_network`: an address and agent that other people came with; alone it has no effect."""

import pytest

from referrals.domain.fraud.same_network import SAME_NETWORK
from referrals.domain.ids import PersonId
from tests.domain.fraud.cases import ANNA, CLARA, DORA, seen, some_signals

CASES = [
    ("a line of one's own", (), 1, None),
    ("no address was told", (), 1, None),
    ("an office, where crowds are usual", (CLARA, DORA), 19, None),
    ("a couple at home, where two may share", (CLARA,), 2, None),
    ("nobody else, at a limit that terms may not set", (), 0, None),
    ("the advocate's own machine", (ANNA,), 1, (1, True)),
    ("the advocate's own machine, where crowds are usual", (ANNA,), 19, (1, True)),
    ("another friend's machine", (CLARA,), 1, (1, False)),
    ("a row of accounts from one machine", (CLARA, DORA), 2, (2, False)),
    ("a crowd that the advocate is in", (ANNA, CLARA, DORA), 19, (3, True)),
]


@pytest.mark.parametrize(("label", "owners", "limit", "expected"), CASES, ids=[c[0] for c in CASES])
def test_it_counts_the_others_who_came_from_there(
    label: str,
    owners: tuple[PersonId, ...],
    limit: int,
    expected: tuple[int, bool] | None,
) -> None:
    inputs = SAME_NETWORK.look(some_signals(network_owners=owners), limit)
    others = None if inputs is None else (inputs["others"], inputs["is_advocate"])
    assert others == expected


def test_one_other_owner_is_enough_by_default() -> None:
    expected = {"others": 1, "is_advocate": False, "limit": 1}
    assert seen(SAME_NETWORK, network_owners=(CLARA,)) == expected


def test_it_only_supports_other_rules() -> None:
    assert SAME_NETWORK.only_supports
