"""The systems outside, served on this machine, and what we call them with."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from infra.local.fakes import Conduct, Fakes
from infra.local.gateway import Gateway, GatewayServer, Page, PageRequest, PageResponse
from infra.local.pages import fakes as pages
from infra.local.pages.rendering import guarded
from referrals import outbound
from referrals.domain.ids import DispatchId
from referrals.domain.providers import Asking, Provider, Recipient
from referrals.fulfil.partners import Partner, partner_secret
from referrals.fulfil.tremendous import Tremendous
from referrals.runtime import clock

OUTGOING = "an outgoing key of this test suite"
API_KEY = "an API key of this test suite"
ANNA = Recipient(name="Anna Petrova", email="anna@customer.example")
# a late answer comes after one second, and nobody waits half of it
SLOW_S, PATIENCE_S = 1.0, 0.4
FAKES = (Fakes.PAYER, Fakes.PARTNERS, Fakes.RECEIVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Both providers and the fakes behind them."""

    base_url: str
    nowhere: str  # an address where nobody listens
    fakes: Fakes
    payer: Tremendous
    partner: Partner


class Host:
    """Serves fakes on one port; each test gets its own, because to stop a server takes long."""

    def __init__(self) -> None:
        self.fakes: Fakes | None = None
        mounts = {prefix: self._page(prefix) for prefix in FAKES}
        mounts["/fakes"] = guarded(self._books)
        self.server = GatewayServer(Gateway({}, pages=mounts))
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.nowhere = f"127.0.0.1:{closed.getsockname()[1]}"

    def _page(self, prefix: str) -> Page:
        def page(request: PageRequest) -> PageResponse:
            return self._standing().mounts[prefix](request)

        return page

    def _books(self, request: PageRequest) -> PageResponse:
        return pages.page(self._standing())(request)

    def _standing(self) -> Fakes:
        assert self.fakes is not None
        return self.fakes


@contextmanager
def served(host: Host) -> Iterator[Outside]:
    """Serve fakes with empty books."""
    base_url = host.server.base_url
    host.fakes = fakes = Fakes(
        payer_key=lambda: API_KEY,
        partner_secret=lambda partner: partner_secret(OUTGOING, partner),
        slow_s=SLOW_S,
    )
    with outbound.trusting(urlsplit(base_url).netloc, host.nowhere):
        yield Outside(
            base_url=base_url,
            nowhere=f"http://{host.nowhere}",
            fakes=fakes,
            payer=Tremendous(
                base_url=f"{base_url}{Fakes.PAYER}",
                api_key=API_KEY,
                clock=clock.utc_now,
                timeout_seconds=PATIENCE_S,
            ),
            partner=Partner(
                url=f"{base_url}{Fakes.PARTNERS}/cinema/codes",
                secrets=(partner_secret(OUTGOING, "cinema"),),
                clock=clock.utc_now,
                timeout_seconds=PATIENCE_S,
            ),
        )
    fakes.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One provider, and what a test needs to know of it."""

    provider: Provider
    stranger: Provider  # the same with another key
    nowhere: Provider  # the same where nobody listens
    conduct: Conduct
    done: Callable[[str], int]
    asking: Asking


def the_payer(outside: Outside) -> Case:
    payer = outside.payer
    return Case(
        provider=payer,
        stranger=replace(payer, api_key="another key"),
        nowhere=replace(payer, base_url=outside.nowhere),
        conduct=outside.fakes.payer.conduct,
        done=outside.fakes.payer.paid,
        asking=Asking(
            dispatch_id=DispatchId("pay_1"),
            amount_minor=1_250,
            unit="EUR",
            recipient=ANNA,
            options={"funding_source": "balance", "campaign_id": "CAMPAIGN1"},
        ),
    )


def the_partner(outside: Outside) -> Case:
    partner = outside.partner
    return Case(
        provider=partner,
        stranger=replace(partner, secrets=(partner_secret(OUTGOING, "theatre"),)),
        nowhere=replace(partner, url=outside.nowhere),
        conduct=outside.fakes.partners.conduct,
        done=outside.fakes.partners.made,
        asking=Asking(
            dispatch_id=DispatchId("dsp_1"),
            amount_minor=1_250,
            unit="EUR",
            recipient=None,
            options={"program": "tea"},
        ),
    )
