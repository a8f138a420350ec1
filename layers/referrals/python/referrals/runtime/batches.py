"""Batches: each record on its own, and only those that failed come again."""

import logging
from collections.abc import Callable
from typing import Any, cast

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from referrals.runtime.observability import logger

BatchAnswer = Any


def each_message(event: Any, context: Any, handle: Callable[[str], None]) -> BatchAnswer:
    """Handle the body of each SQS message; gives the answer that names the failed ones."""

    def handle_record(record: SQSRecord) -> None:
        handle(record.body)

    processor = _processor(EventType.SQS)
    return process_partial_response(
        event=event, record_handler=handle_record, processor=processor, context=context
    )


def each_new_image(
    event: Any, context: Any, handle: Callable[[dict[str, Any]], None]
) -> BatchAnswer:
    """Handle the new image of each stream record; the stream resumes at the first that failed."""

    def handle_record(record: DynamoDBRecord) -> None:
        image = record.dynamodb.new_image if record.dynamodb else None
        if image:
            handle(image)

    processor = _processor(EventType.DynamoDBStreams)
    return process_partial_response(
        event=event, record_handler=handle_record, processor=processor, context=context
    )


def _processor(event_type: EventType) -> BatchProcessor:
    """Make a processor that says in the log why a record failed."""
    return BatchProcessor(
        event_type=event_type,
        raise_on_entire_batch_failure=False,
        logger=cast("logging.Logger", logger),
    )
