"""One moto for all machines: each example starts from a copy of the same small shop."""

import time
from collections.abc import Iterator

import pytest
from moto import mock_aws

from infra.local import engine, templates
from infra.local.cloud import forget_caches
from infra.local.straight_line import straight_line
from referrals.usecases.apply_program import apply_program
from referrals.usecases.give_details import give_payee
from tests import shop
from tests.conftest import PREFIX
from tests.machine.machine import ABOVE, ADVOCATES, ReferralMachine, account_of
from tests.shop import NOON, TEA


@pytest.fixture(scope="module")
def small_shop() -> Iterator[None]:
    """Give a shop with three advocates, one of whom another one brought, and no friends yet."""
    engine.install()
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws(), straight_line():
        monkeypatch.setenv("TABLE_PREFIX", PREFIX)
        monkeypatch.setenv("AWS_DEFAULT_REGION", templates.REGION)
        monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        forget_caches()
        templates.create_tables(PREFIX)
        apply_program(shop.a_program(rules=()), now=NOON)
        for name, code in ADVOCATES.items():
            shop.enrol(name, code=code)
            give_payee(account_of(name), program_id=TEA, now=NOON)
        for name, above in ABOVE.items():
            shop.sign_up(name, codes=[ADVOCATES[above]])
        for table in engine._backend().tables.values():
            table.stream_shard = None  # nobody reads it, and to write it takes a while
        monkeypatch.setattr(ReferralMachine, "pristine", engine.copied_tables())
        yield
    forget_caches()
