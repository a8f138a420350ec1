"""Plays a history through the real use cases, day by day, with the clock set to each moment.

The shop reports everything, as one does that does not ask first who was recommended: the order of a
customer whom nobody brought is kept, waits for a sign-up, and earns nothing.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from infra.local.cloud import LocalCloud
from infra.local.history import (
    PLAYED_SHARE,
    SEED,
    Bought,
    Enrolled,
    Followed,
    Happening,
    Refunded,
    SignedUp,
    happenings,
)
from infra.local.story import LASTS
from infra.local.telling import Telling
from infra.manifest import ROOT
from referrals.cli.documents import read_program_file
from referrals.domain.decisions import Outcome
from referrals.domain.ids import PersonId, ProgramId, person_id
from referrals.domain.ledger import expense_of
from referrals.domain.money import written
from referrals.domain.verification import Findings
from referrals.runtime import click_log, clock
from referrals.runtime.bodies import AdvocateBody, Customer, PurchaseHook, RefundHook, SignupHook
from referrals.runtime.secrets import keys
from referrals.store import rewards
from referrals.usecases.apply_program import apply_program
from referrals.usecases.enrol_advocate import enrol_advocate
from referrals.usecases.follow_link import LinkRequest, SendOn, follow_link
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_refund import record_refund
from referrals.usecases.record_signup import record_signup
from referrals.usecases.verify_ledger import verify_ledger

PROGRAM = ProgramId("gifts")
UNIT = "GBP"
_TERMS = ROOT / "examples" / "programs" / "gifts.yaml"
_DELIVERED_EVERY = timedelta(hours=6)
_TOP = 5
_AGENT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
_FIRST_NAMES = (
    *("Ada", "Agnes", "Alfred", "Alice", "Arthur", "Beatrix", "Cecil", "Clara", "Dora", "Edith"),
    *("Edwin", "Elsie", "Ernest", "Ethel", "Flora", "Frank", "George", "Grace", "Harold", "Hazel"),
    *("Ida", "Iris", "Ivy", "Jack", "Kate", "Leonard", "Lily", "Mabel", "Maud", "Nora"),
    *("Olive", "Oscar", "Percy", "Ralph", "Rose", "Ruby", "Sybil", "Violet", "Walter", "Winifred"),
)
_SURNAMES = (
    *("Abbott", "Barker", "Birch", "Carter", "Dale", "Ellis", "Finch", "Gray", "Hale", "Hobbs"),
    *("Kirby", "Lamb", "Marsh", "Nash", "Oakes", "Page", "Quill", "Reed", "Shaw", "Thorne"),
    *("Underhill", "Vale", "Webb", "Woods", "York"),
)


class HistoryNotSoundError(Exception):
    """After a history the books do not add up; `differences` name every fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.differences = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """An advocate who brought many."""

    name: str
    code: str
    friends: int
    earned_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A history in numbers; `orders` are all of the shop's, `purchases` those of friends."""

    days: int
    orders: int
    purchases: int
    refunds: int
    advocates: int
    clicks: int
    referrals: int
    rewards: Mapping[str, int]
    cost_minor: int
    unit: str
    journals: int
    top: tuple[Top, ...]
    seconds: float


def customer(customer_id: str) -> Customer:
    """Give a customer a name and an address; the same number always gets the same."""
    digest = hashlib.sha256(customer_id.encode()).digest()
    first = _FIRST_NAMES[digest[0] % len(_FIRST_NAMES)]
    last = _SURNAMES[digest[1] % len(_SURNAMES)]
    email = f"{first}.{last}.{customer_id}@customers.example".lower()
    return Customer(id=customer_id, email=email, name=f"{first} {last}", locale="en-GB")


@dataclass(slots=True)
class _Shop:
    """What the shop remembers while history happens to it."""

    codes: dict[str, str] = field(default_factory=dict)
    clicks: dict[str, str] = field(default_factory=dict)
    friends: Counter[str] = field(default_factory=Counter)

    def live_through(self, happened: Happening, *, now: datetime) -> None:
        match happened:
            case Enrolled():
                self._enrol(happened, now)
            case Followed():
                self._follow(happened, now)
            case SignedUp():
                self._sign_up(happened, now)
            case Bought():
                self._buy(happened, now)
            case Refunded():
                self._refund(happened, now)

    def _enrol(self, happened: Enrolled, now: datetime) -> None:
        who = customer(happened.customer_id)
        body = AdvocateBody(
            program=PROGRAM, id=who.id, email=str(who.email), name=who.name, locale=who.locale
        )
        answer = enrol_advocate(body.report(), keys=keys(), now=now)
        self.codes[who.id] = answer.advocate.code

    def _follow(self, happened: Followed, now: datetime) -> None:
        asked = LinkRequest(
            code=self.codes[happened.advocate_id],
            agent=_AGENT,
            address=happened.visitor,
            channel=happened.channel,
        )
        sent = follow_link(asked, key=keys().click[0], fallback_url=None, now=now)
        if not isinstance(sent, SendOn) or sent.click is None or sent.token is None:
            raise HistoryNotSoundError([f"the link {asked.code} leads nowhere"])
        click_log.write(sent.click, agent=asked.agent, is_prefetch=False)
        if happened.friend_id is not None:
            self.clicks[happened.friend_id] = sent.token

    def _sign_up(self, happened: SignedUp, now: datetime) -> None:
        body = SignupHook(
            program=PROGRAM,
            friend=customer(happened.friend_id),
            click=self.clicks.pop(happened.friend_id),
        )
        live = keys()
        answer = record_signup(body.report(key=live.identity), keys=live, now=now)
        if answer.outcome is Outcome.CREDITED:
            self.friends[str(answer.advocate)] += 1

    def _buy(self, happened: Bought, now: datetime) -> None:
        body = PurchaseHook(
            program=PROGRAM,
            order_id=happened.order_id,
            friend=Customer(id=happened.customer_id),
            amount_minor=happened.amount_minor,
            currency=UNIT,
        )
        live = keys()
        record_purchase(body.report(key=live.identity), keys=live, now=now)

    def _refund(self, happened: Refunded, now: datetime) -> None:
        body = RefundHook(
            program=PROGRAM,
            order_id=happened.order_id,
            refund_id=happened.refund_id,
            amount_minor=happened.amount_minor,
            currency=UNIT,
        )
        record_refund(body.report(key=keys().identity), now=now)


def replay(
    cloud: LocalCloud,
    days: int,
    out: Console,
    *,
    seed: int = SEED,
    share: float = PLAYED_SHARE,
) -> Replayed:
    """Play `days` days that end the day before the story begins, as days once sealed stay closed.

    HistoryNotSoundError when the ledger is not sound.
    """
    started = time.monotonic()
    history = happenings(days, seed=seed, share=share)
    apply_terms(str(cloud.base_url))
    shop = _Shop()
    try:
        _play(cloud, shop, history, out, shift=_shift(history, days))
    finally:
        clock.set_source(None)
    books = verify_ledger()
    if not books.is_sound:
        raise HistoryNotSoundError(books.faults)
    replayed = _summed_up(history, shop, books, days=days, seconds=time.monotonic() - started)
    tell(replayed, out)
    return replayed


def apply_terms(base_url: str) -> None:
    """Make the program of the history live, its landing page being the shop that is served here."""
    shop = f"{base_url}/shop/{PROGRAM}"
    changes = {"landing_page": shop, "fallback_url": shop}
    apply_program(
        read_program_file(_TERMS, allowed_hosts=[urlsplit(base_url).netloc], **changes),
        now=clock.utc_now(),
    )


def _shift(history: Sequence[Happening], days: int) -> timedelta:
    """Give how far the history has to be moved to end where the story begins."""
    last_day = history[0].at.date() + timedelta(days=days - 1)
    return _ends_on() - timedelta(days=1) - last_day


def _ends_on() -> date:
    return (datetime.now(UTC) - LASTS).date()


def _play(
    cloud: LocalCloud, shop: _Shop, history: Sequence[Happening], out: Console, *, shift: timedelta
) -> None:
    now = delivered_at = history[0].at + shift
    ticked_on = now.date()
    with _progress(out) as progress:
        task = progress.add_task("", total=len(history))
        for happened in history:
            now = happened.at + shift
            if now - delivered_at >= _DELIVERED_EVERY:
                # still at the moment before: what is delivered belongs to it
                cloud.settle()
                delivered_at = now
            _set_clock(now)
            if now.date() > ticked_on:
                cloud.run_schedules()
                ticked_on = now.date()
            shop.live_through(happened, now=now)
            progress.update(task, advance=1, description=f"{now:%d %b %Y}")
        _set_clock(datetime.combine(_ends_on(), datetime.min.time(), UTC))
        cloud.run_schedules()
        cloud.settle()


def _set_clock(now: datetime) -> None:
    clock.set_source(lambda: now)


def _progress(out: Console) -> Progress:
    columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


def _summed_up(
    history: Sequence[Happening], shop: _Shop, books: Findings, *, days: int, seconds: float
) -> Replayed:
    kinds = Counter(type(happened) for happened in history)
    reported = [each for each in history if isinstance(each, Bought | Refunded)]
    reported = [each for each in reported if each.is_referred]
    return Replayed(
        days=days,
        orders=kinds[Bought],
        purchases=sum(isinstance(each, Bought) for each in reported),
        refunds=sum(isinstance(each, Refunded) for each in reported),
        advocates=kinds[Enrolled],
        clicks=kinds[Followed],
        referrals=shop.friends.total(),
        rewards=_rewards_by_state(shop, history),
        cost_minor=-books.accounts.get((expense_of(PROGRAM), UNIT), 0),
        unit=UNIT,
        journals=books.journals,
        top=tuple(_top(shop, each, count) for each, count in shop.friends.most_common(_TOP)),
        seconds=seconds,
    )


def _rewards_by_state(shop: _Shop, history: Sequence[Happening]) -> dict[str, int]:
    friends = {each.friend_id for each in history if isinstance(each, SignedUp)}
    states = Counter(
        reward.state.value
        for who in sorted(friends | set(shop.friends))
        for reward in rewards.list_of_owner(PROGRAM, _person(who))
    )
    return dict(sorted(states.items()))


def _top(shop: _Shop, customer_id: str, friends: int) -> Top:
    earned = rewards.list_of_owner(PROGRAM, _person(customer_id))
    return Top(
        name=str(customer(customer_id).name),
        code=shop.codes[customer_id],
        friends=friends,
        earned_minor=sum(reward.remaining_minor for reward in earned),
    )


def _person(customer_id: str) -> PersonId:
    return person_id(customer_id, key=keys().identity)


def tell(replayed: Replayed, out: Console) -> None:
    """Print a history in numbers."""
    telling = Telling(out)
    telling.title("gifts", f"{replayed.days} days of a real shop, with invented recommendations")
    telling.line("orders", f"{replayed.orders:,}, of friends {replayed.purchases:,}")
    telling.line("refunds", f"{replayed.refunds:,} of friends' orders")
    telling.line("referrals", f"{replayed.referrals:,} from {replayed.clicks:,} clicks")
    states = ", ".join(
        f"{count:,} {state.replace('_', ' ')}" for state, count in replayed.rewards.items()
    )
    telling.line("rewards", states)
    telling.line("cost", written(replayed.cost_minor, replayed.unit))
    for top in replayed.top:
        earned = written(top.earned_minor, replayed.unit)
        telling.line("advocate", f"{top.name:<20} {top.friends:>3} friends  {earned:>11}")
    telling.line("ledger", f"{replayed.journals:,} journals: sound; {replayed.seconds:.0f} s")
