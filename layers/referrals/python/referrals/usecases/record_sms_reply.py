"""Somebody answered a text message: STOP ends them for that number, and nothing else does anything.

START gives nothing back: it would need new consent, with its words, and that is given in the shop.
"""

from datetime import datetime

from referrals.domain.suppressions import Recipient, number_mark, stopped
from referrals.domain.text_messages import SmsReply, is_stop
from referrals.store import suppressions
from referrals.store.transactions import commit, read, until_settled


def record_sms_reply(reply: SmsReply, *, identity: bytes) -> bool:
    """Note a STOP; False when the answer was none, or is known."""
    if not is_stop(reply.text):
        return False
    mark = number_mark(reply.number, key=identity)
    return until_settled(lambda: _stop(mark, reply.sent_at))


def _stop(mark: str, at: datetime) -> bool:
    wanted = suppressions.wanted(mark)
    read(wanted)
    before = wanted.value or Recipient(mark=mark)
    after = stopped(before, at=at)
    if after == before:
        return False
    commit(suppressions.save(after))
    return True
