"""A webhook endpoint on 127.0.0.1 that answers as it is told, and keeps what it was sent."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from referrals import outbound

_PATIENCE_S = 10


@dataclass(frozen=True, kw_only=True)
class Post:
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class Receiver:
    """`answers` are the statuses of the next posts; `status` is that of all others.

    `asks_for` are its `Retry-After`, one header each.
    """

    url: str
    status: int = 200
    answers: deque[int] = field(default_factory=deque)
    asks_for: tuple[str, ...] = ()
    posts: list[Post] = field(default_factory=list)
    # whoever posts waits until this is set
    is_open: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> list[str]:
        return [post.event["id"] for post in self.posts]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve an endpoint that outgoing calls may reach, though it is local."""
    receivers = list[Receiver]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (receiver,) = receivers
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posts.append(Post(headers=headers, body=body))
            status = receiver.answers.popleft() if receiver.answers else receiver.status
            receiver.is_open.wait(_PATIENCE_S)
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            for asked in receiver.asks_for:
                self.send_header("Retry-After", asked)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    host = f"127.0.0.1:{server.server_address[1]}"
    receiver = Receiver(url=f"http://{host}/hook")
    receiver.is_open.set()
    receivers.append(receiver)
    try:
        with outbound.trusting(host):
            yield receiver
    finally:
        receiver.is_open.set()
        server.shutdown()
        thread.join()
        server.server_close()
