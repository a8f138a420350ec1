"""Event sources in the process: what streams, queues, logs and schedules hold goes to the handlers.

Each pump delivers when it is told to and at no other time, so that a test decides what happens
between two steps. What it delivers, how often it tries and where it puts what it gives up on is
read from the apps' templates, infra/apps/.
"""

import base64
import gzip
import itertools
import json
import logging
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from chalice.utils import to_cfn_resource_name
from moto.sns.models import sns_backends

from infra import manifest
from infra.local.filters import fits, fits_line
from infra.local.invocations import Function, Invoke
from infra.local.sns_signer import signer
from infra.local.templates import ACCOUNT, REGION, Stack, client
from referrals.runtime import click_log as clicks
from referrals.runtime import clock

LINES_PER_EVENT = 500

# what Lambda does when a template says nothing, except that it would retry a stream for a day
_STREAM_BATCH, _QUEUE_BATCH, _STREAM_RETRIES, _LOG_RETRIES = 100, 10, 3, 2

_LOG = logging.getLogger(__name__)


class DeliveryError(RuntimeError):
    """A handler keeps failing, and its template names no queue for what it could not do."""

    def __init__(self, function: Function) -> None:
        super().__init__(f"{function} keeps failing, and nothing keeps what it was given")
        self.function = function


class Pump(Protocol):
    """Moves what is in one event source to one function."""

    function: Function

    def pump(self) -> int:
        """Deliver what is there now; give the number of records that were handed over."""
        ...


@dataclass(kw_only=True)
class StreamPump:
    """A table's stream: in order; after a failure from the record that failed."""

    function: Function
    invoke: Invoke
    stream_arn: str
    filters: Sequence[Mapping[str, Any]] = ()
    batch_size: int = _STREAM_BATCH
    retries: int = _STREAM_RETRIES
    reports_failures: bool = True
    bisects: bool = True
    on_failure: str | None = None  # ARN of a queue
    is_stopped: bool = False
    _iterator: str | None = None
    _pending: list[dict[str, Any]] = field(default_factory=list)

    def pump(self) -> int:
        if self.is_stopped:
            return 0
        self._read()
        attempts, size, delivered = 0, self.batch_size, 0
        while self._pending:
            batch = self._pending[:size]
            done = self._hand_over(batch)
            delivered += len(batch)
            del self._pending[:done]
            if done == len(batch):
                attempts, size = 0, self.batch_size
                continue
            remaining = len(batch) - done
            if self.bisects and remaining > 1:
                # to halve a batch is not one of the attempts
                attempts, size = 0, remaining // 2
                continue
            attempts, size = 1 if done else attempts + 1, remaining
            if attempts > self.retries:
                self._give_up(remaining, attempts)
                attempts, size = 0, self.batch_size
        return delivered

    def _read(self) -> None:
        streams = client("dynamodbstreams")
        if self._iterator is None:
            stream = streams.describe_stream(StreamArn=self.stream_arn)["StreamDescription"]
            self._iterator = streams.get_shard_iterator(
                StreamArn=self.stream_arn,
                ShardId=stream["Shards"][0]["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
        while True:
            answer = streams.get_records(ShardIterator=self._iterator)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return
            records = [self._record(record) for record in answer["Records"]]
            self._pending += [record for record in records if self._passes(record)]

    def trim(self, before: datetime) -> int:
        """Forget records of before a moment, as a stream does after 24 hours; give how many."""
        self._read()
        kept = [record for record in self._pending if _arrived_at(record) >= before]
        forgotten = len(self._pending) - len(kept)
        self._pending = kept
        return forgotten

    def _record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        change = {**record["dynamodb"]}
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
        return {
            **record,
            "awsRegion": REGION,
            "dynamodb": json.loads(json.dumps(change, default=_base64)),
            "eventSourceARN": self.stream_arn,
        }

    def _passes(self, record: Mapping[str, Any]) -> bool:
        return not self.filters or any(fits(record, pattern) for pattern in self.filters)

    def _hand_over(self, batch: Sequence[dict[str, Any]]) -> int:
        """Call the handler; give how many records from the start are done with."""
        failed = _failed_ids(self.invoke, self.function, batch, reports=self.reports_failures)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        if failed is None or not failed <= set(numbers):
            return 0
        return min((numbers.index(number) for number in failed), default=len(batch))

    def _give_up(self, count: int, attempts: int) -> None:
        if self.on_failure is None:
            raise DeliveryError(self.function)
        given_up = self._pending[:count]
        numbers = [one["dynamodb"]["SequenceNumber"] for one in given_up]
        position = {
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1],
            "approximateArrivalOfFirstRecord": _zulu(_arrived_at(given_up[0])),
            "approximateArrivalOfLastRecord": _zulu(_arrived_at(given_up[-1])),
            "batchSize": count,
            "streamArn": self.stream_arn,
        }
        _send_failure(self.on_failure, self.function, attempts, {"DDBStreamBatchInfo": position})
        del self._pending[:count]


@dataclass(kw_only=True)
class QueuePump:
    """A queue: what is done is deleted, what failed is visible again at once.

    Of a FIFO queue each call delivers the first ten messages of every group, in order; the rest of
    a group waits for the next call.
    """

    function: Function
    invoke: Invoke
    queue_arn: str
    batch_size: int = _QUEUE_BATCH
    reports_failures: bool = True

    def pump(self) -> int:
        # all of it first: what fails must not come round again within this call
        messages = list(self._receive())
        for start in range(0, len(messages), self.batch_size):
            self._deliver(messages[start : start + self.batch_size])
        return len(messages)

    def _receive(self) -> Iterator[dict[str, Any]]:
        # the queue itself moves a message to its dead letters when it is received too often
        while (
            received := client("sqs")
            .receive_message(
                QueueUrl=_queue_url(self.queue_arn),
                MaxNumberOfMessages=_QUEUE_BATCH,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            .get("Messages")
        ):
            yield from received

    def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> None:
        records = [self._record(message) for message in messages]
        failed = _failed_ids(self.invoke, self.function, records, reports=self.reports_failures)
        ids = {record["messageId"] for record in records}
        # a name that was not in the batch fails all of it, as with Lambda
        failed = ids if failed is None or not failed <= ids else failed
        url, done = _queue_url(self.queue_arn), list[dict[str, str]]()
        for record in records:
            handle = {"ReceiptHandle": record["receiptHandle"]}
            if record["messageId"] in failed:
                client("sqs").change_message_visibility(QueueUrl=url, **handle, VisibilityTimeout=0)
            else:
                done.append({"Id": record["messageId"], **handle})
        for start in range(0, len(done), _QUEUE_BATCH):
            entries = done[start : start + _QUEUE_BATCH]
            client("sqs").delete_message_batch(QueueUrl=url, Entries=entries)

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        attributes = {
            name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
            for name, value in message.get("MessageAttributes", {}).items()
        }
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": attributes,
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": REGION,
        }


class ClickLog(logging.Handler):
    """Keeps the lines that functions write to the click log until a pump takes them."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[tuple[int, str]] = deque()

    def __enter__(self) -> Self:
        """Listen to the click log."""
        logging.getLogger(clicks.LOGGER_NAME).addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(clicks.LOGGER_NAME).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append((int(record.created * 1000), record.getMessage()))

    def take(self) -> list[tuple[int, str]]:
        """Give the lines since the last call, each with its time in milliseconds."""
        return [self._lines.popleft() for _ in range(len(self._lines))]


@dataclass(kw_only=True)
class LogPump:
    """A log group's subscription: the lines that fit its pattern, zipped as CloudWatch does it."""

    function: Function
    invoke: Invoke
    log: ClickLog
    log_group: str
    pattern: str = ""
    retries: int = _LOG_RETRIES
    on_failure: str | None = None  # ARN of a queue
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def pump(self) -> int:
        lines = [line for line in self.log.take() if fits_line(line[1], self.pattern)]
        for start in range(0, len(lines), LINES_PER_EVENT):
            self._deliver(self._event(lines[start : start + LINES_PER_EVENT]))
        return len(lines)

    def _event(self, lines: Sequence[tuple[int, str]]) -> dict[str, Any]:
        content = {
            "messageType": "DATA_MESSAGE",
            "owner": ACCOUNT,
            "logGroup": self.log_group,
            "logStream": "local",
            "subscriptionFilters": [str(self.function)],
            "logEvents": [
                # CloudWatch's ids are 56 digits that grow
                {"id": f"{next(self._numbers):056d}", "timestamp": at, "message": text}
                for at, text in lines
            ],
        }
        return {"awslogs": {"data": base64.b64encode(_zipped(content)).decode()}}

    def _deliver(self, event: dict[str, Any]) -> None:
        for _ in range(1 + self.retries):
            if _failed_ids(self.invoke, self.function, event, reports=False) is not None:
                return
        if self.on_failure is None:
            raise DeliveryError(self.function)
        _send_failure(self.on_failure, self.function, 1 + self.retries, {"requestPayload": event})


@dataclass(kw_only=True)
class TopicPump:
    """A topic's subscription: each message that was published since, one call each."""

    function: Function
    invoke: Invoke
    topic_arn: str
    retries: int = _LOG_RETRIES
    _next: int = 0

    def pump(self) -> int:
        published = sns_backends[ACCOUNT][REGION].topics[self.topic_arn].sent_notifications
        fresh = published[self._next :]
        self._next += len(fresh)
        for message_id, body, subject, _, _ in fresh:
            self._deliver(self._event(message_id, body, subject))
        return len(fresh)

    def _event(self, message_id: str, body: str, subject: str | None) -> dict[str, Any]:
        told = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": self.topic_arn,
            "Subject": subject,
            "Message": body,
            "Timestamp": clock.utc_now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        }
        record = {"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": signer().signed(told)}
        return {"Records": [record]}

    def _deliver(self, event: dict[str, Any]) -> None:
        for _ in range(1 + self.retries):
            if _failed_ids(self.invoke, self.function, event, reports=False) is not None:
                return
        raise DeliveryError(self.function)


@dataclass(kw_only=True)
class SchedulePump:
    """A schedule: each call is one tick; a failed tick is waited out, not repeated."""

    function: Function
    invoke: Invoke
    expression: str
    _ticked_in: str = ""

    def is_due(self) -> bool:
        """Whether it ticks again when ticks come all the time.

        What is to tick every minute always does, the others once in an hour or a day.
        """
        if self.expression == "rate(1 minute)":
            return True
        hour = clock.utc_now().isoformat(timespec="hours")
        span = hour if self.expression.startswith("rate") else hour.partition("T")[0]
        is_first, self._ticked_in = span != self._ticked_in, span
        return is_first

    def pump(self) -> int:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": clock.utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{self.function}"],
            "detail": {},
        }
        if _failed_ids(self.invoke, self.function, event, reports=False) is None:
            raise DeliveryError(self.function)
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pumps:
    """All event sources of the apps; schedules are apart, because time has to be told to pass."""

    sources: tuple[Pump, ...]
    schedules: tuple[SchedulePump, ...]


def connect(apps: Mapping[str, Stack], invoke: Invoke, click_log: ClickLog) -> Pumps:
    """Make a pump of every event source in the apps' templates; raise on a kind not known here."""
    sources: list[Pump] = []
    schedules: list[SchedulePump] = []
    for app, stack in apps.items():
        for function, event, settings in _events(app, stack):
            pump = _pump(function, event, settings, invoke, click_log)
            if isinstance(pump, SchedulePump):
                schedules.append(pump)
            else:
                sources.append(pump)
    return Pumps(sources=tuple(sources), schedules=tuple(schedules))


def _events(app: str, stack: Stack) -> Iterator[tuple[Function, Mapping[str, Any], dict[str, Any]]]:
    names = manifest.chalice_config(app)["lambda_functions"]
    functions = {to_cfn_resource_name(name): Function(app, name) for name in names}
    for logical_id, resource in stack.template["Resources"].items():
        settings = resource.get("Properties", {})
        for event in settings.get("Events", {}).values():
            invocation = stack.resolve(settings.get("EventInvokeConfig", {}))
            yield functions[logical_id], stack.resolve(event), invocation


def _pump(
    function: Function,
    event: Mapping[str, Any],
    invocation: Mapping[str, Any],
    invoke: Invoke,
    click_log: ClickLog,
) -> Pump:
    of = event["Properties"]
    match event["Type"]:
        case "DynamoDB":
            return StreamPump(
                function=function,
                invoke=invoke,
                stream_arn=of["Stream"],
                filters=_filters(of),
                batch_size=of.get("BatchSize", _STREAM_BATCH),
                retries=of.get("MaximumRetryAttempts", _STREAM_RETRIES),
                reports_failures=_reports_failures(of),
                bisects=of.get("BisectBatchOnFunctionError", False),
                on_failure=_on_failure(of),
            )
        case "SQS":
            return QueuePump(
                function=function,
                invoke=invoke,
                queue_arn=of["Queue"],
                batch_size=of.get("BatchSize", _QUEUE_BATCH),
                reports_failures=_reports_failures(of),
            )
        case "CloudWatchLogs":
            return LogPump(
                function=function,
                invoke=invoke,
                log=click_log,
                log_group=of["LogGroupName"],
                pattern=of.get("FilterPattern", ""),
                retries=invocation.get("MaximumRetryAttempts", _LOG_RETRIES),
                on_failure=_on_failure(invocation),
            )
        case "SNS":
            return TopicPump(function=function, invoke=invoke, topic_arn=of["Topic"])
        case "Schedule" | "ScheduleV2":
            return SchedulePump(function=function, invoke=invoke, expression=of["Schedule"])
        case kind:
            raise ValueError(f"{function} is fed by {kind}, which is not known here")


def _filters(of: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(one["Pattern"]) for one in of.get("FilterCriteria", {}).get("Filters", ())]


def _reports_failures(of: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in of.get("FunctionResponseTypes", ())


def _on_failure(of: Mapping[str, Any]) -> str | None:
    destination: str | None = (
        of.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    )
    return destination


def _failed_ids(
    invoke: Invoke, function: Function, records: Any, *, reports: bool
) -> set[str] | None:
    """Call a handler with records, or with a whole event; None when all of it failed."""
    event = {"Records": list(records)} if isinstance(records, Sequence) else records
    try:
        answer = invoke(function, event)
    except Exception:  # noqa: BLE001 - whatever a handler raises, its batch failed
        _LOG.warning("%s failed", function, exc_info=True)
        return None
    failures = (answer or {}).get("batchItemFailures") or () if reports else ()
    return {str(failure.get("itemIdentifier")) for failure in failures}


def _send_failure(
    queue_arn: str, function: Function, attempts: int, what: Mapping[str, Any]
) -> None:
    record = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(),
        "requestContext": {
            "functionArn": function.arn,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        **what,
    }
    client("sqs").send_message(QueueUrl=_queue_url(queue_arn), MessageBody=json.dumps(record))


def _arrived_at(record: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _queue_url(arn: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{arn.rpartition(':')[2]}"


def _zipped(content: Mapping[str, Any]) -> bytes:
    # no time in the header, so that the same lines give the same bytes
    return gzip.compress(json.dumps(content).encode(), mtime=0)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
