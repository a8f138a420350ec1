"""Plans from the command line: what changed terms would have cost, as tables and as JSON."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from referrals.cli.main import app
from referrals.domain.ids import person_id
from referrals.runtime import clock
from tests import shop
from tests.shop import NOON

pytestmark = pytest.mark.usefixtures("tables")

TEA = Path("examples/programs/tea.yaml")
ANNA = person_id("anna", key=shop.KEYS.identity)


def run(*arguments: str) -> Result:
    clock.set_source(lambda: NOON + timedelta(days=2))
    return CliRunner().invoke(app, ["program", *arguments], env={"COLUMNS": "120"})


@pytest.fixture
def dearer(tmp_path: Path) -> Path:
    """Give terms with a fifth for the advocate in place of a tenth, and with goals."""
    file = tmp_path / "tea.yaml"
    terms = TEA.read_text().replace("rate_bps: 1000", "rate_bps: 2000")
    file.write_text(f"{terms}\ngoals: {{purchases: 2, max_cost_share_bps: 3000}}\n")
    return file


def a_day_in_the_shop() -> None:
    run("apply", str(TEA))
    shop.enrol("anna", code="ANNA10")
    shop.sign_up("boris", codes=["ANNA10"], now=NOON)
    shop.buy("boris", amount_minor=10_000, now=NOON + timedelta(hours=1))


def cell(result: Result, name: str) -> list[str]:
    """Give the columns of a row."""
    line = next(line for line in result.output.splitlines() if f"│ {name} " in line)
    return [each.strip() for each in line.strip("│").split("│")][1:]


def test_a_plan_shows_the_differences_and_what_they_would_have_cost(dearer: Path) -> None:
    a_day_in_the_shop()
    planned = run("plan", str(dearer))
    assert planned.exit_code == 0
    assert "~ rules.advocate-tenth.reward: 10%" in planned.output
    assert cell(planned, "rewards advocate-tenth") == ["1", "1", "+0"]
    assert cell(planned, "revenue credited") == ["100.00 EUR", "100.00 EUR", "0.00 EUR"]
    assert "EUR by person: 1 more, 0 less, 1 the same" in planned.output
    assert cell(planned, ANNA) == ["10.00 EUR", "20.00 EUR", "+10.00 EUR"]
    assert cell(planned, "goal: purchases") == ["2", "1: missed", "1: missed"]


def test_a_plan_as_json_is_for_scripts(dearer: Path) -> None:
    a_day_in_the_shop()
    plan = json.loads(run("plan", str(dearer), "--format", "json").output)
    assert (plan["program"], plan["live_version"], plan["events"]) == ("tea", 1, 3)
    assert plan["new"]["cost_minor"]["EUR"] - plan["live"]["cost_minor"]["EUR"] == 1_000
    assert plan["people"]["EUR"]["changes"] == [
        {"person_id": ANNA, "live_minor": 1_000, "new_minor": 2_000}
    ]


def test_a_plan_of_a_period_counts_what_was_recorded_in_it(dearer: Path) -> None:
    a_day_in_the_shop()
    shop.buy("boris", order_id="A-2", amount_minor=5_000, now=NOON + timedelta(days=1))
    on_the_next_day = run("plan", str(dearer), "--since", "2026-05-05", "--format", "json")
    plan = json.loads(on_the_next_day.output)
    assert (plan["events"], plan["new"]["revenue_minor"]) == (1, 5_000)
    until_the_first = run("plan", str(dearer), "--until", "2026-05-04", "--format", "json")
    assert json.loads(until_the_first.output)["new"]["revenue_minor"] == 10_000


def test_a_plan_of_a_period_in_which_nothing_happened_says_so(dearer: Path) -> None:
    run("apply", str(TEA))
    planned = run("plan", str(dearer), "--since", "2026-05-05")
    assert planned.exit_code == 0
    assert "nothing was recorded from 2026-05-05 on" in planned.output


def test_a_period_that_ends_before_it_begins_is_refused(dearer: Path) -> None:
    planned = run("plan", str(dearer), "--since", "2026-05-05", "--until", "2026-05-01")
    assert planned.exit_code == 1
    assert "the period ends before it begins" in planned.output


def test_the_first_version_of_a_program_is_planned_against_nothing(dearer: Path) -> None:
    planned = run("plan", str(dearer))
    assert planned.exit_code == 0
    assert "tea is not live yet; all of it is new" in planned.output
    assert "nothing was recorded before 2026-05-06 12:00:00 UTC" in planned.output
