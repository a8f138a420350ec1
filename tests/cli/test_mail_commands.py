"""What became of messages, rates, suppressed addresses and consent, from the command line."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner, Result

from referrals import clients, settings
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.ids import person_id
from referrals.domain.suppressions import Feedback, FeedbackKind
from referrals.runtime import clock
from referrals.store import mail_rates, messages, people
from referrals.store.transactions import commit
from referrals.usecases.record_mail_feedback import record_mail_feedback
from tests import shop
from tests.shop import KEYS, NOON

ADDRESS = "anna@customer.example"
ANNA = person_id("anna", key=KEYS.identity)


@pytest.fixture(autouse=True)
def _shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Anna be an advocate who was written to."""
    monkeypatch.setattr(out, "_width", 200)
    secret: Any = boto3.client("secretsmanager")
    content = json.dumps({"current": KEYS.identity.decode()})
    secret.create_secret(Name=settings.table_name("identity-key"), SecretString=content)
    shop.open_shop()
    messages.claim("msg_1", kind="welcome", person_id=ANNA, now=NOON)
    messages.mark_sent("msg_1", now=NOON)
    messages.claim("msg_2", kind="reminder", person_id=ANNA, now=NOON, withheld="turned_off")
    messages.claim("msg_3", kind="welcome", person_id="per_boris", now=NOON)


def run(*arguments: str) -> Result:
    clock.set_source(lambda: NOON)
    return CliRunner().invoke(app, arguments)


def feedback(number: int, kind: FeedbackKind, message_id: str | None = None) -> None:
    told = Feedback(
        feedback_id=f"f{number}",
        kind=kind,
        addresses=(ADDRESS,),
        detail="Complaint/abuse",
        occurred_at=NOON,
        message_id=message_id,
    )
    record_mail_feedback(told, identity=KEYS.identity, now=NOON)


def test_what_became_of_a_message_is_shown_with_what_came_back() -> None:
    feedback(1, FeedbackKind.COMPLAINT, "msg_1")
    shown = run("messages", "show", "msg_1").output
    assert shown == (
        f"msg_1 welcome to {ANNA}, claimed 2026-05-04 12:00:00 UTC, sent, "
        "came back: Complaint/abuse\n"
    )
    assert "in doubt" in run("messages", "show", "msg_3").output
    assert run("messages", "show", "msg_9").exit_code == 1


def test_the_messages_of_a_customer_are_listed_with_those_that_were_withheld() -> None:
    lines = run("messages", "list", "anna").output.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["msg_1", "msg_2"]
    assert lines[1].endswith("withheld: turned_off")


def test_the_rates_say_whether_they_brake() -> None:
    mail_rates.count_sent(now=NOON)
    assert "no brake" in run("messages", "rates").output
    for number in range(3):
        feedback(number, FeedbackKind.COMPLAINT)
    shown = run("messages", "rates").output
    assert "3 (300.00 %)" in shown
    assert "braked for the complaint rate: only what is awaited is sent" in shown


def test_an_address_is_suppressed_by_hand_and_lifted_again() -> None:
    assert "is written to" in run("messages", "suppressed", ADDRESS).output
    done = run("messages", "suppress", ADDRESS, "--because", "asked by telephone")
    assert done.output == "nothing more is sent there\n"
    again = run("messages", "suppress", ADDRESS, "--because", "asked again")
    assert again.output == "was suppressed before\n"
    shown = run("messages", "suppressed", "Anna@Customer.example").output
    assert shown == "suppressed since 2026-05-04: manual asked by telephone\n"
    with Stubber(clients.client("sesv2")) as ses:
        ses.add_response("delete_suppressed_destination", {}, {"EmailAddress": ADDRESS})
        assert run("messages", "lift", ADDRESS).output == "is written to again\n"
    with Stubber(clients.client("sesv2")) as ses:
        ses.add_client_error("delete_suppressed_destination", "NotFoundException")
        assert run("messages", "lift", ADDRESS).output == "was written to all the time\n"


def test_what_is_no_address_is_said_without_a_traceback() -> None:
    for command in (("suppressed",), ("suppress", "--because", "x"), ("lift",)):
        done = run("messages", *command, "no address")
        assert done.exit_code == 1
        assert "is not an e-mail address" in done.output


def test_consent_is_noted_shown_and_withdrawn() -> None:
    agree = ("sms", "agree", "anna", "--wording", "Text me", "--source", "a call")
    assert run(*agree).exit_code == 1
    person = people.find(ANNA)
    assert person is not None
    commit(people.save(replace(person, phone="+4915112345678")))
    assert run("sms", "show", "anna").exit_code == 1
    assert run(*agree).output == "noted\n"
    assert run("sms", "show", "anna").output == 'agreed on 2026-05-04 at a call to "Text me"\n'
    assert run("sms", "withdraw", "anna").output == "no more text messages\n"
    assert "withdrawn on 2026-05-04" in run("sms", "show", "anna").output
    assert run("sms", "month").output == "0 text messages this month\n"
