"""Signatures by the ledger's key in KMS: made there and only there, checked anywhere."""

import base64
import textwrap
from collections.abc import Iterable
from dataclasses import replace

from referrals import settings
from referrals.clients import client
from referrals.domain.roots import DailyRoot

# ECDSA on P-256 over SHA-256: KMS hashes the text itself, whoever verifies does the same
_ALGORITHM = "ECDSA_SHA_256"
_PEM_WIDTH = 64


def signed(root: DailyRoot) -> DailyRoot:
    """Give a root with its signature and the ARN of the key that made it."""
    answer = client("kms").sign(
        KeyId=settings.root_key_id(),
        Message=root.signed_text.encode(),
        MessageType="RAW",
        SigningAlgorithm=_ALGORITHM,
    )
    signature = base64.b64encode(answer["Signature"]).decode()
    return replace(root, key_id=answer["KeyId"], signature=signature)


def public_keys(key_ids: Iterable[str]) -> dict[str, str]:
    """Give the public key, in PEM, of each key that signed a root, by the name it has there."""
    return {key_id: _public_key(key_id) for key_id in sorted(set(key_ids))}


def current_public_key() -> str:
    """Give the public half, in PEM, of the key that signs now."""
    return _public_key(settings.root_key_id())


def _public_key(key_id: str) -> str:
    der: bytes = client("kms").get_public_key(KeyId=key_id)["PublicKey"]
    lines = textwrap.wrap(base64.b64encode(der).decode(), _PEM_WIDTH)
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
