"""Something happened: the topic and the webhooks get the event, whom it concerns gets a message.

    publish ── webhooks ── sums of the month ── mail, and for some kinds a text message

In this order, so that a mail that cannot be sent keeps no event from those who listen. A message is
claimed before it is sent, so nobody gets it twice; topic and webhooks get an event at least once,
under an id that never changes.
"""

from collections.abc import Mapping
from datetime import datetime

from referrals.domain.events import DomainEvent, EventName
from referrals.notify.topics import publish
from referrals.usecases.announcements import friends, operators, payouts, rewards
from referrals.usecases.announcements.told import Announcement, Told
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from referrals.usecases.keys import MailKeys
from referrals.usecases.letters import send_letter, send_text
from referrals.usecases.note_order import note_order

_ANNOUNCEMENTS: Mapping[EventName, Announcement] = {
    EventName.ADVOCATE_ENROLLED: friends.welcomed,
    EventName.REFERRAL_CREATED: friends.joined,
    EventName.CONVERSION_RECORDED: friends.bought,
    EventName.CONVERSION_DECLINED: friends.declined,
    EventName.REWARD_HELD: rewards.promised,
    EventName.REWARD_AVAILABLE: rewards.waits_for_details,
    EventName.REWARD_FULFILLED: rewards.handed_over,
    EventName.REWARD_VOIDED: rewards.taken_back,
    EventName.REWARD_CLAWED_BACK: rewards.taken_back,
    EventName.PAYOUT_SENT: payouts.sent,
    EventName.PAYOUT_RETURNED: payouts.returned,
    EventName.PAYOUT_FAILED: operators.payout_failed,
    EventName.PAYOUT_STUCK: operators.payout_stuck,
    EventName.PAYEE_CHANGED: payouts.payee_changed,
    EventName.WEBHOOK_FAILING: operators.endpoint_fails,
    EventName.WEBHOOK_DISABLED: operators.endpoint_disabled,
}


def announce_event(event: DomainEvent, *, keys: MailKeys, now: datetime) -> None:
    """Publish an event, queue it for webhooks, and send the messages that it calls for, if any.

    MailNotSentError, SmsNotSentError, or an error of SNS or the store when it has to be tried
    again.
    """
    publish(event)
    enqueue_webhooks(event, now=now)
    note_order(event)
    announcement = _ANNOUNCEMENTS.get(event.name)
    if announcement is None:
        return
    for letter in announcement(Told(event=event, keys=keys, now=now)):
        send_letter(letter, keys=keys, now=now)
        send_text(letter, keys=keys, now=now)
