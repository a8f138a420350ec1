"""The story of one referral and of rewards that arrive, over HTTP, with every number checked.

It begins seventeen days ago and ends now: the clock is moved, nobody waits. Amounts are literal, so
that the story is also the shortest test of the whole system.
"""

from infra.local.cloud import LocalCloud
from infra.local.shop_backend import ShopBackend
from infra.local.story.arrivals import Arrivals
from infra.local.story.checks import Check, StoryFailedError
from infra.local.story.messages import Messages
from infra.local.story.referral import Referral
from infra.local.story.stage import Stage
from infra.local.story.terms import (
    ADVOCATE,
    ANNA_MAIL,
    CLUB,
    CLUB_CODE,
    CODE,
    CUSTOMERS,
    FRIEND,
    LASTS,
    PROGRAM,
    advocate_standing,
)
from infra.local.telling import Telling
from referrals.runtime import clock

__all__ = [
    "ADVOCATE",
    "ANNA_MAIL",
    "CLUB",
    "CLUB_CODE",
    "CODE",
    "CUSTOMERS",
    "FRIEND",
    "LASTS",
    "PROGRAM",
    "Check",
    "Story",
    "StoryFailedError",
    "advocate_standing",
]


class Story:
    """The whole story in a running cloud; `play` tells it and gives its checks, which all held."""

    def __init__(self, cloud: LocalCloud, shop: ShopBackend, telling: Telling) -> None:
        self._stage = Stage(cloud, shop, telling)

    def play(self) -> list[Check]:
        """Play every step; StoryFailedError names what differed from what was expected."""
        stage = self._stage
        clock.set_source(lambda: stage.now)
        try:
            for act in (Referral(stage), Arrivals(stage), Messages(stage)):
                act.play()
        finally:
            # whoever calls from now on signs with the real time
            clock.set_source(None)
        differences = [check.difference for check in stage.checks if not check.holds]
        if differences:
            raise StoryFailedError(differences)
        return stage.checks
