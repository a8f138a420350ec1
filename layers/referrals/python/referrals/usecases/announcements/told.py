"""What an announcement is made from: an event, and what of the people and terms in it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from referrals.domain.conversions import Case, Conversion
from referrals.domain.events import DomainEvent
from referrals.domain.ids import ConversionId, PersonId
from referrals.domain.people import Person
from referrals.domain.programs import Program
from referrals.store import conversions, people, programs
from referrals.store.transactions import read
from referrals.usecases.keys import MailKeys
from referrals.usecases.letters import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event that is announced. What it names is read as it is now, and only when asked for."""

    event: DomainEvent
    keys: MailKeys
    now: datetime

    @property
    def cause(self) -> tuple[str, ...]:
        return (self.event.event_id,)

    @property
    def program(self) -> Program:
        return programs.get_live(self.event.program_id)

    def text(self, name: str) -> str:
        """Give what the event says under a name, as text; empty when it says nothing."""
        value = self.event.data.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int:
        return int(self.event.data.get(name) or 0)

    def moment(self, name: str) -> datetime | None:
        written = self.text(name)
        return datetime.fromisoformat(written) if written else None

    def find_person(self, name: str) -> Person | None:
        """Find whom the event names; None for nobody, and for whoever was forgotten."""
        person_id = self.text(name)
        return people.find(PersonId(person_id)) if person_id else None

    def find_case(self) -> Case | None:
        conversion_id = self.text("conversion_id")
        return find_case(ConversionId(conversion_id)) if conversion_id else None

    def find_conversion(self) -> Conversion | None:
        case = self.find_case()
        return case.conversion if case else None


def find_case(conversion_id: ConversionId) -> Case | None:
    wanted = conversions.wanted(conversion_id)
    read(wanted)
    return wanted.value


Announcement = Callable[[Told], Iterator[Letter]]
