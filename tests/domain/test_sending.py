"""What may leave, and why not: every reason by name."""

from datetime import timedelta

import pytest

from referrals.domain.ids import PersonId
from referrals.domain.mail_rates import Brake
from referrals.domain.message_kinds import MessageKind, Purpose
from referrals.domain.preferences import Ask, Preferences, SmsConsent
from referrals.domain.sending import Withheld, withheld_mail, withheld_sms
from referrals.domain.suppressions import Recipient, Suppression, SuppressionReason
from tests.factories import NOW

AWAITED, NEWS, ASK = MessageKind.REWARD_READY, MessageKind.FRIEND_BOUGHT, MessageKind.REMINDER
FRESH = Preferences(person_id=PersonId("per_anna"))
QUIET = Preferences(person_id=FRESH.person_id, off=frozenset({Purpose.NEWS, Purpose.ASK}))
ASKED = Preferences(
    person_id=FRESH.person_id, asks=(Ask(message_id="m0", asked_at=NOW - timedelta(days=3)),)
)


def suppressed(reason: SuppressionReason) -> Recipient:
    return Recipient(mark="m", suppression=Suppression(reason=reason, since=NOW))


BOUNCED = suppressed(SuppressionReason.BOUNCE)
COMPLAINED = suppressed(SuppressionReason.COMPLAINT)
MANUAL = suppressed(SuppressionReason.MANUAL)
BY_BOUNCES, BY_COMPLAINTS = Brake.BOUNCES, Brake.COMPLAINTS


@pytest.mark.parametrize(
    ("kind", "preferences", "recipient", "brake", "reason"),
    [
        (AWAITED, None, None, None, None),
        (NEWS, FRESH, None, None, None),
        (ASK, FRESH, None, None, None),
        (NEWS, QUIET, None, None, Withheld.TURNED_OFF),
        (ASK, QUIET, None, None, Withheld.TURNED_OFF),
        (AWAITED, QUIET, None, None, None),
        (ASK, ASKED, None, None, Withheld.ASKED_LATELY),
        (NEWS, ASKED, None, None, None),
        (AWAITED, FRESH, BOUNCED, None, Withheld.BOUNCED),
        (AWAITED, FRESH, COMPLAINED, None, Withheld.COMPLAINED),
        (AWAITED, FRESH, MANUAL, None, Withheld.SUPPRESSED),
        (MessageKind.MAIL_RATE, None, BOUNCED, None, Withheld.BOUNCED),
        (NEWS, FRESH, Recipient(mark="m", soft_bounced_on=(NOW.date(),)), None, None),
        (NEWS, FRESH, None, BY_BOUNCES, Withheld.BOUNCE_RATE),
        (ASK, FRESH, None, BY_COMPLAINTS, Withheld.COMPLAINT_RATE),
        (AWAITED, FRESH, None, BY_COMPLAINTS, None),
        (MessageKind.MAIL_RATE, None, None, BY_COMPLAINTS, None),
        (NEWS, QUIET, BOUNCED, BY_BOUNCES, Withheld.TURNED_OFF),
        (NEWS, FRESH, BOUNCED, BY_BOUNCES, Withheld.BOUNCED),
    ],
)
def test_what_may_leave(
    kind: MessageKind,
    preferences: Preferences | None,
    recipient: Recipient | None,
    brake: Brake | None,
    reason: Withheld | None,
) -> None:
    found = withheld_mail(
        kind, "m1", preferences=preferences, recipient=recipient, brake=brake, now=NOW
    )
    assert found is reason


def agreed(*, days: int = 0, withdrawn: bool = False) -> Preferences:
    consent = SmsConsent(
        number_mark="n1",
        given_at=NOW + timedelta(days=days),
        wording="Text me",
        source="checkout",
        withdrawn_at=NOW + timedelta(days=9) if withdrawn else None,
    )
    return Preferences(person_id=FRESH.person_id, sms=consent)


STOP = suppressed(SuppressionReason.STOP)


@pytest.mark.parametrize(
    ("mark", "preferences", "recipient", "reason"),
    [
        ("n1", None, None, Withheld.NO_CONSENT),
        ("n1", FRESH, None, Withheld.NO_CONSENT),
        ("n1", agreed(), None, None),
        ("n1", agreed(withdrawn=True), None, Withheld.NO_CONSENT),
        ("n2", agreed(), None, Withheld.NO_CONSENT),
        ("n1", agreed(days=-1), STOP, Withheld.STOPPED),
        ("n1", agreed(days=0), STOP, Withheld.STOPPED),
        ("n1", agreed(days=1), STOP, None),
        ("n1", agreed(days=1), MANUAL, Withheld.SUPPRESSED),
    ],
)
def test_a_text_message_needs_consent_for_its_number_that_is_newer_than_a_stop(
    mark: str,
    preferences: Preferences | None,
    recipient: Recipient | None,
    reason: Withheld | None,
) -> None:
    assert withheld_sms(mark, preferences=preferences, recipient=recipient) is reason
