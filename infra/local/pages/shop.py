"""A shop of the size of a page: it keeps the click, and its back end reports to the hooks, signed.

GET  /                      the landing page of the program `tea`
GET  /<program>             the landing page of another program
POST /<program>/signup      then /purchase, /refund, /redemption: forms, each answered with what
                            came back
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from http.client import HTTPException
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import quote, unquote

from infra.local.gateway import THREADS, Page, PageRequest, PageResponse
from infra.local.pages.rendering import (
    PageRefusedError,
    last,
    not_found,
    read_form,
    rendered,
    require,
)
from infra.local.shop_backend import Answer, ShopBackend
from infra.local.story import CUSTOMERS, PROGRAM
from referrals.domain.ids import ProgramId
from referrals.domain.money import EXPONENTS
from referrals.domain.programs import Program
from referrals.store.programs import find_live

HOOKS = ("signup", "purchase", "refund")
REDEMPTION = "redemption"
_COOKIE_DAYS = 30
_LONGEST_FIELD = 300
_CODE = re.compile(r"[A-Za-z0-9]{1,24}")
_CLICK = re.compile(r"[A-Za-z0-9_-]{1,199}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_AMOUNT = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visitor:
    """What the shop knows of who is looking: the link they came by, and who they signed up as."""

    code: str = ""
    click: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What the back end told a hook or asked the API, and what it heard."""

    what: str
    path: str
    document: Mapping[str, Any]
    answer: Answer

    @property
    def is_accepted(self) -> bool:
        return self.answer.status < HTTPStatus.BAD_REQUEST


def page(backend: ShopBackend) -> Page:
    """Give the page of a shop with this back end."""
    # a form waits for a hook that another thread has to answer: never all threads at once
    lines = BoundedSemaphore(THREADS // 2)

    def shop(request: PageRequest) -> PageResponse:
        name, _, what = request.path.strip("/").partition("/")
        program = _program(name or PROGRAM)
        if not what:
            require(request, "GET", "HEAD")
            return _landing(request, program)
        if what not in _DOCUMENTS:
            raise not_found()
        require(request, "POST")
        visitor, form = _visitor(request, program), read_form(request)
        document = _DOCUMENTS[what](form, visitor, program)
        if not lines.acquire(blocking=False):
            raise PageRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "the till is busy; try again")
        try:
            report = _sent(backend, what, form, document)
        except (OSError, HTTPException) as error:
            raise PageRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "nobody answered") from error
        finally:
            lines.release()
        return _answered(report, form, visitor, program)

    return shop


def _sent(
    backend: ShopBackend, what: str, form: dict[str, str], document: Mapping[str, Any]
) -> _Report:
    if what in HOOKS:
        answer = backend.report(what, document)
        return _Report(what=what, path=f"/hooks/{what}", document=document, answer=answer)
    customer_id = _customer_id(_field(form, "email"))
    return _Report(
        what=what,
        path=f"/api/advocates/{customer_id}/redemptions",
        document=document,
        answer=backend.redeem(customer_id, document),
    )


def _program(name: str) -> Program:
    program = find_live(ProgramId(name)) if _SLUG.fullmatch(name) else None
    if program is None:
        raise not_found()
    return program


def _landing(request: PageRequest, program: Program) -> PageResponse:
    """Welcome somebody; who comes by a link gets its click into a first-party cookie."""
    visitor = _visitor(request, program)
    code, click = last(request, program.landing.link_parameter), last(request, "click")
    cookie = None
    if _CODE.fullmatch(code) and _CLICK.fullmatch(click):
        visitor = _Visitor(code=code, click=click, email=visitor.email)
        cookie = _cookie(_referral_cookie(program), f"{code}.{click}")
    return _page(program, visitor, cookie=cookie)


def _answered(
    report: _Report, form: Mapping[str, str], visitor: _Visitor, program: Program
) -> PageResponse:
    cookie = None
    if report.what == "signup" and report.is_accepted:
        visitor = _Visitor(code=visitor.code, click=visitor.click, email=form["email"])
        cookie = _cookie("customer", quote(visitor.email, safe="@"))
    status = HTTPStatus.OK if report.is_accepted else HTTPStatus.BAD_REQUEST
    # an order is easily sent back: its form is filled in; what was spent is no order
    shown = None if report.what == REDEMPTION else form
    return _page(program, visitor, status=status, cookie=cookie, report=report, form=shown)


def _page(
    program: Program,
    visitor: _Visitor,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    cookie: str | None = None,
    report: _Report | None = None,
    form: Mapping[str, str] | None = None,
) -> PageResponse:
    return rendered(
        "shop",
        status=status,
        cookie=cookie,
        program=program,
        visitor=visitor,
        report=report,
        form={"order_id": "", "amount": "", "name": "", "locale": "", **(form or {})},
        # a form that is sent twice is one order
        new_order_id=f"W-{secrets.token_hex(3)}",
        new_refund_id=f"R-{secrets.token_hex(3)}",
        new_redemption_id=f"B-{secrets.token_hex(3)}",
    )


# what the browser sent


def _visitor(request: PageRequest, program: Program) -> _Visitor:
    cookies = _cookies(request)
    code, _, click = cookies.get(_referral_cookie(program), "").partition(".")
    email = unquote(cookies.get("customer", ""), errors="replace")[:_LONGEST_FIELD]
    if not (_CODE.fullmatch(code) and _CLICK.fullmatch(click)):
        code = click = ""
    return _Visitor(code=code, click=click, email=email if email.isprintable() else "")


def _referral_cookie(program: Program) -> str:
    return f"referral-{program.program_id}"


def _cookies(request: PageRequest) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}


def _cookie(name: str, value: str) -> str:
    """Write a cookie that the shop's own server sets: it outlives those that scripts set."""
    max_age_s = _COOKIE_DAYS * 24 * 60 * 60
    return f"{name}={value}; Path=/shop; Max-Age={max_age_s}; HttpOnly; SameSite=Lax"


def _field(form: dict[str, str], name: str) -> str:
    value = form.setdefault(name, "")
    if not value:
        raise PageRefusedError(HTTPStatus.BAD_REQUEST, f"{name} is missing")
    return value


def _amount_minor(form: dict[str, str], currency: str) -> int:
    text = _field(form, "amount")
    if not _AMOUNT.fullmatch(text):
        raise PageRefusedError(HTTPStatus.BAD_REQUEST, "the amount is no amount such as 24.90")
    return int(Decimal(text.replace(",", ".")).scaleb(EXPONENTS[currency]))


# what the back end reports


def _signup(form: dict[str, str], visitor: _Visitor, program: Program) -> dict[str, Any]:
    email = _field(form, "email")
    friend = {"id": _customer_id(email), "email": email}
    friend |= {name: form[name] for name in ("name", "locale") if form.get(name)}
    document: dict[str, Any] = {"program": program.program_id, "friend": friend}
    if visitor.click:
        document["click"] = visitor.click
    if form.get("code"):
        document["code"] = form["code"]
    return document


def _purchase(form: dict[str, str], _visitor: _Visitor, program: Program) -> dict[str, Any]:
    return {
        "program": program.program_id,
        "order_id": _field(form, "order_id"),
        "friend": {"id": _customer_id(_field(form, "email"))},
        "amount_minor": _amount_minor(form, program.currency),
        "currency": program.currency,
    }


def _refund(form: dict[str, str], _visitor: _Visitor, program: Program) -> dict[str, Any]:
    return {
        "program": program.program_id,
        "order_id": _field(form, "order_id"),
        "refund_id": _field(form, "refund_id"),
        "amount_minor": _amount_minor(form, program.currency),
        "currency": program.currency,
    }


def _redemption(form: dict[str, str], _visitor: _Visitor, program: Program) -> dict[str, Any]:
    _field(form, "email")
    document: dict[str, Any] = {
        "program": program.program_id,
        "redemption_id": _field(form, "redemption_id"),
    }
    if form.get("item"):
        return {**document, "item": form["item"]}
    amount_minor = _amount_minor(form, program.currency)
    return {**document, "amount_minor": amount_minor, "currency": program.currency}


_DOCUMENTS = {
    "signup": _signup,
    "purchase": _purchase,
    "refund": _refund,
    REDEMPTION: _redemption,
}


def _customer_id(email: str) -> str:
    """Give the shop's id of a customer, so that it needs no memory but that of the story."""
    known = CUSTOMERS.get(email.casefold())
    if known is not None:
        return known
    digest = hashlib.sha256(email.casefold().encode(errors="replace")).hexdigest()
    return f"web-{digest[:10]}"
