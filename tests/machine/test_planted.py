"""A machine is worth what it catches: each planted bug makes it fail, and without it passes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import ReferralMachine
from tests.machine.planted import PLANTED, Bug

# What a plant that no longer fits the code would raise: that would be no bug that was noticed.
_BROKEN_PLANTS = (AttributeError, NameError, TypeError, ImportError)

# A seed is not all the chance there is: Hypothesis also tries constants that it finds in whatever
# modules a process has loaded. And a run now and then keeps to stories that are all alike. So a bug
# gets many short runs: the one that hides best shows in about every sixth.
_RUNS = 80
_STORIES = 25

pytestmark = pytest.mark.usefixtures("small_shop")


def run(bug: Bug, *, examples: int, number: int = 0) -> None:
    """Run the machine in the shop of a bug, without looking for the shortest story."""
    terms: dict[str, Any] = {**bug.machine.BASE, **bug.terms}
    machine: type[ReferralMachine] = type(bug.machine.__name__, (bug.machine,), {"BASE": terms})
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            derandomize=False,  # its seed is the number
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        ),
    )


def run_often(bug: Bug) -> None:
    """Run it until it is noticed, or has had its chances."""
    for number in range(_RUNS):
        run(bug, examples=_STORIES, number=number)


def test_at_least_ten_bugs_are_planted() -> None:
    assert len({bug.says for bug in PLANTED}) == len(PLANTED) >= 10


@pytest.mark.parametrize("bug", PLANTED, ids=str)
def test_the_machine_notices(bug: Bug) -> None:
    with bug.planted(), pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it breaks
        run_often(bug)
    assert not isinstance(caught.value, _BROKEN_PLANTS)


@pytest.mark.parametrize("bug", [each for each in PLANTED if each.terms], ids=str)
def test_without_the_bug_the_same_shop_passes(bug: Bug) -> None:
    run(bug, examples=3)
