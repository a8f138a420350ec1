"""The story of one referral, from enrolment to e-mail, over HTTP, with every number checked.

It begins fifteen days ago and ends now: the clock is moved, nobody waits. Amounts are literal, so
that the story is also the shortest test of the whole system.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infra.local.cloud import LocalCloud, Mail
from infra.local.shop_backend import Answer, ShopBackend, fetch
from infra.local.telling import Telling
from infra.manifest import ROOT
from referrals.cli.documents import read_program_file
from referrals.domain.ids import JournalId, PersonId, ProgramId, derive, person_id
from referrals.domain.ledger import Balance, Journal, read_journal
from referrals.runtime import clock
from referrals.runtime.secrets import keys
from referrals.store import coupons, ledger
from referrals.usecases.apply_program import apply_program
from referrals.usecases.show_advocate import Standing, show_advocate
from referrals.usecases.verify_ledger import verify_ledger

PROGRAM = ProgramId("tea")
ADVOCATE, CODE = "anna", "ANNA10"
FRIEND = "boris"
ORDER = "A-1001"
_TERMS = ROOT / "examples" / "programs" / "tea.yaml"
_POOL, _COUPONS = "welcome", 40
_ANNA, _BORIS = "anna@customer.example", "boris@customer.example"
_BOT = "WhatsApp/2.24.20.89 A"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation of the story, and what was found."""

    what: str
    found: object
    expected: object

    @property
    def holds(self) -> bool:
        return self.found == self.expected

    @property
    def difference(self) -> str:
        return f"{self.what}: expected {self.expected!r}, found {self.found!r}"


class StoryFailedError(Exception):
    """The story went on otherwise than it should; `differences` name each one."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences


@dataclass(slots=True)
class _Seen:
    """What was told already, so that each step tells what is new."""

    mails: set[str] = field(default_factory=set)
    journals: set[JournalId] = field(default_factory=set)
    causes: list[str] = field(default_factory=list)


def apply_terms(base_url: str) -> None:
    """Make the example's terms live, its landing page being the shop that is served here."""
    shop = f"{base_url}/shop"
    changes = {"landing_page": shop, "fallback_url": shop}
    apply_program(
        read_program_file(_TERMS, allowed_hosts=[urlsplit(base_url).netloc], **changes),
        now=clock.utc_now(),
    )
    for number in range(1, _COUPONS + 1):
        coupons.add(PROGRAM, _POOL, f"TEA-{number:03}")


def advocate_standing() -> Standing:
    """Give what the advocate of the story has now."""
    return show_advocate(ADVOCATE, PROGRAM, keys=keys())


class Story:
    """One referral in a running cloud; `play` tells it and gives the checks, all of them held."""

    def __init__(self, cloud: LocalCloud, shop: ShopBackend, telling: Telling) -> None:
        self.checks: list[Check] = []
        self._cloud, self._shop, self._telling = cloud, shop, telling
        self._now = self._end = datetime.now(UTC).replace(microsecond=0)
        self._seen = _Seen()
        self._told_checks = 0
        self._people: dict[str, PersonId] = {}
        self._link = self._first_answer = ""

    def play(self) -> list[Check]:
        """Play every step; StoryFailedError names what differed from what was expected."""
        clock.set_source(lambda: self._now)
        try:
            self._begin()
            self._anna_enrols()
            self._a_messenger_looks_at_the_link()
            click = self._boris_follows_the_link()
            self._boris_signs_up(click)
            order = self._boris_buys()
            self._the_purchase_is_delivered_again(order)
            self._anna_tries_her_own_code()
            self._boris_sends_something_back()
            self._the_hold_ends()
            self._the_bank_takes_the_money_back()
            self._the_shop_wins_it_back()
            self._the_books_are_closed()
        finally:
            # whoever calls from now on signs with the real time
            clock.set_source(None)
        differences = [check.difference for check in self.checks if not check.holds]
        if differences:
            raise StoryFailedError(differences)
        return self.checks

    # the steps

    def _begin(self) -> None:
        identity = keys().identity
        self._people = {name: person_id(name, key=identity) for name in (ADVOCATE, FRIEND)}
        self._telling.names |= {self._people[ADVOCATE]: "Anna", self._people[FRIEND]: "Boris"}
        self._move_to(days=15)
        apply_terms(self._shop.base_url)
        self._seen.mails = {mail.message_id for mail in self._cloud.mails()}
        self._telling.title("tea", "A friend gets 5 € for signing up and 3 € for the first order,")
        self._telling.out.print("       the advocate a tenth of it; orders are held for 14 days.")

    def _anna_enrols(self) -> None:
        self._step("Anna enrols", days=15)
        document = {
            "program": PROGRAM,
            "id": ADVOCATE,
            "email": _ANNA,
            "name": "Anna",
            "code": CODE,
        }
        self._telling.request("POST", "/api/advocates", document)
        answer = self._shop.enrol(document)
        self._link = str(answer.document.get("link"))
        self._telling.answer(answer, self._link)
        self._expect("enrolment is new", answer.status, 201)
        self._expect("her code", answer.document.get("code"), CODE)
        self._expect("her link", self._link, f"{self._shop.base_url}/r/{CODE}")
        self._end_step(mails=[(_ANNA, "Your link for friends is ready")])

    def _a_messenger_looks_at_the_link(self) -> None:
        self._step("Anna sends the link to Boris; the messenger makes a preview", days=14, hours=6)
        self._telling.request("GET", f"/r/{CODE}", {"user-agent": _BOT})
        answer = fetch("GET", self._link, headers={"User-Agent": _BOT})
        self._telling.answer(answer, "a page for the preview, not a click")
        for line in _opengraph(answer.body):
            self._telling.line("", line)
        self._expect("a preview is a page", answer.status, 200)
        title = '<meta property="og:title" content="A cup of tea on your friend">'
        self._expect("the preview has a title", title in answer.body, expected=True)
        self._end_step()

    def _boris_follows_the_link(self) -> str:
        self._step("Boris follows the link", days=14, hours=5)
        self._telling.request("GET", f"/r/{CODE}?ch=whatsapp")
        answer = fetch("GET", f"{self._link}?ch=whatsapp", headers={"User-Agent": _BROWSER})
        target = answer.headers.get("location", "")
        self._telling.answer(answer, "to the shop, with the offer applied")
        self._telling.line("target", target)
        query = parse_qs(urlsplit(target).query)
        self._expect("a click is sent on", answer.status, 302)
        self._expect("to the shop", target.partition("?")[0], f"{self._shop.base_url}/shop")
        self._expect("with her code", query.get("via"), [CODE])
        self._end_step()
        return "".join(query.get("click", ()))

    def _boris_signs_up(self, click: str) -> None:
        self._step("Boris signs up; the shop sends his click along", days=14, hours=4, minutes=45)
        friend = {"id": FRIEND, "email": _BORIS, "name": "Boris", "locale": "ru"}
        answer = self._report("signup", {"program": PROGRAM, "friend": friend, "click": click})
        self._expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._expect_rewards(answer, [("friend", "coupon", "held", 500)])
        self._end_step(
            journals=3,  # promised, released, handed over
            balances={ADVOCATE: {}, FRIEND: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 500}},
            mails=[(_ANNA, "Boris has joined us"), (_BORIS, "Ваш купон на 5 €")],
        )

    def _boris_buys(self) -> dict[str, Any]:
        self._step("Boris buys tea for 48 €", days=14, hours=4, minutes=30)
        order = {
            "program": PROGRAM,
            "order_id": ORDER,
            "friend": {"id": FRIEND},
            "amount_minor": 4800,
            "currency": "EUR",
        }
        answer = self._report("purchase", order)
        self._expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        promised = [("advocate", "credit", "held", 480), ("friend", "credit", "held", 300)]
        self._expect_rewards(answer, promised)
        self._end_step(
            journals=1,
            balances={
                ADVOCATE: {"held:EUR": 480},
                FRIEND: {"held:EUR": 300, "available:EUR": 0, "paid:EUR": 500},
            },
            mails=[(_ANNA, "You have earned €4.80"), (_BORIS, "Вам полагается 3 €")],
        )
        self._first_answer = answer.body
        return order

    def _the_purchase_is_delivered_again(self, order: Mapping[str, Any]) -> None:
        self._step("The shop delivers the same purchase again", days=14, hours=4, minutes=20)
        answer = self._shop.report("purchase", order)
        self._telling.request("POST", "/hooks/purchase", order)
        self._telling.answer(answer, "the same answer; nothing is counted twice")
        self._expect("again is not new", answer.status, 200)
        self._expect("the answer again", answer.body, self._first_answer)
        self._end_step(balances={ADVOCATE: {"held:EUR": 480}})

    def _anna_tries_her_own_code(self) -> None:
        self._step("Anna tries her own code", days=12, hours=2)
        friend = {"id": ADVOCATE, "email": _ANNA}
        answer = self._report("signup", {"program": PROGRAM, "friend": friend, "code": CODE})
        self._expect_outcome(answer, status=201, outcome="declined", advocate=None)
        self._expect("her reason", answer.document.get("reason"), "self_referral")
        self._expect_rewards(answer, [])
        self._end_step(balances={ADVOCATE: {"held:EUR": 480}})

    def _boris_sends_something_back(self) -> None:
        self._step("Boris sends one tin back and gets 12 €: the numbers shrink", days=9, hours=3)
        refund = {
            "program": PROGRAM,
            "order_id": ORDER,
            "refund_id": "A-1001-R1",
            "amount_minor": 1200,
            "currency": "EUR",
        }
        answer = self._report("refund", refund)
        self._expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._expect_rewards(answer, [("advocate", "credit", "held", 360)])
        self._end_step(
            journals=1,
            balances={
                ADVOCATE: {"held:EUR": 360},
                FRIEND: {"held:EUR": 300, "available:EUR": 0, "paid:EUR": 500},
            },
        )

    def _the_hold_ends(self) -> None:
        self._step("Fourteen days are over: what was held is handed over", days=0)
        before = self._cloud.queue_depth("fulfilment")
        self._cloud.run_schedules()
        queued = self._cloud.queue_depth("fulfilment") - before
        self._telling.line("schedule", f"{queued} rewards are due and go to the queue")
        self._expect("rewards in the queue", queued, 2)
        self._end_step(
            journals=4,
            balances={
                ADVOCATE: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 360},
                FRIEND: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 800},
            },
            mails=[(_ANNA, "€3.60 of credit, added for you"), (_BORIS, "3 € уже на вашем счёте")],
        )

    def _the_bank_takes_the_money_back(self) -> None:
        self._step("Boris disputes the payment: what was handed over becomes a debt", days=0)
        answer = self._report("chargeback", _chargeback("opened"))
        self._expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._expect_rewards(
            answer,
            [("advocate", "credit", "clawed_back", 0), ("friend", "credit", "clawed_back", 0)],
        )
        self._end_step(
            journals=1,
            balances={
                ADVOCATE: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 360, "debt:EUR": -360},
                FRIEND: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 800, "debt:EUR": -300},
            },
        )

    def _the_shop_wins_it_back(self) -> None:
        self._step("The shop wins: it is promised anew, and the promise pays the debt", days=0)
        answer = self._report("chargeback", _chargeback("won"))
        self._expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._expect_rewards(
            answer, [("advocate", "credit", "held", 360), ("friend", "credit", "held", 300)]
        )
        self._end_step(
            journals=5,
            balances={
                ADVOCATE: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 360, "debt:EUR": 0},
                FRIEND: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 800, "debt:EUR": 0},
            },
        )

    def _the_books_are_closed(self) -> None:
        self._step("What Anna sees, and what the books say", days=0)
        answer = self._shop.advocate(ADVOCATE, program=PROGRAM)
        self._telling.request("GET", f"/api/advocates/{ADVOCATE}?program={PROGRAM}")
        counts, rewards = answer.document.get("counts", {}), answer.document.get("rewards", [])
        self._telling.answer(answer, ", ".join(f"{name} {counts[name]}" for name in counts))
        for reward in rewards:
            self._telling.line("reward", f"{reward['state']}: {reward['because']}")
        self._expect("counts", counts, {"clicks": 1, "signups": 1, "purchases": 1})
        self._expect(
            "her rewards",
            [(r["state"], r["amount_minor"]) for r in rewards],
            [("clawed_back", 0), ("fulfilled", 360)],
        )
        books = verify_ledger()
        verdict = "sound" if books.is_sound else f"{len(books.faults)} faults"
        self._telling.line(
            "ledger",
            f"{books.journals} journals, {books.balances} balances: {verdict}; "
            f"all accounts in EUR add up to {books.total('EUR')}",
        )
        self._expect("faults in the ledger", books.faults, ())
        self._expect("all accounts together", books.total("EUR"), 0)
        expense = books.accounts.get((f"program:{PROGRAM}:expense", "EUR"))
        self._expect("what the program cost", expense, -1160)
        self._end_step()

    # what the steps are made of

    def _step(self, says: str, *, days: int, hours: int = 0, minutes: int = 0) -> None:
        self._move_to(days=days, hours=hours, minutes=minutes)
        self._telling.step(says, self._now)

    def _move_to(self, *, days: int, hours: int = 0, minutes: int = 0) -> None:
        """Set the clock to so long before the end of the story."""
        self._now = self._end - timedelta(days=days, hours=hours, minutes=minutes)

    def _report(self, hook: str, document: Mapping[str, Any]) -> Answer:
        self._telling.request("POST", f"/hooks/{hook}", document)
        answer = self._shop.report(hook, document)
        self._telling.outcome(answer)
        self._seen.causes += _causes(answer.document, _refund_id(document))
        return answer

    def _end_step(
        self,
        *,
        journals: int = 0,
        balances: Mapping[str, Mapping[str, int]] | None = None,
        mails: list[tuple[str, str]] | None = None,
    ) -> None:
        """Let everything that was set in motion arrive; tell of it, and hold it to the numbers."""
        self._cloud.settle()
        self._cloud.run_schedules()
        self._cloud.settle()
        written = list(self._new_journals())
        self._telling.journals(written)
        self._expect("new journals", len(written), journals)
        found = {name: self._balance(name) for name in balances or {}}
        self._telling.balances(found.values() if written else ())
        for name, amounts in (balances or {}).items():
            self._expect(f"balance of {name}", dict(found[name].amounts), dict(amounts))
        sent = list(self._new_mails())
        self._telling.mails(sent)
        # those of one moment are in no order
        addressed = sorted(_addressed(mail) for mail in sent)
        self._expect("e-mails", addressed, sorted(mails or []))
        self._tell_checks()

    def _tell_checks(self) -> None:
        new = self.checks[self._told_checks :]
        self._told_checks = len(self.checks)
        differences = [check.difference for check in new if not check.holds]
        self._telling.checks(len(new) - len(differences), differences)

    def _expect(self, what: str, found: object, expected: object) -> None:
        self.checks.append(Check(what=what, found=found, expected=expected))

    def _expect_outcome(
        self, answer: Answer, *, status: int, outcome: str, advocate: str | None
    ) -> None:
        self._expect("status", answer.status, status)
        self._expect("outcome", answer.document.get("outcome"), outcome)
        self._expect("advocate", answer.document.get("advocate_id"), advocate)

    def _expect_rewards(self, answer: Answer, rewards: list[tuple[str, str, str, int]]) -> None:
        found = [
            (reward["to"], reward["kind"], reward["state"], reward["amount_minor"])
            for reward in answer.document.get("rewards", ())
        ]
        self._expect("rewards", found, rewards)

    def _balance(self, name: str) -> Balance:
        person: PersonId = self._people[name]
        known = ledger.find_balance(PROGRAM, person)
        return known or Balance(program_id=PROGRAM, person_id=person)

    def _new_journals(self) -> Iterator[Journal]:
        """Read the journals that the causes so far may have written; cheap with any history."""
        for cause in self._seen.causes:
            journal_id = JournalId(derive("jrn", PROGRAM, cause))
            canonical = ledger.find_canonical(journal_id)
            if canonical is not None and journal_id not in self._seen.journals:
                self._seen.journals.add(journal_id)
                yield read_journal(canonical)

    def _new_mails(self) -> Iterator[Mail]:
        """Give new mails to the people of the story; others may have got some meanwhile."""
        for mail in self._cloud.mails():
            if mail.message_id not in self._seen.mails and set(mail.to) & {_ANNA, _BORIS}:
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
        causes += [f"{move}:{reward['id']}" for move in ("hold", "fulfilment")]
        causes.append(f"netting:{reward['id']}:3")
    return causes


def _refund_id(document: Mapping[str, Any]) -> str | None:
    """Give what a report of money that went back is booked under."""
    if "chargeback_id" in document:
        return f"chargeback:{document['chargeback_id']}:{document['status']}"
    refund_id: str | None = document.get("refund_id")
    return refund_id


def _chargeback(status: str) -> dict[str, Any]:
    return {
        "program": PROGRAM,
        "order_id": ORDER,
        "chargeback_id": "D-77",
        "amount_minor": 3600,
        "currency": "EUR",
        "status": status,
    }


def _opengraph(page: str) -> list[str]:
    """Give what a messenger would show: title and description."""
    found = []
    for name in ("og:title", "og:description"):
        _, _, rest = page.partition(f'<meta property="{name}" content="')
        found.append(rest.partition('"')[0])
    return [text for text in found if text]
