"""Programs from the command line: validated, applied, looked back at, rolled back."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from referrals.cli.documents import schema
from referrals.cli.main import app
from referrals.domain.ids import ProgramId
from referrals.runtime import clock
from referrals.store import programs
from tests.shop import NOON

TEA = Path("examples/programs/tea.yaml")


def run(*arguments: str) -> Result:
    clock.set_source(lambda: NOON)
    return CliRunner().invoke(app, ["program", *arguments], env={"COLUMNS": "120"})


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA.read_text().replace("hold_days: 14", "hold_days: 30"))
    return file


def test_the_published_schema_is_the_one_that_documents_are_checked_by() -> None:
    assert Path("docs/program.schema.json").read_text() == schema() + "\n"
    assert json.loads(schema())["required"][:3] == ["program", "name", "shop"]


@pytest.mark.parametrize("file", sorted(Path("examples/programs").glob("*.yaml")), ids=str)
def test_every_example_is_valid_and_names_its_schema(file: Path) -> None:
    assert run("validate", str(file)).exit_code == 0
    assert "$schema=../../docs/program.schema.json" in file.read_text().splitlines()[0]


@pytest.mark.usefixtures("tables")
def test_a_changed_document_is_a_new_version_and_the_old_one_stays(changed: Path) -> None:
    assert "live in version 1" in run("apply", str(TEA)).output
    assert "live in version 1" in run("apply", str(TEA)).output
    assert "live in version 2" in run("apply", str(changed)).output
    assert programs.get_version(ProgramId("tea"), 1).rule("advocate-tenth").hold_days == 14
    assert programs.get_version(ProgramId("tea"), 2).rule("advocate-tenth").hold_days == 30


@pytest.mark.usefixtures("tables")
def test_history_lists_every_version_with_its_moment(changed: Path) -> None:
    run("apply", str(TEA))
    run("apply", str(changed))
    rows = [line for line in run("history", "tea").output.splitlines() if "2026-05-04" in line]
    assert len(rows) == 2
    assert "2026-05-04 12:00:00 UTC" in rows[0]


@pytest.mark.usefixtures("tables")
def test_a_rollback_is_a_new_version_with_the_old_terms(changed: Path) -> None:
    run("apply", str(TEA))
    run("apply", str(changed))
    assert "live in version 3, with the terms of v1" in run("rollback", "tea", "1").output
    live = programs.find_live(ProgramId("tea"))
    assert live is not None
    assert (live.version, live.rule("advocate-tenth").hold_days) == (3, 14)


@pytest.mark.usefixtures("tables")
def test_a_version_can_be_shown_long_after(changed: Path) -> None:
    run("apply", str(TEA))
    run("apply", str(changed))
    assert "(tea v1, EUR)" in run("show", "tea", "--version", "1").output
    assert "(tea v2, EUR)" in run("show", "tea").output


@pytest.mark.usefixtures("tables")
def test_a_program_is_shown_with_all_its_terms() -> None:
    run("apply", "examples/programs/cellar.yaml")
    shown = run("show", "cellar").output
    assert "rule advocate-thanks\n" in shown
    assert "  reward: from 1: 5.00 EUR; from 5: 7.50 EUR; from 10: 10.00 EUR\n" in shown
    assert "  only.except_segments: vip\n" in shown
    assert "budget\n  total_minor: 25000.00 EUR\n" in shown
    assert "status: active\n" in shown


@pytest.mark.usefixtures("tables")
def test_a_program_is_shown_as_a_document_that_says_the_same(tmp_path: Path) -> None:
    run("apply", "examples/programs/club.yaml")
    shown = tmp_path / "club.yaml"
    shown.write_text(run("show", "club", "--yaml").output)
    assert "club says what v1 says" in run("diff", str(shown)).output
    assert "live in version 1" in run("apply", str(shown)).output


@pytest.mark.usefixtures("tables")
def test_an_earlier_version_is_shown_as_a_document(changed: Path) -> None:
    run("apply", str(TEA))
    run("apply", str(changed))
    assert "hold_days: 14" in run("show", "tea", "--version", "1", "--yaml").output
    assert "hold_days: 14" not in run("show", "tea", "--yaml").output


@pytest.mark.usefixtures("tables")
def test_another_currency_is_refused_where_a_budget_counts_in_the_live_one(tmp_path: Path) -> None:
    club = Path("examples/programs/club.yaml").read_text()
    dollars = tmp_path / "club.yaml"
    dollars.write_text(club.replace("currency: EUR", "currency: USD"))
    run("apply", "examples/programs/club.yaml")
    refused = run("apply", str(dollars))
    assert refused.exit_code == 1
    assert "currency cannot change once applied" in refused.output
    live = programs.find_live(ProgramId("club"))
    assert live is not None
    assert (live.version, live.currency) == (1, "EUR")


@pytest.mark.usefixtures("tables")
def test_a_difference_is_shown_and_changes_nothing(changed: Path) -> None:
    run("apply", str(TEA))
    shown = run("diff", str(changed))
    assert shown.exit_code == 0
    assert "tea changes 2 of the terms of v1" in shown.output
    assert "  ~ rules.advocate-tenth.hold_days: 14 -> 30\n" in shown.output
    live = programs.find_live(ProgramId("tea"))
    assert live is not None
    assert live.version == 1


@pytest.mark.usefixtures("tables")
def test_all_of_a_program_that_is_not_live_yet_is_new() -> None:
    shown = run("diff", str(TEA)).output
    assert "tea is not live yet; all of it is new" in shown
    assert "  + currency: EUR\n" in shown


@pytest.mark.usefixtures("tables")
def test_a_program_that_says_the_same_is_said_to() -> None:
    run("apply", str(TEA))
    assert "tea says what v1 says" in run("diff", str(TEA)).output


@pytest.mark.usefixtures("tables")
def test_what_goes_live_is_told(changed: Path) -> None:
    assert "  + rules.friend-thanks: on purchase; to friend;" in run("apply", str(TEA)).output
    applied = run("apply", str(changed)).output
    assert "  ~ rules.advocate-tenth.hold_days: 14 -> 30\n" in applied
    assert "  ~ rules.advocate-tenth.hold_days: 30 -> 14\n" in run("rollback", "tea", "1").output


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "coffee"),
        ("history", "coffee"),
        ("rollback", "tea", "9"),
        ("show", "coffee", "--version", "1"),
    ],
)
def test_what_is_not_there_is_said_with_status_1(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert "no program is called" in result.output


def test_a_document_with_faults_names_each_field_with_status_1(tmp_path: Path) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA.read_text().replace("EUR", "EURO").replace("hold_days: 14", "hold_days: x"))
    result = run("validate", str(file))
    assert result.exit_code == 1
    assert "rules.1.hold_days" in result.output.replace("\n", "")


def test_a_key_that_stands_twice_is_refused_and_named(tmp_path: Path) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA.read_text() + "currency: USD\n")
    result = run("validate", str(file))
    assert result.exit_code == 1
    assert "currency stands twice" in result.output


@pytest.mark.usefixtures("tables")
def test_a_name_with_brackets_is_shown_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA.read_text().replace("Tea for two", "Tea [/bold] [red]"))
    run("apply", str(file))
    result = run("show", "tea")
    assert result.exit_code == 0
    assert "Tea [/bold] [red]" in result.output


@pytest.mark.usefixtures("tables")
def test_coupons_go_only_into_a_pool_that_a_rule_names(tmp_path: Path) -> None:
    codes = tmp_path / "codes.txt"
    codes.write_text("TEA-1\nTEA-2\n\nTEA-1\n")
    run("apply", str(TEA))
    runner = CliRunner()
    assert runner.invoke(app, ["coupons", "add", "tea", "welcom", str(codes)]).exit_code == 1
    added = runner.invoke(app, ["coupons", "add", "tea", "welcome", str(codes)])
    assert "2 new coupons" in added.output
    again = runner.invoke(app, ["coupons", "add", "tea", "welcome", str(codes)])
    assert "0 new coupons" in again.output
