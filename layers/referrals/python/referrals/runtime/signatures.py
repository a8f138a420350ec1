"""Who may call: Standard Webhooks signatures for hooks, a bearer key for plain server calls."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from standardwebhooks import Webhook

from referrals.domain.attribution import CLOCK_SKEW
from referrals.runtime.problems import ProblemError

_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64  # as the Standard Webhooks specification has it
_BEARER = "bearer "


class RefusedError(ProblemError):
    """The caller did not prove who they are."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "not_authorized", detail)


def bearer_key(headers: Mapping[str, str]) -> str | None:
    """Give the key of an `Authorization: Bearer` header, None without one."""
    value = headers.get("authorization") or ""
    return value[len(_BEARER) :].strip() if value.lower().startswith(_BEARER) else None


def check_key(key: str, *, live: Sequence[str]) -> None:
    """Check a bearer key against all that are live; RefusedError."""
    given = key.encode(errors="replace")
    # all are compared, so that the time tells nothing of which one is near
    matches = [hmac.compare_digest(given, each.encode()) for each in live]
    if not any(matches):
        raise RefusedError("the API key is not valid")


def check_signature(
    headers: Mapping[str, str], body: bytes, *, live: Sequence[str], now: datetime
) -> None:
    """Check a Standard Webhooks signature against all live secrets; RefusedError.

    The library is handed clean input only: it takes `<ts>.9` for `<ts>`, and lets parse errors of
    several kinds escape. Time is ours, not the library's, so that it can be set.
    """
    message_id = headers.get("webhook-id") or ""
    stamp = headers.get("webhook-timestamp") or ""
    signature = headers.get("webhook-signature") or ""
    if not (message_id and stamp and signature):
        raise RefusedError("webhook-id, webhook-timestamp and webhook-signature are needed")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004
        raise RefusedError("webhook-timestamp is not a number of seconds")
    if abs(now.timestamp() - int(stamp)) > CLOCK_SKEW.total_seconds():
        raise RefusedError("webhook-timestamp is more than five minutes off")
    try:
        content = body.decode()
        matches = [_is_signed_by(secret, message_id, stamp, content, signature) for secret in live]
    except UnicodeError as error:
        raise RefusedError("webhook-id or body is not UTF-8") from error
    if not any(matches):
        raise RefusedError("the signature does not match the body")


def _is_signed_by(secret: str, message_id: str, stamp: str, body: str, signature: str) -> bool:
    expected = Webhook(checked_secret(secret)).sign(
        message_id, datetime.fromtimestamp(int(stamp), UTC), body
    )
    given = [each.encode(errors="replace") for each in signature.split(" ")]
    return any(hmac.compare_digest(expected.encode(), each) for each in given)


def checked_secret(secret: str) -> str:
    """Give a webhook secret that is long enough to sign with; ValueError names no secret."""
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the webhook secret is not base64") from None
    if not _MIN_SECRET_BYTES <= len(raw) <= _MAX_SECRET_BYTES:
        raise ValueError("the webhook secret is not 24 to 64 bytes long")
    return secret
