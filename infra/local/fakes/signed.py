"""Whether a call is signed as Standard Webhooks has it, by the library of its authors."""

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from infra.local.gateway import PageRequest
from referrals.runtime import clock

_SKEW_S = 300


def is_signed(request: PageRequest, secrets: Iterable[str]) -> bool:
    """Check a call against secrets; it is five minutes old at most by the clock that is set here.

    The library's own check goes by the machine's clock, so its signatures are compared instead.
    """
    message_id = request.headers.get("webhook-id", "")
    stamp = request.headers.get("webhook-timestamp", "")
    given = request.headers.get("webhook-signature", "").split()
    if not (message_id and stamp.isdecimal()):
        return False
    signed_at = datetime.fromtimestamp(int(stamp), UTC)
    if abs((clock.utc_now() - signed_at).total_seconds()) > _SKEW_S:
        return False
    body = request.body.decode(errors="replace")
    expected = [Webhook(secret).sign(message_id, signed_at, body) for secret in secrets]
    return any(hmac.compare_digest(right, each) for right in expected for each in given)
