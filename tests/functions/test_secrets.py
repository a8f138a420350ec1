"""Keys rotate while processes run: nobody who is right is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cachetools import TTLCache
from typer.testing import CliRunner

from infra.local.cloud import LocalCloud, forget_caches
from referrals import outbound
from referrals.cli.main import app
from referrals.cli.output import out
from referrals.clients import client
from referrals.domain.clicks import Click, ClickKey, sealed
from referrals.domain.dispatches import Dispatch, DispatchState
from referrals.domain.events import DomainEvent, EventName
from referrals.domain.ids import DispatchId, EventId, RewardId, person_id
from referrals.domain.programs import PartnerTerms
from referrals.outbound import Answer
from referrals.runtime import clock, secrets
from referrals.runtime.providers import provider_of
from referrals.runtime.secrets import keys, secret
from referrals.runtime.signatures import RefusedError, check_signature
from referrals.store import webhooks
from referrals.usecases.apply_program import apply_program
from referrals.usecases.change_endpoint import add_endpoint
from referrals.usecases.enqueue_webhooks import enqueue_webhooks
from tests import shop
from tests.api import Api
from tests.functions.requests import ADVOCATE, SIGNUP
from tests.receivers import receiving
from tests.shop import KEYS, NOON, TEA


def _rotate(cloud: LocalCloud, name: str, fresh: str) -> None:
    content = json.dumps({"current": fresh, "previous": cloud.secret(name)})
    client("secretsmanager").put_secret_value(
        SecretId=f"{cloud.prefix}{name}", SecretString=content
    )


def _fetches(cloud: LocalCloud, since: int) -> int:
    return sum(call.operation == "GetSecretValue" for call in cloud.calls[since:])


def _enrol(api: Api, key: str) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    return api.call("POST", "/api/advocates", ADVOCATE, headers=headers)


def test_a_key_that_was_rotated_in_is_taken_at_once_by_a_running_process(
    api: Api, cloud: LocalCloud
) -> None:
    assert _enrol(api, api.key).status == 201
    _rotate(cloud, "api-key", "a fresh key")
    assert _enrol(api, "a fresh key").status == 200
    assert _enrol(api, api.key).status == 200


def test_wrong_keys_make_a_process_fetch_the_secret_once_and_not_each_time(
    api: Api, cloud: LocalCloud
) -> None:
    _enrol(api, api.key)
    start = len(cloud.calls)
    assert [_enrol(api, "wrong").status for _ in range(5)] == [401] * 5
    assert _fetches(cloud, start) == 1


def test_a_click_that_was_sealed_with_a_fresh_key_counts_in_a_running_process(
    api: Api, cloud: LocalCloud
) -> None:
    clock.set_source(lambda: NOON)
    _enrol(api, api.key)
    api.post("/hooks/signup", {**SIGNUP, "friend": {"id": "dora"}})  # the process knows its keys
    _rotate(cloud, "click-key", "a fresh key")
    click = Click(code="ANNA10", clicked_at=NOON, channel="email", visitor="00" * 8)
    token = sealed(click, key=ClickKey("a fresh key"))
    answer = api.post("/hooks/signup", {**SIGNUP, "code": None, "click": token})
    assert answer.json["outcome"] == "credited"


def test_a_click_that_was_sealed_with_the_key_before_still_counts(
    api: Api, cloud: LocalCloud
) -> None:
    clock.set_source(lambda: NOON)
    _enrol(api, api.key)
    click = Click(code="ANNA10", clicked_at=NOON, channel="email", visitor="00" * 8)
    token = sealed(click, key=ClickKey(cloud.secret("click-key")))
    _rotate(cloud, "click-key", "a fresh key")
    forget_caches()
    answer = api.post("/hooks/signup", {**SIGNUP, "code": None, "click": token})
    assert answer.json["outcome"] == "credited"


def test_signals_are_noted_under_the_fresh_key_and_looked_up_under_the_one_before(
    cloud: LocalCloud,
) -> None:
    before = cloud.secret("signal-key")
    assert keys().signal == (before.encode(),)
    _rotate(cloud, "signal-key", "a fresh key")
    forget_caches()
    assert keys().signal == (b"a fresh key", before.encode())


@pytest.fixture
def _outside(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a partner, and let no line be broken."""
    clock.set_source(lambda: NOON)
    monkeypatch.setattr(out, "_width", 250)
    cinema = PartnerTerms(url="https://cinema.example/codes")
    apply_program(replace(shop.a_program(), partners={"cinema": cinema}), now=NOON)


def _run(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def _rotate_outgoing() -> None:
    """Rotate the key that signing secrets derive from; every process has noticed."""
    _run("secrets", "rotate", "outgoing-key")
    forget_caches()


def _verified_with(known: list[str], headers: Any, body: bytes) -> list[bool]:
    """Say of each secret whether whoever knows only this one takes a call for genuine."""
    return [_is_genuine(each, headers, body) for each in known]


def _is_genuine(known: str, headers: Any, body: bytes) -> bool:
    try:
        check_signature(headers, body, live=[known], now=NOON)
    except RefusedError:
        return False
    return True


@pytest.mark.usefixtures("_outside")
def test_a_webhook_verifies_with_the_secrets_of_both_live_keys_and_of_none_before(
    cloud: LocalCloud,
) -> None:
    with receiving() as receiver:
        endpoint = add_endpoint(receiver.url, events=(), programs=(), description="", now=NOON)
        known = _run("webhooks", "secret", endpoint.endpoint_id)
        for number in range(2):
            _rotate_outgoing()
            shown = _run("webhooks", "secret", endpoint.endpoint_id)
            assert shown[1] == f"{known[-1]} (before; signs too)"
            known.append(shown[0])
            webhooks.forget_cached()
            enqueue_webhooks(_happened(number), now=NOON)
            cloud.settle()
        first, second = receiver.posts
    assert _verified_with(known, first.headers, first.body) == [True, True, False]
    assert _verified_with(known, second.headers, second.body) == [False, True, True]
    assert len(set(known)) == 3


def _happened(number: int) -> DomainEvent:
    return DomainEvent(
        event_id=EventId(f"evt_{number}"),
        name=EventName.REWARD_HELD,
        program_id=TEA,
        occurred_at=NOON,
        data={"reward_id": f"rwd_{number}"},
    )


@pytest.mark.usefixtures("_outside")
def test_a_call_to_a_partner_verifies_with_the_secrets_of_both_live_keys_and_of_none_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[dict[str, str]] = []

    def send(*_: object, headers: dict[str, str], **__: object) -> Answer:
        sent.append({name.lower(): value for name, value in headers.items()})
        return Answer(status=404, body=b"")

    monkeypatch.setattr(outbound, "send", send)
    known = _run("partners", "secret", "tea", "cinema")
    for _ in range(2):
        _rotate_outgoing()
        shown = _run("partners", "secret", "tea", "cinema")
        assert shown[1] == f"{known[-1]} (before; signs too)"
        known.append(shown[0])
        partner = provider_of(CODE)
        assert partner is not None
        partner.look_up(CODE.dispatch_id)
    assert _verified_with(known, sent[0], b"") == [True, True, False]
    assert _verified_with(known, sent[1], b"") == [False, True, True]


CODE = Dispatch(
    dispatch_id=DispatchId("dsp_1"),
    program_id=TEA,
    version=1,
    owner_id=person_id("anna", key=KEYS.identity),
    provider="partner:cinema",
    reward_ids=(RewardId("rwd_1"),),
    amount_minor=900,
    unit="EUR",
    state=DispatchState.RESERVED,
    reserved_at=NOON,
    due_at=NOON,
)


@pytest.mark.usefixtures("_outside")
def test_a_running_process_signs_with_a_rotated_key_after_ten_minutes(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    kept = TTLCache[str, secrets.Secret](16, secrets._KEPT_SECONDS, timer=lambda: seconds[0])
    monkeypatch.setattr(secrets, "_kept", kept)
    before = secret("outgoing_key").values
    says = _run("secrets", "rotate", "outgoing-key")
    assert "have new secrets, which sign too in ten minutes" in says[1]
    seconds[0] = 599
    assert secret("outgoing_key").values == before
    seconds[0] = 600
    assert secret("outgoing_key").values == (cloud.secret("outgoing-key"), *before)
