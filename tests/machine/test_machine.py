"""Whatever happens, in whatever order, the shop owes what a small model says, and its books balance."""

import sys
import time

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import ReferralMachine, SharedFriends, WatchedFriends

pytestmark = pytest.mark.usefixtures("small_shop")

DEFAULT = settings(max_examples=100, stateful_step_count=50)


@pytest.mark.parametrize("machine", [SharedFriends, WatchedFriends])
def test_whatever_happens_the_shop_owes_what_the_model_says(
    machine: type[ReferralMachine],
) -> None:
    run_state_machine_as_test(machine, settings=DEFAULT)
