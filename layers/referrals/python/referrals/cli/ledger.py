"""`referrals ledger`: verified, exported, shown as statements and as a trial balance."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from referrals.cli import statements
from referrals.cli.customers import identity_keys
from referrals.cli.output import StoppedError, out
from referrals.cli.signatures import signed_by
from referrals.cli.statements import Form
from referrals.domain.errors import ReferralError
from referrals.domain.exports import PublicKeys, verify_export
from referrals.domain.ids import ProgramId
from referrals.domain.money import written
from referrals.domain.roots import DailyRoot
from referrals.domain.verification import Findings, SignatureCheck
from referrals.runtime import clock
from referrals.seal.signing import current_public_key
from referrals.store import roots
from referrals.usecases.export_ledger import export_ledger
from referrals.usecases.show_statement import MOST_JOURNALS, show_statement
from referrals.usecases.trial_balance import take_trial_balance
from referrals.usecases.verify_ledger import verify_ledger

app = typer.Typer(help="The money.", no_args_is_help=True)

ExistingFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
PublicKeyFiles = Annotated[
    list[Path] | None,
    typer.Option("--public-key", exists=True, dir_okay=False, help="PEM; may be given again."),
]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])]
OptionalDay = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command("verify")
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="An export; without, the deployment."
        ),
    ] = None,
    public_key: PublicKeyFiles = None,
) -> None:
    """Derive every balance and root anew; status 1 and every fault when something differs.

    Of an export no service is asked: it can be verified anywhere.
    """
    pems = [each.read_text(encoding="ascii") for each in public_key or ()]
    try:
        findings = (
            verify_ledger(is_signed=_signed_here(pems)) if file is None else _of_file(file, pems)
        )
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    _print_findings(findings)
    if not findings.is_sound:
        raise typer.Exit(code=1)


def _signed_here(pems: list[str]) -> SignatureCheck:
    """Check with the given keys; without, with the one that signs now, once there is a root."""
    if pems:
        return signed_by(pems)
    current = cache(lambda: signed_by([current_public_key()]))

    def is_signed(root: DailyRoot) -> bool:
        return current()(root)

    return is_signed


def _of_file(file: Path, pems: list[str]) -> Findings:
    def is_signed_with(in_file: PublicKeys) -> SignatureCheck:
        if not pems and in_file:
            out.print(
                "signatures are checked with the key in the file itself; "
                "name one that you trust with --public-key",
                style="yellow",
            )
        return signed_by(pems or in_file.values())

    with file.open("rb") as lines:
        return verify_export(lines, is_signed_with=is_signed_with)


def _print_findings(findings: Findings) -> None:
    """Print all accounts, the last row of a unit being 0, then every fault and the verdict."""
    table = Table("account", "amount")
    for (account, unit), amount in sorted(findings.accounts.items(), key=lambda of: of[0][::-1]):
        table.add_row(account, written(amount, unit))
    for unit in findings.units:
        table.add_row(f"all in {unit}", written(findings.total(unit), unit))
    out.print(table)
    for fault in findings.faults:
        out.print(f"fault: {fault}", style="red")
    out.print(_sealed(findings))
    verdict = "sound" if findings.is_sound else f"{findings.fault_count} faults"
    out.print(f"{findings.journals} journals, {findings.balances} balances: {verdict}")


def _sealed(findings: Findings) -> str:
    if findings.sealed_until is None:
        return f"{findings.entries} entries of the log, no day sealed"
    return (
        f"{findings.entries} entries of the log, {findings.unsealed_entries} not sealed yet; "
        f"{findings.roots} days sealed, until {findings.sealed_until}"
    )


@app.command("export")
def export(file: Path, since: OptionalDay = None, until: OptionalDay = None) -> None:
    """Write the ledger, or some days of it, to a new file that can be verified anywhere."""
    lines = export_ledger(now=clock.utc_now(), since=_day(since), until=_day(until))
    try:
        with file.open("xb") as opened:
            count = sum(opened.write(line) > 0 for line in lines)
    except FileExistsError as error:
        raise StoppedError(f"{file} is there already") from error
    out.print(f"{file}: {count} lines")


@app.command("statement")
def statement(
    customer: Annotated[str, typer.Argument(help="The shop's id of the customer.")],
    program: Annotated[str, typer.Option()],
    form: Annotated[Form, typer.Option("--format")] = Form.TABLE,
    output: Annotated[Path | None, typer.Option(dir_okay=False)] = None,
    most: Annotated[int, typer.Option(min=1, help="The newest journals.")] = MOST_JOURNALS,
) -> None:
    """Show every movement of a customer's rewards, each with its cause and what was left."""
    try:
        shown = show_statement(customer, ProgramId(program), keys=identity_keys(), most=most)
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    now = clock.utc_now()
    match form:
        case Form.TABLE:
            out.print(statements.as_table(shown))
            return
        case Form.JSON:
            text = statements.as_json(shown, customer_id=customer, now=now)
        case Form.CSV:
            text = statements.as_csv(shown)
        case Form.HTML:
            text = statements.as_html(shown, customer_id=customer, now=now)
    if output is None:
        print(text, end="")
    else:
        # as it is: CSV has line ends of its own
        output.write_bytes(text.encode())


@app.command("trial-balance")
def trial_balance(
    program: Annotated[str | None, typer.Option(help="One program; all of them.")] = None,
) -> None:
    """Set all accounts in two columns, debits and credits, that come to the same."""
    try:
        lines = take_trial_balance(ProgramId(program) if program else None)
    except ValueError as error:
        raise StoppedError(f"{error}; `ledger verify` says more") from error
    table = Table("account", "debit", "credit")
    for unit in sorted({line.unit for line in lines}):
        of_unit = [line for line in lines if line.unit == unit]
        for line in of_unit:
            table.add_row(
                line.account, _or_blank(line.debit_minor, unit), _or_blank(line.credit_minor, unit)
            )
        debits = sum(line.debit_minor for line in of_unit)
        credits_ = sum(line.credit_minor for line in of_unit)
        table.add_row(
            f"all in {unit}", written(debits, unit), written(credits_, unit), end_section=True
        )
    out.print(table)


def _or_blank(amount_minor: int, unit: str) -> str:
    return written(amount_minor, unit) if amount_minor else ""


@app.command("root")
def show_root(day: Day) -> None:
    """Show the signed root of a day: kept elsewhere, it proves that nothing before was changed."""
    root = roots.find(day.date())
    if root is None:
        raise StoppedError(f"{day:%F} is not sealed")
    for name, value in _described(root).items():
        out.print(f"{name}: {value}", soft_wrap=True)


def _described(root: DailyRoot) -> dict[str, str]:
    return {
        "day": root.day.isoformat(),
        "entries": str(root.entries),
        "root": root.digest,
        "previous": root.previous,
        "key": root.key_id or "",
        "signed": root.signed_text,
        "signature": root.signature or "",
    }


@app.command("public-key")
def print_public_key() -> None:
    """Print the public key that signatures of roots are checked with, in PEM."""
    print(current_public_key(), end="")


def _day(moment: datetime | None) -> date | None:
    return moment.replace(tzinfo=UTC).date() if moment else None
