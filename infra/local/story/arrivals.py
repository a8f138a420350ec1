"""Second act: rewards arrive, as credit, points, a partner's code, and cash that is paid once."""

from collections.abc import Mapping
from typing import Any

from infra.local.fakes import Misbehaviour
from infra.local.shop_backend import Answer
from infra.local.story.stage import NOTHING_OPEN, Stage, hand_overs
from infra.local.story.terms import (
    ADVOCATE,
    ANNA_MAIL,
    BORIS_MAIL,
    CLUB,
    CLUB_CODE,
    FRIEND,
    PROGRAM,
)
from referrals.domain.dispatches import Dispatch
from referrals.domain.ids import ProgramId
from referrals.domain.payouts import PayoutProvider
from referrals.domain.redemptions import redemption_id_of
from referrals.store import differences, dispatches
from referrals.usecases.start_payouts import start_payouts

_REWARDS_CLOCK = "reward_fulfilment.queue_due_rewards"
_DISPATCHES_CLOCK = "reward_dispatch.queue_due_dispatches"
_CINEMA = "partner:cinema"
_STRANGE_PAYOUT = "pay_nobodyaskedforthis"
_POINTS_OPEN = {"held:points": 0, "available:points": 0}
_REDEEMED = {
    **NOTHING_OPEN,
    **_POINTS_OPEN,
    "credit:points": 0,
    "paid:points": 100,
    "credit:EUR": 500,
}


class Arrivals:
    """Anna spends what she has, and the club pays her."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self) -> None:
        self._stage.begin_act(ends_at=self._stage.end)
        self._anna_pays_with_her_credit()
        self._boris_joins_a_club()
        self._the_cinema_makes_a_code()
        self._anna_redeems_her_points()
        self._the_payer_falls_silent()
        self._the_payout_is_looked_up()
        self._the_books_are_compared()
        self._a_difference_stops_payouts()

    def _anna_pays_with_her_credit(self) -> None:
        self._stage.step("Anna pays with her credit, and asks twice", days=1, hours=6)
        spent = {"redemption_id": "B-2001", "amount_minor": 300, "currency": "EUR"}
        answer = self._redeem(PROGRAM, spent)
        self._stage.expect("status", answer.status, 201)
        self._stage.expect("credit that is left", answer.document.get("credit_minor"), 60)
        again = self._redeem(PROGRAM, spent)
        self._stage.expect("again is not new", again.status, 200)
        self._stage.expect("the answer again", again.document, answer.document)
        more = self._redeem(PROGRAM, {**spent, "redemption_id": "B-2002", "amount_minor": 100})
        self._stage.expect("too much", more.document.get("reason"), "insufficient_credit")
        self._stage.end_step(
            journals=1,
            balances={ADVOCATE: {**NOTHING_OPEN, "credit:EUR": 60, "paid:EUR": 300, "debt:EUR": 0}},
        )

    def _boris_joins_a_club(self) -> None:
        telling = self._stage.telling
        telling.title("club", "The advocate gets 10 € in cash and 50 points an order, the friend")
        telling.out.print("       a cinema ticket; nothing is held, and cash is paid every day.")
        self._stage.step("Anna joins, and Boris buys two pans", days=1, hours=5)
        anna = {"program": CLUB, "id": ADVOCATE, "email": ANNA_MAIL, "code": CLUB_CODE}
        self._stage.shop.enrol({**anna, "name": "Anna"})
        friend = {"id": FRIEND, "email": BORIS_MAIL, "name": "Boris", "locale": "ru"}
        self._stage.shop.report("signup", {"program": CLUB, "friend": friend, "code": CLUB_CODE})
        answer = self._stage.report("purchase", _pan("P-1"))
        self._stage.expect_outcome(answer, status=201, outcome="credited", advocate=ADVOCATE)
        self._stage.expect_rewards(
            answer,
            [
                ("advocate", "cash", "held", 1000),
                ("advocate", "points", "held", 50),
                ("friend", "partner", "held", 900),
            ],
        )
        answer = self._stage.report("purchase", _pan("P-2"), is_brief=True)
        self._stage.expect_rewards(answer, [("advocate", "points", "held", 50)])
        self._stage.end_step(
            program_id=CLUB,
            journals=2,
            balances={ADVOCATE: {"held:EUR": 1000, "held:points": 100}, FRIEND: {"held:EUR": 900}},
            mails=[
                (ANNA_MAIL, "Welcome to the club, Anna"),
                (BORIS_MAIL, "Добро пожаловать в магазин «Copper & Clay»!"),
            ],
        )

    def _the_cinema_makes_a_code(self) -> None:
        self._stage.step("The cinema makes a code, and Boris gets it", days=1, hours=4, minutes=58)
        self._stage.tick(_REWARDS_CLOCK, _DISPATCHES_CLOCK)
        code = self._tell_dispatch(_CINEMA)
        made = self._stage.cloud.fakes.partners.codes[-1]
        mail = self._stage.find_mail(BORIS_MAIL, "")
        self._stage.expect("state", code.state, "settled")
        self._stage.expect("codes made", self._stage.cloud.fakes.partners.made(code.dispatch_id), 1)
        self._stage.expect(
            "the code is in his mail", mail and made["code"] in mail.text, expected=True
        )
        self._stage.end_step(
            program_id=CLUB,
            journals=7,
            balances={
                ADVOCATE: {
                    **NOTHING_OPEN,
                    **_POINTS_OPEN,
                    "available:EUR": 1000,
                    "credit:points": 100,
                },
                FRIEND: {**NOTHING_OPEN, "paid:EUR": 900},
            },
            mails=[
                (ANNA_MAIL, "50 points, added for you"),
                (ANNA_MAIL, "50 points, added for you"),
                (BORIS_MAIL, "Ваш промокод от нашего партнёра"),
            ],
        )

    def _anna_redeems_her_points(self) -> None:
        self._stage.step("Anna takes 5 € of credit for her points", days=1, hours=4)
        answer = self._redeem(CLUB, {"redemption_id": "I-1", "item": "five-euro"})
        reward = answer.document.get("reward", {})
        self._stage.expect("price", answer.document.get("amount_minor"), 100)
        self._stage.expect("points that are left", answer.document.get("credit_minor"), 0)
        self._stage.expect(
            "what she gets", (reward["kind"], reward["amount_minor"]), ("credit", 500)
        )
        self._stage.look_for(CLUB, *hand_overs(reward["id"]))
        self._stage.tick(_REWARDS_CLOCK)
        self._stage.end_step(
            program_id=CLUB,
            journals=2,
            balances={ADVOCATE: {**_REDEEMED, "available:EUR": 1000}},
            mails=[(ANNA_MAIL, "€5 of credit, added for you")],
        )

    def _the_payer_falls_silent(self) -> None:
        self._stage.step("Payday: the payer pays, and its answer gets lost", hours=20)
        self._stage.cloud.fakes.payer.conduct.misbehave(Misbehaviour.HANG_UP)
        self._stage.tick("reward_dispatch.start_payouts", _DISPATCHES_CLOCK)
        payout = self._tell_dispatch(PayoutProvider.TREMENDOUS)
        self._stage.expect("state", payout.state, "unknown")
        self._expect_paid(payout)
        self._stage.end_step(
            program_id=CLUB, balances={ADVOCATE: {**_REDEEMED, "available:EUR": 1000}}
        )

    def _the_payout_is_looked_up(self) -> None:
        self._stage.step("Nobody guesses: it is looked up, and was paid once", hours=19, minutes=58)
        self._stage.tick(_DISPATCHES_CLOCK)
        payout = self._tell_dispatch(PayoutProvider.TREMENDOUS)
        self._stage.expect("state", payout.state, "settled")
        self._stage.expect("amount", (payout.amount_minor, payout.unit), (1000, "EUR"))
        self._expect_paid(payout)
        self._stage.end_step(
            program_id=CLUB,
            journals=1,
            balances={ADVOCATE: {**_REDEEMED, "available:EUR": 0, "paid:EUR": 1000}},
            mails=[(ANNA_MAIL, "We have sent you €10")],
        )

    def _the_books_are_compared(self) -> None:
        self._stage.step("At night the payer's books are held against ours", hours=17)
        self._compare_books()
        self._stage.expect("differences", self._open_differences(), [])
        self._stage.end_step(program_id=CLUB)

    def _a_difference_stops_payouts(self) -> None:
        self._stage.step(
            "An order that nobody asked for stops payouts until it is explained", hours=14
        )
        self._stage.cloud.fakes.payer.plant(
            external_id=_STRANGE_PAYOUT, amount_minor=5000, currency="EUR"
        )
        # what is younger than an hour is left for the next time
        self._stage.move_to(hours=12)
        self._compare_books()
        self._stage.expect("differences", self._open_differences(), ["extra"])
        self._stage.expect("stopped", self._run_payouts(), [CLUB])
        for each in differences.list_open(PayoutProvider.TREMENDOUS):
            differences.resolve(
                each.provider,
                each.difference_id,
                actor="olga",
                note="a test of theirs",
                now=self._stage.now,
            )
        self._stage.telling.line("resolved", "by olga: a test of theirs")
        self._stage.expect("stopped after that", self._run_payouts(), [])
        self._stage.end_step(program_id=CLUB)

    # what the steps are made of

    def _redeem(self, program_id: ProgramId, spent: Mapping[str, Any]) -> Answer:
        self._stage.telling.request("POST", f"/api/advocates/{ADVOCATE}/redemptions", spent)
        answer = self._stage.shop.redeem(ADVOCATE, {"program": program_id, **spent})
        self._stage.telling.redemption(answer)
        reference = spent["redemption_id"]
        known = redemption_id_of(program_id, self._stage.person(ADVOCATE), reference)
        self._stage.look_for(program_id, f"redemption:{known}:{reference}")
        return answer

    def _tell_dispatch(self, provider: str) -> Dispatch:
        newest = next(dispatches.iter_of_provider(provider))
        self._stage.telling.dispatch(newest)
        self._stage.look_for(newest.program_id, f"sent:{newest.dispatch_id}")
        return newest

    def _expect_paid(self, payout: Dispatch) -> None:
        """Look into the payer's own books."""
        times = self._stage.cloud.fakes.payer.paid(payout.dispatch_id)
        self._stage.telling.line("payer", f"orders in its books: {times}")
        self._stage.expect("times paid", times, 1)

    def _compare_books(self) -> None:
        self._stage.tick("reward_dispatch.reconcile_payouts")
        found = differences.list_open(PayoutProvider.TREMENDOUS)
        for each in found:
            self._stage.telling.line(
                "differs", f"{each.kind}: ours {each.ours}, theirs {each.theirs}"
            )
        if not found:
            self._stage.telling.line("books", "no difference")

    def _open_differences(self) -> list[str]:
        return [str(each.kind) for each in differences.list_open(PayoutProvider.TREMENDOUS)]

    def _run_payouts(self) -> list[str]:
        """Start payouts by hand, as `referrals payouts run` does; gives which programs it left."""
        run = start_payouts(now=self._stage.now, only=CLUB)
        says = "stopped: the books differ" if run.stopped else "goes on"
        self._stage.telling.line("payouts", says)
        return list(run.stopped)


def _pan(order_id: str) -> dict[str, Any]:
    return {
        "program": CLUB,
        "order_id": order_id,
        "friend": {"id": FRIEND},
        "amount_minor": 6000,
        "currency": "EUR",
    }
