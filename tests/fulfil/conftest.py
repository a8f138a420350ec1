"""The systems outside, for tests that call them."""

from collections.abc import Iterator

import pytest

from tests.fulfil.outside import Host, Outside, served


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    standing = Host()
    yield standing
    standing.server.stop()


@pytest.fixture
def outside(host: Host) -> Iterator[Outside]:
    """Give fakes with empty books, served on this machine."""
    with served(host) as standing:
        yield standing
