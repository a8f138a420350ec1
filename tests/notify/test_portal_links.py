"""Signed links in mails: what they open, for whom, how long; and what strangers make of them."""

import base64
import random
import string
from collections.abc import Callable
from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.message_kinds import MessageKind, Purpose
from referrals.notify.portal_links import (
    BadLinkError,
    DetailsWanted,
    details_link,
    mail_links,
    preferences_link,
    read_details,
    read_preferences,
    read_unsubscribe,
    unsubscribe_link,
)
from tests.shop import NOON

KEYS = ("the current key", "the key before")
ANNA = PersonId("per_abcdefghijklmnopqrstuvwx")
SHIPPING = DetailsWanted(person_id=ANNA, program_id=ProgramId("tea"), kind="shipping")


@pytest.fixture(autouse=True)
def _portal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_BASE", "https://portal.shop.example/")


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


def an_unsubscribe_token(keys: tuple[str, ...] = KEYS) -> str:
    return token_of(unsubscribe_link(ANNA, Purpose.NEWS, keys=keys))


def test_a_link_leads_to_its_page_and_its_token_says_who_and_what() -> None:
    link = unsubscribe_link(ANNA, Purpose.NEWS, keys=KEYS)
    assert link.startswith("https://portal.shop.example/unsubscribe/")
    read = read_unsubscribe(token_of(link), keys=KEYS)
    assert (read.person_id, read.purpose) == (ANNA, Purpose.NEWS)


def test_a_preferences_link_names_a_person_and_nothing_else() -> None:
    link = preferences_link(ANNA, keys=KEYS)
    assert link.startswith("https://portal.shop.example/preferences/")
    assert read_preferences(token_of(link), keys=KEYS) == ANNA


@pytest.mark.parametrize(("days", "is_valid"), [(0, True), (60, True), (60.001, False)])
def test_a_link_for_details_works_for_60_days(days: float, *, is_valid: bool) -> None:
    token = token_of(details_link(SHIPPING, keys=KEYS, now=NOON))
    later = NOON + timedelta(days=days)
    if is_valid:
        assert read_details(token, keys=KEYS, now=later) == SHIPPING
        return
    with pytest.raises(BadLinkError) as raised:
        read_details(token, keys=KEYS, now=later)
    assert raised.value.is_too_old


def test_a_token_is_short_and_safe_in_a_url() -> None:
    links = [
        unsubscribe_link(ANNA, Purpose.ASK, keys=KEYS),
        preferences_link(ANNA, keys=KEYS),
        details_link(SHIPPING, keys=KEYS, now=NOON),
    ]
    for token in map(token_of, links):
        assert set(token) <= {*string.ascii_letters, *string.digits, *"-_."}
        assert len(token) < 200


def test_a_key_that_was_rotated_once_still_opens_and_one_rotated_twice_does_not() -> None:
    token = an_unsubscribe_token(("old",))
    assert read_unsubscribe(token, keys=("new", "old")).person_id == ANNA
    with pytest.raises(BadLinkError):
        read_unsubscribe(token, keys=("newest", "new"))


def test_what_is_new_is_signed_with_the_current_key() -> None:
    assert read_unsubscribe(an_unsubscribe_token(), keys=(KEYS[0],)).person_id == ANNA


@pytest.mark.parametrize(
    "read",
    [
        lambda token: read_preferences(token, keys=KEYS),
        lambda token: read_details(token, keys=KEYS, now=NOON),
    ],
)
def test_a_token_for_one_page_opens_no_other(read: Callable[[str], object]) -> None:
    token = an_unsubscribe_token()
    with pytest.raises(BadLinkError):
        read(token)


def _forged() -> list[str]:
    """Make up tokens: shortened, changed, signed by others, of other alphabets."""
    made, token = random.Random(4), "eyJhIjoxfQ.abcdefghijklmnopqrstuvwxyz"
    payload = base64.urlsafe_b64encode(b'["per_x","news"]').decode().rstrip("=")
    strange = URLSafeSerializer("another key", salt="sarafan.portal.unsubscribe")
    random_ones = [
        "".join(made.choices(string.printable, k=made.randint(1, 90))) for _ in range(150)
    ]
    return [
        *("", ".", "..", "a", "a.b", ".b", "\0", "\n", "\ud800", "é.é", "ж" * 40, "🫖.🫖"),
        *(token, payload, f"{payload}.", f"{payload}.{'A' * 43}", f".{payload}.{'A' * 43}"),
        *("A" * 513, "A" * 1_000_000, "../../etc/passwd", "%2e%2e%2f", "{{7*7}}", "' OR 1=1 --"),
        *(str(strange.dumps(["per_x", "news"])), str(strange.dumps({"a": 1}))),
        *random_ones,
    ]


@pytest.mark.parametrize("token", _forged(), ids=lambda token: ascii(token)[:24])
def test_what_this_deployment_did_not_sign_opens_nothing(token: str) -> None:
    with pytest.raises(BadLinkError):
        read_unsubscribe(token, keys=KEYS)


def test_a_token_with_any_sign_changed_opens_nothing() -> None:
    """But the last one's: of its six bits of base64 two say nothing."""
    token = an_unsubscribe_token()
    for place in range(len(token) - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(BadLinkError):
            read_unsubscribe(changed, keys=KEYS)


@pytest.mark.parametrize(
    ("kind", "has_unsubscribe"),
    [
        (MessageKind.REMINDER, True),
        (MessageKind.MONTHLY_SUMMARY, True),
        (MessageKind.REWARD_READY, False),
        (MessageKind.WELCOME, False),
    ],
)
def test_only_what_one_can_do_without_has_a_link_to_unsubscribe(
    kind: MessageKind, *, has_unsubscribe: bool
) -> None:
    links = mail_links(ANNA, kind, keys=KEYS)
    assert (links.unsubscribe is not None) is has_unsubscribe
    assert links.preferences is not None


def test_operators_have_no_links() -> None:
    links = mail_links(None, MessageKind.STOCK_LOW, keys=KEYS)
    assert (links.unsubscribe, links.preferences) == (None, None)
