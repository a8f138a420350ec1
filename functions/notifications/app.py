"""Domain events: mail for whom they concern, and the topic for everybody else."""

from functools import partial
from typing import Any

from referrals import settings
from referrals.domain.entries import LogPlace
from referrals.domain.mail_rates import brake_of
from referrals.notify import mailings
from referrals.runtime import clock
from referrals.runtime.batches import BatchAnswer, each_message, each_new_image
from referrals.runtime.feedback import mail_feedback, sms_reply
from referrals.runtime.mail_alarms import stopped_mail_counted
from referrals.runtime.observability import count, logger, metrics
from referrals.runtime.problems import ProblemApp
from referrals.runtime.secrets import mail_keys, secret
from referrals.runtime.sns import our_messages
from referrals.store import announced, mail_rates
from referrals.store.events import read_body
from referrals.store.transactions import StoreError
from referrals.usecases.announce_event import announce_event
from referrals.usecases.queue_mailings import queue_mailings as queue
from referrals.usecases.record_mail_feedback import record_mail_feedback as record_feedback
from referrals.usecases.record_sms_reply import record_sms_reply
from referrals.usecases.send_mailing import send_mailing
from referrals.usecases.sweep_events import Outcome
from referrals.usecases.sweep_events import sweep_events as sweep
from referrals.usecases.watch_programs import watch_programs as watch

app = ProblemApp("notifications")

# more than the longest item takes
_LAST_ITEM_MILLIS = 30_000


@app.lambda_function(name="announce_events")
@metrics.log_metrics
def announce_events(event: Any, context: Any) -> BatchAnswer:
    """Announce the events of a batch from the event log's stream, in their order."""
    done: list[LogPlace] = []
    answer = each_new_image(event, context, partial(_announce, done))
    _mark(done)
    return answer


@app.lambda_function(name="sweep_events")
@metrics.log_metrics
def sweep_events(_event: Any, context: Any) -> None:
    """Announce what the stream never brought; the clock calls every hour."""
    outcomes = sweep(
        keys=mail_keys(),
        now=clock.utc_now(),
        has_time=lambda: context.get_remaining_time_in_millis() > _LAST_ITEM_MILLIS,
    )
    logger.info("swept", extra={"items": dict(outcomes)})
    count("ItemsSwept", outcomes[Outcome.ANNOUNCED])
    count("ItemsGivenUp", outcomes[Outcome.GIVEN_UP])


@app.lambda_function(name="queue_mailings")
@metrics.log_metrics
def queue_mailings(_event: Any, _context: Any) -> None:
    """Queue the reminders and summaries that are to be written today; the clock calls."""
    count("MailingsQueued", queue(now=clock.utc_now()))


@app.lambda_function(name="send_mailings")
@metrics.log_metrics
def send_mailings(event: Any, context: Any) -> BatchAnswer:
    """Write each mailing of a batch."""
    return each_message(event, context, _send_mailing)


@app.lambda_function(name="watch_programs")
@metrics.log_metrics
def watch_programs(_event: Any, _context: Any) -> None:
    """Tell operators what waits for them; the clock calls every hour."""
    count("OperatorsTold", watch(keys=mail_keys(), now=clock.utc_now()))


@app.lambda_function(name="record_mail_feedback")
@metrics.log_metrics
def record_mail_feedback(event: Any, _context: Any) -> None:
    """Record bounces and complaints that SES tells of; what is forged or no news changes nothing.

    How we stand is measured afterwards: an alarm looks at it, and the operator is written to.
    """
    identity = secret("identity_key").current.encode()
    for message in our_messages(event, topic_arn=settings.mail_feedback_topic_arn()):
        told, now = mail_feedback(message), clock.utc_now()
        if told is None:
            logger.info("passed over what is no feedback", extra={"sns_id": message.message_id})
            continue
        if record_feedback(told, identity=identity, now=now):
            logger.info("mail feedback", extra={"kind": told.kind, "mail": told.message_id})
            count("MailFeedback")
        if brake_of(mail_rates.rates(now=now)) is not None:
            count("MailBraked")


@app.lambda_function(name="record_sms_replies")
@metrics.log_metrics
def record_sms_replies(event: Any, _context: Any) -> None:
    """Record what people answer to text messages: STOP, and nothing else, changes something."""
    identity = secret("identity_key").current.encode()
    for message in our_messages(event, topic_arn=settings.sms_replies_topic_arn()):
        reply = sms_reply(message)
        if reply is not None and record_sms_reply(reply, identity=identity):
            count("SmsStopped")


def _send_mailing(body: str) -> None:
    mailing = mailings.read(body)
    with stopped_mail_counted():
        outcome = send_mailing(mailing, keys=mail_keys(), now=clock.utc_now())
    logger.info("mailing", extra={"kind": mailing.kind, "outcome": outcome})


def _announce(done: list[LogPlace], image: dict[str, Any]) -> None:
    for happened in read_body(image["body"]):
        with stopped_mail_counted():
            announce_event(happened, keys=mail_keys(), now=clock.utc_now())
        logger.info("announced", extra={"event_id": happened.event_id, "name_": happened.name})
        count("EventsAnnounced")
    done.append(LogPlace(day_shard=image["day_shard"], position=image["position"]))


def _mark(done: list[LogPlace]) -> None:
    """Note what was announced; where that fails the sweep does it again, which harms nobody."""
    try:
        announced.mark(done, now=clock.utc_now())
    except StoreError:
        logger.warning("announced, but not marked", extra={"items": len(done)})
