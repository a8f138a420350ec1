"""How pages are answered: rendered with everything escaped, under a policy that runs no script."""

import json
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.local.gateway import Page, PageRequest, PageResponse
from referrals.domain.money import written

_MOST_FORM_BYTES = 16 * 1024
# no script anywhere, nothing from elsewhere, and nobody may put a page into a frame of theirs
POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class PageRefusedError(Exception):
    """A request that a page does not serve, whatever it was sent by."""

    def __init__(self, status: HTTPStatus, says: str) -> None:
        super().__init__(says)
        self.status, self.says = status, says


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["money"] = written
    templates.filters["moment"] = moment
    templates.filters["pretty"] = pretty
    return templates


def moment(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M}"


def pretty(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def rendered(
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    cookie: str | None = None,
    refresh_s: int | None = None,
    **values: Any,
) -> PageResponse:
    """Render a template of this folder by its name without the ending."""
    headers = dict(_HEADERS)
    if cookie is not None:
        headers["Set-Cookie"] = cookie
    if refresh_s is not None:
        headers["Refresh"] = str(refresh_s)
    body = _templates().get_template(f"{template}.html.jinja").render(values)
    # half a character from a browser must not end in an error: it becomes a question mark
    return PageResponse(body=body.encode(errors="replace"), status=status.value, headers=headers)


def guarded(page: Page) -> Page:
    """Turn a page's refusals into pages."""

    def answered(request: PageRequest) -> PageResponse:
        try:
            return page(request)
        except PageRefusedError as refusal:
            return rendered(
                "message",
                status=refusal.status,
                heading=refusal.status.phrase,
                says=refusal.says,
            )

    return answered


def require(request: PageRequest, *methods: str) -> None:
    """Refuse any other method."""
    if request.method not in methods:
        raise PageRefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED, f"this page takes {' and '.join(methods)} only"
        )


def not_found() -> PageRefusedError:
    return PageRefusedError(HTTPStatus.NOT_FOUND, "there is no such page")


def read_form(request: PageRequest) -> dict[str, str]:
    """Read the fields of a form of one of these pages, the last value of each."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "the form is not from here")
    if len(request.body) > _MOST_FORM_BYTES:
        raise PageRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too long")
    try:
        fields = parse_qs(
            request.body.decode(), keep_blank_values=True, max_num_fields=20, errors="replace"
        )
    except ValueError as error:
        raise PageRefusedError(HTTPStatus.BAD_REQUEST, "the form cannot be read") from error
    return {name: values[-1].strip() for name, values in fields.items()}


def last(request: PageRequest, name: str) -> str:
    """Give the last value of a query's parameter, empty without one."""
    return (request.query.get(name) or [""])[-1]
