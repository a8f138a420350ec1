"""Mails a day and what came back of them, text messages a month; feedback is counted once.

What was sent is counted apart from what came back: the one is added plainly, the other in a
transaction, and a plain write must not meet a transaction.
"""

from datetime import UTC, datetime, timedelta

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from referrals.domain.ids import derive
from referrals.domain.mail_rates import MEASURED, MailRates, added
from referrals.domain.suppressions import Feedback, FeedbackKind
from referrals.store.rows import CONDITION_FAILED, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write

_MAIL, _SMS = "mail", "sms"
_SENT, _BACK, _COUNTED = "#sent", "#back", "counted"
_KEPT = timedelta(days=400)
# Lambda and SNS try for hours to tell us something; three months are generous.
_FEEDBACK_KEPT = timedelta(days=90)

# the rates of the minute they were read in: a brake need not be quicker
_read_in: dict[str, MailRates] = {}


class MailDayRow(Row):
    class Meta(RowMeta):
        table_name = TableName("counters")

    subject = UnicodeAttribute(hash_key=True)
    bucket = UnicodeAttribute(range_key=True)
    sent = NumberAttribute(null=True)
    bounced = NumberAttribute(null=True)
    complained = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


def count_sent(*, now: datetime) -> None:
    """Count a mail that SES took."""
    MailDayRow(subject=_MAIL, bucket=f"{_day(now)}{_SENT}").update(
        actions=[MailDayRow.sent.add(1), MailDayRow.expires_at.set(now + _KEPT)]
    )


def days(*, now: datetime) -> dict[str, MailRates]:
    """Give the last 14 days by date, today with them; days without any mail are left out."""
    first = _day(now - MEASURED + timedelta(days=1))
    rows = MailDayRow.query(_MAIL, MailDayRow.bucket >= first, consistent_read=True)
    found = dict[str, MailRates]()
    for row in rows:
        day = row.bucket.partition("#")[0]
        found[day] = added([found.get(day, MailRates()), _rates(row)])
    return found


def rates(*, now: datetime) -> MailRates:
    """Give the sum of the last 14 days."""
    return added(days(now=now).values())


def rates_of_the_minute(*, now: datetime) -> MailRates:
    """Give the sum of the last 14 days as this process read it in the same minute."""
    minute = now.isoformat(timespec="minutes")
    if minute not in _read_in:
        _read_in.clear()
        _read_in[minute] = rates(now=now)
    return _read_in[minute]


def forget_cached() -> None:
    _read_in.clear()


def wanted_feedback(feedback_id: str) -> Wanted[bool]:
    """Want to know whether feedback was counted."""
    return Wanted(MailDayRow, _feedback(feedback_id), _COUNTED, lambda _row: True)


def note_feedback(feedback: Feedback, *, now: datetime) -> tuple[Write, Write | None]:
    """Note feedback, and count it with the day of its cause; beaten when it was noted before."""
    row = MailDayRow(
        subject=_feedback(feedback.feedback_id), bucket=_COUNTED, expires_at=now + _FEEDBACK_KEPT
    )
    return (
        lambda transaction: transaction.save(row, condition=MailDayRow.subject.does_not_exist()),
        _counting(feedback, now),
    )


def _counting(feedback: Feedback, now: datetime) -> Write | None:
    counted: Action
    match feedback.kind:
        case FeedbackKind.HARD_BOUNCE:
            counted = MailDayRow.bounced.add(1)
        case FeedbackKind.COMPLAINT:
            counted = MailDayRow.complained.add(1)
        case _:
            return None
    if not feedback.is_counted:
        return None
    row = MailDayRow(subject=_MAIL, bucket=f"{_day(feedback.occurred_at)}{_BACK}")
    actions: list[Action] = [counted, MailDayRow.expires_at.set(now + _KEPT)]
    return lambda transaction: transaction.update(row, actions=actions)


def take_sms(*, most: int, now: datetime) -> bool:
    """Take one text message of this month's `most`; False when they are used up."""
    row = MailDayRow(subject=_SMS, bucket=_month(now))
    try:
        row.update(
            actions=[MailDayRow.sent.add(1), MailDayRow.expires_at.set(now + _KEPT)],
            condition=MailDayRow.sent.does_not_exist() | (MailDayRow.sent < most),
        )
    except UpdateError as error:
        if error.cause_response_code == CONDITION_FAILED:
            return False
        raise
    return True


def give_back_sms(*, now: datetime) -> None:
    """Give one text message back that was surely not sent."""
    MailDayRow(subject=_SMS, bucket=_month(now)).update(actions=[MailDayRow.sent.add(-1)])


def sms_of_month(*, now: datetime) -> int:
    """Give how many text messages this month took."""
    found = MailDayRow.query(_SMS, MailDayRow.bucket == _month(now), consistent_read=True)
    return sum(int(row.sent or 0) for row in found)


def _rates(row: MailDayRow) -> MailRates:
    return MailRates(
        sent=int(row.sent or 0),
        bounced=int(row.bounced or 0),
        complained=int(row.complained or 0),
    )


def _feedback(feedback_id: str) -> str:
    return f"feedback#{derive('fbk', feedback_id)}"


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _month(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m")
