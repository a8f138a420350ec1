"""The redirect over HTTP in the local cloud, beside a bare WSGI app on the same server.

The run is over when the last click is counted, not when the last answer is sent.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cheroot.wsgi import Server

from infra.local.cloud import LocalCloud
from infra.local.gateway import THREADS, Gateway
from infra.manifest import ROOT
from referrals.store import counters
from tools.bench import shop
from tools.bench.load import CONNECTIONS
from tools.bench.rounds import middle, ratio
from tools.bench.tables import Table, out_argument, write

_ROUNDS, _SECONDS = 3, 1.0
_CODES = 10
_FOUND = "302"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a round of load came to."""

    answers: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds


def main() -> None:
    options = out_argument(__doc__).parse_args()
    with LocalCloud(apps=["link_redirect", "click_counter"]) as cloud:
        shop.open_shop()
        for number in range(_CODES):
            shop.enrol(f"advocate-{number}", f"CODE{number}")
        from functions.link_redirect.app import app

        with _served(Gateway({"link_redirect": app})) as redirect_url, _served(_bare) as bare_url:
            warm_up = [_load(url, 0.2) for url in (redirect_url, bare_url)]
            rounds = [(_load(redirect_url), _load(bare_url)) for _ in range(_ROUNDS)]
        drain_seconds = _drained(cloud)
        counted = sum(map(_counted, range(_CODES)))
    redirect, bare = zip(*rounds, strict=True)
    answered = warm_up[0].answers + sum(each.answers for each in redirect)
    seconds = warm_up[0].seconds + sum(each.seconds for each in redirect) + drain_seconds
    write(
        options.out, [_table(redirect, bare, Answered(answers=counted, seconds=seconds), answered)]
    )


@contextmanager
def _served(app: Any) -> Iterator[str]:
    """Serve a WSGI app on a free port of 127.0.0.1 as the local cloud does; give share links."""
    server = Server(("127.0.0.1", 0), app, numthreads=THREADS)
    server.keep_alive_conn_limit = 2 * CONNECTIONS  # by itself cheroot hangs up on the eleventh
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}/CODE{{number}}?ch=email"
    finally:
        server.stop()
        thread.join()


def _bare(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    location = f"https://shop.example/welcome?via={environ['PATH_INFO'][1:]}"
    start_response("302 Found", [("Location", location), ("Content-Length", "0")])
    return [b""]


def _load(url: str, seconds: float = _SECONDS) -> Answered:
    command = [sys.executable, "-m", "tools.bench.load", url, str(seconds)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    content = json.loads(done.stdout)
    if set(content["statuses"]) != {_FOUND}:
        raise RuntimeError(f"{url} answered {content['statuses']}")
    return Answered(answers=content["statuses"][_FOUND], seconds=content["seconds"])


def _drained(cloud: LocalCloud) -> float:
    before = time.perf_counter()
    cloud.settle()
    return time.perf_counter() - before


def _counted(number: int) -> int:
    total = counters.list_of_code(f"CODE{number}")["total"]
    return total.clicks + total.repeats


def _table(
    redirect: tuple[Answered, ...], bare: tuple[Answered, ...], counted: Answered, answered: int
) -> Table:
    ours, theirs = ([each.per_second for each in of] for of in (redirect, bare))
    is_complete = counted.answers == answered
    return Table(
        key="redirect_http",
        title=f"Redirect over HTTP in the local cloud, {CONNECTIONS} connections kept alive",
        units={"throughput": "a second", "to bare": "ratio"},
        rows={
            "bare WSGI app, 302": {"throughput": middle(theirs), "to bare": 1.0},
            "redirect, answered": {"throughput": middle(ours), "to bare": ratio(ours, theirs)},
            "redirect, answered and counted": {
                "throughput": counted.per_second,
                "to bare": counted.per_second / middle(theirs),
            },
        },
        notes=(
            f"{counted.answers:,} clicks of {answered:,} answers are counted",
            "gateway, function, engine and counter share one Python process",
        ),
        faults=() if is_complete else ("clicks were lost or counted twice",),
    )


if __name__ == "__main__":
    main()
