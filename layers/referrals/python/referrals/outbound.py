"""HTTP to systems outside: to public addresses only, without redirects, and within a time.

OutboundError
├── TargetRefusedError   the address is none that may be called; nothing was sent
├── NotReachedError      there was no connection; nothing was sent
└── AnswerLostError      the request may have arrived; nobody knows

A name is resolved once, every address it has is checked, and the connection goes to the very
address that was checked: a name that changes in between leads nowhere else. No proxy is asked.
"""

import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

HTTPS_PORT = 443
_PORTS = frozenset({HTTPS_PORT, 8443})
_MOST_BYTES = 256 * 1024

# From the IANA registries of special-purpose addresses. Of IPv4 these are not public:
_PRIVATE_IPV4 = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
# Of IPv6 one block is public. All that carries an IPv4 address is outside of it, or named here.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_PRIVATE_IPV6 = tuple(
    ipaddress.IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

# what a URL may not hold: parsers read it in different ways
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")

_RETRY_AFTER = "retry-after"
_SECONDS = re.compile(r"[0-9]{1,9}")
_MANY_SECONDS = re.compile(r"[0-9]{10,}")
_MOST_SECONDS = 10**9  # thirty years: nobody waits as long, and no date overflows
# the three forms of a date, RFC 9110, section 5.6.7
_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")

Resolver = Callable[[str, int], list[str]]


class OutboundError(Exception):
    """A call that brought no answer; says why, never what was sent."""


class TargetRefusedError(OutboundError):
    """The address is none that may be called; nothing was sent."""


class NotReachedError(OutboundError):
    """There was no connection; nothing was sent."""


class AnswerLostError(OutboundError):
    """The request may have arrived, and its answer did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `body` is cut where too much came.

    `headers` are by their names in lower case; several of one name stand in one, with commas.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def not_before(self, now: datetime) -> datetime | None:
        """Give the moment before which whoever answered at `now` asks not to be called again.

        RFC 9110, section 10.2.3: seconds or a date. None when they ask for nothing that can be
        read; it may be over, or far away, and how long they are obeyed is for the caller to say.
        """
        given = self.headers.get(_RETRY_AFTER, "").strip()
        if _SECONDS.fullmatch(given):
            return now + timedelta(seconds=int(given))
        if _MANY_SECONDS.fullmatch(given):
            return now + timedelta(seconds=_MOST_SECONDS)
        dates = (_date(given, form) for form in _DATES)
        return next((each for each in dates if each is not None), None)


def _date(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def _by_name(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(values) for name, values in found.items()}


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


_resolve: Resolver = _resolved
_trusted: set[str] = set()


@contextmanager
def trusting(*hosts: str) -> Iterator[None]:
    """Let some hosts (`127.0.0.1:8000`) be called over plain HTTP inside the block: local fakes."""
    before = set(_trusted)
    _trusted.update(hosts)
    try:
        yield
    finally:
        _trusted.clear()
        _trusted.update(before)


def send(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    timeout_seconds: float,
    most_bytes: int = _MOST_BYTES,
) -> Answer:
    """Send one request and give the answer, whatever its status; OutboundError without one.

    `timeout_seconds` is for all of it, from the name to the last byte; redirects are answers.
    """
    target, deadline = _checked(url), _Deadline(timeout_seconds)
    sent = {**headers, "Host": target.authority}
    with closing(_connected(target, deadline)) as reached:
        connection = http.client.HTTPConnection(target.host, target.port)
        # having one, it makes no socket of its own
        connection.sock = _TimedSocket(reached, deadline)
        try:
            connection.request(method, target.path, body=body, headers=sent)
            response = connection.getresponse()
            content = response.read(most_bytes)
            if len(content) < most_bytes and response.length:
                raise AnswerLostError("the answer is cut off")
        except (http.client.HTTPException, OSError) as error:
            raise AnswerLostError(type(error).__name__) from None
    return Answer(status=response.status, body=content, headers=_by_name(response.getheaders()))


def check_target(url: str, *, timeout_seconds: float = 5) -> None:
    """Look whether a URL may be called now, without calling it; OutboundError says why not."""
    target = _checked(url)
    if not target.is_trusted:
        _public_addresses(target, _Deadline(timeout_seconds))


class _Deadline:
    """The moment by which everything has to be done."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left_seconds(self) -> float:
        """Give the time that is left; TimeoutError when there is none."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where a request goes; `host` as the resolver and the certificate have it."""

    host: str
    port: int
    authority: str
    path: str
    is_trusted: bool


def _checked(url: str) -> _Target:
    """Take a URL apart; TargetRefusedError unless it is plain https on a port for it."""
    if _AMBIGUOUS.search(url):
        raise TargetRefusedError("has signs that no address has")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # brackets or a port that are none, or a name that cannot be one
        raise TargetRefusedError("is no address") from None
    name = f"[{host}]" if ":" in host else host
    target = _Target(
        host=host,
        port=port or HTTPS_PORT,
        authority=name if port is None else f"{name}:{port}",
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        is_trusted=parts.netloc in _trusted,
    )
    _refuse(parts, target)
    return target


def _refuse(parts: SplitResult, target: _Target) -> None:
    if not target.path.isascii():
        raise TargetRefusedError("has signs that no address has")
    if target.is_trusted:
        return
    if parts.scheme != "https" or not target.host:
        raise TargetRefusedError("is no https address")
    if "@" in parts.netloc:
        raise TargetRefusedError("names a user")
    if target.host.endswith(".") or "%" in target.host:
        raise TargetRefusedError("is no name of a host")
    if target.port not in _PORTS:
        raise TargetRefusedError("is on a port that is not called")


def _connected(target: _Target, deadline: _Deadline) -> socket.socket:
    """Give a connection to whoever can prove to be the target; NotReachedError."""
    addresses = [target.host] if target.is_trusted else _public_addresses(target, deadline)
    try:
        reached = _reached(addresses, target.port, deadline)
        return reached if target.is_trusted else _encrypted(reached, target.host, deadline)
    except OSError as error:
        raise NotReachedError(type(error).__name__) from None


def _public_addresses(target: _Target, deadline: _Deadline) -> list[str]:
    """Resolve a name once; TargetRefusedError unless every address that it has is public."""
    try:
        addresses = _resolved_in_time(target.host, target.port, deadline)
    except (OSError, UnicodeError):
        raise NotReachedError("the name is unknown") from None
    if not addresses or not all(_is_public(address) for address in addresses):
        raise TargetRefusedError("is no public address")
    return addresses


def _resolved_in_time(host: str, port: int, deadline: _Deadline) -> list[str]:
    # the system's resolver takes as long as somebody's name server does, and knows no time-out
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(_resolve, host, port).result(deadline.left_seconds())
    finally:
        pool.shutdown(wait=False)


def _is_public(address: str) -> bool:
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(given, ipaddress.IPv4Address):
        return not any(given in network for network in _PRIVATE_IPV4)
    is_global = given in _GLOBAL_IPV6 and given.scope_id is None
    return is_global and not any(given in network for network in _PRIVATE_IPV6)


def _reached(addresses: list[str], port: int, deadline: _Deadline) -> socket.socket:
    """Connect to the first address that answers; each gets its part of the time."""
    failure = OSError()
    for tried, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        reached = socket.socket(family, socket.SOCK_STREAM)
        try:
            reached.settimeout(deadline.left_seconds() / (len(addresses) - tried))
            reached.connect((address, port))
        except OSError as error:
            reached.close()
            failure = error
        else:
            return reached
    raise failure


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _encrypted(reached: socket.socket, host: str, deadline: _Deadline) -> ssl.SSLSocket:
    """Begin TLS with whoever can prove to be `host`."""
    try:
        reached.settimeout(deadline.left_seconds())
        return _tls().wrap_socket(reached, server_hostname=host)
    except OSError:
        reached.close()
        raise


class _TimedSocket(io.RawIOBase):
    """A socket that waits for nothing longer than there is time left, however slow the drip.

    Whoever made `inner` closes it: `http.client` closes what it was given before it has read.
    """

    def __init__(self, inner: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._inner, self._deadline = inner, deadline

    def sendall(self, data: bytes) -> None:
        unsent = memoryview(data)
        while unsent:
            self._inner.settimeout(self._deadline.left_seconds())
            unsent = unsent[self._inner.send(unsent) :]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._inner.settimeout(self._deadline.left_seconds())
        return self._inner.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedSocket(self._inner, self._deadline))
