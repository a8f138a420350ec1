"""Signatures of daily roots, checked with public keys and without asking anybody."""

import base64
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from referrals.domain.errors import NotAllowedError
from referrals.domain.roots import DailyRoot
from referrals.domain.verification import SignatureCheck


class KeyNotAllowedError(NotAllowedError):
    """A text that is no public key in PEM, or one of another kind than signs roots."""

    code = "key_not_allowed"

    def __init__(self) -> None:
        super().__init__("not the public key (PEM) of an elliptic curve")


def signed_by(pems: Iterable[str]) -> SignatureCheck:
    """Give the check whether a root is signed by one of these keys; KeyNotAllowedError."""
    keys = [_key(pem) for pem in pems]
    return lambda root: any(_is_signed(root, key) for key in keys)


def _key(pem: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyNotAllowedError from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise KeyNotAllowedError
    return key


def _is_signed(root: DailyRoot, key: ec.EllipticCurvePublicKey) -> bool:
    try:
        signature = base64.b64decode(root.signature or "", validate=True)
        key.verify(signature, root.signed_text.encode(), ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError, TypeError):  # whatever a forger put there
        return False
    return True
