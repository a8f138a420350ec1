"""Hooks that the shop calls when a friend signs up, buys, gets money back; enrolment, credit."""

from typing import Any
from urllib.parse import unquote

from chalice import Response

from referrals.domain.ids import ProgramId
from referrals.runtime import clock
from referrals.runtime.bodies import (
    AdvocateBody,
    ChargebackHook,
    PurchaseHook,
    RedemptionBody,
    RefundHook,
    RestorationBody,
    SignupHook,
)
from referrals.runtime.http import answers, authorize, program_parameter, signed_body
from referrals.runtime.presenting import enrolled, recorded, redemption, standing
from referrals.runtime.problems import ProblemApp
from referrals.runtime.secrets import keys
from referrals.store.programs import get_live
from referrals.usecases.change_sms_consent import give_sms_consent
from referrals.usecases.enrol_advocate import enrol_advocate
from referrals.usecases.record_chargeback import record_chargeback
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_refund import record_refund
from referrals.usecases.record_signup import record_signup
from referrals.usecases.redeem_credit import redeem_credit
from referrals.usecases.restore_credit import restore_credit
from referrals.usecases.show_advocate import show_advocate
from referrals.usecases.show_redemption import show_redemption

app = ProblemApp("conversion_hooks")


def _request() -> Any:
    return app.current_request


@app.route("/hooks/signup", methods=["POST"])
@answers
def signup() -> Response:
    """Record that a friend signed up."""
    body = signed_body(_request(), SignupHook)
    live = keys(body.tokens)
    report = body.report(key=live.identity)
    return recorded(record_signup(report, keys=live, now=clock.utc_now()))


@app.route("/hooks/purchase", methods=["POST"])
@answers
def purchase() -> Response:
    """Record a purchase. A declined one is a success too: a shop must not retry a no."""
    body = signed_body(_request(), PurchaseHook)
    live = keys(body.tokens)
    report = body.report(key=live.identity)
    return recorded(record_purchase(report, keys=live, now=clock.utc_now()))


@app.route("/hooks/refund", methods=["POST"])
@answers
def refund() -> Response:
    """Record that the shop gave money back."""
    body = signed_body(_request(), RefundHook)
    report = body.report(key=keys().identity)
    return recorded(record_refund(report, now=clock.utc_now()))


@app.route("/hooks/chargeback", methods=["POST"])
@answers
def chargeback() -> Response:
    """Record that a friend's bank took money back, or that the shop won it back."""
    body = signed_body(_request(), ChargebackHook)
    report = body.report(key=keys().identity)
    return recorded(record_chargeback(report, now=clock.utc_now()))


@app.route("/api/advocates", methods=["POST"])
@answers
def enrol() -> Response:
    """Enrol a customer as an advocate; who is enrolled keeps code and link.

    Consent to text messages is noted when it is newer than what is known of it.
    """
    body = signed_body(_request(), AdvocateBody)
    answer = enrol_advocate(body.report(), keys=keys(), now=clock.utc_now())
    if body.sms_consent is not None:
        give_sms_consent(
            answer.advocate.person_id,
            body.sms_consent.consent(),
            identity=keys().identity,
            now=clock.utc_now(),
        )
    return enrolled(answer, customer_id=body.id)


@app.route("/api/advocates/{customer_id}", methods=["GET"])
@answers
def advocate(customer_id: str) -> Response:
    """Show what an advocate has, with a reason for everything."""
    authorize(_request())
    program = program_parameter(_request())
    # a REST API hands path parameters on as they were sent
    answer = show_advocate(unquote(customer_id), ProgramId(program), keys=keys())
    return standing(answer, currency=get_live(ProgramId(program)).currency)


@app.route("/api/advocates/{customer_id}/redemptions", methods=["POST"])
@answers
def redeem(customer_id: str) -> Response:
    """Let a customer spend credit or points, once."""
    body = signed_body(_request(), RedemptionBody)
    report = body.report(customer_id=unquote(customer_id))
    return redemption(redeem_credit(report, keys=keys(), now=clock.utc_now()))


@app.route("/api/advocates/{customer_id}/redemptions/{redemption_id}", methods=["GET"])
@answers
def redeemed(customer_id: str, redemption_id: str) -> Response:
    """Show what was spent under one of the shop's ids."""
    authorize(_request())
    program = ProgramId(program_parameter(_request()))
    reference = unquote(redemption_id)
    return redemption(show_redemption(unquote(customer_id), program, reference, keys=keys()))


@app.route("/api/advocates/{customer_id}/redemptions/{redemption_id}/restore", methods=["POST"])
@answers
def restore(customer_id: str, redemption_id: str) -> Response:
    """Give back what was spent on something that the shop cancelled."""
    body = signed_body(_request(), RestorationBody)
    answer = restore_credit(
        unquote(customer_id),
        ProgramId(body.program),
        unquote(redemption_id),
        keys=keys(),
        now=clock.utc_now(),
    )
    return redemption(answer)
