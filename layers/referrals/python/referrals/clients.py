"""AWS clients, each made when first needed and kept; botocore alone spares the layer boto3."""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config


@cache
def session() -> Any:
    """Give the session that all clients share: each of its own would load botocore's data anew."""
    return botocore.session.get_session()


@cache
def client(service: str, *, attempts: int = 3, read_timeout_seconds: float = 10) -> Any:
    """Give the client of a service. It keeps the region and credentials that it was made with."""
    config = Config(
        connect_timeout=1,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return session().create_client(service, config=config)


def forget_clients() -> None:
    """Let the next call make clients anew, for tests that change the region or credentials."""
    client.cache_clear()
    session.cache_clear()
