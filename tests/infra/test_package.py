"""What is deployed: every app through Chalice's packager, and the promises of the templates."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from cfnlint.api import lint_file  # type: ignore[import-untyped]

from infra import intrinsics, layer, manifest, package
from referrals.cli.dead_letters import DEAD_QUEUES

APPS = (
    "link_redirect",
    "conversion_hooks",
    "click_counter",
    "reward_fulfilment",
    "notifications",
    "reward_dispatch",
    "webhook_delivery",
    "advocate_portal",
)
APPS_WITH_ROUTES = ("link_redirect", "conversion_hooks", "advocate_portal")
FUNCTIONS = (
    ("link_redirect", "APIHandler", 512, 5),
    ("conversion_hooks", "APIHandler", 512, 20),
    ("click_counter", "CountClicks", 256, 60),
    ("reward_fulfilment", "QueueDueRewards", 256, 60),
    ("reward_fulfilment", "FulfilRewards", 256, 60),
    ("reward_fulfilment", "AwardPrizes", 1024, 900),
    ("reward_fulfilment", "SealDays", 512, 300),
    ("notifications", "AnnounceEvents", 512, 60),
    ("notifications", "SweepEvents", 512, 900),
    ("notifications", "QueueMailings", 512, 900),
    ("notifications", "SendMailings", 512, 60),
    ("notifications", "WatchPrograms", 512, 300),
    ("notifications", "RecordMailFeedback", 256, 30),
    ("notifications", "RecordSmsReplies", 256, 30),
    ("reward_dispatch", "StartPayouts", 512, 900),
    ("reward_dispatch", "QueueDueDispatches", 256, 60),
    ("reward_dispatch", "AdvanceDispatches", 256, 60),
    ("reward_dispatch", "ReconcilePayouts", 512, 900),
    ("webhook_delivery", "QueueDueLanes", 256, 60),
    ("webhook_delivery", "DeliverWebhooks", 256, 60),
    ("advocate_portal", "APIHandler", 512, 10),
)
_MAIL = {
    "TABLE_PREFIX",
    "LINK_BASE",
    "PORTAL_BASE",
    "MAIL_FROM",
    "MAIL_CONFIGURATION_SET",
    "MAIL_POSTAL_ADDRESS",
    "OPERATOR_EMAIL",
    "IDENTITY_KEY_SECRET",
    "PORTAL_KEY_SECRET",
}
_ANNOUNCING = _MAIL | {"SMS_MONTHLY_CAP", "EVENTS_TOPIC_ARN", "WEBHOOK_QUEUE_URL"}
_PROVIDERS = {
    "TABLE_PREFIX",
    "PAYOUT_PROVIDER_URL",
    "PAYOUT_PROVIDER_SECRET",
    "OUTGOING_KEY_SECRET",
}
ENVIRONMENTS = {
    ("link_redirect", "APIHandler"): {"TABLE_PREFIX", "CLICK_KEY_SECRET", "FALLBACK_URL"},
    ("conversion_hooks", "APIHandler"): {
        "TABLE_PREFIX",
        "LINK_BASE",
        "CLICK_KEY_SECRET",
        "IDENTITY_KEY_SECRET",
        "SIGNAL_KEY_SECRET",
        "WEBHOOK_SECRET",
        "API_KEY_SECRET",
    },
    ("click_counter", "CountClicks"): {"TABLE_PREFIX"},
    ("reward_fulfilment", "QueueDueRewards"): {"TABLE_PREFIX", "FULFILMENT_QUEUE_URL"},
    ("reward_fulfilment", "FulfilRewards"): {"TABLE_PREFIX"},
    ("reward_fulfilment", "AwardPrizes"): {"TABLE_PREFIX"},
    ("reward_fulfilment", "SealDays"): {"TABLE_PREFIX"},
    ("notifications", "AnnounceEvents"): _ANNOUNCING,
    ("notifications", "SweepEvents"): _ANNOUNCING | {"EVENTS_DEAD_QUEUE_URL"},
    ("notifications", "QueueMailings"): {"TABLE_PREFIX", "MAILING_QUEUE_URL"},
    ("notifications", "SendMailings"): _MAIL,
    ("notifications", "WatchPrograms"): _MAIL,
    ("notifications", "RecordMailFeedback"): {
        "TABLE_PREFIX",
        "MAIL_FEEDBACK_TOPIC_ARN",
        "IDENTITY_KEY_SECRET",
    },
    ("notifications", "RecordSmsReplies"): {
        "TABLE_PREFIX",
        "SMS_REPLIES_TOPIC_ARN",
        "IDENTITY_KEY_SECRET",
    },
    ("reward_dispatch", "StartPayouts"): {"TABLE_PREFIX", "DISPATCH_QUEUE_URL"},
    ("reward_dispatch", "QueueDueDispatches"): {"TABLE_PREFIX", "DISPATCH_QUEUE_URL"},
    ("reward_dispatch", "AdvanceDispatches"): _PROVIDERS,
    ("reward_dispatch", "ReconcilePayouts"): _PROVIDERS,
    ("webhook_delivery", "QueueDueLanes"): {"TABLE_PREFIX", "WEBHOOK_QUEUE_URL"},
    ("webhook_delivery", "DeliverWebhooks"): {"TABLE_PREFIX", "OUTGOING_KEY_SECRET"},
    ("advocate_portal", "APIHandler"): {"TABLE_PREFIX", "PORTAL_KEY_SECRET"},
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything but the layer, whose wheels come over the network."""
    folder = tmp_path_factory.mktemp("package")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ACCESS_KEY_ID"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_PROFILE", "nobody-configured-this")
        package.package(folder, with_layer=False)
    return folder


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the wheels: the layer is built, and nothing comes over the network."""

    def install(modules: Path) -> None:
        for name in _INSTALLED:
            (modules / name).parent.mkdir(parents=True, exist_ok=True)
            (modules / name).write_text("")

    monkeypatch.setattr(layer, "install_requirements", install)


_INSTALLED = (
    "bin/jp.py",
    "botocore/session.py",
    "botocore/data/endpoints.json",
    "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
    "botocore/data/ec2/2016-11-15/service-2.json.gz",
    "babel/locale-data/root.dat",
    "babel/locale-data/en.dat",
    "babel/locale-data/zu.dat",
    "botocore-1.0.dist-info/RECORD",
    "botocore-1.0.dist-info/METADATA",
)


def template_of(out: Path, app: str) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((out / app / "template.json").read_text())
    return template


def function_of(out: Path, app: str, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = template_of(out, app)["Resources"][name]["Properties"]
    return properties


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [made for made in template["Resources"].values() if made["Type"] == kind]


def statements_of(out: Path, app: str) -> Iterator[dict[str, Any]]:
    for role in of_type(template_of(out, app), "AWS::IAM::Role"):
        for policy in role["Properties"]["Policies"]:
            yield from policy["PolicyDocument"]["Statement"]


def resources_of(statement: dict[str, Any]) -> Any:
    """Give what a statement is about: some resources, or all that are not these."""
    return statement["NotResource"] if "NotResource" in statement else statement["Resource"]


def entries_of(archive: Path) -> list[str]:
    with ZipFile(archive) as opened:
        return opened.namelist()


def test_every_app_of_the_manifest_is_packaged(out: Path) -> None:
    packaged = sorted(path.parent.name for path in out.glob("*/template.json"))

    assert packaged == sorted(APPS)


def test_packaging_leaves_nothing_in_the_checkout(out: Path) -> None:
    assert out.exists()
    assert not list((manifest.ROOT / "functions").rglob(".chalice"))


@pytest.mark.parametrize(("app", "name", "memory", "timeout"), FUNCTIONS)
def test_functions_run_on_arm64_with_the_memory_and_time_they_need(
    out: Path, app: str, name: str, memory: int, timeout: int
) -> None:
    function = function_of(out, app, name)

    assert function["Architectures"] == ["arm64"]
    assert function["MemorySize"] == memory
    assert function["Timeout"] == timeout
    assert function["Layers"] == [{"Ref": "LayerArn"}]
    assert function["CodeUri"] == "app.zip"


@pytest.mark.parametrize("app", APPS)
def test_no_function_is_missing_from_the_table_above(out: Path, app: str) -> None:
    functions = of_type(template_of(out, app), "AWS::Serverless::Function")

    assert len(functions) == sum(1 for named, *_ in FUNCTIONS if named == app)


@pytest.mark.parametrize("app", APPS)
def test_an_app_has_one_role_with_its_own_policy(out: Path, app: str) -> None:
    template = template_of(out, app)
    policy = json.loads((manifest.ROOT / "functions" / app / "policy.json").read_text())

    (role,) = of_type(template, "AWS::IAM::Role")
    assert [made["PolicyDocument"] for made in role["Properties"]["Policies"]] == [policy]
    assert "ManagedPolicyArns" not in role["Properties"]
    for function in of_type(template, "AWS::Serverless::Function"):
        assert function["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
        assert "Policies" not in function["Properties"]


@pytest.mark.parametrize("app", APPS)
def test_a_wildcard_in_a_policy_says_why(out: Path, app: str) -> None:
    unexplained = [
        statement["Sid"]
        for statement in statements_of(out, app)
        if "*" in json.dumps([statement["Action"], resources_of(statement)])
        and "Because" not in statement["Sid"]
    ]

    assert unexplained == []


@pytest.mark.parametrize("app", APPS)
def test_no_policy_allows_whole_services_or_everything(out: Path, app: str) -> None:
    for statement in statements_of(out, app):
        assert all("*" not in action for action in statement["Action"])
        if statement["Action"] != ["sns:CheckIfPhoneNumberIsOptedOut"]:  # a number has no ARN
            assert "*" not in resources_of(statement)


@pytest.mark.parametrize("app", APPS)
def test_nobody_may_change_or_delete_a_journal_or_an_event(out: Path, app: str) -> None:
    for statement in statements_of(out, app):
        resources = json.dumps(resources_of(statement))
        final = ("${Prefix}journals", '${Prefix}events"', "${Prefix}roots")
        if any(table in resources for table in final):
            changes = {"UpdateItem", "DeleteItem", "BatchWriteItem"}
            assert not {action.split(":")[1] for action in statement["Action"]} & changes


@pytest.mark.parametrize(("app", "name"), ENVIRONMENTS)
def test_a_function_gets_the_settings_it_needs_and_no_others(
    out: Path, app: str, name: str
) -> None:
    variables = function_of(out, app, name)["Environment"]["Variables"]

    assert set(variables) - {"POWERTOOLS_SERVICE_NAME"} == ENVIRONMENTS[app, name]


def test_announcing_starts_at_the_oldest_event_and_keeps_what_fails(out: Path) -> None:
    (stream,) = function_of(out, "notifications", "AnnounceEvents")["Events"].values()

    assert stream["Type"] == "DynamoDB"
    assert stream["Properties"] == {
        "Stream": {"Ref": "EventsStreamArn"},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 25,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {
            "OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": ["EventDeadLetters", "Arn"]}}
        },
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]},
    }


def test_one_reward_that_fails_does_not_repeat_the_others_of_its_batch(out: Path) -> None:
    (queue,) = function_of(out, "reward_fulfilment", "FulfilRewards")["Events"].values()

    assert queue["Type"] == "SQS"
    assert queue["Properties"] == {
        "Queue": {"Ref": "FulfilmentQueueArn"},
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 5},
    }


def test_due_rewards_are_looked_for_every_minute(out: Path) -> None:
    (clock,) = function_of(out, "reward_fulfilment", "QueueDueRewards")["Events"].values()

    assert clock == {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}


def test_the_redirects_clicks_feed_the_counter_and_lost_batches_are_kept(out: Path) -> None:
    counter = function_of(out, "click_counter", "CountClicks")

    assert counter["Events"]["ClickLog"] == {
        "Type": "CloudWatchLogs",
        "Properties": {
            "LogGroupName": {"Ref": "ClickLogName"},
            "FilterPattern": '{ $.event = "click" }',
        },
    }
    assert counter["EventInvokeConfig"]["DestinationConfig"]["OnFailure"] == {
        "Type": "SQS",
        "Destination": {"Fn::GetAtt": ["ClickDeadLetters", "Arn"]},
    }


@pytest.mark.parametrize("app", ["click_counter", "notifications"])
def test_dead_letters_are_kept_for_a_fortnight(out: Path, app: str) -> None:
    (queue,) = of_type(template_of(out, app), "AWS::SQS::Queue")

    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize("name", ["Fulfilment", "Dispatch", "Webhook", "Mailing"])
def test_what_fails_five_times_goes_to_the_dead_letters(name: str) -> None:
    state = intrinsics.load(manifest.ROOT / "infra" / "state.yaml")

    queue = state["Resources"][f"{name}Queue"]["Properties"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [f"{name}DeadLetters", "Arn"]},
        "maxReceiveCount": 5,
    }
    # six times the function's timeout, as Lambda asks for
    assert queue["VisibilityTimeout"] == 360


@pytest.mark.parametrize(("app", "name"), [(app, name) for app, name, *_ in FUNCTIONS])
def test_a_function_writes_to_a_log_that_forgets(out: Path, app: str, name: str) -> None:
    log = function_of(out, app, name)["LoggingConfig"]["LogGroup"]["Ref"]

    assert template_of(out, app)["Resources"][log]["Properties"]["RetentionInDays"] in {30, 90}


@pytest.mark.parametrize("app", APPS_WITH_ROUTES)
def test_what_the_gateway_answers_by_itself_is_a_problem_document(out: Path, app: str) -> None:
    answers = template_of(out, app)["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]

    assert {
        kind: answers[kind]["StatusCode"]
        for kind in ("MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "THROTTLED")
    } == {"MISSING_AUTHENTICATION_TOKEN": 404, "REQUEST_TOO_LARGE": 413, "THROTTLED": 429}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "INTEGRATION_TIMEOUT"} <= set(answers)
    for answer in answers.values():
        problem = json.loads(answer["ResponseTemplates"]["application/json"])
        assert set(problem) == {"type", "title", "status", "detail", "code"}
        assert problem["status"] == answer["StatusCode"]
        headers = answer["ResponseParameters"]["Headers"]
        assert headers["Content-Type"] == "'application/problem+json'"


@pytest.mark.parametrize("app", APPS_WITH_ROUTES)
def test_an_api_is_throttled_and_its_access_log_has_no_personal_data(out: Path, app: str) -> None:
    api = template_of(out, app)["Resources"]["RestAPI"]["Properties"]

    (settings,) = api["MethodSettings"]
    assert settings["ThrottlingRateLimit"] > 0
    logged = json.loads(api["AccessLogSetting"]["Format"]).values()
    assert not {
        "$context.identity.sourceIp",
        "$context.identity.userAgent",
        "$context.path",
    } & set(logged)


def test_lint_finds_nothing_in_any_template(out: Path) -> None:
    templates = [*sorted(out.glob("*.yaml")), *sorted(out.glob("*/template.json"))]

    assert len(templates) == 11
    assert [str(found) for path in templates for found in lint_file(path)] == []


def test_no_template_has_an_alias() -> None:
    infra = manifest.ROOT / "infra"

    for path in (*infra.glob("*.yaml"), *(infra / "apps").glob("*.yaml")):
        kinds = {type(token) for token in yaml.scan(path.read_text())}
        assert not kinds & {yaml.AnchorToken, yaml.AliasToken}


def test_every_dead_letter_queue_and_every_function_has_an_alarm(out: Path) -> None:
    alarms = intrinsics.load(out / "alarms.yaml")
    watched = {
        dimension["Value"]["Fn::Sub"]
        for alarm in of_type(alarms, "AWS::CloudWatch::Alarm")
        for dimension in alarm["Properties"].get("Dimensions", [])
        if isinstance(dimension["Value"], dict)
    }

    for app, name, *_ in FUNCTIONS:
        assert function_of(out, app, name)["FunctionName"]["Fn::Sub"] in watched
    for name in DEAD_QUEUES:
        assert f"${{Prefix}}{name}" in watched


def test_an_apps_zip_holds_the_app_and_chalice_compiled(out: Path) -> None:
    python = f"cpython-{sys.version_info.major}{sys.version_info.minor}"

    entries = entries_of(out / "link_redirect" / "app.zip")
    assert "app.py" in entries
    assert f"__pycache__/app.{python}.pyc" in entries
    assert f"chalice/__pycache__/app.{python}.pyc" in entries
    assert not [entry for entry in entries if "policy" in entry]


def test_packaging_twice_gives_the_same_bytes(out: Path, tmp_path: Path) -> None:
    package.package_app("click_counter", tmp_path)

    for name in ("app.zip", "template.json"):
        assert (tmp_path / name).read_bytes() == (out / "click_counter" / name).read_bytes()


@pytest.mark.usefixtures("wheels")
def test_the_layer_leaves_out_what_no_function_reads(tmp_path: Path) -> None:
    layer.build_layer(tmp_path / "layer.zip")

    entries = entries_of(tmp_path / "layer.zip")
    assert "python/referrals/settings.py" in entries
    assert "python/botocore/data/dynamodb/2012-08-10/service-2.json.gz" in entries
    assert "python/botocore/data/endpoints.json" in entries
    assert "python/babel/locale-data/en.dat" in entries
    assert "python/botocore-1.0.dist-info/METADATA" in entries
    unwanted = ("/cli/", "/ec2/", "zu.dat", "/bin/", "RECORD")
    assert not [entry for entry in entries if any(name in entry for name in unwanted)]


@pytest.mark.usefixtures("wheels")
def test_lambda_need_not_compile_nor_check_what_is_in_the_layer(tmp_path: Path) -> None:
    layer.build_layer(tmp_path / "layer.zip")

    python = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    with ZipFile(tmp_path / "layer.zip") as opened:
        compiled = opened.read(f"python/referrals/__pycache__/settings.{python}.pyc")
    # PEP 552: the lowest bit says that it is found by hash, the next that the hash is checked
    assert int.from_bytes(compiled[4:8], "little") == 0b01
    assert b"/opt/python/referrals/settings.py" in compiled


@pytest.mark.usefixtures("wheels")
def test_building_the_layer_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    layer.build_layer(tmp_path / "one.zip")
    layer.build_layer(tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_layers_wheels_are_locked_and_for_arm64(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: asked.append(command))

    layer.install_requirements(tmp_path)

    (command,) = asked
    assert "--require-hashes" in command
    assert command[command.index("--only-binary") + 1] == ":all:"
    assert command[command.index("--platform") + 1] == "manylinux2014_aarch64"
