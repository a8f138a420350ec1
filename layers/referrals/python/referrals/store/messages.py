"""Claims on messages: taken before a message is sent, because SES cannot tell a repetition.

A claim without `sent_at` is in doubt: the process ended between the claim and the answer of SES.
Nobody is sent the same message twice; what is in doubt is for an operator to see.
"""

from datetime import datetime, timedelta

from pynamodb.attributes import TTLAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import PutError

from referrals.store.rows import CONDITION_FAILED, Row, RowMeta, TableName

_KEPT = timedelta(days=400)


class MessageRow(Row):
    class Meta(RowMeta):
        table_name = TableName("messages")

    message_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    person_id = UnicodeAttribute()
    claimed_at = UTCDateTimeAttribute()
    sent_at = UTCDateTimeAttribute(null=True)
    refused = UnicodeAttribute(null=True)
    expires_at = TTLAttribute()


def claim(message_id: str, *, kind: str, person_id: str, now: datetime) -> bool:
    """Take a message to send it; False when somebody took it before."""
    row = MessageRow(
        message_id=message_id,
        kind=kind,
        person_id=person_id,
        claimed_at=now,
        expires_at=now + _KEPT,
    )
    try:
        row.save(condition=MessageRow.message_id.does_not_exist())
    except PutError as error:
        if error.cause_response_code == CONDITION_FAILED:
            return False
        raise
    return True


def mark_sent(message_id: str, *, now: datetime) -> None:
    MessageRow(message_id=message_id).update(actions=[MessageRow.sent_at.set(now)])


def mark_refused(message_id: str, why: str) -> None:
    """Note that a message will never be accepted; it is not tried again."""
    MessageRow(message_id=message_id).update(actions=[MessageRow.refused.set(why)])


def release(message_id: str) -> None:
    """Give a claim back: the message was surely not sent."""
    MessageRow(message_id=message_id).delete()


def list_in_doubt() -> list[MessageRow]:
    """List the claims of which nobody knows whether they were sent."""
    unknown = MessageRow.sent_at.does_not_exist() & MessageRow.refused.does_not_exist()
    return list(MessageRow.scan(unknown))
