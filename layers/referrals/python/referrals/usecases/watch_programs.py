"""An hour is over: operators are told what waits for them, or soon will.

Each thing is told of once a day while it lasts; a budget that comes near its limit, once.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from referrals import settings
from referrals.domain.budgets import Slice
from referrals.domain.mail_rates import MEASURED_DAYS, brake_of
from referrals.domain.message_kinds import MessageKind
from referrals.domain.programs import Program
from referrals.domain.reconciliation import Difference
from referrals.domain.rules import RewardKind
from referrals.notify.message_values import (
    BudgetLow,
    MailRates,
    OpenDifferences,
    ReviewsWaiting,
    StockLow,
)
from referrals.store import budgets, conversions, coupons, differences, mail_rates, programs
from referrals.store.transactions import read, until_settled
from referrals.usecases.keys import MailKeys
from referrals.usecases.letters import Letter, send_letter, to_operators
from referrals.usecases.send_mail import MailOutcome

# More than that nobody looks at in a day; the message says how many there are at least.
MOST_COUNTED = 500
_LOW_AT_PERCENT = 80
_PERCENT = 100


def watch_programs(*, keys: MailKeys, now: datetime) -> int:
    """Tell operators of what waits for them; gives how many mails were sent.

    MailNotSentError when one has to be tried again: the next hour does.
    """
    if settings.operator_email() is None:
        return 0
    outcomes = [send_letter(letter, keys=keys, now=now) for letter in _letters(now)]
    return outcomes.count(MailOutcome.SENT)


def _letters(now: datetime) -> Iterator[Letter]:
    for program in programs.iter_live():
        yield from _reviews(program, now)
        yield from _stocks(program, now)
        yield from _budget(program, now)
    yield from _differences(now)
    yield from _mail(now)


def _reviews(program: Program, now: datetime) -> Iterator[Letter]:
    waiting = conversions.list_in_review(program.program_id, most=MOST_COUNTED)
    opened = [
        case.conversion.review.opened_at
        for case in waiting
        if case.conversion is not None and case.conversion.review is not None
    ]
    if opened:
        about = ReviewsWaiting(
            program_id=program.program_id, count=len(opened), oldest_at=min(opened)
        )
        yield to_operators(
            MessageKind.REVIEW_WAITING,
            about,
            cause=(program.program_id, _day(now)),
            program=program,
        )


def _stocks(program: Program, now: datetime) -> Iterator[Letter]:
    if not program.landing.is_running(now):
        return
    for pool, kind in _pools(program).items():
        left = coupons.low(program.program_id, pool, program.low_stock)
        if left < program.low_stock:
            yield to_operators(
                MessageKind.STOCK_LOW,
                StockLow(program_id=program.program_id, pool=pool, left=left, kind=kind),
                cause=(program.program_id, pool, _day(now)),
                program=program,
            )


def _pools(program: Program) -> dict[str, RewardKind]:
    pools = {item.pool: item.kind for item in program.catalogue if item.pool is not None}
    return pools | {rule.pool: rule.kind for rule in program.rules if rule.pool is not None}


def _budget(program: Program, now: datetime) -> Iterator[Letter]:
    if not program.budget.is_limited:
        return
    slices = until_settled(lambda: _read_slices(program))
    today = now.date()
    for limit_minor, used_minor, of_day in (
        (program.budget.total_minor, sum(each.spent_minor for each in slices), None),
        (program.budget.per_day_minor, sum(each.spent_on(today) for each in slices), _day(now)),
    ):
        if limit_minor is None or used_minor * _PERCENT < limit_minor * _LOW_AT_PERCENT:
            continue
        about = BudgetLow(
            program_id=program.program_id,
            used_minor=used_minor,
            limit_minor=limit_minor,
            currency=program.currency,
            is_of_day=of_day is not None,
        )
        yield to_operators(
            MessageKind.BUDGET_LOW,
            about,
            cause=(program.program_id, str(limit_minor), of_day or "in all"),
            program=program,
        )


def _read_slices(program: Program) -> tuple[Slice, ...]:
    wanted = budgets.wanted_all(program.program_id)
    read(*wanted)
    return budgets.found(wanted)


def _differences(now: datetime) -> Iterator[Letter]:
    unresolved: defaultdict[str, list[Difference]] = defaultdict(list)
    for each in differences.iter_all():
        if each.resolved_at is None:
            unresolved[each.provider].append(each)
    for provider, found in sorted(unresolved.items()):
        about = OpenDifferences(
            provider=provider, count=len(found), oldest_at=min(each.found_at for each in found)
        )
        yield to_operators(MessageKind.PROVIDER_DIFFERENCE, about, cause=(provider, _day(now)))


def _mail(now: datetime) -> Iterator[Letter]:
    rates = mail_rates.rates(now=now)
    if brake_of(rates) is not None:
        about = MailRates(
            days=MEASURED_DAYS,
            sent=rates.sent,
            bounces=rates.bounced,
            complaints=rates.complained,
        )
        yield to_operators(MessageKind.MAIL_RATE, about, cause=(_day(now),))


def _day(now: datetime) -> str:
    return now.date().isoformat()
