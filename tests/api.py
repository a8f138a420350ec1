"""The whole cloud, called as API Gateway and AWS would call it, without a socket in between."""

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from infra.local.cloud import LocalCloud
from infra.local.invocations import Function, as_lambda

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """Calls one app's routes with the events that API Gateway makes."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.key = cloud.secret("api-key")
        self.webhook_secret = f"whsec_{cloud.secret('webhook-secret')}"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        route: str | None = None,
        parameters: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        app: str = "conversion_hooks",
    ) -> Answer:
        """Make one request; a `body` that is no text is sent as JSON."""
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        sent = {"content-type": "application/json", "user-agent": BROWSER, **(headers or {})}
        event = {
            "resource": route or path,
            "path": path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {n: [v] for n, v in query.items()}
            if query
            else None,
            "pathParameters": parameters,
            "stageVariables": None,
            "requestContext": {
                "httpMethod": method,
                "resourcePath": route or path,
                "identity": {"sourceIp": "203.0.113.9"},
            },
            "body": text,
            "isBase64Encoded": False,
        }
        answer = as_lambda(import_module(f"functions.{app}.app").app, Function(app), event)
        merged = {**answer.get("headers", {})}
        merged |= {name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()}
        lower = {name.lower(): str(value) for name, value in merged.items()}
        return Answer(answer["statusCode"], lower, answer.get("body") or "")

    def post(self, path: str, body: Any, **more: Any) -> Answer:
        """Call a hook with the API key."""
        return self.call(
            "POST", path, body, headers={"authorization": f"Bearer {self.key}"}, **more
        )

    def advocate(self, customer_id: str, program: str = "tea") -> Answer:
        return self.call(
            "GET",
            f"/api/advocates/{customer_id}",
            route="/api/advocates/{customer_id}",
            parameters={"customer_id": customer_id},
            query={"program": program},
            headers={"authorization": f"Bearer {self.key}"},
        )

    def follow(self, code: str, *, method: str = "GET", **more: Any) -> Answer:
        """Follow a share link."""
        return self.call(
            method,
            f"/{code}",
            route="/{code}",
            parameters={"code": code},
            app="link_redirect",
            **more,
        )
