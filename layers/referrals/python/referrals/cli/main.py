"""The `referrals` command: programs, coupons, secrets, the ledger."""

import json
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import NoCredentialsError, NoRegionError
from rich.console import Console
from rich.table import Table

from referrals import settings
from referrals.cli.documents import read_program_file, schema
from referrals.clients import client
from referrals.domain.errors import ProgramNotFoundError, ReferralError
from referrals.domain.ids import ProgramId
from referrals.domain.ledger import owner_of
from referrals.domain.links import LinkStatus, normalized
from referrals.domain.money import written
from referrals.domain.programs import Program
from referrals.runtime import clock
from referrals.settings import MissingSettingError
from referrals.store import counters, coupons, links, messages, programs
from referrals.usecases.apply_program import apply_program
from referrals.usecases.verify_ledger import Verification, verify_ledger

app = typer.Typer(help="Operate a referral program.", no_args_is_help=True)
program_app = typer.Typer(help="Programs and their versions.", no_args_is_help=True)
ledger_app = typer.Typer(help="The money.", no_args_is_help=True)
coupons_app = typer.Typer(help="Coupon pools.", no_args_is_help=True)
secrets_app = typer.Typer(help="Keys, two of each while they rotate.", no_args_is_help=True)
links_app = typer.Typer(help="Codes and their clicks.", no_args_is_help=True)
messages_app = typer.Typer(help="Messages to people.", no_args_is_help=True)
app.add_typer(program_app, name="program")
app.add_typer(ledger_app, name="ledger")
app.add_typer(coupons_app, name="coupons")
app.add_typer(secrets_app, name="secrets")
app.add_typer(links_app, name="links")
app.add_typer(messages_app, name="messages")

# no markup: names and messages may have brackets in them
_out = Console(highlight=False, markup=False)


_LONGEST_COUPON = 64
ExistingFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


class _StoppedError(typer.Exit):
    """Something was wrong; it was said, and the status is 1."""

    def __init__(self, says: str) -> None:
        _out.print(says, style="red")
        super().__init__(code=1)


@program_app.command("validate")
def validate_program(file: ExistingFile) -> None:
    """Check a program document without touching anything."""
    try:
        program = read_program_file(file)
    except ReferralError as error:
        raise _StoppedError(str(error)) from error
    _out.print(f"{program.program_id}: {len(program.rules)} rules, all in order")


@program_app.command("apply")
def apply_program_file(file: ExistingFile) -> None:
    """Make a program document the live version."""
    try:
        program = apply_program(read_program_file(file), now=clock.utc_now())
    except ReferralError as error:
        raise _StoppedError(str(error)) from error
    _out.print(f"{program.program_id} is live in version {program.version}")


@program_app.command("show")
def show_program(
    program: str,
    version: Annotated[int | None, typer.Option(help="An earlier version; the live one.")] = None,
) -> None:
    """Show a program: its live version, or the one named."""
    shown = _version(program, version)
    _out.print(f"{shown.name} ({shown.program_id} v{shown.version}, {shown.currency})")
    _out.print(f"leads to {shown.landing.landing_page}, {shown.landing.status}")
    for rule in shown.rules:
        _out.print(f"  {rule.rule_id}: {rule.on} -> {rule.to}, {rule.kind}, {rule.reward}")


@program_app.command("history")
def list_program_versions(program: str) -> None:
    """List every version of a program, with the moment it was applied."""
    versions = programs.list_versions(ProgramId(program))
    if not versions:
        raise _StoppedError(f"no program is called {program}")
    table = Table("version", "applied", "status", "rules")
    for each, applied_at in versions:
        rules = ", ".join(rule.rule_id for rule in each.rules)
        table.add_row(str(each.version), f"{applied_at:%F %T} UTC", each.landing.status, rules)
    _out.print(table)


@program_app.command("rollback")
def roll_program_back(program: str, version: int) -> None:
    """Make the terms of an earlier version live again, as a new version."""
    applied = apply_program(_version(program, version), now=clock.utc_now())
    _out.print(f"{program} is live in version {applied.version}, with the terms of v{version}")


@program_app.command("schema")
def print_program_schema() -> None:
    """Print the JSON Schema of program documents, for editors."""
    print(schema())


def _version(program: str, version: int | None) -> Program:
    program_id = ProgramId(program)
    try:
        found = (
            programs.find_live(program_id)
            if version is None
            else programs.get_version(program_id, version)
        )
    except ProgramNotFoundError as error:
        raise _StoppedError(str(error)) from error
    if found is None:
        raise _StoppedError(f"no program is called {program}")
    return found


@ledger_app.command("verify")
def verify() -> None:
    """Derive every balance from the journals; status 1 and every fault when something differs."""
    result = verify_ledger()
    _print_accounts(result)
    for fault in result.faults:
        _out.print(f"fault: {fault}", style="red")
    _out.print(
        f"{result.journals} journals, {result.balances} balances: "
        + ("sound" if result.is_sound else f"{len(result.faults)} faults")
    )
    if not result.is_sound:
        raise typer.Exit(code=1)


def _print_accounts(result: Verification) -> None:
    """Print program accounts by name and people's by place; the last row of a unit is 0."""
    sums: dict[tuple[str, str], int] = {}
    for (account, unit), amount in result.accounts.items():
        owner = owner_of(account)
        name = f"people: {owner[1]}" if owner else account
        sums[unit, name] = sums.get((unit, name), 0) + amount
    table = Table("account", "amount")
    for (unit, name), amount in sorted(sums.items()):
        table.add_row(name, written(amount, unit))
    for unit in result.units:
        table.add_row(f"all in {unit}", written(result.total(unit), unit))
    _out.print(table)


@coupons_app.command("add")
def add_coupons(program: str, pool: str, file: ExistingFile) -> None:
    """Put the coupons of a file, one a line, into a pool; those that were in it are passed over."""
    if pool not in {rule.pool for rule in _version(program, None).rules}:
        raise _StoppedError(f"no rule of {program} gives coupons from a pool {pool}")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    codes = [line for line in lines if line]
    too_long = next((code for code in codes if not _is_coupon(code)), None)
    if too_long is not None:
        raise _StoppedError(f"not a coupon of at most 64 printable signs: {too_long[:80]}")
    added = sum(coupons.add(ProgramId(program), pool, code) for code in codes)
    _out.print(f"{added} new coupons in {pool}")


def _is_coupon(code: str) -> bool:
    return len(code) <= _LONGEST_COUPON and code.isprintable()


@coupons_app.command("count")
def count_coupons(program: str, pool: str) -> None:
    """Count the free and the taken coupons of a pool."""
    free, taken = coupons.count(ProgramId(program), pool)
    _out.print(f"{pool}: {free} free, {taken} taken")


@secrets_app.command("rotate")
def rotate_secret(
    name: Annotated[str, typer.Argument(help="click-key, webhook-secret or api-key")],
) -> None:
    """Make a new value current; the one before stays valid until the next rotation."""
    if name not in {"click-key", "webhook-secret", "api-key"}:
        raise _StoppedError("only click-key, webhook-secret and api-key can be rotated")
    manager, secret_id = client("secretsmanager"), settings.table_name(name)
    known = json.loads(manager.get_secret_value(SecretId=secret_id)["SecretString"])
    # 33 bytes are 44 signs of base64 without padding, which a whsec_ secret has to be
    fresh = secrets.token_urlsafe(33).replace("-", "A").replace("_", "B")
    content = {"current": fresh, "previous": known["current"]}
    manager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(content))
    _out.print(f"{name} is rotated; the value before stays valid until the next rotation")


@links_app.command("clicks")
def show_clicks(code: str) -> None:
    """Show how often a code was followed, by day and channel."""
    table = Table("day and channel", "clicks", "repeats within the hour")
    for bucket, tally in counters.list_of_code(normalized(code)).items():
        table.add_row(bucket.replace("#", " "), str(tally.clicks), str(tally.repeats))
    _out.print(table)


@links_app.command("pause")
def pause_link(code: str) -> None:
    """Stop a code: its link leads to the fallback, and nothing more is owed to it."""
    _set_link(code, LinkStatus.PAUSED)


@links_app.command("resume")
def resume_link(code: str) -> None:
    """Let a paused code work again."""
    _set_link(code, LinkStatus.ACTIVE)


def _set_link(code: str, status: LinkStatus) -> None:
    if not links.set_status(normalized(code), status):
        raise _StoppedError(f"nobody has the code {code}")
    _out.print(f"{normalized(code)} is {status}, everywhere within a minute")


@messages_app.command("doubtful")
def doubtful_messages() -> None:
    """List messages of which nobody knows whether they were sent."""
    for row in messages.list_in_doubt():
        _out.print(f"{row.message_id} {row.kind} to {row.person_id}, {row.claimed_at:%F %T} UTC")


def main() -> None:
    """Run the command; what an operator can mend is said in a line, without a traceback."""
    try:
        app()
    except (MissingSettingError, NoRegionError, NoCredentialsError, UnicodeDecodeError) as error:
        _out.print(str(error), style="red")
        sys.exit(1)
