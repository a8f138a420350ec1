"""An operator has mended what kept events from being announced: the sweep takes them up again.

Nothing is announced here. What a dead letter names loses its mark of having been given up, and the
cursors go back to before it; the next sweep announces what has no mark, and nothing else.
"""

from datetime import datetime, timedelta

from referrals.notify.dead_letters import LostItem, LostStretch
from referrals.store import announced, events

# A record comes into the stream when it is committed, after the moment that is in its place.
_BEFORE_THE_FIRST = timedelta(hours=1)


def announce_again(lost: LostItem | LostStretch) -> bool:
    """Have the next sweep look at what a dead letter names; False when it was announced since.

    Of a stretch nobody knows it before the sweep has looked.
    """
    match lost:
        case LostItem(place=place):
            if not announced.take_up_again(place):
                return False
            _move_back(place.shard, place.recorded_at)
        case LostStretch(first_at=first_at):
            for shard in range(events.SHARDS_PER_DAY):
                _move_back(shard, first_at - _BEFORE_THE_FIRST)
    return True


def _move_back(shard: int, moment: datetime) -> None:
    """Let a shard be swept from a moment on, whatever a sweep that is running says."""
    while True:
        cursor = announced.cursors().get(shard)
        if cursor is not None and cursor <= moment:
            return
        if announced.move_cursor(shard, before=cursor, after=moment):
            return
