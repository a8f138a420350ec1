"""The `referrals` command: programs, coupons, secrets, people, reviews, the ledger."""

import json
import secrets
import sys
from typing import Annotated

import typer
from botocore.exceptions import NoCredentialsError, NoRegionError
from rich.table import Table

from referrals import settings
from referrals.cli import (
    attribution,
    explain,
    gifts,
    ledger,
    mails,
    partners,
    payouts,
    people,
    programs,
    queues,
    replay,
    reviews,
    rewards,
    webhooks,
)
from referrals.cli import messages as message_previews
from referrals.cli.output import ExistingFile, StoppedError, out
from referrals.clients import client
from referrals.domain.ids import ProgramId
from referrals.domain.links import LinkStatus, normalized
from referrals.domain.rules import RewardKind
from referrals.runtime import clock
from referrals.settings import MissingSettingError
from referrals.store import counters, coupons, links, messages
from referrals.usecases.refill_pool import pools_of, refill_pool

app = typer.Typer(help="Operate a referral program.", no_args_is_help=True)
coupons_app = typer.Typer(help="Coupon pools.", no_args_is_help=True)
secrets_app = typer.Typer(help="Keys, two of each while they rotate.", no_args_is_help=True)
links_app = typer.Typer(help="Codes and their clicks.", no_args_is_help=True)
messages_app = typer.Typer(help="Messages to people.", no_args_is_help=True)
app.add_typer(programs.app, name="program")
app.add_typer(ledger.app, name="ledger")
app.add_typer(rewards.app, name="rewards")
app.add_typer(payouts.app, name="payouts")
app.add_typer(partners.app, name="partners")
app.add_typer(coupons_app, name="coupons")
app.add_typer(gifts.app, name="gifts")
app.add_typer(secrets_app, name="secrets")
app.add_typer(links_app, name="links")
app.add_typer(messages_app, name="messages")
app.add_typer(mails.sms_app, name="sms")
app.add_typer(queues.app, name="queue")
app.add_typer(message_previews.app, name="message")
app.add_typer(reviews.app, name="review")
app.add_typer(webhooks.app, name="webhooks")
app.command("explain")(explain.explain)
app.command("attribute")(attribution.attribute)
app.command("forget")(people.forget)

app.command("replay")(replay.replay)

_LONGEST_COUPON = 64
_OUTGOING = "outgoing-key"
_ROTATED = ("click-key", "signal-key", "portal-key", "webhook-secret", "api-key", _OUTGOING)
_NEW_SIGNING_SECRETS = """\
webhook endpoints and partners have new secrets, which sign too in ten minutes
at the latest. Give each of them its own then, and before the next rotation:
  referrals webhooks secret ENDPOINT
  referrals partners secret PROGRAM PARTNER"""


@coupons_app.command("add")
def add_coupons(program: str, pool: str, file: ExistingFile) -> None:
    """Put the coupons of a file, one a line, into a pool; those that were in it are passed over.

    Rewards that wait for them go out, the oldest first.
    """
    if pool not in pools_of(programs.get_program(program, None), kinds=RewardKind):
        raise StoppedError(f"nothing in {program} gives coupons from a pool {pool}")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    codes = [line for line in lines if line]
    too_long = next((code for code in codes if not _is_coupon(code)), None)
    if too_long is not None:
        raise StoppedError(f"not a coupon of at most 64 printable signs: {too_long[:80]}")
    refilled = refill_pool(ProgramId(program), pool, codes, now=clock.utc_now())
    out.print(f"{refilled.added} new coupons in {pool}{gifts.called_in_words(refilled)}")


def _is_coupon(code: str) -> bool:
    return len(code) <= _LONGEST_COUPON and code.isprintable()


@coupons_app.command("count")
def count_coupons(program: str, pool: str) -> None:
    """Count the free and the taken coupons of a pool."""
    free, taken = coupons.count(ProgramId(program), pool)
    out.print(f"{pool}: {free} free, {taken} taken")


@secrets_app.command("rotate")
def rotate_secret(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(_ROTATED)}.")],
) -> None:
    """Make a new value current; the one before stays valid until the next rotation."""
    if name not in _ROTATED:
        raise StoppedError(f"only {', '.join(_ROTATED)} can be rotated")
    manager, secret_id = client("secretsmanager"), settings.table_name(name)
    known = json.loads(manager.get_secret_value(SecretId=secret_id)["SecretString"])
    # 33 bytes are 44 signs of base64 without padding, which a whsec_ secret has to be
    fresh = secrets.token_urlsafe(33).replace("-", "A").replace("_", "B")
    content = {"current": fresh, "previous": known["current"]}
    manager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(content))
    out.print(f"{name} is rotated; the value before stays valid until the next rotation")
    if name == _OUTGOING:
        out.print(_NEW_SIGNING_SECRETS)


@links_app.command("clicks")
def show_clicks(code: str) -> None:
    """Show how often a code was followed, by day and channel."""
    table = Table("day and channel", "clicks", "repeats within the hour")
    for bucket, tally in counters.list_of_code(normalized(code)).items():
        table.add_row(bucket.replace("#", " "), str(tally.clicks), str(tally.repeats))
    out.print(table)


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
        raise StoppedError(f"nobody has the code {code}, or it is closed for good")
    out.print(f"{normalized(code)} is {status}, everywhere within a minute")


messages_app.command("show")(mails.show_message)
messages_app.command("list")(mails.list_messages)
messages_app.command("rates")(mails.show_rates)
messages_app.command("suppressed")(mails.show_suppression)
messages_app.command("suppress")(mails.suppress)
messages_app.command("lift")(mails.lift)


@messages_app.command("doubtful")
def doubtful_messages() -> None:
    """List messages of which nobody knows whether they were sent."""
    for row in messages.list_in_doubt():
        out.print(f"{row.message_id} {row.kind} to {row.person_id}, {row.claimed_at:%F %T} UTC")


def main() -> None:
    """Run the command; what an operator can mend is said in a line, without a traceback."""
    try:
        app()
    except (MissingSettingError, NoRegionError, NoCredentialsError, UnicodeDecodeError) as error:
        out.print(str(error), style="red")
        sys.exit(1)
