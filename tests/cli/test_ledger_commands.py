"""The ledger from the command line: verified, exported, shown, with and without AWS."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from infra.local import templates
from infra.manifest import ROOT
from referrals import settings
from referrals.cli import statements
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.domain.exports import verify_export
from referrals.domain.ledger import read_journal
from referrals.domain.statements import Statement, statement_of
from referrals.runtime import clock
from referrals.usecases.seal_day import seal_finished_days
from tests import shop
from tests.conftest import PREFIX
from tests.domain.books import Books, promised
from tests.factories import ANNA
from tests.shop import LATER, NOON, a_click_of, buy, give_back, sign_up

NIGHT = LATER + timedelta(hours=12, minutes=15)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line be broken, however wide the terminal is."""
    monkeypatch.setattr(out, "_width", 200)


def run(*arguments: str) -> Result:
    clock.set_source(lambda: NIGHT)
    return CliRunner().invoke(app, ["ledger", *arguments])


@pytest.fixture
def deployment(tables: None) -> None:
    """Give a shop whose order was refunded in part after the reward was handed over, and sealed."""
    state = templates.read(templates.INFRA / "state.yaml")
    templates.Stack(state, {"Prefix": PREFIX}).ref("RootKeyAlias")
    secret: Any = boto3.client("secretsmanager")
    content = json.dumps({"current": shop.KEYS.identity.decode()})
    secret.create_secret(Name=settings.table_name("identity-key"), SecretString=content)
    shop.open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    shop.fulfil_all("anna", now=LATER)
    give_back(now=LATER)
    seal_finished_days(now=NOON + timedelta(hours=12, minutes=15))
    seal_finished_days(now=NIGHT)


@pytest.fixture
def export(deployment: None, tmp_path: Path) -> Path:
    file = tmp_path / "export.jsonl"
    assert run("export", str(file)).exit_code == 0
    return file


@pytest.fixture
def public_key(deployment: None, tmp_path: Path) -> Path:
    file = tmp_path / "ledger.pem"
    file.write_text(run("public-key").output)
    return file


def test_the_deployment_is_verified_with_its_signatures(deployment: None) -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert "16 days sealed, until 2026-05-19" in result.output
    assert "5 journals, 2 balances: sound" in result.output


def test_an_export_is_verified_where_there_is_no_aws_at_all(export: Path, public_key: Path) -> None:
    command = [sys.executable, "-c", "from referrals.cli.main import main; main()"]
    verified = subprocess.run(  # noqa: S603 - this interpreter, with arguments of our own
        [*command, "ledger", "verify", str(export), "--public-key", str(public_key)],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "layers" / "referrals" / "python"),
            # whoever asks a service would have to go through here
            "HTTPS_PROXY": "http://127.0.0.1:1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    assert "5 journals, 2 balances: sound" in verified.stdout


def test_a_key_that_is_only_in_the_file_is_pointed_out(export: Path) -> None:
    result = run("verify", str(export))
    assert result.exit_code == 0
    assert "with the key in the file itself" in result.output


def test_an_export_is_not_verified_by_another_key(export: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = tmp_path / "other.pem"
    pem.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    result = run("verify", str(export), "--public-key", str(pem))
    assert result.exit_code == 1
    assert "the root of 2026-05-19 is not signed by the key of this ledger" in result.output


def test_a_changed_export_is_named_with_status_1(export: Path) -> None:
    content = export.read_bytes()
    export.write_bytes(content.replace(b"hold:", b"gold:", 1))
    result = run("verify", str(export))
    assert result.exit_code == 1
    assert "was changed: its digest differs" in result.output


def test_an_export_that_was_cut_is_not_sound(export: Path) -> None:
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[:-1]))
    result = run("verify", str(export))
    assert (result.exit_code, "the file is cut" in result.output) == (1, True)


def test_a_file_that_is_no_export_is_refused_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text("{}\n")
    result = run("verify", str(file))
    assert result.exit_code == 1
    assert "the first line is not that of an export" in result.output


def test_a_file_that_is_no_key_is_refused_in_a_line(export: Path, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("no key")
    result = run("verify", str(export), "--public-key", str(file))
    assert (result.exit_code, "not the public key" in result.output) == (1, True)


def test_some_days_are_exported_and_verified_by_themselves(
    deployment: None, tmp_path: Path, public_key: Path
) -> None:
    file = tmp_path / "may.jsonl"
    run("export", str(file), "--since", "2026-05-10", "--until", "2026-05-19")
    kinds = [line.split('"')[5] for line in file.read_text().splitlines()]
    assert (kinds.count("journal"), kinds.count("balance"), kinds.count("root")) == (3, 0, 10)
    assert run("verify", str(file), "--public-key", str(public_key)).exit_code == 0


def test_an_export_never_overwrites_a_file(export: Path) -> None:
    before = export.read_bytes()
    result = run("export", str(export))
    assert (result.exit_code, "is there already" in result.output) == (1, True)
    assert export.read_bytes() == before


def test_an_export_has_no_personal_data(export: Path) -> None:
    text = export.read_text()
    for name in ("boris", "customer.example", "@"):
        assert name not in text.lower()


def statement(*arguments: str) -> str:
    result = run("statement", "anna", "--program", "tea", *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_statement_says_what_happened_and_what_was_left(deployment: None) -> None:
    rows = [line for line in statement().splitlines() if "2026-05-" in line]
    assert [row.split("│")[2].strip().split(":")[0] for row in rows] == [
        "Earned",
        "Hold ended",
        "Handed over",
        "Taken back",
    ]
    assert "5.00 EUR" in rows[0]
    assert "-1.00 EUR" in rows[3]


def test_a_statement_as_json_has_each_change_and_balance_in_minor_units(deployment: None) -> None:
    content = json.loads(statement("--format", "json"))
    assert (content["customer_id"], content["is_whole"]) == ("anna", True)
    assert [line["changes"] for line in content["lines"]] == [
        {"held_minor": 500},
        {"held_minor": -500, "available_minor": 500},
        {"available_minor": -500, "credit_minor": 500},
        {"debt_minor": -100},
    ]
    assert content["closing"] == [
        {
            "unit": "EUR",
            "held_minor": 0,
            "available_minor": 0,
            "credit_minor": 500,
            "paid_minor": 0,
            "debt_minor": -100,
        }
    ]


def test_a_statement_as_csv_is_written_to_a_file(deployment: None, tmp_path: Path) -> None:
    file = tmp_path / "anna.csv"
    statement("--format", "csv", "--output", str(file))
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [row["held_minor"] for row in rows] == ["500", "0", "0", "0"]
    assert rows[-1]["debt_change_minor"] == "-100"


def test_no_cell_of_a_csv_is_a_formula() -> None:
    books = Books()
    books.book('=HYPERLINK("http://evil.example"):x', promised(ANNA, 500))
    books.book("@SUM(A1):x", promised(ANNA, 500))
    shown = statements.as_csv(_statement_of(books))
    cells = [cell for row in csv.reader(io.StringIO(shown)) for cell in row]
    assert '\'=HYPERLINK("http://evil.example"):x' in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def test_a_page_has_every_line_no_script_and_nothing_from_elsewhere(deployment: None) -> None:
    page = statement("--format", "html")
    assert page.startswith("<!doctype html>")
    assert page.count("<tr>") == 1 + 4
    assert "owed back \N{MINUS SIGN}1.00" in page
    for forbidden in ("<script", "http://", "https://", "url("):
        assert forbidden not in page


def test_a_page_shows_markup_as_what_it_is() -> None:
    books = Books()
    books.book("<b>bold</b>:x", promised(ANNA, 500))
    page = statements.as_html(_statement_of(books), customer_id="<i>anna", now=NOON)
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "&lt;i&gt;anna" in page
    assert "<i>anna" not in page


def test_a_page_of_the_newest_lines_begins_with_what_was_there_before(deployment: None) -> None:
    page = statement("--format", "html", "--most", "1")
    assert page.count("<tr>") == 1 + 1
    assert "Before" in page


def _statement_of(books: Books) -> Statement:
    journals = [read_journal(text) for text, _ in reversed(books.journals)]
    return statement_of(books.balances[ANNA], journals)


def test_a_friend_has_a_statement_and_a_stranger_has_none(deployment: None) -> None:
    assert run("statement", "boris", "--program", "tea").exit_code == 0
    stranger = run("statement", "ivan", "--program", "tea")
    assert (stranger.exit_code, "nobody with this id" in stranger.output) == (1, True)


def test_an_advocate_who_has_earned_nothing_has_an_empty_statement(deployment: None) -> None:
    result = run("statement", "clara", "--program", "tea", "--format", "json")
    assert json.loads(result.output)["lines"] == []


def test_a_statement_over_a_changed_journal_names_it(deployment: None) -> None:
    client: Any = boto3.client("dynamodb")
    name = settings.table_name("journals")
    (item,) = [
        item for item in client.scan(TableName=name)["Items"] if "fulfilment:" in item["body"]["S"]
    ]
    changed = {**item, "body": {"S": item["body"]["S"].replace("500", "900")}}
    client.put_item(TableName=name, Item=changed)
    result = run("statement", "anna", "--program", "tea")
    assert result.exit_code == 1
    assert f"breaks at journal {item['journal_id']['S']}" in result.output


def test_a_trial_balance_comes_to_the_same_on_both_sides(deployment: None) -> None:
    output = run("trial-balance").output
    (total,) = [line for line in output.splitlines() if "all in EUR" in line]
    debit, credit = [cell.strip() for cell in total.split("│")[2:4]]
    assert debit == credit != "0.00 EUR"
    assert "people:tea:credit" in output


def test_a_trial_balance_of_a_program_leaves_others_out(deployment: None) -> None:
    assert "program:tea:expense" in run("trial-balance", "--program", "tea").output
    assert "expense" not in run("trial-balance", "--program", "coffee").output


def test_a_root_is_shown_by_its_day_with_all_that_a_check_needs(deployment: None) -> None:
    output = run("root", "2026-05-04").output
    for name in ("day: 2026-05-04", "entries: ", "root: ", "previous: 0000", "signature: "):
        assert name in output


def test_a_day_without_a_root_is_said_to_have_none(deployment: None) -> None:
    result = run("root", "2026-05-25")
    assert (result.exit_code, "2026-05-25 is not sealed" in result.output) == (1, True)


def test_what_is_exported_is_what_is_verified(export: Path) -> None:
    with export.open("rb") as lines:
        findings = verify_export(lines, is_signed_with=lambda _: lambda _root: True)
    assert (findings.faults, findings.journals, findings.roots) == ((), 5, 16)
