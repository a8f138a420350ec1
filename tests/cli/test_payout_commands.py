"""Payouts from the command line."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.local.cloud import forget_caches
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.details import PayeeDetails
from referrals.domain.dispatches import Dispatch, DispatchState
from referrals.domain.ids import RewardId, person_id
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.people import Person
from referrals.domain.programs import PartnerTerms
from referrals.domain.rules import RewardKind
from referrals.runtime import clock
from referrals.store import details, dispatches, people
from referrals.store.transactions import commit
from referrals.usecases.advance_dispatch import advance_dispatch
from referrals.usecases.apply_program import apply_program
from referrals.usecases.fulfil_reward import fulfil_reward
from referrals.usecases.start_payouts import start_payouts
from tests import shop
from tests.payers import Payer, order_for
from tests.promises import key_of, promise
from tests.shop import KEYS, NOON

ANNA = person_id("anna", key=KEYS.identity)
TERMS = PayoutTerms(every=PayoutSchedule.MONTHLY, on_day=1)
IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def _shop(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Anna have twelve euro in cash and an account, and let no line be broken."""
    monkeypatch.setattr(out, "_width", 240)
    apply_program(replace(shop.a_program(), payouts=TERMS), now=NOON)
    commit(people.save(Person(person_id=ANNA, customer_id="anna", email="a@customer.example")))
    commit(details.save_payee(PayeeDetails(person_id=ANNA, name="=Anna", iban=IBAN)))
    promise(RewardId("rwd_1"), owner_id=ANNA, amount_minor=1_200, now=NOON)


def run(*arguments: str, days: int = 0) -> Result:
    clock.set_source(lambda: NOON + timedelta(days=days))
    return CliRunner().invoke(app, ["payouts", *arguments])


def payout() -> Dispatch:
    (only,) = dispatches.iter_all()
    return only


def test_a_program_is_paid_out_when_somebody_says_so() -> None:
    assert "1 payouts reserved" in run("run", "tea").output
    shown = run("list").output
    assert payout().dispatch_id in shown
    assert "12.00 EUR" in shown
    assert "0 payouts reserved" in run("run", "tea").output


def test_what_a_partner_who_left_the_terms_was_to_be_asked_for_is_still_listed() -> None:
    partners = {"cinema": PartnerTerms(url="https://cinema.example/codes")}
    apply_program(replace(shop.a_program(), partners=partners, version=2), now=NOON)
    code = promise(
        RewardId("rwd_2"),
        owner_id=ANNA,
        amount_minor=900,
        kind=RewardKind.PARTNER,
        partner="cinema",
        now=NOON,
    )
    fulfil_reward(key_of(code), now=NOON)
    apply_program(replace(shop.a_program(), version=3), now=NOON)
    forget_caches()
    assert "partner:cinema" in run("list").output


def test_a_file_for_the_bank_is_written_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    run("run", "tea")
    file = tmp_path / "payouts.csv"
    assert "1 payouts in" in run("export", str(file)).output
    assert f"'=Anna,{IBAN},12.00,EUR" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert run("export", str(file)).exit_code == 1
    assert "0 payouts in" in run("export", str(tmp_path / "more.csv"), days=1).output


def test_a_file_that_was_lost_is_written_again_by_its_moment_and_no_other(tmp_path: Path) -> None:
    run("run", "tea")
    moment = "2026-05-04T12:00:00.000000"
    assert f"this is the file of {moment}" in run("export", str(tmp_path / "lost.csv")).output
    assert f"in the file of {moment}" in run("show", payout().dispatch_id).output
    again = ("--again", moment)
    assert "1 payouts in" in run("export", str(tmp_path / "same.csv"), *again, days=7).output
    other = ("--again", "2026-05-04T12:00:00.000001")
    assert "0 payouts in" in run("export", str(tmp_path / "other.csv"), *other).output


def test_nothing_is_marked_when_the_file_cannot_be_written(tmp_path: Path) -> None:
    run("run", "tea")
    assert run("export", str(tmp_path / "nowhere" / "payouts.csv")).exit_code == 1
    assert payout().state is DispatchState.RESERVED


def test_what_cannot_be_in_the_file_is_named(tmp_path: Path) -> None:
    run("run", "tea")
    payee = details.find_payee(ANNA)
    assert payee is not None
    commit(details.save_payee(replace(payee, iban="DE00")))
    shown = run("export", str(tmp_path / "payouts.csv")).output
    assert f"{payout().dispatch_id} is left out: the IBAN is none" in shown


def test_a_payout_is_confirmed_with_its_reference_and_shown() -> None:
    run("run", "tea")
    said = ("--reference", "booking 7", "--actor", "olga")
    assert "is settled" in run("confirm", payout().dispatch_id, *said).output
    shown = run("show", payout().dispatch_id).output
    for part in ("12.00 EUR by bank, settled", "reference booking 7", "decided by olga", "rwd_1"):
        assert part in shown
    assert payout().dispatch_id not in run("list").output
    assert payout().dispatch_id in run("list", "--all", "--provider", "bank").output


def test_a_payout_that_came_back_is_released() -> None:
    run("run", "tea")
    said = ("--reason", "account closed", "--actor", "olga")
    assert "is released" in run("return", payout().dispatch_id, *said).output
    again = run("confirm", payout().dispatch_id, "--reference", "7", "--actor", "olga")
    assert again.exit_code == 1
    assert "1 payouts reserved" in run("run", "tea", days=1).output


def test_money_that_arrived_and_came_back_waits_for_another_account() -> None:
    run("run", "tea")
    said = ("--reason", "account closed", "--actor", "olga")
    early = run("came-back", payout().dispatch_id, *said)
    assert early.exit_code == 1
    assert "cannot go from reserved to returned" in early.output
    run("confirm", payout().dispatch_id, "--reference", "booking 7", "--actor", "olga")
    assert "is returned" in run("came-back", payout().dispatch_id, *said).output
    assert "because: account closed" in run("show", payout().dispatch_id).output
    assert "of 1 nobody knows where to send it" in run("run", "tea", days=1).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "pay_no"),
        ("came-back", "pay_no", "--reason", "lost", "--actor", "olga"),
        ("confirm", "pay_no", "--reference", "7", "--actor", "olga"),
        ("return", "pay_no", "--reason", "lost", "--actor", "olga"),
        ("resolve", "dif_no", "--note", "known", "--actor", "olga"),
    ],
    ids=lambda each: each[0],
)
def test_what_does_not_exist_is_said_and_nothing_happens(arguments: tuple[str, ...]) -> None:
    answer = run(*arguments)
    assert answer.exit_code == 1
    assert "_no" in answer.output


def test_an_open_difference_stops_a_run_until_somebody_resolves_it() -> None:
    terms = replace(TERMS, provider=PayoutProvider.TREMENDOUS, products=("A",))
    program = replace(shop.a_program(), payouts=terms, version=2)
    apply_program(program, now=NOON)
    start_payouts(now=NOON, only=program.program_id)
    payer = Payer(answers=[order_for(payout(), amount_minor=1_300)])
    advance_dispatch(payout().dispatch_id, providers=payer, now=NOON)
    shown = run("differences").output
    assert "12.00 EUR" in shown
    assert "13.00 EUR" in shown
    assert run("run", "tea", days=1).exit_code == 1
    difference = next(word for word in shown.split() if word.startswith("dif_"))
    said = ("--note", "their mistake", "--actor", "olga")
    assert "resolved by olga" in run("resolve", difference, *said).output
    assert difference not in run("differences").output
    assert "olga: their mistake" in run("differences", "--all").output
    assert run("run", "tea", days=1).exit_code == 0
