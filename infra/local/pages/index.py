"""The first page: what is running, how the story ended in numbers, what to try."""

from infra.local.cloud import LocalCloud
from infra.local.gateway import Page, PageRequest, PageResponse
from infra.local.pages.rendering import rendered, require
from infra.local.replay import Replayed
from infra.local.shop_backend import ShopBackend
from infra.local.story import ADVOCATE, CODE, FRIEND, PROGRAM, advocate_standing


def page(cloud: LocalCloud, backend: ShopBackend, *, checks: int, history: Replayed | None) -> Page:
    """Give the page; it reads the advocate's numbers anew each time."""

    def index(request: PageRequest) -> PageResponse:
        require(request, "GET", "HEAD")
        return rendered(
            "index",
            base_url=backend.base_url,
            code=CODE,
            checks=checks,
            history=history,
            standing=advocate_standing(),
            mails=len(cloud.mails()),
            curls=curl_examples(backend),
        )

    return index


def curl_examples(backend: ShopBackend) -> list[str]:
    """Give commands to copy: set the key, follow the link, buy again, look up the advocate."""
    order = (
        f'{{"program":"{PROGRAM}","order_id":"A-1002","friend":{{"id":"{FRIEND}"}},'
        '"amount_minor":3000,"currency":"EUR"}'
    )
    bearer = '-H "Authorization: Bearer $KEY"'
    purchase = f"{backend.base_url}/hooks/purchase {bearer} -H 'Content-Type: application/json'"
    return [
        f"KEY={backend.api_key}",
        f"curl -si {backend.base_url}/r/{CODE}",
        f"curl -s {purchase} -d '{order}'",
        f"curl -s '{backend.base_url}/api/advocates/{ADVOCATE}?program={PROGRAM}' {bearer}",
    ]
