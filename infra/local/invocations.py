"""Who is running, and which AWS calls they make: one marker and one record for the local cloud."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from infra.local.templates import ACCOUNT, REGION
from referrals.runtime import clock

API_HANDLER = "api_handler"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: its app, and the name that its module gives it."""

    app: str
    name: str = API_HANDLER

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self}"

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


# calls a function with an event, as the Lambda service would
Invoke = Callable[[Function, Any], Any]

running: ContextVar[Function | None] = ContextVar("running", default=None)


@contextmanager
def executing(function: Function) -> Iterator[None]:
    """Mark everything inside as done by `function`."""
    token = running.set(function)
    try:
        yield
    finally:
        running.reset(token)


class Context:
    """What a handler gets beside its event."""

    memory_limit_in_mb = "256"
    function_version = "$LATEST"
    log_stream_name = "local"

    def __init__(self, function: Function) -> None:
        self.function_name = str(function)
        self.invoked_function_arn = function.arn
        self.log_group_name = f"/aws/lambda/{function}"
        self.aws_request_id = str(uuid.uuid4())
        self._ends_at = time.monotonic() + TIMEOUT_S

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends_at - time.monotonic()) * 1000)


def as_lambda(handler: Callable[[Any, Any], Any], function: Function, event: Any) -> Any:
    """Call a handler as Lambda does: event and answer go through JSON."""
    with executing(function):
        answer = handler(json.loads(json.dumps(event)), Context(function))
    return json.loads(json.dumps(answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCall:
    """One item of a batch or a transaction: what is done (Put, Update, Get ...) in which table."""

    operation: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an AWS service."""

    function: Function | None  # None outside of any function
    service: str  # as boto3 calls it, such as dynamodb
    operation: str  # as the API calls it, such as TransactWriteItems
    resources: tuple[str, ...]  # names, URLs or ARNs; an index as `table/index/by_due`
    items: tuple[ItemCall, ...]
    at: datetime
    error: str | None  # the error's code
    message_id: str | None  # what SES, SNS and SQS call what they were given
    tags: Mapping[str, str] = field(default_factory=dict)  # of a mail


@contextmanager
def recording(calls: list[Call]) -> Iterator[None]:
    """Append every call that any botocore client makes, PynamoDB's included.

    The polls of event sources are left out: they are Lambda's own, and there is no end of them.
    """
    original = BaseClient._make_api_call

    def recorded(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        function = running.get()
        if function is None and operation in _POLLS:
            return original(client, operation, parameters)
        answer: Mapping[str, Any] = {}
        error = None
        try:
            answer = original(client, operation, parameters)
        except ClientError as refusal:
            error = refusal.response["Error"]["Code"]
            raise
        finally:
            calls.append(
                Call(
                    function=function,
                    service=client.meta.service_model.service_name,
                    operation=operation,
                    resources=_resources(parameters),
                    items=tuple(_items(parameters)),
                    at=clock.utc_now(),
                    error=error,
                    message_id=answer.get("MessageId"),
                    tags={each["Name"]: each["Value"] for each in parameters.get("EmailTags", ())},
                )
            )
        return answer

    BaseClient._make_api_call = recorded
    try:
        yield
    finally:
        BaseClient._make_api_call = original


_POLLS = frozenset({"DescribeStream", "GetShardIterator", "GetRecords", "ReceiveMessage"})
_RESOURCE_PARAMETERS = (
    *("QueueUrl", "TopicArn", "TargetArn", "SecretId", "KeyId"),
    "FromEmailAddress",
)


def _resources(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    named = [str(parameters[name]) for name in _RESOURCE_PARAMETERS if name in parameters]
    if "TableName" in parameters:
        index = f"/index/{parameters['IndexName']}" if parameters.get("IndexName") else ""
        named.append(f"{parameters['TableName']}{index}")
    named += [item.table for item in _items(parameters)]
    return tuple(dict.fromkeys(named))


def _items(parameters: Mapping[str, Any]) -> Iterator[ItemCall]:
    for item in parameters.get("TransactItems", ()):
        for operation, arguments in item.items():
            yield ItemCall(operation=operation, table=arguments["TableName"])
    for table, requests in parameters.get("RequestItems", {}).items():
        if isinstance(requests, list):
            for request in requests:
                yield ItemCall(operation=next(iter(request)).removesuffix("Request"), table=table)
        else:
            yield from (ItemCall(operation="Get", table=table) for _ in requests["Keys"])
