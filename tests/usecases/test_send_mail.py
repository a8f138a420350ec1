"""The one way a mail leaves: once, when it is wanted, to whoever takes mail."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ReadTimeoutError

from referrals import clients
from referrals.domain.ids import PersonId
from referrals.domain.message_kinds import MessageKind, Purpose
from referrals.domain.people import Person, forgotten
from referrals.domain.preferences import Preferences, turned_off
from referrals.domain.suppressions import (
    Recipient,
    Suppression,
    SuppressionReason,
    address_mark,
)
from referrals.notify import portal_links
from referrals.notify.emails import MailNotSentError, MailStoppedError
from referrals.notify.messages import RenderedMessage
from referrals.notify.portal_links import MailLinks
from referrals.store import mail_rates, messages, people, preferences, suppressions
from referrals.store.transactions import commit
from referrals.usecases.send_mail import Mail, MailOutcome, send_mail
from tests import mails, shop
from tests.faults import KilledError, calls_counted, killed
from tests.mails import a_mail, delivered
from tests.shop import KEYS, MAIL_KEYS, NOON

pytestmark = pytest.mark.usefixtures("ses")

ANNA = Person(person_id=PersonId("per_anna"), customer_id="anna", email="anna@customer.example")


@pytest.fixture
def ses(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    mails.set_up(monkeypatch)
    yield
    clients.forget_clients()


def send(mail: Mail, *, days: float = 0) -> MailOutcome:
    return send_mail(mail, keys=MAIL_KEYS, now=NOON + timedelta(days=days))


def suppress(address: str, reason: SuppressionReason = SuppressionReason.BOUNCE) -> None:
    mark = address_mark(address, key=KEYS.identity)
    suppression = Suppression(reason=reason, since=NOON)
    commit(suppressions.save(Recipient(mark=mark, suppression=suppression)))


def row(message_id: str = "msg_1") -> messages.MessageRow:
    found = messages.find(message_id)
    assert found is not None
    return found


def test_a_mail_leaves_once_however_often_it_is_asked_for() -> None:
    outcomes = [send(a_mail(person=ANNA)) for _ in range(3)]
    assert outcomes == [MailOutcome.SENT, MailOutcome.REPEATED, MailOutcome.REPEATED]
    assert len(delivered()) == 1
    assert row().sent_at == NOON
    assert row().program_id == "tea"


def test_of_sixteen_at_once_one_sends() -> None:
    mail = a_mail(person=ANNA)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: send(mail), range(16)))
    assert outcomes.count(MailOutcome.SENT) == 1
    assert outcomes.count(MailOutcome.REPEATED) == 15
    assert len(delivered()) == 1


@pytest.mark.parametrize("kind", [MessageKind.FRIEND_BOUGHT, MessageKind.REMINDER])
def test_what_one_can_do_without_is_ended_with_one_click(kind: MessageKind) -> None:
    send(a_mail(kind=kind, person=ANNA))
    (mail,) = delivered()
    link = mail["List-Unsubscribe"]
    assert link.startswith(f"<{mails.PORTAL}/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = link.strip("<>").rpartition("/")[2]
    read = portal_links.read_unsubscribe(token, keys=MAIL_KEYS.portal)
    assert read.person_id == "per_anna"
    assert read.purpose is (Purpose.ASK if kind is MessageKind.REMINDER else Purpose.NEWS)


def test_what_is_awaited_leads_to_preferences_and_not_to_one_click() -> None:
    send(a_mail(kind=MessageKind.REWARD_READY, person=ANNA))
    (mail,) = delivered()
    assert mail["List-Unsubscribe"].startswith(f"<{mails.PORTAL}/preferences/")
    assert mail["List-Unsubscribe-Post"] is None


def test_operators_get_no_links() -> None:
    send(a_mail(kind=MessageKind.MAIL_RATE, to="ops@shop.example"))
    (mail,) = delivered()
    assert mail["List-Unsubscribe"] is None
    assert row().person_id == "operator"


def test_mailboxes_are_told_what_a_mail_is_and_never_who_gets_it() -> None:
    send(a_mail(kind=MessageKind.REMINDER, person=ANNA))
    (mail,) = delivered()
    assert mail["Feedback-ID"] == "reminder:tea:sarafan"


def test_the_links_are_given_to_whoever_writes_the_mail() -> None:
    given = list[MailLinks]()

    def write(links: MailLinks) -> RenderedMessage:
        given.append(links)
        return RenderedMessage(subject="x", html="x", text="x")

    send(replace(a_mail(person=ANNA), write=write))
    (links,) = given
    assert links.unsubscribe is not None
    assert links.preferences is not None
    assert "anna@" not in f"{links}"


def test_who_turned_a_purpose_off_gets_none_of_it_and_all_of_the_rest() -> None:
    off = turned_off(Preferences(person_id=ANNA.person_id), Purpose.NEWS, now=NOON)
    commit(preferences.save(off))
    assert send(a_mail("msg_1", person=ANNA)) is MailOutcome.WITHHELD
    assert send(a_mail("msg_2", kind=MessageKind.REMINDER, person=ANNA)) is MailOutcome.SENT
    assert send(a_mail("msg_3", kind=MessageKind.WELCOME, person=ANNA)) is MailOutcome.SENT
    assert row().withheld == "turned_off"
    assert row().sent_at is None


def test_what_was_withheld_is_not_sent_later_and_not_in_doubt() -> None:
    suppress("anna@customer.example")
    assert send(a_mail(person=ANNA)) is MailOutcome.WITHHELD
    assert send(a_mail(person=ANNA)) is MailOutcome.REPEATED
    assert messages.list_in_doubt() == []
    assert delivered() == []


@pytest.mark.parametrize(
    ("reason", "noted"),
    [
        (SuppressionReason.BOUNCE, "bounced"),
        (SuppressionReason.COMPLAINT, "complained"),
        (SuppressionReason.MANUAL, "suppressed"),
    ],
)
def test_nothing_is_sent_to_a_suppressed_address_however_it_is_written(
    reason: SuppressionReason, noted: str
) -> None:
    suppress("anna@customer.example", reason)
    mail = a_mail(kind=MessageKind.WELCOME, to="Anna@CUSTOMER.example", person=ANNA)
    assert send(mail) is MailOutcome.WITHHELD
    assert row().withheld == noted


def test_a_suppressed_address_in_a_cyrillic_domain_is_recognised() -> None:
    suppress("anna@xn--80a1acny.xn--p1ai")
    assert send(a_mail(to="anna@почта.рф", person=ANNA)) is MailOutcome.WITHHELD


def test_what_is_no_address_is_refused_and_noted_without_it() -> None:
    assert send(a_mail(to="anna@localhost", person=ANNA)) is MailOutcome.REFUSED
    assert row().refused == "the recipient is not an e-mail address"
    assert "anna@" not in f"{row().attribute_values}"


def test_nobody_is_asked_twice_in_30_days_by_whichever_program() -> None:
    def ask(number: int, days: float) -> MailOutcome:
        mail = a_mail(f"msg_{number}", kind=MessageKind.REMINDER, person=ANNA)
        return send(mail, days=days)

    assert ask(1, 0) is MailOutcome.SENT
    assert ask(2, 29) is MailOutcome.WITHHELD
    assert ask(3, 30) is MailOutcome.SENT
    assert row("msg_2").withheld == "asked_lately"


def test_of_two_asks_at_once_one_is_sent() -> None:
    asks = [a_mail(f"msg_{n}", kind=MessageKind.REMINDER, person=ANNA) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(send, asks))
    assert outcomes.count(MailOutcome.SENT) == 1
    assert len(preferences.find(ANNA.person_id).asks) == 1


def test_a_mail_that_ses_did_not_take_can_be_tried_again_and_is_one_ask() -> None:
    mail = a_mail(kind=MessageKind.REMINDER, person=ANNA)
    with mails.ses_answers("TooManyRequestsException"), pytest.raises(MailNotSentError):
        send(mail)
    assert messages.find("msg_1") is None
    assert send(mail, days=0.1) is MailOutcome.SENT
    assert len(preferences.find(ANNA.person_id).asks) == 1


def test_a_stopped_account_is_told_as_such_and_nothing_is_lost() -> None:
    with mails.ses_answers("SendingPausedException"), pytest.raises(MailStoppedError):
        send(a_mail(person=ANNA))
    assert send(a_mail(person=ANNA)) is MailOutcome.SENT


def test_a_mail_that_ses_will_never_take_is_noted() -> None:
    with mails.ses_answers("MessageRejected"):
        assert send(a_mail(person=ANNA)) is MailOutcome.REFUSED
    assert row().refused == "MessageRejected"
    assert mail_rates.rates(now=NOON).sent == 0


def test_a_lost_answer_leaves_the_mail_in_doubt_for_ever() -> None:
    events = clients.client("sesv2", attempts=1).meta.events

    def time_out(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://email.example")

    events.register("before-call.sesv2.SendEmail", time_out)
    assert send(a_mail(person=ANNA)) is MailOutcome.IN_DOUBT
    events.unregister("before-call.sesv2.SendEmail", time_out)
    assert send(a_mail(person=ANNA)) is MailOutcome.REPEATED
    assert [each.message_id for each in messages.list_in_doubt()] == ["msg_1"]


def test_a_process_that_dies_anywhere_sends_once_or_leaves_a_doubt() -> None:
    with calls_counted() as made:
        send(a_mail("msg_0", kind=MessageKind.REMINDER, person=ANNA))
    assert made.count("SendEmail") == 1
    for number in range(1, len(made) + 1):
        for is_after in (False, True):
            anna = replace(ANNA, person_id=PersonId(f"per_{number}_{is_after}"))
            message_id = f"msg_{number}_{is_after}"
            mail = a_mail(message_id, kind=MessageKind.REMINDER, person=anna)
            before = len(delivered())
            mail_rates.forget_cached()
            with killed(at_call=number, is_after=is_after), pytest.raises(KilledError):
                send(mail)
            send(mail)
            sent = len(delivered()) - before
            in_doubt = [each.message_id for each in messages.list_in_doubt()]
            assert sent == 1 or (sent == 0 and message_id in in_doubt)


def test_mails_are_counted_by_day_and_brake_what_nobody_waits_for() -> None:
    for day in range(20):
        mail = a_mail(f"msg_{day}", kind=MessageKind.WELCOME, person=ANNA)
        send(mail, days=day)
    assert mail_rates.rates(now=NOON + timedelta(days=19)).sent == 14
    assert next(iter(mail_rates.days(now=NOON + timedelta(days=13)))) == "2026-05-04"


def test_an_ordinary_mail_costs_so_many_calls() -> None:
    send(a_mail("msg_0", kind=MessageKind.WELCOME, person=ANNA))
    with calls_counted() as made:
        send(a_mail(kind=MessageKind.WELCOME, person=ANNA))
    assert made == ["TransactGetItems", "PutItem", "SendEmail", "UpdateItem", "UpdateItem"]


def test_who_is_forgotten_while_a_mail_is_written_gets_none_and_no_ask_is_noted() -> None:
    commit(people.save(forgotten(ANNA, now=NOON)))
    mail = a_mail(kind=MessageKind.REMINDER, person=ANNA)
    assert send(mail) is MailOutcome.WITHHELD
    assert row().withheld == "forgotten"
    assert shop.dump()["preferences"] == []


def test_what_somebody_chose_can_be_forgotten_also_when_they_chose_nothing() -> None:
    commit(
        preferences.save(turned_off(Preferences(person_id=ANNA.person_id), Purpose.NEWS, now=NOON))
    )
    for _ in range(2):
        commit(preferences.delete(ANNA.person_id))
        assert preferences.find(ANNA.person_id) == Preferences(person_id=ANNA.person_id)
