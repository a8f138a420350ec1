"""What is counted so that an alarm can tell people that no mail leaves any more."""

from collections.abc import Iterator
from contextlib import contextmanager

from referrals.notify.emails import MailStoppedError
from referrals.runtime.observability import count


@contextmanager
def stopped_mail_counted() -> Iterator[None]:
    """Count mails that SES will not take before somebody mends something; the error goes on."""
    try:
        yield
    except MailStoppedError:
        count("MailStopped")
        raise
