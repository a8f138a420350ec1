"""One moto for all machines: each example starts from a copy of the same small shop."""

import time
from collections.abc import Iterator

import pytest

from infra.local import engine
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.machine.machine import ABOVE, ADVOCATES, ReferralMachine
from tests.machine.straight_line import straight_line
from tests.shop import NOON


@pytest.fixture
def small_shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a shop with three advocates, one of whom another one brought, and no friends yet."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with straight_line():
        apply_program(shop.a_program(rules=()), now=NOON)
        for name, code in ADVOCATES.items():
            shop.enrol(name, code=code)
        for name, above in ABOVE.items():
            shop.sign_up(name, codes=[ADVOCATES[above]])
        for table in engine._backend().tables.values():
            table.stream_shard = None  # nobody reads it, and to write it takes a while
        empty = engine.copied_tables()
        monkeypatch.setattr(ReferralMachine, "pristine", empty)
        yield
