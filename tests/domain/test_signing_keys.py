"""Signing secrets: one key, one secret for each label, signatures that others can check."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from referrals.domain.signing_keys import derived_secret, signed_headers

NOW = datetime.now(UTC)  # the library that checks knows no other clock


def test_a_secret_is_the_same_whenever_it_is_derived() -> None:
    assert derived_secret("a key", "endpoint/1") == (
        "whsec_wGi2hQzaLlOHss/nTSPCFhNjPfAwWX7pwKNBykYP0lM="
    )


@pytest.mark.parametrize(
    ("outgoing", "label"),
    [("another key", "endpoint/1"), ("a key", "endpoint/2"), ("a key", "endpoint/1/2")],
)
def test_another_key_or_another_label_is_another_secret(outgoing: str, label: str) -> None:
    assert derived_secret(outgoing, label) != derived_secret("a key", "endpoint/1")


@pytest.mark.parametrize("body", [b"{}", b"", "\N{SNOWMAN}".encode()])
def test_the_library_of_the_standard_takes_each_signature(body: bytes) -> None:
    new, old = derived_secret("a key", "2"), derived_secret("a key", "1")

    headers = signed_headers("evt_1", body, secrets=[new, old], now=NOW)

    Webhook(new).verify(body, headers, json_parse=False)
    Webhook(old).verify(body, headers, json_parse=False)
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_a_signature_is_what_the_standard_gives_as_its_example() -> None:
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        now=datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC),
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
