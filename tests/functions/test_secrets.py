"""Keys rotate while processes run: nobody who is right is refused."""

import json
from typing import Any

from infra.local.cloud import LocalCloud, forget_caches
from referrals.clients import client
from referrals.domain.clicks import Click, ClickKey, sealed
from referrals.runtime import clock
from referrals.runtime.secrets import keys
from tests.api import Api
from tests.functions.requests import ADVOCATE, SIGNUP
from tests.shop import NOON


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
