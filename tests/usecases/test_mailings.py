"""What nobody's doing calls for: reminders over a year, months summed up, rewards that expire."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.local import engine
from infra.local.cloud import LocalCloud, Mail, forget_caches
from referrals import settings
from referrals.clients import client
from referrals.domain.details import PayeeDetails
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.landings import ProgramStatus
from referrals.domain.message_kinds import MessageKind, Purpose
from referrals.domain.payouts import PayoutTerms
from referrals.domain.preferences import Preferences, turned_off
from referrals.domain.programs import Experiment, Program, ReminderTerms
from referrals.domain.reports import CustomerDetails, EnrolmentReport
from referrals.domain.rules import RewardKind
from referrals.notify import mailings
from referrals.notify.mailings import Mailing, MalformedMailingError
from referrals.store import details, events, people, preferences
from referrals.store.counters import CounterRow
from referrals.store.transactions import commit
from referrals.usecases.announce_event import announce_event
from referrals.usecases.apply_program import apply_program
from referrals.usecases.enrol_advocate import enrol_advocate
from referrals.usecases.forget_person import forget_person
from referrals.usecases.queue_mailings import queue_mailings
from referrals.usecases.send_mailing import send_mailing
from referrals.usecases.worths import worth_that_lapses
from tests import shop
from tests.factories import a_reward
from tests.shop import (
    ADVOCATE_TENTH,
    KEYS,
    MAIL_KEYS,
    NOON,
    TEA,
    buy,
    enrol,
    give_back,
    sign_up,
)

COFFEE = ProgramId("coffee")
DAY = timedelta(days=1)
A_REMINDER = "Do you know somebody who would like Samovar?"
LAPSES = "Your reward waits for you until June\xa03,\xa02026"
CASH = replace(
    ADVOCATE_TENTH,
    rule_id="cash",
    kind=RewardKind.CASH,
    hold_days=0,
    expires_after_days=30,
)
JUNE = datetime.fromisoformat("2026-06-01T09:00+00:00")


@pytest.fixture(scope="module")
def standing_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(apps=[]) as started:
        yield started


@pytest.fixture(scope="module")
def empty_tables(standing_cloud: LocalCloud) -> Any:
    return engine.copied_tables()


class Post:
    """The mails that came since the test began."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud, self._before = cloud, len(cloud.mails())

    @property
    def mails(self) -> list[Mail]:
        return self._cloud.mails()[self._before :]

    @property
    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.mails]


@pytest.fixture
def post(standing_cloud: LocalCloud, empty_tables: Any) -> Post:
    """Give a cloud in which nothing has happened yet."""
    engine.put_tables(empty_tables)
    forget_caches()
    return Post(standing_cloud)


def anna() -> PersonId:
    return person_id("anna", key=KEYS.identity)


def a_program(program_id: ProgramId = TEA) -> Program:
    return shop.a_program(program_id=program_id, rules=[ADVOCATE_TENTH])


def applied(program: Program) -> None:
    apply_program(program, now=NOON)
    forget_caches()


def enrolled_in_coffee(now: datetime) -> None:
    report = EnrolmentReport(
        program_id=COFFEE,
        customer=CustomerDetails(customer_id="anna", email="anna@customer.example"),
        code="COFFEE10",
    )
    enrol_advocate(report, keys=KEYS, now=now)


def morning(now: datetime) -> list[Mailing]:
    """Queue what is to be queued, and send all of it; gives what was queued."""
    queue_mailings(now=now)
    queued = list(_taken())
    for mailing in queued:
        send_mailing(mailing, keys=MAIL_KEYS, now=now)
    return queued


def _taken() -> Iterator[Mailing]:
    url, sqs = settings.mailing_queue_url(), client("sqs")
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield mailings.read(message["Body"])


def announce_all() -> None:
    for happened in events.iter_all():
        announce_event(happened, keys=MAIL_KEYS, now=NOON)


# reminders


def test_over_a_year_reminders_space_out_stop_and_begin_anew_when_a_friend_came(
    post: Post,
) -> None:
    applied(a_program())
    enrol("anna", code="ANNA10")
    days = []
    for day in range(365):
        if day == 200:
            came = NOON + day * DAY
            sign_up(codes=["ANNA10"], occurred_at=came, now=came)
        before = len(post.mails)
        morning(NOON + day * DAY)
        days += [day] * len([each for each in post.subjects[before:] if each == A_REMINDER])
    assert days == [14, 49, 133, 214, 249, 333]


def test_who_shares_in_two_programs_is_asked_by_one_of_them_in_thirty_days(post: Post) -> None:
    applied(a_program())
    applied(replace(a_program(COFFEE), shop_name="Coffee House"))
    enrol("anna", code="ANNA10")
    enrolled_in_coffee(NOON + 5 * DAY)
    days = []
    for day in range(150):
        before = len(post.mails)
        morning(NOON + day * DAY)
        days += [
            (day, "coffee" if "Coffee" in subject else "tea") for subject in post.subjects[before:]
        ]
    # each time coffee's day is five days after tea's, and too soon for a whole week
    assert days == [(14, "tea"), (49, "tea"), (133, "tea")]


def _paused() -> Program:
    program = a_program()
    return replace(program, landing=replace(program.landing, status=ProgramStatus.PAUSED))


@pytest.mark.parametrize(
    "program",
    [
        _paused(),
        replace(a_program(), silent_messages=("reminder",)),
        replace(a_program(), reminders=ReminderTerms(after_days=())),
        replace(a_program(), experiment=Experiment(name="all", holdout_bps=10_000)),
    ],
    ids=["paused", "silent", "never", "holdout"],
)
def test_terms_that_do_not_ask_remind_nobody(post: Post, program: Program) -> None:
    applied(a_program())
    enrol("anna", code="ANNA10")
    applied(program)
    morning(NOON + 14 * DAY)
    assert post.subjects == []


def test_who_was_forgotten_has_no_address_or_wants_none_is_not_reminded(post: Post) -> None:
    applied(a_program())
    for name in ("anna", "boris", "clara"):
        enrol(name)
    forget_person("anna", keys=KEYS, now=NOON)
    boris = people.find(person_id("boris", key=KEYS.identity))
    assert boris is not None
    clara = Preferences(person_id=person_id("clara", key=KEYS.identity))
    commit(
        people.save(replace(boris, email=None)),
        preferences.save(turned_off(clara, Purpose.ASK, now=NOON)),
    )
    morning(NOON + 14 * DAY)
    assert post.subjects == []


def test_a_reminder_that_is_queued_twice_is_sent_once(post: Post) -> None:
    applied(a_program())
    enrol("anna", code="ANNA10")
    for hours in (0, 1, 24):
        morning(NOON + 14 * DAY + timedelta(hours=hours))
    assert post.subjects == [A_REMINDER]


def test_who_brings_a_friend_between_queue_and_mail_is_not_reminded(post: Post) -> None:
    applied(a_program())
    enrol("anna", code="ANNA10")
    today = NOON + 14 * DAY
    queue_mailings(now=today)
    (queued,) = _taken()
    sign_up(codes=["ANNA10"], occurred_at=today, now=today)
    assert send_mailing(queued, keys=MAIL_KEYS, now=today) is None
    assert post.subjects == []


def test_a_reminder_says_what_a_recommendation_brings(post: Post) -> None:
    applied(a_program())
    enrol("anna", code="ANNA10")
    morning(NOON + 14 * DAY)
    (mail,) = post.mails
    assert "10% of the order as credit" in mail.text.replace("\xa0", " ").replace("\n", " ")
    assert "/r/ANNA10" in mail.text
    assert "List-Unsubscribe" in mail.headers


# summaries


def a_month() -> None:
    """Let two friends come in May and one in June, and order twice and once and once."""
    applied(a_program())
    enrol("anna", code="ANNA10")
    for friend, at in (("boris", NOON), ("clara", NOON + DAY), ("dora", JUNE)):
        sign_up(friend, codes=["ANNA10"], occurred_at=at, now=at)
    for friend, order_id, at in (
        ("boris", "A-1", NOON),
        ("boris", "A-2", NOON + 2 * DAY),
        ("clara", "A-3", NOON + 3 * DAY),
        ("dora", "A-4", JUNE),
    ):
        buy(friend, order_id=order_id, occurred_at=at, now=at)
    give_back(order_id="A-3", occurred_at=NOON + 4 * DAY, now=NOON + 4 * DAY)
    for day, clicks in (("2026-05-04#email", 7), ("2026-05-31#link", 5), ("2026-06-01#link", 9)):
        CounterRow(subject="code#ANNA10", bucket=day, clicks=clicks, repeats=1).save()
    announce_all()
    announce_all()


def summaries(post: Post) -> list[Mail]:
    return [mail for mail in post.mails if "in numbers" in mail.subject]


def test_a_month_is_summed_up_with_the_numbers_of_that_month(post: Post) -> None:
    a_month()
    shop.fulfil_all("anna", now=NOON + 18 * DAY)
    morning(JUNE)
    (mail,) = summaries(post)
    lines = [line.strip() for line in mail.text.replace("\xa0", " ").splitlines()]
    text = " ".join(lines)
    assert "May\xa02026" in mail.subject
    assert "Your link was followed 12 times." in text
    assert "2 friends signed up." in text
    assert "3 orders were placed." in text
    # 5 + 5 + 4 after a refund of a fifth; of June's order nothing
    assert "€14" in text


def test_a_month_is_summed_up_once_on_its_first_days_and_not_later(post: Post) -> None:
    a_month()
    for days in (0, 1, 2, 3, 20):
        morning(JUNE + days * DAY)
    assert [mail.subject for mail in summaries(post)] == [
        "Your recommendations in numbers: May\xa02026"
    ]


def test_a_day_that_was_missed_is_made_up_for(post: Post) -> None:
    a_month()
    morning(JUNE + 2 * DAY)
    assert len(summaries(post)) == 1


def test_who_had_nothing_happen_hears_nothing(post: Post) -> None:
    applied(a_program())
    enrol("anna", code="ANNA10")
    morning(JUNE)
    assert post.subjects == []


# rewards that expire


def cash_that_waits(**terms: Any) -> datetime:
    """Let Anna have cash that nobody can send; gives when it lapses."""
    applied(replace(shop.a_program(rules=[CASH]), reminders=ReminderTerms(after_days=()), **terms))
    enrol("anna", code="ANNA10")
    buy(codes=["ANNA10"])
    shop.fulfil_all("anna", now=NOON)
    return NOON + 30 * DAY


def test_a_reward_that_expires_is_told_of_once_within_its_last_week(post: Post) -> None:
    end = cash_that_waits()
    days = []
    for day in range(12, -2, -1):
        before = len(post.mails)
        morning(end - day * DAY)
        days += [day] * len([each for each in post.subjects[before:] if each == LAPSES])
    assert days == [7]


def test_it_says_what_is_missing_and_leads_to_the_form(post: Post) -> None:
    end = cash_that_waits(payouts=PayoutTerms(minimum_minor=2_000))
    morning(end - 3 * DAY)
    (mail,) = post.mails
    assert "whom to pay" in mail.text
    assert "/details/" in mail.text


def test_cash_below_the_minimum_says_what_is_missing_to_it(post: Post) -> None:
    end = cash_that_waits(payouts=PayoutTerms(minimum_minor=2_000))
    payee = PayeeDetails(person_id=anna(), name="Anna", iban="DE89370400440532013000")
    commit(details.save_payee(payee))
    morning(end - 3 * DAY)
    (mail,) = post.mails
    assert "€20" in mail.text


def cash_without_an_account() -> None:
    """Let Anna have cash that does not lapse, and be asked for an account."""
    cash = replace(CASH, expires_after_days=None)
    terms = ReminderTerms(after_days=())
    program = replace(shop.a_program(rules=[cash]), payouts=PayoutTerms(), reminders=terms)
    applied(program)
    enrol("anna", code="ANNA10")
    buy(codes=["ANNA10"])
    shop.fulfil_all("anna", now=NOON)
    announce_all()


def days_asked(post: Post) -> list[int]:
    days = []
    for day in range(200):
        before = len(post.mails)
        morning(NOON + day * DAY)
        days += [day] * post.subjects[before:].count("Where may we send your €5?")
    return days


def test_an_account_that_nobody_gave_is_asked_for_again_on_three_firsts_of_a_month(
    post: Post,
) -> None:
    cash_without_an_account()
    assert post.subjects.count("Where may we send your €5?") == 1
    assert days_asked(post) == [28, 58, 89]


def test_who_gave_an_account_is_not_asked_again(post: Post) -> None:
    cash_without_an_account()
    payee = PayeeDetails(person_id=anna(), name="Anna", iban="DE89370400440532013000")
    commit(details.save_payee(payee))
    assert days_asked(post) == []


def test_a_reward_that_went_out_meanwhile_is_not_warned_of(post: Post) -> None:
    end = cash_that_waits()
    queue_mailings(now=end - 3 * DAY)
    (queued,) = _taken()
    give_back(amount_minor=5_000)
    assert send_mailing(queued, keys=MAIL_KEYS, now=end - 3 * DAY) is None
    assert post.subjects == []


# the queue


def test_a_mailing_is_read_as_it_was_written() -> None:
    summary = Mailing(
        kind=MessageKind.MONTHLY_SUMMARY, program_id=TEA, person_id=anna(), month="2026-05"
    )
    assert mailings.read(mailings.written(summary)) == summary


@pytest.mark.parametrize("body", ["", "[]", "{}", "1", '{"kind": "sale"}', '{"kind": "reminder"}'])
def test_what_names_nothing_to_write_about_is_refused(body: str) -> None:
    with pytest.raises(MalformedMailingError):
        mailings.read(body)


def test_what_was_paid_too_much_is_not_said_to_lapse_with_a_reward() -> None:
    assert worth_that_lapses(a_reward(netted_minor=-400)).amount_minor == 1_000
    assert worth_that_lapses(a_reward(netted_minor=400)).amount_minor == 600
