"""A mail came back, or somebody complained: the address is suppressed, the rate counted, once.

Each feedback has an id of SES's own: SNS delivers at least once, and a bounce counts once.
"""

from datetime import datetime

from referrals.domain.suppressions import Feedback, Recipient, address_mark, after_feedback
from referrals.store import mail_rates, messages, suppressions
from referrals.store.transactions import commit, read, until_settled


def record_mail_feedback(feedback: Feedback, *, identity: bytes, now: datetime) -> bool:
    """Record what SES says of a mail; False when it was recorded before."""
    is_new = until_settled(lambda: _record(feedback, identity, now))
    # also when it is told again: whoever ended in between did not get here
    if feedback.message_id is not None:
        messages.mark_feedback(feedback.message_id, feedback.detail)
    return is_new


def _record(feedback: Feedback, identity: bytes, now: datetime) -> bool:
    marks = dict.fromkeys(address_mark(each, key=identity) for each in feedback.addresses)
    wanted = {mark: suppressions.wanted(mark) for mark in marks}
    known = mail_rates.wanted_feedback(feedback.feedback_id)
    read(known, *wanted.values())
    if known.value is not None:
        return False
    before = {mark: each.value or Recipient(mark=mark) for mark, each in wanted.items()}
    after = {mark: after_feedback(each, feedback) for mark, each in before.items()}
    commit(
        *mail_rates.note_feedback(feedback, now=now),
        *(suppressions.save(after[mark]) for mark in marks if after[mark] != before[mark]),
    )
    return True
