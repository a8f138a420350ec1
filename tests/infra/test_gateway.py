"""The local gateway gives apps what API Gateway would, and outlives what clients send."""

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from chalice import Chalice, Response

from infra.local.gateway import Gateway, GatewayServer, PageRequest, PageResponse


def an_app() -> Chalice:
    app = Chalice("echo", configure_logs=False)

    def things(name: str) -> dict[str, Any]:
        request = app.current_request
        queries = request.query_params
        return {
            "name": name,
            "q": queries.getlist("q") if queries and "q" in queries else [],
            "header": request.headers.get("x-thing"),
            "address": request.context["identity"]["sourceIp"],
        }

    def bodies() -> dict[str, Any]:
        request = app.current_request
        event = request.to_original_event()
        content = base64.b64encode(request.raw_body).decode()
        return {"content": content, "is_base64": event["isBase64Encoded"]}

    def cookies() -> Response:
        headers = {"Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"]}
        return Response(body="hello", headers=headers)

    def header() -> Response:
        return Response(body="", headers={"Location": "/\rX-Evil: 1", "X-Name": "\N{SNOWMAN}"})

    app.route("/things/{name}")(things)
    app.route("/things/special")(lambda: {"special": True})
    app.route("/bodies", methods=["POST"], content_types=["application/octet-stream"])(bodies)
    app.route("/cookies", methods=["GET", "HEAD"])(cookies)
    app.route("/header")(header)
    return app


def a_redirect() -> Chalice:
    app = Chalice("redirect", configure_logs=False)

    def follow(code: str) -> Response:
        return Response(body="", status_code=302, headers={"Location": f"/landing?via={code}"})

    app.route("/{code}", methods=["GET", "HEAD"])(follow)
    return app


class Broken:
    """An app that fails in a way that Chalice does not catch."""

    routes = {"/broken": {"GET": None}}  # noqa: RUF012 - read only

    def __call__(self, *_: object) -> None:
        raise MemoryError


def inbox(request: PageRequest) -> PageResponse:
    return PageResponse(body=f"{request.method} {request.path}")


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayServer]:
    apps = {"echo": an_app(), "redirect": a_redirect(), "broken": Broken()}
    gateway = Gateway(apps, prefixes={"redirect": "/r"}, pages={"/": inbox, "/inbox": inbox})
    server = GatewayServer(gateway)
    yield server
    server.stop()


class Client:
    def __init__(self, server: GatewayServer) -> None:
        self.address = ("127.0.0.1", int(server.base_url.rsplit(":", 1)[1]))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Any:
        _, _, body = self.ask("GET", path, headers=headers)
        return json.loads(body)

    def send(self, raw: bytes) -> bytes:
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()


@pytest.fixture
def client(server: GatewayServer) -> Client:
    return Client(server)


def test_path_parameters_arrive_as_they_were_sent(client: Client) -> None:
    assert client.get("/things/caf%C3%A9%2Fbar")["name"] == "caf%C3%A9%2Fbar"


def test_a_fixed_path_goes_before_a_captured_one(client: Client) -> None:
    assert client.get("/things/special") == {"special": True}


def test_a_query_parameter_may_come_several_times(client: Client) -> None:
    assert client.get("/things/a?q=1&q=&q=%FF")["q"] == ["1", "", "\N{REPLACEMENT CHARACTER}"]


def test_headers_and_the_address_arrive(client: Client) -> None:
    answer = client.get("/things/a", **{"X-Thing": "here"})
    assert (answer["header"], answer["address"]) == ("here", "127.0.0.1")


@pytest.mark.parametrize(
    ("body", "is_base64"), [(b'{"a": 1}', False), (b"\xff\x00\xfe", True), (b"", False)]
)
def test_a_body_arrives_byte_for_byte(client: Client, body: bytes, is_base64: bool) -> None:  # noqa: FBT001 - a case of the table
    _, _, answer = client.ask("POST", "/bodies", body, {"Content-Type": "application/octet-stream"})
    expected = {"content": base64.b64encode(body).decode(), "is_base64": is_base64}
    assert json.loads(answer) == expected


def test_a_chunked_body_arrives(client: Client) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    _, _, answer = client.ask("POST", "/bodies", iter([b"ab", b"cd"]), headers)
    assert json.loads(answer)["content"] == base64.b64encode(b"abcd").decode()


def test_a_header_may_be_answered_several_times(client: Client) -> None:
    _, headers, body = client.ask("GET", "/cookies")
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert body == b"hello"


def test_head_answers_the_headers_only(client: Client) -> None:
    status, headers, body = client.ask("HEAD", "/cookies")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")


def test_a_header_cannot_smuggle_another(client: Client) -> None:
    status, headers, _ = client.ask("GET", "/header")
    assert (status, headers["Location"], headers["X-Evil"]) == (200, "/ X-Evil: 1", None)


def test_links_are_served_below_their_prefix(client: Client) -> None:
    status, headers, _ = client.ask("GET", "/r/ANNA10")
    assert (status, headers["Location"]) == (302, "/landing?via=ANNA10")


def test_pages_go_before_apps_and_the_page_at_the_root_has_one_path(client: Client) -> None:
    assert client.ask("GET", "/inbox/1%202")[2] == b"GET /1 2"
    assert client.ask("GET", "/inbox")[2] == b"GET /"
    assert client.ask("GET", "/")[2] == b"GET /"
    assert client.ask("GET", "/inboxes")[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("DELETE", "/things/a"), ("GET", "/r/"), ("GET", "/ANNA10")],
)
def test_an_unknown_path_or_method_gets_the_problem_document_of_the_template(
    client: Client, method: str, path: str
) -> None:
    status, headers, body = client.ask(method, path)
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "not_found"


def test_a_body_over_ten_megabytes_is_refused(client: Client) -> None:
    too_much = b"x" * (10 * 1024 * 1024 + 1)
    status, headers, body = client.ask("POST", "/bodies", too_much)
    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    assert json.loads(body)["code"] == "too_large"


def test_an_app_that_fails_becomes_a_problem_document(client: Client) -> None:
    status, headers, _ = client.ask("GET", "/broken")
    assert (status, headers["Content-Type"]) == (500, "application/problem+json")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /%zz%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET //things/a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://elsewhere/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT elsewhere:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /bodies HTTP/1.1\r\nHost: a\r\nContent-Length: nine\r\n\r\n",
        b"POST /bodies HTTP/1.1\r\nHost: a\r\nContent-Length: -9\r\n\r\n",
        b"POST /bodies HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        b"POST /bodies HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_garbage_is_answered_without_a_server_error_and_the_next_client_is_served(
    client: Client, garbage: bytes
) -> None:
    answer = client.send(garbage)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert client.get("/things/special") == {"special": True}
