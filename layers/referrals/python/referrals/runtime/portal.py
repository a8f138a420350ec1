"""From a link in a mail to who follows it: tokens, forms, languages, and what goes wrong in words.

Neither a token nor anything that somebody typed gets into a log.
"""

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl, unquote

from chalice import Response
from chalice.app import Request

from referrals.domain.errors import ReferralError
from referrals.domain.ids import PersonId
from referrals.notify.languages import negotiate
from referrals.notify.portal_links import BadLinkError
from referrals.runtime.observability import logger
from referrals.runtime.pages import page
from referrals.runtime.problems import ProblemApp
from referrals.runtime.secrets import renewed_secret, secret
from referrals.store import people
from referrals.store.transactions import ContentionError

# an address in seven fields of 70 letters, each written as six signs, fits four times
_MAX_FORM_BYTES = 16 * 1024
_MOST_FIELDS = 20

T = TypeVar("T")
View = Callable[[str], Response]


def shows(app: ProblemApp) -> Callable[[View], View]:
    """Let the views of an app raise: who follows a link that leads nowhere reads so on a page."""
    return functools.partial(_showing, app)


def _showing(app: ProblemApp, view: View) -> View:
    @functools.wraps(view)
    def showing(token: str) -> Response:
        try:
            return view(token)
        except BadLinkError as error:
            because, status = (
                ("too_old", HTTPStatus.GONE)
                if error.is_too_old
                else ("unknown", HTTPStatus.NOT_FOUND)
            )
        except ContentionError:
            because, status = "busy", HTTPStatus.SERVICE_UNAVAILABLE
        except ReferralError:  # of somebody who was forgotten
            because, status = "unknown", HTTPStatus.NOT_FOUND
        logger.info("refused", extra={"code": because, "status": status.value})
        language = _language_of_browser(app.current_request)
        return page("sorry", language=language, status=status, because=because)

    return showing


def portal_keys() -> tuple[str, ...]:
    """Give the live keys that links are signed with, the current one first."""
    return secret("portal_key").values


def opened(read: Callable[..., T], token: str) -> T:
    """Read a token; with the keys as they are by now when those that are kept here do not fit.

    BadLinkError.
    """
    # a REST API hands path parameters on as they were sent
    text, kept = unquote(token), secret("portal_key")
    try:
        return read(text, keys=kept.values)
    except BadLinkError as error:
        renewed = renewed_secret("portal_key")
        if error.is_too_old or renewed == kept:
            raise
        return read(text, keys=renewed.values)


def language_of(person_id: PersonId, request: Request) -> str:
    """Give the language that somebody is written to in, or else their browser's."""
    person = people.find(person_id)
    if person is not None and person.locale:
        return negotiate(person.locale)
    return _language_of_browser(request)


def read_form(request: Request) -> dict[str, str]:
    """Give the fields of a form; of what is no form, or too long for one, nothing."""
    try:
        raw = bytes(request.raw_body)
        if len(raw) > _MAX_FORM_BYTES:
            return {}
        text = raw.decode(errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:  # base64 that is none, text that is none, too many fields
        return {}


def _language_of_browser(request: Request) -> str:
    wishes = str(request.headers.get("accept-language", ""))
    return negotiate(wishes.partition(",")[0].partition(";")[0])
