"""Somebody follows a share link. The hottest path: at most one read, none when warm, no write."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from referrals.domain.agents import is_preview
from referrals.domain.clicks import Click, ClickKey, channel_of, sealed, visitor_hash
from referrals.domain.landings import CLICK_PARAMETER, Landing
from referrals.domain.links import LinkStatus, is_code, normalized
from referrals.store import landings, links


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """A request for a share link, as the web server saw it."""

    code: str
    agent: str
    address: str
    channel: str | None = None
    page: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOn:
    """Send the visitor to `url`; `token` is the click's, None for whoever does not count."""

    url: str
    click: Click | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPreview:
    """Show a page about the link to a link-preview agent."""

    landing: Landing


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowNotFound:
    """There is nowhere to send the visitor."""


def follow_link(
    asked: LinkRequest, *, key: ClickKey, fallback_url: str | None, now: datetime
) -> SendOn | ShowPreview | ShowNotFound:
    """Say where a share link leads: to the landing page, the program's fallback, or nowhere.

    A `page` that the visitor's link names is used when its host is allow-listed.
    """
    code = normalized(asked.code)
    link = links.find_cached(code) if is_code(code) else None
    if link is None:
        return _elsewhere(fallback_url)
    landing = landings.find_cached(link.program_id)
    if landing is None:
        return _elsewhere(fallback_url)
    if link.status is not LinkStatus.ACTIVE or not landing.is_running(now):
        return _elsewhere(landing.fallback_url or fallback_url)
    if is_preview(asked.agent):
        return ShowPreview(landing=landing)
    click = Click(
        code=link.code,
        clicked_at=now,
        channel=channel_of(asked.channel),
        visitor=visitor_hash(asked.address, asked.agent, key=key),
    )
    token = sealed(click, key=key)
    page = asked.page if asked.page and landing.allows(asked.page) else landing.landing_page
    query = urlencode({landing.link_parameter: link.code, CLICK_PARAMETER: token})
    return SendOn(url=_with_query(page, query), click=click, token=token)


def _elsewhere(url: str | None) -> SendOn | ShowNotFound:
    return SendOn(url=url) if url else ShowNotFound()


def _with_query(url: str, query: str) -> str:
    """Add to the query of an address; what it has, fragment included, stays as it is."""
    scheme, netloc, path, present, fragment = urlsplit(url)
    return urlunsplit(
        (scheme, netloc, path or "/", f"{present}&{query}" if present else query, fragment)
    )
