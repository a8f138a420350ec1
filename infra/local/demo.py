"""`make demo`: the whole system in this process, its story played, and everything to click on.

PORT chooses the port, ONCE=1 leaves after the story, HISTORY=90d plays ninety days of real orders
before it.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from infra.local import shortcuts, story
from infra.local.cloud import LocalCloud
from infra.local.gateway import Page
from infra.local.history import MOST_DAYS, PLAYED_SHARE
from infra.local.pages import Site, index
from infra.local.replay import HistoryNotSoundError, Replayed, replay
from infra.local.shop_backend import ShopBackend, with_prefix
from infra.local.story import Story, StoryFailedError
from infra.local.telling import Telling, console
from infra.manifest import ROOT

PORT = 8000
ANY_PORT = 0
SCRIPT_FILE = ROOT / "build" / "demo.json"
# Powertools reads these when functions are imported: a story has no log lines in between
_QUIET = {
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "demo",
}
_NO = frozenset({"", "0", "no", "false", "off"})


class NotUnderstoodError(ValueError):
    """A variable that says how the demo is to run cannot be read."""


class PortTakenError(OSError):
    """Somebody listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken; leave PORT out to use any free one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the demo is to run; `port` None is 8000 when it is free and any other when not.

    `referred_share` is the part of new customers in a history who came on a recommendation.
    """

    port: int | None = None
    is_once: bool = False
    history_days: int | None = None
    referred_share: float = PLAYED_SHARE
    script_file: Path = SCRIPT_FILE

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Wishes":
        """Read PORT, ONCE and HISTORY; NotUnderstoodError says which of them is wrong."""
        return cls(
            port=_port(environment.get("PORT", "")),
            is_once=environment.get("ONCE", "").strip().lower() not in _NO,
            history_days=_days(environment.get("HISTORY", "")),
        )


def _port(text: str) -> int | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text.strip()) or int(text) > 65_535:  # noqa: PLR2004
        raise NotUnderstoodError(f"PORT={text} is not a port")
    return int(text)


def _days(text: str) -> int | None:
    if text.strip().lower() in _NO:
        return None
    match = re.fullmatch(r"([0-9]{1,3})d", text.strip())
    if match is None or not 1 <= int(match[1]) <= MOST_DAYS:
        raise NotUnderstoodError(f"HISTORY={text} is not 1d to {MOST_DAYS}d")
    return int(match[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A system that is up, with its story played."""

    cloud: LocalCloud
    shop: ShopBackend
    checks: int
    history: Replayed | None


@contextmanager
def standing(wishes: Wishes, out: Console) -> Iterator[Demo]:
    """Start everything and play; inside, the demo is up and delivers by itself.

    StoryFailedError when the story differs from what it should be; PortTakenError.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    shortcuts.install()
    with LocalCloud() as cloud:
        site = Site(cloud)
        serve(cloud, wishes.port, site.mounts)
        # not before the port is ours: the file may be that of a demo that is running
        wishes.script_file.unlink(missing_ok=True)
        shop = ShopBackend(
            base_url=str(cloud.base_url),
            api_key=cloud.secret("api-key"),
            webhook_secret=with_prefix(cloud.secret("webhook-secret")),
        )
        history = None
        if wishes.history_days:
            history = replay(cloud, wishes.history_days, out, share=wishes.referred_share)
        checks = len(Story(cloud, shop, Telling(out)).play())
        site.open(shop, checks=checks, history=history)
        cloud.run_in_background()
        write_script_file(wishes.script_file, shop)
        yield Demo(cloud=cloud, shop=shop, checks=checks, history=history)


def serve(cloud: LocalCloud, port: int | None, mounts: Mapping[str, Page]) -> None:
    """Serve on a port; None is 8000 when it is free and any other when not. PortTakenError."""
    wanted = PORT if port is None else port
    if not _is_free(wanted):
        if port is not None:
            raise PortTakenError(port)
        wanted = ANY_PORT
    cloud.serve(wanted, pages=mounts)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # as the server itself: what is only left over from a server before does not count
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write_script_file(path: Path, shop: ShopBackend) -> None:
    """Write what scripts need to call the demo, all at once, so that nobody reads half of it."""
    content = {
        "base_url": shop.base_url,
        "api_key": shop.api_key,
        "webhook_secret": shop.webhook_secret,
        "program": story.PROGRAM,
        "advocate": {
            "id": story.ADVOCATE,
            "code": story.CODE,
            "link": f"{shop.base_url}/r/{story.CODE}",
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def run(wishes: Wishes, out: Console) -> int:
    """Run the demo; give the status: 0 when every check held, 1 when one did not."""
    try:
        with standing(wishes, out) as demo:
            out.print()
            out.print(Text(f"all {demo.checks} checks hold", style="bold green"))
            if not wishes.is_once:
                _invite(demo, wishes, out)
                threading.Event().wait()
    except (StoryFailedError, HistoryNotSoundError) as failure:
        out.print()
        for difference in failure.differences:
            out.print(Text(f"✗ {difference}", style="bold red"))
        return 1
    except PortTakenError as error:
        out.print(Text(str(error), style="red"))
        return 1
    return 0


def _invite(demo: Demo, wishes: Wishes, out: Console) -> None:
    base_url = demo.shop.base_url
    telling = Telling(out)
    telling.title("open", "everything below is up until Ctrl-C")
    for label, address in (
        ("start", f"{base_url}/"),
        ("mails", f"{base_url}/inbox"),
        ("link", f"{base_url}/r/{story.CODE}"),
        ("shop", f"{base_url}/shop"),
        ("outside", f"{base_url}/fakes"),
    ):
        telling.line(label, address)
    telling.title("call", f"keys are in {_shown(wishes.script_file)}")
    # whole lines, however long: they are there to be copied
    for command in index.curl_examples(demo.shop):
        out.print(f"  {command}", soft_wrap=True)
    out.print()


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _leave(_signal: int, _frame: Any) -> NoReturn:
    # a second Ctrl-C must not break off the leaving
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def main() -> int:
    """Run as the environment says; Ctrl-C and SIGTERM end it well."""
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    out = console()
    try:
        wishes = Wishes.of(os.environ)
    except NotUnderstoodError as error:
        out.print(Text(str(error), style="red"))
        return 2
    return run(wishes, out)


if __name__ == "__main__":
    sys.exit(main())
