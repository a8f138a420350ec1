"""Share links: a friend follows one and arrives at once, with the offer applied."""

from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from chalice import Response

from referrals import settings
from referrals.domain.landings import Landing
from referrals.runtime import click_log, clock
from referrals.runtime.problems import ProblemApp
from referrals.runtime.secrets import click_keys
from referrals.usecases.follow_link import LinkRequest, SendOn, ShowPreview, follow_link

app = ProblemApp("link_redirect")
click_log.write_to_stdout()
if settings.is_in_lambda():
    click_keys()  # while the process starts, so that the first friend does not wait for it

_NEVER_KEPT = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_PAGE = {**_NEVER_KEPT, "Content-Type": "text/html; charset=utf-8"}


@app.route("/{code}", methods=["GET", "HEAD"])
def follow(code: str) -> Response:
    """Send a friend on; show a page about the link to a link-preview agent."""
    request: Any = app.current_request
    headers, query = request.headers, request.query_params or {}
    asked = LinkRequest(
        code=unquote(code),  # a REST API hands path parameters on as they were sent
        agent=headers.get("user-agent", ""),
        address=request.context.get("identity", {}).get("sourceIp", ""),
        channel=query.get("ch"),
        page=query.get("to"),
    )
    answer = follow_link(
        asked,
        key=click_keys()[0],
        fallback_url=settings.fallback_url(),
        now=clock.utc_now(),
    )
    match answer:
        case SendOn(url=url, click=click):
            if click is not None and request.method == "GET":
                is_prefetch = "prefetch" in headers.get("sec-purpose", headers.get("purpose", ""))
                click_log.write(click, agent=asked.agent, is_prefetch=is_prefetch)
            return _page("", HTTPStatus.FOUND, {**_NEVER_KEPT, "Location": url})
        case ShowPreview(landing=landing):
            return _page(_preview(landing), HTTPStatus.OK, _PAGE)
        case _:
            return _page(_NOT_FOUND, HTTPStatus.NOT_FOUND, _PAGE)


def _page(body: str, status: HTTPStatus, headers: dict[str, str]) -> Response:
    return Response(body=body, status_code=status.value, headers=headers)


def _preview(landing: Landing) -> str:
    """Tell a messenger what to show: title, text and picture, and nothing to follow or to run."""
    preview = landing.preview
    tags = {
        "og:type": "website",
        "og:title": preview.title,
        "og:description": preview.description,
        "og:image": preview.image_url,
        "twitter:card": "summary_large_image" if preview.image_url else "summary",
    }
    metas = "".join(
        f'<meta property="{name}" content="{escape(value)}">'
        for name, value in tags.items()
        if value
    )
    title, description = escape(preview.title), escape(preview.description)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title>{metas}'
        f"</head><body><h1>{title}</h1><p>{description}</p></body></html>"
    )


_NOT_FOUND = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Link not found</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><style>'
    "body{font:18px/1.5 system-ui,sans-serif;color:#2b2b33;background:#faf7f2;display:grid;"
    "place-content:center;min-height:90vh;margin:0;padding:2rem;text-align:center}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1d1b20}}</style></head>"
    "<body><h1>This link leads nowhere (any more)</h1>"
    "<p>It may be mistyped, or its program is over. Ask whoever gave it to you.</p></body></html>"
)
