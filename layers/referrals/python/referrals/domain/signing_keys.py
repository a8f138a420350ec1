"""Secrets that calls going out are signed with: derived from one key, so that none is stored.

A call is signed as Standard Webhooks has it, once with each secret that is live: while one is being
rotated, whoever is called may know the old one or the new one.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"


def derived_secret(outgoing: str, label: str) -> str:
    """Derive the signing secret that belongs to `label` from the outgoing key: `whsec_...`.

    32 bytes of HMAC-SHA256, as NIST SP 800-108 has it for one block of output. Who knows one secret
    learns nothing of the key or of another's. A new generation is a new label.
    """
    digest = hmac.digest(outgoing.encode(), b"signing secret\x1f" + label.encode(), hashlib.sha256)
    return _PREFIX + base64.b64encode(digest).decode()


def signed_headers(
    message_id: str, body: bytes, *, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Give the headers of a signed call: `v1` signatures by each secret, the current one first.

    Of the Standard Webhooks specification, section "Signature scheme".
    """
    stamp = str(int(now.timestamp()))
    content = f"{message_id}.{stamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    raw = base64.b64decode(secret.removeprefix(_PREFIX))
    return f"v1,{base64.b64encode(hmac.digest(raw, content, hashlib.sha256)).decode()}"
