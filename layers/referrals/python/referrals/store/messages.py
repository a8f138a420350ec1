"""Claims on messages: taken before a message is sent, because SES cannot tell a repetition.

A claim without `sent_at` is in doubt: the process ended between the claim and the answer of SES.
Nobody is sent the same message twice; what is in doubt is for an operator to see. What was refused
or withheld says why, and is never tried again.
"""

from datetime import datetime, timedelta

from pynamodb.attributes import TTLAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import PutError, UpdateError

from referrals.store.rows import CONDITION_FAILED, Row, RowMeta, TableName

_KEPT = timedelta(days=400)


class MessageRow(Row):
    class Meta(RowMeta):
        table_name = TableName("messages")

    message_id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    person_id = UnicodeAttribute()
    program_id = UnicodeAttribute(null=True)
    claimed_at = UTCDateTimeAttribute()
    sent_at = UTCDateTimeAttribute(null=True)
    refused = UnicodeAttribute(null=True)
    withheld = UnicodeAttribute(null=True)
    feedback = UnicodeAttribute(null=True)
    expires_at = TTLAttribute()


def claim(
    message_id: str,
    *,
    kind: str,
    person_id: str,
    now: datetime,
    program_id: str | None = None,
    refused: str | None = None,
    withheld: str | None = None,
) -> bool:
    """Take a message to send it, or to note why it is not sent; False when it was taken before."""
    row = MessageRow(
        message_id=message_id,
        kind=kind,
        person_id=person_id,
        program_id=program_id,
        claimed_at=now,
        refused=refused,
        withheld=withheld,
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


def mark_withheld(message_id: str, why: str) -> None:
    """Note that a claimed message must not leave."""
    MessageRow(message_id=message_id).update(actions=[MessageRow.withheld.set(why)])


def mark_feedback(message_id: str, what: str) -> bool:
    """Note with a message what came back of it; False when it is not known any more."""
    try:
        MessageRow(message_id=message_id).update(
            actions=[MessageRow.feedback.set(what)],
            condition=MessageRow.message_id.exists(),
        )
    except UpdateError as error:
        if error.cause_response_code == CONDITION_FAILED:
            return False
        raise
    return True


def release(message_id: str) -> None:
    """Give a claim back: the message was surely not sent."""
    MessageRow(message_id=message_id).delete()


def find(message_id: str) -> MessageRow | None:
    """Read what became of a message."""
    try:
        return MessageRow.get(message_id, consistent_read=True)
    except MessageRow.DoesNotExist:
        return None


def list_of_person(person_id: str) -> list[MessageRow]:
    """List the messages of the last 400 days to somebody, the oldest first; reads all there are."""
    rows = MessageRow.scan(MessageRow.person_id == person_id, consistent_read=True)
    return sorted(rows, key=lambda row: (row.claimed_at, row.message_id))


def list_in_doubt() -> list[MessageRow]:
    """List the claims of which nobody knows whether they were sent."""
    unknown = (
        MessageRow.sent_at.does_not_exist()
        & MessageRow.refused.does_not_exist()
        & MessageRow.withheld.does_not_exist()
    )
    return list(MessageRow.scan(unknown))
