"""What comes back of mails: suppressed at once or in time, counted once, and the brake."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from referrals.domain.mail_rates import Brake, MailRates, brake_of
from referrals.domain.message_kinds import MessageKind
from referrals.domain.suppressions import (
    Feedback,
    FeedbackKind,
    Recipient,
    SuppressionReason,
    address_mark,
)
from referrals.store import mail_rates, messages, suppressions
from referrals.usecases.record_mail_feedback import record_mail_feedback
from referrals.usecases.send_mail import MailOutcome, send_mail
from tests import mails
from tests.faults import KilledError, every_kill, killed
from tests.shop import KEYS, MAIL_KEYS, NOON
from tests.usecases.test_send_mail import ANNA

pytestmark = pytest.mark.usefixtures("tables")


def feedback(
    feedback_id: str = "f1",
    *,
    kind: FeedbackKind = FeedbackKind.HARD_BOUNCE,
    address: str = "anna@customer.example",
    at: datetime = NOON,
    is_counted: bool = True,
    message_id: str | None = None,
) -> Feedback:
    return Feedback(
        feedback_id=feedback_id,
        kind=kind,
        addresses=(address,),
        detail="Permanent/General",
        occurred_at=at,
        is_counted=is_counted,
        message_id=message_id,
    )


def record(told: Feedback) -> bool:
    return record_mail_feedback(told, identity=KEYS.identity, now=NOON)


def known_of(address: str = "anna@customer.example") -> Recipient:
    return suppressions.find(address_mark(address, key=KEYS.identity))


@pytest.mark.parametrize(
    ("kind", "reason", "rates"),
    [
        (FeedbackKind.HARD_BOUNCE, SuppressionReason.BOUNCE, MailRates(bounced=1)),
        (FeedbackKind.COMPLAINT, SuppressionReason.COMPLAINT, MailRates(complained=1)),
    ],
)
def test_a_hard_bounce_or_a_complaint_suppresses_and_is_counted(
    kind: FeedbackKind, reason: SuppressionReason, rates: MailRates
) -> None:
    assert record(feedback(kind=kind))
    suppression = known_of().suppression
    assert suppression is not None
    assert suppression.reason is reason
    assert mail_rates.rates(now=NOON) == rates


def test_feedback_that_comes_again_changes_nothing() -> None:
    assert record(feedback())
    before = known_of()
    assert not record(feedback())
    assert known_of() == before
    assert mail_rates.rates(now=NOON) == MailRates(bounced=1)


def test_of_sixteen_deliveries_at_once_one_counts() -> None:
    with ThreadPoolExecutor(16) as pool:
        is_new = list(pool.map(lambda _: record(feedback()), range(16)))
    assert is_new.count(True) == 1
    assert mail_rates.rates(now=NOON).bounced == 1


def test_a_complaint_before_its_bounce_is_as_good_as_after() -> None:
    record(feedback("f2", kind=FeedbackKind.COMPLAINT, at=NOON + timedelta(minutes=5)))
    record(feedback("f1"))
    assert mail_rates.rates(now=NOON) == MailRates(bounced=1, complained=1)
    assert known_of().suppression is not None


def test_what_ses_did_not_even_try_suppresses_and_counts_in_no_rate() -> None:
    record(feedback(is_counted=False))
    assert known_of().suppression is not None
    assert mail_rates.rates(now=NOON) == MailRates()


def test_soft_bounces_are_kept_until_they_are_too_many() -> None:
    for day in range(5):
        at = NOON + timedelta(days=day)
        assert known_of().suppression is None
        record(feedback(f"f{day}", kind=FeedbackKind.SOFT_BOUNCE, at=at))
    assert known_of().suppression is not None
    assert mail_rates.rates(now=NOON) == MailRates()


def test_a_hint_writes_nothing_about_anybody() -> None:
    assert record(feedback(kind=FeedbackKind.HINT))
    assert known_of() == Recipient(mark=known_of().mark)


def test_feedback_is_noted_with_its_mail() -> None:
    messages.claim("msg_1", kind="reminder", person_id="per_anna", now=NOON)
    record(feedback(message_id="msg_1"))
    row = messages.find("msg_1")
    assert row is not None
    assert row.feedback == "Permanent/General"


def test_feedback_of_a_mail_that_is_not_known_any_more_makes_no_row() -> None:
    record(feedback(message_id="msg_1"))
    assert messages.find("msg_1") is None


def test_no_table_holds_the_address() -> None:
    record(feedback())
    record(feedback("f2", kind=FeedbackKind.SOFT_BOUNCE, address="boris@customer.example"))
    rows = [*suppressions.SuppressionRow.scan(), *mail_rates.MailDayRow.scan()]
    assert len(rows) == 5
    assert not any("customer.example" in f"{row.attribute_values}" for row in rows)


def test_a_process_that_dies_anywhere_counts_once_when_it_is_told_again() -> None:
    calls = every_kill(lambda: record(feedback("f0")))
    for number in range(1, calls + 1):
        for is_after in (False, True):
            told = feedback(f"f{number}{is_after}", address=f"a{number}{is_after}@shop.example")
            before = mail_rates.rates(now=NOON).bounced
            with killed(at_call=number, is_after=is_after), pytest.raises(KilledError):
                record(told)
            record(told)
            assert mail_rates.rates(now=NOON).bounced == before + 1
            assert known_of(told.addresses[0]).suppression is not None


def test_the_brake_stops_what_nobody_waits_for_until_the_days_are_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mails.set_up(monkeypatch)
    for number in range(3):
        record(feedback(f"f{number}", kind=FeedbackKind.COMPLAINT, address=f"c{number}@x.example"))
    assert brake_of(mail_rates.rates(now=NOON)) is Brake.COMPLAINTS

    def send(message_id: str, kind: MessageKind, *, days: int = 0) -> MailOutcome:
        mail = mails.a_mail(message_id, kind=kind, person=ANNA)
        return send_mail(mail, keys=MAIL_KEYS, now=NOON + timedelta(days=days))

    assert send("msg_1", MessageKind.FRIEND_BOUGHT) is MailOutcome.WITHHELD
    assert send("msg_2", MessageKind.REMINDER) is MailOutcome.WITHHELD
    assert send("msg_3", MessageKind.REWARD_READY) is MailOutcome.SENT
    assert send("msg_4", MessageKind.FRIEND_BOUGHT, days=13) is MailOutcome.WITHHELD
    assert send("msg_5", MessageKind.FRIEND_BOUGHT, days=14) is MailOutcome.SENT
    row = messages.find("msg_1")
    assert row is not None
    assert row.withheld == "complaint_rate"


def test_the_rates_are_read_once_a_minute() -> None:
    assert mail_rates.rates_of_the_minute(now=NOON) == MailRates()
    record(feedback())
    assert mail_rates.rates_of_the_minute(now=NOON + timedelta(seconds=59)) == MailRates()
    later = mail_rates.rates_of_the_minute(now=NOON + timedelta(seconds=60))
    assert later == MailRates(bounced=1)
