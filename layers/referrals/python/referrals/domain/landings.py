"""Landings: where a share link leads, and what of a program the redirect has to know for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from referrals.domain.ids import ProgramId

# The landing page gets the click token under this name, beside the code.
CLICK_PARAMETER = "click"


class ProgramStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a messenger shows of a share link (OpenGraph)."""

    title: str = ""
    description: str = ""
    image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where a share link leads; the only part of a program that the redirect reads."""

    program_id: ProgramId
    status: ProgramStatus
    landing_page: str
    allowed_hosts: tuple[str, ...]
    fallback_url: str | None = None
    link_parameter: str = "via"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    preview: Preview = Preview()

    def is_running(self, now: datetime) -> bool:
        """Whether the program is on at `now`: active, started, and not at its end yet."""
        has_started = self.starts_at is None or self.starts_at <= now
        has_ended = self.ends_at is not None and self.ends_at <= now
        return self.status is ProgramStatus.ACTIVE and has_started and not has_ended

    def allows(self, url: str) -> bool:
        """Whether a link may lead to `url`: http(s), no user part, an allowed host and port."""
        return is_web_address(url) and urlsplit(url).netloc.lower() in self.allowed_hosts


def is_web_address(url: str) -> bool:
    """Whether `url` is an absolute http(s) address that is safe to put into a header."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
