"""A new day: who may be reminded, whose month is summed up, whose reward waits or expires soon.

All advocates are looked at, and the newest friend of each comes from one reading of an index that
holds nothing but bonds. What is queued is decided again when it comes up, so a day that is run
twice, or was cut off and run again, queues more and sends no more.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain

from referrals.domain.ids import ProgramId
from referrals.domain.message_kinds import MessageKind
from referrals.domain.months import Month, month_to_sum_up
from referrals.domain.people import Advocate, AdvocateStatus
from referrals.domain.programs import Program
from referrals.domain.reminders import due_reminder
from referrals.domain.rewards import RewardState
from referrals.notify.mailings import Mailing, send_all
from referrals.store import advocates, programs, referrals, rewards
from referrals.usecases.fulfil_reward import read_reward
from referrals.usecases.wanted_details import is_by_bank

EXPIRY_TOLD_BEFORE = timedelta(days=7)

_Live = Mapping[ProgramId, Program]


def queue_mailings(*, now: datetime) -> int:
    """Queue what may be written today; gives how many. MailingsNotQueuedError."""
    live = {program.program_id: program for program in programs.iter_live()}
    return send_all(chain(_to_advocates(live, now), _about_expiring(live, now)))


def _to_advocates(live: _Live, now: datetime) -> Iterator[Mailing]:
    month = month_to_sum_up(now)
    reminding = {key for key, program in live.items() if _reminds(program, now)}
    newest = referrals.newest_by_advocate() if reminding else {}
    for advocate in advocates.iter_all():
        program = live.get(advocate.program_id)
        if program is None or advocate.status is not AdvocateStatus.ACTIVE:
            continue
        if month is not None and MessageKind.MONTHLY_SUMMARY not in program.silent_messages:
            yield _summary(advocate, month)
        if month is not None and _wants_details(program):
            yield Mailing(
                kind=MessageKind.DETAILS_NEEDED,
                program_id=advocate.program_id,
                person_id=advocate.person_id,
            )
        since = max(
            advocate.created_at,
            newest.get((advocate.program_id, advocate.person_id), advocate.created_at),
        )
        if program.program_id in reminding and due_reminder(
            program.reminders, since=since, now=now
        ):
            yield Mailing(
                kind=MessageKind.REMINDER,
                program_id=advocate.program_id,
                person_id=advocate.person_id,
            )


def _reminds(program: Program, now: datetime) -> bool:
    return (
        bool(program.reminders.after_days)
        and MessageKind.REMINDER not in program.silent_messages
        and program.landing.is_running(now)
    )


def _wants_details(program: Program) -> bool:
    sends_gifts = any(rule.ships for rule in program.rules) or any(
        item.ships for item in program.catalogue
    )
    return sends_gifts or is_by_bank(program)


def _summary(advocate: Advocate, month: Month) -> Mailing:
    return Mailing(
        kind=MessageKind.MONTHLY_SUMMARY,
        program_id=advocate.program_id,
        person_id=advocate.person_id,
        month=month.label,
    )


def _about_expiring(live: _Live, now: datetime) -> Iterator[Mailing]:
    """Find rewards that lapse within a week.

    Whatever can lapse is due by then at the latest, so the index of what is due has them all; it
    has holds that end, too, and is read only where some terms let rewards lapse.
    """
    if not any(rule.expires_after_days for each in live.values() for rule in each.rules):
        return
    until = now + EXPIRY_TOLD_BEFORE
    for key in rewards.iter_due(until):
        reward = read_reward(key)
        if reward is None or reward.state is not RewardState.AVAILABLE:
            continue
        if reward.expires_at is not None and now < reward.expires_at <= until:
            yield Mailing(
                kind=MessageKind.REWARD_EXPIRING,
                program_id=key.program_id,
                person_id=key.owner_id,
                reward_id=key.reward_id,
            )
