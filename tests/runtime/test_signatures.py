"""Signatures: only who has a live secret may call, and nothing a stranger sends breaks anything."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.runtime.signatures import (
    RefusedError,
    bearer_key,
    check_key,
    check_signature,
    checked_secret,
)

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
STAMP = 1_779_278_400
SECRET = "whsec_" + base64.b64encode(b"a secret of this test suite, 1st").decode()
NEXT_SECRET = "whsec_" + base64.b64encode(b"a secret of this test suite, 2nd").decode()
STRANGERS = "whsec_" + base64.b64encode(b"a secret that nobody here knows!").decode()
BODY = b'{"program":"tea"}'
SECONDS = timedelta(seconds=1)


def signature_of(
    body: bytes = BODY,
    *,
    secret: str = SECRET,
    message_id: str = "msg_1",
    stamp: int | str = STAMP,
) -> str:
    """Sign as the Standard Webhooks specification says, with nothing but the standard library."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def headers_of(
    signature: str | None = None, *, message_id: str = "msg_1", stamp: int | str = STAMP
) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature_of() if signature is None else signature,
    }


def check(
    headers: Mapping[str, str],
    body: bytes = BODY,
    *,
    live: tuple[str, ...] = (SECRET,),
    now: datetime = NOW,
) -> None:
    check_signature(headers, body, live=live, now=now)


def test_a_message_that_was_signed_with_the_secret_passes() -> None:
    check(headers_of())


def test_the_example_of_the_specification_passes() -> None:
    check_signature(
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
        live=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        now=datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET], ids=["the old one", "the new one"])
def test_while_secrets_rotate_both_are_accepted(secret: str) -> None:
    check(headers_of(signature_of(secret=secret)), live=(NEXT_SECRET, SECRET))


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(f"{signature_of()} {signature_of(secret=STRANGERS)}", id="ours first"),
        pytest.param(f"{signature_of(secret=STRANGERS)} {signature_of()}", id="ours last"),
        pytest.param(f"v1a,AAAA v2 , {signature_of()}", id="ours among others"),
    ],
)
def test_one_good_signature_of_several_is_enough(signature: str) -> None:
    check(headers_of(signature))


@pytest.mark.parametrize("off", [-300 * SECONDS, 0 * SECONDS, 300 * SECONDS])
def test_clocks_may_differ_by_five_minutes(off: timedelta) -> None:
    check(headers_of(), now=NOW + off)


@pytest.mark.parametrize(
    "off",
    [
        pytest.param(301 * SECONDS, id="stale"),
        pytest.param(-301 * SECONDS, id="from the future"),
        pytest.param(timedelta(days=365), id="a year old"),
    ],
)
def test_a_message_that_is_more_than_five_minutes_off_is_refused(off: timedelta) -> None:
    with pytest.raises(RefusedError, match="more than five minutes off"):
        check(headers_of(), now=NOW + off)


@pytest.mark.parametrize(
    "stamp",
    [
        f"{STAMP}.9",
        f"{STAMP}.0",
        f" {STAMP}",
        f"{STAMP}\n",
        f"+{STAMP}",
        f"-{STAMP}",
        "1_779_278_400",
        "1.779e9",
        "nan",
        "inf",
        "0x6a0",
        "2026-05-20T12:00:00Z",
        "\u0661\u0667\u0667\u0669",
        "\u00b2",
        "9" * 13,
        "9" * 5_000,
    ],
)
def test_a_timestamp_that_is_no_number_of_seconds_is_refused(stamp: str) -> None:
    with pytest.raises(RefusedError, match="not a number of seconds"):
        check(headers_of(stamp=stamp))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_a_message_without_one_of_its_headers_is_refused(name: str, value: str | None) -> None:
    headers = {key: each for key, each in headers_of().items() if key != name}
    if value is not None:
        headers[name] = value
    with pytest.raises(RefusedError, match="are needed"):
        check(headers)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(signature_of(secret=STRANGERS), id="another secret"),
        pytest.param(signature_of(b'{"program":"coffee"}'), id="another body"),
        pytest.param(signature_of(message_id="msg_2"), id="another message"),
        pytest.param(signature_of(stamp=STAMP + 1), id="another time"),
        pytest.param(signature_of(stamp=f"{STAMP}.9"), id="another spelling of the time"),
        pytest.param(signature_of()[:-4], id="cut off"),
        pytest.param(signature_of().removeprefix("v1,"), id="without its version"),
        pytest.param(signature_of().replace("v1,", "v2,"), id="another version"),
        pytest.param(signature_of().replace("v1,", "v1,,"), id="one comma more"),
        pytest.param(signature_of().replace("v1,", "v1a,"), id="the version for public keys"),
        pytest.param("v1,", id="empty"),
        pytest.param("v1,not base64!", id="no base64"),
        pytest.param("v1,AAA", id="base64 without its padding"),
        pytest.param("v1,\u0441\u0430\u043c\u043e\u0432\u0430\u0440", id="cyrillic"),
        pytest.param("v1,\ud800", id="half a character"),
        pytest.param(",,,, , ,", id="commas"),
        pytest.param(" ", id="a space"),
        pytest.param("\x00", id="a null"),
        pytest.param("v1,AAAA " * 1_000, id="a thousand of them"),
    ],
)
def test_a_forged_signature_is_refused(signature: str) -> None:
    with pytest.raises(RefusedError, match="does not match"):
        check(headers_of(signature))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(BODY + b" ", id="a space more"),
        pytest.param(BODY.replace(b"tea", b"Tea"), id="another letter"),
    ],
)
def test_a_body_that_was_changed_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError, match="does not match"):
        check(headers_of(), body)


def test_a_signed_body_that_is_not_utf_8_is_refused() -> None:
    body = b"\xff\xfe"
    headers = headers_of(signature_of(body))
    with pytest.raises(RefusedError, match="not UTF-8"):
        check(headers, body)


def test_a_message_id_with_half_a_character_is_refused() -> None:
    with pytest.raises(RefusedError, match="not UTF-8"):
        check(headers_of(message_id="\ud800"))


def test_without_any_live_secret_nobody_may_call() -> None:
    with pytest.raises(RefusedError, match="does not match"):
        check(headers_of(), live=())


def test_a_refusal_is_a_401_and_repeats_nothing_secret() -> None:
    with pytest.raises(RefusedError) as refused:
        check(headers_of(signature_of(secret=STRANGERS)))
    assert refused.value.status is HTTPStatus.UNAUTHORIZED
    assert refused.value.code == "not_authorized"
    assert "v1," not in refused.value.detail


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text(st.characters(exclude_categories=()), max_size=40)
        | st.sampled_from([str(STAMP), "v1,AAAA", "msg_1"]),
    ),
    body=st.binary(max_size=20),
)
def test_whatever_headers_a_stranger_sends_they_are_refused(
    headers: Mapping[str, str], body: bytes
) -> None:
    with pytest.raises(RefusedError):
        check(headers, body)


@given(
    message_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    text=st.text(st.characters(codec="utf-8"), max_size=200),
)
def test_whatever_is_signed_with_the_secret_passes(message_id: str, text: str) -> None:
    signature = signature_of(text.encode(), message_id=message_id)
    check(headers_of(signature, message_id=message_id), text.encode())


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        pytest.param("whsec_", "not 24 to 64 bytes long", id="empty"),
        pytest.param("whsec_" + "A" * 28, "not 24 to 64 bytes long", id="21 bytes"),
        pytest.param("whsec_" + "A" * 88, "not 24 to 64 bytes long", id="66 bytes"),
        pytest.param("whsec_a secret word", "not base64", id="words"),
        pytest.param("whsec_\u0430", "not base64", id="cyrillic"),
    ],
)
def test_a_secret_that_cannot_protect_anything_is_not_used(secret: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        checked_secret(secret)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_has_twenty_four_to_sixty_four_bytes(length: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(length)).decode()
    assert checked_secret(secret) == secret


@pytest.mark.parametrize(
    ("value", "key"),
    [
        pytest.param("Bearer a-key", "a-key", id="as it is written"),
        pytest.param("bearer a-key", "a-key", id="small letters"),
        pytest.param("BEARER   a-key ", "a-key", id="spaces"),
        pytest.param("Bearer ", "", id="an empty key"),
        pytest.param("Basic a-key", None, id="another scheme"),
        pytest.param("a-key", None, id="no scheme"),
        pytest.param("Bearer", None, id="a scheme alone"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_bearer_key_is_read_from_its_header(value: str, key: str | None) -> None:
    assert bearer_key({"authorization": value}) == key


def test_without_the_header_there_is_no_bearer_key() -> None:
    assert bearer_key({}) is None


@pytest.mark.parametrize("key", ["the-old-key", "the-new-key"])
def test_every_live_key_is_accepted(key: str) -> None:
    check_key(key, live=["the-new-key", "the-old-key"])


@pytest.mark.parametrize(
    "key", ["", "another", "the-new-ke", "the-new-key ", "\ud800", "THE-NEW-KEY"]
)
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(RefusedError, match="not valid"):
        check_key(key, live=["the-new-key"])


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_no_key_that_is_made_up_passes_or_breaks_anything(key: str) -> None:
    with pytest.raises(RefusedError):
        check_key(key, live=["a live key that is longer than what is made up here"])
