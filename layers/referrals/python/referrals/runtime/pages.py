"""Pages of the portal: HTML in somebody's language, styles of our own, nothing that runs.

Their addresses hold a token that lets in whoever has it, so no page is kept, indexed, framed, or
named to another site.
"""

import base64
import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path

from chalice import Response
from markupsafe import Markup

from referrals.notify.words import environment

_TEMPLATES = Path(__file__).parent / "templates"


def page(
    name: str, *, language: str, status: HTTPStatus = HTTPStatus.OK, **shown: object
) -> Response:
    """Answer with a page; whatever is shown in it is escaped."""
    template = environment(language, _TEMPLATES).get_template(f"{name}.html.jinja")
    styles = _styles()
    # ours, and without a sign that HTML reads differently
    body = template.render(language=language, css=Markup(styles), **{"shop": "", **shown})  # noqa: S704
    return Response(body=body, status_code=status.value, headers=_headers(language))


@cache
def _styles() -> str:
    return (_TEMPLATES / "portal.css.jinja").read_text(encoding="utf-8")


@cache
def _headers(language: str) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(_styles().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": language,
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }
