"""A straight line from boto to the local engine: no signing, no HTTP, no parsing on the way.

The engine's rules (one lock, conditions first, all or nothing) are the same; what is left out are
the three quarters of a call's time in which nothing is decided. For tests and measurements that
make hundreds of thousands. What DynamoDB is asked goes along it, what a topic is given, and mails.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import ServiceException
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import ConditionalCheckFailed, DynamodbException
from moto.dynamodb.responses import DynamoHandler
from moto.sesv2.models import sesv2_backends
from moto.sns.models import sns_backends

from infra.local import engine, templates

_CALL = "_make_api_call"
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


@contextmanager
def straight_line() -> Iterator[None]:
    """Hand what can go along the line to the engine as it is, all other calls to botocore."""
    real = getattr(BaseClient, _CALL)

    def call(client: Any, operation: str, parameters: Any) -> Any:
        work = _work(client.meta.service_model.service_name, operation, parameters)
        if work is None:
            return real(client, operation, parameters)
        return _answer(work, operation)

    with (
        mock.patch.object(BaseClient, _CALL, call),
        mock.patch.object(engine, "get_filter_expression", _condition),
    ):
        yield


def _work(
    service: str, operation: str, parameters: Mapping[str, Any]
) -> Callable[[], dict[str, Any]] | None:
    """Give what is to be done for a call; None when it has to go the long way."""
    match service, operation:
        case "dynamodb", _:
            return lambda: _work_of_dynamodb(operation, parameters)
        case "sns", "Publish" if "PhoneNumber" not in parameters:
            return lambda: _publish(parameters)
        case "sesv2", "SendEmail" if "Raw" in parameters["Content"]:
            return lambda: _send_email(parameters)
        case _:
            return None


def _answer(work: Callable[[], dict[str, Any]], operation: str) -> dict[str, Any]:
    """Let the engine do one operation; ClientError as botocore would raise it."""
    try:
        with engine._LOCK:
            return work()
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


def _work_of_dynamodb(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    handler = DynamoHandler.__new__(DynamoHandler)
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, templates.REGION
    handler.body = dict(parameters)
    if operation == "TransactWriteItems":
        handler.dynamodb_backend.transact_write_items(parameters["TransactItems"])
        return {}
    if operation == "UpdateItem":
        updated = _update_item(handler.dynamodb_backend, parameters)
        if updated is not None:
            return {"Attributes": updated}
    answer: dict[str, Any] = getattr(handler, _WORD.sub("_", operation).lower())().result
    return answer


_PLAIN_UPDATE = re.compile(r"(?:SET (#\w+ = :\w+(?:, #\w+ = :\w+)*))? ?(?:ADD (#\w+ :\w+))?")
_WHOLE = re.compile(r"-?\d+")


def _update_item(backend: Any, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Set values and add a whole number without moto's parser; None for any other update."""
    plain = _PLAIN_UPDATE.fullmatch(parameters["UpdateExpression"])
    if plain is None or parameters.get("ReturnValues") != "ALL_NEW":
        return None
    names, values = parameters["ExpressionAttributeNames"], parameters["ExpressionAttributeValues"]
    item = engine._find(backend.get_table(parameters["TableName"]), parameters["Key"])
    updated = dict(item.to_json()["Attributes"] if item is not None else parameters["Key"])
    for name, value in _EQUAL.findall(plain[1] or ""):
        updated[names[name]] = values[value]
    if plain[2]:
        name, value = plain[2].split()
        terms = updated.get(names[name], {"N": "0"}), values[value]
        if not all(_WHOLE.fullmatch(term.get("N", "")) for term in terms):
            return None
        updated[names[name]] = {"N": str(sum(int(term["N"]) for term in terms))}
    if not _condition(parameters.get("ConditionExpression"), names, values).expr(item):
        raise ConditionalCheckFailed
    backend.put_item(parameters["TableName"], updated)
    return updated


def _publish(parameters: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        name: {"Type": each["DataType"], "Value": each["StringValue"]}
        for name, each in parameters.get("MessageAttributes", {}).items()
    }
    message_id = sns_backends[DEFAULT_ACCOUNT_ID][templates.REGION].publish(
        parameters["Message"],
        arn=parameters["TopicArn"],
        subject=parameters.get("Subject"),
        message_attributes=attributes,
    )
    return {"MessageId": message_id}


def _send_email(parameters: Mapping[str, Any]) -> dict[str, Any]:
    sent = sesv2_backends[DEFAULT_ACCOUNT_ID][templates.REGION].send_raw_email(
        source=parameters.get("FromEmailAddress"),
        # the backend adds to the list that it is given
        destinations=[str(each) for each in parameters["Destination"]["ToAddresses"]],
        raw_data=parameters["Content"]["Raw"]["Data"].decode(),
    )
    return {"MessageId": sent.id}


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
