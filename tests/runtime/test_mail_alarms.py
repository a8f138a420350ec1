"""What raises an alarm when no mail leaves."""

import pytest

from referrals.notify.emails import (
    MailAnswerLostError,
    MailError,
    MailHeldUpError,
    MailNotSentError,
    MailStoppedError,
)
from referrals.runtime import mail_alarms
from referrals.runtime.mail_alarms import stopped_mail_counted


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (MailStoppedError("SendingPausedException"), ["MailStopped"]),
        (MailHeldUpError("TooManyRequestsException"), []),
        (MailNotSentError("AccessDeniedException"), []),
        (MailAnswerLostError("ReadTimeoutError"), []),
    ],
)
def test_only_what_people_have_to_mend_is_counted_and_every_error_goes_on(
    monkeypatch: pytest.MonkeyPatch, error: MailError, counted: list[str]
) -> None:
    names = list[str]()
    monkeypatch.setattr(mail_alarms, "count", names.append)
    with pytest.raises(type(error)), stopped_mail_counted():
        raise error
    assert names == counted
