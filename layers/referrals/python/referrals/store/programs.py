"""Programs by version: a version is written once and never again, `live` points at the newest."""

import time
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from cachetools import TTLCache

from referrals.domain.errors import ProgramNotFoundError
from referrals.domain.ids import ProgramId
from referrals.domain.programs import Program
from referrals.store.landings import LIVE, ProgramRow
from referrals.store.rows import Body
from referrals.store.transactions import Wanted, Write, read

_BODY = Body(Program)
_KEPT = "v"
_live: TTLCache[ProgramId, Program] = TTLCache(1_000, 60, timer=time.monotonic)


def find_live(program_id: ProgramId) -> Program | None:
    """Read the live version as it is now."""
    wanted = Wanted(ProgramRow, program_id, LIVE, _program)
    read(wanted)
    return wanted.value


def get_live(program_id: ProgramId) -> Program:
    """Give the live version as it was within the last minute; ProgramNotFoundError."""
    known = _live.get(program_id)
    if known is None:
        known = find_live(program_id)
        if known is None:
            raise ProgramNotFoundError(program_id)
        _live[program_id] = known
    return known


@lru_cache(maxsize=256)  # a version never changes
def get_version(program_id: ProgramId, version: int) -> Program:
    """Give one version of a program; ProgramNotFoundError."""
    wanted = Wanted(ProgramRow, program_id, _edition(version), _program)
    read(wanted)
    if wanted.value is None:
        raise ProgramNotFoundError(f"{program_id} v{version}")
    return wanted.value


def list_versions(program_id: ProgramId) -> list[tuple[Program, datetime]]:
    """List every version with the moment it was applied, the oldest first."""
    rows = ProgramRow.query(program_id, ProgramRow.edition.startswith(_KEPT), consistent_read=True)
    return [(_program(row), row.applied_at) for row in rows]


def iter_live() -> Iterator[Program]:
    """Read the live version of every program, in no order."""
    for row in ProgramRow.scan(ProgramRow.edition == LIVE, consistent_read=True):
        yield _program(row)


def forget_cached() -> None:
    _live.clear()
    get_version.cache_clear()


def insert(program: Program, *, now: datetime) -> tuple[Write, Write]:
    """Write a new version and make it live; beaten when that version exists."""
    kept, live = _row(program, _edition(program.version), now), _row(program, LIVE, now)
    return (
        lambda transaction: transaction.save(
            kept, condition=ProgramRow.program_id.does_not_exist()
        ),
        lambda transaction: transaction.save(live),
    )


def _edition(version: int) -> str:
    return f"{_KEPT}{version:06d}"


def _row(program: Program, edition: str, applied_at: datetime) -> ProgramRow:
    landing = program.landing
    return ProgramRow(
        program_id=program.program_id,
        edition=edition,
        applied_at=applied_at,
        status=landing.status.value,
        landing_page=landing.landing_page,
        allowed_hosts=list(landing.allowed_hosts),
        fallback_url=landing.fallback_url,
        link_parameter=landing.link_parameter,
        starts_at=landing.starts_at,
        ends_at=landing.ends_at,
        preview_title=landing.preview.title,
        preview_description=landing.preview.description,
        preview_image_url=landing.preview.image_url,
        body=_BODY.write(program),
    )


def _program(row: ProgramRow) -> Program:
    return _BODY.read(row.body)
