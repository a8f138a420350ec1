"""Messages looked at before anybody gets one: printed, written to a file, sent to oneself."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from referrals import clients
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.programs import MessageText
from referrals.store import messages
from referrals.usecases.apply_program import apply_program
from tests import mails, shop
from tests.shop import NOON

OWN = {
    "en": MessageText(subject="{{ recipient }}, your tea is here", body="Drink, {{ recipient }}.")
}


@pytest.fixture(autouse=True)
def _program(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 400)
    monkeypatch.setenv("MAIL_POSTAL_ADDRESS", "1 Mill Lane, Leeds")
    clients.forget_clients()
    mails.set_up(monkeypatch)
    program = replace(shop.a_program(), shop_name="Tea for two", texts={"welcome": OWN})
    apply_program(program, now=NOON)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["message", *arguments, "--program", "tea"])


def test_a_message_is_printed_with_made_up_values() -> None:
    shown = run("preview", "reward_ready").output
    assert "Subject: €10 of credit, added for you" in shown
    assert "Thank you for telling Boris about us." in shown
    assert "Tea for two, 1 Mill Lane, Leeds" in shown


def test_it_is_printed_in_the_language_that_is_asked_for() -> None:
    assert (
        "Subject: 10\xa0€ уже на вашем счёте"
        in run("preview", "reward_ready", "--locale", "ru").output
    )


def test_it_says_what_the_program_says_in_its_own_words() -> None:
    shown = run("preview", "welcome").output
    assert "Subject: Anna, your tea is here" in shown
    assert "Drink, Anna." in shown


def test_its_html_part_is_written_to_a_file(tmp_path: Path) -> None:
    page = tmp_path / "welcome.html"
    assert f"the HTML part is in {page}" in run("preview", "welcome", "--html", str(page)).output
    assert "Drink, Anna." in page.read_text(encoding="utf-8")


def test_another_sample_of_a_kind_is_shown_by_its_name() -> None:
    shown = run("preview", "reward_ready", "--values", "reward_ready_coupon").output
    assert "Your coupon code: THANKS-7XK2" in shown


def test_a_sample_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    refused = run("preview", "details_needed", "--values", "nothing")
    assert refused.exit_code == 1
    assert "details_needed has the samples details_needed, details_needed_cash" in refused.output


def test_a_kind_that_there_is_not_is_refused() -> None:
    assert run("preview", "nonsense").exit_code == 2


def test_a_message_is_sent_to_oneself_as_often_as_one_likes() -> None:
    for _ in range(2):
        assert run("send-test", "reward_ready", "--to", "olga@shop.example").output == "sent\n"
    assert [mail["Subject"] for mail in mails.delivered()] == [
        "[test] €10 of credit, added for you"
    ] * 2
    assert mails.delivered()[0]["To"] == "olga@shop.example"
    assert list(messages.list_in_doubt()) == []


def test_what_is_no_address_is_refused_in_a_line() -> None:
    refused = run("send-test", "welcome", "--to", "nobody")
    assert refused.exit_code == 1
    assert "not sent: the recipient is not an e-mail address" in refused.output
