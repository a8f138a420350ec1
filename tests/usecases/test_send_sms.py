"""Text messages: off by default, agreed to, stopped, once, and never more than the month's cap."""

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from infra.local import templates
from referrals import clients
from referrals.domain.errors import NumberNotAllowedError, PersonForgottenError
from referrals.domain.ids import PersonId
from referrals.domain.message_kinds import MessageKind
from referrals.domain.people import Person, forgotten
from referrals.domain.text_messages import SmsReply
from referrals.notify.sms import SmsHeldUpError, SmsNotSentError, SmsValues
from referrals.store import mail_rates, messages, people, preferences
from referrals.store.transactions import Write, commit
from referrals.usecases import change_sms_consent
from referrals.usecases.change_sms_consent import (
    Consent,
    give_sms_consent,
    withdraw_sms_consent,
)
from referrals.usecases.record_sms_reply import record_sms_reply
from referrals.usecases.send_mail import MailOutcome
from referrals.usecases.send_sms import Sms, send_sms
from tests.faults import KilledError, calls_counted, killed, refused_once
from tests.shop import KEYS, MAIL_KEYS, NOON, TEA

pytestmark = pytest.mark.usefixtures("sms_on")

NUMBER = "+4915112345678"
ANNA = Person(
    person_id=PersonId("per_anna"),
    customer_id="anna",
    phone=NUMBER,
    locale="en",
    email="a@b.example",
)
A_DAY = timedelta(days=1)


@pytest.fixture
def sms_on(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SMS_MONTHLY_CAP", "100")
    commit(people.save(ANNA))
    yield
    clients.forget_clients()


def texts() -> list[tuple[str, str]]:
    given: dict[str, Any] = sns_backends[DEFAULT_ACCOUNT_ID][templates.REGION].sms_messages
    return list(given.values())


def agree(person: Person = ANNA, *, at: datetime = NOON - A_DAY) -> None:
    consent = Consent(wording="Text me when a reward is ready", source="checkout", given_at=at)
    give_sms_consent(person.person_id, consent, identity=KEYS.identity, now=NOON)


def a_text(
    message_id: str = "msg_1",
    *,
    kind: MessageKind = MessageKind.REWARD_READY,
    person: Person = ANNA,
) -> Sms:
    values = SmsValues(shop_name="Samovar", amount_minor=500, unit="EUR")
    return Sms(message_id=message_id, kind=kind, person=person, program_id=TEA, values=values)


def send(text: Sms, *, at: datetime = NOON) -> MailOutcome | None:
    return send_sms(text, keys=MAIL_KEYS, now=at)


def answer(text: str, *, at: datetime = NOON, number: str = NUMBER) -> bool:
    reply = SmsReply(number=number, text=text, sent_at=at)
    return record_sms_reply(reply, identity=KEYS.identity)


def withheld(message_id: str = "msg_1") -> str | None:
    row = messages.find(message_id)
    return row.withheld if row else None


def test_who_agreed_is_told_once() -> None:
    agree()
    assert [send(a_text()), send(a_text())] == [MailOutcome.SENT, MailOutcome.REPEATED]
    told = "Samovar: your reward of €5 is ready, see your e-mail. Reply STOP to end texts."
    assert texts() == [(NUMBER, told)]
    row = messages.find("msg_1")
    assert row is not None
    assert (row.kind, row.sent_at) == ("reward_ready_sms", NOON)


def test_text_messages_are_off_unless_the_deployment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agree()
    monkeypatch.delenv("SMS_MONTHLY_CAP")
    with calls_counted() as made:
        assert send(a_text()) is None
    assert made == []


@pytest.mark.parametrize(
    "kind", [MessageKind.WELCOME, MessageKind.REMINDER, MessageKind.FRIEND_BOUGHT]
)
def test_only_what_somebody_waits_for_is_told_by_text(kind: MessageKind) -> None:
    agree()
    assert send(a_text(kind=kind)) is None
    assert texts() == []


def test_without_consent_nothing_is_sent_and_nothing_noted() -> None:
    assert send(a_text()) is None
    assert messages.find("msg_1") is None


def test_consent_is_for_the_number_it_was_given_for() -> None:
    agree()
    assert send(a_text(person=replace(ANNA, phone="+4915187654321"))) is None
    assert texts() == []


def test_withdrawn_consent_stays_on_record_and_sends_nothing() -> None:
    agree()
    withdraw_sms_consent(ANNA.person_id, now=NOON)
    assert send(a_text()) is None
    kept = preferences.find(ANNA.person_id).sms
    assert kept is not None
    assert (kept.wording, kept.withdrawn_at) == ("Text me when a reward is ready", NOON)
    assert NUMBER not in f"{kept}"


def test_consent_needs_a_number() -> None:
    commit(people.save(Person(person_id=PersonId("per_boris"), customer_id="boris")))
    consent = Consent(wording="Text me", source="checkout", given_at=NOON)
    with pytest.raises(NumberNotAllowedError):
        give_sms_consent(PersonId("per_boris"), consent, identity=KEYS.identity, now=NOON)


def test_who_is_forgotten_cannot_agree() -> None:
    person = people.find(ANNA.person_id)
    assert person is not None
    commit(people.save(forgotten(person, now=NOON)))
    consent = Consent(wording="Text me", source="checkout", given_at=NOON)
    with pytest.raises(PersonForgottenError):
        give_sms_consent(ANNA.person_id, consent, identity=KEYS.identity, now=NOON)


def test_who_is_forgotten_while_they_agree_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget_first(*writes: Write | None) -> None:
        monkeypatch.setattr(change_sms_consent, "commit", commit)
        known = people.find(ANNA.person_id)
        assert known is not None
        commit(people.save(forgotten(known, now=NOON)))
        commit(*writes)

    monkeypatch.setattr(change_sms_consent, "commit", forget_first)
    with pytest.raises(PersonForgottenError):
        agree()
    assert preferences.find(ANNA.person_id).sms is None


def test_consent_given_in_the_future_is_given_now() -> None:
    agree(at=NOON + timedelta(days=400))
    kept = preferences.find(ANNA.person_id).sms
    assert kept is not None
    assert kept.given_at == NOON


def test_after_stop_nothing_is_sent_until_there_is_new_consent() -> None:
    agree()
    assert answer("Stop!")
    assert send(a_text("msg_1")) is MailOutcome.WITHHELD
    assert withheld("msg_1") == "stopped"
    assert not answer("START", at=NOON + A_DAY)
    agree()  # the shop repeats what it knows
    assert send(a_text("msg_2"), at=NOON + A_DAY) is MailOutcome.WITHHELD
    later = Consent(wording="Text me", source="account page", given_at=NOON + 2 * A_DAY)
    give_sms_consent(ANNA.person_id, later, identity=KEYS.identity, now=NOON + 2 * A_DAY)
    assert send(a_text("msg_3"), at=NOON + 2 * A_DAY) is MailOutcome.SENT


def test_a_stop_that_is_delivered_late_again_does_not_undo_new_consent() -> None:
    agree(at=NOON - A_DAY)
    assert answer("STOP", at=NOON - timedelta(hours=2))
    agree(at=NOON - timedelta(hours=1))
    assert not answer("STOP", at=NOON - timedelta(hours=2))
    assert send(a_text()) is MailOutcome.SENT


def test_a_stop_from_somebody_elses_number_changes_nothing() -> None:
    agree()
    answer("STOP", number="+4915187654321")
    assert send(a_text()) is MailOutcome.SENT


def test_a_number_that_the_carrier_keeps_from_us_is_left_alone() -> None:
    """Moto says so of every number that ends in 99."""
    person = replace(ANNA, person_id=PersonId("per_clara"), phone="+4915112345699")
    commit(people.save(replace(person, revision=None)))
    agree(person)
    assert send(a_text(person=person)) is MailOutcome.WITHHELD
    assert withheld() == "opted_out"


def test_the_month_has_a_cap_and_the_next_month_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_MONTHLY_CAP", "2")
    agree()
    outcomes = [send(a_text(f"msg_{number}")) for number in range(4)]
    assert outcomes == [
        MailOutcome.SENT,
        MailOutcome.SENT,
        MailOutcome.WITHHELD,
        MailOutcome.WITHHELD,
    ]
    assert withheld("msg_3") == "cap_reached"
    june = datetime(2026, 6, 1, tzinfo=UTC)
    assert send(a_text("msg_5"), at=june) is MailOutcome.SENT
    assert mail_rates.sms_of_month(now=NOON) == 2
    assert mail_rates.sms_of_month(now=june) == 1


def test_of_forty_at_once_the_cap_lets_ten_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_MONTHLY_CAP", "10")
    agree()
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(send, [a_text(f"msg_{number}") for number in range(40)]))
    assert outcomes.count(MailOutcome.SENT) == 10
    assert outcomes.count(MailOutcome.WITHHELD) == 30
    assert len(texts()) == 10
    assert mail_rates.sms_of_month(now=NOON) == 10


def test_a_text_that_sns_did_not_take_costs_nothing_and_is_tried_again() -> None:
    agree()
    with refused_once("Publish", "Throttled"), pytest.raises(SmsHeldUpError):
        send(a_text())
    assert mail_rates.sms_of_month(now=NOON) == 0
    assert send(a_text()) is MailOutcome.SENT


def test_a_text_that_sns_will_never_take_is_noted() -> None:
    agree()
    with refused_once("Publish", "InvalidParameter"):
        assert send(a_text()) is MailOutcome.REFUSED
    row = messages.find("msg_1")
    assert row is not None
    assert row.refused == "InvalidParameter"


def test_an_error_of_sns_is_told_without_its_words_which_may_name_the_number() -> None:
    agree()
    sns = clients.client("sns", attempts=1).meta.events

    def fail(**_: object) -> None:
        told = {"Code": "AuthorizationError", "Message": f"not authorized to publish to {NUMBER}"}
        raise ClientError({"Error": told}, "Publish")

    sns.register("before-call.sns.Publish", fail)
    with pytest.raises(SmsNotSentError) as raised:
        send(a_text())
    assert type(raised.value) is SmsNotSentError
    assert NUMBER not in "".join(traceback.format_exception(raised.value))


def test_a_lost_answer_leaves_a_doubt_and_is_counted() -> None:
    agree()
    events = clients.client("sns", attempts=1).meta.events

    def time_out(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://sns.example")

    events.register("before-call.sns.Publish", time_out)
    assert send(a_text()) is MailOutcome.IN_DOUBT
    events.unregister("before-call.sns.Publish", time_out)
    assert send(a_text()) is MailOutcome.REPEATED
    assert mail_rates.sms_of_month(now=NOON) == 1


def test_a_process_that_dies_anywhere_sends_at_most_once() -> None:
    agree()
    with calls_counted() as made:
        send(a_text("msg_0"))
    assert made.count("Publish") == 1
    for number in range(1, len(made) + 1):
        for is_after in (False, True):
            message_id, before = f"msg_{number}_{is_after}", len(texts())
            with killed(at_call=number, is_after=is_after), pytest.raises(KilledError):
                send(a_text(message_id))
            send(a_text(message_id))
            sent = len(texts()) - before
            in_doubt = [each.message_id for each in messages.list_in_doubt()]
            assert sent == 1 or (sent == 0 and message_id in in_doubt)
