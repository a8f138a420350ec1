"""`referrals message`: what a message looks like, on the screen or in one's own mailbox."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from referrals import settings
from referrals.cli.message_samples import Sample, sample_values, samples
from referrals.cli.output import StoppedError, out
from referrals.cli.programs import get_program
from referrals.domain.message_kinds import MessageKind
from referrals.notify.emails import MailError, send_email
from referrals.notify.languages import ENGLISH, negotiate
from referrals.notify.messages import RenderedMessage, render

app = typer.Typer(help="One message: how it looks.", no_args_is_help=True)

ProgramOption = Annotated[str, typer.Option("--program", help="Whose name and own words.")]
LocaleOption = Annotated[str, typer.Option("--locale", help="Such as en, ru, bg or ro.")]
ValuesOption = Annotated[
    str | None, typer.Option("--values", help="Another sample of the kind, by its name.")
]


@app.command("preview")
def preview(
    kind: MessageKind,
    program: ProgramOption,
    locale: LocaleOption = ENGLISH,
    html: Annotated[Path | None, typer.Option(help="A file for the HTML part.")] = None,
    values: ValuesOption = None,
) -> None:
    """Print a message with made-up values; write its HTML part to a file, too."""
    message = _rendered(kind, program, locale, values)
    out.print(f"Subject: {message.subject}\n\n{message.text}", soft_wrap=True)
    if html is not None:
        html.write_text(message.html, encoding="utf-8")
        out.print(f"the HTML part is in {html}", soft_wrap=True)


@app.command("send-test")
def send_test(
    kind: MessageKind,
    program: ProgramOption,
    to: Annotated[str, typer.Option(help="An address of your own.")],
    locale: LocaleOption = ENGLISH,
    values: ValuesOption = None,
) -> None:
    """Send a message with made-up values to an address; as often as asked, whatever it prefers."""
    message = _rendered(kind, program, locale, values)
    marked = replace(message, subject=f"[test] {message.subject}")
    try:
        tags = {"message": kind.value, "program": program, "test": "yes"}
        send_email(to=to, message=marked, locale=locale, tags=tags)
    except MailError as error:
        raise StoppedError(f"not sent: {error.reason}") from error
    out.print("sent")


def _rendered(
    kind: MessageKind, program_id: str, locale: str, sample_name: str | None
) -> RenderedMessage:
    program = get_program(program_id, None)
    made_up = sample_values(
        _sample(kind, sample_name, program.currency),
        program_name=program.name,
        shop_name=program.shop_name,
        language=negotiate(locale),
        postal_address=settings.postal_address(),
    )
    return render(kind, locale=locale, values=made_up, texts=program.texts.get(kind.value))


def _sample(kind: MessageKind, name: str | None, currency: str) -> Sample:
    of_kind = {each: s for each, s in samples(currency).items() if s.kind is kind}
    sample = of_kind.get(name or kind.value)
    if sample is None:
        raise StoppedError(f"{kind} has the samples {', '.join(of_kind)}")
    return sample
