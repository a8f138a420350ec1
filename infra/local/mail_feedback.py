"""What SES tells of a mail that bounced or was complained about, in the shape that SES has.

Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

_REFUSED = "smtp; 550 5.1.1 user unknown"


def bounce(
    mail_id: str,
    to: Sequence[str],
    *,
    kind: str,
    subtype: str,
    tags: Mapping[str, str],
    at: datetime,
) -> dict[str, Any]:
    """Give the event of a mail that came back."""
    recipients = [
        {"emailAddress": each, "action": "failed", "status": "5.1.1", "diagnosticCode": _REFUSED}
        for each in to
    ]
    told = {
        "feedbackId": f"{mail_id}-bounce",
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": recipients,
        "timestamp": _written(at),
        "reportingMTA": "dsn; mta.shop.example",
    }
    return {"eventType": "Bounce", "bounce": told, "mail": _mail(mail_id, to, tags, at)}


def complaint(
    mail_id: str, to: Sequence[str], *, kind: str, tags: Mapping[str, str], at: datetime
) -> dict[str, Any]:
    """Give the event of a mail that somebody called spam."""
    told = {
        "feedbackId": f"{mail_id}-complaint",
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": each} for each in to],
        "timestamp": _written(at),
        "userAgent": "Local Mail Feedback Loop",
        "complaintFeedbackType": kind,
        "arrivalDate": _written(at),
    }
    return {"eventType": "Complaint", "complaint": told, "mail": _mail(mail_id, to, tags, at)}


def _mail(mail_id: str, to: Sequence[str], tags: Mapping[str, str], at: datetime) -> dict[str, Any]:
    return {
        "timestamp": _written(at),
        "messageId": mail_id,
        "destination": list(to),
        "headersTruncated": False,
        "headers": [],
        "tags": {"ses:caller-identity": ["local"], **{name: [of] for name, of in tags.items()}},
    }


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
