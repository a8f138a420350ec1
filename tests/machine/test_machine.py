"""Whatever happens, in any order, the shop owes what a small model says, and its books balance."""

import sys
import time

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import ReferralMachine, SharedFriends, WatchedFriends

MACHINES = (SharedFriends, WatchedFriends)


@pytest.mark.usefixtures("small_shop")
@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_happens_the_shop_owes_what_the_model_says(
    machine: type[ReferralMachine],
) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=200, stateful_step_count=50))


@pytest.mark.torture
@pytest.mark.usefixtures("small_shop")
@pytest.mark.parametrize("machine", MACHINES)
def test_two_thousand_stories_of_a_hundred_steps_come_out_right(
    machine: type[ReferralMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    started, teardown, done = time.monotonic(), machine.teardown, [0]

    def counted(story: ReferralMachine) -> None:
        teardown(story)
        done[0] += 1
        if done[0] % 20 == 0:
            minutes = (time.monotonic() - started) / 60
            sys.stderr.write(f"{machine.__name__}: {done[0]} stories, {minutes:.1f} minutes\n")

    monkeypatch.setattr(machine, "teardown", counted)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=2_000, stateful_step_count=100)
    )
