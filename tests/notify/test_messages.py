"""What messages say and how: texts against golden files, names that are no names, money, dates.

`UPDATE_SNAPSHOTS=1 pytest tests/notify` writes the golden files anew; read the difference.
"""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from referrals.domain.rules import RewardKind, Side
from referrals.notify import languages
from referrals.notify.messages import MessageKind, MessageValues, RenderedMessage, render
from referrals.notify.names import first_name, one_line, shown_name

SNAPSHOTS = Path(__file__).parent / "snapshots"
NOTIFY = Path(languages.__file__).parent
HELD_UNTIL = datetime(2026, 5, 16, 9, 30, tzinfo=UTC)

TO_ANNA = {
    "en": MessageValues(
        program_name="Bring a friend",
        shop_name="Linen & Thread",
        recipient_name="Anna",
        friend_name="Boris Petrov",
        link="https://go.shop.example/ANNA10",
        code="ANNA10",
        amount_minor=10_00,
        unit="EUR",
        held_until=HELD_UNTIL,
        hold_days=14,
        kind=RewardKind.CREDIT,
    ),
    "ru": MessageValues(
        program_name="Приведи друга",
        shop_name="Лён и нитки",
        recipient_name="Анна",
        friend_name="Борис Петров",
        link="https://go.shop.example/ANNA10",
        code="ANNA10",
        amount_minor=500_00,
        unit="RUB",
        held_until=HELD_UNTIL,
        hold_days=14,
        kind=RewardKind.CREDIT,
    ),
}
ADVOCATE_CREDIT = {"side": Side.ADVOCATE, "kind": RewardKind.CREDIT}
ADVOCATE_COUPON = {"side": Side.ADVOCATE, "kind": RewardKind.COUPON}
FRIEND_CREDIT = {"side": Side.FRIEND, "kind": RewardKind.CREDIT}
FRIEND_COUPON = {"side": Side.FRIEND, "kind": RewardKind.COUPON}
MESSAGES = {
    "welcome": (MessageKind.WELCOME, ADVOCATE_CREDIT),
    "friend_signed_up": (MessageKind.FRIEND_SIGNED_UP, ADVOCATE_CREDIT),
    "reward_earned_advocate_credit": (MessageKind.REWARD_EARNED, ADVOCATE_CREDIT),
    "reward_earned_friend_coupon": (MessageKind.REWARD_EARNED, FRIEND_COUPON),
    "reward_ready_advocate_credit": (MessageKind.REWARD_READY, ADVOCATE_CREDIT),
    "reward_ready_advocate_coupon": (MessageKind.REWARD_READY, ADVOCATE_COUPON),
    "reward_ready_friend_credit": (MessageKind.REWARD_READY, FRIEND_CREDIT),
    "reward_ready_friend_coupon": (MessageKind.REWARD_READY, FRIEND_COUPON),
}


def values_for(locale: str, **changes: object) -> MessageValues:
    return replace(TO_ANNA[locale], **changes)  # type: ignore[arg-type] # a test's own keywords


def a_message(kind: MessageKind, /, *, locale: str = "en", **changes: object) -> RenderedMessage:
    return render(kind, locale=locale, values=values_for(locale, **changes))


def the_message(name: str, locale: str) -> RenderedMessage:
    kind, who_and_what = MESSAGES[name]
    to_friend = {"recipient_name": None, "code": None, "link": "https://shop.example/"}
    changes = who_and_what | (to_friend if who_and_what["side"] is Side.FRIEND else {})
    return a_message(kind, locale=locale, coupon_code="THANKS-7XK2", **changes)


@pytest.mark.parametrize("locale", languages.LANGUAGES)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_reads_as_it_was_approved(name: str, locale: str) -> None:
    message = the_message(name, locale)
    whole_text = f"Subject: {message.subject}\n\n{message.text}"
    for suffix, content in (("txt", whole_text), ("html", message.html)):
        approved = SNAPSHOTS / f"{name}.{locale}.{suffix}"
        if os.environ.get("UPDATE_SNAPSHOTS"):
            approved.write_bytes(content.encode())
        assert content.encode() == approved.read_bytes()


def test_no_approved_text_is_left_over() -> None:
    expected = {f"{n}.{lo}.{s}" for n in MESSAGES for lo in ("en", "ru") for s in ("txt", "html")}
    assert {path.name for path in SNAPSHOTS.iterdir()} == expected


@pytest.mark.parametrize("locale", ["en", "ru"])
@pytest.mark.parametrize("kind", MessageKind)
@pytest.mark.parametrize("side", Side)
def test_a_message_does_without_everything_that_may_be_unknown(
    kind: MessageKind, side: Side, locale: str
) -> None:
    values = MessageValues(program_name="Bring a friend", shop_name="", side=side)
    message = render(kind, locale=locale, values=values)
    assert "None" not in message.text
    assert "  " not in message.text
    assert "href" not in message.html
    assert message.text.count("Bring a friend") >= 1


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en", "en"),
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU_ru.UTF-8", "ru"),
        ("en-GB", "en"),
        ("de-DE", "en"),
        ("rus", "en"),
        ("", "en"),
        ("../../ru", "en"),
    ],
)
def test_a_locale_gets_its_language_or_english(locale: str, language: str) -> None:
    assert languages.negotiate(locale) == language


def test_the_language_is_declared_to_readers_aloud() -> None:
    assert '<html lang="ru">' in a_message(MessageKind.WELCOME, locale="ru").html


def test_a_friend_is_never_told_who_recommended() -> None:
    message = a_message(MessageKind.REWARD_EARNED, side=Side.FRIEND, friend_name="Viktor")
    assert "Viktor" not in message.subject + message.text + message.html


def test_an_advocate_reads_the_first_name_of_a_friend_only() -> None:
    message = a_message(MessageKind.FRIEND_SIGNED_UP)
    assert message.subject == "Boris has joined us"
    assert "Petrov" not in message.text + message.html


def test_a_program_without_a_shop_name_signs_itself() -> None:
    assert "\nBring a friend\n" in a_message(MessageKind.WELCOME, shop_name="").text


def test_a_coupon_without_its_code_is_not_announced() -> None:
    with pytest.raises(ValueError, match="a coupon that is ready has a code"):
        a_message(MessageKind.REWARD_READY, kind=RewardKind.COUPON, coupon_code=None)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", 'https://a.example/"x y']
)
def test_a_button_leads_to_web_addresses_only(link: str) -> None:
    with pytest.raises(ValueError, match="not a web address"):
        a_message(MessageKind.WELCOME, link=link)


def test_markup_in_a_program_or_code_stays_text() -> None:
    message = a_message(MessageKind.WELCOME, shop_name="<b>Shop</b>", code='"><img src=x>')
    assert "&lt;b&gt;Shop&lt;/b&gt;" in message.html
    assert "<b>" not in message.html
    assert "<img" not in message.html


def test_template_syntax_in_a_name_is_not_run() -> None:
    message = a_message(MessageKind.WELCOME, shop_name="{{ 7 * 7 }} %(program)s")
    assert "{{ 7 * 7 }} %(program)s" in message.text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Anna", "Anna"),
        ("  Anna   Karenina ", "Anna Karenina"),
        ("O'Brien", "O'Brien"),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("Жан-Поль", "Жан-Поль"),
        ("Anna\r\nBcc: all@shop.example", None),
        ("Anna\r\nSubject", "Anna Subject"),
        ("Anna\x00\x1b[31m", None),
        ("\u202eannA", "annA"),
        ("An\u200bna", "Anna"),
        ("A" * 61, "A" * 60),
        ("<b>Anna</b>", None),
        ("http://evil.example", None),
        ("Win at evil.example now", None),
        ("evil\uff0eexample", None),  # a full-width dot
        ("evil\u3002example", None),  # a host name's ideographic dot
        ("evil\u200b.example", None),
        ("пример.рф", None),
        ("mailto:x", None),
        ("anna@shop.example", None),
        ("192.168.1.1", None),
        ("call +7 999 123 45 67", None),
        ("...", None),
        ("", None),
        (None, None),
    ],
)
def test_a_typed_name_is_shown_as_a_name_or_not_at_all(
    typed: str | None, shown: str | None
) -> None:
    assert shown_name(typed) == shown


def test_a_friend_who_types_a_host_name_goes_nameless() -> None:
    message = a_message(MessageKind.FRIEND_SIGNED_UP, friend_name="Prize: evil.example")
    assert message.subject == "A friend of yours has joined us"
    assert "evil" not in message.text + message.html


def test_a_first_name_is_the_first_word() -> None:
    assert first_name("Boris, the cat") == "Boris"
    assert first_name(None) is None


def test_a_line_break_does_not_reach_a_header() -> None:
    hostile = "Shop\r\nBcc: all@shop.example\u2028\u0085x"
    assert one_line(hostile) == "Shop Bcc: all@shop.example x"
    message = a_message(MessageKind.REWARD_READY, shop_name=hostile, friend_name="Bo\nris")
    assert message.subject.isprintable()


@pytest.mark.parametrize(
    ("locale", "days", "written"),
    [
        ("en", 1, "for 1 day,"),
        ("en", 2, "for 2 days,"),
        ("en", 21, "for 21 days,"),
        ("ru", 1, "на 1 день —"),
        ("ru", 2, "на 2 дня —"),
        ("ru", 4, "на 4 дня —"),
        ("ru", 5, "на 5 дней —"),
        ("ru", 11, "на 11 дней —"),
        ("ru", 12, "на 12 дней —"),
        ("ru", 14, "на 14 дней —"),
        ("ru", 21, "на 21 день —"),
        ("ru", 22, "на 22 дня —"),
        ("ru", 30, "на 30 дней —"),
        ("ru", 111, "на 111 дней —"),
    ],
)
def test_days_take_the_plural_form_of_their_number(locale: str, days: int, written: str) -> None:
    assert written in a_message(MessageKind.REWARD_EARNED, locale=locale, hold_days=days).text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "english", "russian"),
    [
        (10_00, "EUR", "€10", "10 €"),
        (10_50, "EUR", "€10.50", "10,50 €"),
        (5, "USD", "$0.05", "0,05 $"),
        (1_234_567_89, "RUB", "RUB 1,234,567.89", "1 234 567,89 ₽"),
        (1500, "JPY", "¥1,500", "1 500 ¥"),
        (1_500, "KWD", "KWD 1.500", "1,500 KWD"),
        (2_000, "KWD", "KWD 2", "2 KWD"),
        (123_45, "HUF", "HUF 123.45", "123,45 HUF"),  # two decimals in ISO, none in some tables
        (1_250, "IQD", "IQD 1.250", "1,250 IQD"),  # three in ISO, none in CLDR
        (0, "EUR", "€0", "0 €"),
    ],
)
def test_money_has_the_decimals_of_iso_4217(
    amount_minor: int, currency: str, english: str, russian: str
) -> None:
    in_english = languages.money(amount_minor, currency, language="en")
    in_russian = languages.money(amount_minor, currency, language="ru")
    assert in_english.replace("\N{NO-BREAK SPACE}", " ") == english
    assert in_russian.replace("\N{NO-BREAK SPACE}", " ") == russian


def test_an_amount_does_not_break_at_the_end_of_a_line() -> None:
    assert a_message(MessageKind.REWARD_EARNED, locale="ru").subject == "Вы заработали 500\xa0₽"


def test_a_date_is_written_out_and_does_not_break() -> None:
    assert languages.long_date(HELD_UNTIL, language="en") == "May\xa016,\xa02026"
    # CLDR itself puts a narrow space that does not break before the abbreviated year.
    assert languages.long_date(HELD_UNTIL, language="ru") == "16\xa0мая\xa02026\u202fг."  # noqa: RUF001 - Russian


def test_a_date_is_the_utc_day() -> None:
    late_in_new_york = datetime(2026, 5, 15, 22, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert languages.long_date(late_in_new_york, language="en") == "May\xa016,\xa02026"


def said_by_templates() -> Catalog:
    """Extract what the words say, as `pybabel extract` would."""
    catalog = Catalog()
    found = extract_from_dir(
        NOTIFY / "templates",
        method_map=[("**.jinja", "jinja2.ext:babel_extract")],
        options_map={"**.jinja": {"trimmed": "true", "silent": "false"}},
    )
    for _path, _line, message_id, _comments, _context in found:
        catalog.add(message_id)
    return catalog


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def test_the_russian_catalog_says_everything_and_nothing_else() -> None:
    with languages.catalog_path("ru").open("rb") as source:
        russian = read_po(source, locale="ru", abort_invalid=True)
    assert {m.id for m in russian if m.id} == {m.id for m in said_by_templates() if m.id}
    for message in russian:
        english = message.id if isinstance(message.id, str) else message.id[-1]
        string = message.string or ""
        translated = [string] if isinstance(string, str) else list(string)
        assert not message.fuzzy
        if english:
            assert all(placeholders(text) <= placeholders(english) for text in translated)
            assert all(translated)
