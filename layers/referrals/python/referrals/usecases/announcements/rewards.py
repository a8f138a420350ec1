"""What people are told of their rewards: promised, handed over, taken back, or in want of details.

A code that is worth money is read from the reward: it does not travel in events.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from referrals.domain.ids import PersonId, RewardId
from referrals.domain.ledger import Place, spendable_minor
from referrals.domain.message_kinds import MessageKind
from referrals.domain.people import Person
from referrals.domain.programs import Program
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import Counted, RewardKind, Side, Trigger
from referrals.notify.message_values import (
    About,
    BackReason,
    DetailsRequest,
    PayoutNews,
    RewardNews,
    Sum,
    TakenBack,
    Worth,
)
from referrals.store import ledger, people, programs
from referrals.store.rewards import RewardKey
from referrals.usecases.announcements.told import Told
from referrals.usecases.fulfil_reward import read_reward
from referrals.usecases.letters import Letter, own_code, to_advocate, to_friend
from referrals.usecases.wanted_details import details_cause, details_link, missing_details
from referrals.usecases.worths import worth_of

_CODED = frozenset({RewardKind.COUPON, RewardKind.PARTNER})
_SPENDABLE = frozenset({RewardKind.CREDIT, RewardKind.POINTS})
_ON_ITS_WAY = frozenset({RewardState.AVAILABLE, RewardState.FULFILLING})
_CATALOGUE = "catalogue:"


def promised(told: Told) -> Iterator[Letter]:
    """Tell of a reward that is held; one that is ready before that is read tells of itself."""
    trigger = Trigger(told.text("trigger"))
    held_until = told.moment("held_until")
    hold_days = _days_between(told.event.occurred_at, held_until) if held_until else 0
    news = RewardNews(
        worth=_worth(told),
        trigger=trigger,
        step=told.number("step") or None,
        counted=_counted(told, trigger),
        held_until=held_until if hold_days else None,
        hold_days=hold_days or None,
        ships=_ships(told),
    )
    if trigger is Trigger.MILESTONE:
        yield from _to_owner(told, MessageKind.MILESTONE_REACHED, news)
    elif hold_days or _is_paid_later(told, trigger):
        yield from _to_owner(told, MessageKind.REWARD_EARNED, news, names_friend=True)


def _days_between(start: datetime, end: datetime) -> int:
    """Count days to the nearest: a report comes a little after what it tells of."""
    return max(round((end - start) / timedelta(days=1)), 0)


def _is_paid_later(told: Told, trigger: Trigger) -> bool:
    """Whether a reward without a hold waits for the next payout; of an order's the order tells."""
    return told.text("kind") == RewardKind.CASH and trigger is not Trigger.PURCHASE


def _worth(told: Told) -> Worth:
    """Give what of a reward reaches its owner, as the event has it."""
    return Worth(
        kind=RewardKind(told.text("kind")),
        unit=told.text("unit"),
        amount_minor=told.number("amount_minor") - told.number("netted_minor"),
    )


def _counted(told: Told, trigger: Trigger) -> Counted:
    if trigger is not Trigger.MILESTONE:
        return Counted.PURCHASES
    milestone = _version(told).rule(told.text("rule")).milestone
    return milestone.count if milestone else Counted.PURCHASES


def _ships(told: Told) -> bool:
    return told.text("kind") == RewardKind.GIFT and any(
        rule.ships for rule in _version(told).rules if rule.rule_id == told.text("rule")
    )


def _version(told: Told) -> Program:
    return programs.get_version(told.event.program_id, told.number("version"))


def handed_over(told: Told) -> Iterator[Letter]:
    """Tell of a reward that reached its owner; a payout of several tells of itself, once."""
    reward = _find_reward(told)
    if reward is None or told.number("amount_minor") <= told.number("netted_minor"):
        return
    if reward.kind is RewardKind.CASH:
        # as the event has it: a payout that came back since has left its rewards
        if not told.text("dispatch_id"):
            yield from _to_owner(told, MessageKind.PAYOUT_SENT, _paid_by_hand(told))
        return
    code = _code_of(reward)
    if reward.kind in _CODED and code is None:
        return  # somebody handed it over themselves
    if not _was_told_at_once(reward, told.event.occurred_at):
        news = _news_of(reward, told, code)
        yield from _to_owner(told, MessageKind.REWARD_READY, news)


def _find_reward(told: Told) -> Reward | None:
    return read_reward(
        RewardKey(
            program_id=told.event.program_id,
            owner_id=PersonId(told.text("person_id")),
            reward_id=RewardId(told.text("reward_id")),
        )
    )


def _paid_by_hand(told: Told) -> PayoutNews:
    """Say what people sent, as the event has it: it may have come back since."""
    less_minor = told.number("voided_minor") + told.number("netted_minor")
    return PayoutNews(
        paid=Sum(amount_minor=told.number("granted_minor") - less_minor, unit=told.text("unit")),
        reference=told.text("reference") or None,
    )


def _code_of(reward: Reward) -> str | None:
    return (reward.handed_over or {}).get("coupon_code")


def _was_told_at_once(reward: Reward, at: datetime) -> bool:
    """Whether the news of the milestone said it all, a moment ago, as no code comes with it."""
    is_silent = reward.trigger is Trigger.MILESTONE and reward.kind in _SPENDABLE
    return is_silent and at - reward.granted_at < timedelta(days=1)


def _news_of(reward: Reward, told: Told, code: str | None) -> RewardNews:
    program = told.program
    valid_until = (reward.handed_over or {}).get("expires_at")
    return RewardNews(
        worth=_worth(told),
        trigger=reward.trigger,
        step=reward.step,
        ships=reward.ships,
        code=code,
        valid_until=datetime.fromisoformat(valid_until) if valid_until else None,
        balance_minor=_spendable(reward) if reward.kind in _SPENDABLE else None,
        has_catalogue=bool(program.catalogue),
        item_name=_item_name(reward, told),
    )


def _spendable(reward: Reward) -> int | None:
    balance = ledger.find_balance(reward.program_id, reward.owner_id)
    return spendable_minor(balance, reward.unit) if balance else None


def _item_name(reward: Reward, told: Told) -> str | None:
    if not reward.rule_id.startswith(_CATALOGUE):
        return None
    item_id = reward.rule_id.removeprefix(_CATALOGUE)
    return next((item.name for item in _version(told).catalogue if item.item_id == item_id), None)


def taken_back(told: Told) -> Iterator[Letter]:
    """Tell of a reward that became smaller, or went altogether.

    What nothing was paid for yet was told to nobody, and goes without a word.
    """
    if told.number("returned_minor") <= 0:
        return
    back_minor, left_minor = told.number("reversed_minor"), told.number("amount_minor")
    kind = RewardKind(told.text("kind"))
    about = TakenBack(
        worth=Worth(kind=kind, unit=told.text("unit"), amount_minor=left_minor + back_minor),
        because=_because(told),
        left_minor=left_minor,
        owed_minor=_owed(told),
    )
    yield from _to_owner(told, MessageKind.REWARD_TAKEN_BACK, about)


def _because(told: Told) -> BackReason:
    if told.text("trigger") == Trigger.MILESTONE:
        return BackReason.MILESTONE
    case = told.find_case()
    if case is None:
        return BackReason.OTHER
    if case.conversion is not None and case.conversion.is_rejected:
        return BackReason.REVIEW
    applied = [refund for refund in case.refunds if refund.is_applied]
    if not applied:
        return BackReason.OTHER
    return BackReason.CHARGEBACK if applied[-1].chargeback_id else BackReason.REFUND


def _owed(told: Told) -> int:
    balance = ledger.find_balance(told.event.program_id, PersonId(told.text("person_id")))
    return max(-balance.amount(Place.DEBT, told.text("unit")), 0) if balance else 0


def waits_for_details(told: Told) -> Iterator[Letter]:
    """Ask where a reward is to go that cannot go out before its owner says so."""
    reward = _find_reward(told)
    if reward is None or reward.state not in _ON_ITS_WAY:
        return
    wanted = missing_details(reward, told.program)
    if wanted is None:
        return
    about = DetailsRequest(
        worth=worth_of(reward),
        wanted=wanted,
        details_link=details_link(reward, wanted, keys=told.keys, now=told.now),
    )
    cause = details_cause(told.program, wanted, told.event.occurred_at)
    yield from _to_owner(told, MessageKind.DETAILS_NEEDED, about, cause=cause)


def _to_owner(
    told: Told,
    kind: MessageKind,
    about: About,
    *,
    names_friend: bool = False,
    cause: tuple[str, ...] | None = None,
) -> Iterator[Letter]:
    """Write to the owner of a reward: as to a friend only if that is what they were rewarded as."""
    person = told.find_person("person_id")
    if person is None:
        return
    side = Side(told.text("side") or Side.ADVOCATE)
    if side is Side.FRIEND:
        yield to_friend(kind, person, told.program, cause=cause or told.cause, about=about)
        return
    yield to_advocate(
        kind,
        person,
        told.program,
        cause=cause or told.cause,
        code=own_code(told.event.program_id, person.person_id),
        side=side,
        friend_name=_friend_name(told, person) if names_friend else None,
        about=about,
    )


def _friend_name(told: Told, owner: Person) -> str | None:
    """Give the name of the friend whose conversion it was for, unless it was the owner's own."""
    conversion = told.find_conversion()
    if conversion is None or conversion.friend_id == owner.person_id:
        return None
    friend = people.find(conversion.friend_id)
    return friend.name if friend else None
