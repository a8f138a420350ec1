"""What every command prints through, and how one stops."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

# no markup and no emoji: names may have brackets in them, and `:tea:` is an account
out = Console(highlight=False, markup=False, emoji=False)

ExistingFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


class StoppedError(typer.Exit):
    """Something was wrong; it was said, and the status is 1."""

    def __init__(self, says: str) -> None:
        out.print(says, style="red")
        super().__init__(code=1)
