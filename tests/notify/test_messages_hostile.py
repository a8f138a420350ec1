"""A hundred hostile names in every message and language: nothing runs, and nothing leads away."""

import random
import re
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser

import pytest

from referrals.cli.message_samples import Sample, sample_values, samples
from referrals.domain.message_kinds import OPERATOR_KINDS, MessageKind
from referrals.domain.programs import MessageText
from referrals.notify.languages import LANGUAGES
from referrals.notify.message_values import MessageValues, Offer
from referrals.notify.messages import RenderedMessage, render

_HOSTILE = (
    "<script>alert({n})</script>",
    "<img src=x onerror=alert({n})>",
    "\"><svg onload='alert({n})'>",
    "</title><script src=//evil{n}.example></script>",
    "' onmouseover='alert({n})",
    "javascript:alert({n})",
    "JaVaScRiPt&colon;alert({n})",
    "data:text/html,<b>{n}</b>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "<a href=https://evil.example/{n}>Anna</a>",
    "http://evil{n}.example",
    "https://evil.example/?p={n}",
    "//evil.example/{n}",
    "www.evil{n}.example",
    "evil{n}.example",
    "Win at evil{n}.com now",
    "xn--80ak6aa92e.com",
    "пример{n}.рф",
    "例え{n}.jp",
    "例え。テスト",
    "مثال.إختبار",
    "उदाहरण.परीक्षा",
    "ευτυχία{n}.ελ",
    "evil\uff0eexample",
    "evil\uff61example",
    "evil\u2024example",
    "evil\u200b.\u200bexample",
    "evil\u00ad.example",
    "evil\u2060.com",
    "\u202eelpmaxe.live",
    "\u202eannA\u202c",
    "\u2066Anna\u2069 evil.example",
    "anna{n}@evil.example",
    "mailto:anna@evil.example",
    "tel:+15550{n}",
    "call +7 999 123 4{n} 67",
    "(555) 010-1{n}",
    "٠١٢٣٤٥٦٧٨٩",
    "192.168.0.{n}",
    "2130706433",
    "[::1]",
    "{{{{7*7}}}}",
    "{{{{ config }}}}",
    "{{% for i in range(9999) %}}x{{% endfor %}}",
    "{{# Anna #}}",
    "%(program)s",
    "%s%s%n",
    "${{7*7}}",
    "#{{7*7}}",
    "Anna\r\nBcc: everybody@evil.example",
    "Anna\nSubject: Prize {n}",
    "Anna\r\n\r\n<script>alert(1)</script>",
    "Anna\u2028Bcc: x",
    "Anna\x00\x1b[31m",
    "Anna\x85Bcc: evil",
    "An\u200bna\ufeff",
    "Anna\u034f" * 3,
    "A" * 5_000,
    "Z\u0336a\u0336l\u0336g\u0336o" * 20,
    "\\evil.example\\share",
    "file:///etc/passwd",
    "1.2.3.4:8{n}",
    "Anna|evil.example",
)
_TAGS = {
    *("html", "head", "title", "meta", "style", "body", "div", "h1", "p", "a", "br"),
    *("table", "tbody", "tr", "td"),
}
# What mail programs make links of: addresses, hosts, telephone numbers.
_LINKED = re.compile(
    r"\w+://|www\.|mailto:|\S@\S|\w[.\u3002\uff0e\uff61][^\W\d_]{2,}"
    r"|(\d+\.){3}\d|\d[\d ()+-]{6,}\d",
    re.IGNORECASE,
)
_BIDI_OR_CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]"
)
_FOOT = "1 Mill Lane"


@cache
def hostile_names() -> tuple[str, ...]:
    """Give a hundred: each of the list, and those of it that take a number again with another."""
    random_numbers = random.Random(20261122)
    names = [name.format(n=random_numbers.randint(10, 99)) for name in _HOSTILE]
    with_number = [name for name in _HOSTILE if "{n}" in name]
    while len(names) < 100:
        name = random_numbers.choice(with_number).format(n=random_numbers.randint(10, 99))
        names.append(f"Anna {name}" if random_numbers.random() < 0.5 else name)
    return tuple(names)


class Seen(HTMLParser):
    """Everything of a page that could run or lead somewhere, and what is read on it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.hrefs: set[str] = set()
        self.read: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._is_style = tag == "style"
        self.attributes += [(name, value or "") for name, value in attrs]
        self.hrefs |= {value or "" for name, value in attrs if name == "href"}

    def handle_endtag(self, _tag: str) -> None:
        self._is_style = False

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.read.append(data)


def to_people() -> dict[str, Sample]:
    """Give one message of each kind that names anybody; the others of a kind differ in figures."""
    kinds = {kind.value for kind in MessageKind if kind not in OPERATOR_KINDS}
    return {name: one for name, one in samples().items() if name in kinds}


def hostile_values(sample: Sample, name: str) -> MessageValues:
    values = sample_values(
        sample,
        program_name="Bring a friend",
        shop_name="Linen and Thread",
        language="en",
        postal_address=_FOOT,
    )
    if isinstance(values.about, Offer):
        values = replace(values, about=replace(values.about, advocate_name=name))
    return replace(values, recipient_name=name, friend_name=name)


def own_links(values: MessageValues) -> set[str]:
    form = getattr(values.about, "details_link", None)
    links = (values.link, values.preferences_link, values.unsubscribe_link, form)
    return {link for link in links if link}


def without(text: str, links: set[str]) -> str:
    for link in sorted(links, key=len, reverse=True):
        text = text.replace(link, "")
    return text


def assert_harmless(message: RenderedMessage, links: set[str], name: str) -> None:
    seen = Seen()
    seen.feed(message.html)
    assert seen.tags <= _TAGS, name
    assert seen.hrefs <= links, name
    for attribute, value in seen.attributes:
        assert not attribute.startswith("on"), name
        is_read_aloud = attribute == "aria-label"
        assert is_read_aloud or "script" not in value.casefold(), name
    # the filler behind the preheader is meant to be invisible
    read = " ".join(seen.read).replace("\u034f\u200c\u00a0", "")
    for text in (message.subject, message.text, read):
        assert not _LINKED.search(without(text, links)), name
        assert not _BIDI_OR_CONTROL.search(text), name
        assert "49" not in text, name
    assert "\n" not in message.subject, name
    assert len(message.subject) < 200, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sample_name", to_people())
def test_a_hostile_name_runs_nothing_and_leads_nowhere(sample_name: str, language: str) -> None:
    sample = to_people()[sample_name]
    seen = set[str]()  # most names are left out, and those messages are alike
    for name in hostile_names():
        values = hostile_values(sample, name)
        message = render(sample.kind, locale=language, values=values)
        if message.html not in seen:
            assert_harmless(message, own_links(values), name)
        seen.add(message.html)


OWN_TEXT = MessageText(
    subject="{{ recipient }}{{ friend }}",
    heading="{% if friend %}{{ friend }}{% endif %}{% if shop %}.example{% endif %}",
    body="{{ recipient }} and {{ friend }} at {{ shop }}\n\n{{ friend }}",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_name_makes_no_link_of_a_programs_own_words(language: str) -> None:
    sample = samples()["friend_signed_up"]
    for name in (*hostile_names(), "evil", "Anna"):
        values = hostile_values(sample, name)
        message = render(sample.kind, locale=language, values=values, texts={language: OWN_TEXT})
        assert_harmless(message, own_links(values), name)


def test_there_are_a_hundred_hostile_names() -> None:
    assert len(hostile_names()) == 100
    assert len(set(hostile_names())) > 95


def test_markup_in_what_a_shop_types_stays_text() -> None:
    values = MessageValues(
        program_name="<script>alert(1)</script>",
        shop_name='"><img src=x onerror=alert(1)>',
        postal_address="<b>Street</b>",
        recipient_name="Anna",
        code="</td><script>",
    )
    message = render(MessageKind.WELCOME, locale="en", values=values)
    seen = Seen()
    seen.feed(message.html)
    assert seen.tags <= _TAGS
    assert '"><img src=x onerror=alert(1)>' in unescape(message.html)
