"""`referrals program`: terms are checked, compared, planned, put live, looked at, rolled back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from referrals.cli.documents import read_program_file, schema
from referrals.cli.output import ExistingFile, StoppedError, out
from referrals.cli.plans import Form, as_json, print_plan, progress_bar
from referrals.cli.written_documents import document_of
from referrals.domain.differences import Difference, differences, terms_in_words
from referrals.domain.errors import ProgramNotFoundError, ReferralError
from referrals.domain.ids import ProgramId
from referrals.domain.programs import Program
from referrals.runtime import clock
from referrals.store import programs
from referrals.usecases.apply_program import apply_program
from referrals.usecases.plan_program import plan_program

app = typer.Typer(help="Programs and their versions.", no_args_is_help=True)

_RULES = "rules"


@app.command("validate")
def validate_program(file: ExistingFile) -> None:
    """Check a program document without touching anything."""
    program = read_file(file)
    out.print(f"{program.program_id}: {len(program.rules)} rules, all in order")


@app.command("diff")
def compare_program_file(file: ExistingFile) -> None:
    """Show what a program document would change of the live version."""
    program = read_file(file)
    print_differences(programs.find_live(program.program_id), program)


@app.command("plan")
def plan_program_file(
    file: ExistingFile,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day that counts.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day that counts.")
    ] = None,
    form: Annotated[Form, typer.Option("--format")] = Form.TABLE,
) -> None:
    """Show what a program document would change, and what that would have cost and brought."""
    program, now = read_file(file), clock.utc_now()
    first = since.replace(tzinfo=UTC) if since else None
    end = until.replace(tzinfo=UTC) + timedelta(days=1) if until else now
    if first is not None and first >= min(end, now):
        raise StoppedError("the period ends before it begins")
    with progress_bar() as on_progress:
        plan = plan_program(program, since=first, until=end, now=now, on_progress=on_progress)
    if form is Form.JSON:
        print(as_json(plan))
        return
    print_differences(plan.live, program)
    print_plan(plan)


@app.command("apply")
def apply_program_file(file: ExistingFile) -> None:
    """Make a program document the live version, and show what that changes."""
    _put_live(read_file(file))


@app.command("show")
def show_program(
    program: str,
    version: Annotated[int | None, typer.Option(help="An earlier version; the live one.")] = None,
    *,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="As a document to apply.")] = False,
) -> None:
    """Show all terms of a program: of its live version, or of the one named."""
    shown = get_program(program, version)
    if as_yaml:
        print(document_of(shown), end="")
        return
    out.print(f"{shown.name} ({shown.program_id} v{shown.version}, {shown.currency})")
    out.print(f"leads to {shown.landing.landing_page}, {shown.landing.status}", soft_wrap=True)
    heading = ""
    for path, says in terms_in_words(shown).items():
        section, _, field = path.partition(".")
        if section == _RULES:
            rule_id, _, field = field.partition(".")
            section = f"rule {rule_id}"
        if section != heading:
            heading = section
            out.print(f"{section}" if field else f"{section}: {says}", soft_wrap=True)
        if field:
            out.print(f"  {field}: {says}", soft_wrap=True)


@app.command("history")
def list_program_versions(program: str) -> None:
    """List every version of a program, with the moment it was applied."""
    versions = programs.list_versions(ProgramId(program))
    if not versions:
        raise StoppedError(f"no program is called {program}")
    table = Table("version", "applied", "status", "rules")
    for each, applied_at in versions:
        rules = ", ".join(rule.rule_id for rule in each.rules)
        table.add_row(str(each.version), f"{applied_at:%F %T} UTC", each.landing.status, rules)
    out.print(table)


@app.command("rollback")
def roll_program_back(program: str, version: int) -> None:
    """Make the terms of an earlier version live again, as a new version."""
    _put_live(get_program(program, version), source=f", with the terms of v{version}")


@app.command("schema")
def print_program_schema() -> None:
    """Print the JSON Schema of program documents, for editors."""
    print(schema())


def read_file(file: ExistingFile) -> Program:
    """Read a program document, or stop with a line for each of its faults."""
    try:
        return read_program_file(file)
    except ReferralError as error:
        raise _refused(error) from error


def get_program(program: str, version: int | None) -> Program:
    """Give a version of a program, the live one when none is named, or stop."""
    program_id = ProgramId(program)
    try:
        found = (
            programs.find_live(program_id)
            if version is None
            else programs.get_version(program_id, version)
        )
    except ProgramNotFoundError as error:
        raise StoppedError(str(error)) from error
    if found is None:
        raise StoppedError(f"no program is called {program}")
    return found


def print_differences(live: Program | None, new: Program) -> None:
    """Print what `new` changes of the live version; all it says when none is live."""
    found = differences(live, new)
    if live is None:
        out.print(f"{new.program_id} is not live yet; all of it is new")
    elif not found:
        out.print(f"{new.program_id} says what v{live.version} says")
    else:
        out.print(f"{new.program_id} changes {len(found)} of the terms of v{live.version}")
    for each in found:
        out.print(_line(each), soft_wrap=True)


def _line(difference: Difference) -> str:
    before, after = difference.before, difference.after
    if before is None:
        return f"  + {difference.path}: {after}"
    if after is None:
        return f"  - {difference.path}: {before}"
    return f"  ~ {difference.path}: {before} -> {after}"


def _put_live(program: Program, *, source: str = "") -> None:
    before = programs.find_live(program.program_id)
    try:
        applied = apply_program(program, now=clock.utc_now())
    except ReferralError as error:
        raise _refused(error) from error
    print_differences(before, applied)
    out.print(f"{applied.program_id} is live in version {applied.version}{source}")


def _refused(error: ReferralError) -> StoppedError:
    lines = "".join(f"\n  {fault.field} {fault.says}" for fault in error.faults)
    return StoppedError(f"the program cannot be taken:{lines}" if lines else str(error))
