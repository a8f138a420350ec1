"""Clicks: the signed token that a share link leaves with a friend is the whole evidence of it.

Nothing is stored per click. A token is base64url of

    version 1 | key 2 | seconds 4 | visitor 8 | code length 1 | code | channel | seal 16

where `key` names the key it was sealed with, and the seal is a keyed BLAKE2b (RFC 7693) over all
before it. With the longest code and channel it has 96 signs.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_VERSION = 1
_HEAD = struct.Struct(">B2sI8sB")
_SEAL_BYTES = 16
_KEY_NAME_BYTES = 2
VISITOR_BYTES = 8
MAX_TOKEN_LENGTH = 199  # Stripe drops a client_reference_id over 200
DEFAULT_CHANNEL = "link"
OTHER_CHANNEL = "other"
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
# A closed list: whoever makes channels up must not make rows up. At most 16 signs each.
CHANNELS = frozenset(
    {
        *(DEFAULT_CHANNEL, OTHER_CHANNEL, "copy", "email", "sms", "qr", "print", "web", "app"),
        *("whatsapp", "telegram", "viber", "signal", "messenger", "wechat", "line"),
        *("facebook", "instagram", "x", "linkedin", "tiktok", "youtube", "vk", "reddit"),
        *("pinterest", "threads", "bluesky", "mastodon"),
    }
)


class ClickTokenError(ValueError):
    """A click token that this deployment did not make, or that was changed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One follow of a link. `visitor` is a keyed hash, in hex, of address and user agent."""

    code: str
    clicked_at: datetime
    channel: str
    visitor: str


class ClickKey:
    """A secret to seal click tokens with; its name in the token derives from it."""

    __slots__ = ("name", "secret")

    def __init__(self, secret: str) -> None:
        self.secret = hashlib.blake2b(secret.encode(), person=b"click-key").digest()
        self.name = hashlib.blake2b(self.secret, digest_size=_KEY_NAME_BYTES).digest()


def channel_of(asked: str | None) -> str:
    """Give the channel a link was shared through: `link` when none is named."""
    if not asked:
        return DEFAULT_CHANNEL
    return asked if asked in CHANNELS else OTHER_CHANNEL


def visitor_hash(address: str, agent: str, *, key: ClickKey) -> str:
    """Tell visitors apart without knowing them: 64 bits, in hex, useless without the key."""
    message = f"{address}\x1f{agent}".encode(errors="replace")
    return hashlib.blake2b(
        message, digest_size=VISITOR_BYTES, key=key.secret, person=b"visitor"
    ).hexdigest()


def sealed(click: Click, *, key: ClickKey) -> str:
    """Make the token of a click: under 200 signs of `[A-Za-z0-9_-]`."""
    code = click.code.encode()
    seconds = int(click.clicked_at.timestamp())
    visitor = bytes.fromhex(click.visitor)
    head = _HEAD.pack(_VERSION, key.name, seconds, visitor, len(code))
    body = head + code + click.channel.encode()
    return base64.urlsafe_b64encode(body + _seal(body, key)).rstrip(b"=").decode()


def key_name(token: str) -> bytes | None:
    """Say which key a token claims to be sealed with; None when it is no token at all."""
    try:
        return bytes(_HEAD.unpack_from(_unpacked(token))[1])
    except ClickTokenError:
        return None


def opened(token: str, *, keys: Iterable[ClickKey]) -> Click:
    """Read a token that one of `keys` sealed; ClickTokenError when none of them did."""
    raw = _unpacked(token)
    body, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
    version, key_name, seconds, visitor, code_length = _HEAD.unpack_from(body)
    if version != _VERSION:
        raise ClickTokenError("the click token has an unknown version")
    if not any(
        key.name == key_name and hmac.compare_digest(seal, _seal(body, key)) for key in keys
    ):
        raise ClickTokenError("the click token is not genuine")
    rest = body[_HEAD.size :]
    return Click(
        code=rest[:code_length].decode(),
        channel=rest[code_length:].decode(),
        clicked_at=datetime.fromtimestamp(seconds, UTC),
        visitor=visitor.hex(),
    )


def _unpacked(token: str) -> bytes:
    if len(token) > MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(token):
        raise ClickTokenError("the click token is malformed")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ClickTokenError("the click token is malformed") from error
    if len(raw) < _HEAD.size + _SEAL_BYTES:
        raise ClickTokenError("the click token is malformed")
    return raw


def _seal(body: bytes, key: ClickKey) -> bytes:
    return hashlib.blake2b(body, digest_size=_SEAL_BYTES, key=key.secret).digest()
