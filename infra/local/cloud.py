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
from urllib.parse import urlsplit

from moto import mock_aws
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

from infra import manifest
from infra.local import engine, mail_feedback, sns_signer, templates
from infra.local.fakes import Fakes
from infra.local.gateway import Gateway, GatewayServer, Page
from infra.local.invocations import Call, Function, as_lambda, recording
from infra.local.pumps import ClickLog, DeliveryError, Pumps, StreamPump, connect
from infra.local.templates import ACCOUNT, REGION, Stack
from referrals import outbound
from referrals.clients import forget_clients
from referrals.fulfil.partners import partner_secret
from referrals.runtime import clock
from referrals.runtime import secrets as secrets_cache
from referrals.store import landings, links, mail_rates, programs, webhooks

DEFAULT_PREFIX = "sarafan-local-"
# links are served below a prefix here, because all apps share one host
PREFIXES = {"link_redirect": "/r", "advocate_portal": "/portal"}
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
        self.fakes = Fakes(
            payer_key=lambda: self.secret("payout-provider-key"),
            partner_secret=lambda partner: partner_secret(self.secret("outgoing-key"), partner),
        )
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
        stack.enter_context(sns_signer.trusted())
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
        """Serve every app on one port of 127.0.0.1, 0 for any free one; give the base URL.

        The fakes of systems outside are served beside them, and trusted.
        """
        apps = {name: module.app for name, module in self._modules.items()}
        mounts = {**self.fakes.mounts, **(pages or {})}
        server = GatewayServer(Gateway(apps, prefixes=PREFIXES, pages=mounts), port=port)
        self._exit.callback(server.stop)
        self._exit.callback(self.fakes.close)
        self._exit.enter_context(outbound.trusting(urlsplit(server.base_url).netloc))
        self.base_url = server.base_url
        link_base = f"{server.base_url}{PREFIXES['link_redirect']}"
        portal_base = f"{server.base_url}{PREFIXES['advocate_portal']}"
        bases = {
            "LINK_BASE": link_base,
            "PORTAL_BASE": portal_base,
            "PAYOUT_PROVIDER_URL": f"{server.base_url}{Fakes.PAYER}",
        }
        self._set_environment(self._exit, bases)
        return server.base_url

    def invoke(self, app: str, function: str, event: Any) -> Any:
        """Call one function as Lambda would; what its handler raises comes out here."""
        return self._invoke(Function(app, function), event)

    def _invoke(self, function: Function, event: Any) -> Any:
        handler: Callable[[Any, Any], Any] = getattr(self._modules[function.app], function.name)
        return as_lambda(handler, function, event)

    def settle(self, *, app: str | None = None) -> int:
        """Pump until nothing is left to deliver, to one app or to any; give how many deliveries.

        Raises NotSettledError when that never comes, DeliveryError when a handler keeps failing.
        """
        delivered = 0
        wanted = [each for each in self._pumps.sources if app in {None, each.function.app}]
        with self._pumping:
            for _ in range(MOST_ROUNDS):
                busy = {pump.function: pump.pump() for pump in wanted}
                delivered += sum(busy.values())
                if not any(busy.values()):
                    return delivered
        raise NotSettledError([function for function, count in busy.items() if count])

    def run_schedules(self) -> int:
        """Let every schedule tick once; give the number of ticks."""
        with self._pumping:
            return sum(pump.pump() for pump in self._pumps.schedules)

    def run_due_schedules(self) -> int:
        """Let the schedules tick whose minute, hour or day has come; give the number of ticks."""
        with self._pumping:
            return sum(pump.pump() for pump in self._pumps.schedules if pump.is_due())

    @property
    def relay(self) -> StreamPump:
        """The stream of the event log, which can be made to stand still."""
        (stream,) = (pump for pump in self._pumps.sources if isinstance(pump, StreamPump))
        return stream

    def run_in_background(self, interval_s: float = 0.5) -> None:
        """Tick and settle again and again in a thread, until the cloud is left."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(interval_s):
                for step in (self.run_due_schedules, self.settle):
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

    def bounce(self, mail: Mail, *, kind: str = "Permanent", subtype: str = "General") -> None:
        """Let a mail come back; SES tells it on its topic, once however often it is asked."""
        told = mail_feedback.bounce(
            mail.message_id,
            mail.to,
            kind=kind,
            subtype=subtype,
            tags=self._tags(mail),
            at=clock.utc_now(),
        )
        self._publish("MailFeedbackTopic", told)

    def complain(self, mail: Mail, *, kind: str = "abuse") -> None:
        """Let the recipient call a mail spam; SES tells it on its topic."""
        told = mail_feedback.complaint(
            mail.message_id, mail.to, kind=kind, tags=self._tags(mail), at=clock.utc_now()
        )
        self._publish("MailFeedbackTopic", told)

    def answer_sms(self, number: str, text: str) -> None:
        """Let somebody answer a text message from a number."""
        told = {
            "originationNumber": number,
            "destinationNumber": "+4915100000000",
            "messageKeyword": "KEYWORD_LOCAL",
            "messageBody": text,
            "inboundMessageId": f"{number}-{text}",
            "previousPublishedMessageId": None,
        }
        self._publish("SmsRepliesTopic", told)

    def text_messages(self) -> list[tuple[str, str]]:
        """Give every text message that was sent, the oldest first: number and text."""
        return list(sns_backends[ACCOUNT][REGION].sms_messages.values())

    def _tags(self, mail: Mail) -> Mapping[str, str]:
        calls = (call for call in list(self.calls) if call.message_id == mail.message_id)
        return next((call.tags for call in calls), {})

    def _publish(self, topic: str, told: Mapping[str, Any]) -> None:
        templates.client("sns").publish(TopicArn=self.state.ref(topic), Message=json.dumps(told))

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
        mail_rates.forget_cached,
        webhooks.forget_cached,
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
