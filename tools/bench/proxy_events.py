"""A browser's request for a share link, as API Gateway's REST proxy hands it to a function."""

from typing import Any

AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
_ADDRESS = "203.0.113.7"
_HEADERS = {
    "host": "go.shop.example",
    "user-agent": AGENT,
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-GB,en;q=0.9",
    "accept-encoding": "gzip, deflate, br",
    "x-amzn-trace-id": "Root=1-67a1b2c3-0123456789abcdef01234567",
    "x-forwarded-for": _ADDRESS,
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}


def visit(code: str = "ANNA10", *, channel: str = "whatsapp") -> dict[str, Any]:
    """Give the event of a friend's GET of a share link."""
    return {
        "resource": "/{code}",
        "path": f"/{code}",
        "httpMethod": "GET",
        "headers": dict(_HEADERS),
        "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()},
        "queryStringParameters": {"ch": channel},
        "multiValueQueryStringParameters": {"ch": [channel]},
        "pathParameters": {"code": code},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "httpMethod": "GET",
            "identity": {"sourceIp": _ADDRESS, "userAgent": AGENT},
            "path": f"/live/{code}",
            "requestId": "00000000-0000-4000-8000-000000000000",
            "resourcePath": "/{code}",
            "stage": "live",
        },
        "body": None,
        "isBase64Encoded": False,
    }
