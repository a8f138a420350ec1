"""What a shop's back end does: it reports to the hooks, signed, and asks the API with its key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from standardwebhooks import Webhook

from referrals.runtime import clock

_TIMEOUT_S = 30
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; an empty one when there is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


def fetch(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = ""
) -> Answer:
    """Make one HTTP request and follow no redirect."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection = HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request(method, target, body=body.encode() or None, headers=dict(headers or {}))
        response = connection.getresponse()
        content = response.read().decode(errors="replace")
    finally:
        connection.close()
    received = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=received, body=content)


def with_prefix(secret: str) -> str:
    """Write a webhook secret as Standard Webhooks hands it out: `whsec_...`."""
    return secret if secret.startswith(_PREFIX) else _PREFIX + secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopBackend:
    """A shop that knows where the system is, its API key and its webhook secret."""

    base_url: str
    api_key: str
    webhook_secret: str

    def report(self, hook: str, document: Mapping[str, Any]) -> Answer:
        """Report to a hook (`signup`, `purchase`, `refund`), with a Standard Webhooks signature."""
        body = json.dumps(document)
        now = clock.utc_now()
        # the same message keeps its id when it is delivered again
        message_id = f"msg_{hashlib.sha256(f'{hook} {body}'.encode()).hexdigest()[:24]}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.webhook_secret).sign(message_id, now, body),
        }
        return fetch("POST", f"{self.base_url}/hooks/{hook}", headers=headers, body=body)

    def enrol(self, document: Mapping[str, Any]) -> Answer:
        """Enrol a customer as an advocate."""
        return self._post("/api/advocates", document)

    def redeem(self, customer_id: str, document: Mapping[str, Any]) -> Answer:
        """Let a customer spend credit or points."""
        return self._post(f"/api/advocates/{quote(customer_id, safe='')}/redemptions", document)

    def advocate(self, customer_id: str, *, program: str) -> Answer:
        """Look up what an advocate has."""
        query = urlencode({"program": program})
        url = f"{self.base_url}/api/advocates/{quote(customer_id, safe='')}?{query}"
        return fetch("GET", url, headers=self._bearer())

    def _post(self, path: str, document: Mapping[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json", **self._bearer()}
        return fetch("POST", self.base_url + path, headers=headers, body=json.dumps(document))

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}
