"""What messages say and how: texts against golden files, names that are no names, money, dates.

`UPDATE_SNAPSHOTS=1 pytest tests/notify` writes the golden files anew; read the difference.
"""

import os
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from referrals.cli.message_samples import Sample, sample_values, samples
from referrals.domain.decisions import SAYS_TO_ADVOCATE, Reason
from referrals.domain.message_kinds import OPERATOR_KINDS, MessageKind
from referrals.domain.rules import POINTS_UNIT, Counted, RewardKind, Side, Trigger
from referrals.notify import languages
from referrals.notify.message_values import (
    ABOUT,
    Ask,
    Decline,
    DetailsRequest,
    Expiry,
    MailRates,
    MessageValues,
    NextMilestone,
    Offer,
    OrderNews,
    PayeeChange,
    PayoutReturn,
    RewardNews,
    Sum,
    TakenBack,
    WantedDetails,
    Worth,
)
from referrals.notify.messages import RenderedMessage, render
from referrals.notify.names import first_name, one_line, shown_name
from tools import mails

SNAPSHOTS = Path(__file__).parent / "snapshots"
HELD_UNTIL = datetime(2026, 5, 16, 9, 30, tzinfo=UTC)
TRANSLATED = [language for language in languages.LANGUAGES if language != "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    program_name: str
    shop_name: str
    currency: str
    postal_address: str


SHOPS = {
    "en": Shop(
        program_name="Bring a friend",
        shop_name="Linen & Thread",
        currency="EUR",
        postal_address="1 Mill Lane, Leeds LS1 1AA, United Kingdom",
    ),
    "ru": Shop(
        program_name="Приведи друга",
        shop_name="Лён и нитки",
        currency="RUB",
        postal_address="ул. Льняная, 1, Москва, 101000",
    ),
    "bg": Shop(
        program_name="Доведи приятел",
        shop_name="Лен и конец",
        currency="EUR",
        postal_address="ул. Ленена 1, 1000 София",
    ),
    "ro": Shop(
        program_name="Adu un prieten",
        shop_name="In și ață",
        currency="RON",
        postal_address="Str. Inului 1, 010101 București",
    ),
}
# The layout is the same in every language: one message that has nearly all of it is looked at in
# each, the others in English. What they say is in the text.
IN_HTML_EVERYWHERE = "monthly_summary"

TO_ANNA = MessageValues(
    program_name="Bring a friend",
    shop_name="Linen & Thread",
    recipient_name="Anna",
    friend_name="Boris Petrov",
    link="https://go.shop.example/ANNA10",
    code="ANNA10",
)
TEN_EUROS = Worth(kind=RewardKind.CREDIT, unit="EUR", amount_minor=10_00)
HELD = RewardNews(worth=TEN_EUROS, held_until=HELD_UNTIL, hold_days=14)


def a_message(kind: MessageKind, /, *, locale: str = "en", **changes: object) -> RenderedMessage:
    values = replace(TO_ANNA, **changes)  # type: ignore[arg-type] # a test's own keywords
    return render(kind, locale=locale, values=values)


def ten_of(kind: RewardKind) -> Worth:
    return Worth(kind=kind, unit="EUR", amount_minor=10_00)


def the_sample(name: str, language: str) -> RenderedMessage:
    shop = SHOPS[language]
    sample = samples(shop.currency)[name]
    return render(sample.kind, locale=language, values=values_of(sample, language))


def values_of(sample: Sample, language: str) -> MessageValues:
    shop = SHOPS[language]
    return sample_values(
        sample,
        program_name=shop.program_name,
        shop_name=shop.shop_name,
        language=language,
        postal_address=shop.postal_address,
    )


def golden_files(name: str, language: str) -> tuple[str, ...]:
    has_html = language == "en" or name == IN_HTML_EVERYWHERE
    return tuple(f"{name}.{language}.{suffix}" for suffix in ("txt", "html")[: 1 + has_html])


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("name", samples())
def test_a_message_reads_as_it_was_approved(name: str, language: str) -> None:
    message = the_sample(name, language)
    preheader = re.search(r"overflow:hidden;\">(.*?)(?:&#847;|</div>)", message.html)
    says = unescape(preheader[1]) if preheader else ""
    whole_text = f"Subject: {message.subject}\nPreheader: {says}\n\n{message.text}"
    contents = (whole_text, message.html)
    for file_name, content in zip(golden_files(name, language), contents, strict=False):
        approved = SNAPSHOTS / file_name
        if os.environ.get("UPDATE_SNAPSHOTS"):
            approved.write_bytes(content.encode())
        assert content.encode() == approved.read_bytes()


def test_no_approved_text_is_left_over() -> None:
    expected = {
        file
        for name in samples()
        for lang in languages.LANGUAGES
        for file in golden_files(name, lang)
    }
    assert {path.name for path in SNAPSHOTS.iterdir()} <= expected


def test_every_kind_of_message_has_a_sample_of_its_name() -> None:
    kinds = {name: sample.kind for name, sample in samples().items()}
    assert {kinds[kind.value] for kind in MessageKind} == set(MessageKind)


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("name", samples())
def test_text_and_html_say_the_same(name: str, language: str) -> None:
    message = the_sample(name, language)
    html = " ".join(unescape(re.sub(r"<[^>]+>", " ", message.html)).split())
    said, links = message.text.replace("\n-- \n", "\n"), []
    for line in filter(None, said.splitlines()):
        words, _, link = line.partition(": https://")
        links += [f"https://{link}"] if link else []
        # a label and its figure or code stand in two cells
        assert all(
            " ".join(part.split()) in html
            for part in (words.partition(": ")[::2] if not link else [words])
        )
    assert all(f'href="{link}"' in message.html for link in links)


def test_a_message_does_without_everything_that_may_be_unknown() -> None:
    for kind in (MessageKind.WELCOME, MessageKind.FRIEND_SIGNED_UP):
        message = render(kind, locale="en", values=MessageValues(program_name="Bring a friend"))
        assert "None" not in message.text
        assert "  " not in message.text
        assert "href" not in message.html
        assert message.text.count("Bring a friend") >= 1


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("kind", RewardKind)
def test_there_are_words_for_a_reward_of_every_kind_whatever_it_is_for(
    kind: RewardKind, trigger: Trigger, side: Side, language: str
) -> None:
    worth = Worth(kind=kind, unit=POINTS_UNIT if kind is RewardKind.POINTS else "EUR")
    news = RewardNews(worth=worth, trigger=trigger, step=1, code="THANKS")
    values = MessageValues(program_name="Bring a friend", side=side, about=news)
    for message_kind in (
        *(MessageKind.REWARD_EARNED, MessageKind.REWARD_READY, MessageKind.MILESTONE_REACHED),
    ):
        message = render(message_kind, locale=language, values=values)
        assert message.subject
        assert "None" not in message.text
        assert "  " not in message.text


@pytest.mark.parametrize("kind", ABOUT)
def test_a_message_of_a_kind_is_about_what_that_kind_needs(kind: MessageKind) -> None:
    values = MessageValues(program_name="Bring a friend")
    with pytest.raises(ValueError, match=rf"{kind} is about {ABOUT[kind].__name__}, not NoneType"):
        render(kind, locale="en", values=values)


def test_a_welcome_is_about_nothing_more() -> None:
    values = replace(TO_ANNA, about=Ask())
    with pytest.raises(ValueError, match="welcome is about NoneType, not Ask"):
        render(MessageKind.WELCOME, locale="en", values=values)


@pytest.mark.parametrize(
    ("kind", "news"),
    [
        (MessageKind.MILESTONE_REACHED, RewardNews(worth=TEN_EUROS, trigger=Trigger.MILESTONE)),
        (MessageKind.REWARD_EARNED, RewardNews(worth=TEN_EUROS, trigger=Trigger.PERIOD_END)),
    ],
)
def test_a_milestone_or_a_place_without_its_number_is_not_told(
    kind: MessageKind, news: RewardNews
) -> None:
    values = replace(TO_ANNA, about=news)
    with pytest.raises(ValueError, match="has its number"):
        render(kind, locale="en", values=values)


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en", "en"),
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU_ru.UTF-8", "ru"),
        ("en-GB", "en"),
        ("bg-BG", "bg"),
        ("ro_RO", "ro"),
        ("de-DE", "en"),
        ("rus", "en"),
        ("", "en"),
        ("../../ru", "en"),
    ],
)
def test_a_locale_gets_its_language_or_english(locale: str, language: str) -> None:
    assert languages.negotiate(locale) == language


def test_the_language_is_declared_to_readers_aloud() -> None:
    assert '<html lang="ru"' in a_message(MessageKind.WELCOME, locale="ru").html


def test_a_friend_is_never_told_who_recommended() -> None:
    message = a_message(
        MessageKind.REWARD_EARNED, side=Side.FRIEND, friend_name="Viktor", about=HELD
    )
    assert "Viktor" not in message.subject + message.text + message.html


def test_an_advocate_reads_the_first_name_of_a_friend_only() -> None:
    message = a_message(MessageKind.FRIEND_SIGNED_UP)
    assert message.subject == "Boris has joined us"
    assert "Petrov" not in message.text + message.html


def test_the_second_level_is_thanked_for_whom_they_brought() -> None:
    message = a_message(MessageKind.REWARD_EARNED, side=Side.SECOND_LEVEL, about=HELD)
    assert "Somebody whom you brought to us recommends us, too" in message.text
    assert "Boris" not in message.text


def test_who_owes_reads_what_is_set_off_and_that_nothing_is_to_be_paid() -> None:
    back = TakenBack(worth=TEN_EUROS, owed_minor=4_00)
    message = a_message(MessageKind.REWARD_TAKEN_BACK, about=back)
    assert "we will set €4 off against your next rewards." in message.text
    assert "There is nothing you need to pay." in message.text


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told_in_a_sentence(reason: Reason) -> None:
    for about, kind in (
        (Decline(reason=reason), MessageKind.REWARD_DECLINED),
        (OrderNews(reason=reason), MessageKind.FRIEND_BOUGHT),
    ):
        assert (
            f"want to tell you why. {SAYS_TO_ADVOCATE[reason]}" in a_message(kind, about=about).text
        )


def test_an_order_that_brings_nothing_is_still_thanked_for() -> None:
    message = a_message(MessageKind.FRIEND_BOUGHT, about=OrderNews())
    assert "This order brings no reward, but we are no less grateful for it." in message.text


def test_points_are_counted_and_no_money() -> None:
    points = Worth(kind=RewardKind.POINTS, unit=POINTS_UNIT, amount_minor=1)
    news = RewardNews(worth=points, balance_minor=2_501, has_catalogue=True)
    message = a_message(MessageKind.REWARD_READY, about=news)
    assert message.subject == "1 point, added for you"
    assert "You now have 2,501 points." in message.text


def test_one_step_from_a_milestone_names_what_it_brings() -> None:
    near = NextMilestone(worth=TEN_EUROS, count=1, counted=Counted.SIGNUPS)
    message = a_message(MessageKind.MILESTONE_NEAR, about=near)
    assert message.subject == "One more friend, and the next reward is yours"
    assert "1 friend has come to Linen & Thread" in message.text
    assert "This reward belongs to it: €10 of credit." in message.text


def test_a_form_is_the_only_way_on_in_a_message_that_asks_for_it() -> None:
    form = Expiry(
        worth=ten_of(RewardKind.CASH),
        expires_at=HELD_UNTIL,
        wanted=WantedDetails.PAYEE,
        details_link="https://go.shop.example/portal/details/x",
    )
    message = a_message(MessageKind.REWARD_EXPIRING, about=form)
    assert set(re.findall(r'href="([^"]+)"', message.html)) == {form.details_link}
    assert "please say that you may get a reward" not in message.text


def test_money_that_came_back_from_an_account_leads_to_its_form_and_nowhere_else() -> None:
    form = PayoutReturn(
        paid=Sum(amount_minor=30_00, unit="EUR"),
        details_link="https://go.shop.example/portal/details/x",
    )
    message = a_message(MessageKind.PAYOUT_RETURNED, about=form)
    assert set(re.findall(r'href="([^"]+)"', message.html)) == {form.details_link}
    to_mailbox = a_message(MessageKind.PAYOUT_RETURNED, about=replace(form, details_link=None))
    assert "href" not in to_mailbox.html


def test_who_is_told_of_an_account_is_led_nowhere() -> None:
    message = a_message(MessageKind.PAYEE_CHANGED, about=PayeeChange(changed_at=HELD_UNTIL))
    assert "please answer this e-mail or write to Linen & Thread at once" in message.text
    assert "href" not in message.html


def test_a_friend_reads_the_first_name_of_who_recommended_and_that_they_may_get_a_reward() -> None:
    offer = Offer(worth=TEN_EUROS, advocate_name="Boris Petrov")
    message = a_message(
        MessageKind.FRIEND_WELCOME, side=Side.FRIEND, link="https://shop.example/", about=offer
    )
    assert "Boris recommended us to you" in message.text
    assert "Petrov" not in message.text + message.html
    assert "Whoever recommended us to you may get a reward for it." in message.text


def test_an_advocate_whose_link_is_shown_is_asked_to_say_that_they_get_a_reward() -> None:
    message = a_message(MessageKind.REMINDER, about=Ask())
    assert "please say that you may get a reward for it." in message.text
    assert "please say that you may get a reward for it." in message.html


def test_the_last_reminder_says_that_it_is_the_last() -> None:
    link = "https://go.shop.example/portal/u/x"
    message = a_message(MessageKind.REMINDER, about=Ask(is_last=True), unsubscribe_link=link)
    assert "This is the last time that we remind you." in message.text
    again = a_message(MessageKind.REMINDER, about=Ask(), unsubscribe_link=link)
    assert "one click at the foot of this e-mail is enough" in again.text


def test_the_foot_has_the_postal_address_and_the_ways_to_get_fewer_mails() -> None:
    message = a_message(
        MessageKind.WELCOME,
        postal_address="1 Mill Lane\nLeeds",
        preferences_link="https://go.shop.example/portal/p/x",
        unsubscribe_link="https://go.shop.example/portal/u/x",
    )
    foot = message.text.split("\n-- \n")[1]
    assert "Linen & Thread, 1 Mill Lane Leeds" in foot
    assert "Unsubscribe from these e-mails: https://go.shop.example/portal/u/x" in foot
    assert "Choose which e-mails you get: https://go.shop.example/portal/p/x" in foot
    assert 'href="https://go.shop.example/portal/u/x"' in message.html


def test_what_is_of_no_program_is_signed_by_the_system() -> None:
    rates = MailRates(days=14, sent=1_000, bounces=60, complaints=0)
    values = MessageValues(program_name="", about=rates)
    assert "\nSarafan\n" in render(MessageKind.MAIL_RATE, locale="en", values=values).text


@pytest.mark.parametrize("kind", sorted(OPERATOR_KINDS))
def test_operators_are_not_asked_to_recommend(kind: MessageKind) -> None:
    message = the_sample(kind.value, "en")
    assert "You get this e-mail because you look after the referral program." in message.text
    assert "please say that" not in message.text
    assert "href" not in message.html


def test_a_program_without_a_shop_name_signs_itself() -> None:
    assert "\nBring a friend\n" in a_message(MessageKind.WELCOME, shop_name="").text


@pytest.mark.parametrize("kind", [RewardKind.COUPON, RewardKind.PARTNER])
def test_a_code_is_not_announced_without_it(kind: RewardKind) -> None:
    values = replace(TO_ANNA, about=RewardNews(worth=ten_of(kind)))
    with pytest.raises(ValueError, match=f"a {kind} that is ready has a code"):
        render(MessageKind.REWARD_READY, locale="en", values=values)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", 'https://a.example/"x y']
)
@pytest.mark.parametrize("field", ["link", "preferences_link", "unsubscribe_link"])
def test_a_button_leads_to_web_addresses_only(field: str, link: str) -> None:
    with pytest.raises(ValueError, match="not a web address"):
        a_message(MessageKind.WELCOME, **{field: link})


def test_a_form_is_on_the_web() -> None:
    form = DetailsRequest(
        worth=TEN_EUROS, wanted=WantedDetails.PAYEE, details_link="javascript:alert(1)"
    )
    with pytest.raises(ValueError, match="not a web address"):
        a_message(MessageKind.DETAILS_NEEDED, about=form)
    back = PayoutReturn(paid=Sum(amount_minor=1, unit="EUR"), details_link="javascript:alert(1)")
    with pytest.raises(ValueError, match="not a web address"):
        a_message(MessageKind.PAYOUT_RETURNED, about=back)


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
    news = RewardNews(worth=TEN_EUROS)
    message = a_message(
        MessageKind.REWARD_READY, shop_name=hostile, friend_name="Bo\nris", about=news
    )
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
    news = replace(HELD, hold_days=days)
    assert written in a_message(MessageKind.REWARD_EARNED, locale=locale, about=news).text


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
    roubles = Worth(kind=RewardKind.CREDIT, unit="RUB", amount_minor=500_00)
    message = a_message(MessageKind.REWARD_EARNED, locale="ru", about=RewardNews(worth=roubles))
    assert message.subject == "Вы заработали 500\xa0₽"


def test_a_date_is_written_out_and_does_not_break() -> None:
    assert languages.long_date(HELD_UNTIL, language="en") == "May\xa016,\xa02026"
    # CLDR itself puts a narrow space that does not break before the abbreviated year.
    assert languages.long_date(HELD_UNTIL, language="ru") == "16\xa0мая\xa02026\u202fг."  # noqa: RUF001 - Russian


def test_a_date_is_the_utc_day() -> None:
    late_in_new_york = datetime(2026, 5, 15, 22, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert languages.long_date(late_in_new_york, language="en") == "May\xa016,\xa02026"


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "9:30\u202fAM\xa0UTC"),
        ("ru", "09:30\xa0UTC"),
        ("bg", "9:30\xa0UTC"),
        ("ro", "09:30\xa0UTC"),
    ],
)
def test_a_time_of_day_is_that_of_utc_and_says_so(language: str, written: str) -> None:
    in_new_york = datetime(2026, 5, 16, 5, 30, 59, tzinfo=timezone(timedelta(hours=-4)))
    assert languages.time_of_day(in_new_york, language=language) == written


@pytest.mark.parametrize(
    ("part", "whole", "english", "romanian"),
    [(805, 1000, "80.5%", "80,5\xa0%"), (3, 2400, "0.12%", "0,12\xa0%"), (0, 0, "0%", "0\xa0%")],
)
def test_a_share_is_written_in_per_cent(part: int, whole: int, english: str, romanian: str) -> None:
    assert languages.share(part, whole, language="en") == english
    assert languages.share(part, whole, language="ro") == romanian


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalog_has_everything_that_is_said_and_nothing_else(language: str) -> None:
    with languages.catalog_path(language).open("rb") as source:
        catalog = read_po(source, locale=language, abort_invalid=True)
    assert {m.id for m in catalog if m.id} == {m.id for m in mails.said() if m.id}


@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_is_said_in_every_language(language: str) -> None:
    with languages.catalog_path(language).open("rb") as source:
        catalog = read_po(source, locale=language)
    missing = []
    for message in catalog:
        english = message.id if isinstance(message.id, str) else message.id[-1]
        string = message.string or ""
        translated = [string] if isinstance(string, str) else list(string)
        assert not message.fuzzy
        assert isinstance(message.id, str) or len(translated) == catalog.num_plurals
        assert all(placeholders(text) <= placeholders(english) for text in translated)
        missing += [english] if english and not all(translated) else []
    assert missing == []


def test_the_layout_that_ships_is_the_one_that_its_source_makes() -> None:
    assert mails.LAYOUT.read_text(encoding="utf-8") == mails.compiled()


def test_extracting_again_changes_no_catalog() -> None:
    for language in TRANSLATED:
        path = languages.catalog_path(language)
        assert path.read_text(encoding="utf-8") == mails.catalog_text(language)
