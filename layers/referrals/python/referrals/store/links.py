"""Codes and whose they are. The redirect reads this: nothing slow may be imported here."""

import time

from cachetools import TTLCache
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import UpdateError

from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.links import LinkStatus, ShareLink
from referrals.store.rows import CONDITION_FAILED, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

# Bounded in number and in time: a paused code stops within a minute, and a scanner that tries
# codes can neither fill the memory nor push out everything at once.
_CACHED_LINKS, _CACHED_SECONDS = 10_000, 60
_cached: TTLCache[str, ShareLink | None] = TTLCache(
    _CACHED_LINKS, _CACHED_SECONDS, timer=time.monotonic
)


class LinkRow(Row):
    class Meta(RowMeta):
        table_name = TableName("links")

    code = UnicodeAttribute(hash_key=True)
    program_id = UnicodeAttribute()
    advocate_id = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()


def wanted(code: str) -> Wanted[ShareLink]:
    return Wanted(LinkRow, code, None, _link)


def find(code: str) -> ShareLink | None:
    """Read the link of a code as it is now."""
    link = wanted(code)
    read(link)
    return link.value


def find_cached(code: str) -> ShareLink | None:
    """Give the link of a code as it was within the last minute: no call when it is known here.

    That nobody has a code is remembered too.
    """
    try:
        return _cached[code]
    except KeyError:
        link = _cached[code] = _found(code)
        return link


def _found(code: str) -> ShareLink | None:
    try:
        return _link(LinkRow.get(code))
    except LinkRow.DoesNotExist:
        return None


def forget_cached() -> None:
    _cached.clear()


def insert(link: ShareLink) -> Write:
    """Give a code to an advocate; the commit is beaten when somebody has it."""
    row = LinkRow(
        code=link.code,
        program_id=link.program_id,
        advocate_id=link.advocate_id,
        status=link.status.value,
        created_at=link.created_at,
    )
    return lambda transaction: transaction.save(row, condition=LinkRow.code.does_not_exist())


def set_status(code: str, status: LinkStatus) -> bool:
    """Pause a code or let it work again; False when nobody has it, or it is closed."""
    is_open = LinkRow.code.exists() & (LinkRow.status != LinkStatus.CLOSED.value)
    try:
        LinkRow(code).update(actions=[LinkRow.status.set(status.value)], condition=is_open)
    except UpdateError as error:
        if error.cause_response_code == CONDITION_FAILED:
            return False
        raise
    return True


def close(code: str) -> Write:
    """Close a code for good: its item stays, so that nobody else is given it."""
    row = LinkRow(code)
    return lambda transaction: transaction.update(
        row,
        actions=[LinkRow.status.set(LinkStatus.CLOSED.value)],
        condition=LinkRow.code.exists(),
    )


def _link(row: LinkRow) -> ShareLink:
    return ShareLink(
        code=row.code,
        program_id=ProgramId(row.program_id),
        advocate_id=PersonId(row.advocate_id),
        status=LinkStatus(row.status),
        created_at=row.created_at,
    )
