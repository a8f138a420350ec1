"""An operator has mended what kept events from being announced: the sweep takes them up again.

Nothing is announced here. What a dead letter names loses its mark of having been given up, and the
cursors go back to before it; the next sweep announces what has no mark, and nothing else.
"""

from datetime import datetime, timedelta

from referrals.notify.dead_letters import LostItem, LostStretch
from referrals.store import announced, events
from referrals.usecases.sweep_events import FURTHEST_LOOK

# A record comes into the stream when it is committed, after the moment that is in its place.
_BEFORE_THE_FIRST = timedelta(hours=1)


class TooLongAgoError(ValueError):
    """What a dead letter names lies further back than any sweep looks."""


def announce_again(lost: LostItem | LostStretch, *, now: datetime) -> bool:
    """Have the next sweep look at what a dead letter names; False when it was announced since.

    Of a stretch nobody knows it before the sweep has looked. TooLongAgoError when none will.
    """
    match lost:
        case LostItem(place=place):
            _check_within_sight(place.recorded_at, now)
            if not announced.take_up_again(place):
                return False
            _move_back(place.shard, place.recorded_at)
        case LostStretch(first_at=first_at):
            _check_within_sight(first_at, now)
            for shard in range(events.SHARDS_PER_DAY):
                _move_back(shard, first_at - _BEFORE_THE_FIRST)
    return True


def _check_within_sight(moment: datetime, now: datetime) -> None:
    if moment <= now - FURTHEST_LOOK:
        raise TooLongAgoError


def _move_back(shard: int, moment: datetime) -> None:
    """Let a shard be swept from a moment on, whatever a sweep that is running says."""
    while True:
        cursor = announced.cursors().get(shard)
        if cursor is not None and cursor <= moment:
            return
        if announced.move_cursor(shard, before=cursor, after=moment):
            return
