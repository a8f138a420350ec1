"""Leaderboards: who wins what of a period that is over.

A ranking is frozen once, from the scores that stand at that moment; what a refund takes from a
score later changes no prize.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from referrals.domain.budgets import Slice
from referrals.domain.conversions import Surroundings
from referrals.domain.decisions import Decision
from referrals.domain.events import DomainEvent
from referrals.domain.granting import (
    Claim,
    Grants,
    Occasion,
    RewardNote,
    not_meant_for,
    note,
    promise_event,
)
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.ledger import Balance, Journal, Score
from referrals.domain.money import split
from referrals.domain.programs import HOLDOUT, Program
from referrals.domain.rewards import Reward, reward_id_of
from referrals.domain.rules import Counted, Leaderboard, Period, Places, RewardRule

# What was reported late on the last day of a period still counts for it.
SETTLES_WITHIN = timedelta(days=1)
_MONTHS = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prize:
    """What somebody wins: tied advocates stand at the same place, the first that they cover."""

    person_id: PersonId
    place: int
    amount_minor: int
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The winners of a leaderboard in one period, by the terms of `version`, for ever."""

    program_id: ProgramId
    rule_id: str
    label: str
    version: int
    frozen_at: datetime
    prizes: tuple[Prize, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What came of a prize: the decisions about it, and the reward unless they were against it."""

    prize: Prize
    decisions: tuple[Decision, ...]
    reward: RewardNote | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Awarding:
    """Everything that one award changes, to be written at once or not at all."""

    award: Award
    rewards: tuple[Reward, ...]
    journal: Journal | None
    balances: tuple[Balance, ...]
    slices: tuple[Slice, ...]
    events: tuple[DomainEvent, ...]
    is_short_of_budget: bool


def period_before(per: Period, today: date) -> tuple[str, date, date]:
    """Give label, first and last day of the month, quarter or year before the one of `today`."""
    months = _MONTHS[per]
    this_first = date(today.year, (today.month - 1) // months * months + 1, 1)
    last = this_first - timedelta(days=1)
    return per.label(last), date(last.year, last.month - months + 1, 1), last


def is_settled(last: date, now: datetime) -> bool:
    """Whether a period that ended with `last` has been over for long enough to be ranked."""
    return now >= end_of(last) + SETTLES_WITHIN


def end_of(last: date) -> datetime:
    """Give the moment at which a period is over."""
    return datetime.combine(last + timedelta(days=1), time.min, UTC)


def leaderboard_of(rule: RewardRule) -> Leaderboard:
    return rule.leaderboard or Leaderboard()


def in_force(versions: Iterable[tuple[Program, datetime]], *, until: datetime) -> Program | None:
    """Give the newest of the versions that were applied before `until`."""
    return max(
        (program for program, applied_at in versions if applied_at < until),
        key=lambda program: program.version,
        default=None,
    )


def is_ranked(
    person_id: PersonId, rule: RewardRule, program: Program, *, segment: str | None, now: datetime
) -> bool:
    """Whether somebody competes: who could not be given the prize leaves the place to others."""
    variant = program.variant_of(person_id)
    asked = Occasion(source="", occurred_at=now, segment=segment, variant=variant)
    return variant != HOLDOUT and not_meant_for(rule.only, asked) is None


def ranked(
    scores: Mapping[PersonId, Score],
    *,
    by: Counted,
    amounts_minor: Sequence[int],
    is_whole: bool = False,
) -> tuple[Prize, ...]:
    """Rank advocates by their scores, highest first; a score of 0 wins nothing.

    Tied advocates share what the places they cover win together, what is left over going to the
    smaller person ids. Prizes that are handed over whole are shared by the piece.
    """
    return tuple(
        Prize(person_id=person_id, place=place, amount_minor=amount_minor, score=score)
        for place, score, tied in _tied(scores, by, places=len(amounts_minor))
        for person_id, amount_minor in zip(
            tied, _shares(amounts_minor[place - 1 :], len(tied), is_whole=is_whole), strict=True
        )
        if amount_minor
    )


def _tied(
    scores: Mapping[PersonId, Score], by: Counted, *, places: int
) -> Iterator[tuple[int, int, list[PersonId]]]:
    """Give the advocates of each score that wins, with the place where they stand."""
    groups: defaultdict[int, list[PersonId]] = defaultdict(list)
    for person_id, score in scores.items():
        groups[points_of(score, by)].append(person_id)
    place = 1
    for points in sorted((each for each in groups if each > 0), reverse=True):
        if place > places:
            return
        yield place, points, sorted(groups[points])
        place += len(groups[points])


def points_of(score: Score, by: Counted) -> int:
    return score.revenue_minor if by is Counted.REVENUE else score.purchases


def _shares(amounts_minor: Sequence[int], count: int, *, is_whole: bool) -> tuple[int, ...]:
    covered = amounts_minor[:count]
    if is_whole:
        return tuple(covered[0] * pieces for pieces in split(len(covered), [1] * count))
    return split(sum(covered), [1] * count)


def rank(
    program: Program,
    rule: RewardRule,
    label: str,
    scores: Mapping[PersonId, Score],
    *,
    now: datetime,
) -> Ranking:
    """Freeze who wins what by the scores as they are."""
    amounts = rule.reward.amounts_minor if isinstance(rule.reward, Places) else ()
    return Ranking(
        program_id=program.program_id,
        rule_id=rule.rule_id,
        label=label,
        version=program.version,
        frozen_at=now,
        prizes=ranked(
            scores,
            by=leaderboard_of(rule).by,
            amounts_minor=amounts,
            is_whole=rule.is_whole,
        ),
    )


def award(
    prize: Prize, ranking: Ranking, *, program: Program, surroundings: Surroundings, now: datetime
) -> Awarding:
    """Decide a prize like any other reward: caps and the budget bind it, its hold begins now."""
    rule, source = program.rule(ranking.rule_id), _source(ranking)
    grants = Grants(
        Occasion(
            source=source,
            occurred_at=now,
            segment=surroundings.segments.get(prize.person_id),
            variant=program.variant_of(prize.person_id),
        ),
        program=program,
        balances=surroundings.balances,
        budget=surroundings.budget,
        now=now,
    )
    claim = Claim(
        owner_id=prize.person_id,
        promised_minor=prize.amount_minor,
        count=prize.place,
        step=prize.place,
    )
    reward = grants.decide(rule, claim)
    cause = f"prize:{reward_id_of(source, rule.rule_id, prize.person_id)}"
    journal = grants.book(cause, grants.grant_postings())
    return Awarding(
        award=Award(
            prize=prize,
            decisions=tuple(grants.decisions),
            reward=note(reward) if reward else None,
        ),
        rewards=tuple(grants.rewards),
        journal=journal,
        balances=grants.changed_balances(surroundings.balances),
        slices=grants.changed_slices(surroundings.budget),
        events=tuple(promise_event(each, cause=cause, now=now) for each in grants.rewards),
        is_short_of_budget=grants.has_waited_in_vain(surroundings.budget),
    )


def _source(ranking: Ranking) -> str:
    return f"prize:{ranking.program_id}:{ranking.label}"
