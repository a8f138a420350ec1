"""Messages to people: values in, one e-mail's subject, HTML and text out. Nothing is sent here.

`templates/words/` says what a message says, once, in plain text; `layout.html.jinja`, which is
compiled from `mjml/layout.mjml`, and `layout.txt.jinja` say how that looks. So whoever edits words
cannot put markup into a mail, and the HTML can be exchanged without a look at the words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from referrals.domain.landings import is_web_address
from referrals.domain.message_kinds import MessageKind
from referrals.domain.programs import MessageText
from referrals.domain.rules import WHOLE_KINDS, RewardKind, Side, Trigger
from referrals.notify import languages
from referrals.notify.message_values import (
    ABOUT,
    DetailsRequest,
    Expiry,
    MessageValues,
    PayoutReturn,
    RewardNews,
)
from referrals.notify.names import one_line
from referrals.notify.spoken import Spoken, signed, spoken_of
from referrals.notify.texts import own_words
from referrals.notify.words import NEW_PARAGRAPH, environment, words

_ABOUT_STEPS = frozenset({Trigger.MILESTONE, Trigger.PERIOD_END})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """A message in words: plain text that a layout may show as it likes."""

    language: str
    signed: str
    postal_address: str
    subject: str
    preheader: str
    heading: str
    greeting: str
    paragraphs: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    code_label: str
    code: str
    action: str
    link: str
    is_link_shown: bool
    footer: str
    disclosure: str
    unsubscribe: str
    unsubscribe_link: str
    preferences: str
    preferences_link: str


def render(
    kind: MessageKind,
    *,
    locale: str,
    values: MessageValues,
    texts: Mapping[str, MessageText] | None = None,
) -> RenderedMessage:
    """Write a message in the language that `locale` gets.

    `texts` are the program's own words by language; those that make no sense with these values
    give way to ours. ValueError when values lack what the kind is about, when a link is no web
    address, or when a code is announced without it.
    """
    _check(kind, values)
    language = languages.negotiate(locale)
    letter = _letter(kind, language, values, (texts or {}).get(language))
    layouts = environment(language)
    return RenderedMessage(
        subject=letter.subject,
        html=layouts.get_template("layout.html.jinja").render(asdict(letter)),
        text=layouts.get_template("layout.txt.jinja").render(asdict(letter)),
    )


def _check(kind: MessageKind, values: MessageValues) -> None:
    wanted = ABOUT.get(kind, type(None))
    if not isinstance(values.about, wanted):
        what = type(values.about).__name__
        raise ValueError(  # noqa: TRY004 - the values do not fit the kind; each is well typed
            f"{kind} is about {wanted.__name__}, not {what}"
        )
    links = (
        *(values.link, values.preferences_link, values.unsubscribe_link),
        _details_link(values),
    )
    if not all(link is None or is_web_address(link) for link in links):
        raise ValueError("a link of a message is not a web address")
    if isinstance(values.about, RewardNews):
        _check_news(kind, values.about)


def _check_news(kind: MessageKind, news: RewardNews) -> None:
    has_code = news.worth.kind in WHOLE_KINDS - {RewardKind.GIFT}
    if kind is MessageKind.REWARD_READY and has_code and not news.code:
        raise ValueError(f"a {news.worth.kind} that is ready has a code")
    has_step = kind is MessageKind.MILESTONE_REACHED or news.trigger in _ABOUT_STEPS
    if has_step and news.step is None:
        raise ValueError("a milestone or a place on a leaderboard has its number")


def _letter(
    kind: MessageKind, language: str, values: MessageValues, text: MessageText | None
) -> _Letter:
    spoken = spoken_of(kind, language, values)
    # The message's own words win over those that all messages share, the program's over ours.
    said = words("frame", language, spoken) | words(kind, language, spoken)
    own = own_words(kind, text, spoken) if text else {}
    said |= own
    paragraphs = _paragraphs(said["body"])
    if "body" in own:
        said["preheader"] = paragraphs[0]
    details_link = _details_link(values)
    lines = {name: one_line(said[name]) for name in _LINES}
    link = (details_link or values.link or "") if lines["action"] else ""
    return _Letter(
        language=language,
        signed=signed(values),
        postal_address=one_line(values.postal_address or ""),
        paragraphs=paragraphs,
        figures=tuple(_pairs(_paragraphs(said["figures"]))),
        link=link,
        is_link_shown=bool(link) and not details_link and values.side is not Side.FRIEND,
        disclosure=_disclosure(kind, spoken, said) if link and not details_link else "",
        unsubscribe_link=values.unsubscribe_link or "",
        preferences_link=values.preferences_link or "",
        **lines,
    )


_LINES = (
    *("subject", "preheader", "heading", "greeting", "code_label", "code", "action", "footer"),
    *("unsubscribe", "preferences"),
)


def _disclosure(kind: MessageKind, spoken: Spoken, said: Mapping[str, str]) -> str:
    """Say that recommending brings something: to who is asked to, and to who hears of an offer."""
    hears_of_offer = spoken["side"] != Side.FRIEND or kind is MessageKind.FRIEND_WELCOME
    return one_line(said["disclosure"]) if hears_of_offer else ""


def _details_link(values: MessageValues) -> str | None:
    about = values.about
    return about.details_link if isinstance(about, DetailsRequest | Expiry | PayoutReturn) else None


def _paragraphs(body: str) -> tuple[str, ...]:
    paragraphs = (one_line(part) for part in body.split(NEW_PARAGRAPH))
    return tuple(paragraph for paragraph in paragraphs if paragraph)


def _pairs(parts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return zip(parts[::2], parts[1::2], strict=True)
