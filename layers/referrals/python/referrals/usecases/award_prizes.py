"""A month, quarter or year is over: its leaderboards are frozen, and their prizes promised.

    scores ── ranking, frozen once ── award ── award ── ...      one transaction each

Whoever comes next continues where an interrupted run stopped; two at once do no more than one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from referrals.domain.ids import PersonId
from referrals.domain.leaderboards import (
    Awarding,
    Prize,
    Ranking,
    award,
    end_of,
    in_force,
    is_ranked,
    is_settled,
    leaderboard_of,
    period_before,
    points_of,
    rank,
)
from referrals.domain.ledger import Score
from referrals.domain.milestones import score_key
from referrals.domain.programs import Program
from referrals.domain.rules import RewardRule
from referrals.store import advocates, events, ledger, programs, rankings
from referrals.store.transactions import commit, read, until_settled
from referrals.usecases.bookings import money_writes
from referrals.usecases.surroundings import look_at


def award_prizes(*, now: datetime) -> int:
    """Award what was won in every period that ended a day ago or before; gives how many prizes.

    The terms are those that were in force when the period ended. A prize that caps or conditions
    refuse is decided, too, and not asked about again.
    """
    return sum(
        _award_all(board, now)
        for live in programs.iter_live()
        for board in _boards_that_are_over(live, now)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Board:
    """One leaderboard of a period that is over, by the terms of that moment."""

    program: Program
    rule: RewardRule
    label: str
    ended_at: datetime


def _boards_that_are_over(live: Program, now: datetime) -> Iterator[_Board]:
    versions = programs.list_versions(live.program_id)
    for per in {leaderboard_of(rule).per for each, _ in versions for rule in each.leaderboards}:
        label, _, last = period_before(per, now.date())
        program = in_force(versions, until=end_of(last))
        if program is None or not is_settled(last, now):
            continue
        for rule in program.leaderboards:
            if leaderboard_of(rule).per is per:
                yield _Board(program=program, rule=rule, label=label, ended_at=end_of(last))


def _award_all(board: _Board, now: datetime) -> int:
    ranking = until_settled(partial(_frozen, board, now))
    decided = rankings.list_awarded(ranking)
    return sum(
        until_settled(partial(_award, prize, ranking, now))
        for prize in ranking.prizes
        if prize.person_id not in decided
    )


def _frozen(board: _Board, now: datetime) -> Ranking:
    """Give the ranking of a leaderboard, made when there is none."""
    known = rankings.find(board.program.program_id, board.rule.rule_id, board.label)
    if known is not None:
        return known
    ranking = rank(board.program, board.rule, board.label, _scores(board, now), now=now)
    commit(*rankings.insert(ranking))
    return ranking


def _scores(board: _Board, now: datetime) -> dict[PersonId, Score]:
    """Read the scores of everybody who competes."""
    key = score_key(board.rule, board.ended_at - timedelta(microseconds=1))
    by = leaderboard_of(board.rule).by
    found = {
        balance.person_id: balance.scores[key]
        for balance in ledger.iter_balances()
        if balance.program_id == board.program.program_id
        and points_of(balance.scores.get(key, Score()), by) > 0
    }
    segments = _segments(board.program, found)
    return {
        person_id: score
        for person_id, score in found.items()
        if is_ranked(person_id, board.rule, board.program, segment=segments.get(person_id), now=now)
    }


def _segments(program: Program, people: Iterable[PersonId]) -> dict[PersonId, str | None]:
    if not program.asks_for_segments:
        return {}
    found = {person_id: advocates.find(program.program_id, person_id) for person_id in people}
    return {person_id: each.segment for person_id, each in found.items() if each}


def _award(prize: Prize, ranking: Ranking, now: datetime) -> bool:
    """Decide a prize and write what comes of it; gives whether it was promised by this."""
    known = rankings.wanted_award(ranking, prize.person_id)
    read(known)
    if known.value is not None:
        return False
    awarding = _decided(prize, ranking, now, is_whole=False)
    if awarding.is_short_of_budget:
        awarding = _decided(prize, ranking, now, is_whole=True)
    commit(
        rankings.insert_award(ranking, awarding.award),
        *money_writes(awarding),
        events.append(awarding.events, journal=awarding.journal, now=now),
    )
    return awarding.award.reward is not None


def _decided(prize: Prize, ranking: Ranking, now: datetime, *, is_whole: bool) -> Awarding:
    program = programs.get_version(ranking.program_id, ranking.version)
    around = look_at(
        prize.person_id, program=program, natural_key=prize.person_id, is_whole=is_whole
    )
    return award(prize, ranking, program=program, surroundings=around, now=now)
