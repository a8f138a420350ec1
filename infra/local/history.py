"""What happened in a shop, day by day: real orders and refunds, and invented recommendations.

The orders are those of the Online Retail data set (see examples/data/README.md). Who recommended
whom is not in it and is made up here, with a seed: the same files and the same seed give the same
history. Nothing here touches the system; infra/local/replay.py plays it.
"""

import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from infra.manifest import ROOT

DATA = ROOT / "examples" / "data"
ORDERS = DATA / "orders_2010-12_to_2011-05.csv.gz"
ORDERS_AND_REFUNDS = DATA / "orders_and_refunds_2010-12.csv.gz"
MOST_DAYS = 182  # from 1 December 2010 to 31 May 2011
SEED = 2011

REFERRED_SHARE = 0.35
# in a play, where each referral costs some seventy calls of local services: ninety days in a minute
PLAYED_SHARE = 0.2
# how often a recommendation comes from somebody who has recommended before: it makes few bring many
_FAME = 0.7
_ENROLLED_WITHOUT_FRIENDS = 0.03
_CLICKS_THAT_LEAD_NOWHERE = 2
_OPEN_FROM, _OPEN_FOR = time(8, 0), timedelta(hours=10)
_MINUTE, _MOMENT = timedelta(minutes=1), timedelta(milliseconds=1)
_LONGEST_THOUGHT = timedelta(days=3)
_CHANNELS = ("whatsapp", "email", "copy", "facebook", "qr", "telegram")


class EntryKind(StrEnum):
    ORDER = "order"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One real order; `amount_minor` is pence."""

    order_id: str
    ordered_on: date
    customer_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One real order, or one refund of an order, to the minute."""

    kind: EntryKind
    entry_id: str
    at: datetime
    customer_id: str
    order_id: str
    amount_minor: int
    country: str


def read_orders(path: Path = ORDERS) -> list[Order]:
    """Read orders that are known to the day, in the order in which they were placed."""
    return [
        Order(
            order_id=row["order_id"],
            ordered_on=date.fromisoformat(row["ordered_on"]),
            customer_id=row["customer_id"],
            amount_minor=int(row["amount_minor"]),
        )
        for row in _rows(path)
    ]


def read_orders_and_refunds(path: Path = ORDERS_AND_REFUNDS) -> list[Entry]:
    """Read orders and refunds that are known to the minute, the earliest first."""
    entries = [
        Entry(
            kind=EntryKind(row["kind"]),
            entry_id=row["id"],
            at=datetime.fromisoformat(row["at"]).replace(tzinfo=UTC),
            customer_id=row["customer_id"],
            order_id=row["order_id"],
            amount_minor=int(row["amount_minor"]),
            country=row["country"],
        )
        for row in _rows(path)
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def invented_referrals(
    customers: Iterable[str], seed: int, *, share: float = REFERRED_SHARE
) -> dict[str, str]:
    """Invent who recommended whom: friends by id, each with the advocate's id.

    `customers` come in the order of their first purchase; about `share` of them were recommended,
    always by somebody who came before. Advocates who brought many are the likelier to bring more
    (preferential attachment), so a few bring many and most bring none.
    """
    rng = random.Random(seed)
    earlier: list[str] = []
    brought: list[str] = []  # one entry a friend: drawing from it favours who brought many
    referrals: dict[str, str] = {}
    for customer in dict.fromkeys(customers):
        if earlier and rng.random() < share:
            famous = brought and rng.random() < _FAME
            advocate = rng.choice(brought if famous else earlier)
            referrals[customer] = advocate
            brought.append(advocate)
        earlier.append(customer)
    return referrals


# what happens


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A customer becomes an advocate."""

    at: datetime
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Somebody follows an advocate's link; `friend_id` None when nothing comes of it."""

    at: datetime
    advocate_id: str
    visitor: str
    channel: str
    friend_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """A friend signs up with the click they came by."""

    at: datetime
    friend_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A customer buys; `is_referred` when they came on a recommendation."""

    at: datetime
    order_id: str
    customer_id: str
    amount_minor: int
    is_referred: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """The shop gives part of an order back, or all of it."""

    at: datetime
    refund_id: str
    order_id: str
    amount_minor: int
    is_referred: bool


Happening = Enrolled | Followed | SignedUp | Bought | Refunded


def happenings(
    days: int,
    *,
    seed: int = SEED,
    share: float = PLAYED_SHARE,
    orders: Path = ORDERS,
    orders_and_refunds: Path = ORDERS_AND_REFUNDS,
) -> list[Happening]:
    """Give the first `days` days of the shop at their real dates, the earliest happening first."""
    known = read_orders(orders)
    end = datetime.combine(known[0].ordered_on, time(), UTC) + timedelta(days=days)
    entries = read_orders_and_refunds(orders_and_refunds)
    # a source of chance for each thing, so that a change in one leaves the others alone
    bought = _purchases(known, entries, random.Random(f"{seed} times"))
    bought = [each for each in bought if each.at < end]
    referrals = invented_referrals((each.customer_id for each in bought), seed, share=share)
    bought = [replace(each, is_referred=each.customer_id in referrals) for each in bought]
    happened: list[Happening] = [
        *bought,
        *_refunds(bought, entries, random.Random(f"{seed} refunds")),
        *_recommendations(bought, referrals, random.Random(f"{seed} links")),
    ]
    return sorted((each for each in happened if each.at < end), key=lambda each: each.at)


def _purchases(
    orders: Sequence[Order], entries: Sequence[Entry], rng: random.Random
) -> list[Bought]:
    """Give each order a moment, in its real minute or in opening hours, in their sequence."""
    minutes = {each.order_id: each.at for each in entries if each.kind is EntryKind.ORDER}
    by_day: defaultdict[date, list[Order]] = defaultdict(list)
    for order in orders:
        by_day[order.ordered_on].append(order)
    bought = []
    for day, placed in by_day.items():
        invented = sorted(rng.random() for _ in placed)
        for order, part in zip(placed, invented, strict=True):
            minute = minutes.get(order.order_id)
            opening = datetime.combine(day, _OPEN_FROM, UTC)
            bought.append(
                Bought(
                    at=minute + part * _MINUTE if minute else opening + part * _OPEN_FOR,
                    order_id=order.order_id,
                    customer_id=order.customer_id,
                    amount_minor=order.amount_minor,
                    is_referred=False,
                )
            )
    return sorted(bought, key=lambda each: each.at)


def _refunds(
    bought: Sequence[Bought], entries: Sequence[Entry], rng: random.Random
) -> Iterator[Refunded]:
    """Give the real refunds, and later orders refunds of the same shares, delays and frequency."""
    orders = {each.order_id: each for each in bought}
    real = [each for each in entries if each.kind is EntryKind.REFUND and each.order_id in orders]
    for refund in real:
        yield Refunded(
            at=refund.at + _MINUTE,
            refund_id=refund.entry_id,
            order_id=refund.order_id,
            amount_minor=refund.amount_minor,
            is_referred=orders[refund.order_id].is_referred,
        )
    placed = {each.order_id: each for each in entries if each.kind is EntryKind.ORDER}
    samples = [
        (each.amount_minor / placed[each.order_id].amount_minor, each.at - placed[each.order_id].at)
        for each in entries
        if each.kind is EntryKind.REFUND
    ]
    for order in bought:
        if order.order_id in placed or rng.random() >= len(samples) / len(placed):
            continue
        share, delay = rng.choice(samples)
        yield Refunded(
            at=order.at + delay,
            refund_id=f"C-{order.order_id}",
            order_id=order.order_id,
            amount_minor=max(1, round(order.amount_minor * share)),
            is_referred=order.is_referred,
        )


def _recommendations(
    bought: Sequence[Bought], referrals: Mapping[str, str], rng: random.Random
) -> Iterator[Happening]:
    """Give enrolments, clicks and sign-ups, each in its place before the friend's first order."""
    first: dict[str, datetime] = {}
    for purchase in bought:
        first.setdefault(purchase.customer_id, purchase.at)
    advocates = set(referrals.values())
    for customer, at in first.items():
        if customer in advocates or rng.random() < _ENROLLED_WITHOUT_FRIENDS:
            yield Enrolled(at=at + _MOMENT, customer_id=customer)
    for friend, advocate in referrals.items():
        yield from _journey(friend, advocate, first[advocate], first[friend], rng)


def _journey(
    friend: str, advocate: str, recommended_from: datetime, bought_at: datetime, rng: random.Random
) -> Iterator[Happening]:
    """Give one friend's way to the shop, and the clicks of others who went away again."""
    begins = max(recommended_from + 2 * _MOMENT, bought_at - _LONGEST_THOUGHT)
    # three moments between the recommendation and the order, wherever there is time
    clicked, signed_up = sorted(rng.random() for _ in range(2))
    way = bought_at - begins
    channel = rng.choice(_CHANNELS)
    for number in range(round(rng.expovariate(1 / _CLICKS_THAT_LEAD_NOWHERE))):
        yield Followed(
            at=begins + rng.random() * way,
            advocate_id=advocate,
            visitor=f"{friend} {number}",
            channel=channel,
            friend_id=None,
        )
    yield Followed(
        at=begins + clicked * way,
        advocate_id=advocate,
        visitor=friend,
        channel=channel,
        friend_id=friend,
    )
    yield SignedUp(at=begins + signed_up * way, friend_id=friend)
