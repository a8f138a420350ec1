"""Reads the CloudFormation templates of infra/ and creates from them what the local cloud needs.

Nothing in a template is passed over in silence: a resource type, a property or an intrinsic that is
neither built here nor named as left out raises `TemplateError`.
"""

import functools
import json
import secrets as randomness
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from infra import intrinsics
from infra.manifest import ROOT

INFRA = ROOT / "infra"
ACCOUNT = "123456789012"
REGION = "eu-west-1"
MAIL_NAME = "Sarafan"
MAIL_DOMAIN = "shop.example"
MAIL_ADDRESS = f"hello@{MAIL_DOMAIN}"
MAIL_POSTAL_ADDRESS = "Samovar GmbH, Teestrasse 1, 10115 Berlin"
OPERATOR_EMAIL = f"operator@{MAIL_DOMAIN}"

_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}

# nothing in the local cloud would look at these
_LEFT_OUT = frozenset(
    {
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::BasePathMapping",
        "AWS::ApiGateway::DomainName",
        "AWS::CloudFormation::Stack",  # `create_apps` goes through them
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::Role",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::SES::ConfigurationSetEventDestination",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::Serverless::LayerVersion",
    }
)
# here everything is encrypted, backed up and described alike: not at all
_LEFT_OUT_PROPERTIES = frozenset(
    {
        "Description",
        "KmsMasterKeyId",
        "PendingWindowInDays",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "SqsManagedSseEnabled",
        "Tags",
    }
)
_NAME_PROPERTIES = ("LogGroupName", "AlarmName", "RoleName")


class TemplateError(ValueError):
    """A template says something that the local cloud does not understand."""


read = functools.cache(intrinsics.load)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Physical:
    """A resource that exists: what `!Ref` gives for it, and its attributes."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """One template's resources, each created when first referred to, so order does not matter."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        secrets: Mapping[str, str] | None = None,
        nested: Mapping[str, "Stack"] | None = None,
    ) -> None:
        """Prepare a stack; `secrets` fixes what would be generated, by the secrets' names."""
        self.template = template
        self.secrets = dict(secrets or {})
        self.nested = dict(nested or {})
        self._names = {**_PSEUDO_PARAMETERS, **self._defaults(), **parameters}
        self._created: dict[str, _Physical] = {}

    def create(self) -> None:
        """Create every resource, except those whose condition is false."""
        for logical_id, resource in self.template.get("Resources", {}).items():
            if "Type" in resource and self._is_wanted(resource):
                self._physical(logical_id)

    def ref(self, name: str) -> Any:
        """Give what `!Ref` gives: a parameter's value, or a resource's name, URL or ARN."""
        return self._names[name] if name in self._names else self._physical(name).ref

    def attribute(self, name: str) -> str:
        """Give what `!GetAtt` gives; `name` is as in `EventsTable.StreamArn`."""
        logical_id, _, attribute = name.partition(".")
        if logical_id in self.nested:
            return str(self.nested[logical_id].output(attribute.removeprefix("Outputs.")))
        attributes = self._physical(logical_id).attributes
        if attribute not in attributes:
            raise TemplateError(f"{name} is not known here")
        return attributes[attribute]

    def output(self, name: str) -> Any:
        """Give the value of an output."""
        return self.resolve(self.template["Outputs"][name]["Value"])

    def resolve(self, value: Any) -> Any:
        """Give `value` with its intrinsics replaced by what they stand for."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = next(iter(value), "")
        if len(value) == 1 and (name in {"Ref", "Condition"} or name.startswith("Fn::")):
            return self._evaluate(name, value[name])
        return {key: self.resolve(item) for key, item in value.items()}

    def _evaluate(self, name: str, argument: Any) -> Any:
        meanings: dict[str, Callable[[Any], Any]] = {
            "Ref": self.ref,
            "Condition": self._holds,
            "Fn::GetAtt": lambda of: self.attribute(".".join(of)),
            "Fn::Sub": self._substitute,
            "Fn::If": lambda of: self.resolve(of[1] if self._holds(of[0]) else of[2]),
            "Fn::Equals": lambda of: self.resolve(of[0]) == self.resolve(of[1]),
            "Fn::Not": lambda of: not self.resolve(of[0]),
        }
        if name not in meanings:
            raise TemplateError(f"{name} of {argument!r} is not known here")
        return meanings[name](argument)

    def _substitute(self, text: Any) -> str:
        if not isinstance(text, str):
            raise TemplateError(f"Fn::Sub of {text!r} is not known here")
        before, opening, rest = text.partition("${")
        if not opening:
            return text
        name, _, after = rest.partition("}")
        value = self.attribute(name) if "." in name else self.ref(name)
        return f"{before}{value}{self._substitute(after)}"

    def _holds(self, condition: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][condition]))

    def _is_wanted(self, resource: Mapping[str, Any]) -> bool:
        return "Condition" not in resource or self._holds(resource["Condition"])

    def _defaults(self) -> dict[str, Any]:
        parameters = self.template.get("Parameters", {})
        return {name: of["Default"] for name, of in parameters.items() if "Default" in of}

    def _physical(self, logical_id: str) -> _Physical:
        if logical_id not in self._created:
            self._created[logical_id] = self._make(logical_id)
        return self._created[logical_id]

    def _make(self, logical_id: str) -> _Physical:
        resource = self.template.get("Resources", {}).get(logical_id, {})
        kind, properties = resource.get("Type"), resource.get("Properties", {})
        if kind in _LEFT_OUT:
            named = next(
                (properties[name] for name in _NAME_PROPERTIES if name in properties), None
            )
            return _Physical(ref=self.resolve(named) if named else logical_id)
        if kind not in _MAKERS:
            raise TemplateError(f"{logical_id} of type {kind} is not known here")
        wanted = {
            name: self.resolve(value)
            for name, value in properties.items()
            if name not in _LEFT_OUT_PROPERTIES
        }
        return _MAKERS[kind](wanted, self.secrets)


# what each maker does not name goes on to the service, whose client refuses what it does not know


def _make_table(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    time_to_live = properties.pop("TimeToLiveSpecification", None)
    if "StreamSpecification" in properties:
        properties["StreamSpecification"]["StreamEnabled"] = True
    dynamodb, name = client("dynamodb"), properties["TableName"]
    table = dynamodb.create_table(**properties)["TableDescription"]
    if time_to_live:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=time_to_live)
    attributes = {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn", "")}
    return _Physical(ref=name, attributes=attributes)


def _make_queue(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    name = properties.pop("QueueName")
    attributes = {
        attribute: json.dumps(value) if isinstance(value, dict) else str(value)
        for attribute, value in properties.items()
    }
    url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    return _Physical(ref=url, attributes={"Arn": arn, "QueueName": name, "QueueUrl": url})


def _make_topic(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    name = properties.pop("TopicName")
    arn = client("sns").create_topic(Name=name, Attributes=properties)["TopicArn"]
    return _Physical(ref=arn, attributes={"TopicArn": arn, "TopicName": name})


def _make_secret(properties: dict[str, Any], given: Mapping[str, str]) -> _Physical:
    recipe = properties.pop("GenerateSecretString")
    content = json.loads(recipe["SecretStringTemplate"])
    content[recipe["GenerateStringKey"]] = given.get(properties["Name"]) or _generated(recipe)
    arn = client("secretsmanager").create_secret(SecretString=json.dumps(content), **properties)
    return _Physical(ref=arn["ARN"], attributes={"Id": arn["ARN"]})


def _generated(recipe: Mapping[str, Any]) -> str:
    alphabet = string.ascii_letters + string.digits
    if not recipe.get("ExcludePunctuation"):
        alphabet += string.punctuation
    return "".join(randomness.choice(alphabet) for _ in range(recipe.get("PasswordLength", 32)))


def _make_key(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    policy = json.dumps(properties.pop("KeyPolicy"))
    key = client("kms").create_key(Policy=policy, **properties)["KeyMetadata"]
    return _Physical(ref=key["KeyId"], attributes={"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _make_key_alias(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    client("kms").create_alias(**properties)
    return _Physical(ref=properties["AliasName"])


def _make_mail_identity(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    client("sesv2").create_email_identity(**properties)
    return _Physical(ref=properties["EmailIdentity"])


def _make_mail_configuration(properties: dict[str, Any], _: Mapping[str, str]) -> _Physical:
    name = properties.pop("Name")
    client("sesv2").create_configuration_set(ConfigurationSetName=name, **properties)
    return _Physical(ref=name)


_MAKERS: Mapping[str, Callable[[dict[str, Any], Mapping[str, str]], _Physical]] = {
    "AWS::DynamoDB::Table": _make_table,
    "AWS::SQS::Queue": _make_queue,
    "AWS::SNS::Topic": _make_topic,
    "AWS::SecretsManager::Secret": _make_secret,
    "AWS::KMS::Key": _make_key,
    "AWS::KMS::Alias": _make_key_alias,
    "AWS::SES::EmailIdentity": _make_mail_identity,
    "AWS::SES::ConfigurationSet": _make_mail_configuration,
}


@functools.cache
def client(service: str) -> Any:
    """Give a client of a service in the local region; kept, because to make one is slow."""
    # endpoints with an account id in them are ones that moto does not answer for streams
    config = Config(account_id_endpoint_mode="disabled")
    return boto3.session.Session().client(service, region_name=REGION, config=config)


def create_tables(prefix: str) -> Stack:
    """Create only the tables of infra/state.yaml; quick, for tests of what is stored."""
    stack = Stack(read(INFRA / "state.yaml"), {"Prefix": prefix})
    for logical_id, resource in stack.template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            stack.ref(logical_id)
    return stack


def create_state(prefix: str, *, secrets: Mapping[str, str] | None = None) -> Stack:
    """Create all of infra/state.yaml.

    `secrets` fixes values that are generated otherwise; its keys are the secrets' names without
    the prefix, such as `click-key`. The sender's domain is verified.
    """
    stack = Stack(
        read(INFRA / "state.yaml"),
        {"Prefix": prefix, "MailIdentity": MAIL_DOMAIN},
        secrets={prefix + name: value for name, value in (secrets or {}).items()},
    )
    stack.create()
    return stack


def create_apps(state: Stack, link_base: str) -> dict[str, Stack]:
    """Create what the apps' own templates add, each with the parameters that root.yaml hands it."""
    root = Stack(
        read(INFRA / "root.yaml"),
        {
            "Prefix": state.ref("Prefix"),
            "MailName": MAIL_NAME,
            "MailAddress": MAIL_ADDRESS,
            "MailIdentity": MAIL_DOMAIN,
            "PostalAddress": MAIL_POSTAL_ADDRESS,
            "OperatorEmail": OPERATOR_EMAIL,
        },
        nested={"State": state},
    )
    apps: dict[str, Stack] = {}
    for logical_id, resource in root.template["Resources"].items():
        app, is_packaged, _ = resource["Properties"].get("TemplateURL", "").partition("/")
        if is_packaged:
            apps[app] = root.nested[logical_id] = _app_stack(app, resource, root, link_base)
            apps[app].create()
    return apps


def _app_stack(app: str, resource: Mapping[str, Any], root: Stack, link_base: str) -> Stack:
    parameters = {"LinkBase": link_base, "PortalBase": "http://127.0.0.1/portal"}
    for name, value in resource["Properties"]["Parameters"].items():
        if name not in parameters:
            parameters[name] = root.resolve(value)
    return Stack(read(INFRA / "apps" / f"{app}.yaml"), parameters)


def environment(state: Stack, link_base: str) -> dict[str, str]:
    """Give the variables of settings.py for everything that runs here."""
    return {
        "TABLE_PREFIX": state.ref("Prefix"),
        "LINK_BASE": link_base,
        "FULFILMENT_QUEUE_URL": state.ref("FulfilmentQueue"),
        "EVENTS_TOPIC_ARN": state.ref("EventsTopic"),
        # of an app's own template, which is not there yet
        "EVENTS_DEAD_QUEUE_URL": (
            f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{state.ref('Prefix')}events-dead"
        ),
        "MAIL_FROM": f"{MAIL_NAME} <{MAIL_ADDRESS}>",
        "MAIL_CONFIGURATION_SET": state.ref("MailConfigurationSet"),
        "CLICK_KEY_SECRET": state.ref("ClickKeySecret"),
        "IDENTITY_KEY_SECRET": state.ref("IdentityKeySecret"),
        "SIGNAL_KEY_SECRET": state.ref("SignalKeySecret"),
        "WEBHOOK_SECRET": state.ref("WebhookSecret"),
        "API_KEY_SECRET": state.ref("ApiKeySecret"),
        "OUTGOING_KEY_SECRET": state.ref("OutgoingKeySecret"),
        "PORTAL_KEY_SECRET": state.ref("PortalKeySecret"),
        "PAYOUT_PROVIDER_SECRET": state.ref("PayoutProviderSecret"),
        "DISPATCH_QUEUE_URL": state.ref("DispatchQueue"),
        "WEBHOOK_QUEUE_URL": state.ref("WebhookQueue"),
        "MAILING_QUEUE_URL": state.ref("MailingQueue"),
        "MAIL_FEEDBACK_TOPIC_ARN": state.ref("MailFeedbackTopic"),
        "SMS_REPLIES_TOPIC_ARN": state.ref("SmsRepliesTopic"),
        "MAIL_POSTAL_ADDRESS": MAIL_POSTAL_ADDRESS,
        "OPERATOR_EMAIL": OPERATOR_EMAIL,
        "PORTAL_BASE": "http://127.0.0.1/portal",
        "PAYOUT_PROVIDER_URL": "",
        "SMS_MONTHLY_CAP": "0",
    }
