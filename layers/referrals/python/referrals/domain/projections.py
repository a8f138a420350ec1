"""Projections: everything that is stored beside the log and the journals, rebuilt from the log.

    events ──> rewards, redemptions ──> what each place holds
           ──> rewards ──> caps, budget, milestones
           ──> conversions and refunds ──> counts, referrals

Of each reward the latest writing counts, and sums do not ask for order, so events are taken in any.
What no event tells is not rebuilt: when something is due next, that a reward is in the middle of
being handed over, coupon codes, and whether people look at whatever a friend does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from referrals.domain.budgets import Draw
from referrals.domain.caps import CapUse, Use
from referrals.domain.conversions import ORDERS, Conversion, Refund, ReviewState
from referrals.domain.decisions import Reason
from referrals.domain.events import DomainEvent, EventName, EventValue
from referrals.domain.granting import ALL_RULES
from referrals.domain.ids import (
    ConversionId,
    DispatchId,
    JournalId,
    PersonId,
    ProgramId,
    RedemptionId,
    ReferralId,
    RewardId,
)
from referrals.domain.ledger import NOTHING_BEFORE, Balance, Journal, Mark, Place
from referrals.domain.milestones import mark_key, marked, scored
from referrals.domain.programs import ConversionKind, Program
from referrals.domain.redemptions import Redemption
from referrals.domain.referrals import MAX_WAITING, Bond, Part, Referral
from referrals.domain.refunds import taken_back
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rewards import Reward, RewardState, hand_over_place
from referrals.domain.rules import POINTS_UNIT, Milestone, Period, RewardKind, Side, Trigger

Holder = tuple[ProgramId, PersonId]
# What was declined for these reasons is not taken up when its friend is bound.
_FINAL = frozenset(
    {
        Reason.PROGRAM_NOT_RUNNING,
        Reason.OTHER_CURRENCY,
        Reason.BEFORE_REFERRAL,
        Reason.SUSPECTED_FRAUD,
    }
)
Data = Mapping[str, EventValue]
Money = tuple[PersonId, PersonId | None, int, str | None]


@dataclass(slots=True, kw_only=True)
class _Order:
    """A conversion and what went back of it, as events tell."""

    program_id: ProgramId
    kind: ConversionKind
    friend_id: PersonId
    amount_minor: int
    currency: str | None
    happened_at: datetime
    version: int
    recorded_at: datetime
    advocate_id: PersonId | None = None
    is_credited: bool = False
    is_rejected: bool = False
    is_final: bool = False

    @property
    def is_order(self) -> bool:
        return self.kind in ORDERS

    def kept_minor(self, refunds: Iterable[Refund]) -> int:
        """Give what of it was not given back."""
        if self.is_rejected:
            return 0
        return max(self.amount_minor - taken_back(refunds, self.currency), 0)

    def stands(self, refunds: Iterable[Refund]) -> bool:
        """Whether it counts for its advocate."""
        if not self.is_credited or self.is_rejected:
            return False
        return not self.amount_minor or bool(self.kept_minor(refunds))


class Projections:
    """Takes every event of the log, and gives what is stored as it should be.

    `terms` gives a version of a program: milestones and leaderboards are in the terms alone.
    """

    def __init__(self, terms: Callable[[ProgramId, int], Program]) -> None:
        self._terms = terms
        self._chains: dict[Holder, tuple[int, JournalId, str]] = {}
        self._closed: set[Holder] = set()
        self.rewards: dict[RewardId, Reward] = {}
        self.redemptions: dict[RedemptionId, Redemption] = {}
        self.referrals: dict[Holder, Referral] = {}
        self._orders: dict[ConversionId, _Order] = {}
        self._refunds: defaultdict[ConversionId, dict[str, Refund]] = defaultdict(dict)

    def take(self, event: DomainEvent) -> None:
        """Take an event; which others came before makes no difference."""
        match event.name:
            case EventName.REFERRAL_CREATED:
                self.referrals[event.program_id, _person(event.data["friend_id"])] = _referral(
                    event.data
                )
            case (
                EventName.CONVERSION_RECORDED
                | EventName.CONVERSION_DECLINED
                | EventName.CONVERSION_WAITING
            ):
                self._convert(event)
            case EventName.CONVERSION_REVIEWED:
                self._order_of(event).is_rejected = event.data["state"] == ReviewState.REJECTED
            case EventName.REFUND_RECORDED:
                refund = _refund(event)
                self._refunds[_conversion(event.data)][refund.refund_id] = refund
            case EventName.PERSON_FORGOTTEN:
                self._closed.add((event.program_id, _person(event.data["person_id"])))
            case EventName.CREDIT_REDEEMED | EventName.CREDIT_RESTORED:
                self._redeem(event)
            case name if name.startswith("reward."):
                self._reward(event)
            case _:
                pass

    def take_journal(self, journal: Journal) -> None:
        """Take a journal: whoever is in it has a chain at least that long."""
        for person, link in journal.previous.items():
            holder = (journal.program_id, person)
            length = link.number + 1
            if holder not in self._chains or self._chains[holder][0] < length:
                self._chains[holder] = (length, journal.journal_id, journal.digest)

    def _convert(self, event: DomainEvent) -> None:
        order = self._order_of(event)
        data = event.data
        order.happened_at = _moment(data["happened_at"])
        order.recorded_at = _moment(data["recorded_at"])
        order.version = _number(data["version"])
        order.currency = _text(data["currency"])
        order.is_final = order.is_final or data["reason"] in _FINAL
        if event.name is EventName.CONVERSION_RECORDED:
            order.is_credited = True
        if data["advocate_id"] is not None:
            order.advocate_id = _person(data["advocate_id"])

    def _order_of(self, event: DomainEvent) -> _Order:
        data, conversion_id = event.data, _conversion(event.data)
        if conversion_id not in self._orders:
            self._orders[conversion_id] = _Order(
                program_id=event.program_id,
                kind=ConversionKind(str(data["kind"])),
                friend_id=_person(data["friend_id"]),
                amount_minor=_number(data["amount_minor"]),
                currency=None,
                happened_at=event.occurred_at,
                version=_number(data.get("version")),
                recorded_at=event.occurred_at,
            )
        return self._orders[conversion_id]

    def _reward(self, event: DomainEvent) -> None:
        reward = _reward(event)
        known = self.rewards.get(reward.reward_id)
        if known is None or known.written_before < reward.written_before:
            self.rewards[reward.reward_id] = reward

    def _redeem(self, event: DomainEvent) -> None:
        """Take a redemption; what was restored stays so, whichever event comes first."""
        redemption = _redemption(event)
        if event.name is EventName.CREDIT_RESTORED:
            redemption = replace(redemption, restored_at=event.occurred_at)
        elif redemption.redemption_id in self.redemptions:
            return
        self.redemptions[redemption.redemption_id] = redemption

    def balances(self) -> dict[Holder, Balance]:
        """Give what everybody has by their rewards, with caps, counts and their chain's end."""
        found: dict[Holder, Balance] = {}
        spent_by: defaultdict[Holder, list[Redemption]] = defaultdict(list)
        for redemption in self.redemptions.values():
            spent_by[redemption.program_id, redemption.person_id].append(redemption)
        by_owner: defaultdict[Holder, list[Reward]] = defaultdict(list)
        for reward in self.rewards.values():
            by_owner[reward.program_id, reward.owner_id].append(reward)
        signups, purchases = self._counts()
        for holder in {*by_owner, *spent_by, *signups, *purchases, *self._chains, *self._closed}:
            rewards = by_owner.get(holder, [])
            length, last_id, last_hash = self._chains.get(holder, (0, None, NOTHING_BEFORE))
            found[holder] = Balance(
                program_id=holder[0],
                person_id=holder[1],
                amounts=_amounts(rewards, spent_by.get(holder, [])),
                caps=_caps(rewards),
                milestones=self._marks(rewards),
                signups=signups[holder],
                purchases=purchases[holder],
                journals=length,
                last_journal_id=last_id,
                last_hash=last_hash,
                is_closed=holder in self._closed,
            )
        self._score(found)
        return found

    def _marks(self, rewards: Iterable[Reward]) -> dict[str, Mark]:
        marks: dict[str, Mark] = {}
        reached = [each for each in rewards if each.trigger is Trigger.MILESTONE]
        for reward in sorted(reached, key=_by_age):
            rule = self._terms(reward.program_id, reward.version).rule(reward.rule_id)
            counted = (rule.milestone or Milestone()).count
            stands = bool(reward.remaining_minor)
            mark = Mark(
                reward_id=reward.reward_id if stands else None, generation=reward.generation
            )
            marks = marked(marks, mark_key(reward.rule_id, counted, reward.step or 0), mark)
        return marks

    def _score(self, balances: dict[Holder, Balance]) -> None:
        """Add up for the leaderboards of each order's terms what its advocate has of it."""
        for conversion_id, order in self._orders.items():
            if order.advocate_id is None or not order.is_order:
                continue
            refunds = self._refunds.get(conversion_id, {}).values()
            is_purchase = order.kind is ConversionKind.PURCHASE
            holder = (order.program_id, order.advocate_id)
            balances[holder] = scored(
                balances[holder],
                self._terms(order.program_id, order.version),
                occurred_at=order.happened_at,
                purchases=int(is_purchase and order.stands(refunds)),
                revenue_minor=order.kept_minor(refunds),
            )

    def _counts(self) -> tuple[Counter[Holder], Counter[Holder]]:
        signups, purchases = Counter[Holder](), Counter[Holder]()
        for conversion_id, order in self._orders.items():
            if order.advocate_id is None:
                continue
            refunds = self._refunds.get(conversion_id, {}).values()
            stands = order.stands(refunds)
            signups[order.program_id, order.advocate_id] += (
                stands and order.kind is ConversionKind.SIGNUP
            )
            purchases[order.program_id, order.advocate_id] += (
                stands and order.kind is ConversionKind.PURCHASE
            )
        return signups, purchases

    def bonds(self) -> dict[Holder, Bond]:
        """Give everybody's bond; what waits in it is in the order recorded."""
        found: dict[Holder, Bond] = {}
        in_order = sorted(self._orders.items(), key=lambda each: each[1].recorded_at)
        for conversion_id, order in in_order:
            holder = (order.program_id, order.friend_id)
            if order.kind is ConversionKind.ENROLMENT:
                continue
            bond = found.get(holder) or Bond(program_id=holder[0], friend_id=holder[1])
            if order.kind is not ConversionKind.SIGNUP:
                bond = bond.with_order(order.happened_at)
            is_open = not order.is_credited and not order.is_final
            found[holder] = replace(
                bond,
                waiting=(*bond.waiting, conversion_id)[-MAX_WAITING:] if is_open else bond.waiting,
                purchases=bond.purchases
                + (order.is_credited and order.kind is ConversionKind.PURCHASE),
                is_signed_up=bond.is_signed_up
                or (order.is_credited and order.kind is ConversionKind.SIGNUP),
            )
        for holder, referral in self.referrals.items():
            bond = found.get(holder) or Bond(program_id=holder[0], friend_id=holder[1])
            found[holder] = replace(bond, referral=referral, waiting=())
        return found

    def money_of(self, conversion_id: ConversionId) -> Money | None:
        """Give whose a conversion is and what it was worth; None when no event tells of it."""
        order = self._orders.get(conversion_id)
        if order is None:
            return None
        return order.friend_id, order.advocate_id, order.amount_minor, order.currency

    def refunds_of(self, conversion_id: ConversionId) -> dict[str, int]:
        """Give the amounts that went back of a conversion, by refund."""
        refunds = self._refunds.get(conversion_id, {})
        return {refund_id: refund.amount_minor for refund_id, refund in refunds.items()}

    def spent(self) -> Counter[tuple[ProgramId, int]]:
        """Add up what stands in each slice of each program's budget."""
        spent = Counter[tuple[ProgramId, int]]()
        for reward in self.rewards.values():
            for draw in reward.draws:
                spent[reward.program_id, draw.slice] += draw.amount_minor
        return spent


def money_in(conversion: Conversion) -> Money:
    """Give of a stored conversion what `Projections.money_of` gives of the log."""
    return (
        conversion.friend_id,
        conversion.advocate_id,
        conversion.amount_minor,
        conversion.currency,
    )


def comparable(reward: Reward) -> Reward:
    """Give a stored reward without what no event tells, to hold it against a rebuilt one."""
    is_claimed = reward.state is RewardState.FULFILLING
    return replace(
        reward,
        state=RewardState.AVAILABLE if is_claimed else reward.state,
        due_at=None,
        dispatch_id=None if is_claimed else reward.dispatch_id,
        handed_over=None,
        written_before=0,
        revision=None,
    )


def _amounts(rewards: Iterable[Reward], redemptions: Iterable[Redemption]) -> dict[str, int]:
    """Add up what rewards and redemptions say of each place; empty places are left out."""
    sums = Counter[str]()
    for redemption in redemptions:
        if redemption.restored_at is None:
            sums[f"{Place.CREDIT}:{redemption.unit}"] -= redemption.amount_minor
            sums[f"{Place.PAID}:{redemption.unit}"] += redemption.amount_minor
    for reward in rewards:
        for place, amount_minor in _places(reward):
            sums[f"{place}:{reward.unit}"] += amount_minor
    return {key: amount for key, amount in sums.items() if amount}


def _places(reward: Reward) -> Iterator[tuple[Place, int]]:
    """Say where a reward's money sits: what was clawed back or netted is in the debt."""
    if reward.state in {RewardState.IN_REVIEW, RewardState.QUEUED}:
        return
    yield Place.DEBT, reward.netted_minor - reward.clawed_back_minor
    match reward.state:
        case RewardState.HELD:
            yield Place.HELD, reward.to_hand_over_minor
        case RewardState.AVAILABLE | RewardState.FULFILLING:
            yield Place.AVAILABLE, reward.to_hand_over_minor
        case RewardState.FULFILLED | RewardState.CLAWED_BACK:
            yield hand_over_place(reward.kind), reward.to_hand_over_minor
        case _:
            pass


def _by_age(reward: Reward) -> tuple[datetime, int, int]:
    return reward.granted_at, reward.step or 0, reward.generation


def _caps(rewards: Iterable[Reward]) -> dict[str, CapUse]:
    """Count rewards against the caps of their rules, and of all rules together.

    What was promised again and adds to a reward that stands is counted with that one. What was paid
    for with points is not counted.
    """
    by_key: defaultdict[str, list[tuple[date, Use]]] = defaultdict(list)
    standing = set[tuple[str, ConversionId | None, int | None]]()
    promised = [each for each in rewards if each.trigger is not Trigger.REDEMPTION]
    for reward in sorted(promised, key=lambda each: each.generation):
        on, left_minor = reward.granted_at.date(), reward.remaining_minor
        promise = (reward.rule_id, reward.conversion_id, reward.step)
        is_more = reward.generation > 1 and promise in standing
        used = Use(rewards=int(bool(left_minor) and not is_more), amount_minor=left_minor)
        if left_minor:
            standing.add(promise)
        by_key[reward.rule_id].append((on, used))
        if reward.side is not Side.FRIEND:
            of_money = used if reward.unit != POINTS_UNIT else replace(used, amount_minor=0)
            by_key[ALL_RULES].append((on, of_money))
    return {key: _cap_use(uses) for key, uses in by_key.items()}


def _cap_use(uses: Iterable[tuple[date, Use]]) -> CapUse:
    listed = list(uses)
    latest = max(on for on, _ in listed)

    def of(period: Period) -> Use:
        total = Use()
        for on, used in listed:
            if period.label(on) == period.label(latest):
                total = total.plus(used.rewards, used.amount_minor)
        return total

    return CapUse(
        on=latest,
        all_time=of(Period.ALL_TIME),
        day=of(Period.DAY),
        month=of(Period.MONTH),
        year=of(Period.YEAR),
    )


def _reward(event: DomainEvent) -> Reward:
    data = event.data
    expires_at, dispatch_id = data["expires_at"], data.get("dispatch_id")
    return Reward(
        reward_id=RewardId(str(data["reward_id"])),
        program_id=event.program_id,
        version=_number(data["version"]),
        rule_id=str(data["rule"]),
        conversion_id=_conversion(data) if data["conversion_id"] else None,
        order_id=_text(data["order_id"]),
        owner_id=_person(data["person_id"]),
        side=Side(str(data["side"])),
        kind=RewardKind(str(data["kind"])),
        pool=_text(data["pool"]),
        unit=str(data["unit"]),
        amount_minor=_number(data["granted_minor"]),
        state=RewardState(str(data["state"])),
        held_until=_moment(data["held_until"]),
        granted_at=_moment(data["granted_at"]),
        due_at=None,
        voided_minor=_number(data["voided_minor"]),
        clawed_back_minor=_number(data["clawed_back_minor"]),
        netted_minor=_number(data["netted_minor"]),
        draws=tuple(_draws(str(data["draws"]))),
        expires_after_days=_number_or_none(data["expires_after_days"]),
        expires_at=_moment(expires_at) if expires_at else None,
        trigger=Trigger(str(data["trigger"])),
        step=_number_or_none(data["step"]),
        generation=_number(data["generation"]),
        partner=_text(data.get("partner")),
        ships=bool(data.get("ships")),
        dispatch_id=DispatchId(str(dispatch_id)) if dispatch_id else None,
        written_before=_number(data["writing"]),
    )


def _redemption(event: DomainEvent) -> Redemption:
    data = event.data
    happened_at = data["happened_at"]
    return Redemption(
        redemption_id=RedemptionId(str(data["redemption_id"])),
        reference=str(data["reference"]),
        program_id=event.program_id,
        version=_number(data["version"]),
        person_id=_person(data["person_id"]),
        unit=str(data["unit"]),
        amount_minor=_number(data["amount_minor"]),
        redeemed_at=_moment(data["redeemed_at"]),
        item_id=_text(data["item"]),
        order_id=_text(data["order_id"]),
        occurred_at=_moment(happened_at) if happened_at else None,
    )


def _draws(written: str) -> Iterator[Draw]:
    for each in written.split(",") if written else ():
        number, amount_minor, of_today_minor = map(int, each.split(":"))
        yield Draw(slice=number, amount_minor=amount_minor, of_today_minor=of_today_minor)


def _referral(data: Data) -> Referral:
    parts = str(data["parts"]).split(",") if data["parts"] else ()
    return Referral(
        referral_id=ReferralId(str(data["referral_id"])),
        advocate_id=_person(data["advocate_id"]),
        since=_moment(data["since"]),
        attributable_from=_moment(data["attributable_from"]),
        code=str(data["code"]),
        channel=str(data["channel"]),
        parts=tuple(_part(each) for each in parts),
        second_level_id=_person(data["second_level_id"]) if data["second_level_id"] else None,
        attributed_by=_text(data["attributed_by"]),
        note=_text(data["note"]),
    )


def _part(written: str) -> Part:
    advocate_id, share_bps = written.split(":")
    return Part(advocate_id=PersonId(advocate_id), share_bps=int(share_bps))


def _refund(event: DomainEvent) -> Refund:
    data = event.data
    status = data["status"]
    return Refund(
        refund_id=str(data["refund_id"]),
        amount_minor=_number(data["amount_minor"]),
        currency=str(data["currency"]),
        occurred_at=_moment(data["happened_at"]),
        recorded_at=event.occurred_at,
        fingerprint="",
        chargeback_id=_text(data["chargeback_id"]),
        status=ChargebackStatus(str(status)) if status else None,
    )


def _conversion(data: Data) -> ConversionId:
    return ConversionId(str(data["conversion_id"]))


def _person(value: EventValue) -> PersonId:
    return PersonId(str(value))


def _text(value: EventValue) -> str | None:
    return None if value is None else str(value)


def _number(value: EventValue) -> int:
    return int(value or 0)


def _number_or_none(value: EventValue) -> int | None:
    return None if value is None else int(value)


def _moment(value: EventValue) -> datetime:
    return datetime.fromisoformat(str(value))
