"""Messages of SNS topics: nothing in one is believed before its signature, and its topic, is ours.

    topic ── version ── certificate's address ── certificate ── signature

That Lambda calls a function proves little: whoever may invoke it, or subscribe it, can make up what
it is called with. The checks are those of the Amazon SNS Developer Guide, "Verifying the signatures
of Amazon SNS messages".
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from cachetools import TTLCache
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import load_pem_x509_certificate

from referrals import outbound
from referrals.runtime.observability import count, logger

_PATH = re.compile(r"/[A-Za-z0-9_-]+\.pem")
# version 1 is SNS's default, and who breaks SHA-1 still cannot make a message fit a given digest
_DIGESTS: Mapping[str, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}  # noqa: S303
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_FETCH_SECONDS = 3
_KEPT_SECONDS = 24 * 60 * 60

# gives the PEM that lies at an address
CertificateSource = Callable[[str], bytes]


class ForgedError(Exception):
    """A message that is not what SNS published on our topic; to try again is no use."""


class CertificateNotReachedError(Exception):
    """The certificate cannot be had at the moment; try again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMessage:
    """What somebody published on a topic."""

    message_id: str
    body: str
    published_at: datetime


def our_messages(event: Any, *, topic_arn: str) -> Iterator[TopicMessage]:
    """Give the messages of a Lambda event that SNS signed for our topic; others are told and left.

    CertificateNotReachedError when that cannot be found out now.
    """
    for record in event["Records"]:
        try:
            yield verified(record["Sns"], topic_arn=topic_arn)
        except ForgedError as error:
            logger.warning("refused what came as a topic's message", extra={"why": str(error)})
            count("TopicMessagesRefused")


def verified(told: Mapping[str, Any], *, topic_arn: str) -> TopicMessage:
    """Check a message as SNS hands it to Lambda; ForgedError or CertificateNotReachedError."""
    if told.get("Type") != "Notification":
        raise ForgedError("is no notification")
    if told.get("TopicArn") != topic_arn:
        raise ForgedError("is of another topic")
    digest = _DIGESTS.get(str(told.get("SignatureVersion")))
    if digest is None:
        raise ForgedError("is signed in a version that is not known")
    key = _public_key(_checked_address(told.get("SigningCertUrl"), topic_arn))
    try:
        signature = base64.b64decode(_text(told, "Signature"), validate=True)
        key.verify(signature, signed_text(told), PKCS1v15(), digest)
    except (ValueError, InvalidSignature):  # what is no base64 is a ValueError, of whichever kind
        raise ForgedError("has a signature that does not fit") from None
    return TopicMessage(
        message_id=_text(told, "MessageId"),
        body=_text(told, "Message"),
        published_at=_moment(_text(told, "Timestamp")),
    )


def signed_text(told: Mapping[str, Any]) -> bytes:
    """Give what SNS signs of a notification: names and values, a line each, in this order."""
    parts = [(name, _text(told, name)) for name in _SIGNED if told.get(name) is not None]
    return "".join(f"{name}\n{value}\n" for name, value in parts).encode(errors="replace")


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise ForgedError(f"has no {name}")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ForgedError("has no time")
    return moment


def _checked_address(url: object, topic_arn: str) -> str:
    """Give a certificate's address when only SNS, where the topic is, can have put one there.

    No pattern of hosts will do: S3 serves a bucket called `sns` from one that looks like SNS's.
    """
    if not isinstance(url, str) or not url.isascii():
        raise ForgedError("names no certificate")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ForgedError("names no certificate") from None
    is_plain = url == f"https://{parts.netloc}{parts.path}"
    is_of_sns = parts.netloc == _host(topic_arn)
    if not is_plain or not is_of_sns or not _PATH.fullmatch(parts.path):
        raise ForgedError("names a certificate that is not of SNS")
    return url


def _host(topic_arn: str) -> str:
    region = topic_arn.split(":")[3]
    return f"sns.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _public_key(url: str) -> RSAPublicKey:
    if url not in _keys:
        try:
            key = load_pem_x509_certificate(_source(url)).public_key()
        except ValueError:
            raise ForgedError("names a certificate that is none") from None
        if not isinstance(key, RSAPublicKey):
            raise ForgedError("names a certificate of another kind")
        _keys[url] = key
    return _keys[url]


def _fetched(url: str) -> bytes:
    try:
        answer = outbound.send("GET", url, headers={}, timeout_seconds=_FETCH_SECONDS)
    except outbound.OutboundError as error:
        raise CertificateNotReachedError(str(error)) from error
    if answer.status == HTTPStatus.OK:
        return answer.body
    # a redirect leads away from SNS; what SNS does not have it did not sign with
    if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ForgedError("names a certificate that is not there")
    raise CertificateNotReachedError(str(answer.status))


_keys: TTLCache[str, RSAPublicKey] = TTLCache(16, _KEPT_SECONDS)
_source: CertificateSource = _fetched


def set_certificate_source(source: CertificateSource | None) -> None:
    """Take certificates from `source` from now on; None fetches them from SNS again."""
    global _source  # noqa: PLW0603 - as the clock, replaced where there is no SNS
    _keys.clear()
    _source = _fetched if source is None else source
