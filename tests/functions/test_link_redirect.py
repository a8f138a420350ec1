"""Share links, as a friend's browser and a messenger's bot see them."""

import base64
import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.cloud import LocalCloud, forget_caches
from infra.local.invocations import Call
from referrals.domain.clicks import opened
from referrals.domain.landings import Preview, ProgramStatus
from referrals.domain.programs import Program
from referrals.runtime import clock
from referrals.runtime.secrets import click_keys
from referrals.store import counters
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api
from tests.shop import NOON

ANNA = {"program": "tea", "id": "anna", "email": "anna@customer.example", "code": "ANNA10"}
WHATSAPP = "WhatsApp/2.24.9.78 A"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Collect the click lines that the redirect writes."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("referrals.clicks")
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


@pytest.fixture(autouse=True)
def _anna(api: Api) -> None:
    assert api.post("/api/advocates", ANNA).status == 201
    forget_caches()


def _with_landing(**changes: object) -> Program:
    program = shop.a_program()
    return replace(program, landing=replace(program.landing, **changes))  # type: ignore[arg-type]


def _apply(**changes: object) -> None:
    apply_program(_with_landing(**changes), now=NOON)
    forget_caches()


def _reads(cloud: LocalCloud, since: int) -> list[tuple[str, str]]:
    made: list[Call] = cloud.calls[since:]
    return [(call.operation, call.resources[0].removeprefix(cloud.prefix)) for call in made]


def test_a_friend_is_sent_to_the_landing_page_with_code_and_click(api: Api) -> None:
    clock.set_source(lambda: NOON)
    answer = api.follow("ANNA10", query={"ch": "whatsapp"})
    parts = urlsplit(answer.headers["location"])
    query = parse_qs(parts.query)
    assert answer.status == 302
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://shop.example/welcome"
    assert query["via"] == ["ANNA10"]
    click = opened(query["click"][0], keys=click_keys())
    assert (click.code, click.channel, click.clicked_at) == ("ANNA10", "whatsapp", NOON)


def test_query_and_fragment_of_the_landing_page_are_kept(api: Api) -> None:
    _apply(landing_page="https://shop.example/?lang=en&lang=bg#offer")
    location = api.follow("ANNA10").headers["location"]
    assert location.startswith("https://shop.example/?lang=en&lang=bg&via=ANNA10&click=")
    assert location.endswith("#offer")


def test_a_code_may_be_typed_in_small_letters_and_with_dashes(api: Api) -> None:
    assert api.follow("anna-10").status == 302


@pytest.mark.parametrize(
    ("page", "is_taken"),
    [
        ("https://shop.example/tea/green?x=1", True),
        ("https://evil.example/", False),
        ("https://shop.example@evil.example/", False),
        ("https://shop.example.evil.example/", False),
        ("//evil.example/", False),
        ("javascript:alert(1)", False),
        ("https://shop.example/\r\nX-Evil: 1", False),
        ("https:\\\\evil.example", False),
        ("https://shop.example:8443/", False),
    ],
)
def test_a_page_of_ones_own_choice_has_to_be_on_an_allowed_host(
    api: Api, page: str, *, is_taken: bool
) -> None:
    location = api.follow("ANNA10", query={"to": page}).headers["location"]
    wanted = page if is_taken else "https://shop.example/welcome"
    assert location.startswith(wanted)
    assert "\r" not in location


def test_a_new_process_reads_twice_an_unseen_code_once_and_a_warm_one_never(
    api: Api, cloud: LocalCloud
) -> None:
    api.post("/api/advocates", {**ANNA, "id": "clara", "code": "CLARA10"})
    forget_caches()
    click_keys()  # Lambda does this while the process starts
    start = len(cloud.calls)
    api.follow("ANNA10")
    assert _reads(cloud, start) == [("GetItem", "links"), ("GetItem", "programs")]
    start = len(cloud.calls)
    api.follow("CLARA10")
    assert _reads(cloud, start) == [("GetItem", "links")]
    start = len(cloud.calls)
    for code in ("ANNA10", "CLARA10", "anna10"):
        assert api.follow(code).status == 302
    assert _reads(cloud, start) == []


def test_an_unknown_code_is_read_once_and_remembered(api: Api, cloud: LocalCloud) -> None:
    start = len(cloud.calls)
    assert [api.follow("NOBODY").status for _ in range(3)] == [404, 404, 404]
    assert _reads(cloud, start) == [("GetSecretValue", _click_key(cloud)), ("GetItem", "links")]


def _click_key(cloud: LocalCloud) -> str:
    return str(cloud.state.ref("ClickKeySecret")).removeprefix(cloud.prefix)


@pytest.mark.parametrize(
    "code",
    ["a" * 300, "%2e%2e", "../etc", "\u0410NNA10", "\x00", "<script>", "\U0001f600", "AN_NA", "-"],
)
def test_what_cannot_be_a_code_is_not_even_looked_up(
    api: Api, cloud: LocalCloud, code: str
) -> None:
    click_keys()
    start = len(cloud.calls)
    assert api.follow(code).status == 404
    assert _reads(cloud, start) == []


def test_an_unknown_code_goes_to_the_fallback_of_the_deployment(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FALLBACK_URL", "https://shop.example/")
    answer = api.follow("NOBODY")
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.example/")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": ProgramStatus.PAUSED},
        {"status": ProgramStatus.ENDED},
        {"ends_at": NOON - timedelta(days=1)},
        {"starts_at": NOON + timedelta(days=1)},
    ],
)
def test_a_program_that_does_not_run_leads_to_its_fallback(
    api: Api, changes: dict[str, object], lines: list[str]
) -> None:
    clock.set_source(lambda: NOON)
    _apply(fallback_url="https://shop.example/later", **changes)
    answer = api.follow("ANNA10")
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.example/later")
    assert lines == []


def test_a_program_that_does_not_run_and_has_no_fallback_shows_a_page(api: Api) -> None:
    _apply(status=ProgramStatus.PAUSED)
    answer = api.follow("ANNA10")
    assert answer.status == 404
    assert "leads nowhere" in answer.body


def test_a_messenger_gets_a_page_about_the_link_and_is_not_counted(
    api: Api, lines: list[str]
) -> None:
    _apply(preview=Preview(title='Tea & "cake"', image_url="https://shop.example/tea.png"))
    answer = api.follow("ANNA10", headers={"user-agent": WHATSAPP})
    assert answer.status == 200
    assert '<meta property="og:title" content="Tea &amp; &quot;cake&quot;">' in answer.body
    assert 'content="https://shop.example/tea.png"' in answer.body
    assert lines == []


def test_a_click_is_one_line_without_address_and_without_token(api: Api, lines: list[str]) -> None:
    token = parse_qs(urlsplit(api.follow("ANNA10").headers["location"]).query)["click"][0]
    (line,) = lines
    content = json.loads(line)
    assert content["event"] == "click"
    assert (content["code"], content["channel"]) == ("ANNA10", "link")
    assert "203.0.113.9" not in line
    assert token not in line


def test_a_head_request_is_sent_on_and_not_counted(api: Api, lines: list[str]) -> None:
    assert api.follow("ANNA10", method="HEAD").status == 302
    assert lines == []


def test_the_answer_is_never_kept_by_a_cache(api: Api) -> None:
    assert api.follow("ANNA10").headers["cache-control"] == "no-store"


def test_clicks_are_counted_once_by_day_and_channel_and_prefetches_are_not(
    api: Api, cloud: LocalCloud
) -> None:
    clock.set_source(lambda: NOON)
    api.follow("ANNA10", query={"ch": "email"})
    api.follow("ANNA10", query={"ch": "email"})
    api.follow("ANNA10", headers={"sec-purpose": "prefetch;prerender", "user-agent": "Mozilla/5.0"})
    api.follow("ANNA10", headers={"user-agent": "Mozilla/5.0 (iPhone)"}, query={"ch": "no such"})
    cloud.settle()
    tallies = {
        bucket: (tally.clicks, tally.repeats)
        for bucket, tally in counters.list_of_code("ANNA10").items()
    }
    assert tallies == {
        "2026-05-04#email": (1, 1),
        "2026-05-04#other": (1, 0),
        "total": (2, 1),
    }


def test_a_batch_of_click_lines_that_comes_again_is_not_counted_again(
    api: Api, cloud: LocalCloud, lines: list[str]
) -> None:
    api.follow("ANNA10")
    batch = {
        "messageType": "DATA_MESSAGE",
        "logEvents": [
            {"id": "1", "timestamp": 0, "message": lines[0]},
            {"id": "2", "timestamp": 0, "message": "START RequestId: not a click"},
            {"id": "3", "timestamp": 0, "message": '{"event": "click"}'},
        ],
    }
    data = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
    for _ in range(3):
        cloud.invoke("click_counter", "count_clicks", {"awslogs": {"data": data}})
    assert counters.list_of_code("ANNA10")["total"].clicks == 1


@pytest.mark.parametrize("typed", ["anna%2010", "anna%2D10", "%41NNA10", "an-na-10"])
def test_a_code_may_come_as_browsers_write_it(api: Api, typed: str) -> None:
    assert api.follow(typed).status == 302
