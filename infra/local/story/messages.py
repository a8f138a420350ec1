"""Third act: everybody hears of it, once and in order, also when mails bounce or streams stop."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from infra.local.fakes import Fakes, Misbehaviour
from infra.local.shop_backend import fetch
from infra.local.story.stage import Stage
from infra.local.story.terms import ADVOCATE, ANNA_MAIL, CLUB, CODE, FRIEND, PROGRAM
from referrals.domain.events import EventName
from referrals.notify.webhooks import secrets_of
from referrals.runtime.secrets import secret
from referrals.store import webhooks
from referrals.usecases.change_endpoint import add_endpoint
from referrals.usecases.verify_ledger import verify_ledger

_REWARDS_CLOCK = "reward_fulfilment.queue_due_rewards"
_TOLD = (EventName.REWARD_HELD, EventName.REWARD_AVAILABLE, EventName.REWARD_FULFILLED)
_RECEIVER = "shop"
_EMIL, _DORA = "emil", "dora"
_EMIL_MAIL, _DORA_MAIL = "emil@customer.example", "dora@customer.example"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Messages:
    """Webhooks and mails, and what is done when they do not get through."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self) -> None:
        self._stage.begin_act(ends_at=self._stage.end)
        self._the_shop_is_told_in_order()
        self._a_mail_comes_back()
        self._anna_wants_no_news()
        self._the_relay_stands_still()
        self._the_books_are_sound()

    def _the_shop_is_told_in_order(self) -> None:
        self._stage.step("The shop's receiver is down for a minute", hours=10)
        receiver = self._stage.cloud.fakes.receiver
        self._tell_the_shop()
        receiver.conduct(_RECEIVER).misbehave(Misbehaviour.FAIL_BEFORE)
        order = {"order_id": "P-3", "friend": {"id": FRIEND}, "amount_minor": 2000}
        document = {"program": CLUB, **order, "currency": "EUR"}
        answer = self._stage.report("purchase", document, is_brief=True)
        self._stage.expect_rewards(answer, [("advocate", "points", "held", 50)])
        self._stage.cloud.settle()
        self._stage.tick(_REWARDS_CLOCK)
        self._stage.expect("told while it is down", self._heard(), ["reward.held"])
        self._stage.move_to(hours=9, minutes=58)
        self._stage.tick("webhook_delivery.queue_due_lanes")
        heard = ["reward.held", "reward.held", "reward.available", "reward.fulfilled"]
        self._stage.expect("told in order", self._heard(), heard)
        log = list(receiver.log)
        for number, each in enumerate(log):
            verdict = "signed" if each.is_signed else "not signed"
            fate = "500, again in a minute" if number == 0 else "taken"
            self._stage.telling.line(
                "webhook", f"{json.loads(each.body)['type']}: {verdict}, {fate}"
            )
        self._stage.expect("signed", [each.is_signed for each in log], [True] * 4)
        self._stage.expect("under one id", log[0].message_id, log[1].message_id)
        self._stage.end_step(
            program_id=CLUB, journals=3, mails=[(ANNA_MAIL, "50 points, added for you")]
        )

    def _a_mail_comes_back(self) -> None:
        self._stage.meet(_EMIL, "Emil", _EMIL_MAIL)
        self._stage.step("Emil's address does not exist: nothing more is sent to it", hours=8)
        self._sign_up(_EMIL, _EMIL_MAIL, "Emil", "en")
        self._stage.tick(_REWARDS_CLOCK)
        mail = self._stage.find_mail(_EMIL_MAIL, "")
        if mail is not None:
            self._stage.cloud.bounce(mail)
            self._stage.telling.line("bounce", f"from {_EMIL_MAIL}: user unknown")
        self._stage.cloud.settle()
        order = {"order_id": "A-1003", "friend": {"id": _EMIL}, "amount_minor": 2500}
        document = {"program": PROGRAM, **order, "currency": "EUR"}
        answer = self._stage.report("purchase", document, is_brief=True)
        promised = [("advocate", "credit", "held", 250), ("friend", "credit", "held", 300)]
        self._stage.expect_rewards(answer, promised)
        self._stage.end_step(
            journals=4,
            balances={_EMIL: {"held:EUR": 300, "available:EUR": 0, "paid:EUR": 500}},
            # and not that he has earned 3 €
            mails=[
                (ANNA_MAIL, "Emil has joined us"),
                (_EMIL_MAIL, "Welcome to Samovar"),
                (_EMIL_MAIL, "Your coupon for €5"),
                (ANNA_MAIL, "You have earned €2.50"),
            ],
        )

    def _anna_wants_no_news(self) -> None:
        self._stage.step("Anna ends news with one click in her mailbox", hours=7)
        mail = self._stage.find_mail(ANNA_MAIL, "Emil has joined us")
        headers = mail.headers if mail is not None else {}
        self._stage.expect(
            "one click", headers.get("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click"
        )
        link = headers.get("List-Unsubscribe", "").strip("<>")
        self._stage.telling.request("POST", f"{urlsplit(link).path[:40]}…")
        answer = fetch("POST", link, headers=_FORM, body="List-Unsubscribe=One-Click")
        self._stage.telling.answer(answer, "no news from now on; what she waits for still comes")
        self._stage.expect("status", answer.status, 200)
        self._stage.end_step()

    def _the_relay_stands_still(self) -> None:
        self._stage.meet(_DORA, "Dora", _DORA_MAIL)
        self._stage.step("The event log's stream stands still while Dora signs up", hours=6)
        relay = self._stage.cloud.relay
        relay.is_stopped = True
        self._sign_up(_DORA, _DORA_MAIL, "Dora", "bg")
        self._stage.move_to(hours=5, minutes=59)
        self._stage.tick(_REWARDS_CLOCK)
        forgotten = relay.trim(datetime.now(UTC))
        relay.is_stopped = False
        self._stage.telling.line("stream", f"{forgotten} records are lost for good")
        self._stage.expect("mails to Dora", self._stage.find_mail(_DORA_MAIL, ""), None)
        self._stage.end_step(journals=3)
        self._stage.step("An hour later the sweeper finds in the log what nobody was told", hours=5)
        self._stage.tick("notifications.sweep_events")
        # and no news to Anna, who wants none
        self._stage.end_step(
            mails=[
                (_DORA_MAIL, "Добре дошли в магазин „Samovar“"),
                (_DORA_MAIL, "Вашият купон за 5 €"),
            ]
        )

    def _the_books_are_sound(self) -> None:
        self._stage.step("What Anna has now, and what the books say", days=0)
        for program_id in (PROGRAM, CLUB):
            answer = self._stage.shop.advocate(ADVOCATE, program=program_id)
            for each in answer.document.get("balances", ()):
                self._stage.telling.line(program_id, _places(each))
        books = verify_ledger()
        verdict = "sound" if books.is_sound else f"{len(books.faults)} faults"
        self._stage.telling.line(
            "ledger",
            f"{books.journals} journals, {books.balances} balances: {verdict}; accounts add up to "
            f"{books.total('EUR')} EUR and {books.total('points')} points",
        )
        self._stage.expect("faults in the ledger", books.faults, ())
        totals = books.total("EUR"), books.total("points")
        self._stage.expect("all accounts together", totals, (0, 0))
        self._stage.end_step()

    # what the steps are made of

    def _tell_the_shop(self) -> None:
        """Add a webhook endpoint, and give its secret to whoever is told there."""
        endpoint = add_endpoint(
            f"{self._stage.shop.base_url}{Fakes.RECEIVER}/{_RECEIVER}",
            events=_TOLD,
            programs=(),
            description="the shop of the story",
            now=self._stage.now,
        )
        # others know of it within a minute
        webhooks.forget_cached()
        live = secrets_of(endpoint, outgoing=secret("outgoing_key").values, now=self._stage.now)
        for each in live:
            self._stage.cloud.fakes.receiver.trust(each)

    def _heard(self) -> list[str]:
        return [json.loads(each.body)["type"] for each in self._stage.cloud.fakes.receiver.log]

    def _sign_up(self, customer_id: str, address: str, name: str, locale: str) -> None:
        friend = {"id": customer_id, "email": address, "name": name, "locale": locale}
        document = {"program": PROGRAM, "friend": friend, "code": CODE}
        answer = self._stage.report("signup", document, is_brief=True)
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)


def _places(balance: dict[str, Any]) -> str:
    """Say what an advocate has of one unit, as the API has it."""
    parts = [
        f"{name.removesuffix('_minor')} {amount}"
        for name, amount in balance.items()
        if name.endswith("_minor") and amount
    ]
    return f"{balance['unit']}: {', '.join(parts) or 'nothing'}"
