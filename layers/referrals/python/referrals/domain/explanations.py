"""Explanations: how a reward came to its amount, worked out once more from what was recorded.

    price ── share ── caps ── refunds and reviews ──> what stands of it, beside what is stored

Of caps only what they left was recorded: a cut is taken as recorded where the terms have a cap that
can have made it. Nothing here is personal; an advocate's code may be a name they chose.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from referrals.domain.conversions import Case, Conversion
from referrals.domain.decisions import Decision
from referrals.domain.differences import percent, terms_in_words
from referrals.domain.ids import PersonId
from referrals.domain.leaderboards import Award, Ranking, leaderboard_of, ranked
from referrals.domain.ledger import Balance, Journal, Place, Score, account_of, moved
from referrals.domain.milestones import mark_key
from referrals.domain.money import BASIS_POINTS, split, written
from referrals.domain.programs import Program
from referrals.domain.redemptions import Redemption, item_of, item_rule
from referrals.domain.referrals import Referral
from referrals.domain.refunds import count_of, taken_back
from referrals.domain.reports import ChargebackStatus
from referrals.domain.rewards import (
    Reward,
    RewardState,
    owed_after_refunds,
    price,
    shrinks_with_order,
)
from referrals.domain.rules import Counted, Milestone, Period, Places, RewardRule, Side, Trigger
from referrals.domain.statements import cause_in_words

_TOUCH, _RULE = "attribution:", "reward:"
_PROMISED = frozenset(
    {RewardState.HELD, RewardState.AVAILABLE, RewardState.FULFILLING, RewardState.FULFILLED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that was recorded about one reward.

    `siblings` are all that were promised for the same conversion, this one included. `journals` are
    the owner's that name it, oldest first. A prize has a ranking and an award instead of a case, an
    item of the catalogue a redemption.
    """

    reward: Reward
    program: Program
    balance: Balance
    case: Case | None = None
    siblings: tuple[Reward, ...] = ()
    referral: Referral | None = None
    ranking: Ranking | None = None
    award: Award | None = None
    redemption: Redemption | None = None
    journals: tuple[Journal, ...] = ()

    @property
    def conversion(self) -> Conversion | None:
        return self.case.conversion if self.case else None

    @property
    def rule(self) -> RewardRule:
        if self.reward.trigger is Trigger.REDEMPTION:
            return item_rule(self.program, self.reward)
        return self.program.rule(self.reward.rule_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The story of a reward, with what of it should stand and what does, in minor units."""

    reward: Reward
    sections: tuple[Section, ...]
    recomputed_minor: int
    faults: tuple[str, ...] = ()

    @property
    def stored_minor(self) -> int:
        return self.reward.remaining_minor

    @property
    def is_same(self) -> bool:
        return not self.faults and self.recomputed_minor == self.stored_minor

    @property
    def verdict(self) -> str:
        """Set what was recomputed beside what is stored, in a line."""
        unit = self.reward.unit
        says = "the same" if self.is_same else "NOT the same"
        return (
            f"{written(self.recomputed_minor, unit)} recomputed, "
            f"{written(self.stored_minor, unit)} stored: {says}"
        )


def explain(record: Record) -> Explanation:
    """Work a reward out from its record and tell how; every contradiction is among the faults."""
    working = _Working(record)
    granted_minor = working.granted()
    standing_minor = working.standing(granted_minor)
    working.look_at_journals()
    sections = (
        Section(title="reward", lines=tuple(_about(record))),
        Section(title="touches considered", lines=tuple(_touches(record))),
        Section(title="flags and review", lines=tuple(_flags(record.conversion))),
        Section(title="rules looked at", lines=tuple(_rules(record))),
        Section(title=f"terms of {record.rule.rule_id}", lines=tuple(_terms(record))),
        Section(title="refunds", lines=tuple(_refunds(record.case))),
        Section(title="journals", lines=tuple(_journals(record))),
        Section(title="worked out", lines=tuple(working.steps)),
    )
    return Explanation(
        reward=record.reward,
        sections=tuple(section for section in sections if section.lines),
        recomputed_minor=standing_minor,
        faults=tuple(working.faults),
    )


def names(cause: str, reward: Reward, redemption: Redemption | None = None) -> bool:
    """Whether the cause of a journal is about a reward, or about what it was promised for."""
    redemption_id = redemption.redemption_id if redemption else None
    ids = {reward.reward_id, reward.conversion_id, redemption_id} - {None}
    return not ids.isdisjoint(cause.split(":"))


class _Working:
    """Works out a reward step by step, and notes what contradicts the record."""

    def __init__(self, record: Record) -> None:
        self.record, self.reward, self.rule = record, record.reward, record.rule
        self.steps: list[str] = []
        self.faults: list[str] = []

    def granted(self) -> int:
        """Work out what was granted, before anything was taken back."""
        match self.rule.on:
            case Trigger.PERIOD_END:
                granted_minor = self._prize()
            case Trigger.REDEMPTION:
                granted_minor = self._redeemed()
            case _:
                granted_minor = self._decided()
        if granted_minor != self.reward.amount_minor:
            self.faults.append(
                f"{self._money(granted_minor)} were to be granted and "
                f"{self._money(self.reward.amount_minor)} are stored as granted"
            )
        return granted_minor

    def _decided(self) -> int:
        conversion, reward = self.record.conversion, self.reward
        if conversion is None:
            self.faults.append("what it was promised for is not stored")
            return 0
        same_rule = [
            each
            for each in conversion.decisions
            if each.rule == f"{_RULE}{reward.rule_id}"
            and (reward.step is None or each.inputs.get("count") == reward.step)
        ]
        own = [each for each in same_rule if each.inputs.get("owner") == reward.owner_id]
        if not own or reward.generation > 1:
            return self._promised_again(conversion)
        promised_minor = self._priced(conversion, same_rule, own[0])
        return self._capped(own[0], promised_minor)

    def _promised_again(self, conversion: Conversion) -> int:
        """Take over what was promised anew after a won chargeback: nothing else was recorded."""
        if self._has_won() or self.reward.generation > 1:
            self.steps.append("promised again: what it was taken back for did not stand")
            return self.reward.amount_minor
        self.faults.append(f"no decision of {conversion.conversion_id} grants it")
        return 0

    def _priced(self, conversion: Conversion, same_rule: Sequence[Decision], own: Decision) -> int:
        count, order_minor = int(own.inputs["count"] or 0), conversion.amount_minor
        if own.inputs["order_minor"] != order_minor:
            self.faults.append(
                f"it was decided for an order of {own.inputs['order_minor']} minor units and "
                f"{order_minor} are stored"
            )
        is_of_order = self.rule.on in {Trigger.PURCHASE, Trigger.RENEWAL}
        whole_minor = price(self.rule, order_minor if is_of_order else 0, count=count)
        of_order = f" of {written(order_minor, self.record.program.currency)}" * is_of_order
        self.steps.append(f"price{of_order}, time {count}: {self._money(whole_minor)}")
        shares = [int(each.inputs["share_bps"] or 0) for each in same_rule]
        part_minor = split(whole_minor, shares)[same_rule.index(own)]
        if shares != [BASIS_POINTS]:
            share = percent(shares[same_rule.index(own)])
            self.steps.append(f"share of {share}: {self._money(part_minor)}")
        if part_minor != own.inputs["promised_minor"]:
            self.faults.append(
                f"the terms promise {self._money(part_minor)} and "
                f"{own.inputs['promised_minor']} minor units were decided"
            )
        return part_minor

    def _capped(self, own: Decision, promised_minor: int) -> int:
        left_minor = int(own.inputs["granted_minor"] or 0)
        if left_minor >= promised_minor:
            return promised_minor
        self.steps.append(f"caps left {self._money(left_minor)} of it")
        caps = self.rule.caps + (
            self.record.program.caps if self.rule.to is not Side.FRIEND else ()
        )
        most = [
            cap.amount_minor - int(own.inputs["amount_so_far_minor"] or 0)
            for cap in self.rule.caps
            if cap.per is Period.ALL_TIME and cap.amount_minor is not None
        ]
        if self.rule.is_whole or not any(cap.amount_minor is not None for cap in caps):
            self.faults.append("it was cut, and no cap of the terms cuts it")
        elif any(left_minor > each for each in most):
            self.faults.append("it was granted more than its cap left")
        return left_minor

    def _prize(self) -> int:
        ranking, award, rule = self.record.ranking, self.record.award, self.rule
        if ranking is None or award is None:
            self.faults.append("the leaderboard it was won in is not stored")
            return 0
        scores: Mapping[PersonId, Score] = {
            each.person_id: Score(purchases=each.score, revenue_minor=each.score)
            for each in ranking.prizes
        }
        amounts = rule.reward.amounts_minor if isinstance(rule.reward, Places) else ()
        won = ranked(
            scores, by=leaderboard_of(rule).by, amounts_minor=amounts, is_whole=rule.is_whole
        )
        own = next((each for each in won if each.person_id == self.reward.owner_id), None)
        if own is None:
            self.faults.append(f"its owner won nothing in {ranking.label}")
            return 0
        self.steps.append(
            f"place {own.place} of {ranking.label} with {own.score}: "
            f"{self._money(own.amount_minor)}"
        )
        decided = [each for each in award.decisions if each.rule == f"{_RULE}{rule.rule_id}"]
        return self._capped(decided[0], own.amount_minor) if decided else own.amount_minor

    def _redeemed(self) -> int:
        redemption = self.record.redemption
        item = item_of(self.record.program, redemption.item_id if redemption else None)
        if redemption is None or item is None:
            self.faults.append("the redemption that it was promised for is not stored")
            return 0
        self.steps.append(f"redeemed for {written(redemption.amount_minor, redemption.unit)}")
        if redemption.amount_minor != item.points:
            self.faults.append(f"the catalogue asks for {written(item.points, redemption.unit)}")
        return price(self.rule, 0)

    def standing(self, granted_minor: int) -> int:
        """Work out what of it stands by now."""
        reward, conversion = self.reward, self.record.conversion
        if self._is_taken_back():
            return 0
        if reward.trigger is Trigger.MILESTONE:
            return self._milestone(granted_minor)
        if conversion is None or self.record.case is None:
            return granted_minor
        if conversion.is_rejected:
            self.steps.append("rejected in review: nothing is owed")
            return 0
        applied = [each for each in self.record.case.refunds if each.is_applied]
        if not conversion.is_order or not applied:
            return granted_minor
        back_minor = taken_back(applied, conversion.currency)
        return self._after_refunds(conversion, granted_minor, back_minor)

    def _is_taken_back(self) -> bool:
        """Note what took all of it back, whatever became of its order."""
        redemption = self.record.redemption
        if self.record.balance.is_closed and self.reward.state is RewardState.VOIDED:
            self.steps.append("taken back when its owner was forgotten")
            return True
        if redemption is not None and redemption.restored_at is not None:
            self.steps.append("taken back: what it was redeemed for was given back")
            return True
        return False

    def _after_refunds(self, conversion: Conversion, granted_minor: int, back_minor: int) -> int:
        reward = self.reward
        same_rule = [
            each
            for each in self.record.siblings
            if each.rule_id == reward.rule_id and each.step is None
        ]
        first = [each for each in same_rule if each.generation == 1]
        owed = owed_after_refunds(
            [
                granted_minor if each.reward_id == reward.reward_id else each.amount_minor
                for each in first
            ],
            paid_minor=conversion.amount_minor,
            refunded_minor=back_minor,
            min_amount_minor=self.rule.min_amount_minor,
            is_percent=shrinks_with_order(self.rule, count=count_of(conversion, self.rule)),
        )
        own_owed = {each.owner_id: minor for each, minor in zip(first, owed, strict=True)}
        elsewhere_minor = sum(
            each.remaining_minor
            for each in same_rule
            if each.owner_id == reward.owner_id and each.reward_id != reward.reward_id
        )
        standing_minor = own_owed.get(reward.owner_id, granted_minor) - elsewhere_minor
        currency = self.record.program.currency
        self.steps.append(
            f"{written(back_minor, currency)} of {written(conversion.amount_minor, currency)} went "
            f"back: {self._money(standing_minor)} stand"
        )
        if self._has_won() and reward.remaining_minor < standing_minor:
            self.steps.append("caps left less when it was promised again")
            return reward.remaining_minor
        return standing_minor

    def _has_won(self) -> bool:
        refunds = self.record.case.refunds if self.record.case else ()
        return any(each.status is ChargebackStatus.WON for each in refunds)

    def _milestone(self, granted_minor: int) -> int:
        """Say whether a milestone is reached still; of old ones no mark is kept."""
        milestone = self.rule.milestone or Milestone()
        key = mark_key(self.reward.rule_id, milestone.count, self.reward.step or 0)
        mark = self.record.balance.milestones.get(key)
        if mark is None:
            return self.reward.remaining_minor
        if mark.reward_id == self.reward.reward_id:
            return granted_minor
        counted = "sign-ups" if milestone.count is Counted.SIGNUPS else "purchases"
        self.steps.append(f"fewer than {self.reward.step} {counted} stood: taken back")
        return 0

    def look_at_journals(self) -> None:
        """See whether the ledger promises what the reward says it does."""
        is_redeemed = self.reward.trigger is Trigger.REDEMPTION
        place = Place.AVAILABLE if is_redeemed else Place.HELD
        account = account_of(self.reward.owner_id, place)
        is_promised = any(
            posting.destination == account and posting.unit == self.reward.unit
            for journal in self.record.journals
            for posting in journal.postings
        )
        if self.reward.state in _PROMISED and not is_promised:
            self.faults.append("no journal promises it")

    def _money(self, amount_minor: int) -> str:
        return written(amount_minor, self.reward.unit)


def _about(record: Record) -> Iterator[str]:
    reward = record.reward
    yield f"{reward.reward_id}, {reward.kind} for {reward.owner_id} ({reward.side}), {reward.state}"
    yield reward.because
    yield (
        f"granted {written(reward.amount_minor, reward.unit)} at {reward.granted_at:%F %T} UTC, "
        f"held until {reward.held_until:%F %T} UTC"
    )
    for name, amount_minor in (
        ("voided", reward.voided_minor),
        ("clawed back", reward.clawed_back_minor),
        ("set off against a debt", max(reward.netted_minor, 0)),
        ("went out with it, as too much was paid before", max(-reward.netted_minor, 0)),
    ):
        if amount_minor:
            yield f"{name}: {written(amount_minor, reward.unit)}"


def _touches(record: Record) -> Iterator[str]:
    conversion, referral = record.conversion, record.referral
    for each in conversion.decisions if conversion else ():
        if each.rule.startswith(_TOUCH):
            yield _touch(each)
    if referral is not None:
        yield (
            f"bound by {referral.code or referral.channel} since {referral.since:%F %T} UTC, "
            f"conversions count from {referral.attributable_from:%F %T} UTC"
        )
        if referral.attributed_by is not None:
            yield f"attributed by hand by {referral.attributed_by}: {referral.note}"


def _touch(seen: Decision) -> str:
    share_bps = seen.inputs.get("share_bps")
    said = f"{seen.inputs.get('code')} at {seen.inputs.get('at')} by {seen.inputs.get('channel')}"
    kind = seen.rule.removeprefix(_TOUCH)
    if seen.reason is not None:
        return f"{kind} {said}: {seen.reason}"
    return f"{kind} {said}: credited" + (
        f" with {percent(int(share_bps))}" if share_bps is not None else ""
    )


def _flags(conversion: Conversion | None) -> Iterator[str]:
    if conversion is None:
        return
    for flag in conversion.flags:
        inputs = ", ".join(f"{name}={value}" for name, value in flag.inputs.items())
        yield f"{flag.rule} ({flag.mode}) [{inputs}]"
    review = conversion.review
    if review is None:
        return
    yield f"in review since {review.opened_at:%F %T} UTC"
    if review.decided_at is not None:
        yield f"{review.state} by {review.actor} at {review.decided_at:%F %T} UTC: {review.reason}"


def _rules(record: Record) -> Iterator[str]:
    decisions: Iterable[Decision] = record.award.decisions if record.award else ()
    if record.conversion is not None:
        decisions = record.conversion.decisions
    for each in decisions:
        if not each.rule.startswith(_TOUCH):
            yield each.says_to_operator


def _terms(record: Record) -> Iterator[str]:
    path = f"rules.{record.rule.rule_id}."
    if record.redemption is not None:
        path = f"catalogue.{record.redemption.item_id}."
    yield f"version {record.program.version} of {record.program.program_id}"
    for each, says in terms_in_words(record.program).items():
        if each.startswith(path):
            yield f"{each.removeprefix(path)}: {says}"


def _refunds(case: Case | None) -> Iterator[str]:
    for each in case.refunds if case else ():
        kind = "refund" if each.chargeback_id is None else f"chargeback, {each.status}"
        counted = "" if each.is_applied else ", waiting"
        yield (
            f"{kind} {each.refund_id}: {written(each.amount_minor, each.currency)} "
            f"at {each.occurred_at:%F %T} UTC{counted}"
        )


def _journals(record: Record) -> Iterator[str]:
    places = {account_of(record.reward.owner_id, place): place for place in Place}
    for journal in record.journals:
        changes = ", ".join(
            f"{places[account]} {'+' if gain > 0 else ''}{written(gain, unit)}"
            for (account, unit), gain in sorted(moved(journal.postings).items())
            if account in places and gain
        )
        says = cause_in_words(journal.cause)
        yield f"{journal.recorded_at:%F %T} UTC {journal.journal_id} {says}: {changes}"
