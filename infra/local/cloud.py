"""The local cloud: AWS from moto, what the templates say, and every app, in this one process."""

import email
import importlib
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import default as modern
from types import ModuleType
from typing import Any, Self

from moto import mock_aws
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

from infra import manifest
from infra.local import engine, templates
from infra.local.gateway import Gateway, GatewayServer, Page
from infra.local.invocations import Call, Function, as_lambda, recording
from infra.local.pumps import ClickLog, DeliveryError, Pumps, connect
from infra.local.templates import ACCOUNT, REGION, Stack
from referrals.clients import forget_clients
from referrals.runtime import secrets as secrets_cache
from referrals.store import landings, links, programs

DEFAULT_PREFIX = "sarafan-local-"
# links are served below a prefix here, because all apps share one host
PREFIXES = {"link_redirect": "/r"}
MOST_ROUNDS = 100

_LOG = logging.getLogger(__name__)


class NotSettledError(RuntimeError):
    """Event sources keep finding something to deliver."""

    def __init__(self, busy: Sequence[Function]) -> None:
        names = ", ".join(str(function) for function in busy)
        super().__init__(f"after {MOST_ROUNDS} rounds there is still something for {names}")
        self.busy = tuple(busy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail that SES was given."""

    message_id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    raw: str = field(repr=False)
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMessage:
    """A message that a topic was given."""

    topic: str  # name
    subject: str | None
    body: str
    attributes: Mapping[str, str]


class LocalCloud:
    """A whole deployment inside a `with` block; nothing of it is left afterwards."""

    def __init__(
        self,
        *,
        prefix: str = DEFAULT_PREFIX,
        secrets: Mapping[str, str] | None = None,
        link_base: str = "http://127.0.0.1/r",
        apps: Sequence[str] | None = None,
        modules: Mapping[str, ModuleType] | None = None,
    ) -> None:
        """Describe a cloud with the given apps of chalice.json, or all of them.

        `secrets` fixes secret values by name without the prefix, such as `api-key`; `modules`
        stands in for functions/<app>/app.py. Once `serve` has a port, LINK_BASE follows it.
        """
        self.prefix = prefix
        self.calls: list[Call] = []
        self.state: Stack
        self.base_url: str | None = None
        self._secrets = dict(secrets or {})
        self._link_base = link_base
        self._app_names = manifest.app_names() if apps is None else list(apps)
        self._given_modules = dict(modules or {})
        self._modules: dict[str, ModuleType] = {}
        # those that were read before: a mail takes longer to parse than to send
        self._mails: dict[str, Mail] = {}
        self._pumps = Pumps(sources=(), schedules=())
        # whoever pumps, a test or the background, does it alone
        self._pumping = threading.RLock()
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self, stack: ExitStack) -> None:
        engine.install()
        forget_caches()
        stack.enter_context(mock_aws())
        self._set_environment(
            stack,
            {
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            },
        )
        self.state = templates.create_state(self.prefix, secrets=self._secrets)
        self._set_environment(stack, templates.environment(self.state, self._link_base))
        # before the apps are loaded: the redirect writes to standard output when nobody listens
        click_log = stack.enter_context(ClickLog())
        self._modules = {name: self._load(name) for name in self._app_names}
        stacks = templates.create_apps(self.state, self._link_base)
        wanted = {name: stacks[name] for name in self._app_names}
        self._pumps = connect(wanted, self._invoke, click_log)
        stack.enter_context(recording(self.calls))

    def _load(self, app: str) -> ModuleType:
        if app in self._given_modules:
            return self._given_modules[app]
        return importlib.import_module(f"functions.{app}.app")

    def _set_environment(self, stack: ExitStack, variables: Mapping[str, str]) -> None:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        stack.callback(_restore_environment, before)

    def serve(self, port: int = 0, *, pages: Mapping[str, Page] | None = None) -> str:
        """Serve every app on one port of 127.0.0.1, 0 for any free one; give the base URL."""
        apps = {name: module.app for name, module in self._modules.items()}
        server = GatewayServer(Gateway(apps, prefixes=PREFIXES, pages=pages), port=port)
        self._exit.callback(server.stop)
        self.base_url = server.base_url
        link_base = f"{server.base_url}{PREFIXES['link_redirect']}"
        self._set_environment(self._exit, {"LINK_BASE": link_base})
        return server.base_url

    def invoke(self, app: str, function: str, event: Any) -> Any:
        """Call one function as Lambda would; what its handler raises comes out here."""
        return self._invoke(Function(app, function), event)

    def _invoke(self, function: Function, event: Any) -> Any:
        handler: Callable[[Any, Any], Any] = getattr(self._modules[function.app], function.name)
        return as_lambda(handler, function, event)

    def settle(self) -> int:
        """Pump until nothing is left to deliver; give the number of deliveries.

        Raises NotSettledError when that never comes, DeliveryError when a handler keeps failing.
        """
        delivered = 0
        with self._pumping:
            for _ in range(MOST_ROUNDS):
                busy = {pump.function: pump.pump() for pump in self._pumps.sources}
                delivered += sum(busy.values())
                if not any(busy.values()):
                    return delivered
        raise NotSettledError([function for function, count in busy.items() if count])

    def run_schedules(self) -> int:
        """Let every schedule tick once; give the number of ticks."""
        with self._pumping:
            return sum(pump.pump() for pump in self._pumps.schedules)

    def run_in_background(self, interval_s: float = 0.5) -> None:
        """Tick and settle again and again in a thread, until the cloud is left."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(interval_s):
                for step in (self.run_schedules, self.settle):
                    try:
                        step()
                    except (DeliveryError, NotSettledError):
                        _LOG.exception("the background goes on without it")

        thread = threading.Thread(target=run, name="event sources", daemon=True)
        thread.start()
        self._exit.callback(thread.join)
        self._exit.callback(stop.set)

    def mails(self) -> list[Mail]:
        """Give every e-mail that was sent, the oldest first."""
        sent_at = {call.message_id: call.at for call in list(self.calls) if call.service == "sesv2"}
        for message in list(ses_backends[ACCOUNT][REGION].sent_messages):
            if message.id in sent_at and message.id not in self._mails:
                self._mails[message.id] = _mail(message, sent_at[message.id])
        return list(self._mails.values())

    def topic_messages(self) -> list[TopicMessage]:
        """Give what the topics were given, the oldest first."""
        return [
            _topic_message(topic.name, notification)
            for topic in sns_backends[ACCOUNT][REGION].topics.values()
            for notification in topic.sent_notifications
        ]

    def queue_depth(self, name: str) -> int:
        """Give the number of messages in a queue, by its name without the prefix."""
        sqs = templates.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.prefix}{name}")["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def secret(self, name: str) -> str:
        """Give a secret's current value, by its name without the prefix."""
        answer = templates.client("secretsmanager").get_secret_value(
            SecretId=f"{self.prefix}{name}"
        )
        return str(json.loads(answer["SecretString"])["current"])


def forget_caches() -> None:
    """Start like a new process: nothing is remembered of a cloud before."""
    for forget in (
        links.forget_cached,
        landings.forget_cached,
        programs.forget_cached,
        secrets_cache.forget,
        forget_clients,
    ):
        forget()


def _restore_environment(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _mail(message: Any, sent_at: datetime) -> Mail:
    raw = str(message.raw_data)
    parsed = email.message_from_string(raw, _class=EmailMessage, policy=modern)
    return Mail(
        message_id=message.id,
        sender=str(parsed["From"]),
        # moto adds the To header to the addresses it was given
        to=tuple(dict.fromkeys(message.destinations)),
        subject=str(parsed["Subject"]),
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
        headers={name: str(value) for name, value in parsed.items()},
        raw=raw,
        sent_at=sent_at,
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _topic_message(topic: str, notification: Sequence[Any]) -> TopicMessage:
    _, body, subject, attributes, _ = notification
    return TopicMessage(
        topic=topic,
        subject=subject,
        body=body,
        attributes={name: str(of["Value"]) for name, of in (attributes or {}).items()},
    )
