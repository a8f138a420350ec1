"""Providers outside, made from settings, secrets and the terms of programs."""

from referrals import settings
from referrals.domain.dispatches import Dispatch
from referrals.domain.payouts import PayoutProvider
from referrals.domain.providers import Provider
from referrals.fulfil.partners import Partner, partner_secret
from referrals.fulfil.tremendous import Tremendous
from referrals.runtime import clock
from referrals.runtime.secrets import secret
from referrals.store import programs


def provider_of(dispatch: Dispatch) -> Provider | None:
    """Give whom to ask for a dispatch; None when no address of theirs is known.

    A partner is where the live terms say, so that an address that was mended is used.
    """
    if dispatch.partner is None:
        return payout_provider() if dispatch.provider == PayoutProvider.TREMENDOUS else None
    partners = programs.get_live(dispatch.program_id).partners
    terms = partners.get(dispatch.partner)
    if terms is None:
        return None
    keys = secret("outgoing_key").values
    secrets = tuple(partner_secret(key, dispatch.partner) for key in keys)
    return Partner(url=terms.url, secrets=secrets, clock=clock.utc_now)


def payout_provider() -> Provider | None:
    """Give the provider that pays cash out; None when people do, by bank."""
    url = settings.payout_provider_url()
    if url is None:
        return None
    key = secret("payout_provider").current
    return Tremendous(base_url=url.rstrip("/"), api_key=key, clock=clock.utc_now)
