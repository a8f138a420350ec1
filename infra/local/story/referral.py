"""First act: one referral, from enrolment to a charge back that the shop wins."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infra.local.shop_backend import fetch
from infra.local.story.stage import NOTHING_OPEN, Stage
from infra.local.story.terms import (
    ADVOCATE,
    ANNA_MAIL,
    ARRIVALS_LAST,
    BORIS_MAIL,
    CODE,
    FRIEND,
    ORDER,
    PROGRAM,
    apply_terms,
)
from referrals.store import rewards
from referrals.usecases.verify_ledger import verify_ledger

_BOT = "WhatsApp/2.24.20.89 A"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Referral:
    """Anna recommends the tea shop to Boris, and both are rewarded."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._link = self._first_answer = ""

    def play(self) -> None:
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

    def _begin(self) -> None:
        stage = self._stage
        stage.meet(ADVOCATE, "Anna", ANNA_MAIL)
        stage.meet(FRIEND, "Boris", BORIS_MAIL)
        stage.begin_act(ends_at=stage.end - ARRIVALS_LAST)
        stage.move_to(days=15)
        apply_terms(stage.shop.base_url)
        stage.pass_over_mails()
        stage.telling.title("tea", "A friend gets 5 € for signing up and 3 € for the first order,")
        stage.telling.out.print("       the advocate a tenth of it; orders are held for 14 days.")

    def _anna_enrols(self) -> None:
        self._stage.step("Anna enrols", days=15)
        document = {
            "program": PROGRAM,
            "id": ADVOCATE,
            "email": ANNA_MAIL,
            "name": "Anna",
            "code": CODE,
        }
        self._stage.telling.request("POST", "/api/advocates", document)
        answer = self._stage.shop.enrol(document)
        self._link = str(answer.document.get("link"))
        self._stage.telling.answer(answer, self._link)
        self._stage.expect("enrolment is new", answer.status, 201)
        self._stage.expect("her code", answer.document.get("code"), CODE)
        self._stage.expect("her link", self._link, f"{self._stage.shop.base_url}/r/{CODE}")
        self._stage.pass_time()
        self._stage.end_step(mails=[(ANNA_MAIL, "Your link for friends is ready")])

    def _a_messenger_looks_at_the_link(self) -> None:
        self._stage.step(
            "Anna sends the link to Boris; the messenger makes a preview", days=14, hours=6
        )
        self._stage.telling.request("GET", f"/r/{CODE}", {"user-agent": _BOT})
        answer = fetch("GET", self._link, headers={"User-Agent": _BOT})
        self._stage.telling.answer(answer, "a page for the preview, not a click")
        for line in _opengraph(answer.body):
            self._stage.telling.line("", line)
        self._stage.expect("a preview is a page", answer.status, 200)
        title = '<meta property="og:title" content="A cup of tea on your friend">'
        self._stage.expect("the preview has a title", title in answer.body, expected=True)
        self._stage.pass_time()
        self._stage.end_step()

    def _boris_follows_the_link(self) -> str:
        self._stage.step("Boris follows the link", days=14, hours=5)
        self._stage.telling.request("GET", f"/r/{CODE}?ch=whatsapp")
        answer = fetch("GET", f"{self._link}?ch=whatsapp", headers={"User-Agent": _BROWSER})
        target = answer.headers.get("location", "")
        self._stage.telling.answer(answer, "to the shop, with the offer applied")
        self._stage.telling.line("target", target)
        query = parse_qs(urlsplit(target).query)
        self._stage.expect("a click is sent on", answer.status, 302)
        self._stage.expect(
            "to the shop", target.partition("?")[0], f"{self._stage.shop.base_url}/shop"
        )
        self._stage.expect("with her code", query.get("via"), [CODE])
        self._stage.pass_time()
        self._stage.end_step()
        return "".join(query.get("click", ()))

    def _boris_signs_up(self, click: str) -> None:
        self._stage.step(
            "Boris signs up; the shop sends his click along", days=14, hours=4, minutes=45
        )
        friend = {"id": FRIEND, "email": BORIS_MAIL, "name": "Boris", "locale": "ru"}
        answer = self._stage.report(
            "signup", {"program": PROGRAM, "friend": friend, "click": click}
        )
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._stage.expect_rewards(answer, [("friend", "coupon", "held", 500)])
        self._stage.pass_time()
        self._stage.end_step(
            journals=3,  # promised, released, handed over
            balances={ADVOCATE: {}, FRIEND: {"held:EUR": 0, "available:EUR": 0, "paid:EUR": 500}},
            mails=[
                (ANNA_MAIL, "Boris has joined us"),
                (BORIS_MAIL, "Добро пожаловать в магазин «Samovar»!"),
                (BORIS_MAIL, "Ваш купон на 5 €"),
            ],
        )

    def _boris_buys(self) -> dict[str, Any]:
        self._stage.step("Boris buys tea for 48 €", days=14, hours=4, minutes=30)
        order = {
            "program": PROGRAM,
            "order_id": ORDER,
            "friend": {"id": FRIEND},
            "amount_minor": 4800,
            "currency": "EUR",
        }
        answer = self._stage.report("purchase", order)
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        promised = [("advocate", "credit", "held", 480), ("friend", "credit", "held", 300)]
        self._stage.expect_rewards(answer, promised)
        self._stage.pass_time()
        self._stage.end_step(
            journals=1,
            balances={
                ADVOCATE: {"held:EUR": 480},
                FRIEND: {"held:EUR": 300, "available:EUR": 0, "paid:EUR": 500},
            },
            mails=[(ANNA_MAIL, "You have earned €4.80"), (BORIS_MAIL, "Вам полагается 3 €")],
        )
        self._first_answer = answer.body
        return order

    def _the_purchase_is_delivered_again(self, order: Mapping[str, Any]) -> None:
        self._stage.step("The shop delivers the same purchase again", days=14, hours=4, minutes=20)
        answer = self._stage.shop.report("purchase", order)
        self._stage.telling.request("POST", "/hooks/purchase", order)
        self._stage.telling.answer(answer, "the same answer; nothing is counted twice")
        self._stage.expect("again is not new", answer.status, 200)
        self._stage.expect("the answer again", answer.body, self._first_answer)
        self._stage.pass_time()
        self._stage.end_step(balances={ADVOCATE: {"held:EUR": 480}})

    def _anna_tries_her_own_code(self) -> None:
        self._stage.step("Anna tries her own code", days=12, hours=2)
        friend = {"id": ADVOCATE, "email": ANNA_MAIL}
        answer = self._stage.report("signup", {"program": PROGRAM, "friend": friend, "code": CODE})
        self._stage.expect_outcome(answer, status=201, outcome="declined", advocate=None)
        self._stage.expect("her reason", answer.document.get("reason"), "self_referral")
        self._stage.expect_rewards(answer, [])
        self._stage.pass_time()
        self._stage.end_step(balances={ADVOCATE: {"held:EUR": 480}})

    def _boris_sends_something_back(self) -> None:
        self._stage.step(
            "Boris sends one tin back and gets 12 €: the numbers shrink", days=9, hours=3
        )
        refund = {
            "program": PROGRAM,
            "order_id": ORDER,
            "refund_id": "A-1001-R1",
            "amount_minor": 1200,
            "currency": "EUR",
        }
        answer = self._stage.report("refund", refund)
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._stage.expect_rewards(answer, [("advocate", "credit", "held", 360)])
        self._stage.pass_time()
        self._stage.end_step(
            journals=1,
            balances={
                ADVOCATE: {"held:EUR": 360},
                FRIEND: {"held:EUR": 300, "available:EUR": 0, "paid:EUR": 500},
            },
            mails=[(ANNA_MAIL, "Your reward has become smaller")],
        )

    def _the_hold_ends(self) -> None:
        self._stage.step("Fourteen days are over: what was held is handed over", days=0)
        # a history before the story has rewards that are due, too
        due = [key for key in rewards.iter_due(self._stage.now) if key.program_id == PROGRAM]
        before = self._stage.cloud.queue_depth("fulfilment")
        self._stage.cloud.run_schedules()
        queued = self._stage.cloud.queue_depth("fulfilment") - before
        self._stage.telling.line("schedule", f"{len(due)} rewards are due and go to the queue")
        self._stage.expect("rewards that are due", len(due), 2)
        self._stage.expect("all of them in the queue", queued >= len(due), expected=True)
        self._stage.pass_time()
        self._stage.end_step(
            journals=4,
            balances={
                ADVOCATE: {**NOTHING_OPEN, "credit:EUR": 360},
                FRIEND: {**NOTHING_OPEN, "credit:EUR": 300, "paid:EUR": 500},
            },
            mails=[
                (ANNA_MAIL, "€3.60 of credit, added for you"),
                (ANNA_MAIL, "Do you know somebody who would like Samovar?"),
                (BORIS_MAIL, "3 € уже на вашем счёте"),
            ],
        )

    def _the_bank_takes_the_money_back(self) -> None:
        self._stage.step("Boris disputes the payment: what was handed over becomes a debt", days=0)
        answer = self._stage.report("chargeback", _chargeback("opened"))
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._stage.expect_rewards(
            answer,
            [("advocate", "credit", "clawed_back", 0), ("friend", "credit", "clawed_back", 0)],
        )
        self._stage.pass_time()
        self._stage.end_step(
            journals=1,
            balances={
                ADVOCATE: {**NOTHING_OPEN, "credit:EUR": 360, "debt:EUR": -360},
                FRIEND: {**NOTHING_OPEN, "credit:EUR": 300, "paid:EUR": 500, "debt:EUR": -300},
            },
            mails=[
                (ANNA_MAIL, "Your reward was taken back"),
                (BORIS_MAIL, "Вашу награду пришлось отменить"),
            ],
        )

    def _the_shop_wins_it_back(self) -> None:
        self._stage.step(
            "The shop wins: it is promised anew, and the promise pays the debt", days=0
        )
        answer = self._stage.report("chargeback", _chargeback("won"))
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._stage.expect_rewards(
            answer, [("advocate", "credit", "held", 360), ("friend", "credit", "held", 300)]
        )
        self._stage.pass_time()
        self._stage.end_step(
            journals=5,
            balances={
                ADVOCATE: {**NOTHING_OPEN, "credit:EUR": 360, "debt:EUR": 0},
                FRIEND: {**NOTHING_OPEN, "credit:EUR": 300, "paid:EUR": 500, "debt:EUR": 0},
            },
        )

    def _the_books_are_closed(self) -> None:
        self._stage.step("What Anna sees, and what the books say", days=0)
        answer = self._stage.shop.advocate(ADVOCATE, program=PROGRAM)
        self._stage.telling.request("GET", f"/api/advocates/{ADVOCATE}?program={PROGRAM}")
        counts, rewards = answer.document.get("counts", {}), answer.document.get("rewards", [])
        self._stage.telling.answer(answer, ", ".join(f"{name} {counts[name]}" for name in counts))
        for reward in rewards:
            self._stage.telling.line("reward", f"{reward['state']}: {reward['because']}")
        self._stage.expect("counts", counts, {"clicks": 1, "signups": 1, "purchases": 1})
        self._stage.expect(
            "her rewards",
            [(r["state"], r["amount_minor"]) for r in rewards],
            [("clawed_back", 0), ("fulfilled", 360)],
        )
        books = verify_ledger()
        verdict = "sound" if books.is_sound else f"{len(books.faults)} faults"
        self._stage.telling.line(
            "ledger",
            f"{books.journals} journals, {books.balances} balances: {verdict}; "
            f"all accounts in EUR add up to {books.total('EUR')}",
        )
        self._stage.expect("faults in the ledger", books.faults, ())
        self._stage.expect("all accounts together", books.total("EUR"), 0)
        expense = books.accounts.get((f"program:{PROGRAM}:expense", "EUR"))
        self._stage.expect("what the program cost", expense, -1160)
        self._stage.pass_time()
        self._stage.end_step()


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
