"""Messages to people: values in, one e-mail's subject, HTML and text out. Nothing is sent here.

`templates/words/` says what a message says, once, in plain text; `layout.html.jinja` and
`layout.txt.jinja` say how that looks. So whoever edits words cannot put markup into a mail, and
the HTML can be exchanged without a look at the words.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from referrals.domain.landings import is_web_address
from referrals.domain.rules import RewardKind, Side
from referrals.notify import languages
from referrals.notify.names import first_name, one_line, shown_name

_TEMPLATES = Path(__file__).parent / "templates"
# Unicode's own sign for it. Blank lines would not do: the tags between sentences leave some, too.
_NEW_PARAGRAPH = "\N{PARAGRAPH SEPARATOR}"


class MessageKind(StrEnum):
    WELCOME = "welcome"
    FRIEND_SIGNED_UP = "friend_signed_up"
    REWARD_EARNED = "reward_earned"
    REWARD_READY = "reward_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageValues:
    """What a message speaks of. `shop_name` may be empty: then the program's name signs.

    `link` is the share link in a message to an advocate, and a page of the shop in one to a friend.
    `unit` is the ISO currency of `amount_minor`. `hold_days` is how long a reward is held
    from this message on. Names are what people typed; `friend_name` is never told to a friend.
    """

    program_name: str
    shop_name: str
    side: Side = Side.ADVOCATE
    recipient_name: str | None = None
    link: str | None = None
    code: str | None = None
    friend_name: str | None = None
    kind: RewardKind | None = None
    amount_minor: int | None = None
    unit: str | None = None
    held_until: datetime | None = None
    hold_days: int | None = None
    coupon_code: str | None = None


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
    subject: str
    preheader: str
    heading: str
    greeting: str
    paragraphs: tuple[str, ...]
    code_label: str
    code: str
    action: str
    link: str
    is_link_shown: bool
    footer: str


def render(kind: MessageKind, *, locale: str, values: MessageValues) -> RenderedMessage:
    """Write a message in the language that `locale` gets.

    ValueError when the link is no web address, or when a coupon is announced without its code.
    """
    _check(kind, values)
    language = languages.negotiate(locale)
    letter = _letter(kind, language, values)
    layouts = _environment(language)
    return RenderedMessage(
        subject=letter.subject,
        html=layouts.get_template("layout.html.jinja").render(asdict(letter)),
        text=layouts.get_template("layout.txt.jinja").render(asdict(letter)),
    )


def _check(kind: MessageKind, values: MessageValues) -> None:
    if values.link is not None and not is_web_address(values.link):
        raise ValueError("the link of a message is not a web address")
    is_ready_coupon = kind is MessageKind.REWARD_READY and values.kind == RewardKind.COUPON
    if is_ready_coupon and not values.coupon_code:
        raise ValueError("a coupon that is ready has a code")


def _letter(kind: MessageKind, language: str, values: MessageValues) -> _Letter:
    spoken_of = _spoken_of(language, values)
    # The message's own words win over those that all messages share.
    words = _words("frame", language, spoken_of) | _words(kind, language, spoken_of)
    return _Letter(
        language=language,
        signed=_signed(values),
        link=values.link or "",
        is_link_shown=values.side == Side.ADVOCATE,
        paragraphs=_paragraphs(words["body"]),
        **{
            name: one_line(words[name])
            for name in (
                *("subject", "preheader", "heading", "greeting"),
                *("code_label", "code", "action", "footer"),
            )
        },
    )


def _spoken_of(language: str, values: MessageValues) -> dict[str, object]:
    is_to_advocate = values.side == Side.ADVOCATE
    amount = None
    if values.amount_minor is not None and values.unit is not None:
        amount = languages.money(values.amount_minor, values.unit, language=language)
    held_until = values.held_until
    return {
        "new_paragraph": _NEW_PARAGRAPH,
        "program": one_line(values.program_name),
        "shop": _signed(values),
        "side": values.side,
        "recipient": shown_name(values.recipient_name),
        "friend": first_name(values.friend_name) if is_to_advocate else None,
        "own_code": values.code,
        "coupon_code": values.coupon_code,
        "reward_kind": values.kind,
        "amount": amount,
        "held_until": languages.long_date(held_until, language=language) if held_until else None,
        "hold_days": values.hold_days,
    }


def _signed(values: MessageValues) -> str:
    return one_line(values.shop_name) or one_line(values.program_name)


def _words(name: str, language: str, spoken_of: Mapping[str, object]) -> dict[str, str]:
    """Give what a file of words sets, by name."""
    module = _environment(language).get_template(f"words/{name}.jinja").make_module({**spoken_of})
    return {word: str(text) for word, text in vars(module).items() if not word.startswith("_")}


def _paragraphs(body: str) -> tuple[str, ...]:
    paragraphs = (one_line(part) for part in body.split(_NEW_PARAGRAPH))
    return tuple(paragraph for paragraph in paragraphs if paragraph)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
        undefined=StrictUndefined,
        auto_reload=False,
        keep_trailing_newline=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    # The extension adds this method at run time, where types do not reach.
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        languages.translations(language), newstyle=True
    )
    return environment
