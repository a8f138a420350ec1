"""AWS without a network: botocore does all it does for a call, and is handed a made-up answer.

What is left of a call is the CPU time of the SDK itself, the same for every subject.
"""

import json
import os
from typing import Any

from botocore import handlers
from botocore.awsrequest import AWSResponse

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "TABLE_PREFIX": "bench-",
    "LINK_BASE": "https://go.shop.example",
    "FALLBACK_URL": "https://shop.example/",
    "CLICK_KEY_SECRET": "bench-click-key",
}

_LINK = {
    "code": {"S": "ANNA10"},
    "program_id": {"S": "tea"},
    "advocate_id": {"S": "per_2f5q6c3k7h4j5m6n7p2r3s4t"},
    "status": {"S": "active"},
    "created_at": {"S": "2026-05-04T12:00:00.000000+0000"},
}
_PROGRAM = {
    "program_id": {"S": "tea"},
    "edition": {"S": "live"},
    "status": {"S": "active"},
    "landing_page": {"S": "https://shop.example/welcome"},
    "allowed_hosts": {"L": [{"S": "shop.example"}]},
    "fallback_url": {"S": "https://shop.example/"},
    "link_parameter": {"S": "via"},
    "preview_title": {"S": "A cup of tea on your friend"},
    "preview_description": {"S": "Five euro off your first order at Samovar."},
    "body": {"S": json.dumps({"rules": ["x" * 1_500]})},
}
_ANSWERS = {
    "bench-links": {"Item": _LINK},
    "bench-programs": {"Item": _PROGRAM},
    "bench-click-key": {"SecretString": json.dumps({"current": "k" * 43})},
}
_BODIES = {name: json.dumps(answer).encode() for name, answer in _ANSWERS.items()}


def install() -> None:
    """Answer every call of every botocore session that is made from now on in this process."""
    os.environ.update(ENVIRONMENT)
    handlers.BUILTIN_HANDLERS.append(("before-send", _answer))


def _answer(request: Any, **_: Any) -> AWSResponse:
    asked = json.loads(request.body)
    response = AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, None)
    response._content = _BODIES[asked.get("TableName") or asked["SecretId"]]  # noqa: SLF001
    return response
