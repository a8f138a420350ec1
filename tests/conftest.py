"""What every test stands on: one Hypothesis profile, tables when asked for, no leftovers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws

from infra.local import engine, shortcuts, templates
from infra.local.cloud import forget_caches
from referrals.runtime import clock

# Powertools reads these when functions are imported; tests read no logs
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "tests")

settings.register_profile(
    "default",
    derandomize=True,  # what a test makes up, it makes with a seed
    deadline=None,  # two noisy cores
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("default")

# moto with the same answers and half the work
shortcuts.install()

PREFIX = "sarafan-test-"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give empty tables as infra/state.yaml has them."""
    engine.install()
    monkeypatch.setenv("TABLE_PREFIX", PREFIX)
    monkeypatch.setenv("AWS_DEFAULT_REGION", templates.REGION)
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    forget_caches()
    with mock_aws():
        templates.create_tables(PREFIX)
        yield


@pytest.fixture(autouse=True)
def _machine_clock() -> Iterator[None]:
    """Put the clock back when a test has set it."""
    yield
    clock.set_source(None)


_numbers = count()


@contextmanager
def fresh_tables() -> Iterator[None]:
    """Give tables of its own to one example: Hypothesis runs many inside one test."""
    prefix = f"{PREFIX}{next(_numbers)}-"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("TABLE_PREFIX", prefix)
        forget_caches()
        templates.create_tables(prefix)
        yield
    forget_caches()
