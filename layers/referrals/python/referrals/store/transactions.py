"""Reading together and writing together: one round of reads, one transaction, or nothing at all.

A cancelled transaction is never looked into. Whoever is beaten by somebody else reads again and
decides again, and the second reading shows what the first could not know.
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from pynamodb.exceptions import PynamoDBException, TransactGetError, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from referrals.domain.errors import ReferralError
from referrals.store.rows import connection

T = TypeVar("T")
Write = Callable[[TransactWrite], None]
# whatever the store cannot do at the moment, for those who can do without
StoreError = PynamoDBException

# the most items that DynamoDB reads in one transaction
MOST_READ_AT_ONCE = 100

# Half of the 20 seconds that a hook has, for the one write of it that is contested.
_PATIENCE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.005, 0.25

_BEATEN_BY_OTHERS = {
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}
_TRY_AGAIN = {
    "TransactionInProgressException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
}


class BeatenError(Exception):
    """Somebody else wrote first, or the table was busy: read again, decide again."""


class ContentionError(ReferralError):
    """Too many writers want the same items; nothing was written."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__("too many requests change the same things at once; try again shortly")


class Wanted(Generic[T]):
    """One item to be read, and after `read` the domain value in it, or None."""

    def __init__(
        self, row: type[Model], key: str, range_key: str | None, opened: Callable[[Any], T]
    ) -> None:
        self.row, self.key, self.range_key, self._opened = row, key, range_key, opened
        self._found: Any = None

    def take(self, found: Any) -> None:
        self._found = found

    @property
    def value(self) -> T | None:
        return None if self._found is None else self._opened(self._found)


def read(*wanted: Wanted[Any]) -> None:
    """Read items as they are at one moment, all in one call; BeatenError when others write them."""
    if len(wanted) == 1:
        _read_one(wanted[0])
        return
    try:
        with TransactGet(connection=connection()) as reading:
            futures = [reading.get(each.row, each.key, each.range_key) for each in wanted]
    except TransactGetError as error:
        raise _explained(error) from error
    for each, future in zip(wanted, futures, strict=True):
        try:
            each.take(future.get())
        except each.row.DoesNotExist:
            each.take(None)


def _read_one(wanted: Wanted[Any]) -> None:
    try:
        wanted.take(wanted.row.get(wanted.key, wanted.range_key, consistent_read=True))
    except wanted.row.DoesNotExist:
        wanted.take(None)


def commit(*writes: Write | None) -> None:
    """Write all items or none; BeatenError when another writer or a full table was in the way."""
    try:
        with TransactWrite(connection=connection()) as transaction:
            for write in writes:
                if write is not None:
                    write(transaction)
    except TransactWriteError as error:
        raise _explained(error) from error


def _explained(error: TransactGetError | TransactWriteError) -> PynamoDBException | BeatenError:
    if error.cause_response_code in _TRY_AGAIN:
        return BeatenError()
    if error.cause_response_code != "TransactionCanceledException":
        return error
    reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
    return BeatenError() if reasons and reasons <= _BEATEN_BY_OTHERS else error


def until_settled(attempt: Callable[[], T]) -> T:
    """Run an attempt until it is not beaten; ContentionError after ten seconds.

    An attempt reads, decides, and commits once. It must read anew each time.
    """
    for pause_seconds in _pauses():
        try:
            return attempt()
        except BeatenError:
            time.sleep(pause_seconds)
    raise ContentionError


def _pauses() -> Iterator[float]:
    """Give growing pauses with full jitter, so that those who collided do not meet again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    longest = _FIRST_PAUSE_SECONDS
    while time.monotonic() < deadline:
        yield random.uniform(0, longest)  # noqa: S311 - spreads load, guards nothing
        longest = min(longest * 2, _LONGEST_PAUSE_SECONDS)
