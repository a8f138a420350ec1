"""A program's own words: what they may say, what is named when they may not, and what is sent."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from referrals.cli.message_samples import sample_values, samples
from referrals.domain.message_kinds import MessageKind
from referrals.domain.programs import MessageText
from referrals.domain.rules import RewardKind
from referrals.notify.message_values import MessageValues, RewardNews, Worth
from referrals.notify.messages import RenderedMessage, render
from referrals.notify.spoken import spoken_of
from referrals.notify.texts import known_names, text_faults

ALLOWED = [
    "Hello",
    "{{ friend }} is here",
    "{% if friend %}{{ friend }}{% else %}A friend{% endif %} is here.",
    "{% if side == 'friend' and not friend %}x{% elif recipient or shop %}y{% endif %}",
    "{{ program }} {# a note for us #}",
    "It costs €2.50, from 16.05.2026 on. И т.д., e.g. now.",
    "<b>stays as it is</b>",
]
NOT_ALLOWED = [
    ("{{ colour }}", "names colour, which is not one of friend, own_code, program, recipient"),
    ("{{ friend.name }}", "has a getattr; there may be text, names and if"),
    ("{{ friend['name'] }}", "has a getitem; there may be text, names and if"),
    ("{{ friend|upper }}", "has a filter; there may be text, names and if"),
    ("{{ range(9) }}", "has a call; there may be text, names and if"),
    ("{{ friend() }}", "has a call; there may be text, names and if"),
    ("{{ ''.__class__ }}", "has a getattr; there may be text, names and if"),
    ("{% for x in friend %}x{% endfor %}", "has a for; there may be text, names and if"),
    ("{% set friend = 'x' %}", "has a assign; there may be text, names and if"),
    ("{% macro m() %}{% endmacro %}", "has a macro; there may be text, names and if"),
    ("{% include 'x' %}", "has a include; there may be text, names and if"),
    ("{% import 'x' as y %}", "has a import; there may be text, names and if"),
    ("{% block b %}{% endblock %}", "has a block; there may be text, names and if"),
    ("{{ 9 ** 9 ** 9 }}", "has a pow; there may be text, names and if"),
    ("{{ 'x' * 999999999 }}", "has a mul; there may be text, names and if"),
    ("{{ friend ~ shop }}", "has a concat; there may be text, names and if"),
    ("{{ [friend] }}", "has a list; there may be text, names and if"),
    ("{{ friend if shop else 1 }}", "has a condexpr; there may be text, names and if"),
    ("{% if friend is defined %}x{% endif %}", "has a test; there may be text, names and if"),
    ("{% if 'a' in friend %}x{% endif %}", "compares by in"),
    ("{{ self }}", "names self, which is not one of friend"),
    ("{{ friend", "is no template: "),
    ("{% if friend %}", "is no template: "),
    ("{% nonsense %}", "is no template: "),
    ("   ", "is empty"),
    ("Go to https://evil.example", "has a link in it"),
    ("Go to shop.example", "has a link in it"),
    ("Go to WWW.shop", "has a link in it"),
    ("{{ shop }}.example", "has a link in it"),
    ("Write to us@shop", "has a link in it"),
    ("Магазин лён.рф", "has a link in it"),
    ("//shop", "has a link in it"),
    ("x" * 201, "is longer than 200 characters"),
]


@pytest.mark.parametrize("source", ALLOWED)
def test_text_names_and_if_are_allowed(source: str) -> None:
    text = MessageText(subject=source, heading=source, body=source)
    assert list(text_faults(MessageKind.FRIEND_SIGNED_UP, text)) == []


@pytest.mark.parametrize(("source", "says"), NOT_ALLOWED)
@pytest.mark.parametrize("field", ["subject", "heading"])
def test_anything_else_is_a_fault_that_names_the_field(field: str, source: str, says: str) -> None:
    text = replace(MessageText(), **{field: source})
    faults = list(text_faults(MessageKind.FRIEND_SIGNED_UP, text))
    assert faults[0].field == field
    assert faults[0].says.startswith(says)


def test_a_body_may_be_longer_than_a_subject() -> None:
    assert not list(text_faults(MessageKind.WELCOME, MessageText(body="x" * 4_000)))
    too_long = list(text_faults(MessageKind.WELCOME, MessageText(body="x" * 4_001)))
    assert [fault.says for fault in too_long] == ["is longer than 4000 characters"]


def test_every_unknown_name_is_told() -> None:
    text = MessageText(body="{{ colour }} {{ friend }} {{ size }}")
    faults = list(text_faults(MessageKind.WELCOME, text))
    assert [fault.says.split(",")[0] for fault in faults] == [
        "names colour",
        "names friend",
        "names size",
    ]


@pytest.mark.parametrize("name", samples())
def test_every_known_name_has_a_value(name: str) -> None:
    sample = samples()[name]
    values = sample_values(
        sample, program_name="Bring a friend", shop_name="", language="en", postal_address=None
    )
    spoken = spoken_of(sample.kind, "en", values)
    known = known_names(sample.kind)
    assert known <= set(spoken)
    assert all(spoken[each] is None or isinstance(spoken[each], str | int) for each in known)


def said(text: MessageText, /, *, locale: str = "en", **changes: object) -> RenderedMessage:
    values = replace(
        MessageValues(
            program_name="Bring a friend",
            shop_name="Linen & Thread",
            recipient_name="Anna",
            friend_name="Boris",
            about=RewardNews(
                worth=Worth(kind=RewardKind.CREDIT, unit="EUR", amount_minor=10_00),
                held_until=datetime(2026, 5, 16, tzinfo=UTC),
                hold_days=14,
            ),
        ),
        **changes,  # type: ignore[arg-type] # a test's own keywords
    )
    return render(MessageKind.REWARD_EARNED, locale=locale, values=values, texts={"en": text})


def test_own_words_stand_in_the_places_of_ours() -> None:
    text = MessageText(
        subject="{{ recipient }}, {{ amount }} for you!",
        heading="Hooray",
        body="{{ friend }} came to {{ shop }}.\n\nOn {{ held_until }} it is yours.",
    )
    message = said(text)
    assert message.subject == "Anna, €10 for you!"
    assert message.text.startswith(
        "Hooray\n\nHello Anna,\n\nBoris came to Linen & Thread.\n\n"
        "On May\xa016,\xa02026 it is yours.\n\n"
    )
    assert "Boris came to Linen &amp; Thread." in message.html


def test_what_has_no_own_words_stays_as_it_is() -> None:
    message = said(MessageText(subject="A surprise"))
    assert message.subject == "A surprise"
    assert message.text.startswith("You have earned €10\n\nHello Anna,\n\nBoris is with us")


def test_own_words_in_one_language_leave_the_others_alone() -> None:
    assert said(MessageText(subject="A surprise"), locale="ru").subject == "Вы заработали 10\xa0€"


def test_a_preheader_goes_with_the_own_words() -> None:
    html = said(MessageText(body="{{ friend }} came.\n\nMore.")).html
    assert 'overflow:hidden;">Boris came.&#847;' in html


def test_what_is_not_known_is_left_out_of_own_words() -> None:
    text = MessageText(
        body="{% if friend %}{{ friend }}{% else %}Somebody{% endif %} came{{ item }}."
    )
    assert "Somebody came." in said(text, friend_name="evil.example").text


def test_markup_in_own_words_is_shown_and_not_run() -> None:
    message = said(MessageText(body="<script>alert(1)</script> & <b>bold</b>"))
    assert "<script" not in message.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;bold&lt;/b&gt;" in message.html


@pytest.mark.parametrize(
    "body",
    [
        "{% for x in friend %}{% endfor %}",  # allowed by nobody, however it was stored
        "{{ nobody }}",
        "{{ friend",
        "{% if friend > 3 %}x{% endif %}",  # a name is not more than 3
        "{% if amount == 'x' %}x{% endif %}",  # nothing is left
        "{{ friend }}{% if friend %}.example{% endif %}",
    ],
)
def test_own_words_that_come_to_no_good_give_way_to_ours(body: str) -> None:
    assert "Boris is with us thanks to you" in said(MessageText(body=body)).text


def test_a_shop_that_is_called_like_its_host_may_say_its_name() -> None:
    message = said(MessageText(body="Thank you, says {{ shop }}."), shop_name="linen.example")
    assert "Thank you, says linen.example." in message.text


def test_a_subject_has_one_line() -> None:
    assert said(MessageText(subject="One\r\n{{ friend }}\nBcc: x")).subject == "One Boris Bcc: x"
