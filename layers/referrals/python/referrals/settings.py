"""Every environment variable the system reads, when it is asked for and never at import."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_other_prefix: ContextVar[str | None] = ContextVar("other_prefix", default=None)


class MissingSettingError(RuntimeError):
    """An environment variable that a function needs is not set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"environment variable {name} is not set")
        self.name = name


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise MissingSettingError(name)
    return value


def table_name(table: str) -> str:
    """Name of a table in this deployment; `table` is its short name, as in infra/state.yaml."""
    return (_other_prefix.get() or _required("TABLE_PREFIX")) + table


@contextmanager
def tables_of(prefix: str) -> Iterator[None]:
    """Read and write the tables of another deployment inside the block."""
    token = _other_prefix.set(prefix)
    try:
        yield
    finally:
        _other_prefix.reset(token)


def link_base() -> str:
    """Address that share links start with, without a slash at the end."""
    return _required("LINK_BASE").rstrip("/")


def share_link(code: str) -> str:
    """Give the address that an advocate shares."""
    return f"{link_base()}/{code}"


def fallback_url() -> str | None:
    """Where a link goes whose code is unknown; without it a small page says so."""
    return os.environ.get("FALLBACK_URL") or None


def fulfilment_queue_url() -> str:
    return _required("FULFILMENT_QUEUE_URL")


def dispatch_queue_url() -> str:
    return _required("DISPATCH_QUEUE_URL")


def webhook_queue_url() -> str:
    return _required("WEBHOOK_QUEUE_URL")


def mailing_queue_url() -> str:
    return _required("MAILING_QUEUE_URL")


def events_dead_queue_url() -> str:
    """Where items of the event log are named that could not be announced."""
    return _required("EVENTS_DEAD_QUEUE_URL")


def events_topic_arn() -> str:
    return _required("EVENTS_TOPIC_ARN")


def mail_from() -> str:
    """Sender of every e-mail: `name <address>`."""
    return _required("MAIL_FROM")


def mail_configuration_set() -> str | None:
    return os.environ.get("MAIL_CONFIGURATION_SET") or None


def postal_address() -> str | None:
    """Where the sender can be reached by post; at the foot of every e-mail."""
    return os.environ.get("MAIL_POSTAL_ADDRESS") or None


def operator_email() -> str | None:
    """Who is written to when something waits for people; None for nobody."""
    return os.environ.get("OPERATOR_EMAIL") or None


def mail_feedback_topic_arn() -> str:
    return _required("MAIL_FEEDBACK_TOPIC_ARN")


def sms_replies_topic_arn() -> str:
    return _required("SMS_REPLIES_TOPIC_ARN")


def sms_monthly_cap() -> int:
    """Give the most text messages that are sent in a month; 0 sends none."""
    return int(os.environ.get("SMS_MONTHLY_CAP") or 0)


def portal_link(path: str) -> str:
    """Give the address of a page of the portal; `path` begins with a slash."""
    return _required("PORTAL_BASE").rstrip("/") + path


def payout_provider_url() -> str | None:
    """Where cash is paid out; None when people pay by bank."""
    return os.environ.get("PAYOUT_PROVIDER_URL") or None


def root_key_id() -> str:
    """Give the alias of the key in KMS that signs daily roots."""
    return f"alias/{table_name('ledger-root')}"


def secret_id(secret: str) -> str:
    """Name or ARN of a secret, by its short name.

    One of click_key, identity_key, signal_key, webhook, api_key, outgoing_key, portal_key,
    payout_provider.
    """
    return _required(f"{secret.upper()}_SECRET")


def is_in_lambda() -> bool:
    """Whether this process was started by the Lambda service."""
    return "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ
