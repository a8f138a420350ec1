"""The outgoing key, from which the signing secrets of webhooks and partners derive."""

import json

from referrals import settings
from referrals.clients import client


def live_keys() -> tuple[str, ...]:
    """Give the live keys, the current one first."""
    manager = client("secretsmanager")
    answer = manager.get_secret_value(SecretId=settings.table_name("outgoing-key"))
    content = json.loads(answer["SecretString"])
    return tuple(each for each in (content["current"], content.get("previous")) if each)
