"""Text messages from consent to STOP: told by the shop, sent once, ended by the person."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud import LocalCloud, forget_caches
from referrals.runtime import clock
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api
from tests.functions.requests import ADVOCATE, PURCHASE
from tests.shop import NOON

NUMBER = "+4915112345678"
CONSENT = {"wording": "Text me", "source": "checkout", "given_at": "2026-05-04T11:00:00Z"}
WITH_CONSENT = {**ADVOCATE, "phone": NUMBER, "sms_consent": CONSENT}


@pytest.fixture(autouse=True)
def _at_once(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rewards be ready at once, and text messages be on."""
    clock.set_source(lambda: NOON)
    apply_program(shop.a_program(rules=[replace(shop.ADVOCATE_TENTH, hold_days=0)]), now=NOON)
    forget_caches()
    monkeypatch.setenv("SMS_MONTHLY_CAP", "10")


def buy(api: Api, cloud: LocalCloud, order_id: str) -> None:
    api.post("/hooks/purchase", {**PURCHASE, "order_id": order_id, "code": "ANNA10"})
    cloud.run_schedules()
    cloud.settle()


def test_who_agreed_is_told_by_text_until_they_stop(api: Api, cloud: LocalCloud) -> None:
    assert api.post("/api/advocates", WITH_CONSENT).status == 201
    buy(api, cloud, "A-1")
    told = "your reward of €5 is ready, see your e-mail. Reply STOP to end texts."
    assert [number for number, _ in cloud.text_messages()] == [NUMBER]
    assert cloud.text_messages()[0][1].endswith(told)
    cloud.answer_sms(NUMBER, "stop")
    cloud.settle()
    api.post("/api/advocates", WITH_CONSENT)  # the shop repeats what it knows
    buy(api, cloud, "A-2")
    assert len(cloud.text_messages()) == 1


def test_new_consent_after_a_stop_counts(api: Api, cloud: LocalCloud) -> None:
    api.post("/api/advocates", WITH_CONSENT)
    cloud.answer_sms(NUMBER, "STOP")
    cloud.settle()
    clock.set_source(lambda: NOON + timedelta(hours=2))
    newer = {**CONSENT, "given_at": "2026-05-04T13:00:00Z"}
    api.post("/api/advocates", {**WITH_CONSENT, "sms_consent": newer})
    buy(api, cloud, "A-1")
    assert len(cloud.text_messages()) == 1


def test_a_number_alone_is_no_consent(api: Api, cloud: LocalCloud) -> None:
    api.post("/api/advocates", {**ADVOCATE, "phone": NUMBER})
    buy(api, cloud, "A-1")
    assert cloud.text_messages() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**ADVOCATE, "sms_consent": CONSENT}, "sms_consent"),
        ({**WITH_CONSENT, "phone": "0151"}, "phone"),
        ({**WITH_CONSENT, "sms_consent": True}, "sms_consent"),
        ({**WITH_CONSENT, "sms_consent": {**CONSENT, "wording": ""}}, "sms_consent.wording"),
        ({**WITH_CONSENT, "sms_consent": {**CONSENT, "given_at": "now"}}, "sms_consent.given_at"),
        ({**WITH_CONSENT, "sms_consent": {"wording": "x"}}, "sms_consent.source"),
    ],
)
def test_consent_that_is_not_whole_is_refused_by_its_field(
    api: Api, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/api/advocates", body)
    assert answer.status == 400
    assert field in [each["field"] for each in answer.json["errors"]]
