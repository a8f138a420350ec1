"""API Gateway in front of the apps: several on one port, each seeing REST proxy events only."""

import base64
import contextlib
import errno
import http
import logging
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_to_bytes

from cheroot.wsgi import Server

from infra.local.invocations import Context, Function, executing
from infra.local.templates import ACCOUNT, INFRA, read

MAX_BODY_BYTES = 10 * 1024 * 1024
# beyond this the server itself hangs up, instead of reading on so that the client gets an answer
MAX_READ_BYTES = 8 * MAX_BODY_BYTES
THREADS = 16
STAGE = "live"

_LINE_ENDS = str.maketrans("\r\n\0", "   ")

_LOG = logging.getLogger(__name__)

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A request for a page that belongs to the local cloud only, such as the inbox."""

    method: str
    path: str  # decoded, below the prefix, beginning with a slash
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """What a page answers; of one that `is_broken_off` nothing arrives."""

    body: str | bytes
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"}
    )
    is_broken_off: bool = False


Page = Callable[[PageRequest], PageResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    raw_path: str  # still percent-encoded
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    address: str
    body: bytes

    def below(self, prefix: str) -> str | None:
        """Give the raw path below a prefix, or None when it is elsewhere."""
        if prefix in {"", "/"}:
            return self.raw_path
        if self.raw_path == prefix:
            return "/"
        return self.raw_path[len(prefix) :] if self.raw_path.startswith(f"{prefix}/") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Headers
    body: bytes
    is_broken_off: bool = False


class _RefusedError(Exception):
    """The gateway itself refuses a request; `kind` is the name of its response in gateway.yaml."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class _Match:
    route: str
    captured: Mapping[str, str]


@dataclass(slots=True)
class _Mounted:
    """A Chalice app, the routes it has, and the prefix that is taken away in front of it."""

    function: Function
    app: Any
    prefix: str
    # a Chalice app keeps the current request on itself: one request at a time, as in one Lambda
    lock: threading.Lock = field(default_factory=threading.Lock)

    def match(self, request: _Request) -> _Match | None:
        """Find the route for a path and a method, fixed parts before captured ones."""
        path = request.below(self.prefix)
        if path is None:
            return None
        for route, methods in sorted(self.app.routes.items()):
            captured = _captured(route, path)
            if captured is not None and request.method in methods:
                return _Match(route, captured)
        return None

    def answer(self, request: _Request, match: _Match) -> _Answer:
        """Let the app answer, and turn its proxy answer into an HTTP one."""
        with self.lock, executing(self.function):
            answer = self.app(_proxy_event(request, match), Context(self.function))
        body = answer.get("body") or ""
        headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
        for name, values in (answer.get("multiValueHeaders") or {}).items():
            headers += [(name, str(value)) for value in values]
        return _Answer(
            status=int(answer["statusCode"]),
            headers=headers,
            body=base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode(),
        )


class Gateway:
    """A WSGI application that finds the page or the app for a request."""

    def __init__(
        self,
        apps: Mapping[str, Any],
        *,
        prefixes: Mapping[str, str] | None = None,
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        """Mount `apps` (Chalice apps by name) at their own paths, or below their `prefixes`.

        `pages` are mounted by prefix and asked first, the longest prefix before the others; the
        page at `/` has that one path only.
        """
        self._apps = [
            _Mounted(Function(name), app, (prefixes or {}).get(name, ""))
            for name, app in apps.items()
            if app.routes
        ]
        self._pages = sorted((pages or {}).items(), key=lambda mount: len(mount[0]), reverse=True)

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[[str, list[Any]], Any]
    ) -> Iterable[bytes]:
        """Answer one request; whatever goes wrong in an app becomes a 5xx problem document."""
        method = str(environ["REQUEST_METHOD"])
        try:
            answer = self._answer(_request(environ))
        except _RefusedError as refusal:
            answer = _gateway_response(refusal.kind)
        except Exception:  # noqa: BLE001 - an app that fails must not take the gateway with it
            _LOG.exception("%s %s failed", method, environ.get("PATH_INFO"))
            answer = _gateway_response("DEFAULT_5XX")
        if answer.is_broken_off:
            # an error of the connection: the server closes it and says nothing
            raise ConnectionResetError(errno.ECONNRESET, "broken off")
        length = ("Content-Length", str(len(answer.body)))
        start_response(_status_line(answer.status), [*_clean(answer.headers), length])
        return [] if method == "HEAD" else [answer.body]

    def _answer(self, request: _Request) -> _Answer:
        for prefix, page in self._pages:
            path = request.below(prefix)
            if path is not None and (prefix != "/" or path == "/"):
                return _from_page(page, request, path)
        for mounted in self._apps:
            match = mounted.match(request)
            if match is not None:
                return mounted.answer(request, match)
        return _gateway_response("MISSING_AUTHENTICATION_TOKEN")


class GatewayServer:
    """Serves a gateway on 127.0.0.1 from a thread of its own until it is stopped."""

    def __init__(self, gateway: Gateway, *, port: int = 0) -> None:
        """Bind the port, 0 for any free one, and start to serve."""
        self._server = Server(("127.0.0.1", port), gateway, numthreads=THREADS)
        # the eleventh browser tab must not be hung up on
        self._server.keep_alive_conn_limit = 10 * THREADS
        # nor fifty that come at the same moment
        self._server.request_queue_size = 128
        self._server.max_request_body_size = MAX_READ_BYTES
        self._server.error_log = _log_server_error  # type: ignore[method-assign]
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="gateway", daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.bind_addr[1]}"

    def stop(self) -> None:
        """Stop to listen and wait for the threads."""
        self._server.stop()
        self._thread.join()


def _log_server_error(msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot calls it so
    is_hung_up = traceback and isinstance(sys.exc_info()[1], OSError)
    _LOG.log(logging.DEBUG if is_hung_up else level, msg, exc_info=traceback)


def _request(environ: Mapping[str, Any]) -> _Request:
    raw_path, _, query = str(environ["REQUEST_URI"]).partition("?")
    if not raw_path.startswith("/"):
        # a proxy's form, with scheme and host, or `*`: the server has taken it apart
        raw_path, query = str(environ["PATH_INFO"]), str(environ["QUERY_STRING"])
    return _Request(
        method=str(environ["REQUEST_METHOD"]),
        raw_path=raw_path,
        query=parse_qs(query, keep_blank_values=True, errors="replace"),
        headers=_headers(environ),
        address=str(environ.get("REMOTE_ADDR", "")),
        body=_body(environ),
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = str(environ[name])
    return headers


def _body(environ: Mapping[str, Any]) -> bytes:
    declared = int(environ.get("CONTENT_LENGTH") or 0)
    if declared > MAX_BODY_BYTES:
        # who is still sending would not look at an answer
        _drain(environ["wsgi.input"], declared)
        raise _RefusedError("REQUEST_TOO_LARGE")
    if declared <= 0 and not environ.get("wsgi.input_terminated"):
        return b""
    try:
        body = bytes(environ["wsgi.input"].read(declared or MAX_BODY_BYTES + 1))
    except (ValueError, OSError) as error:
        raise _RefusedError("DEFAULT_4XX") from error
    if len(body) > MAX_BODY_BYTES:
        raise _RefusedError("REQUEST_TOO_LARGE")
    if len(body) < declared:
        raise _RefusedError("DEFAULT_4XX")
    return body


def _drain(stream: Any, size: int) -> None:
    with contextlib.suppress(OSError):
        while size > 0 and (piece := stream.read(min(size, 65_536))):
            size -= len(piece)


def _captured(route: str, path: str) -> dict[str, str] | None:
    names = route.split("/")
    parts = (path.removesuffix("/") or "/").split("/")
    if len(names) != len(parts):
        return None
    captured = {}
    for name, part in zip(names, parts, strict=True):
        if name.startswith("{") and part:
            captured[name.strip("{}")] = part  # a REST API hands it on as it was sent
        elif name != part:
            return None
    return captured


def _proxy_event(request: _Request, match: _Match) -> dict[str, Any]:
    body, is_binary = _event_body(request.body)
    path = unquote(request.raw_path)
    return {
        "resource": match.route,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": {k: v[-1] for k, v in request.query.items()} or None,
        "multiValueQueryStringParameters": dict(request.query) or None,
        "pathParameters": dict(match.captured) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "httpMethod": request.method,
            "identity": {
                "sourceIp": request.address,
                "userAgent": request.headers.get("user-agent"),
            },
            "path": f"/{STAGE}{path}",
            "requestId": str(uuid.uuid4()),
            "requestTimeEpoch": int(time.time() * 1000),
            "resourcePath": match.route,
            "stage": STAGE,
        },
        "body": body,
        "isBase64Encoded": is_binary,
    }


def _event_body(body: bytes) -> tuple[str | None, bool]:
    if not body:
        return None, False
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def _from_page(page: Page, request: _Request, path: str) -> _Answer:
    answer = page(
        PageRequest(
            method=request.method,
            path=unquote_to_bytes(path).decode(errors="replace"),
            query=request.query,
            headers=request.headers,
            body=request.body,
        )
    )
    body = answer.body.encode() if isinstance(answer.body, str) else answer.body
    return _Answer(
        status=answer.status,
        headers=list(answer.headers.items()),
        body=body,
        is_broken_off=answer.is_broken_off,
    )


def _gateway_response(kind: str) -> _Answer:
    """Answer what infra/apps/gateway.yaml says that API Gateway answers by itself."""
    rest_api = read(INFRA / "apps" / "gateway.yaml")["Resources"]["RestAPI"]
    response = rest_api["Properties"]["GatewayResponses"][kind]
    headers = response["ResponseParameters"]["Headers"]
    return _Answer(
        status=int(response["StatusCode"]),
        headers=[(name, value.strip("'")) for name, value in headers.items()],
        body=response["ResponseTemplates"]["application/json"].encode(),
    )


def _status_line(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _clean(headers: Headers) -> list[tuple[str, str]]:
    # the length is the gateway's to say, and no value may become a second header or break the line
    return [
        (name, value.translate(_LINE_ENDS).encode("latin-1", "replace").decode("latin-1"))
        for name, value in headers
        if name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
