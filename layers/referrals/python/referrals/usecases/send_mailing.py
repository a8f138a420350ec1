"""A mailing comes up: whether it is still to be written is decided from how things are now."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.ledger import Balance, spendable_minor
from referrals.domain.message_kinds import MessageKind
from referrals.domain.months import clicks_in, earned_in, month_of
from referrals.domain.offers import Sharer, offer
from referrals.domain.people import Advocate, AdvocateStatus, Person
from referrals.domain.preferences import may_be_asked
from referrals.domain.programs import HOLDOUT, Program
from referrals.domain.reminders import due_reminder
from referrals.domain.rewards import Reward, RewardState
from referrals.domain.rules import RewardKind, Side
from referrals.notify.mailings import Mailing
from referrals.notify.message_values import Ask, DetailsRequest, Expiry, MonthFigures, Sum
from referrals.store import (
    advocates,
    counters,
    friends_orders,
    ledger,
    people,
    preferences,
    programs,
    referrals,
    rewards,
)
from referrals.store.rewards import RewardKey
from referrals.usecases.fulfil_reward import read_reward
from referrals.usecases.keys import MailKeys
from referrals.usecases.letters import Letter, own_code, send_letter, to_advocate, to_friend
from referrals.usecases.queue_mailings import EXPIRY_TOLD_BEFORE
from referrals.usecases.send_mail import MailOutcome
from referrals.usecases.show_advocate import MOST_REFERRALS
from referrals.usecases.wanted_details import details_cause, details_link, missing_details
from referrals.usecases.worths import worth_of, worth_of_rule, worth_that_lapses

# Asked on the first of a month: three times in all, the last with a link that lives 60 days more.
_ASKED_AGAIN_AFTER, _ASKED_FOR = timedelta(days=14), timedelta(days=100)


def send_mailing(mailing: Mailing, *, keys: MailKeys, now: datetime) -> MailOutcome | None:
    """Write what a mailing is about, once; None when there is nothing to write any more.

    MailNotSentError when it has to be tried again.
    """
    write = _LETTERS.get(mailing.kind)
    program = programs.find_live(mailing.program_id)
    person = people.find(mailing.person_id)
    if write is None or program is None or person is None:
        return None
    letter = write(mailing, program, person, keys, now)
    return send_letter(letter, keys=keys, now=now) if letter is not None else None


def _reminder(
    _mailing: Mailing, program: Program, person: Person, _keys: MailKeys, now: datetime
) -> Letter | None:
    """Ask somebody to share again, unless they were asked lately: then tomorrow is another day."""
    advocate = _find_sharer(program, person.person_id)
    if advocate is None or not program.landing.is_running(now):
        return None
    if program.variant_of(person.person_id) == HOLDOUT:
        return None
    reminder = due_reminder(program.reminders, since=_last_reason(advocate), now=now)
    if reminder is None:
        return None
    sharer = Sharer(person_id=person.person_id, segment=advocate.segment)
    rule = offer(program, sharer, Side.ADVOCATE, now=now)
    letter = to_advocate(
        MessageKind.REMINDER,
        person,
        program,
        cause=(program.program_id, reminder.since.isoformat(), str(reminder.number)),
        code=advocate.code,
        about=Ask(
            worth=worth_of_rule(rule, program.currency) if rule else None,
            is_last=reminder.is_last,
        ),
    )
    chosen = preferences.find(person.person_id)
    return letter if may_be_asked(chosen, letter.message_id, now=now) else None


def _find_sharer(program: Program, person_id: PersonId) -> Advocate | None:
    advocate = advocates.find(program.program_id, person_id)
    if advocate is None or advocate.status is not AdvocateStatus.ACTIVE:
        return None
    return advocate


def _last_reason(advocate: Advocate) -> datetime:
    """Give when somebody last had reason to share: they enrolled, or a friend came."""
    newest = referrals.list_of_advocate(advocate.program_id, advocate.person_id, most=1)
    came = [bond.referral.since for bond in newest if bond.referral is not None]
    return max([advocate.created_at, *came])


def _summary(
    mailing: Mailing, program: Program, person: Person, _keys: MailKeys, _now: datetime
) -> Letter | None:
    """Sum somebody's month up; nobody hears that nothing happened."""
    advocate = _find_sharer(program, person.person_id)
    if advocate is None or mailing.month is None:
        return None
    figures = _figures(advocate, mailing.month)
    if not (figures.clicks or figures.signups or figures.purchases or figures.earned):
        return None
    return to_advocate(
        MessageKind.MONTHLY_SUMMARY,
        person,
        program,
        cause=(program.program_id, mailing.month),
        code=advocate.code,
        about=figures,
    )


def _figures(advocate: Advocate, label: str) -> MonthFigures:
    program_id, person_id = advocate.program_id, advocate.person_id
    month = month_of(label)
    bonds = referrals.list_of_advocate(program_id, person_id, most=MOST_REFERRALS)
    earned = earned_in(month, rewards.list_of_owner(program_id, person_id))
    return MonthFigures(
        month=month.first,
        clicks=clicks_in(month, counters.list_of_code(advocate.code)),
        signups=sum(
            bond.referral is not None and bond.is_signed_up and month.has(bond.referral.since)
            for bond in bonds
        ),
        purchases=friends_orders.count(program_id, person_id, first=month.first, last=month.last),
        earned=_sums(earned),
        available=_sums(_spendable(program_id, person_id)),
    )


def _spendable(program_id: ProgramId, person_id: PersonId) -> dict[str, int]:
    balance = ledger.find_balance(program_id, person_id) or Balance(
        program_id=program_id, person_id=person_id
    )
    return {unit: spendable_minor(balance, unit) for unit in balance.units}


def _sums(by_unit: Mapping[str, int]) -> tuple[Sum, ...]:
    return tuple(
        Sum(amount_minor=amount_minor, unit=unit)
        for unit, amount_minor in sorted(by_unit.items())
        if amount_minor > 0
    )


def _expiry(
    mailing: Mailing, program: Program, person: Person, keys: MailKeys, now: datetime
) -> Letter | None:
    """Warn of a reward that lapses within a week, with what would keep it."""
    reward = _find_reward(mailing)
    if reward is None or reward.state is not RewardState.AVAILABLE or reward.expires_at is None:
        return None
    if not now < reward.expires_at <= now + EXPIRY_TOLD_BEFORE:
        return None
    about = _expiry_of(reward, program, keys, now)
    # one whose time was extended is told of again
    cause = (reward.reward_id, reward.expires_at.isoformat())
    if reward.side is Side.FRIEND:
        return to_friend(MessageKind.REWARD_EXPIRING, person, program, cause=cause, about=about)
    return to_advocate(
        MessageKind.REWARD_EXPIRING,
        person,
        program,
        cause=cause,
        code=own_code(program.program_id, person.person_id),
        side=reward.side,
        about=about,
    )


def _details(
    _mailing: Mailing, program: Program, person: Person, keys: MailKeys, now: datetime
) -> Letter | None:
    """Ask again for what a reward waits for: the link that was sent before is lost, or too old."""
    for reward in rewards.list_of_owner(program.program_id, person.person_id):
        is_asked_again = _ASKED_AGAIN_AFTER <= now - reward.held_until <= _ASKED_FOR
        if reward.state is not RewardState.AVAILABLE or not is_asked_again:
            continue
        wanted = missing_details(reward, program)
        if wanted is not None:
            return to_advocate(
                MessageKind.DETAILS_NEEDED,
                person,
                program,
                cause=details_cause(program, wanted, now),
                code=own_code(program.program_id, person.person_id),
                side=reward.side,
                about=DetailsRequest(
                    worth=worth_of(reward),
                    wanted=wanted,
                    details_link=details_link(reward, wanted, keys=keys, now=now),
                ),
            )
    return None


def _find_reward(mailing: Mailing) -> Reward | None:
    if mailing.reward_id is None:
        return None
    return read_reward(
        RewardKey(
            program_id=mailing.program_id,
            owner_id=mailing.person_id,
            reward_id=mailing.reward_id,
        )
    )


def _expiry_of(reward: Reward, program: Program, keys: MailKeys, now: datetime) -> Expiry:
    missing = missing_details(reward, program)
    minimum_minor = program.payouts.minimum_minor if program.payouts else 0
    is_too_little = reward.kind is RewardKind.CASH and missing is None and minimum_minor > 0
    return Expiry(
        worth=worth_that_lapses(reward),
        expires_at=reward.expires_at or now,
        wanted=missing,
        details_link=details_link(reward, missing, keys=keys, now=now) if missing else None,
        minimum_minor=minimum_minor if is_too_little else None,
    )


_Write = Callable[[Mailing, Program, Person, MailKeys, datetime], Letter | None]
_LETTERS: Mapping[MessageKind, _Write] = {
    MessageKind.REMINDER: _reminder,
    MessageKind.MONTHLY_SUMMARY: _summary,
    MessageKind.REWARD_EXPIRING: _expiry,
    MessageKind.DETAILS_NEEDED: _details,
}
