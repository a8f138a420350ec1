"""What advocates are told of their friends, and friends of who brought them.

One happening is one message: what a reward's own message says is not said here as well.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from referrals.domain.conversions import Conversion, signup_id
from referrals.domain.decisions import Outcome, Reason
from referrals.domain.granting import RewardNote
from referrals.domain.ids import PersonId
from referrals.domain.ledger import Balance
from referrals.domain.message_kinds import MessageKind
from referrals.domain.offers import Sharer, Step, next_step, offer
from referrals.domain.people import Advocate, AdvocateStatus, Person
from referrals.domain.programs import ConversionKind
from referrals.domain.referrals import Bond
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Counted, RewardKind, Side, Trigger
from referrals.notify.message_values import Decline, NextMilestone, Offer, OrderNews, Worth
from referrals.store import advocates, ledger, people, referrals
from referrals.store.transactions import read
from referrals.usecases.announcements.told import Told, find_case
from referrals.usecases.letters import Letter, own_code, to_advocate, to_friend
from referrals.usecases.worths import worth_of_rule

# What an advocate can do something about, or has a right to know. Nobody is told what fraud rules
# saw, that an experiment leaves them out, or that every later order of a friend earns nothing, too.
_TOLD_REASONS = frozenset(
    {
        Reason.PROGRAM_NOT_RUNNING,
        Reason.OTHER_CURRENCY,
        Reason.BELOW_MINIMUM,
        Reason.ABOVE_MAXIMUM,
        Reason.ROUNDS_TO_NOTHING,
        Reason.CAP_REACHED,
        Reason.ADVOCATE_NOT_ELIGIBLE,
        Reason.OTHER_COUNTRY,
        Reason.OTHER_PRODUCT,
        Reason.OTHER_CHANNEL,
    }
)
_COUNTED = {
    ConversionKind.SIGNUP: Counted.SIGNUPS,
    ConversionKind.PURCHASE: Counted.PURCHASES,
}


def welcomed(told: Told) -> Iterator[Letter]:
    """Give a new advocate their link."""
    person = told.find_person("person_id")
    if person is not None:
        yield to_advocate(
            MessageKind.WELCOME, person, told.program, cause=told.cause, code=told.text("code")
        )


def joined(told: Told) -> Iterator[Letter]:
    """Tell of a friend who was bound, and them who brought them; an order tells of itself."""
    if told.text("kind") == ConversionKind.PURCHASE:
        return
    advocate, friend = told.find_person("advocate_id"), told.find_person("friend_id")
    if advocate is not None:
        yield to_advocate(
            MessageKind.FRIEND_SIGNED_UP,
            advocate,
            told.program,
            cause=told.cause,
            code=told.text("code") or own_code(told.program.program_id, advocate.person_id),
            friend_name=friend.name if friend else None,
        )
    if friend is None or told.text("kind") != ConversionKind.SIGNUP:
        return
    about = _offer_to_friend(told)
    if about is not None:
        yield to_friend(
            MessageKind.FRIEND_WELCOME, friend, told.program, cause=told.cause, about=about
        )


def _offer_to_friend(told: Told) -> Offer | None:
    """Say what a friend who signed up can look forward to; None when a reward says it by itself."""
    program, advocate_id = told.program, PersonId(told.text("advocate_id"))
    advocate = advocates.find(program.program_id, advocate_id)
    sharer = Sharer(person_id=advocate_id, segment=advocate.segment if advocate else None)
    rule = offer(program, sharer, Side.FRIEND, now=told.now)
    to_come = rule if rule is not None and rule.on is not Trigger.SIGNUP else None
    if to_come is None and _is_rewarded_for_signing_up(told):
        return None
    person = people.find(advocate_id)
    return Offer(
        worth=worth_of_rule(to_come, program.currency) if to_come else None,
        advocate_name=person.name if person else None,
    )


def _is_rewarded_for_signing_up(told: Told) -> bool:
    friend_id = PersonId(told.text("friend_id"))
    case = find_case(signup_id(told.event.program_id, friend_id))
    rewards = case.conversion.rewards if case and case.conversion else ()
    return any(note.owner_id == friend_id for note in rewards)


def bought(told: Told) -> Iterator[Letter]:
    """Tell an advocate of a friend's order, and of the next milestone if it is one step away."""
    kind, person = told.text("kind"), told.find_person("advocate_id")
    if person is None or kind not in _COUNTED or told.text("reason") == Reason.IN_REVIEW:
        return
    advocate = advocates.find(told.event.program_id, person.person_id)
    if advocate is None or advocate.status is not AdvocateStatus.ACTIVE:
        return
    about = _order_news(told) if kind == ConversionKind.PURCHASE else None
    if about is not None:
        yield _of_order(told, person, advocate, about)
    step = _next_step(told, advocate, _COUNTED[ConversionKind(kind)])
    if step is not None and step.count:
        yield _of_step(told, person, advocate, step)


def _of_order(told: Told, person: Person, advocate: Advocate, about: OrderNews) -> Letter:
    """Write of an order; why a friend's orders bring nothing is told once, not of each."""
    friend, reason = told.find_person("friend_id"), about.reason
    cause = told.cause
    if reason is not None:
        cause = (told.event.program_id, told.text("friend_id"), reason)
    return to_advocate(
        MessageKind.FRIEND_BOUGHT,
        person,
        told.program,
        cause=cause,
        code=advocate.code,
        friend_name=friend.name if friend else None,
        about=about,
    )


def _order_news(told: Told) -> OrderNews | None:
    """Say what a friend's order brings the advocate; None when that is said, or is no news."""
    conversion = told.find_conversion()
    if conversion is None or conversion.outcome is not Outcome.CREDITED:
        return None
    own = [note for note in conversion.rewards if note.owner_id == conversion.advocate_id]
    if any(_tells_of_itself(note, told.event.occurred_at) for note in own):
        return None
    if own:
        return OrderNews(worth=_worth_of_note(own[0]))
    reason = _told_reason(conversion)
    if reason is None and not _is_first_order(conversion):
        return None
    return OrderNews(reason=reason)


def _tells_of_itself(note: RewardNote, at: datetime) -> bool:
    """Whether a message about the reward itself goes out with the order, or within minutes."""
    if note.state is not RewardState.HELD:
        return False
    return note.kind is not RewardKind.CASH or note.held_until - at >= timedelta(days=1)


def _worth_of_note(note: RewardNote) -> Worth:
    return Worth(kind=note.kind, unit=note.unit, amount_minor=note.amount_minor)


def _told_reason(conversion: Conversion) -> Reason | None:
    """Give the first reason why the advocate gets nothing, of those that they are told."""
    return next(
        (
            each.reason
            for each in conversion.decisions
            if each.reason in _TOLD_REASONS and each.inputs.get("owner") == conversion.advocate_id
        ),
        None,
    )


def _is_first_order(conversion: Conversion) -> bool:
    bond = referrals.wanted(conversion.program_id, conversion.friend_id)
    read(bond)
    known = bond.value or Bond(program_id=conversion.program_id, friend_id=conversion.friend_id)
    return known.purchases <= 1 or known.first_order_at == conversion.occurred_at


def _next_step(told: Told, advocate: Advocate, counted: Counted) -> Step | None:
    program, person_id = told.program, advocate.person_id
    if not program.milestones:
        return None
    balance = ledger.find_balance(program.program_id, person_id) or Balance(
        program_id=program.program_id, person_id=person_id
    )
    sharer = Sharer(person_id=person_id, segment=advocate.segment)
    return next_step(program, sharer, balance, counted, now=told.now)


def _of_step(told: Told, person: Person, advocate: Advocate, step: Step) -> Letter:
    """Write of a milestone that is near, once, also when the count goes down and comes back."""
    rule, program = step.rule, told.program
    worth = Worth(kind=rule.kind, unit=rule.unit(program.currency), amount_minor=step.amount_minor)
    return to_advocate(
        MessageKind.MILESTONE_NEAR,
        person,
        program,
        cause=(program.program_id, rule.rule_id, str(step.count)),
        code=advocate.code,
        about=NextMilestone(worth=worth, count=step.count, counted=step.counted),
    )


def declined(told: Told) -> Iterator[Letter]:
    """Tell an advocate why something earned nothing, if that is their business."""
    reason = told.text("reason")
    advocate_id = told.text("advocate_id") or _bound_to(told)
    person = people.find(PersonId(advocate_id)) if advocate_id else None
    if reason not in _TOLD_REASONS or person is None:
        return
    yield to_advocate(
        MessageKind.REWARD_DECLINED,
        person,
        told.program,
        # a friend who goes on buying is not told of each time
        cause=(told.event.program_id, told.text("friend_id"), reason),
        code=own_code(told.event.program_id, person.person_id),
        about=Decline(reason=Reason(reason)),
    )


def _bound_to(told: Told) -> PersonId | None:
    """Give the advocate of the friend whom the event is about; None who is bound to nobody."""
    bond = referrals.wanted(told.event.program_id, PersonId(told.text("friend_id")))
    read(bond)
    referral = bond.value.referral if bond.value else None
    return referral.advocate_id if referral else None
