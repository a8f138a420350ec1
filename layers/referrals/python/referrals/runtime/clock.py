"""The one place that knows what time it is, so that the whole system can be run at any date."""

from collections.abc import Callable
from datetime import UTC, datetime

_source: Callable[[], datetime] | None = None


def utc_now() -> datetime:
    """Give the current moment as an aware UTC datetime, to the microsecond."""
    return datetime.now(UTC) if _source is None else _source()


def set_source(source: Callable[[], datetime] | None) -> None:
    """Take the time from `source` from now on; None goes back to the machine's clock."""
    global _source  # noqa: PLW0603 - the clock is the one thing that is global
    _source = source
