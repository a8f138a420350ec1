"""`referrals queue`: what was tried in vain is looked at, and done again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Annotated

import typer
from botocore.exceptions import ClientError
from rich.table import Table

from referrals.cli.dead_letters import DEAD_QUEUES, Letter, OpenQueue
from referrals.cli.output import StoppedError, out
from referrals.runtime import clock
from referrals.usecases.announce_again import TooLongAgoError

app = typer.Typer(help="Dead-letter queues.", no_args_is_help=True)

# the oldest is looked for among so many
_LOOKED_AT = 100
_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

Name = Annotated[str, typer.Argument(help="As `queue list` says it.")]


@app.command("list")
def list_queues() -> None:
    """List the dead-letter queues: how many messages each holds, and since when."""
    table = Table("queue", "messages", "the oldest")
    for name in DEAD_QUEUES:
        with _opened(name) as queue:
            depth = queue.depth()
            letters = list(islice(queue.letters(), _LOOKED_AT)) if depth else []
            table.add_row(name, str(depth), _oldest(letters, depth))
    out.print(table)


@app.command("show")
def show_queue(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, help="The most messages to show.")] = 20,
) -> None:
    """Show what the messages of a queue are about, and leave them in it."""
    table = Table("message", "about", "received", "since", "why")
    with _opened(name) as queue:
        for letter in islice(queue.letters(), limit):
            about, why = queue.kind.describe(letter.body)
            since = f"{letter.sent_at:%F %T} UTC"
            table.add_row(letter.message_id, about, str(letter.received), since, why)
    out.print(table)


@app.command("redrive")
def redrive(
    name: Name,
    message: Annotated[
        list[str] | None, typer.Option("--id", help="One message; may be given again.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every message.")] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Have done again what was tried in vain. Nothing that was done is done twice."""
    if bool(message) == is_all:
        raise StoppedError("name messages with --id, or all of them with --all")
    wanted, done, stays = set(message or ()), list[str](), list[str]()
    with _opened(name) as queue:
        for letter in queue.letters():
            if not is_all and letter.message_id not in wanted:
                continue
            trouble = None if is_dry_run else _redriven(queue, letter)
            (stays if trouble else done).append(letter.message_id)
            about, _ = queue.kind.describe(letter.body)
            out.print(
                f"{letter.message_id}: {about}{f'; {trouble}' if trouble else ''}", soft_wrap=True
            )
    out.print(f"{len(done)} messages {'would be ' if is_dry_run else ''}done again")
    missing = wanted.difference(done)
    if missing or stays:
        raise StoppedError(f"not done: {', '.join(sorted({*missing, *stays}))}")


def _redriven(queue: OpenQueue, letter: Letter) -> str | None:
    """Do a letter again; gives what keeps it where it is, and None when it was done."""
    try:
        queue.redrive(letter)
    except TooLongAgoError:
        return "longer ago than any sweep looks"
    except (ValueError, KeyError, TypeError, OSError):
        return "it is none of ours, or damaged"
    return None


@contextmanager
def _opened(name: str) -> Iterator[OpenQueue]:
    kind = DEAD_QUEUES.get(name)
    if kind is None:
        raise StoppedError(f"no such queue; there are {', '.join(DEAD_QUEUES)}")
    try:
        queue = OpenQueue(kind)
    except ClientError as error:
        raise StoppedError(f"{name}: {error.response['Error']['Code']}") from error
    with queue:
        yield queue


def _oldest(letters: list[Letter], depth: int) -> str:
    if not letters:
        return ""
    age = clock.utc_now() - min(letter.sent_at for letter in letters)
    at_least = "at least " if len(letters) < depth else ""
    return f"{at_least}{_in_words(age)}"


def _in_words(age: timedelta) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "hours")):
        if age >= 2 * unit:
            return f"{age // unit} {name}"
    return f"{max(age // _MINUTE, 0)} minutes"
