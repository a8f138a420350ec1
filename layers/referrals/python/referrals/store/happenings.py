"""What was recorded, in the order in which that happened: sorted in a file, read one by one.

Memory does not grow with it, and several processes may read it at once.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter

from referrals.domain.simulation import Happening

_BODY = TypeAdapter(Happening)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE happenings (place TEXT PRIMARY KEY, friend TEXT, body TEXT) WITHOUT ROWID;
CREATE TABLE evidence (friend TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID;
"""
# takes the place of the last brace: a copy of the value would cost more than all the rest
_LAST_EVIDENCE = b',"is_last_evidence":true}'
_ADD = "INSERT OR REPLACE INTO happenings VALUES (?, ?, ?)"
_ADD_EVIDENCE = """
INSERT INTO evidence VALUES (?, ?)
ON CONFLICT (friend) DO UPDATE SET place = MAX(place, excluded.place)
"""
_ALL = """
SELECT body, friend IS NOT NULL AND happenings.place >= COALESCE(evidence.place, '')
FROM happenings LEFT JOIN evidence USING (friend) ORDER BY happenings.place
"""


class Recording:
    """Happenings in a new file of their own; what is added last may have happened first."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")
        self._count, self._is_complete = 0, False

    def __len__(self) -> int:
        return self._count

    def add(self, happening: Happening) -> None:
        place, friend = _place(happening), happening.friend_id
        self._database.execute(_ADD, (place, friend, _written(happening)))
        if friend is not None and _is_evidence(happening):
            self._database.execute(_ADD_EVIDENCE, (friend, place))
        self._count += 1

    def close(self) -> None:
        """Make the file complete: after this nothing can be added, and anybody can read it."""
        if not self._is_complete:
            self._database.execute("COMMIT")
            self._database.close()
            self._is_complete = True


def read(file: Path) -> Iterator[Happening]:
    """Give all happenings in their order, each knowing whether its friend can still be bound."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        for body, is_last_evidence in database.execute(_ALL):
            yield _BODY.validate_json(body[:-1] + _LAST_EVIDENCE if is_last_evidence else body)


@contextmanager
def recording() -> Iterator[Recording]:
    """Give an empty recording; its file is deleted afterwards."""
    with TemporaryDirectory(prefix="referrals-") as folder:
        recorded = Recording(Path(folder) / "happenings.db")
        try:
            yield recorded
        finally:
            recorded.close()


def _written(happening: Happening) -> bytes:
    return _BODY.dump_json(happening, exclude_defaults=True)


def _is_evidence(happening: Happening) -> bool:
    """Whether it may bind its friend: an operator's word, or a touch that names an advocate."""
    conversion = happening.conversion
    return happening.referral is not None or (
        conversion is not None and any(touch.advocate_id for touch in conversion.touches)
    )


def _place(happening: Happening) -> str:
    """Give what sorts by moment; at the same one, people are there before what they do."""
    micros = (happening.at - _EPOCH) // _MICROSECOND
    if happening.advocate is not None:
        return f"{micros:020} 0 {happening.advocate.person_id}"
    if happening.referral is not None:
        return f"{micros:020} 1 {happening.friend_id}"
    if happening.refund is not None:
        return f"{micros:020} 3 {happening.conversion_id} {happening.refund.refund_id}"
    return f"{micros:020} {4 if happening.review else 2} {happening.conversion_id}"
