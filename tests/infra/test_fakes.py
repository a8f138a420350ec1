"""The fakes of the systems outside: as strict as the real ones, and wrong when they are told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest

from infra.local.cloud import LocalCloud
from infra.local.fakes import Fakes, Misbehaviour
from infra.local.shop_backend import Answer, fetch
from referrals import outbound
from referrals.domain.ids import DispatchId
from referrals.domain.providers import Asking, Recipient, TheirOrder
from referrals.domain.signing_keys import derived_secret, signed_headers
from referrals.outbound import AnswerLostError
from referrals.runtime import clock
from referrals.runtime.providers import payout_provider
from tests.fulfil.outside import Host

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECRET = derived_secret("an outgoing key", "endpoint/1")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    standing = Host()
    yield standing
    standing.server.stop()


@pytest.fixture
def fakes(host: Host) -> Iterator[Fakes]:
    host.fakes = Fakes(payer_key=lambda: "key", partner_secret=lambda _: SECRET, slow_s=0.5)
    clock.set_source(lambda: NOW)
    with outbound.trusting(urlsplit(host.server.base_url).netloc):
        yield host.fakes
    host.fakes.close()


@pytest.fixture
def base_url(host: Host, fakes: Fakes) -> str:
    return host.server.base_url


def tell(base_url: str, *, secret: str = SECRET, at: datetime = NOW) -> outbound.Answer:
    headers = signed_headers("evt_1", b"{}", secrets=[secret], now=at)
    return outbound.send(
        "POST", f"{base_url}/fakes/receiver/crm", body=b"{}", headers=headers, timeout_seconds=0.2
    )


def press(base_url: str, **fields: str) -> Answer:
    return fetch("POST", f"{base_url}/fakes/misbehave", headers=FORM, body=urlencode(fields))


def test_a_receiver_takes_what_is_signed_with_a_secret_it_trusts(
    fakes: Fakes, base_url: str
) -> None:
    fakes.receiver.trust(SECRET)

    assert tell(base_url).status == 200
    assert tell(base_url, secret=derived_secret("an outgoing key", "endpoint/2")).status == 401
    assert tell(base_url, at=NOW - timedelta(minutes=6)).status == 401
    assert [(each.name, each.is_signed) for each in fakes.receiver.log] == [
        ("crm", True),
        ("crm", False),
        ("crm", False),
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Misbehaviour.GONE, 410),
        (Misbehaviour.REDIRECT, 302),
        (Misbehaviour.FAIL_BEFORE, 500),
        (Misbehaviour.BUSY, 429),
    ],
)
def test_a_receiver_says_no_once_when_it_is_told(
    fakes: Fakes, base_url: str, kind: Misbehaviour, status: int
) -> None:
    fakes.receiver.trust(SECRET)
    fakes.receiver.conduct("crm").misbehave(kind)

    assert [tell(base_url).status, tell(base_url).status] == [status, 200]


@pytest.mark.parametrize("kind", [Misbehaviour.TIME_OUT, Misbehaviour.HANG_UP])
def test_a_receiver_whose_answer_is_lost_was_told_all_the_same(
    fakes: Fakes, base_url: str, kind: Misbehaviour
) -> None:
    fakes.receiver.conduct("crm").misbehave(kind)

    with pytest.raises(AnswerLostError):
        tell(base_url)

    assert len(fakes.receiver.log) == 1


def test_one_endpoint_misbehaves_and_the_others_do_not(fakes: Fakes, base_url: str) -> None:
    fakes.receiver.trust(SECRET)
    fakes.receiver.conduct("shipping").misbehave(Misbehaviour.GONE)

    assert tell(base_url).status == 200


def test_the_page_shows_the_books(fakes: Fakes, base_url: str) -> None:
    fakes.payer.plant(external_id="pay_1", amount_minor=1_250, currency="EUR")
    tell(base_url)

    shown = fetch("GET", f"{base_url}/fakes").body

    assert "pay_1" in shown
    assert "12.5" in shown
    assert "evt_1" in shown


def test_what_the_receiver_was_told_cannot_write_into_the_page(fakes: Fakes, base_url: str) -> None:
    headers = {"webhook-id": "<script>alert(1)</script>"}
    fetch("POST", f"{base_url}/fakes/receiver/crm", headers=headers, body="{}")

    assert "<script" not in fetch("GET", f"{base_url}/fakes").body


def test_scripts_read_the_same_as_json(fakes: Fakes, base_url: str) -> None:
    fakes.payer.plant(external_id="pay_1", amount_minor=1_250, currency="EUR")

    state = json.loads(fetch("GET", f"{base_url}/fakes/state").body)

    assert [order["external_id"] for order in state["orders"]] == ["pay_1"]
    assert state["ahead"] == {"payer": [], "partners": [], "receiver": []}


def test_a_button_lets_one_call_go_wrong(fakes: Fakes, base_url: str) -> None:
    answer = press(base_url, fake="payer", kind="hang_up")

    assert (answer.status, answer.headers["location"]) == (303, "/fakes#payer")
    assert fakes.payer.conduct.ahead() == ["POST hang_up"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fake": "payer"},
        {"fake": "payer", "kind": "gone"},
        {"fake": "bank", "kind": "hang_up"},
        {"fake": "payer", "kind": "hang_up", "method": "DELETE"},
    ],
)
def test_a_button_that_is_none_is_refused(base_url: str, fields: dict[str, str]) -> None:
    assert press(base_url, **fields).status == 400


def test_a_form_of_another_site_is_refused(base_url: str) -> None:
    headers = {**FORM, "Sec-Fetch-Site": "cross-site"}

    answer = fetch(
        "POST", f"{base_url}/fakes/misbehave", headers=headers, body="fake=payer&kind=hang_up"
    )

    assert answer.status == 403


def test_a_cloud_that_is_served_pays_out_through_its_fake() -> None:
    with LocalCloud(apps=[]) as cloud:
        cloud.serve()
        payer = payout_provider()
        assert payer is not None
        asking = Asking(
            dispatch_id=DispatchId("pay_1"),
            amount_minor=1_250,
            unit="EUR",
            recipient=Recipient(name="Anna", email="anna@customer.example"),
            options={"campaign_id": "C1"},
        )

        order = payer.ask(asking)

        assert isinstance(order, TheirOrder)
        assert cloud.fakes.payer.paid("pay_1") == 1
