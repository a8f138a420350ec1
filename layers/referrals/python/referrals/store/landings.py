"""Where a program's links lead. The redirect reads this: nothing slow may be imported here."""

import time

from cachetools import TTLCache
from pynamodb.attributes import ListAttribute, UnicodeAttribute, UTCDateTimeAttribute

from referrals.domain.ids import ProgramId
from referrals.domain.landings import Landing, Preview, ProgramStatus
from referrals.store.rows import Row, RowMeta, TableName

LIVE = "live"
_CACHED_PROGRAMS, _CACHED_SECONDS = 1_000, 60
_cached: TTLCache[ProgramId, Landing | None] = TTLCache(
    _CACHED_PROGRAMS, _CACHED_SECONDS, timer=time.monotonic
)


class ProgramRow(Row):
    """One edition of a program: `live`, or one that stays (`v000001`).

    What the redirect needs stands in attributes, everything else in the body.
    """

    class Meta(RowMeta):
        table_name = TableName("programs")

    program_id = UnicodeAttribute(hash_key=True)
    edition = UnicodeAttribute(range_key=True)
    applied_at = UTCDateTimeAttribute()
    status = UnicodeAttribute()
    landing_page = UnicodeAttribute()
    allowed_hosts = ListAttribute(of=UnicodeAttribute)
    fallback_url = UnicodeAttribute(null=True)
    link_parameter = UnicodeAttribute()
    starts_at = UTCDateTimeAttribute(null=True)
    ends_at = UTCDateTimeAttribute(null=True)
    preview_title = UnicodeAttribute()
    preview_description = UnicodeAttribute()
    preview_image_url = UnicodeAttribute(null=True)
    body = UnicodeAttribute()


def find_cached(program_id: ProgramId) -> Landing | None:
    """Give where a program's links lead, as it was within the last minute."""
    try:
        return _cached[program_id]
    except KeyError:
        landing = _cached[program_id] = _found(program_id)
        return landing


def _found(program_id: ProgramId) -> Landing | None:
    try:
        return _landing(ProgramRow.get(program_id, LIVE))
    except ProgramRow.DoesNotExist:
        return None


def forget_cached() -> None:
    _cached.clear()


def _landing(row: ProgramRow) -> Landing:
    return Landing(
        program_id=ProgramId(row.program_id),
        status=ProgramStatus(row.status),
        landing_page=row.landing_page,
        allowed_hosts=tuple(str(host) for host in row.allowed_hosts),
        fallback_url=row.fallback_url,
        link_parameter=row.link_parameter,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        preview=Preview(
            title=row.preview_title,
            description=row.preview_description,
            image_url=row.preview_image_url,
        ),
    )
