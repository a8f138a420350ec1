"""Each policy against the AWS calls that its function makes: nothing missing, nothing spare."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from infra import manifest
from infra.local.cloud import LocalCloud, forget_caches
from referrals.clients import client
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import ProgramId
from referrals.domain.programs import BudgetTerms
from referrals.domain.rules import Conditions, Leaderboard, Places, Trigger
from referrals.runtime import clock
from referrals.store import coupons
from referrals.usecases.apply_program import apply_program
from tests import shop
from tests.api import Api
from tests.faults import refused_once
from tests.infra.rewards_story import rewards_arrive
from tests.shop import NOON

Right = tuple[str, str]

# What an operation needs: DynamoDB has no rights for transactions, only for what is in them.
_ITEM_RIGHTS = {
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
_SERVICES = {"sesv2": "ses"}
# raw mail has a right of its own in SES v2
_RENAMED = {"ses:SendEmail": ["ses:SendEmail", "ses:SendRawEmail"]}
# Lambda makes these itself: it polls, and writes the log
_NOT_CALLED_BY_CODE = (
    "logs:",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)


# one rule that recognises people and one that counts them: together they need every right
WATCHED = FraudTerms(modes={"same_email": FraudMode.SHADOW, "velocity": FraudMode.SHADOW})


def _rotate_the_signal_key(cloud: LocalCloud) -> None:
    """Let signals be looked up under a key before as well."""
    content = json.dumps({"current": "a fresh key", "previous": cloud.secret("signal-key")})
    client("secretsmanager").put_secret_value(
        SecretId=f"{cloud.prefix}signal-key", SecretString=content
    )


def _whole_story(cloud: LocalCloud) -> None:
    """Do everything that any function ever does, refusals and empty pools included."""
    api = Api(cloud)
    clock.set_source(lambda: NOON)
    _rotate_the_signal_key(cloud)
    apply_program(replace(shop.a_program(), fraud=WATCHED), now=NOON)
    anna = {"program": "tea", "id": "anna", "email": "anna@customer.example", "code": "ANNA10"}
    api.post("/api/advocates", anna)
    api.post("/api/advocates", {**anna, "code": None, "id": "ivan"})
    api.post("/api/advocates", {**anna, "segment": "vip"})
    forget_caches()
    api.follow("ANNA10")
    friend = {"id": "boris", "email": "boris@customer.example"}
    money = {"program": "tea", "order_id": "A-1", "currency": "EUR"}
    api.post("/hooks/refund", {**money, "refund_id": "R-1", "amount_minor": 500})
    purchase = {**money, "friend": friend, "amount_minor": 5_000}
    assert api.post("/hooks/purchase", purchase).json["outcome"] == "waiting"
    signup = {"program": "tea", "friend": friend, "code": "ANNA10"}
    assert api.post("/hooks/signup", signup).json["outcome"] == "credited"
    assert api.advocate("anna").status == 200
    signed = Webhook(api.webhook_secret).sign("msg_1", NOON, json.dumps(signup))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOON.timestamp())),
        "webhook-signature": signed,
    }
    assert api.call("POST", "/hooks/signup", signup, headers=headers).status == 200
    forget_caches()  # every function is a process of its own
    cloud.settle()
    cloud.run_schedules()
    cloud.settle()
    coupons.add(shop.TEA, "welcome", "TEA-1")
    clock.set_source(lambda: NOON + timedelta(days=20))
    cloud.run_schedules()
    cloud.settle()
    api.post("/hooks/refund", {**money, "refund_id": "R-2", "amount_minor": 500})
    cloud.settle()
    spent = {"program": "tea", "redemption_id": "S-1", "amount_minor": 100, "currency": "EUR"}
    redeemed = api.post(
        "/api/advocates/anna/redemptions",
        spent,
        route="/api/advocates/{customer_id}/redemptions",
        parameters={"customer_id": "anna"},
    )
    assert redeemed.json["outcome"] == "redeemed"


# rewards for sharing, out of stock and out of budget, and a prize for the best of a segment
LEMONADE = ProgramId("lemonade")
_SHARING = replace(
    shop.ADVOCATE_COUPON, rule_id="sharing", on=Trigger.ENROLMENT, hold_days=0, pool="sharing"
)
_BEST = replace(
    shop.ADVOCATE_TENTH,
    rule_id="best",
    on=Trigger.PERIOD_END,
    reward=Places(amounts_minor=(700,)),
    leaderboard=Leaderboard(),
    only=Conditions(segments=("vip",)),
)


def _budget_and_prizes(cloud: LocalCloud) -> None:
    """Let a budget run out and be raised, and a month end."""
    api, budget = Api(cloud), BudgetTerms(total_minor=500)
    clock.set_source(lambda: NOON)
    program = replace(shop.a_program(program_id=LEMONADE, rules=[_SHARING, _BEST]), budget=budget)
    apply_program(program, now=NOON)
    coupons.add(LEMONADE, "sharing", "LEMON-1")
    vera = {"program": LEMONADE, "id": "vera", "email": "v@customer.example", "segment": "vip"}
    answers = [
        api.post("/api/advocates", {**vera, "id": each, "code": each.upper()})
        for each in ("vera", "zoya")
    ]
    assert [each.json["rewards"][0]["state"] for each in answers] == ["fulfilled", "queued"]
    order = {"program": LEMONADE, "order_id": "L-1", "currency": "EUR", "amount_minor": 1_000}
    api.post("/hooks/purchase", {**order, "friend": {"id": "yuri"}, "code": "VERA"})
    apply_program(replace(program, budget=BudgetTerms(total_minor=5_000)), now=NOON)
    clock.set_source(lambda: NOON + timedelta(days=30))
    forget_caches()
    cloud.run_schedules()
    cloud.settle()


@pytest.fixture(scope="module")
def told() -> Iterator[LocalCloud]:
    """Give a cloud in which everything has happened."""
    with LocalCloud() as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMS_MONTHLY_CAP", "5")
        _whole_story(cloud)
        _budget_and_prizes(cloud)
        _mail_that_is_refused_once(cloud)
        rewards_arrive(cloud)
        yield cloud


@pytest.fixture(scope="module")
def used(told: LocalCloud) -> dict[str, set[Right]]:
    """Give the rights that each app used, as (action, resource without prefix)."""
    rights: dict[str, set[Right]] = defaultdict(set)
    for call in told.calls:
        if call.function is not None:
            rights[call.function.app] |= set(_rights(call, told))
    return rights


def _mail_that_is_refused_once(cloud: LocalCloud) -> None:
    """Let SES be too busy once: then, and only then, notifications gives a claim back."""
    clock.set_source(lambda: NOON)
    olga = {"program": "tea", "id": "olga", "email": "olga@customer.example"}
    Api(cloud).post("/api/advocates", olga)
    with refused_once("SendEmail", "ThrottlingException"):
        cloud.settle()


def _rights(call: Any, cloud: LocalCloud) -> Iterator[Right]:
    service = _SERVICES.get(call.service, call.service)
    if call.operation.startswith("Transact"):
        for item in call.items:
            yield _ITEM_RIGHTS[item.operation], _short(item.table, cloud)
        return
    action = f"{service}:{call.operation}"
    if action == "sqs:SendMessageBatch":
        action = "sqs:SendMessage"
    for resource in call.resources or ("*",):
        for right in _RENAMED.get(action, [action]):
            yield right, "*" if service == "ses" else _short(resource, cloud)


def _short(resource: str, cloud: LocalCloud) -> str:
    """Cut a name, address or ARN down to what policies and calls have in common."""
    name = resource.split("?", maxsplit=1)[0].rstrip("/")
    start = name.find(cloud.prefix)
    short = name[start + len(cloud.prefix) :] if start >= 0 else name
    return _without_suffix(short)


def _without_suffix(short: str) -> str:
    """Secrets Manager ends an ARN with a dash and six random signs."""
    return next((name for name in _PARAMETERS.values() if short.startswith(f"{name}-")), short)


def _allowed(app: str, cloud_prefix: str = "${Prefix}") -> set[Right]:
    """Read the rights of a policy, as (action, resource without prefix)."""
    policy = json.loads(Path(f"functions/{app}/policy.json").read_text())
    found = set()
    for statement in policy["Statement"]:
        # what is allowed on everything but some ARNs is allowed on what has none
        actions, resources = _list(statement["Action"]), _list(statement.get("Resource", "*"))
        for action in actions:
            if not action.startswith(_NOT_CALLED_BY_CODE):
                found |= {(action, _resource(each, action)) for each in resources}
    # Lambda puts what failed into these, with the function's rights
    return {right for right in found if not right[1].endswith("-dead")}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# parameters of the app templates that carry an ARN
_PARAMETERS = {
    "ClickKeySecretArn": "click-key",
    "IdentityKeySecretArn": "identity-key",
    "SignalKeySecretArn": "signal-key",
    "WebhookSecretArn": "webhook-secret",
    "ApiKeySecretArn": "api-key",
    "EventsTopicArn": "events",
    "FulfilmentQueueArn": "fulfilment",
    "RootKeyArn": "ledger-root",
    "OutgoingKeySecretArn": "outgoing-key",
    "PortalKeySecretArn": "portal-key",
    "PayoutProviderSecretArn": "payout-provider-key",
    "DispatchQueueArn": "dispatches",
    "WebhookQueueArn": "webhooks.fifo",
    "MailingQueueArn": "mailings",
}


def _resource(resource: Any, action: str) -> str:
    if action.startswith("ses:") or resource == "*":
        return "*"
    if isinstance(resource, dict) and "Ref" in resource:
        return _PARAMETERS[resource["Ref"]]
    text = resource["Fn::Sub"] if isinstance(resource, dict) else resource
    return _without_suffix(text.split("${Prefix}")[-1].rstrip("*"))


@pytest.mark.parametrize("app", manifest.app_names())
def test_a_policy_allows_what_its_function_does_and_nothing_else(
    app: str, used: dict[str, set[Right]]
) -> None:
    missing, spare = used[app] - _allowed(app), _allowed(app) - used[app]
    assert (sorted(missing), sorted(spare)) == ([], [])


@pytest.mark.parametrize("app", manifest.app_names())
def test_nobody_may_change_or_delete_a_journal_or_an_event(app: str) -> None:
    final = {"dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    assert not {right for right in _allowed(app) if right[0] in final} & {
        (action, table) for action in final for table in ("journals", "events", "roots")
    }


def test_the_story_leaves_only_what_cannot_be_read_in_a_dead_letter_queue(
    told: LocalCloud,
) -> None:
    names = ("fulfilment-dead", "clicks-dead", "dispatches-dead", "webhooks-dead.fifo")
    assert [told.queue_depth(name) for name in (*names, "mailings-dead", "events-dead")] == [
        *(0, 0, 0, 0, 0),
        1,
    ]
