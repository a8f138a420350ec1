"""A program's own words for a message: templates in a sandbox, checked when they are applied.

What one may say is text, the names that the message knows, and `if`. There are no calls, filters,
attributes or loops, so a text cannot reach anything, and takes no longer than it is long. It has no
links: where a message leads is not for words to say.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from referrals.domain.errors import Fault
from referrals.domain.message_kinds import MessageKind
from referrals.domain.programs import MessageText
from referrals.notify import message_values as about
from referrals.notify.names import one_line
from referrals.notify.words import NEW_PARAGRAPH

_FIELDS = ("subject", "heading", "body")
_LONGEST = {"subject": 200, "heading": 200, "body": 4_000}
# A subject that is longer than this is cut by every mail client.
_LONGEST_LINE = 300
# Mail clients make links of these: schemes, `www.`, addresses, and names with a dot inside. Unlike
# `one_line`'s names, texts have amounts and dates in them: a digit behind a dot is no host.
_LINK = re.compile(r"//|www\.|mailto:|@|\w[.\u3002\uff0e\uff61][^\W\d_]{2,}", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n\s*\n")
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If),
    *(nodes.Name, nodes.Const, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or),
)
_COMPARISONS = frozenset({"eq", "ne", "lt", "lteq", "gt", "gteq"})

_COMMON_NAMES = frozenset({"program", "shop", "side", "recipient", "own_code"})
_OF_WORTH = frozenset({"reward", "reward_kind", "amount", "points", "share"})
_OF_FRIEND = frozenset({"friend"})
_NAMES: Mapping[type[object], frozenset[str]] = {
    about.RewardNews: _OF_WORTH
    | _OF_FRIEND
    | {"trigger", "step", "counted", "held_until", "hold_days", "ships", "reward_code"}
    | {"valid_until", "balance", "has_catalogue", "item"},
    about.OrderNews: _OF_WORTH | _OF_FRIEND | {"reason"},
    about.NextMilestone: _OF_WORTH | {"count", "counted"},
    about.Expiry: _OF_WORTH | {"expires_on", "wanted", "minimum"},
    about.Decline: _OF_FRIEND | {"reason"},
    about.TakenBack: _OF_WORTH | {"because", "left", "owed"},
    about.DetailsRequest: _OF_WORTH | {"wanted"},
    about.PayoutNews: frozenset({"amount", "payer", "reference"}),
    about.PayoutReturn: frozenset({"amount", "is_by_bank"}),
    about.PayeeChange: frozenset({"changed_on", "changed_at"}),
    about.MonthFigures: frozenset({"month", "clicks", "signups", "purchases"}),
    about.Ask: _OF_WORTH | {"is_last", "can_unsubscribe"},
    about.Offer: _OF_WORTH | {"advocate", "trigger", "reward_code"},
    about.ReviewsWaiting: frozenset({"program_id", "count", "oldest_on"}),
    about.StockLow: frozenset({"program_id", "pool", "left", "reward_kind"}),
    about.BudgetLow: frozenset({"program_id", "used", "limit", "share", "is_of_day"}),
    about.PayoutStuck: frozenset({"dispatch_id", "provider", "amount", "is_back"}),
    about.OpenDifferences: frozenset({"provider", "count", "oldest_on"}),
    about.MailRates: frozenset(
        {"days", "sent_shown", "bounce_share", "complaint_share", "is_braked"}
    ),
    about.EndpointFailing: frozenset({"endpoint_id", "failing_since", "disabled_on"}),
    about.EndpointDisabled: frozenset({"endpoint_id", "because"}),
}


def known_names(kind: MessageKind) -> frozenset[str]:
    """Give the names that a program's own words for a message may use."""
    if kind is MessageKind.FRIEND_SIGNED_UP:
        return _COMMON_NAMES | _OF_FRIEND
    subject = about.ABOUT.get(kind)
    return _COMMON_NAMES | (_NAMES[subject] if subject else frozenset())


def text_faults(kind: MessageKind, text: MessageText) -> Iterator[Fault]:
    """Name what a program's own words may not say, by field: `subject`, `heading` or `body`."""
    for field, source in _sources(text):
        yield from (Fault(field=field, says=says) for says in _faults(kind, field, source))


def own_words(
    kind: MessageKind, text: MessageText, spoken_of: Mapping[str, object]
) -> dict[str, str]:
    """Give the program's words with the values put in; none of those that come to no good.

    Words are checked here again: what was allowed may have been stored by an older version.
    """
    said = {field: _said(kind, field, source, spoken_of) for field, source in _sources(text)}
    return {field: words for field, words in said.items() if words}


def _sources(text: MessageText) -> Iterator[tuple[str, str]]:
    for field in _FIELDS:
        source = getattr(text, field)
        if source is not None:
            yield field, source


def _faults(kind: MessageKind, field: str, source: str) -> Iterator[str]:
    if not source.strip():
        yield "is empty"
    if len(source) > _LONGEST[field]:
        yield f"is longer than {_LONGEST[field]} characters"
        return
    try:
        parsed = _sandbox().parse(source)
    except TemplateSyntaxError as error:
        yield f"is no template: {error.message}"
        return
    known = known_names(kind)
    for node in _walked(parsed):
        yield from _node_faults(node, known)
    if any(_LINK.search(_plain(output)) for output in parsed.find_all(nodes.Output)):
        yield "has a link in it, or what mail programs take for one"


def _node_faults(node: nodes.Node, known: frozenset[str]) -> Iterator[str]:
    match node:
        case nodes.Name(name=name) if name not in known:
            yield f"names {name}, which is not one of {', '.join(sorted(known))}"
        case nodes.Operand(op=op) if op not in _COMPARISONS:
            yield f"compares by {op}"
        case _ if not isinstance(node, _ALLOWED):
            yield f"has a {type(node).__name__.lower()}; there may be text, names and if"


def _walked(node: nodes.Node) -> Iterator[nodes.Node]:
    """Go through a template, but not below what is not allowed: one fault for it is enough."""
    yield node
    if isinstance(node, _ALLOWED):
        for child in node.iter_child_nodes():
            yield from _walked(child)


def _plain(output: nodes.Output) -> str:
    """Give what stands in a stretch of text, with a letter in the place of each name."""
    return "".join(
        part.data if isinstance(part, nodes.TemplateData) else "x" for part in output.nodes
    )


def _said(
    kind: MessageKind, field: str, source: str, spoken_of: Mapping[str, object]
) -> str | None:
    if any(_faults(kind, field, source)):
        return None
    known = {name: spoken_of.get(name) for name in known_names(kind)}
    shown = {name: "" if value is None else value for name, value in known.items()}
    try:
        said = _sandbox().from_string(source).render(shown)
    except (TemplateError, TypeError):
        return None  # such as a number that is compared with what is not known
    if _leads_somewhere(said, shown):
        return None
    parts = [one_line(part) for part in _BLANK_LINE.split(said)]
    words = NEW_PARAGRAPH.join(part for part in parts if part)
    return words if field == "body" or len(words) <= _LONGEST_LINE else None


def _leads_somewhere(said: str, shown: Mapping[str, object]) -> bool:
    """Whether text and values make a link together; the names of shop and program may be one."""
    for name in ("shop", "program"):
        if shown[name]:
            said = said.replace(str(shown[name]), " ")
    return _LINK.search(said) is not None


@cache
def _sandbox() -> ImmutableSandboxedEnvironment:
    # What a message says is plain text: it is escaped where it is laid out, as our own words are.
    return ImmutableSandboxedEnvironment(autoescape=False)
