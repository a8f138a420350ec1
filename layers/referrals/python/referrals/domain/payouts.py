"""Payouts: when available cash is sent, how much it must be, and by whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from referrals.domain.errors import Fault


class PayoutProvider(StrEnum):
    """Who pays: a bank, by a file that people upload; or a provider with the API of Tremendous."""

    BANK = "bank"
    TREMENDOUS = "tremendous"


class PayoutSchedule(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


# What a provider pays from unless the terms say other: the money that was sent there beforehand.
BALANCE = "balance"
# A month has 28 days at least.
_LAST_DAYS: Mapping[PayoutSchedule, int] = {PayoutSchedule.WEEKLY: 7, PayoutSchedule.MONTHLY: 28}


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutTerms:
    """How a program pays cash out.

    What an advocate has available is sent on the day once it comes to `minimum_minor`. `on_day` is
    a day of the week (1 is Monday) or of the month (1 to 28); a daily schedule has none. `products`
    and `campaign_id` are the provider's, of which one is needed.
    """

    provider: PayoutProvider = PayoutProvider.BANK
    every: PayoutSchedule = PayoutSchedule.MONTHLY
    on_day: int = 1
    minimum_minor: int = 0
    campaign_id: str | None = None
    products: tuple[str, ...] = ()
    funding_source: str = BALANCE

    def is_due_on(self, day: date) -> bool:
        """Whether what is available is sent on a day, of the UTC calendar."""
        match self.every:
            case PayoutSchedule.DAILY:
                return True
            case PayoutSchedule.WEEKLY:
                return day.isoweekday() == self.on_day
            case PayoutSchedule.MONTHLY:
                return day.day == self.on_day


def payout_faults(terms: PayoutTerms, path: str) -> Iterator[Fault]:
    """Name everything in the terms of payouts that contradicts itself."""
    last = _LAST_DAYS.get(terms.every)
    if last is None and terms.on_day != 1:
        yield Fault(field=f"{path}.on_day", says="is for weekly and monthly payouts, not for daily")
    if last is not None and not 1 <= terms.on_day <= last:
        yield Fault(field=f"{path}.on_day", says=f"is not between 1 and {last}")
    if terms.minimum_minor < 0:
        yield Fault(field=f"{path}.minimum_minor", says="is negative")
    if terms.provider is PayoutProvider.BANK:
        yield from _bank_faults(terms, path)
    elif bool(terms.products) == bool(terms.campaign_id):
        yield Fault(field=path, says="needs either `products` or `campaign_id`")
    if len(set(terms.products)) != len(terms.products):
        yield Fault(field=f"{path}.products", says="names one twice")


def _bank_faults(terms: PayoutTerms, path: str) -> Iterator[Fault]:
    for name, is_set in (
        ("campaign_id", terms.campaign_id is not None),
        ("products", bool(terms.products)),
        ("funding_source", terms.funding_source != BALANCE),
    ):
        if is_set:
            yield Fault(field=f"{path}.{name}", says="is for tremendous, not for a bank")
