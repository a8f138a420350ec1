"""A straight line from boto to the local DynamoDB: no signing, no HTTP, no parsing on the way.

The engine's rules (one lock, conditions first, all or nothing) are the same; what is left out are
the three quarters of a call's time in which nothing is decided. For tests that make millions.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import ServiceException
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.responses import DynamoHandler

from infra.local import engine, templates

_CALL = "_make_api_call"
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


@contextmanager
def straight_line() -> Iterator[None]:
    """Hand DynamoDB's calls to the engine as they are, all others to botocore."""
    real = getattr(botocore.client.BaseClient, _CALL)

    def call(client: Any, operation: str, parameters: Any) -> Any:
        if client.meta.service_model.service_name != "dynamodb":
            return real(client, operation, parameters)
        return answer(operation, parameters)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(botocore.client.BaseClient, _CALL, call)
        monkeypatch.setattr(engine, "get_filter_expression", _condition)
        yield


def answer(operation: str, parameters: Mapping[str, Any]) -> Any:
    """Let the engine do one operation; ClientError as botocore would raise it."""
    handler = DynamoHandler.__new__(DynamoHandler)
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, templates.REGION
    handler.body = dict(parameters)
    try:
        with engine._LOCK:
            if operation == "TransactWriteItems":
                handler.dynamodb_backend.transact_write_items(parameters["TransactItems"])
                return {}
            return getattr(handler, _WORD.sub("_", operation).lower())().result
    except DynamodbException as error:
        said = json.loads(error.description)
        code = str(said["__type"]).rsplit("#", 1)[-1]
        text = said.get("Message") or said.get("message", "")
        told: Any = {"Error": {"Code": code, "Message": text}}
        if "CancellationReasons" in said:
            told["CancellationReasons"] = said["CancellationReasons"]
        raise ClientError(told, operation) from error
    except ServiceException as error:
        told = {"Error": {"Code": error.code, "Message": error.message}}
        raise ClientError(told, operation) from error


class _Absent:
    """The condition that an item is not there yet, or has no such attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def expr(self, item: Any) -> bool:
        return item is None or self._name not in item.attrs


class _Equal:
    """The condition that an attribute has a value."""

    def __init__(self, name: str, value: Mapping[str, Any]) -> None:
        self._name, self._value = name, value

    def expr(self, item: Any) -> bool:
        return (
            item is not None
            and self._name in item.attrs
            and item.attrs[self._name].to_json() == self._value
        )


_ABSENT = re.compile(r"attribute_not_exists \((#\w+)\)")
_EQUAL = re.compile(r"(#\w+) = (:\w+)")


def _condition(
    expression: str | None, names: Mapping[str, str] | None, values: Mapping[str, Any] | None
) -> Any:
    """Read the two conditions that the store writes most without moto's parser."""
    if expression and names:
        if absent := _ABSENT.fullmatch(expression):
            return _Absent(names[absent[1]])
        if values and (equal := _EQUAL.fullmatch(expression)):
            return _Equal(names[equal[1]], values[equal[2]])
    return get_filter_expression(expression, names, values)
