"""Signs what topics hand over, as SNS does, with a certificate made in this process.

The check that runs in functions is the real one: only where certificates come from is replaced. It
is imported late, like the functions themselves: it logs, and how is said before they are loaded.
"""

import base64
import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from infra.local.templates import REGION

CERTIFICATE_URL = f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem"
_DIGESTS = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - SNS's own version 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key, and the certificate that belongs to it."""

    key: rsa.RSAPrivateKey
    certificate: bytes

    def signed(self, told: Mapping[str, Any], *, version: str = "2") -> dict[str, Any]:
        """Give a notification with the fields that SNS adds to it."""
        from referrals.runtime import sns

        signature = self.key.sign(sns.signed_text(told), PKCS1v15(), _DIGESTS[version])
        return {
            **told,
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertUrl": CERTIFICATE_URL,
            "UnsubscribeUrl": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe",
            "MessageAttributes": {},
        }


@functools.cache
def signer() -> Signer:
    """Give the one signer of this process; to make a key takes a moment."""
    return make_signer()


def make_signer() -> Signer:
    """Make a key and a certificate for it, valid for this century, signed by itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sns.{REGION}.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
    return Signer(key=key, certificate=certificate.public_bytes(Encoding.PEM))


@contextmanager
def trusted() -> Iterator[None]:
    """Let functions find the signer's certificate where SNS would have it."""
    from referrals.runtime import sns

    def certificate(url: str) -> bytes:
        if url != CERTIFICATE_URL:
            raise sns.ForgedError("names a certificate that is not there")
        return signer().certificate

    sns.set_certificate_source(certificate)
    try:
        yield
    finally:
        sns.set_certificate_source(None)
