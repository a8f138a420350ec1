"""A small model of what a shop owes: plain values, its own arithmetic, none of the domain's code.

Everything is derived anew from promises: what of a cap is used, what of the budget is spent, what
everybody holds. Only what cannot be derived, such as who brought a friend, is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

Terms = dict[str, Any]
HOLD = timedelta(days=14)
WINDOW = timedelta(days=30)
SKEW = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
TOO_FAST = timedelta(seconds=5)
LAPSES_AFTER = timedelta(days=30)
# the caps of a program count all that advocates get, and nothing of what friends do
ADVOCATES_RULES = frozenset({"tenth", "twentieth", "monthly", "points", "fifth"})
EUR, POINTS = "EUR", "points"
# what the catalogue has: a voucher for credit, its price in points and what it is worth
VOUCHER, PRICE, WORTH = "catalogue:voucher", 30, 111
# the least that is paid out
LEAST = 30

# terms of a first version; a change of the program changes some of them
PLAIN: Terms = {
    "tenth_bps": 1_000,
    "tenth_max": None,
    "tenth_cap": None,
    "thanks": 300,
    "thanks_min": 0,
    "monthly_bps": 500,
    "every": None,
    "points": 50,
    "cap": None,
    "total": None,
    "per_day": None,
    "has_review": False,
    "ends_at": None,
    "is_linear": False,
    "has_second_level": False,
    "pays_out": False,
}


@dataclass
class Promise:
    """One reward; `key` is what makes it different from every other."""

    rule: str
    owner: str
    source: str
    generation: int
    amount: int
    unit: str
    state: str
    granted_at: datetime
    due: datetime | None
    held_until: datetime
    is_about: str
    step: int | None = None
    voided: int = 0
    clawed: int = 0
    netted: int = 0
    drawn: int = 0
    drawn_on: str = ""
    of_day: int = 0
    lapses_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str, int]:
        return (self.rule, self.owner, self.source, self.generation)

    @property
    def chain(self) -> tuple[str, str, str]:
        """What all generations of it have in common: caps count them as one."""
        return (self.rule, self.owner, self.source)

    @property
    def left(self) -> int:
        return self.amount - self.voided - self.clawed

    @property
    def is_out(self) -> bool:
        return self.state in {"fulfilled", "clawed_back"}

    @property
    def goes_out(self) -> int:
        return self.amount - self.voided - self.netted


@dataclass
class Report:
    """A sign-up or order as it was told and what became of it."""

    name: str
    kind: str
    friend: str
    at: datetime
    terms: Terms | None = None
    amount: int = 0
    currency: str = EUR
    month: int | None = None
    clicks: tuple[tuple[str, datetime], ...] = ()
    codes: tuple[str, ...] = ()
    state: str = "open"
    advocate: str | None = None
    review: str | None = None
    returns: list["Return"] = field(default_factory=list)


@dataclass
class Return:
    """A refund, or one word about a chargeback."""

    amount: int
    currency: str = EUR
    dispute: str | None = None
    status: str | None = None
    is_applied: bool = False


@dataclass
class Spent:
    """What somebody spent under a name of the shop's, and the promise that it became, if any."""

    name: str
    owner: str
    unit: str
    amount: int
    promise: Promise | None = None
    is_restored: bool = False


@dataclass
class Payout:
    """What was put together to be paid to somebody on a day."""

    owner: str
    day: date
    promises: list[Promise]
    amount: int
    state: str = "reserved"


@dataclass
class Friend:
    """Whose a friend is: everybody's part, the winner's first, in ten-thousandths."""

    parts: list[tuple[str, int]] = field(default_factory=list)
    since: datetime | None = None
    above: str | None = None
    waiting: list[str] = field(default_factory=list)
    is_watched: bool = False


class Model:
    """What the shop owes to whom, after everything that it was told."""

    def __init__(self, terms: Terms, *, above: dict[str, str]) -> None:
        self.terms, self.above = terms, above
        self.promises: list[Promise] = []
        self.spendings: dict[str, Spent] = {}
        self.payouts: list[Payout] = []
        self.reports: dict[str, Report] = {}
        self.returns: dict[str, list[Return]] = {}
        self.friends: dict[str, Friend] = {}
        self.purchases: dict[str, int] = {}
        self.milestones: dict[tuple[str, int], Promise | None] = {}
        self.generations: dict[tuple[str, int], int] = {}

    # what was told

    def tell(self, report: Report, now: datetime) -> None:
        report.terms = self.terms
        report.returns = self.returns.setdefault(report.name, [])
        self.reports[report.name] = report
        friend = self.friends.setdefault(report.friend, Friend())
        was_bound = bool(friend.parts)
        self._decide(report, friend, now)
        if not was_bound and friend.parts:
            for name in list(friend.waiting):
                self._decide(self.reports[name], friend, now)
                self._apply_returns(self.reports[name], now)
        self._apply_returns(report, now)

    def give_back(self, name: str, told: Return, now: datetime) -> None:
        self.returns.setdefault(name, []).append(told)
        if name in self.reports:
            self._apply_returns(self.reports[name], now)

    def _decide(self, report: Report, friend: Friend, now: datetime) -> None:
        terms = report.terms or PLAIN
        is_over = terms["ends_at"] is not None and report.at >= terms["ends_at"]
        if is_over or report.currency != EUR:
            self._close(report, friend)
            return
        if not friend.parts:
            self._bind(report, friend, terms)
        if not friend.parts:
            friend.waiting = [each for each in friend.waiting if each != report.name]
            friend.waiting.append(report.name)
            return
        if friend.since is not None and report.at < friend.since - SKEW:
            self._close(report, friend)
            return
        self._credit(report, friend, terms, now)
        friend.waiting = [each for each in friend.waiting if each != report.name]

    def _close(self, report: Report, friend: Friend) -> None:
        report.state = "closed"
        friend.waiting = [each for each in friend.waiting if each != report.name]

    def _bind(self, report: Report, friend: Friend, terms: Terms) -> None:
        if report.codes:
            friend.parts, friend.since = [(report.codes[-1], 10_000)], report.at - WINDOW
        elif sound := [each for each in report.clicks if each[1] >= report.at - WINDOW]:
            latest_first = sorted(sound, key=lambda each: each[1], reverse=True)
            clicks = latest_first if terms["is_linear"] else latest_first[:1]
            weights = dict.fromkeys((code for code, _ in clicks), 0)
            for code, _ in clicks:
                weights[code] += 1
            named = sorted(weights, key=lambda code: -weights[code])
            parts = shares(10_000, [weights[code] for code in named])
            friend.parts = list(zip(named, parts, strict=True))
            friend.since = next(at for code, at in clicks if code == named[0])
        if friend.parts:
            friend.above = self.above.get(friend.parts[0][0])

    # promises

    def _credit(self, report: Report, friend: Friend, terms: Terms, now: datetime) -> None:
        report.state, report.advocate = "credited", friend.parts[0][0]
        is_flagged = (
            bool(terms["has_review"])
            and report.name not in friend.waiting
            and any(
                code == report.advocate and timedelta(0) <= report.at - at < TOO_FAST
                for code, at in report.clicks
            )
        )
        friend.is_watched = is_flagged or friend.is_watched
        report.review = "open" if friend.is_watched else None
        for rule, owner, amount in self._claims(report, friend, terms):
            self._grant(report, terms, now, rule=rule, owner=owner, amount=amount)
        if report.kind == "purchase":
            self._counted(report, terms, 1, now)

    def _claims(
        self, report: Report, friend: Friend, terms: Terms
    ) -> Iterator[tuple[str, str, int]]:
        parts = [part for _, part in friend.parts]
        owners = [owner for owner, _ in friend.parts]
        if report.kind == "purchase" and report.amount:
            tenth = _percent(report.amount, terms["tenth_bps"])
            tenth = tenth if terms["tenth_max"] is None else min(tenth, terms["tenth_max"])
            for owner, amount in zip(owners, shares(tenth, parts), strict=True):
                yield "tenth", owner, amount
            if report.amount >= terms["thanks_min"]:
                yield "thanks", report.friend, terms["thanks"]
            if terms["has_second_level"] and friend.above is not None:
                yield "twentieth", friend.above, _percent(report.amount, 500)
        elif report.kind == "renewal" and report.amount and (report.month or 0) <= 3:
            monthly = _percent(report.amount, terms["monthly_bps"])
            for owner, amount in zip(owners, shares(monthly, parts), strict=True):
                yield "monthly", owner, amount
        elif report.kind == "signup":
            for owner, amount in zip(owners, shares(terms["points"], parts), strict=True):
                yield "points", owner, amount

    def _grant(
        self,
        report: Report,
        terms: Terms,
        now: datetime,
        *,
        rule: str,
        owner: str,
        amount: int,
        generation: int = 1,
        step: int | None = None,
        is_again: bool = False,
    ) -> Promise | None:
        unit = POINTS if rule == "points" else EUR
        fits = self._room(terms, rule, owner, amount, now, unit=unit, is_again=is_again)
        if not fits:
            return None
        held_for = HOLD if rule in {"tenth", "thanks", "twentieth"} else timedelta(0)
        promise = Promise(
            rule=rule,
            owner=owner,
            source=report.name if step is None else f"milestone {step}",
            generation=generation,
            amount=fits,
            unit=unit,
            state="in_review",
            granted_at=now,
            due=None,
            held_until=report.at + held_for,
            is_about=report.name,
            step=step,
        )
        self.promises.append(promise)
        if report.review != "open":
            self._fund(promise, now)
        return promise

    def _room(
        self,
        terms: Terms,
        rule: str,
        owner: str,
        amount: int,
        now: datetime,
        *,
        unit: str,
        is_again: bool,
    ) -> int:
        caps: list[tuple[dict[str, Any] | None, frozenset[str]]] = []
        if rule == "tenth":
            caps.append((terms["tenth_cap"], frozenset({"tenth"})))
        if rule != "thanks":
            caps.append((terms["cap"], ADVOCATES_RULES))
        for cap, rules in caps:
            if cap is None:
                continue
            mine = [each for each in self.promises if each.owner == owner and each.rule in rules]
            standing = {each.chain: each for each in reversed(mine) if each.left}
            counted = sum(_same(cap, each.granted_at, now) for each in standing.values())
            if "rewards" in cap and not is_again and counted >= cap["rewards"]:
                return 0
            if "amount" in cap and unit == EUR:
                used = sum(
                    each.left
                    for each in mine
                    if each.unit == EUR and _same(cap, each.granted_at, now)
                )
                amount = min(amount, max(cap["amount"] - used, 0))
        return amount

    def _fund(self, promise: Promise, now: datetime) -> bool:
        """Pay for a promise; when the budget has too little it is queued."""
        is_limited = self.terms["total"] is not None or self.terms["per_day"] is not None
        if promise.unit == EUR and is_limited:
            total, per_day = self.terms["total"], self.terms["per_day"]
            if total is not None and self.spent() + promise.left > total:
                return self._queue(promise, now)
            if per_day is not None and self.spent_on(_day(now)) + promise.left > per_day:
                return self._queue(promise, now)
            promise.drawn = promise.of_day = promise.left
            promise.drawn_on = _day(now)
        promise.state, promise.due = "held", promise.held_until
        return True

    def _queue(self, promise: Promise, now: datetime) -> bool:
        promise.state, promise.due = "queued", now + QUARTER
        return False

    def spent(self) -> int:
        return sum(each.drawn for each in self.promises)

    def spent_on(self, day: str) -> int:
        return sum(each.of_day for each in self.promises if each.drawn_on == day)

    def _give_back(self, promise: Promise, back: int) -> None:
        """Let the budget have again what was drawn: a day only what was granted on it as well."""
        promise.drawn = max(promise.drawn - back, 0)
        if _day(promise.granted_at) == promise.drawn_on:
            promise.of_day = max(promise.of_day - back, 0)

    # what goes back

    def _apply_returns(self, report: Report, now: datetime) -> None:
        if report.state != "credited":
            return
        for told in report.returns:
            if not told.is_applied:
                before = _gone(report)
                told.is_applied = True
                if told.currency == EUR:
                    self._settle(report, before, now, may_promise=told.status == "won")

    def _settle(self, report: Report, before: int, now: datetime, *, may_promise: bool) -> None:
        terms = report.terms or PLAIN
        gone = _gone(report)
        own = [each for each in self.promises if each.source == report.name]
        for rule in dict.fromkeys(each.rule for each in own):
            first = [each for each in own if each.rule == rule and each.generation == 1]
            for promise, owed in zip(first, self._owed(report, terms, first, gone), strict=True):
                chain = [each for each in own if (each.rule, each.owner) == (rule, promise.owner)]
                self._bring(report, terms, chain, owed, now, may_promise=may_promise)
        if report.review == "rejected" or not report.amount or report.kind != "purchase":
            return
        change = (report.amount > gone) - (report.amount > before)
        if change:
            self._counted(report, terms, change, now)

    def _bring(
        self,
        report: Report,
        terms: Terms,
        chain: Sequence[Promise],
        owed: int,
        now: datetime,
        *,
        may_promise: bool,
    ) -> None:
        standing = sum(each.left for each in chain)
        for each in reversed(chain):
            back = min(standing - owed, each.left)
            if back > 0:
                self._reverse(each, back)
                standing -= back
        if standing < owed and may_promise:
            self._grant(
                report,
                terms,
                now,
                rule=chain[0].rule,
                owner=chain[0].owner,
                amount=owed - standing,
                generation=len(chain) + 1,
                is_again=standing > 0,
            )

    def _owed(
        self, report: Report, terms: Terms, first: Sequence[Promise], gone: int
    ) -> Sequence[int]:
        kept = max(report.amount - gone, 0)
        least = terms["thanks_min"] if first[0].rule == "thanks" else 0
        if report.review == "rejected" or not kept or kept < least:
            return [0] * len(first)
        amounts = [each.amount for each in first]
        if first[0].rule == "thanks":
            return amounts
        return in_turn(_even(Fraction(sum(amounts) * kept, report.amount)), amounts)

    def _reverse(self, promise: Promise, back: int) -> None:
        """Take back: what nobody had yet is voided, the rest becomes a debt."""
        is_out = promise.state in {"fulfilling", "fulfilled"}
        voided = 0 if is_out else min(back, promise.goes_out)
        promise.voided += voided
        promise.clawed += back - voided
        self._give_back(promise, back - voided if promise.state == "expired" else back)
        if not promise.left and promise.state not in {"expired", "fulfilling"}:
            if not is_out:
                self._end_alone(promise)
            promise.state, promise.due = ("clawed_back" if is_out else "voided"), None

    # milestones

    def _counted(self, report: Report, terms: Terms, change: int, now: datetime) -> None:
        advocate = report.advocate or ""
        count = self.purchases[advocate] = self.purchases.get(advocate, 0) + change
        if change < 0:
            self._un_earn(advocate)
        elif terms["every"] and count % terms["every"] == 0:
            if self.milestones.get((advocate, count)) is not None:
                return
            generation = self.generations.get((advocate, count), 0) + 1
            earned = self._grant(
                report,
                terms,
                now,
                rule="fifth",
                owner=advocate,
                amount=777,
                generation=generation,
                step=count,
            )
            if earned is not None:
                self.milestones[advocate, count] = earned
                self.generations[advocate, count] = generation

    def _un_earn(self, advocate: str) -> None:
        for (owner, step), promise in self.milestones.items():
            if owner == advocate and promise and step > self.purchases[advocate]:
                if promise.left:
                    self._reverse(promise, promise.left)
                self.milestones[owner, step] = None

    # reviews

    def review(self, name: str, verdict: str, now: datetime) -> None:
        report = self.reports[name]
        report.review = verdict
        if verdict == "approved":
            self.friends[report.friend].is_watched = False
            for each in self._in_review(name):
                self._fund(each, now)
            return
        counted = report.kind == "purchase" and (report.amount > _gone(report) or not report.amount)
        self._settle(report, 0, now, may_promise=False)
        if counted:
            advocate = report.advocate or ""
            self.purchases[advocate] -= 1
            self._un_earn(advocate)
        for each in self._in_review(name):
            self._fund(each, now)

    def _in_review(self, name: str) -> list[Promise]:
        return [each for each in self.promises if each.is_about == name and _is_open(each)]

    # what is due

    def due(self, now: datetime) -> list[Promise]:
        return [each for each in self.promises if each.due is not None and each.due <= now]

    def fulfil(self, promise: Promise, now: datetime) -> None:
        """Take a promise as far as it goes."""
        if promise.state == "queued" and not self._fund(promise, now):
            return
        if promise.due is None or promise.due > now:
            return
        if promise.state == "held":
            promise.state, promise.due = "available", now
            promise.lapses_at = now + LAPSES_AFTER if promise.rule == "monthly" else None
        if promise.lapses_at is not None and promise.lapses_at <= now:
            self._end_alone(promise)
            self._give_back(promise, promise.goes_out)
            promise.state, promise.due = "expired", None
            return
        promise.netted += min(promise.goes_out, self.debt(promise.owner, promise.unit))
        if promise.rule == "monthly" and promise.goes_out:
            promise.due = promise.lapses_at
        else:
            promise.state, promise.due = "fulfilled", None

    def confirm(self, promise: Promise) -> None:
        promise.state, promise.due = "fulfilled", None

    def come_back(self, promise: Promise, now: datetime) -> None:
        """Take in money that was sent: what was clawed back since is owed no more."""
        self._put_back(promise, now, due=now)

    def _put_back(self, promise: Promise, now: datetime, *, due: datetime) -> None:
        back = min(promise.clawed, promise.goes_out)
        promise.voided, promise.clawed = promise.voided + back, promise.clawed - back
        promise.state, promise.lapses_at, promise.due = "available", now + LAPSES_AFTER, due
        if not promise.left:
            self._end_alone(promise)
            promise.state, promise.due = "voided", None

    def _end_alone(self, promise: Promise) -> None:
        """Let a promise end without what its owner had paid too much, which went with it."""
        promise.netted = max(promise.netted, 0)

    # what is paid out

    def pay_day(self, now: datetime, order: Callable[[Promise], str]) -> None:
        """Put together what everybody has in cash, less what they owe; once a day.

        What is worth the same is taken in an `order`.
        """
        paid = {each.owner for each in self.payouts if each.day == now.date()}
        for owner in {each.owner for each in self.promises} - paid:
            mine = [each for each in self.promises if each.owner == owner and _is_cash(each, now)]
            debt, worth = self.debt(owner, EUR), sum(each.goes_out for each in mine)
            if mine and worth <= debt:
                for each in mine:
                    each.due = now
            elif mine and worth - debt >= LEAST:
                mine.sort(key=lambda each: (-each.goes_out, order(each)))
                self._reserve(owner, mine, now)

    def _reserve(self, owner: str, mine: list[Promise], now: datetime) -> None:
        for each in mine:
            each.netted += min(each.goes_out, self.debt(owner, EUR))
            each.state, each.due = "fulfilling", None
        amount = sum(each.goes_out for each in mine)
        self.payouts.append(Payout(owner, now.date(), mine, amount))

    def settle(self, payout: Payout) -> None:
        payout.state = "settled"
        for each in payout.promises:
            each.state = "fulfilled" if each.left else "clawed_back"

    def release(self, payout: Payout, now: datetime) -> None:
        payout.state = "released"
        for each in payout.promises:
            self._put_back(each, now, due=now + LAPSES_AFTER)

    def take_back_in(self, payout: Payout, now: datetime) -> None:
        """Take in a payout that came back; what a debt had taken all of was not in it."""
        payout.state = "returned"
        for each in payout.promises:
            if each.goes_out:
                self.come_back(each, now)

    # what is spent

    def spend(self, name: str, owner: str, unit: str, amount: int) -> str:
        """Spend an amount under a new name; says what the shop is told."""
        if amount > self.spendable(owner, unit):
            return "declined"
        self.spendings[name] = Spent(name, owner, unit, amount)
        return "redeemed"

    def redeem(self, name: str, owner: str, now: datetime) -> str:
        """Redeem points for a voucher, under a new name."""
        if self.spend(name, owner, POINTS, PRICE) == "declined":
            return "declined"
        promise = Promise(
            rule=VOUCHER,
            owner=owner,
            source=name,
            generation=1,
            amount=WORTH,
            unit=EUR,
            state="available",
            granted_at=now,
            due=now,
            held_until=now,
            is_about="",
        )
        self.promises.append(promise)
        self.spendings[name].promise = promise
        return "redeemed"

    def restore(self, name: str) -> str:
        """Give back what was spent, unless it became a voucher that somebody has."""
        spent = self.spendings[name]
        if spent.is_restored:
            return "restored"
        if spent.promise is not None:
            if spent.promise.state != "available":
                return "declined"
            self._reverse(spent.promise, spent.promise.left)
        spent.is_restored = True
        return "restored"

    def spendable(self, owner: str, unit: str) -> int:
        return max(self.credit(owner, unit) - max(self.debt(owner, unit), 0), 0)

    def credit(self, owner: str, unit: str) -> int:
        """Say what was handed over for somebody to spend, less what they spent."""
        given = sum(
            each.goes_out
            for each in self.promises
            if (each.owner, each.unit) == (owner, unit) and each.is_out and each.rule != "monthly"
        )
        return given - sum(
            each.amount
            for each in self.spendings.values()
            if (each.owner, each.unit) == (owner, unit) and not each.is_restored
        )

    # what everybody has

    def debt(self, owner: str, unit: str) -> int:
        mine = [each for each in self.promises if (each.owner, each.unit) == (owner, unit)]
        return sum(each.clawed - each.netted for each in mine)

    def holdings(self) -> dict[str, dict[str, int]]:
        """Say what everybody has, by place and unit; what is nothing is left out."""
        held: dict[str, dict[str, int]] = {}
        for each in self.promises:
            purse = held.setdefault(each.owner, {})
            for place, amount in (
                ("held", each.left if each.state == "held" else 0),
                ("available", each.goes_out if each.state in {"available", "fulfilling"} else 0),
                (_handed_over_to(each), each.goes_out if each.is_out else 0),
                ("debt", each.netted - each.clawed),
            ):
                key = f"{place}:{each.unit}"
                purse[key] = purse.get(key, 0) + amount
        for spent in self.spendings.values():
            purse, amount = held[spent.owner], 0 if spent.is_restored else spent.amount
            for place, gain in (("credit", -amount), ("paid", amount)):
                key = f"{place}:{spent.unit}"
                purse[key] = purse.get(key, 0) + gain
        return {
            owner: purse
            for owner, amounts in held.items()
            if (purse := {key: amount for key, amount in amounts.items() if amount})
        }


def _is_cash(promise: Promise, now: datetime) -> bool:
    """Whether it can be paid out: it is there, and its time is not over."""
    is_over = promise.lapses_at is not None and promise.lapses_at <= now
    is_there = promise.state == "available" and promise.left > 0
    return promise.rule == "monthly" and is_there and not is_over


def _handed_over_to(promise: Promise) -> str:
    """Say where it sits once it is out: what is monthly is cash, all else is there to spend."""
    return "paid" if promise.rule == "monthly" else "credit"


def _is_open(promise: Promise) -> bool:
    return promise.state == "in_review"


def _gone(report: Report) -> int:
    """Add up what went back: a chargeback once, and not at all when it was won."""
    applied = [each for each in report.returns if each.is_applied and each.currency == EUR]
    won = {each.dispute for each in applied if each.status == "won"}
    disputes = {each.dispute: each.amount for each in applied if each.dispute not in {None, *won}}
    return sum(each.amount for each in applied if each.dispute is None) + sum(disputes.values())


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Cut a number by weights: the whole parts first, then one each to the largest rests."""
    quotas = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(quota) for quota in quotas]
    rests = sorted(range(len(parts)), key=lambda at: (parts[at] - quotas[at], at))
    for at in rests[: total - sum(parts)]:
        parts[at] += 1
    return parts


def in_turn(total: int, weights: Sequence[int]) -> list[int]:
    """Cut a number by weights, unit by unit: each to whoever is furthest behind (Webster)."""
    quotas = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [max(int(quota) - len(weights), 0) for quota in quotas]
    while sum(parts) < total:
        behind = [
            Fraction(weight, 2 * part + 1) for weight, part in zip(weights, parts, strict=True)
        ]
        parts[behind.index(max(behind))] += 1
    return parts


def _percent(amount: int, rate_bps: int) -> int:
    return _even(Fraction(amount * rate_bps, 10_000))


def _even(amount: Fraction) -> int:
    """Round half to even: what Python's own `round` does with fractions."""
    return round(amount)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _same(cap: dict[str, Any], granted_at: datetime, now: datetime) -> bool:
    """Whether a grant is in the period of a cap that runs now."""
    length = {"day": 10, "month": 7, "all_time": 0}[cap["per"]]
    return _day(granted_at)[:length] == _day(now)[:length]
