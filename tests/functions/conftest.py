"""The whole cloud for tests of functions: every app, and a program to work with."""

from collections.abc import Iterator

import pytest

from infra.local.cloud import LocalCloud
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as started:
        apply_program(shop.a_program(), now=shop.NOON)
        yield started


@pytest.fixture
def api(cloud: LocalCloud) -> Api:
    return Api(cloud)


@pytest.fixture(scope="module")
def standing_api() -> Iterator[Api]:
    """Give one cloud to all tests of a module that must not change anything in it."""
    with LocalCloud(prefix="sarafan-standing-") as started:
        apply_program(shop.a_program(), now=shop.NOON)
        yield Api(started)
