"""Recognises people who were forgotten and come again as somebody else: they are not new.

    forget ──> mark of the address      sign-up under another id ──> mark of that id, too

So a purchase that tells no address is recognised by the id of the sign-up before it.
"""

from datetime import datetime
from typing import Any

from referrals.domain.ids import PersonId
from referrals.domain.people import forgotten_mark
from referrals.store import signals
from referrals.store.transactions import Wanted, Write
from referrals.usecases.keys import Keys


class Recognition:
    """What somebody is recognised by: wanted first, so that it joins a round of reads.

    Nothing is wanted unless it `matters` whether they were here before.
    """

    def __init__(
        self, person_id: PersonId, email: str | None, *, keys: Keys, matters: bool
    ) -> None:
        mark = forgotten_mark(email, key=keys.identity) if email else None
        self._person_id = person_id
        self._by_mark = [signals.wanted_forgotten(mark)] if matters and mark else []
        self._by_id = [signals.wanted_forgotten(person_id)] if matters else []

    @property
    def wanted(self) -> tuple[Wanted[Any], ...]:
        return (*self._by_mark, *self._by_id)

    @property
    def is_known(self) -> bool:
        """Whether somebody was here before and was forgotten, as far as it was asked."""
        return any(each.value for each in self.wanted)

    def writes(self, *, now: datetime) -> tuple[Write, ...]:
        """Give what to write so that the id alone is recognised the next time."""
        is_first_time = self.is_known and not any(each.value for each in self._by_id)
        return (signals.note_forgotten(self._person_id, now=now),) if is_first_time else ()
