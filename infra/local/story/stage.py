"""Where the story is played: a cloud, a shop, a clock that is moved, and what is expected."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.cloud import LocalCloud, Mail
from infra.local.shop_backend import Answer, ShopBackend
from infra.local.story.checks import Check
from infra.local.story.terms import PROGRAM
from infra.local.telling import Telling
from referrals.domain.ids import JournalId, PersonId, ProgramId, derive, person_id
from referrals.domain.ledger import Balance, Journal, read_journal
from referrals.runtime.secrets import keys
from referrals.store import ledger

NOTHING_OPEN = {"held:EUR": 0, "available:EUR": 0}

# A reward is written a few times before: held, available, claimed, put back without stock.
_HAND_OVERS = range(2, 12)

_Balances = Mapping[str, Mapping[str, int]]


@dataclass(slots=True)
class _Seen:
    """What was told already, so that each step tells what is new."""

    checks: int = 0
    mails: set[str] = field(default_factory=set)
    journals: set[JournalId] = field(default_factory=set)
    # journals to look for; some will never be written
    expected: list[JournalId] = field(default_factory=list)


class Stage:
    """What all steps share; `now` is the moment of the story, `end` the one that it ends at."""

    def __init__(self, cloud: LocalCloud, shop: ShopBackend, telling: Telling) -> None:
        self.cloud, self.shop, self.telling = cloud, shop, telling
        self.checks: list[Check] = []
        self.now = self.end = datetime.now(UTC).replace(microsecond=0)
        self._counted_from = self.end
        self._seen = _Seen()
        self._people: dict[str, PersonId] = {}
        self._addresses: set[str] = set()

    def meet(self, customer_id: str, name: str, address: str) -> None:
        """Let somebody take part, whose balances and mails are told from now on."""
        self._people[customer_id] = person_id(customer_id, key=keys().identity)
        self.telling.names[self._people[customer_id]] = name
        self._addresses.add(address)

    def begin_act(self, *, ends_at: datetime) -> None:
        """Let the steps that follow say how long before a moment they are."""
        self._counted_from = ends_at
        self._seen.expected = []

    def move_to(self, *, days: int = 0, hours: int = 0, minutes: int = 0) -> None:
        """Set the clock."""
        self.now = self._counted_from - timedelta(days=days, hours=hours, minutes=minutes)

    def step(self, says: str, *, days: int = 0, hours: int = 0, minutes: int = 0) -> None:
        self.move_to(days=days, hours=hours, minutes=minutes)
        self.telling.step(says, self.now)

    def person(self, customer_id: str) -> PersonId:
        """Give what somebody of the story is known by inside."""
        return self._people[customer_id]

    def report(self, hook: str, document: Mapping[str, Any], *, is_brief: bool = False) -> Answer:
        """Report to a hook, and tell what it answered; what is brief without its decisions."""
        self.telling.request("POST", f"/hooks/{hook}", document)
        answer = self.shop.report(hook, document)
        self.telling.outcome(answer, is_brief=is_brief)
        causes = _causes(answer.document, _refund_id(document))
        self.look_for(document["program"], *causes)
        return answer

    def look_for(self, program_id: ProgramId, *causes: str) -> None:
        """Tell of the journals of these causes, once they are written."""
        wanted = (JournalId(derive("jrn", program_id, cause)) for cause in causes)
        known = self._seen.journals.union(self._seen.expected)
        self._seen.expected += [each for each in wanted if each not in known]

    def tick(self, *functions: str) -> None:
        """Let these clocks tick (`app.function`), one after the other, and what follows arrive."""
        for each in functions:
            app, _, function = each.partition(".")
            self.cloud.invoke(app, function, {})
            self.cloud.settle()

    def pass_time(self) -> None:
        """Let everything that was set in motion arrive, and all clocks tick."""
        self.cloud.settle()
        self.cloud.run_schedules()
        self.cloud.settle()

    def end_step(
        self,
        *,
        program_id: ProgramId = PROGRAM,
        journals: int = 0,
        balances: _Balances | None = None,
        mails: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Let everything that was set in motion arrive; tell of it, and hold it to the numbers."""
        self.cloud.settle()
        written = list(self._new_journals())
        self.telling.journals(written)
        self.expect("new journals", len(written), journals)
        self._check_balances(program_id, balances or {}, is_told=bool(written))
        sent = list(self._new_mails())
        self.telling.mails(sent)
        # those of one moment are in no order
        self.expect("e-mails", sorted(_addressed(mail) for mail in sent), sorted(mails))
        self._tell_checks()

    def pass_over_mails(self) -> None:
        """Tell nothing of the mails so far: they are of a story before."""
        self._seen.mails = {mail.message_id for mail in self.cloud.mails()}

    def find_mail(self, to: str, subject: str) -> Mail | None:
        """Find the newest mail to somebody by what its subject begins with."""
        found = (
            mail
            for mail in reversed(self.cloud.mails())
            if mail.to == (to,) and mail.subject.startswith(subject)
        )
        return next(found, None)

    # expectations

    def expect(self, what: str, found: object, expected: object) -> None:
        self.checks.append(Check(what=what, found=found, expected=expected))

    def expect_outcome(
        self, answer: Answer, *, status: int, outcome: str, advocate: str | None
    ) -> None:
        self.expect("status", answer.status, status)
        self.expect("outcome", answer.document.get("outcome"), outcome)
        self.expect("advocate", answer.document.get("advocate_id"), advocate)

    def expect_rewards(self, answer: Answer, rewards: list[tuple[str, str, str, int]]) -> None:
        found = [
            (reward["to"], reward["kind"], reward["state"], reward["amount_minor"])
            for reward in answer.document.get("rewards", ())
        ]
        self.expect("rewards", found, rewards)

    def _check_balances(self, program_id: ProgramId, balances: _Balances, *, is_told: bool) -> None:
        found = {name: self._balance(program_id, name) for name in balances}
        self.telling.balances(found.values() if is_told else ())
        for name, amounts in balances.items():
            self.expect(f"balance of {name}", dict(found[name].amounts), dict(amounts))

    def _tell_checks(self) -> None:
        new = self.checks[self._seen.checks :]
        self._seen.checks = len(self.checks)
        differences = [check.difference for check in new if not check.holds]
        self.telling.checks(len(new) - len(differences), differences)

    def _balance(self, program_id: ProgramId, name: str) -> Balance:
        person = self._people[name]
        known = ledger.find_balance(program_id, person)
        return known or Balance(program_id=program_id, person_id=person)

    def _new_journals(self) -> Iterator[Journal]:
        """Read the journals that were written of those to look for; cheap with any history."""
        for journal_id in list(self._seen.expected):
            canonical = ledger.find_canonical(journal_id)
            if canonical is not None:
                self._seen.expected.remove(journal_id)
                self._seen.journals.add(journal_id)
                yield read_journal(canonical)

    def _new_mails(self) -> Iterator[Mail]:
        """Give new mails to the people of the story; others may have got some meanwhile."""
        for mail in self.cloud.mails():
            if mail.message_id not in self._seen.mails and set(mail.to) & self._addresses:
                self._seen.mails.add(mail.message_id)
                yield mail


def _addressed(mail: Mail) -> tuple[str, ...]:
    """Give recipients and subject; amounts in it are kept together by no-break spaces."""
    return (*mail.to, mail.subject.replace("\N{NO-BREAK SPACE}", " "))


def _causes(answer: Mapping[str, Any], refund_id: str | None) -> list[str]:
    """Name every cause of a journal that an answer of a hook lets expect."""
    conversion = str(answer.get("conversion_id"))
    source = f"conversion:{conversion}" if refund_id is None else f"refund:{conversion}:{refund_id}"
    causes = [source]
    for reward in answer.get("rewards", ()):
        # a reward that pays a debt does so in its third writing
        causes += [f"hold:{reward['id']}", f"netting:{reward['id']}:3"]
        causes += hand_overs(reward["id"])
    return causes


def hand_overs(reward_id: str) -> list[str]:
    """Name every cause that the hand-over of a reward may have: by which writing of it it is."""
    return [f"fulfilment:{reward_id}:{writing}" for writing in _HAND_OVERS]


def _refund_id(document: Mapping[str, Any]) -> str | None:
    """Give what a report of money that went back is booked under."""
    if "chargeback_id" in document:
        return f"chargeback:{document['chargeback_id']}:{document['status']}"
    refund_id: str | None = document.get("refund_id")
    return refund_id
