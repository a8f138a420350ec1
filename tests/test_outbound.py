"""Calls to systems outside reach public addresses only, prove who answers, and end in time."""

import ipaddress
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from referrals import outbound
from referrals.outbound import (
    Answer,
    AnswerLostError,
    NotReachedError,
    OutboundError,
    TargetRefusedError,
    check_target,
    send,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PUBLIC = "93.184.215.14"
PUBLIC_IPV6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# one of each kind that is not public, as a resolver writes it
NOT_PUBLIC = (
    *("127.0.0.1", "127.255.255.254", "10.0.0.5", "172.16.0.1"),
    *("0.0.0.0", "0.1.2.3"),  # noqa: S104 - nothing is bound to it
    *("172.31.255.255", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1"),
    *("100.127.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:93.184.215.14"),
    *("64:ff9b::7f00:1", "64:ff9b::5db8:d70e", "64:ff9b:1::a00:1", "100::1", "2001::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:20::1", "2001:db8::1", "2002:7f00:1::1"),
    *("2002:5db8:d70e::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1"),
    *("fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
)
# what somebody may write in place of an address, and what it means to a resolver
SPELLINGS = (
    *("127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.1"),
    *("2130706433", "0x7f000001", "017700000001", "0", "0x0", "00000000", "127.0.0.01"),
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    *("2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "025177524776", "169.16689662"),
    *("169.254.43518", "10.1", "167772161", "0xa000001", "012.0.0.1", "192.168.257", "3232235777"),
    *(
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::FFFF:a9fe:a9fe]",
    ),
    *("[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[FE80::1]", "[fec0::1]", "[ff02::1]"),
    *("[64:ff9b::169.254.169.254]", "[2002:a9fe:a9fe::]", "[2001::a9fe:a9fe]"),
    # full-width digits and dots become plain ones on the way to the resolver
    *("\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1"),
)
MALFORMED = (
    *(
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example",
    ),
    *("//hooks.example/", "hooks.example", "", "https://", "https:///path", "https://:443/"),
    *("https://user@hooks.example/", "https://user:word@hooks.example/", "https://@hooks.example/"),
    *("https://hooks.example@127.0.0.1/", "https://hooks.example:22/", "https://hooks.example:80/"),
    *("https://hooks.example:6379/", "https://hooks.example:99999/", "https://hooks.example:x/"),
    *(
        "https://hooks.example./",
        "https://127.0.0.1./",
        "https://localhost./",
        "https://hooks..example/",
    ),
    *("https://hooks.example\\@127.0.0.1/", "https://127.0.0.1\\.hooks.example/"),
    *(
        "https://hooks.example/\r\nHost: other",
        "https://hooks.example/a b",
        " https://hooks.example",
    ),
    *("https://hooks.exa\tmple/", "https://hooks.example/\x00", "https://hooks.example/\u00e9"),
    *(
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://[hooks.example]/",
        "https://%31%32%37.1/",
    ),
    f"https://{'a' * 64}.example/",
)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuse every connection, and give the addresses that were wanted."""
    wanted = list[str]()

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        wanted.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return wanted


_Found = list[tuple[int, int, int, str, tuple[str, int]]]


class _Names:
    """Names that have other addresses each time somebody asks, the last ones from then on."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked = list[str]()
        self._real = socket.getaddrinfo

    def find(self, host: str, port: int, **_: object) -> _Found:
        self.asked.append(host)
        if host not in self.answers:
            flags = socket.AI_NUMERICHOST  # as the system reads it, without asking anybody
            return self._real(host, port, type=socket.SOCK_STREAM, flags=flags)  # type: ignore[return-value]
        answers = self.answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(0, 0, 0, "", (address, port)) for address in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> _Names:
    known = _Names()
    monkeypatch.setattr(socket, "getaddrinfo", known.find)
    return known


def call(url: str, *, seconds: float = 5) -> Answer:
    return send("POST", url, body=b"{}", headers={}, timeout_seconds=seconds)


def _drawn(seed: int, count: int) -> Iterator[str]:
    """Draw addresses inside, and spell them as people do who hide one."""
    draw = random.Random(seed)
    inside = [
        ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "169.254.0.0/16", "127.0.0.0/8")
    ]
    spellings: list[Callable[[int], str]] = [
        str,
        hex,
        lambda n: f"0{n:o}",
        lambda n: ".".join(hex(part) for part in n.to_bytes(4)),
        lambda n: ".".join(f"0{part:o}" for part in n.to_bytes(4)),
        lambda n: f"{n >> 24}.{n & 0xFFFFFF}",
        lambda n: f"[::ffff:{ipaddress.IPv4Address(n)}]",
        lambda n: f"[2002:{n >> 16:x}:{n & 0xFFFF:x}::1]",
        lambda n: f"[64:ff9b::{n >> 16:x}:{n & 0xFFFF:x}]",
    ]
    for number in range(count):
        network = inside[draw.randrange(3)]
        address = int(network[draw.randrange(1, network.num_addresses - 1)])
        yield spellings[number % len(spellings)](address)


def test_of_200_hostile_targets_none_is_connected_to_an_address_that_is_not_public(
    names: _Names, connections: list[str]
) -> None:
    urls = [*MALFORMED, *(f"https://{host}/" for host in SPELLINGS)]
    for number, address in enumerate(NOT_PUBLIC):
        names.answers[f"inside-{number}.example"] = [[address]]
        names.answers[f"both-{number}.example"] = [[PUBLIC, address]]
        # public when it is checked, another when it is connected to; and the other way round
        names.answers[f"flips-{number}.example"] = [[PUBLIC], [address]]
        names.answers[f"returns-{number}.example"] = [[address], [PUBLIC], [address]]
    urls += [f"https://{name}/hook" for name in names.answers]
    urls += [f"https://{host}/" for host in _drawn(200, 200)]
    assert len(urls) >= 200
    for url in urls:
        for _ in range(4):
            with pytest.raises(OutboundError):
                call(url)
    # each of the flipping ones was public once
    assert set(connections) == {PUBLIC}
    assert len(connections) == 2 * len(NOT_PUBLIC)


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_plain_https_address_is_refused_before_anybody_is_asked(
    names: _Names, url: str
) -> None:
    with pytest.raises(TargetRefusedError):
        check_target(url)
    assert names.asked == []


@pytest.mark.parametrize("host", SPELLINGS)
def test_an_address_inside_is_refused_however_it_is_spelled(names: _Names, host: str) -> None:
    with pytest.raises(TargetRefusedError, match="no public address"):
        check_target(f"https://{host}/")


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_IPV6, "8.8.8.8", "2a00:1450:4001::1"])
def test_a_public_address_is_connected_to(
    names: _Names, connections: list[str], address: str
) -> None:
    names.answers["hooks.example"] = [[address]]
    check_target("https://hooks.example:8443/in?k=1")
    with pytest.raises(NotReachedError):
        call("https://hooks.example:8443/in?k=1")
    assert connections == [address]


def test_every_address_of_a_name_is_tried_and_the_name_is_asked_for_once(
    names: _Names, connections: list[str]
) -> None:
    names.answers["hooks.example"] = [[PUBLIC_IPV6, PUBLIC]]
    with pytest.raises(NotReachedError):
        call("https://hooks.example/")
    assert connections == [PUBLIC_IPV6, PUBLIC]
    assert names.asked == ["hooks.example"]


def test_a_name_in_other_letters_is_asked_for_in_plain_ones(names: _Names) -> None:
    names.answers["xn--80ak6aa92e.example"] = [[PUBLIC]]
    check_target("https://\u0430\u0440\u0440\u04cf\u0435.example/")
    assert names.asked == ["xn--80ak6aa92e.example"]


def test_a_name_that_nobody_knows_is_not_reached(names: _Names) -> None:
    with pytest.raises(NotReachedError, match="unknown"):
        check_target("https://nobody.invalid/")


def test_a_name_server_that_never_answers_is_waited_for_no_longer_than_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_over = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        is_over.wait(5)
        return [PUBLIC]

    monkeypatch.setattr(outbound, "_resolve", resolve)
    started = time.monotonic()
    with pytest.raises(NotReachedError):
        call("https://hooks.example/", seconds=0.2)
    assert time.monotonic() - started < 2
    is_over.set()


# an endpoint with a certificate, on 127.0.0.1, which is let count as public here

_Serve = Callable[[socket.socket], None]


def _certificate(name: str, folder: Path) -> Path:
    """Write a key and a certificate for a name, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "hooks.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = _certificate("hooks.example", tmp_path)
    trust = ssl.create_default_context(cafile=str(file))
    monkeypatch.setattr(outbound, "_tls", lambda: trust)
    monkeypatch.setattr(outbound, "_resolve", lambda _host, _port: ["127.0.0.1"])
    monkeypatch.setattr(outbound, "_is_public", lambda address: address == "127.0.0.1")
    return file


@contextmanager
def serving(
    serve: _Serve, certificate: Path | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Answer one connection, over TLS when there is a certificate; gives the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    monkeypatch.setattr(outbound, "_PORTS", frozenset({port}))

    def answer() -> None:
        accepted, _ = listener.accept()
        with accepted:
            try:
                if certificate is None:
                    serve(accepted)
                    return
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                with context.wrap_socket(accepted, server_side=True) as encrypted:
                    _read_request(encrypted)
                    serve(encrypted)
            except OSError:
                return  # whoever called has gone

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"https://hooks.example:{port}/hook"
    finally:
        thread.join()
        listener.close()


def _read_request(connection: socket.socket) -> None:
    """Read all of a request: who hangs up on unread bytes resets the connection."""
    read = b""
    while b"\r\n\r\n" not in read or (b"Content-Length: 2" in read and not read.endswith(b"{}")):
        got = connection.recv(65536)
        if not got:
            return
        read += got


def _says(answer: bytes) -> _Serve:
    return lambda connection: connection.sendall(answer)


def _drips(answer: bytes) -> _Serve:
    """Say one byte at a time, each well before anybody loses patience with one."""

    def serve(connection: socket.socket) -> None:
        for each in answer:
            connection.sendall(bytes([each]))
            time.sleep(0.02)

    return serve


def test_whoever_proves_to_be_the_name_is_called(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(_says(b"HTTP/1.1 204 Done\r\nX-A: b\r\n\r\n"), certificate, monkeypatch) as url:
        answer = call(url)
    assert answer == Answer(status=204, body=b"", headers={"x-a": "b"})


def test_whoever_cannot_prove_to_be_the_name_is_sent_nothing(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(_says(b""), certificate, monkeypatch) as url:
        other = url.replace("hooks.example", "other.example")
        with pytest.raises(NotReachedError, match="SSLCertVerificationError"):
            call(other)


def test_a_redirect_is_an_answer_and_is_not_followed(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: https://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with serving(_says(moved), certificate, monkeypatch) as url:
        assert call(url).status == 307


def test_of_an_answer_without_end_only_so_much_is_read(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    much = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 300_000
    with serving(_says(much), certificate, monkeypatch) as url:
        answer = send("POST", url, headers={}, timeout_seconds=5, most_bytes=65_536)
    assert len(answer.body) == 65_536


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 500 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"b" * 500,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
    ],
)
def test_an_answer_that_drips_is_lost_when_the_time_is_over(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    started = time.monotonic()
    with serving(_drips(answer), certificate, monkeypatch) as url:
        with pytest.raises(AnswerLostError):
            call(url, seconds=1)
        assert time.monotonic() - started < 3


def test_an_endpoint_that_never_ends_its_greeting_is_sent_nothing(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a TLS record that says it has 16 KB, and brings them a byte at a time
    with (
        serving(_drips(b"\x16\x03\x03\x40\x00" + b"\x00" * 200), None, monkeypatch) as url,
        pytest.raises(NotReachedError),
    ):
        call(url, seconds=0.4)


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"]
)
def test_half_an_answer_leaves_in_doubt_what_was_done(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    with serving(_says(answer), certificate, monkeypatch) as url, pytest.raises(AnswerLostError):
        call(url)


def test_no_proxy_of_the_environment_is_asked(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(_says(b"HTTP/1.1 200 OK\r\n\r\n"), certificate, monkeypatch) as url:
        assert call(url).status == 200


def test_headers_are_known_by_their_names_in_any_case_and_several_stand_in_one(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = b"HTTP/1.1 429 Busy\r\nRETRY-After: 5\r\nretry-after: 60\r\nContent-Length: 0\r\n\r\n"
    with serving(_says(busy), certificate, monkeypatch) as url:
        answer = call(url)
    assert answer.headers == {"retry-after": "5, 60", "content-length": "0"}
    assert answer.not_before(NOON) is None


@pytest.mark.parametrize(
    ("given", "not_before"),
    [
        ("0", NOON),
        ("120", NOON + timedelta(minutes=2)),
        ("  120\t", NOON + timedelta(minutes=2)),
        ("000120", NOON + timedelta(minutes=2)),
        ("999999999", NOON + timedelta(seconds=999_999_999)),
        # the three forms of a date
        ("Mon, 04 May 2026 13:30:00 GMT", NOON + timedelta(minutes=90)),
        ("Monday, 04-May-26 13:30:00 GMT", NOON + timedelta(minutes=90)),
        ("Mon May  4 13:30:00 2026", NOON + timedelta(minutes=90)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        # more than any date can hold
        ("10000000000", NOON + timedelta(seconds=1_000_000_000)),
        ("9" * 30_000, NOON + timedelta(seconds=1_000_000_000)),
    ],
)
def test_who_asks_for_time_says_it_in_seconds_or_as_a_date(
    given: str, not_before: datetime
) -> None:
    assert Answer(status=429, body=b"", headers={"retry-after": given}).not_before(NOON) == (
        not_before
    )


@pytest.mark.parametrize(
    "given",
    [
        *("", " ", "-1", "+1", "1.5", "1e3", "0x10", "1 2", "5, 60", "soon", "PT1H", "NaN"),
        *("\u0661\u0662", "\xb2", "12\x00", "1\r\n 2", "2026-05-04T13:30:00Z", "GMT"),
        "Mon, 04 May 2026 13:30:00",
        "Mon, 04 May 2026 13:30:00 CET",
        "Mon, 04 May 2026 13:30:00 +0000",
        "Mon, 32 May 2026 13:30:00 GMT",
        "Mon, 30 Feb 2026 13:30:00 GMT",
        "Mon, 04 May 0000 13:30:00 GMT",
        "Mon, 04 May 20260 13:30:00 GMT",
        f"Mon, 04 May {'2' * 30_000} 13:30:00 GMT",
        "Mon, 04 May 2026 25:30:00 GMT",
        "Mon, 04 May 2026 23:59:61 GMT",
        "Mon, 04 May 2026 13:30:00 GMT, Mon, 04 May 2026 14:30:00 GMT",
        "Mon, " * 10_000,
    ],
)
def test_what_cannot_be_read_asks_for_nothing(given: str) -> None:
    assert Answer(status=429, body=b"", headers={"retry-after": given}).not_before(NOON) is None


def test_who_says_nothing_of_time_asks_for_none() -> None:
    assert Answer(status=429, body=b"").not_before(NOON) is None
