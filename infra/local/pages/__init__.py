"""Pages of the local cloud: what is running, the mails, a small shop, the systems outside."""

from collections.abc import Mapping
from pathlib import Path

from infra.local.cloud import LocalCloud
from infra.local.gateway import Page, PageRequest, PageResponse
from infra.local.pages import fakes, inbox, index, shop
from infra.local.pages.rendering import guarded, rendered, require
from infra.local.replay import Replayed
from infra.local.shop_backend import ShopBackend

__all__ = ["Page", "Site"]

_STYLE = Path(__file__).with_name("demo.css")


class Site:
    """The pages of one cloud. Until it is opened they ask for a moment's patience."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._pages: dict[str, Page] = {}

    @property
    def mounts(self) -> Mapping[str, Page]:
        """Give the pages by the prefix they are served below."""
        return {
            "/": guarded(self._at("/")),
            "/inbox": guarded(self._at("/inbox")),
            "/shop": guarded(self._at("/shop")),
            "/fakes": guarded(self._at("/fakes")),
            "/demo.css": guarded(_style),
        }

    def open(self, backend: ShopBackend, *, checks: int, history: Replayed | None) -> None:
        """Let people in, once the story is played."""
        self._pages = {
            "/": index.page(self._cloud, backend, checks=checks, history=history),
            "/inbox": inbox.page(self._cloud),
            "/shop": shop.page(backend),
            "/fakes": fakes.page(self._cloud.fakes),
        }

    def _at(self, prefix: str) -> Page:
        def page(request: PageRequest) -> PageResponse:
            open_page = self._pages.get(prefix)
            return open_page(request) if open_page else _patience()

        return page


def _patience() -> PageResponse:
    return rendered(
        "message", refresh_s=1, heading="Just a moment", says="The story is being played."
    )


def _style(request: PageRequest) -> PageResponse:
    require(request, "GET", "HEAD")
    headers = {"Content-Type": "text/css; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return PageResponse(body=_STYLE.read_bytes(), headers=headers)
