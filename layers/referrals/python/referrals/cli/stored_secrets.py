"""Secrets of the deployment, read with the operator's own rights."""

import json
from collections.abc import Sequence

from referrals import settings
from referrals.cli.output import out
from referrals.clients import client


def live_values(secret: str) -> tuple[str, ...]:
    """Give the live values of a secret, such as `outgoing-key`, the current one first."""
    manager = client("secretsmanager")
    answer = manager.get_secret_value(SecretId=settings.table_name(secret))
    content = json.loads(answer["SecretString"])
    return tuple(each for each in (content["current"], content.get("previous")) if each)


def print_live(secrets: Sequence[str]) -> None:
    """Print signing secrets, one a line: the current one, then those before that sign too."""
    current, *before = secrets
    out.print(current, soft_wrap=True)
    for each in before:
        out.print(f"{each} (before; signs too)", soft_wrap=True)
