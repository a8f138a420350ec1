"""The first page: what is running, how the story ended in numbers, what to try."""

import re

from infra.local.cloud import LocalCloud
from infra.local.gateway import Page, PageRequest, PageResponse
from infra.local.pages.rendering import rendered, require
from infra.local.replay import Replayed
from infra.local.shop_backend import ShopBackend
from infra.local.story import (
    ADVOCATE,
    ANNA_MAIL,
    CLUB,
    CLUB_CODE,
    CODE,
    FRIEND,
    PROGRAM,
    advocate_standing,
)

_PREFERENCES = re.compile(r"http://[^/\s]+(/portal/preferences/\S+)")


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
            club_code=CLUB_CODE,
            standings={
                "the tea shop": advocate_standing(PROGRAM),
                "the club": advocate_standing(CLUB),
            },
            mails=len(cloud.mails()),
            preferences_path=_preferences_path(cloud),
            curls=curl_examples(backend),
        )

    return index


def _preferences_path(cloud: LocalCloud) -> str | None:
    """Find the page behind the link at the foot of the advocate's mails."""
    found = (
        _PREFERENCES.search(mail.text)
        for mail in reversed(cloud.mails())
        if mail.to == (ANNA_MAIL,)
    )
    return next((match[1] for match in found if match), None)


def curl_examples(backend: ShopBackend) -> list[str]:
    """Give commands to copy: set the key, follow the link, buy again, spend, look up."""
    order = (
        f'{{"program":"{PROGRAM}","order_id":"A-1002","friend":{{"id":"{FRIEND}"}},'
        '"amount_minor":3000,"currency":"EUR"}'
    )
    bearer = '-H "Authorization: Bearer $KEY"'
    spent = f'{{"program":"{PROGRAM}","redemption_id":"B-2003","amount_minor":20,"currency":"EUR"}}'
    post = f"{bearer} -H 'Content-Type: application/json'"
    advocate = f"{backend.base_url}/api/advocates/{ADVOCATE}"
    return [
        f"KEY={backend.api_key}",
        f"curl -si {backend.base_url}/r/{CODE}",
        f"curl -s {backend.base_url}/hooks/purchase {post} -d '{order}'",
        f"curl -s {advocate}/redemptions {post} -d '{spent}'",
        f"curl -s '{advocate}?program={PROGRAM}' {bearer}",
    ]
