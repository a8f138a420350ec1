"""Clicks: the token is the evidence, so it must be read by its maker alone, and unchanged."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.clicks import (
    CHANNELS,
    MAX_TOKEN_LENGTH,
    Click,
    ClickKey,
    ClickTokenError,
    channel_of,
    opened,
    sealed,
    visitor_hash,
)
from tests.factories import NOW, a_click

KEY = ClickKey("a click key of this test suite")
NEXT_KEY = ClickKey("the key after that")
TOKEN_SIGNS = set(string.ascii_letters + string.digits + "-_")
TOKEN = "AfWUag2iQAEjRWeJq83vBkFOTkExMHdoYXRzYXBwyPKkniHLYeAqlB5QuVyhPQ"

CLICKS = st.builds(
    Click,
    code=st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=24),
    clicked_at=st.integers(min_value=0, max_value=2**32 - 1).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC)
    ),
    channel=st.sampled_from(sorted(CHANNELS)),
    visitor=st.binary(min_size=8, max_size=8).map(bytes.hex),
)


@given(CLICKS)
def test_a_click_is_read_from_its_token_as_it_was(click: Click) -> None:
    assert opened(sealed(click, key=KEY), keys=[KEY]) == click


@given(CLICKS)
def test_a_token_survives_where_only_letters_digits_dash_and_underscore_do(click: Click) -> None:
    token = sealed(click, key=KEY)
    assert set(token) <= TOKEN_SIGNS
    assert len(token) < 200


def test_the_longest_token_has_ninety_six_signs() -> None:
    longest = a_click(code="X" * 24, channel="x" * 16)
    assert len(sealed(longest, key=KEY)) == 96


def test_a_token_that_is_in_a_cookie_today_can_be_read_tomorrow() -> None:
    assert sealed(a_click(), key=KEY) == TOKEN
    assert opened(TOKEN, keys=[KEY]) == a_click()


def test_a_click_is_remembered_to_the_second() -> None:
    click = a_click(clicked_at=NOW + timedelta(microseconds=999_999))
    assert opened(sealed(click, key=KEY), keys=[KEY]).clicked_at == NOW


@given(
    click=CLICKS,
    position=st.integers(min_value=0, max_value=199),
    sign=st.sampled_from(sorted(TOKEN_SIGNS)),
)
def test_a_token_with_one_sign_changed_is_refused_or_says_the_same(
    click: Click, position: int, sign: str
) -> None:
    token = sealed(click, key=KEY)
    place = position % len(token)
    try:
        read = opened(token[:place] + sign + token[place + 1 :], keys=[KEY])
    except ClickTokenError:
        return
    assert read == click


def test_no_single_sign_of_a_token_can_be_changed_to_say_something_else() -> None:
    said = set()
    for place in range(len(TOKEN)):
        for sign in sorted(TOKEN_SIGNS | {"+", "/", "=", " ", "\n", "\x00", "\u00e9"}):
            try:
                said.add(opened(TOKEN[:place] + sign + TOKEN[place + 1 :], keys=[KEY]))
            except ClickTokenError:
                continue
    assert said == {a_click()}


@given(CLICKS)
def test_a_token_of_another_deployment_is_refused(click: Click) -> None:
    token = sealed(click, key=NEXT_KEY)
    with pytest.raises(ClickTokenError, match="not genuine"):
        opened(token, keys=[KEY])


@given(CLICKS)
def test_while_keys_rotate_both_are_accepted(click: Click) -> None:
    before, after = sealed(click, key=KEY), sealed(click, key=NEXT_KEY)
    assert opened(before, keys=[NEXT_KEY, KEY]) == click
    assert opened(after, keys=[NEXT_KEY, KEY]) == click


def test_without_any_key_no_token_is_genuine() -> None:
    with pytest.raises(ClickTokenError, match="not genuine"):
        opened(TOKEN, keys=[])


@pytest.mark.parametrize(
    ("token", "says"),
    [
        pytest.param("", "malformed", id="nothing"),
        pytest.param("A", "malformed", id="one sign"),
        pytest.param("abc", "malformed", id="too short"),
        pytest.param(TOKEN[:-10], "not genuine", id="cut off at the end"),
        pytest.param(TOKEN[:40], "malformed", id="cut off before its seal"),
        pytest.param(TOKEN + "AAAA", "not genuine", id="with something added"),
        pytest.param(TOKEN + " ", "malformed", id="with a space"),
        pytest.param("A" * 200, "malformed", id="200 signs"),
        pytest.param("A" * 197, "malformed", id="a length that base64 cannot have"),
        pytest.param("A" * 196, "unknown version", id="version 0"),
        pytest.param("Ag" + TOKEN[2:], "unknown version", id="version 2"),
        pytest.param("*" * 60, "malformed", id="other signs"),
        pytest.param("\u00e9" * 60, "malformed", id="other letters"),
        pytest.param("\ud800" * 60, "malformed", id="half a character"),
        pytest.param("dub_id_" + TOKEN, "malformed", id="with Dub's prefix left on"),
        pytest.param("ANNA10", "malformed", id="a code"),
    ],
)
def test_a_token_that_cannot_be_read_says_why(token: str, says: str) -> None:
    with pytest.raises(ClickTokenError, match=says):
        opened(token, keys=[KEY])


@given(st.text(max_size=220))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(ClickTokenError):
        opened(text, keys=[KEY])


@given(st.text("ABCXYZabcxyz0189-_=+/", max_size=MAX_TOKEN_LENGTH + 1))
def test_nothing_that_looks_like_a_token_is_taken_for_one(text: str) -> None:
    with pytest.raises(ClickTokenError):
        opened(text, keys=[KEY])


@pytest.mark.parametrize(
    ("asked", "channel"),
    [
        pytest.param(None, "link", id="none"),
        pytest.param("", "link", id="an empty one"),
        pytest.param("whatsapp", "whatsapp", id="one of the list"),
        pytest.param("WhatsApp", "other", id="another spelling"),
        pytest.param("my-channel-8731", "other", id="one that was made up"),
        pytest.param("x" * 10_000, "other", id="a long one"),
    ],
)
def test_a_channel_is_one_of_a_closed_list(asked: str | None, channel: str) -> None:
    assert channel_of(asked) == channel


def test_every_channel_fits_into_a_token() -> None:
    assert max(len(channel) for channel in CHANNELS) <= 16
    assert {"link", "other"} <= CHANNELS


def test_a_visitor_is_sixteen_hexadecimal_digits() -> None:
    assert visitor_hash("192.0.2.1", "Firefox", key=KEY) == "68438522741487f1"


def test_visitors_differ_by_address_by_agent_and_by_key() -> None:
    visitors = {
        visitor_hash("192.0.2.1", "Firefox", key=KEY),
        visitor_hash("192.0.2.2", "Firefox", key=KEY),
        visitor_hash("192.0.2.1", "Safari", key=KEY),
        visitor_hash("192.0.2.1", "Firefox", key=NEXT_KEY),
    }
    assert len(visitors) == 4


@given(st.text(max_size=60), st.text(st.characters(), max_size=60))
def test_any_agent_makes_a_visitor_that_fits_into_a_token(address: str, agent: str) -> None:
    click = a_click(visitor=visitor_hash(address, agent, key=KEY))
    assert opened(sealed(click, key=KEY), keys=[KEY]) == click


def test_an_agent_with_half_a_character_is_a_visitor_too() -> None:
    assert len(visitor_hash("192.0.2.1", "\ud800", key=KEY)) == 16
