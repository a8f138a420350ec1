"""The local DynamoDB: moto's, patched until it keeps DynamoDB's promises to concurrent callers.

What stock moto 5.2.5 gets wrong, and what is put right here:

    no lock at all: races have several winners      one lock around every action of every service
    a transaction copies every table it names       only the touched items are kept for undoing
    ... and swaps tables, blinding open iterators   tables stay the same objects
    ClientRequestToken ignored: applied twice       remembered for ten minutes, as DynamoDB does
    a query reads the whole table                   it reads one partition of table or index
    a write that changes nothing makes a record     it makes none
    an upsert makes two stream records              it makes one
    a failed update leaves a stub of the item       nothing is left
    batches of more than 25 writes are taken        they are refused
    at most 25 items are read in a transaction      a hundred
    stream records have the machine's time          they have the time that the clock was set to
    messages of a FIFO group that failed together   they come back in their order
        come back with the last one first

It reaches into moto's internals, so moto is pinned, and tests/infra/test_engine.py says in
sentences what must hold; the same tests run against any engine that AWS_ENDPOINT_URL names.
"""

import copy
import functools
import hashlib
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse
from moto.dynamodb import responses
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    DynamodbException,
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.responses import DynamoHandler
from moto.sqs.models import Queue

from referrals.runtime import clock

MAX_TRANSACTION_ITEMS = 100
MAX_BATCH_ITEMS = 25
TOKEN_LIFETIME_S = 600

_LOCK = threading.RLock()


@functools.cache
def install() -> None:
    """Patch moto in this process; a second call changes nothing. Call it before tables exist."""
    responses.TRANSACTION_MAX_ITEMS = MAX_TRANSACTION_ITEMS
    BaseResponse.call_action = _one_at_a_time(BaseResponse.call_action)
    DynamoHandler.transact_write_items = _once_per_token(DynamoHandler.transact_write_items)
    DynamoHandler.batch_write_item = _limited_batch(DynamoHandler.batch_write_item)
    DynamoDBBackend.transact_write_items = _transact_write_items
    DynamoDBBackend.update_item = _clean_update(DynamoDBBackend.update_item)
    StreamShard.add = _changes_only(StreamShard.add)
    Table.put_item = _indexed_put(Table.put_item)
    Table.query = _query_of_one_partition(Table.query)
    Table.all_items = _items_in_reach(Table.all_items)
    Queue.pending_message_groups = property(_groups_in_flight)


def _one_at_a_time(call_action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call_action)
    def locked(handler: Any) -> Any:
        with _LOCK:
            return call_action(handler)

    return locked


# transactions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    kind: str  # Put, Update, Delete or ConditionCheck
    arguments: dict[str, Any]
    table: Any
    key: dict[str, Any]


def _transact_write_items(backend: Any, transact_items: Sequence[dict[str, Any]]) -> None:
    """Look at every condition first, against the state before; then write all, or nothing."""
    if len(transact_items) > MAX_TRANSACTION_ITEMS:
        raise TooManyTransactionsException
    operations = [_operation(backend, item) for item in transact_items]
    _refuse_the_same_item_twice(operations)
    _refuse_failed_conditions(operations)
    with ExitStack() as undo:
        for operation in operations:
            undo.enter_context(_unchanged_on_failure(operation.table, operation.key))
            _apply(backend, operation)


def _operation(backend: Any, item: dict[str, Any]) -> _Operation:
    if len(item) != 1:
        raise TransactWriteSingleOpException
    ((kind, arguments),) = item.items()
    table = backend.get_table(arguments["TableName"])
    key = arguments["Key"] if kind != "Put" else _key_of(table, arguments["Item"])
    return _Operation(kind=kind, arguments=arguments, table=table, key=key)


def _key_of(table: Any, item: dict[str, Any]) -> dict[str, Any]:
    missing = next((name for name in table.table_key_attrs if name not in item), None)
    if missing is not None:
        raise MockValidationException(
            f"One or more parameter values were invalid: Missing the key {missing} in the item"
        )
    return {name: item[name] for name in table.table_key_attrs}


def _refuse_the_same_item_twice(operations: Sequence[_Operation]) -> None:
    places = {(op.table.name, _canonical(op.key)) for op in operations}
    if len(places) < len(operations):
        raise MultipleTransactionsException


def _refuse_failed_conditions(operations: Sequence[_Operation]) -> None:
    reasons = [_reason_to_cancel(operation) for operation in operations]
    if any(code for code, _, _ in reasons):
        raise TransactionCanceledException(reasons)


def _reason_to_cancel(operation: _Operation) -> tuple[str | None, str | None, Any]:
    arguments = operation.arguments
    current = _find(operation.table, operation.key)
    condition = get_filter_expression(
        arguments.get("ConditionExpression"),
        arguments.get("ExpressionAttributeNames"),
        arguments.get("ExpressionAttributeValues"),
    )
    if condition.expr(current):
        return None, None, None
    wants_old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    old = current.to_json()["Attributes"] if current is not None and wants_old else None
    return "ConditionalCheckFailed", ConditionalCheckFailed().message, old


def _apply(backend: Any, operation: _Operation) -> None:
    table_name, arguments = operation.table.name, operation.arguments
    if operation.kind == "Put":
        backend.put_item(table_name, arguments["Item"])
    elif operation.kind == "Delete":
        backend.delete_item(table_name, operation.key)
    elif operation.kind == "Update":
        backend.update_item(
            table_name,
            operation.key,
            update_expression=arguments["UpdateExpression"],
            # names and values that only the condition uses count as unused without it
            condition_expression=arguments.get("ConditionExpression"),
            expression_attribute_names=arguments.get("ExpressionAttributeNames"),
            expression_attribute_values=arguments.get("ExpressionAttributeValues"),
        )


@contextmanager
def _unchanged_on_failure(table: Any, key: dict[str, Any]) -> Iterator[None]:
    before = copy.deepcopy(_find(table, key))
    records_before = _record_count(table)
    try:
        yield
    except BaseException:
        _restore(table, key, before)
        if table.stream_shard is not None:
            del table.stream_shard.items[records_before:]
        raise


def _restore(table: Any, key: dict[str, Any], item: Any) -> None:
    hash_key, range_key = _typed(table, key)
    shelf, place = table.items, hash_key
    if range_key is not None:
        shelf, place = table.items[hash_key], range_key
    if item is None:
        shelf.pop(place, None)
    else:
        shelf[place] = item


def _find(table: Any, key: dict[str, Any]) -> Any:
    return table.get_item(*_typed(table, key))


def _typed(table: Any, key: dict[str, Any]) -> tuple[Any, Any]:
    # the method needs no backend of its own, only the table
    typed: tuple[Any, Any] = DynamoDBBackend.get_keys_value(None, table, key)
    return typed


def _record_count(table: Any) -> int:
    return len(table.stream_shard.items) if table.stream_shard is not None else 0


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


# requests


def _once_per_token(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def transact_write_items(handler: Any) -> Any:
        token = handler.body.get("ClientRequestToken")
        if not token:
            return original(handler)
        remembered = _live_tokens(handler.dynamodb_backend)
        asked = hashlib.sha256(_canonical(handler.body["TransactItems"]).encode()).digest()
        if token not in remembered:
            answer = original(handler)
            remembered[token] = (time.monotonic() + TOKEN_LIFETIME_S, asked, answer)
            return answer
        _, asked_before, answer = remembered[token]
        if asked != asked_before:
            raise DynamodbException(
                "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
                "The request differs from an earlier one with the same ClientRequestToken",
            )
        return answer

    return transact_write_items


def _live_tokens(backend: Any) -> OrderedDict[str, tuple[float, bytes, Any]]:
    # kept on the backend, so that they go when moto resets it
    tokens: OrderedDict[str, tuple[float, bytes, Any]] = vars(backend).setdefault(
        "request_tokens", OrderedDict()
    )
    now = time.monotonic()
    while tokens and next(iter(tokens.values()))[0] < now:
        tokens.popitem(last=False)
    return tokens


def _limited_batch(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def batch_write_item(handler: Any) -> Any:
        writes = sum(len(requests) for requests in handler.body["RequestItems"].values())
        if writes > MAX_BATCH_ITEMS:
            raise MockValidationException(
                "1 validation error detected: 'requestItems' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_BATCH_ITEMS}"
            )
        return original(handler)

    return batch_write_item


# streams


def _changes_only(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def add(shard: Any, old: Any, new: Any) -> None:
        if old is not None and new is not None and old.attrs == new.attrs:
            return
        original(shard, old, new)
        shard.items[-1].record["dynamodb"]["ApproximateCreationDateTime"] = clock.utc_now()

    return add


def _clean_update(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def update_item(
        backend: Any, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        table = backend.get_table(table_name)
        records_before = _record_count(table)
        with _unchanged_on_failure(table, key):
            item = original(backend, table_name, key, *args, **kwargs)
        if _record_count(table) > records_before + 1:
            # moto inserts the bare key first and tells the stream of that, too
            del table.stream_shard.items[records_before:]
            table.stream_shard.add(None, item)
        _note_for_indexes(table, item)
        return item

    return update_item


# queues


def _groups_in_flight(queue: Any) -> set[str]:
    """Give the groups that wait for a message of theirs; one that is visible again holds up none.

    moto counts those until it meets them, so that the first of several stood behind the last.
    """
    return {
        message.group_id
        for message in queue.pending_messages
        if message.group_id is not None and not message.visible
    }


# queries
#
# A table carries, for each value of an index's hash key, the keys of the items that have it now
# or once had it. moto compares every item it is given, so the list may hold too much, and what no
# longer fits is dropped when it is read: only additions have to be noted.


def _indexed_put(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def put_item(table: Any, *args: Any, **kwargs: Any) -> Any:
        item = original(table, *args, **kwargs)
        _note_for_indexes(table, item)
        return item

    return put_item


def _note_for_indexes(table: Any, item: Any) -> None:
    for index in table.global_indexes:
        name = index.schema_key_attrs[0]
        value = item.attrs.get(name)
        if value is not None:
            _candidates(table, name, value)[(item.hash_key, item.range_key)] = None


def _candidates(table: Any, name: str, value: Any) -> dict[tuple[Any, Any], None]:
    shelf: dict[Any, dict[tuple[Any, Any], None]] = vars(table).setdefault("index_candidates", {})
    return shelf.setdefault((name, value.type, value.value), {})


def _query_of_one_partition(original: Callable[..., Any]) -> Callable[..., Any]:
    index_name_position = 6  # after hash_key, in the backend's positional call

    @functools.wraps(original)
    def query(table: Any, hash_key: Any, *args: Any, **kwargs: Any) -> Any:
        conditions = kwargs.get("hash_key_conditions")
        if args[index_name_position] is None:
            table.in_reach = _partition(table, hash_key)
        elif conditions:
            table.in_reach = _index_partition(table, *conditions[0])
        try:
            return original(table, hash_key, *args, **kwargs)
        finally:
            table.in_reach = None

    return query


def _items_in_reach(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def all_items(table: Any) -> Any:
        in_reach = getattr(table, "in_reach", None)
        return original(table) if in_reach is None else in_reach

    return all_items


def _partition(table: Any, hash_key: Any) -> list[Any]:
    partition = table.items.get(hash_key)
    if partition is None:
        return []
    return list(partition.values()) if table.has_range_key else [partition]


def _index_partition(table: Any, name: str, value: Any) -> list[Any]:
    candidates, items = _candidates(table, name, value), []
    for hash_key, range_key in list(candidates):
        item = table.get_item(hash_key, range_key)
        if item is None or item.attrs.get(name) is None or item.attrs[name] != value:
            del candidates[(hash_key, range_key)]
        else:
            items.append(item)
    return items


# copies, for tests that start from the same state many times


def copied_tables() -> Any:
    """Give a copy of all tables with everything in them."""
    return copy.deepcopy(_backend().tables)


def put_tables(tables: Any) -> None:
    """Put a copy of `tables`, as `copied_tables` gave them, in place of what there is."""
    _backend().tables = copy.deepcopy(tables)


def _backend() -> Any:
    return dynamodb_backends[DEFAULT_ACCOUNT_ID][os.environ["AWS_DEFAULT_REGION"]]
