"""The inbox: every mail that was sent, as a mail client would show it.

GET  /                  the newest mail
GET  /<id>              that mail; ?part=text shows it as text
GET  /<id>.html         it alone
POST /<id>/bounce       then /complain: the mailbox tells SES, and SES tells us
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from infra.local.cloud import LocalCloud, Mail
from infra.local.gateway import Page, PageRequest, PageResponse
from infra.local.pages.rendering import last, not_found, read_form, rendered, require
from referrals.domain.suppressions import Suppression, address_mark
from referrals.runtime.secrets import keys
from referrals.store import suppressions

MAILS_PER_PAGE = 50
_LONGEST_SEARCH = 200
_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
# a mail brings its own style and nothing else, and its links open a window of their own
_MAIL_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
        f"base-uri 'none'; frame-ancestors 'self'; sandbox {_SANDBOX}"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(cloud: LocalCloud) -> Page:
    """Give the page of everything that this cloud has sent."""
    feedback: Mapping[str, Callable[[Mail], None]] = {
        "bounce": cloud.bounce,
        "complain": cloud.complain,
    }

    def inbox(request: PageRequest) -> PageResponse:
        mails = sorted(cloud.mails(), key=lambda mail: mail.sent_at)[::-1]
        name, _, verb = request.path.strip("/").partition("/")
        if verb in feedback:
            require(request, "POST")
            read_form(request)
            feedback[verb](_find(mails, name))
            headers = {"Location": f"/inbox/{name}?told={verb}"}
            return PageResponse(body="", status=HTTPStatus.SEE_OTHER.value, headers=headers)
        require(request, "GET", "HEAD")
        if verb:
            raise not_found()
        if name.endswith(".html"):
            return _alone(_find(mails, name.removesuffix(".html")))
        opened = _find(mails, name) if name else None
        return _listed(request, mails, opened)

    return inbox


def _find(mails: Sequence[Mail], message_id: str) -> Mail:
    found = next((mail for mail in mails if mail.message_id == message_id), None)
    if found is None:
        raise not_found()
    return found


def _alone(mail: Mail) -> PageResponse:
    body = mail.html.replace("<head>", '<head><base target="_blank">', 1)
    return PageResponse(body=body.encode(errors="replace"), headers=_MAIL_HEADERS)


def _listed(request: PageRequest, mails: Sequence[Mail], opened: Mail | None) -> PageResponse:
    search = last(request, "q").strip()[:_LONGEST_SEARCH]
    found = [mail for mail in mails if _fits(mail, search.casefold())]
    pages = max(1, -(-len(found) // MAILS_PER_PAGE))
    number = _page_number(last(request, "page"), pages)
    shown = found[(number - 1) * MAILS_PER_PAGE : number * MAILS_PER_PAGE]
    is_chosen = opened is not None
    opened = opened or (shown[0] if shown else None)
    return rendered(
        "inbox",
        mails=shown,
        total=len(found),
        opened=opened,
        is_chosen=is_chosen,
        suppression=_suppression(opened) if opened else None,
        unsubscribe_path=_unsubscribe_path(opened) if opened else None,
        told=last(request, "told"),
        is_text=last(request, "part") == "text",
        search=search,
        sandbox=_SANDBOX,
        query=_query(search, number),
        older=_query(search, number + 1) if number < pages else None,
        newer=_query(search, number - 1) if number > 1 else None,
    )


def _suppression(mail: Mail) -> Suppression | None:
    """Say why nothing more is sent to where a mail went."""
    marks = (address_mark(each, key=keys().identity) for each in mail.to)
    return next((known for mark in marks if (known := suppressions.find(mark).suppression)), None)


def _unsubscribe_path(mail: Mail) -> str | None:
    """Give where the button of a mailbox leads, as a path: all apps are served here."""
    link = mail.headers.get("List-Unsubscribe", "").partition(">")[0].lstrip("<")
    return urlsplit(link).path if link.startswith("http") else None


def _fits(mail: Mail, search: str) -> bool:
    return not search or search in f"{' '.join(mail.to)} {mail.subject}".casefold()


def _page_number(text: str, pages: int) -> int:
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 1  # noqa: PLR2004
    return min(max(wanted, 1), pages)


def _query(search: str, number: int) -> str:
    """Write what is to be kept from page to page; empty for the first page without a search."""
    parts = ({"q": search} if search else {}) | ({"page": str(number)} if number > 1 else {})
    return urlencode(parts, errors="replace")
