"""What people want to be written about, by opaque id; nothing is kept of whoever chose nothing."""

from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute

from referrals.domain.ids import PersonId
from referrals.domain.preferences import Preferences
from referrals.store.rows import Body, Revision, Row, RowMeta, TableName
from referrals.store.transactions import Wanted, Write, read

_BODY = Body(Preferences, left_out=frozenset({"revision"}))


class PreferencesRow(Row):
    class Meta(RowMeta):
        table_name = TableName("preferences")

    person_id = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    revision = Revision()


def wanted(person_id: PersonId) -> Wanted[Preferences]:
    return Wanted(PreferencesRow, person_id, None, _preferences)


def find(person_id: PersonId) -> Preferences:
    """Read somebody's preferences; those of whoever chose nothing are the defaults."""
    row = wanted(person_id)
    read(row)
    return row.value or Preferences(person_id=person_id)


def save(preferences: Preferences) -> Write:
    row = PreferencesRow(
        person_id=preferences.person_id,
        body=_BODY.write(preferences),
        revision=preferences.revision,
    )
    return lambda transaction: transaction.save(row)


def delete(person_id: PersonId) -> Write:
    """Forget what somebody chose, whether they did or not."""
    row = PreferencesRow(person_id=person_id)
    return lambda transaction: transaction.delete(row, add_version_condition=False)


def _preferences(row: PreferencesRow) -> Preferences:
    return replace(_BODY.read(row.body), revision=row.revision)
