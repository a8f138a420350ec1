"""`referrals messages ...` and `referrals sms ...`: what became of messages, and who gets none."""

from typing import Annotated

import typer
from botocore.exceptions import ClientError
from rich.table import Table

from referrals.cli.customers import identity_keys, person_of
from referrals.cli.output import StoppedError, out
from referrals.clients import client
from referrals.domain.errors import ReferralError
from referrals.domain.mail_rates import MEASURED_DAYS, MailRates, added, brake_of
from referrals.domain.suppressions import Recipient
from referrals.notify.emails import MailRefusedError, wire_address
from referrals.runtime import clock
from referrals.store import mail_rates, messages, preferences
from referrals.store.messages import MessageRow
from referrals.usecases.change_sms_consent import (
    Consent,
    give_sms_consent,
    withdraw_sms_consent,
)
from referrals.usecases.change_suppression import (
    find_recipient,
    lift_suppression,
    suppress_address,
)

sms_app = typer.Typer(help="Consent to text messages, and the month's cap.", no_args_is_help=True)

_Address = Annotated[str, typer.Argument(help="An e-mail address; only its keyed hash is kept.")]
_Customer = Annotated[str, typer.Argument(help="The shop's id of the customer.")]


def show_message(message_id: str) -> None:
    """Show what became of a message."""
    row = messages.find(message_id)
    if row is None:
        raise StoppedError(f"no message {message_id} was claimed in the last 400 days")
    out.print(_line(row), soft_wrap=True)


def list_messages(customer: _Customer) -> None:
    """List what a customer was written, or was not, and why; reads the whole table."""
    for row in messages.list_of_person(person_of(customer)):
        out.print(_line(row), soft_wrap=True)


def _line(row: MessageRow) -> str:
    parts = [
        f"{row.message_id} {row.kind} to {row.person_id}",
        f"claimed {row.claimed_at:%F %T} UTC",
        _fate(row),
        f"came back: {row.feedback}" if row.feedback else "",
    ]
    return ", ".join(part for part in parts if part)


def _fate(row: MessageRow) -> str:
    if row.sent_at is not None:
        return "sent"
    if row.refused:
        return f"refused: {row.refused}"
    return f"withheld: {row.withheld}" if row.withheld else "in doubt"


def show_rates() -> None:
    """Show mails, bounces and complaints of the last 14 days, and whether they brake."""
    now = clock.utc_now()
    days = mail_rates.days(now=now)
    total = added(days.values())
    table = Table("day", "sent", "bounced", "complained")
    for day, rates in sorted(days.items()):
        table.add_row(*_cells(day, rates))
    table.add_row(*_cells(f"{MEASURED_DAYS} days", total))
    out.print(table)
    brake = brake_of(total)
    if brake is None:
        out.print("no brake: everything is sent")
    else:
        out.print(f"braked for the {brake.replace('_', ' ')}: only what is awaited is sent")


def _cells(name: str, rates: MailRates) -> tuple[str, ...]:
    return (
        name,
        str(rates.sent),
        f"{rates.bounced} ({rates.bounced_bps / 100:.2f} %)",
        f"{rates.complained} ({rates.complained_bps / 100:.2f} %)",
    )


def show_suppression(address: _Address) -> None:
    """Show whether an address is written to."""
    known = _known(address)
    suppression = known.suppression
    if suppression is not None:
        told = f"suppressed since {suppression.since:%F}: {suppression.reason}"
        out.print(f"{told} {suppression.detail}".rstrip(), soft_wrap=True)
        return
    bounces = len(known.soft_bounced_on)
    out.print(f"is written to; refused mail for a while on {bounces} days")


def suppress(
    address: _Address,
    why: Annotated[str, typer.Option("--because", help="For operators; name nobody in it.")],
) -> None:
    """Send nothing more to an address."""
    _known(address)
    keys = identity_keys()
    is_new = suppress_address(address, why=why, identity=keys.identity, now=clock.utc_now())
    out.print("nothing more is sent there" if is_new else "was suppressed before")


def lift(address: _Address) -> None:
    """Write to an address again, for instance when its owner asks; SES's own list is told, too."""
    _known(address)
    was_suppressed = lift_suppression(address, identity=identity_keys().identity)
    _lift_at_ses(address)
    out.print("is written to again" if was_suppressed else "was written to all the time")


def _known(address: str) -> Recipient:
    try:
        return find_recipient(address, identity=identity_keys().identity)
    except MailRefusedError as error:
        raise StoppedError(error.reason) from error


def _lift_at_ses(address: str) -> None:
    """Take an address off the account's list: mails to it would be accepted there and not sent."""
    try:
        client("sesv2").delete_suppressed_destination(EmailAddress=wire_address(address))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NotFoundException":
            raise


@sms_app.command("month")
def show_sms_of_month() -> None:
    """Show how many text messages were sent this month; the cap is the deployment's."""
    out.print(f"{mail_rates.sms_of_month(now=clock.utc_now())} text messages this month")


@sms_app.command("show")
def show_consent(customer: _Customer) -> None:
    """Show what a customer agreed to."""
    consent = preferences.find(person_of(customer)).sms
    if consent is None:
        raise StoppedError("never agreed to text messages")
    told = f'agreed on {consent.given_at:%F} at {consent.source} to "{consent.wording}"'
    ended = f", withdrawn on {consent.withdrawn_at:%F}" if consent.withdrawn_at else ""
    out.print(told + ended, soft_wrap=True)


@sms_app.command("agree")
def agree(
    customer: _Customer,
    wording: Annotated[str, typer.Option(help="The words that they agreed to.")],
    source: Annotated[str, typer.Option(help="Where: a page, a form, a call.")],
) -> None:
    """Note that a customer agreed just now to text messages to the number that is known."""
    now, keys = clock.utc_now(), identity_keys()
    consent = Consent(wording=wording, source=source, given_at=now)
    try:
        give_sms_consent(person_of(customer), consent, identity=keys.identity, now=now)
    except ReferralError as error:
        raise StoppedError(str(error)) from error
    out.print("noted")


@sms_app.command("withdraw")
def withdraw(customer: _Customer) -> None:
    """End text messages to a customer."""
    withdraw_sms_consent(person_of(customer), now=clock.utc_now())
    out.print("no more text messages")
