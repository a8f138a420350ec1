"""How many mails bounce and are complained about, and when that is too many to go on.

SES reviews an account at 5 % bounces and 0.1 % complaints, and pauses it later (Amazon SES
Developer Guide, "Reputation metrics"): what nobody waits for stops before that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from referrals.domain.money import BASIS_POINTS

MEASURED_DAYS = 14
MEASURED = timedelta(days=MEASURED_DAYS)


class Brake(StrEnum):
    """Why only what is awaited is sent."""

    BOUNCES = "bounce_rate"
    COMPLAINTS = "complaint_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRates:
    """Mails and what came back of them, of a day or of several."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def bounced_bps(self) -> int:
        return _bps(self.bounced, self.sent)

    @property
    def complained_bps(self) -> int:
        return _bps(self.complained, self.sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """A rate that is too high, and how much there must be of either to call it a rate.

    One complaint among fewer than 1,000 mails is over 0.1 % and says nothing; three are no
    accident (at a true rate of 0.1 % one shop in 900 would see them in 200 mails).
    """

    rate_bps: int
    fewest_sent: int
    fewest_events: int

    def is_reached(self, events: int, sent: int) -> bool:
        is_enough = events >= self.fewest_events or (events > 0 and sent >= self.fewest_sent)
        return is_enough and events * BASIS_POINTS >= self.rate_bps * sent


_BOUNCES = _Limit(rate_bps=500, fewest_sent=200, fewest_events=10)
_COMPLAINTS = _Limit(rate_bps=10, fewest_sent=1_000, fewest_events=3)


def added(days: Iterable[MailRates]) -> MailRates:
    """Give the sum of several days."""
    counted = list(days)
    return MailRates(
        sent=sum(day.sent for day in counted),
        bounced=sum(day.bounced for day in counted),
        complained=sum(day.complained for day in counted),
    )


def brake_of(rates: MailRates) -> Brake | None:
    """Say whether the rates of the last 14 days stop what nobody waits for, and why."""
    if _COMPLAINTS.is_reached(rates.complained, rates.sent):
        return Brake.COMPLAINTS
    if _BOUNCES.is_reached(rates.bounced, rates.sent):
        return Brake.BOUNCES
    return None


def _bps(events: int, sent: int) -> int:
    """Give a rate in basis points, rounded down; of nothing sent it is that of one mail."""
    return events * BASIS_POINTS // max(sent, 1)
