"""The pages behind links in mails: what to be written about, where to send things.

A token in the link lets in whoever has it. Nothing changes by GET: what scans mails follows links.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from chalice import Response

from referrals.domain.details import (
    LONGEST,
    DetailsKind,
    Form,
    Incomplete,
    PayeeDetails,
    ShippingDetails,
    read_payee,
    read_shipping,
)
from referrals.domain.ibans import shown_in_part
from referrals.domain.ids import PersonId
from referrals.domain.message_kinds import Purpose
from referrals.domain.preferences import OPTIONAL, Preferences
from referrals.notify import portal_links
from referrals.notify.languages import countries
from referrals.notify.portal_links import DetailsWanted
from referrals.runtime import clock
from referrals.runtime.pages import page
from referrals.runtime.portal import language_of, opened, portal_keys, read_form, shows
from referrals.runtime.problems import ProblemApp
from referrals.store import details, preferences, programs
from referrals.usecases.change_preferences import change_preferences, unsubscribe
from referrals.usecases.give_details import give_payee, give_shipping

app = ProblemApp("advocate_portal")

_SEEN, _SENT = ["GET", "HEAD"], ["POST"]
# A mailbox may send one click in either type of form (RFC 8058); what is no form has no fields.
_ANY_TYPE: list[str] = []
_SMS, _SHOWN = "sms", "shown"


@app.route("/unsubscribe/{token}", methods=_SEEN)
@shows(app)
def ask_to_unsubscribe(token: str) -> Response:
    """Ask whether somebody wants no more of these mails."""
    asked = opened(portal_links.read_unsubscribe, token)
    return _unsubscribe_page(asked.person_id, asked.purpose, is_done=False)


@app.route("/unsubscribe/{token}", methods=_SENT, content_types=_ANY_TYPE)
@shows(app)
def end_messages(token: str) -> Response:
    """End them: for the button, and for one click in a mailbox (RFC 8058)."""
    asked = opened(portal_links.read_unsubscribe, token)
    unsubscribe(asked.person_id, asked.purpose, now=clock.utc_now())
    return _unsubscribe_page(asked.person_id, asked.purpose, is_done=True)


@app.route("/preferences/{token}", methods=_SEEN)
@shows(app)
def show_preferences(token: str) -> Response:
    """Show what somebody is written to about."""
    person_id = opened(portal_links.read_preferences, token)
    return _preferences_page(preferences.find(person_id), is_saved=False)


@app.route("/preferences/{token}", methods=_SENT, content_types=_ANY_TYPE)
@shows(app)
def save_preferences(token: str) -> Response:
    """Keep what somebody chose: what was shown and has no tick is off.

    What is not the page's own form chose nothing, whatever sent it: mailboxes post to links, too.
    """
    person_id = opened(portal_links.read_preferences, token)
    form = read_form(app.current_request)
    shown = form.get(_SHOWN, "").split()
    if not shown:
        chosen, status = preferences.find(person_id), HTTPStatus.BAD_REQUEST
        return _preferences_page(chosen, status=status, is_saved=False)
    changed = change_preferences(
        person_id,
        off={purpose for purpose in OPTIONAL if purpose not in form},
        ends_sms=_SMS in shown and _SMS not in form,
        now=clock.utc_now(),
    )
    return _preferences_page(changed, is_saved=True)


@app.route("/details/{token}", methods=_SEEN)
@shows(app)
def ask_for_details(token: str) -> Response:
    """Show an empty form: what was given before is for no reader of a mail that was passed on."""
    asked = opened(_read_details, token)
    payee = details.find_payee(asked.person_id) if asked.kind == DetailsKind.PAYEE else None
    return _details_page(
        asked,
        is_known=details.is_given(asked.person_id, asked.kind),
        account=shown_in_part(payee.iban) if payee else "",
    )


@app.route("/details/{token}", methods=_SENT, content_types=_ANY_TYPE)
@shows(app)
def save_details(token: str) -> Response:
    """Keep an address or an account, or show the form again with what is wrong in it."""
    asked = opened(_read_details, token)
    form = read_form(app.current_request)
    given = _given(asked, form)
    match given:
        case Incomplete(faults=faults):
            status = HTTPStatus.BAD_REQUEST
            return _details_page(asked, status=status, values=form, faults=faults)
        case ShippingDetails():
            give_shipping(given, now=clock.utc_now())
        case PayeeDetails():
            give_payee(given, program_id=asked.program_id, now=clock.utc_now())
    return _details_page(asked, is_saved=True)


def _read_details(token: str, *, keys: Sequence[str]) -> DetailsWanted:
    return portal_links.read_details(token, keys=keys, now=clock.utc_now())


def _given(asked: DetailsWanted, form: Form) -> ShippingDetails | PayeeDetails | Incomplete:
    if asked.kind == DetailsKind.SHIPPING:
        return read_shipping(asked.person_id, form)
    return read_payee(asked.person_id, form)


def _unsubscribe_page(person_id: PersonId, purpose: Purpose, *, is_done: bool) -> Response:
    return page(
        "unsubscribe",
        language=language_of(person_id, app.current_request),
        purpose=purpose.value,
        is_done=is_done,
        preferences_path=portal_links.preferences_path(person_id, keys=portal_keys()),
    )


def _preferences_page(
    chosen: Preferences, *, status: HTTPStatus = HTTPStatus.OK, is_saved: bool
) -> Response:
    has_sms = chosen.sms is not None and chosen.sms.withdrawn_at is None
    return page(
        "preferences",
        language=language_of(chosen.person_id, app.current_request),
        status=status,
        is_on={**{each.value: each not in chosen.off for each in OPTIONAL}, _SMS: has_sms},
        is_saved=is_saved,
    )


def _details_page(
    asked: DetailsWanted,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    values: Form | None = None,
    faults: Mapping[str, str] | None = None,
    is_known: bool = False,
    is_saved: bool = False,
    account: str = "",
) -> Response:
    program = programs.get_live(asked.program_id)
    language = language_of(asked.person_id, app.current_request)
    longest = LONGEST[DetailsKind(asked.kind)]
    return page(
        "details",
        language=language,
        status=status,
        shop=program.shop_name or program.name,
        kind=asked.kind,
        longest=longest,
        values={name: (values or {}).get(name, "") for name in longest},
        faults=faults or {},
        countries=countries(language),
        is_known=is_known,
        is_saved=is_saved,
        account=account,
    )
