"""Reads the meter: which calls are made, and of DynamoDB for how many items, at what cost."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.client import BaseClient

from tools.bench.units import (
    Index,
    Item,
    Read,
    index_write_units,
    item_bytes,
    query_units,
    read_units,
    write_units,
)

Call = Callable[[str, dict[str, Any]], Any]

_OF_LAMBDA = frozenset(
    {
        *("DescribeStream", "GetShardIterator", "GetRecords"),
        *("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibility"),
    }
)


@dataclass(slots=True, kw_only=True)
class Spent:
    """What some calls cost."""

    reads: int = 0
    writes: int = 0
    items_read: int = 0
    items_written: int = 0
    read_units: float = 0.0
    write_units: int = 0
    index_write_units: int = 0
    calls: list[str] = field(default_factory=list)  # all of them, such as "sesv2 SendEmail"

    @property
    def others(self) -> list[str]:
        """Give the calls of other services than DynamoDB."""
        return [call for call in self.calls if not call.startswith("dynamodb ")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schema:
    keys: tuple[str, ...]
    indexes: tuple[Index, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an item is stored: name, type and value of each attribute of its key."""

    table: str
    key: tuple[tuple[str, str, Any], ...]


@contextmanager
def metered() -> Iterator[Spent]:
    """Count every call that a botocore client makes in this thread, PynamoDB's included.

    What Lambda itself asks streams and queues is left out.
    """
    thread = threading.get_ident()
    original, spent = BaseClient._make_api_call, Spent()  # noqa: SLF001 - what all calls go through
    schemas: dict[str, _Schema] = {}

    def counted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in _OF_LAMBDA or threading.get_ident() != thread:
            return original(client, operation, parameters)
        service = client.meta.service_model.service_name
        spent.calls.append(f"{service} {operation}")
        if service != "dynamodb":
            return original(client, operation, parameters)
        return _counted(partial(original, client), operation, parameters, spent, schemas)

    BaseClient._make_api_call = counted  # noqa: SLF001
    try:
        yield spent
    finally:
        BaseClient._make_api_call = original  # noqa: SLF001


@dataclass(slots=True)
class Elapsed:
    """Wall time spent in calls, in seconds."""

    seconds: float = 0.0


@contextmanager
def timed_calls() -> Iterator[Elapsed]:
    """Measure how long all calls inside the block take: the SDK, and whoever answers it."""
    original, elapsed = BaseClient._make_api_call, Elapsed()  # noqa: SLF001

    def timed(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        before = time.perf_counter()
        try:
            return original(client, operation, parameters)
        finally:
            elapsed.seconds += time.perf_counter() - before

    BaseClient._make_api_call = timed  # noqa: SLF001
    try:
        yield elapsed
    finally:
        BaseClient._make_api_call = original  # noqa: SLF001


def _counted(
    call: Call,
    operation: str,
    parameters: dict[str, Any],
    spent: Spent,
    schemas: dict[str, _Schema],
) -> Any:
    writes = list(_writes(operation, parameters))
    if not writes:
        answer = call(operation, parameters)
        _add_reads(operation, parameters, answer, spent)
        return answer
    for table, _ in writes:
        if table not in schemas:
            schemas[table] = _schema(call, table)
    places = [_place(table, schemas[table], attributes) for table, attributes in writes]
    before = _stored(call, places)
    answer = call(operation, parameters)
    after = _stored(call, places)
    spent.writes += 1
    spent.items_written += len(places)
    for place in places:
        old, new = before.get(place), after.get(place)
        is_transactional = operation == "TransactWriteItems"
        spent.write_units += write_units(old, new, is_transactional=is_transactional)
        spent.index_write_units += sum(
            index_write_units(old, new, index) for index in schemas[place.table].indexes
        )
    return answer


def _writes(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
    """Give the table of each item that a call writes, and attributes that its key is among."""
    match operation:
        case "PutItem" | "UpdateItem" | "DeleteItem":
            yield parameters["TableName"], parameters.get("Item") or parameters["Key"]
        case "TransactWriteItems":
            for each in parameters["TransactItems"]:
                ((_, of),) = each.items()
                yield of["TableName"], of.get("Item") or of["Key"]
        case "BatchWriteItem":
            for table, requests in parameters["RequestItems"].items():
                for request in requests:
                    ((_, of),) = request.items()
                    yield table, of.get("Item") or of["Key"]


def _add_reads(
    operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any], spent: Spent
) -> None:
    consistent = Read.CONSISTENT if parameters.get("ConsistentRead") else Read.EVENTUAL
    spent.reads += 1
    match operation:
        case "GetItem":
            items, how = [answer.get("Item") or {}], consistent
        case "TransactGetItems":
            items = [each.get("Item") or {} for each in answer["Responses"]]
            how = Read.TRANSACTIONAL
        case "Query" | "Scan":
            spent.items_read += len(answer["Items"])
            spent.read_units += query_units(map(item_bytes, answer["Items"]), consistent)
            return
        case _:
            raise ValueError(f"what {operation} costs is not known here")
    spent.items_read += len(items)
    spent.read_units += sum(read_units(item_bytes(item), how) for item in items)


def _schema(call: Call, table: str) -> _Schema:
    of = call("DescribeTable", {"TableName": table})["Table"]
    keys = _key_names(of)
    return _Schema(
        keys=keys,
        indexes=tuple(_index(each, keys) for each in of.get("GlobalSecondaryIndexes", ())),
    )


def _index(of: Mapping[str, Any], table_keys: tuple[str, ...]) -> Index:
    keys, projection = _key_names(of), of["Projection"]
    if projection["ProjectionType"] == "ALL":
        return Index(keys=keys, projected=None)
    copied = projection.get("NonKeyAttributes", ())
    return Index(keys=keys, projected=frozenset({*keys, *table_keys, *copied}))


def _key_names(of: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in of["KeySchema"])


def _place(table: str, schema: _Schema, attributes: Item) -> _Place:
    key = [(name, *next(iter(attributes[name].items()))) for name in schema.keys]
    return _Place(table=table, key=tuple(key))


def _stored(call: Call, places: Sequence[_Place]) -> dict[_Place, Item]:
    """Read what is stored in some places now; places where nothing is are left out."""
    by_name = {place.table: [name for name, _, _ in place.key] for place in places}
    wanted: dict[str, Any] = {table: {"Keys": [], "ConsistentRead": True} for table in by_name}
    for place in places:
        wanted[place.table]["Keys"].append({name: {kind: of} for name, kind, of in place.key})
    found = call("BatchGetItem", {"RequestItems": wanted})["Responses"]
    return {
        _place(table, _Schema(keys=tuple(by_name[table]), indexes=()), item): item
        for table, items in found.items()
        for item in items
    }
