"""The local cloud is created from the templates that are deployed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from infra.local import engine, templates
from infra.local.templates import Stack, TemplateError

PREFIX = "sarafan-test-"


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    engine.install()
    with mock_aws():
        yield


def a_stack(resource: dict[str, Any], **parameters: str) -> Stack:
    return Stack({"Resources": {"It": resource}}, parameters)


def table(name: str) -> dict[str, Any]:
    described: dict[str, Any] = templates.client("dynamodb").describe_table(
        TableName=f"{PREFIX}{name}"
    )["Table"]
    return described


def test_tables_have_the_keys_indexes_and_streams_of_the_template() -> None:
    templates.create_tables(PREFIX)
    rewards, events = table("rewards"), table("events")
    assert [key["AttributeName"] for key in rewards["KeySchema"]] == ["owner_key", "reward_id"]
    index = {each["IndexName"]: each for each in rewards["GlobalSecondaryIndexes"]}["by_due"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert events["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def test_tables_forget_what_the_template_lets_expire() -> None:
    templates.create_tables(PREFIX)
    answer = templates.client("dynamodb").describe_time_to_live(TableName=f"{PREFIX}messages")
    assert answer["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at",
    }


def test_a_queue_knows_its_dead_letters_though_they_come_later_in_the_template() -> None:
    state = templates.create_state(PREFIX)
    attributes = templates.client("sqs").get_queue_attributes(
        QueueUrl=state.ref("FulfilmentQueue"), AttributeNames=["All"]
    )["Attributes"]
    assert attributes["VisibilityTimeout"] == "360"
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:sarafan-test-fulfilment-dead",
        "maxReceiveCount": 5,
    }


def secret(state: Stack, logical_id: str) -> dict[str, str]:
    answer = templates.client("secretsmanager").get_secret_value(SecretId=state.ref(logical_id))
    content: dict[str, str] = json.loads(answer["SecretString"])
    return content


def test_secrets_are_the_given_ones_or_generated_as_the_template_says() -> None:
    state = templates.create_state(PREFIX, secrets={"api-key": "a-known-key"})
    assert secret(state, "ApiKeySecret") == {"current": "a-known-key"}
    generated = secret(state, "WebhookSecret")["current"]
    assert len(generated) == 44
    assert generated.isalnum()


def test_the_sender_is_verified() -> None:
    templates.create_state(PREFIX)
    answer = templates.client("sesv2").send_email(
        FromEmailAddress=templates.MAIL_ADDRESS,
        Destination={"ToAddresses": ["anna@customer.example"]},
        Content={"Raw": {"Data": b"Subject: Hello\r\n\r\nHello"}},
    )
    assert answer["MessageId"]


def test_the_environment_has_every_variable_that_settings_read() -> None:
    state = templates.create_state(PREFIX)
    environment = templates.environment(state, "http://127.0.0.1:8000/r")
    assert environment["TABLE_PREFIX"] == "sarafan-test-"
    assert environment["LINK_BASE"] == "http://127.0.0.1:8000/r"
    assert environment["MAIL_FROM"] == "Sarafan <hello@shop.example>"
    assert environment["EVENTS_TOPIC_ARN"].endswith(":sarafan-test-events")
    assert environment["FULFILMENT_QUEUE_URL"].endswith("/sarafan-test-fulfilment")
    assert set(environment) == {
        "TABLE_PREFIX",
        "LINK_BASE",
        "FULFILMENT_QUEUE_URL",
        "EVENTS_TOPIC_ARN",
        "EVENTS_DEAD_QUEUE_URL",
        "MAIL_FROM",
        "MAIL_CONFIGURATION_SET",
        "CLICK_KEY_SECRET",
        "IDENTITY_KEY_SECRET",
        "SIGNAL_KEY_SECRET",
        "WEBHOOK_SECRET",
        "API_KEY_SECRET",
        "OUTGOING_KEY_SECRET",
        "PORTAL_KEY_SECRET",
        "PAYOUT_PROVIDER_SECRET",
        "DISPATCH_QUEUE_URL",
        "WEBHOOK_QUEUE_URL",
        "MAILING_QUEUE_URL",
        "MAIL_FEEDBACK_TOPIC_ARN",
        "SMS_REPLIES_TOPIC_ARN",
        "MAIL_POSTAL_ADDRESS",
        "OPERATOR_EMAIL",
        "PORTAL_BASE",
        "PAYOUT_PROVIDER_URL",
        "SMS_MONTHLY_CAP",
    }


def test_apps_get_the_parameters_that_the_root_template_hands_them() -> None:
    state = templates.create_state(PREFIX)
    apps = templates.create_apps(state, "http://127.0.0.1:8000/r")
    assert apps["notifications"].ref("EventsStreamArn") == state.attribute("EventsTable.StreamArn")
    assert apps["click_counter"].ref("ClickLogName") == "/aws/lambda/sarafan-test-link-redirect"
    assert apps["conversion_hooks"].ref("LinkBase") == "http://127.0.0.1:8000/r"


def test_an_unknown_kind_of_resource_is_not_passed_over() -> None:
    stack = a_stack({"Type": "AWS::Kinesis::Stream"})
    with pytest.raises(TemplateError, match="AWS::Kinesis::Stream"):
        stack.create()


def test_an_unknown_property_is_not_passed_over() -> None:
    stack = a_stack(
        {"Type": "AWS::SES::EmailIdentity", "Properties": {"EmailIdentity": "a", "Colour": "red"}}
    )
    with pytest.raises(Exception, match="Colour"):
        stack.create()


def test_an_unknown_intrinsic_is_not_passed_over() -> None:
    stack = a_stack({"Type": "AWS::SES::EmailIdentity"})
    with pytest.raises(TemplateError, match="Fn::Cidr"):
        stack.resolve({"Fn::Cidr": ["10.0.0.0/8", 1]})


def test_a_resource_whose_condition_is_false_is_not_created() -> None:
    stack = templates.Stack(
        {
            "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
            "Resources": {"It": {"Type": "AWS::Kinesis::Stream", "Condition": "Never"}},
        },
        {},
    )
    stack.create()
    assert stack.resolve({"Fn::If": ["Never", "there", "not there"]}) == "not there"
