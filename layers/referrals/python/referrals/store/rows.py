"""What every row has in common: a table named by the deployment, timeouts, a body."""

from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from pynamodb.attributes import VersionAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.models import Model

from referrals import settings
from referrals.clients import session

T = TypeVar("T")
CONDITION_FAILED = "ConditionalCheckFailedException"  # what DynamoDB calls it


class TableName:
    """A table's name in this deployment, looked up when it is needed and not at import."""

    def __init__(self, table: str) -> None:
        self.table = table

    def __get__(self, _instance: object, _owner: object = None) -> str:
        return settings.table_name(self.table)


class RowMeta:
    """Defaults of every row's `Meta`.

    One call that hangs is tried again within the 5 seconds that the redirect has.
    """

    connect_timeout_seconds = 1
    read_timeout_seconds = 1.5
    max_retry_attempts = 2
    max_pool_connections = 10


class Row(Model):
    """A row of any table. All tables share one client: to make one takes longer than ten reads."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        if table.connection._client is None:  # noqa: SLF001 - PynamoDB has no other way to share
            table.connection._client = connection().client  # noqa: SLF001
        return table


@cache
def connection() -> Connection:
    """Give the connection that transactions and all tables share."""
    made = Connection(
        connect_timeout_seconds=RowMeta.connect_timeout_seconds,
        read_timeout_seconds=RowMeta.read_timeout_seconds,
        max_retry_attempts=RowMeta.max_retry_attempts,
        max_pool_connections=RowMeta.max_pool_connections,
    )
    made._local.session = session()  # noqa: SLF001 - as above
    return made


class Revision(VersionAttribute):
    """Which writing of a row this is; None before the first, so that the first must be the first.

    PynamoDB puts the condition on it into every write: who decided on an older one is beaten.
    """

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not None:
            super().__set__(instance, value)  # type: ignore[no-untyped-call]


class Adapter(Protocol[T]):
    """What a body is written and read with; pydantic's TypeAdapter has this shape."""

    def dump_json(self, instance: T, /, *, exclude: Any = None) -> bytes: ...
    def validate_json(self, data: str | bytes, /) -> T: ...


class Body(Generic[T]):
    """Turns a domain value into the JSON text of a row's body and back.

    `left_out` are fields that the row keeps as attributes of its own.
    """

    def __init__(self, value_type: type[T], *, left_out: frozenset[str] = frozenset()) -> None:
        from pydantic import TypeAdapter

        self._adapter: Adapter[T] = TypeAdapter(value_type)
        self._left_out = left_out

    def write(self, value: T) -> str:
        return self._adapter.dump_json(value, exclude=set(self._left_out)).decode()

    def read(self, text: str) -> T:
        return self._adapter.validate_json(text)
