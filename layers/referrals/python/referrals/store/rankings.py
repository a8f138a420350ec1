"""Leaderboards that are over: each ranking is written once, and each of its prizes decided once."""

from dataclasses import replace

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.leaderboards import Award, Ranking
from referrals.store.rows import Body, Row, RowMeta, TableName
from referrals.store.transactions import BeatenError, Wanted, Write

_RANKING, _AWARD = Body(Ranking), Body(Award)
_PAGE, _AWARDED = "page#", "award#"
# An item holds 400 KB, a prize takes about 100 bytes. A transaction of 4 MB holds 40,000 of them:
# more advocates at once would have to be tied at one place.
_PRIZES_A_PAGE = 2_000


class RankingRow(Row):
    """A page of a ranking (`page#000`, which says how many there are), or an award of it."""

    class Meta(RowMeta):
        table_name = TableName("rankings")

    ranking_key = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    pages = NumberAttribute(null=True)
    body = UnicodeAttribute()


def find(program_id: ProgramId, rule_id: str, label: str) -> Ranking | None:
    """Read who wins what; None while that is not frozen. BeatenError while it is being written."""
    key = _key(program_id, rule_id, label)
    rows = list(RankingRow.query(key, RankingRow.slot.startswith(_PAGE), consistent_read=True))
    if not rows:
        return None
    if len(rows) != rows[0].pages:
        raise BeatenError
    pages = [_RANKING.read(row.body) for row in rows]
    return replace(pages[0], prizes=tuple(prize for page in pages for prize in page.prizes))


def insert(ranking: Ranking) -> tuple[Write, ...]:
    """Freeze a ranking; the commit is beaten when it is frozen."""
    rows = [
        RankingRow(
            ranking_key=_key(ranking.program_id, ranking.rule_id, ranking.label),
            slot=f"{_PAGE}{number:03d}",
            body=_RANKING.write(page),
        )
        for number, page in enumerate(_pages(ranking))
    ]
    rows[0].pages = len(rows)
    return tuple(_inserted(row) for row in rows)


def wanted_award(ranking: Ranking, person_id: PersonId) -> Wanted[Award]:
    key = _key(ranking.program_id, ranking.rule_id, ranking.label)
    return Wanted(RankingRow, key, _AWARDED + person_id, lambda row: _AWARD.read(row.body))


def list_awarded(ranking: Ranking) -> set[PersonId]:
    """List whose prizes were decided."""
    key = _key(ranking.program_id, ranking.rule_id, ranking.label)
    rows = RankingRow.query(
        key,
        RankingRow.slot.startswith(_AWARDED),
        consistent_read=True,
        attributes_to_get=["slot"],
    )
    return {PersonId(row.slot.removeprefix(_AWARDED)) for row in rows}


def insert_award(ranking: Ranking, award: Award) -> Write:
    """Note what came of a prize; the commit is beaten when that was noted before."""
    row = RankingRow(
        ranking_key=_key(ranking.program_id, ranking.rule_id, ranking.label),
        slot=_AWARDED + award.prize.person_id,
        body=_AWARD.write(award),
    )
    return _inserted(row)


def _inserted(row: RankingRow) -> Write:
    condition = RankingRow.slot.does_not_exist()
    return lambda transaction: transaction.save(row, condition=condition)


def _pages(ranking: Ranking) -> list[Ranking]:
    """Cut a ranking into pages; one that nobody won is an empty page."""
    starts = range(0, max(len(ranking.prizes), 1), _PRIZES_A_PAGE)
    return [
        replace(ranking, prizes=ranking.prizes[start : start + _PRIZES_A_PAGE]) for start in starts
    ]


def _key(program_id: ProgramId, rule_id: str, label: str) -> str:
    return f"{program_id}#{rule_id}#{label}"
