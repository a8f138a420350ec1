"""The pages behind links in mails, as mailboxes, browsers, scanners and strangers call them."""

import json
import logging
import random
import string
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from infra.local import engine
from infra.local.cloud import LocalCloud, forget_caches
from referrals.clients import client
from referrals.domain.details import DetailsKind
from referrals.domain.events import EventName
from referrals.domain.ids import PersonId, person_id
from referrals.domain.message_kinds import Purpose
from referrals.domain.preferences import Preferences, SmsConsent
from referrals.notify import portal_links
from referrals.notify.portal_links import DetailsWanted
from referrals.runtime import clock
from referrals.runtime.observability import logger
from referrals.runtime.secrets import mail_keys
from referrals.store import details, events, people, preferences
from referrals.store.transactions import ContentionError, commit
from referrals.usecases import change_preferences
from referrals.usecases.apply_program import apply_program
from referrals.usecases.forget_person import forget_person
from tests import shop
from tests.api import Answer, Api
from tests.shop import NOON, TEA

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"
ONE_CLICK = {
    FORM: "List-Unsubscribe=One-Click",
    MULTIPART: (
        '--xyz\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
        "One-Click\r\n--xyz--\r\n"
    ),
}
ADDRESS = {
    "name": "Anna Tee",
    "street": "Teestraße 1",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
ACCOUNT = {"holder": "Anna Tee", "iban": "DE89 3704 0044 0532 0130 00"}
IBAN = "DE89370400440532013000"


@pytest.fixture(scope="module")
def standing() -> Iterator[LocalCloud]:
    """Give one cloud to all tests here, in which Anna shares."""
    with LocalCloud(prefix="sarafan-portal-", apps=["conversion_hooks", "advocate_portal"]) as up:
        apply_program(shop.a_program(), now=NOON)
        body = {"program": "tea", "id": "anna", "email": "anna@customer.example", "locale": "en"}
        assert Api(up).post("/api/advocates", body).status == 201
        yield up


@pytest.fixture
def cloud(standing: LocalCloud) -> Iterator[LocalCloud]:
    """Put back what a test changes in its tables."""
    start = engine.copied_tables()
    forget_caches()
    clock.set_source(lambda: NOON)
    yield standing
    engine.put_tables(start)


@pytest.fixture
def anna(cloud: LocalCloud) -> PersonId:
    return person_id("anna", key=cloud.secret("identity-key").encode())


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


def unsubscribe_token(who: PersonId, purpose: Purpose = Purpose.NEWS) -> str:
    return token_of(portal_links.unsubscribe_link(who, purpose, keys=mail_keys().portal))


def preferences_token(who: PersonId) -> str:
    return token_of(portal_links.preferences_link(who, keys=mail_keys().portal))


def details_token(who: PersonId, kind: DetailsKind = DetailsKind.SHIPPING) -> str:
    wanted = DetailsWanted(person_id=who, program_id=TEA, kind=kind.value)
    return token_of(portal_links.details_link(wanted, keys=mail_keys().portal, now=NOON))


def visit(api: Api, page: str, token: str, method: str = "GET", **more: Any) -> Answer:
    return api.call(
        method,
        f"/{page}/{token}",
        route=f"/{page}/{{token}}",
        parameters={"token": token},
        app="advocate_portal",
        **more,
    )


def send(
    api: Api, page: str, token: str, fields: dict[str, str] | str, content_type: str = FORM
) -> Answer:
    body = fields if isinstance(fields, str) else urlencode(fields)
    return visit(api, page, token, "POST", body=body, headers={"content-type": content_type})


class _Form(HTMLParser):
    """What a form shows: values by name, names that are ticked, chosen or at fault."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.ticked: set[str] = set()
        self.faulty: set[str] = set()
        self.labels: set[str] = set()
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        name = of.get("name") or ""
        if tag == "label":
            self.labels.add(of.get("for") or "")
        if tag == "select":
            self._select = name
        if tag == "option" and "selected" in of:
            self.values[self._select] = of.get("value") or ""
        if tag == "input" and of.get("type") == "checkbox":
            self.ticked |= {name} if "checked" in of else set()
        elif tag == "input":
            self.values[name] = of.get("value") or ""
        if "aria-invalid" in of:
            self.faulty.add(name)


# to unsubscribe


def test_to_look_at_the_page_changes_nothing(api: Api, anna: PersonId) -> None:
    before = shop.dump()
    for method in ("GET", "HEAD"):
        answer = visit(api, "unsubscribe", unsubscribe_token(anna), method)
        assert answer.status == 200
    assert "<button>Unsubscribe</button>" in answer.body
    assert shop.dump() == before


@pytest.mark.parametrize("content_type", ONE_CLICK)
def test_one_click_in_a_mailbox_ends_it(api: Api, anna: PersonId, content_type: str) -> None:
    answer = send(
        api, "unsubscribe", unsubscribe_token(anna), ONE_CLICK[content_type], content_type
    )
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert preferences.find(anna).off == {Purpose.NEWS}


def test_the_button_does_the_same_and_leads_on_to_the_preferences(api: Api, anna: PersonId) -> None:
    answer = send(api, "unsubscribe", unsubscribe_token(anna, Purpose.ASK), "")
    assert "You are unsubscribed" in answer.body
    assert f'href="../preferences/{preferences_token(anna)}"' in answer.body
    assert preferences.find(anna).off == {Purpose.ASK}


def test_a_click_that_is_sent_twice_is_one(api: Api, anna: PersonId) -> None:
    token = unsubscribe_token(anna)
    assert send(api, "unsubscribe", token, ONE_CLICK[FORM]).status == 200
    before = shop.dump()
    assert send(api, "unsubscribe", token, ONE_CLICK[FORM]).status == 200
    assert shop.dump() == before


# preferences


def test_the_switches_stand_as_they_are(api: Api, anna: PersonId) -> None:
    commit(preferences.save(Preferences(person_id=anna, off=frozenset({Purpose.ASK}))))
    answer = visit(api, "preferences", preferences_token(anna))
    form = _Form(answer.body)
    assert (answer.status, form.ticked) == (200, {"news"})
    assert form.labels == {"news", "ask"}


def test_what_has_no_tick_is_off(api: Api, anna: PersonId) -> None:
    answer = send(api, "preferences", preferences_token(anna), {"shown": "news ask", "ask": "on"})
    assert _Form(answer.body).ticked == {"ask"}
    assert "Saved." in answer.body
    assert preferences.find(anna).off == {Purpose.NEWS}


@pytest.mark.parametrize("content_type", [*ONE_CLICK, "application/json"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "List-Unsubscribe=One-Click",
        '{"news": "on"}',
        "news=on",
        "shown=&sms=",
        f"shown=news&note={'x' * 16_384}",
        "shown=news" + "&a=" * 20,
    ],
)
def test_what_is_not_the_form_of_the_page_changes_nothing(
    api: Api, anna: PersonId, content_type: str, body: str
) -> None:
    consent = SmsConsent(number_mark="mark", given_at=NOON, wording="Yes.", source="till")
    commit(preferences.save(Preferences(person_id=anna, sms=consent)))
    before = shop.dump()
    answer = send(api, "preferences", preferences_token(anna), body, content_type)
    assert (answer.status, "Saved." in answer.body) == (400, False)
    assert _Form(answer.body).ticked == {"news", "ask", "sms"}
    assert shop.dump() == before


def test_text_messages_can_be_ended_by_whoever_agreed_to_them(api: Api, anna: PersonId) -> None:
    consent = SmsConsent(number_mark="mark", given_at=NOON, wording="Yes.", source="till")
    commit(preferences.save(Preferences(person_id=anna, sms=consent)))
    token = preferences_token(anna)
    assert _Form(visit(api, "preferences", token).body).ticked == {"news", "ask", "sms"}
    before = {"shown": "news ask", "news": "on", "ask": "on"}  # a page from before she agreed
    assert "sms" in _Form(send(api, "preferences", token, before).body).labels
    assert _Form(visit(api, "preferences", token).body).values == {"shown": "news ask sms"}
    ended = send(api, "preferences", token, {**before, "shown": "news ask sms"})
    assert "sms" not in _Form(ended.body).labels
    kept = preferences.find(anna).sms
    assert kept is not None
    assert kept.withdrawn_at == NOON


# details


def test_a_form_asks_for_an_address_in_the_name_of_the_shop(api: Api, anna: PersonId) -> None:
    answer = visit(api, "details", details_token(anna))
    form = _Form(answer.body)
    assert answer.status == 200
    assert "Samovar" in answer.body
    assert set(form.values) == {"name", "street", "extra", "postal_code", "city", "region"}
    assert form.labels == {*form.values, "country"}
    assert '<option value="DE">Germany</option>' in answer.body


def test_an_address_is_kept(api: Api, anna: PersonId) -> None:
    answer = send(api, "details", details_token(anna), ADDRESS)
    assert answer.status == 200
    assert "Thank you!" in answer.body
    address = details.find_shipping(anna)
    assert address is not None
    assert address.lines == ("Anna Tee", "Teestraße 1", "10115 Berlin", "DE")


def test_what_is_wrong_is_named_and_what_was_typed_stays(api: Api, anna: PersonId) -> None:
    typed = {**ADDRESS, "street": "", "name": 'Anna "A" <Tee>', "country": "XX"}
    answer = send(api, "details", details_token(anna), typed)
    form = _Form(answer.body)
    assert answer.status == 400
    assert form.faulty == {"street", "country"}
    assert (form.values["name"], form.values["city"]) == ('Anna "A" <Tee>', "Berlin")
    assert '<a href="#street">Street and number</a>: This is empty.' in answer.body
    assert details.find_shipping(anna) is None


def test_a_country_that_was_chosen_stays_chosen(api: Api, anna: PersonId) -> None:
    answer = send(api, "details", details_token(anna), {"country": "RO"})
    assert _Form(answer.body).values["country"] == "RO"


def test_an_address_that_was_given_is_shown_to_nobody(api: Api, anna: PersonId) -> None:
    token = details_token(anna)
    send(api, "details", token, ADDRESS)
    answer = visit(api, "details", token)
    assert "You gave us an address before." in answer.body
    assert [word for word in ("Teestra", "10115", "Berlin") if word in answer.body] == []


def test_an_account_is_kept_and_shown_in_part(api: Api, anna: PersonId) -> None:
    token = details_token(anna, DetailsKind.PAYEE)
    assert send(api, "details", token, ACCOUNT).status == 200
    payee = details.find_payee(anna)
    assert payee is not None
    assert (payee.name, payee.iban) == ("Anna Tee", IBAN)
    answer = visit(api, "details", token)
    assert "DE…3000" in answer.body
    assert IBAN not in answer.body


def test_an_account_is_told_of_once_in_the_program_whose_link_was_followed(
    api: Api, anna: PersonId
) -> None:
    token = details_token(anna, DetailsKind.PAYEE)
    for _ in range(2):
        assert send(api, "details", token, ACCOUNT).status == 200
    (change,) = [each for each in events.iter_all() if each.name is EventName.PAYEE_CHANGED]
    assert (change.program_id, change.occurred_at, change.data) == (TEA, NOON, {"person_id": anna})


def test_an_iban_with_a_slip_is_named(api: Api, anna: PersonId) -> None:
    token = details_token(anna, DetailsKind.PAYEE)
    answer = send(api, "details", token, {**ACCOUNT, "iban": f"{IBAN[:-1]}1"})
    assert (answer.status, _Form(answer.body).faulty) == (400, {"iban"})
    assert details.find_payee(anna) is None


def test_a_link_for_an_address_takes_no_account(api: Api, anna: PersonId) -> None:
    assert send(api, "details", details_token(anna), ACCOUNT).status == 400
    assert shop.dump()["details"] == []


# languages


@pytest.mark.parametrize(
    ("locale", "browser", "language", "country"),
    [
        ("ru-RU", "en", "ru", "Германия"),
        ("bg", "en", "bg", "Германия"),
        ("ro_RO", "en", "ro", "Germania"),
        ("fr", "ru", "en", "Germany"),
        (None, "ru-RU,ru;q=0.9", "ru", "Германия"),
        (None, "*", "en", "Germany"),
    ],
)
def test_a_page_speaks_the_language_of_whom_it_is_for(
    api: Api, anna: PersonId, *, locale: str | None, browser: str, language: str, country: str
) -> None:
    person = people.find(anna)
    assert person is not None
    commit(people.save(replace(person, locale=locale)))
    answer = visit(api, "details", details_token(anna), headers={"accept-language": browser})
    assert f'<html lang="{language}">' in answer.body
    assert answer.headers["content-language"] == language
    assert f'<option value="DE">{country}</option>' in answer.body


# what goes with a page


@pytest.mark.parametrize("page", ["unsubscribe", "preferences", "details"])
def test_no_page_runs_anything_or_is_kept_framed_found_or_named_to_others(
    api: Api, page: str
) -> None:
    for answer in (visit(api, page, "nothing"), send(api, page, "nothing", "")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert "<script" not in answer.body


def test_a_page_asks_nobody_else_for_anything(api: Api, anna: PersonId) -> None:
    pages = [
        visit(api, "unsubscribe", unsubscribe_token(anna)),
        visit(api, "preferences", preferences_token(anna)),
        visit(api, "details", details_token(anna)),
    ]
    assert ["http" in answer.body for answer in pages] == [False] * 3
    assert max(len(answer.body) for answer in pages) < 20_000


# strangers


@pytest.mark.parametrize("page", ["unsubscribe", "preferences", "details"])
def test_a_link_for_one_page_opens_no_other(api: Api, anna: PersonId, page: str) -> None:
    tokens = {
        "unsubscribe": unsubscribe_token(anna),
        "preferences": preferences_token(anna),
        "details": details_token(anna),
    }
    before = shop.dump()
    for other, token in tokens.items():
        if other != page:
            assert visit(api, page, token).status == 404
            assert send(api, page, token, ADDRESS).status == 404
    assert shop.dump() == before


def test_a_form_can_be_opened_for_60_days(api: Api, anna: PersonId) -> None:
    token = details_token(anna)
    clock.set_source(lambda: NOON + timedelta(days=60))
    assert visit(api, "details", token).status == 200
    clock.set_source(lambda: NOON + timedelta(days=60, seconds=1))
    for answer in (visit(api, "details", token), send(api, "details", token, ADDRESS)):
        assert answer.status == 410
        assert "This link is too old" in answer.body
    assert details.find_shipping(anna) is None


def _tokens() -> Iterator[str]:
    """Make up tokens as mail programs and attackers leave them."""
    made = random.Random(5)
    yield from ("", ".", "..", "%2e%2e", "%00", "%", "%zz", "a.b", "%F0%9F%AB%96", "é", "\ud800")
    yield from ("<script>alert(1)</script>", "{{7*7}}", "' OR 1=1", "A" * 513, "A" * 8_000)
    for _ in range(200):
        yield "".join(made.choices(string.printable, k=made.randint(1, 80)))


def test_what_we_did_not_sign_is_a_friendly_404(api: Api) -> None:
    before = shop.dump()
    for token in _tokens():
        for page in ("unsubscribe", "preferences", "details"):
            answer = visit(api, page, token)
            assert answer.status == 404, (page, token)
            assert "This link leads nowhere" in answer.body
            assert "<script" not in answer.body
        assert send(api, "unsubscribe", token, ONE_CLICK[FORM]).status == 404
    assert shop.dump() == before


def test_a_token_that_lost_a_sign_opens_nothing(api: Api, anna: PersonId) -> None:
    token = details_token(anna)
    for place in range(0, len(token), 5):
        assert visit(api, "details", token[:place] + token[place + 1 :]).status == 404


def _forms() -> Iterator[str]:
    """Make up bodies: no forms, broken ones, huge ones, ones with more than is asked for."""
    made = random.Random(6)
    yield from ("", "&", "=", "%", "name", "name=%ff%fe&city=%00", '{"name": "Anna"}', "\x00" * 10)
    yield from ("a=1&" * 50, "name=" + "A" * 20_000, "name=" + "%F0%9F%AB%96" * 30)
    yield urlencode({**ADDRESS, "person_id": "per_other", "revision": "7", "name": "\u202eAnna"})
    yield urlencode({**ADDRESS, "city": "<script>alert(1)</script>" * 4})
    for _ in range(100):
        fields = [*ADDRESS, "extra", "region", "iban", "holder"]
        yield urlencode(
            {
                made.choice(fields): "".join(made.choices(string.printable, k=made.randint(0, 120)))
                for _ in range(made.randint(1, 9))
            }
        )


@pytest.mark.parametrize("kind", DetailsKind)
def test_a_hostile_form_is_shown_again_and_nothing_of_it_runs(
    api: Api, anna: PersonId, kind: DetailsKind
) -> None:
    token = details_token(anna, kind)
    for body in _forms():
        answer = send(api, "details", token, body)
        assert answer.status == 400, body
        assert "<script" not in answer.body
    assert shop.dump()["details"] == []


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "a/b", "", "\x00"])
def test_no_type_of_body_makes_an_error(api: Api, anna: PersonId, content_type: str) -> None:
    token = details_token(anna)
    assert send(api, "details", token, "{}", content_type).status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(api: Api, anna: PersonId, method: str) -> None:
    assert visit(api, "preferences", preferences_token(anna), method).status == 405


# time passes


def test_a_key_that_was_rotated_is_fetched_when_a_token_needs_it(
    api: Api, cloud: LocalCloud, anna: PersonId
) -> None:
    visit(api, "preferences", preferences_token(anna))  # from here on the old key is kept
    fresh = f"fresh {cloud.secret('portal-key')}"
    client("secretsmanager").put_secret_value(
        SecretId=f"{cloud.prefix}portal-key", SecretString=json.dumps({"current": fresh})
    )
    token = token_of(portal_links.preferences_link(anna, keys=[fresh]))
    assert visit(api, "preferences", token).status == 200


def test_whoever_is_forgotten_has_no_pages_any_more(
    api: Api, cloud: LocalCloud, anna: PersonId
) -> None:
    tokens = unsubscribe_token(anna), preferences_token(anna), details_token(anna)
    identity = cloud.secret("identity-key").encode()
    forget_person("anna", keys=replace(shop.KEYS, identity=identity), now=NOON)
    assert send(api, "unsubscribe", tokens[0], ONE_CLICK[FORM]).status == 404
    assert send(api, "preferences", tokens[1], {"shown": "news ask"}).status == 404
    assert send(api, "details", tokens[2], ADDRESS).status == 404
    dump = shop.dump()
    assert (dump["details"], dump["preferences"]) == ([], [])


def test_when_too_many_come_at_once_they_are_asked_to_wait(
    api: Api, anna: PersonId, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_attempt: object) -> None:
        raise ContentionError

    monkeypatch.setattr(change_preferences, "until_settled", busy)
    answer = send(api, "preferences", preferences_token(anna), {"shown": "news ask"})
    assert answer.status == 503
    assert "One moment, please" in answer.body


def test_neither_tokens_nor_what_was_typed_are_logged(
    api: Api, anna: PersonId, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger=logger.name)
    token = details_token(anna)
    send(api, "details", token, ADDRESS)
    send(api, "details", token, {**ADDRESS, "country": "XX"})
    visit(api, "details", f"{token}x")
    told = repr([vars(each) for each in caplog.records])
    assert "refused" in told
    assert [word for word in (token, "Anna Tee", "Teestra") if word in told] == []
