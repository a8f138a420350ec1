"""Looks at a conversion that is about to be credited with the eyes of the fraud rules."""

from datetime import datetime

from referrals.domain.conversions import Conversion
from referrals.domain.fraud.runner import flags_of, verdict
from referrals.domain.fraud.terms import Flag, FraudMode, FraudTerms
from referrals.domain.programs import TouchKind
from referrals.domain.referrals import Referral
from referrals.domain.reports import CustomerDetails, ReportedSignals
from referrals.store import people
from referrals.usecases.fraud_signals import Occasion, gather, remember
from referrals.usecases.keys import Keys


def watch(
    conversion: Conversion,
    referral: Referral,
    *,
    is_new_friend: bool,
    told: CustomerDetails,
    reported: ReportedSignals,
    terms: FraudTerms,
    keys: Keys,
    now: datetime,
) -> tuple[tuple[Flag, ...], FraudMode]:
    """Give the flags of a conversion and what they come to; no call when every rule is off."""
    if _is_off(terms):
        return (), FraudMode.OFF
    clicks = [
        touch.at
        for touch in conversion.touches
        if touch.kind is TouchKind.CLICK and touch.advocate_id == referral.advocate_id
    ]
    occasion = Occasion(
        friend_id=conversion.friend_id,
        advocate_id=referral.advocate_id,
        advocate=people.find(referral.advocate_id),
        occurred_at=conversion.occurred_at,
        clicked_at=max(clicks, default=None),
        is_new_friend=is_new_friend,
    )
    signals = gather(told, reported, occasion=occasion, terms=terms, keys=keys, now=now)
    flags = flags_of(signals, terms)
    return flags, verdict(flags)


def keep_in_mind(
    conversion: Conversion,
    *,
    told: CustomerDetails,
    reported: ReportedSignals,
    terms: FraudTerms,
    keys: Keys,
    now: datetime,
) -> None:
    """Note what somebody was seen with whom nobody brought; no call when every rule is off.

    An advocate's card is known by what the advocate bought.
    """
    if not _is_off(terms):
        remember(told, reported, person_id=conversion.friend_id, terms=terms, keys=keys, now=now)


def _is_off(terms: FraudTerms) -> bool:
    return all(mode is FraudMode.OFF for mode in terms.modes.values())
