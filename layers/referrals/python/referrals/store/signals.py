"""What people were seen with, in keyed hashes, and how many friends an advocate brought lately.

Nothing here can be read back: a hash is tried with the key or not at all. What was seen and who was
brought is bounded, because whoever makes signals up must not make large items up. That an address
belongs to somebody who was forgotten is all here that does not go in time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pynamodb.attributes import (
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.exceptions import DeleteError, UpdateError
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from referrals.domain.fraud.signals import MAX_OWNERS_KEPT, SignalKind
from referrals.domain.fraud.velocity import MAX_SIGNUPS_KEPT_PER_HOUR
from referrals.domain.ids import PersonId
from referrals.store.rows import CONDITION_FAILED, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_OWNERS_KEPT = timedelta(days=400)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_SIGNUPS_KEPT = timedelta(days=3)  # reports may come a day late
_OWNERS, _FORGOTTEN, _MARK = "owners", "forgotten", "#"


class SignalRow(Row):
    """Who was seen with one address, card or network; only its keyed hash is known."""

    class Meta(RowMeta):
        table_name = TableName("signals")

    signal = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    people = UnicodeSetAttribute()
    first_seen = UTCDateTimeAttribute()
    expires_at = TTLAttribute()


class SignupsRow(Row):
    """Which friends an advocate brought in one clock hour, each as `MM:SS#friend`."""

    class Meta(RowMeta):
        table_name = TableName("signals")

    signal = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    friends = UnicodeSetAttribute()
    expires_at = TTLAttribute()


class ForgottenRow(Row):
    """That a mark, or an opaque id, belongs to somebody who was a customer and was forgotten."""

    class Meta(RowMeta):
        table_name = TableName("signals")

    signal = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    forgotten_at = UTCDateTimeAttribute()


def note(
    kind: SignalKind, value_hash: str, person_id: PersonId, *, now: datetime
) -> frozenset[PersonId]:
    """Note that a person was seen with something; give everybody known for it, them included.

    To note somebody twice changes nothing but how long it is kept: 400 days from the last time.
    Once 20 people are known no more are added, and those 20 are given beside the one noted.
    """
    row = SignalRow(signal=_signal(kind, value_hash), slot=_OWNERS)
    actions: list[Action] = [
        SignalRow.people.add({person_id}),
        SignalRow.first_seen.set(SignalRow.first_seen | now),
        SignalRow.expires_at.set(now + _OWNERS_KEPT),
    ]
    if _is_added(row, actions, _has_room(SignalRow.people, person_id, MAX_OWNERS_KEPT)):
        return _owners(row)
    full = wanted(kind, value_hash)
    read(full)
    return (full.value or frozenset()) | {person_id}


def wanted(kind: SignalKind, value_hash: str) -> Wanted[frozenset[PersonId]]:
    """Want everybody who is known for something; nobody is None."""
    return Wanted(SignalRow, _signal(kind, value_hash), _OWNERS, _owners)


def forget(person_id: PersonId) -> int:
    """Take somebody out of all that people were seen with; gives out of how much.

    One pass over the table: what is under keys that were rotated away is found, too.
    """
    rows = list(SignalRow.scan(SignalRow.people.contains(person_id), consistent_read=True))
    for row in rows:
        try:
            row.delete(condition=SignalRow.people == {person_id})
        except DeleteError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise
            row.update(actions=[SignalRow.people.delete({person_id})])
    return len(rows)


def note_forgotten(mark: str, *, now: datetime) -> Write:
    """Note that somebody with a mark, or an id, was forgotten; twice is once."""
    row = ForgottenRow(_forgotten(mark), _FORGOTTEN)
    return lambda transaction: transaction.update(
        row, actions=[ForgottenRow.forgotten_at.set(ForgottenRow.forgotten_at | now)]
    )


def wanted_forgotten(mark: str) -> Wanted[bool]:
    """Want whether somebody with a mark, or an id, was forgotten; None when nobody was."""
    return Wanted(ForgottenRow, _forgotten(mark), _FORGOTTEN, lambda _row: True)


def note_signup(advocate_id: PersonId, friend_id: PersonId, *, at: datetime) -> None:
    """Note that an advocate brought a friend; at most 500 are kept of one clock hour."""
    row = SignupsRow(signal=_signups(advocate_id), slot=_slot(at))
    entry = f"{at.astimezone(UTC):%M:%S}{_MARK}{friend_id}"
    actions: list[Action] = [
        SignupsRow.friends.add({entry}),
        SignupsRow.expires_at.set(at + _SIGNUPS_KEPT),
    ]
    _is_added(row, actions, _has_room(SignupsRow.friends, entry, MAX_SIGNUPS_KEPT_PER_HOUR))


def count_signups(advocate_id: PersonId, *, until: datetime) -> tuple[int, int]:
    """Count the friends of the hour and of the 24 hours before; one who is told twice is one."""
    rows = SignupsRow.query(
        _signups(advocate_id),
        SignupsRow.slot.between(_slot(until - _DAY), _slot(until)),
        consistent_read=True,
    )
    seen = [_seen(row.slot, entry) for row in rows for entry in row.friends]
    return _friends_since(until - _HOUR, until, seen), _friends_since(until - _DAY, until, seen)


def _friends_since(start: datetime, end: datetime, seen: Sequence[tuple[datetime, str]]) -> int:
    return len({friend for at, friend in seen if start < at <= end})


def _seen(slot: str, entry: str) -> tuple[datetime, str]:
    moment, _, friend = entry.partition(_MARK)
    minute, second = moment.split(":")
    at = datetime.fromisoformat(slot).replace(minute=int(minute), second=int(second))
    return at, friend


def _has_room(members: UnicodeSetAttribute, member: str, most: int) -> Condition:
    is_not_full: Condition = size(members) < most  # type: ignore[no-untyped-call]
    has_room: Condition = members.does_not_exist() | members.contains(member) | is_not_full
    return has_room


def _is_added(row: Row, actions: Sequence[Action], has_room: Condition) -> bool:
    try:
        row.update(actions=list(actions), condition=has_room)
    except UpdateError as error:
        if error.cause_response_code != CONDITION_FAILED:
            raise
        return False
    return True


def _owners(row: SignalRow) -> frozenset[PersonId]:
    # the last one may have been forgotten
    return frozenset(PersonId(each) for each in row.people or ())


def _signal(kind: SignalKind, value_hash: str) -> str:
    return f"{kind}{_MARK}{value_hash}"


def _forgotten(mark: str) -> str:
    return f"{_FORGOTTEN}{_MARK}{mark}"


def _signups(advocate_id: PersonId) -> str:
    return f"signups{_MARK}{advocate_id}"


def _slot(at: datetime) -> str:
    """Give the clock hour in UTC, in a form that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="hours")
