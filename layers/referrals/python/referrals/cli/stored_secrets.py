"""Secrets of the deployment, read with the operator's own rights."""

import json

from referrals import settings
from referrals.clients import client


def live_values(secret: str) -> tuple[str, ...]:
    """Give the live values of a secret, such as `outgoing-key`, the current one first."""
    manager = client("secretsmanager")
    answer = manager.get_secret_value(SecretId=settings.table_name(secret))
    content = json.loads(answer["SecretString"])
    return tuple(each for each in (content["current"], content.get("previous")) if each)
