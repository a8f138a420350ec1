"""Erasure: personal data is in one place, and once it is gone nothing of it is left anywhere."""

import base64
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.local import engine
from infra.local.cloud import LocalCloud, forget_caches
from referrals.domain.decisions import Reason
from referrals.domain.errors import DuplicateCodeError, PersonForgottenError, PersonNotFoundError
from referrals.domain.events import EventName
from referrals.domain.fraud.rules import RULES
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import PersonId, fingerprint, person_id
from referrals.domain.links import LinkStatus
from referrals.domain.people import AdvocateStatus
from referrals.domain.programs import BudgetTerms, Eligibility
from referrals.domain.projections import Projections
from referrals.domain.reports import (
    CustomerDetails,
    EnrolmentReport,
    Evidence,
    PurchaseReport,
    ReportedSignals,
    SignupReport,
)
from referrals.domain.rewards import RewardState
from referrals.domain.rules import Flat, Milestone, RewardRule, Side, Trigger
from referrals.store import budgets, events, links, people, programs
from referrals.store.transactions import read
from referrals.usecases.announce_event import announce_event
from referrals.usecases.answers import Recorded
from referrals.usecases.apply_program import apply_program
from referrals.usecases.compare_projections import ProjectionCheck
from referrals.usecases.enrol_advocate import Enrolled, enrol_advocate
from referrals.usecases.forget_person import Forgotten, forget_person
from referrals.usecases.record_purchase import record_purchase
from referrals.usecases.record_signup import record_signup
from referrals.usecases.show_advocate import show_advocate
from referrals.usecases.show_statement import show_statement
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.faults import KilledError, calls_counted, every_kill, killed
from tests.shop import KEYS, LATER, NOON, TEA, Purse, a_click_of, buy, give_back, purse_of, sign_up
from tests.usecases.test_races import at_once

pytestmark = pytest.mark.usefixtures("tables")

WELCOME = replace(
    shop.ADVOCATE_TENTH,
    rule_id="advocate-welcome",
    on=Trigger.ENROLMENT,
    reward=Flat(amount_minor=200),
)
FIRST = replace(
    shop.ADVOCATE_TENTH,
    rule_id="first-purchase",
    on=Trigger.MILESTONE,
    reward=Flat(amount_minor=1_000),
    milestone=Milestone(at=(1,)),
)
BORIS = CustomerDetails(
    customer_id="shopper-77810-xq",
    email="Borislav.Unheard@Far-Away.example",
    name="Borislav Unheardson",
    locale="de",
    phone="+4915199988877",
)
SEEN_WITH = ReportedSignals(
    address="203.0.113.77",
    agent="Mozilla/5.0 (Quaint; Device)",
    payment_fingerprint="Xt5EWLLDS7FJjR1c",
    landing_url="https://shop.example/welcome?gclid=Quaint0815",
)


def person(customer_id: str) -> PersonId:
    return person_id(customer_id, key=KEYS.identity)


def forget(customer_id: str = "anna", *, voids_rewards: bool = False) -> Forgotten:
    return forget_person(customer_id, keys=KEYS, now=LATER, voids_rewards=voids_rewards)


def open_shop(
    *rules: RewardRule, is_new_customers_only: bool = False, budget_minor: int | None = None
) -> None:
    program = replace(
        shop.a_program(rules=rules or (shop.ADVOCATE_TENTH, shop.FRIEND_THANKS)),
        eligibility=Eligibility(is_new_customers_only=is_new_customers_only),
        budget=BudgetTerms(total_minor=budget_minor),
    )
    apply_program(program, now=NOON)
    shop.enrol("anna", code="ANNA10")
    shop.enrol("clara", code="CLARA10")


def register(customer: CustomerDetails, *, code: str = "ANNA10", order: bool = False) -> Recorded:
    """Let a friend sign up, or buy, with all the shop knows of them."""
    evidence = Evidence(clicks=(a_click_of(code),))
    content = fingerprint(f"{customer.customer_id} {order}", key=KEYS.identity)
    if order:
        purchase = PurchaseReport(
            program_id=TEA,
            order_id=f"B-{person(customer.customer_id)}",
            friend=customer,
            amount_minor=5_000,
            currency="EUR",
            evidence=evidence,
            occurred_at=NOON,
            fingerprint=content,
            signals=SEEN_WITH,
        )
        return record_purchase(purchase, keys=KEYS, now=NOON)
    signup = SignupReport(
        program_id=TEA,
        friend=customer,
        evidence=evidence,
        occurred_at=NOON,
        fingerprint=content,
        signals=SEEN_WITH,
    )
    return record_signup(signup, keys=KEYS, now=NOON)


def enrol(customer: CustomerDetails) -> Enrolled:
    report = EnrolmentReport(program_id=TEA, customer=customer)
    return enrol_advocate(report, keys=KEYS, now=NOON)


def assert_sound() -> None:
    assert verify_ledger(checks=[ProjectionCheck()]).faults == ()


def traces() -> Iterator[str]:
    """Give everything personal in every form that it may have been left in."""
    told = (
        *(BORIS.customer_id, BORIS.email, BORIS.name, BORIS.phone),
        *(SEEN_WITH.address, SEEN_WITH.agent, SEEN_WITH.payment_fingerprint),
        SEEN_WITH.landing_url,
        *("borislavunheard@far-away.example", "Unheardson", "Far-Away.example", "Quaint0815"),
    )
    for value in filter(None, told):
        for spelled in {value, value.lower()}:
            content = spelled.encode()
            yield spelled
            yield from _written(content)
            for algorithm in ("md5", "sha1", "sha256"):
                yield from _written(hashlib.new(algorithm, content).digest())


def _written(content: bytes) -> Iterator[str]:
    yield content.hex()
    yield base64.b64encode(content).decode().rstrip("=")
    yield base64.urlsafe_b64encode(content).decode().rstrip("=")
    yield base64.b32encode(content).decode().rstrip("=")


def left_in(text: str) -> list[str]:
    found = text.lower()
    return [trace for trace in traces() if trace.lower() in found]


def play_story() -> None:
    """Let Boris be everything that somebody can be: a friend who buys, and an advocate."""
    modes = {rule.name: FraudMode.SHADOW for rule in RULES}
    program = replace(
        shop.a_program(rules=[shop.ADVOCATE_TENTH, shop.FRIEND_THANKS, WELCOME, FIRST]),
        fraud=FraudTerms(modes=modes),
    )
    apply_program(program, now=NOON)
    shop.enrol("anna", code="ANNA10")
    register(BORIS)
    answer = register(BORIS, order=True)
    give_back(order_id=f"B-{person(BORIS.customer_id)}")
    code = enrol(BORIS).advocate.code
    sign_up("dora", clicks=[a_click_of(code)])
    buy("dora", order_id="A-dora")
    shop.fulfil_all(BORIS.customer_id, now=LATER)
    assert answer.outcome == "credited"


def test_personal_data_is_in_one_place_and_after_it_is_forgotten_in_none(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with LocalCloud(apps=[]):
        play_story()
        for happened in list(events.iter_all()):
            announce_event(happened, keys=shop.MAIL_KEYS, now=NOON)
        before = shop.dump()
        assert left_in(json.dumps(before.pop("people")))
        assert left_in(json.dumps(before)) == []
        forget(BORIS.customer_id)
        assert left_in(json.dumps(shop.dump())) == []
        assert_sound()
    printed = capfd.readouterr()
    assert left_in(printed.out + printed.err + caplog.text) == []


def test_the_scan_finds_what_is_there() -> None:
    digest = hashlib.sha256(b"borislav.unheard@far-away.example").hexdigest()
    assert left_in(f"x{digest}x")
    assert left_in(f"name: {BORIS.name}")
    assert left_in("per_kvlgicz2siq7k4c5kybqgup6") == []


def test_the_money_stays_where_it_was() -> None:
    open_shop()
    sign_up(clicks=[a_click_of()])
    buy()
    shop.fulfil_all("anna", now=LATER)
    forget()
    assert purse_of("anna") == Purse(paid=500)
    assert people.find(person("anna")) is None
    assert_sound()


def test_what_is_done_is_told_and_an_event_names_the_opaque_id_alone() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    assert forget() == Forgotten(
        person_id=person("anna"),
        is_new=True,
        codes=("ANNA10",),
        signals=0,
        voided_rewards=0,
        open_rewards=1,
    )
    (told,) = (each for each in events.iter_all() if each.name is EventName.PERSON_FORGOTTEN)
    assert (told.program_id, told.data) == (TEA, {"person_id": person("anna")})


def test_a_code_of_somebody_forgotten_leads_nowhere_and_is_nobody_elses() -> None:
    open_shop()
    forget()
    for answer in (sign_up(clicks=[a_click_of()]), buy("dora", codes=["ANNA10"])):
        assert (answer.outcome, answer.reason) == ("declined", "code_paused")
    assert links.set_status("ANNA10", LinkStatus.ACTIVE) is False
    with pytest.raises(DuplicateCodeError):
        shop.enrol("ivan", code="ANNA10")


def test_a_friend_who_names_somebody_forgotten_is_nobodys() -> None:
    open_shop()
    forget()
    report = SignupReport(
        program_id=TEA,
        friend=CustomerDetails(customer_id="boris"),
        evidence=Evidence(stated=("anna",)),
        occurred_at=NOON,
        fingerprint="f",
    )
    assert record_signup(report, keys=KEYS, now=NOON).reason == "code_paused"


def test_a_friend_stays_bound_and_whoever_is_forgotten_earns_nothing_more() -> None:
    open_shop()
    sign_up(clicks=[a_click_of()])
    forget()
    answer = buy()
    assert answer.outcome == "credited"
    assert [(each.reason, each.inputs["owner"]) for each in answer.decisions[1:]] == [
        (Reason.FORGOTTEN, person("anna")),
        (None, person("boris")),
    ]
    assert purse_of("boris") == Purse(held=300)
    assert_sound()


def test_the_same_customer_again_is_bound_still_and_nothing_is_paid_twice() -> None:
    open_shop()
    first = sign_up(clicks=[a_click_of("CLARA10")])
    buy()
    forget("boris")
    answer = buy(order_id="A-2", clicks=[a_click_of()])
    assert (answer.advocate, answer.referral_id) == ("clara", first.referral_id)
    assert sign_up(clicks=[a_click_of("CLARA10")]).is_new is False
    assert purse_of("boris") == Purse(held=300)
    assert purse_of("clara") == Purse(held=1_000)
    assert_sound()


def test_a_friend_who_had_nothing_yet_is_promised_nothing_later() -> None:
    open_shop()
    buy()
    forget("boris")
    answer = buy(order_id="A-2", clicks=[a_click_of()])
    assert [each.reason for each in answer.decisions[1:]] == [None, Reason.FORGOTTEN]
    assert purse_of("boris") == Purse()
    assert_sound()


def test_a_ledger_that_was_rebuilt_knows_who_was_forgotten() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    forget()
    (replayed,) = (
        balance for balance in _rebuilt().balances().values() if balance.person_id == person("anna")
    )
    assert replayed.is_closed


def _rebuilt() -> Projections:
    projections = Projections(programs.get_version)
    for happened in events.iter_all():
        projections.take(happened)
    return projections


def test_nothing_is_kept_again_of_somebody_forgotten() -> None:
    open_shop()
    register(BORIS)
    forget(BORIS.customer_id)
    register(BORIS, order=True)
    assert left_in(json.dumps(shop.dump())) == []


def test_nobody_enrols_again_under_the_id_that_was_forgotten() -> None:
    open_shop()
    register(BORIS)
    for customer_id in ("anna", BORIS.customer_id):
        forget(customer_id)
        with pytest.raises(PersonForgottenError):
            enrol(CustomerDetails(customer_id=customer_id, email="again@customer.example"))


def test_another_id_with_the_same_mailbox_is_no_new_customer() -> None:
    open_shop(is_new_customers_only=True)
    register(BORIS)
    forget(BORIS.customer_id)
    again = CustomerDetails(customer_id="other", email="borislav.unheard+new@far-away.example")
    answer = register(again, code="CLARA10")
    assert (answer.outcome, answer.reason) == ("declined", "not_new_customer")


def test_a_purchase_that_tells_no_address_is_recognised_by_the_sign_up_before_it() -> None:
    open_shop(is_new_customers_only=True)
    register(BORIS)
    forget(BORIS.customer_id)
    register(replace(BORIS, customer_id="other"))
    answer = buy("other", clicks=[a_click_of("CLARA10")])
    assert (answer.outcome, answer.reason) == ("declined", "not_new_customer")
    assert buy("stranger", order_id="A-2", clicks=[a_click_of("CLARA10")]).outcome == "credited"


def test_a_program_for_everybody_does_not_ask_who_was_here_before() -> None:
    open_shop()
    register(BORIS)
    forget(BORIS.customer_id)
    with calls_counted() as made:
        answer = register(replace(BORIS, customer_id="other"), code="CLARA10")
    assert answer.outcome == "credited"
    assert made.count("TransactGetItems") == 2


def test_to_ask_who_was_here_before_is_no_call_of_its_own() -> None:
    open_shop(is_new_customers_only=True)
    with calls_counted() as made:
        register(BORIS)
    assert made.count("TransactGetItems") == 2


def test_whoever_enrols_under_another_id_is_welcomed_once() -> None:
    open_shop(WELCOME)
    assert [each.amount_minor for each in enrol(BORIS).rewards] == [200]
    forget(BORIS.customer_id)
    again = enrol(replace(BORIS, customer_id="other"))
    assert again.advocate.status is AdvocateStatus.ACTIVE
    assert again.rewards == ()
    assert_sound()


def test_what_was_promised_stays_promised_under_the_opaque_id() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    forget()
    shop.fulfil_all("anna", now=LATER)
    assert purse_of("anna") == Purse(paid=500)


def test_what_was_promised_is_voided_when_that_is_asked_for() -> None:
    open_shop(shop.ADVOCATE_TENTH, FIRST, WELCOME, budget_minor=10_000)
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=NOON)
    done = forget(voids_rewards=True)
    assert (done.voided_rewards, done.open_rewards) == (3, 0)
    assert [each.state for each in shop.rewards_of("anna")] == [RewardState.VOIDED] * 3
    assert purse_of("anna") == Purse()
    wanted = budgets.wanted_all(TEA)
    read(*wanted)
    assert sum(part.spent_minor for part in budgets.found(wanted)) == 200  # of Clara's welcome
    assert_sound()


def test_what_was_handed_over_is_not_voided() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    shop.fulfil_all("anna", now=LATER)
    assert forget(voids_rewards=True).voided_rewards == 0
    assert purse_of("anna") == Purse(paid=500)


def test_a_refund_after_it_is_settled_under_the_opaque_id() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    forget()
    assert give_back().outcome == "credited"
    assert purse_of("anna") == Purse(held=400)
    assert_sound()


def test_nobody_who_is_forgotten_is_written_to() -> None:
    with LocalCloud(apps=[]) as cloud:
        open_shop()
        sign_up(clicks=[a_click_of()])
        buy()
        forget()
        forget("boris")
        shop.fulfil_all("anna", now=LATER)
        for happened in list(events.iter_all()):
            announce_event(happened, keys=shop.MAIL_KEYS, now=LATER)
        assert [mail.to for mail in cloud.mails() if "clara" not in str(mail.to)] == []


def test_an_advocate_who_is_forgotten_can_be_shown_and_so_can_their_friends_advocate() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    forget("boris")
    (line,) = show_advocate("anna", TEA, keys=KEYS).referrals
    assert line.friend == person("boris")
    forget()
    assert show_advocate("anna", TEA, keys=KEYS).status == AdvocateStatus.FORGOTTEN
    assert show_statement("anna", TEA, keys=KEYS).journals == 1
    assert give_back().advocate == person("anna")


def test_others_who_were_seen_with_the_same_things_are_still_known() -> None:
    modes = dict.fromkeys(("same_payment", "same_email"), FraudMode.SHADOW)
    program = replace(shop.a_program(), fraud=FraudTerms(modes=modes))
    apply_program(program, now=NOON)
    shop.enrol("anna", code="ANNA10")
    register(BORIS)
    register(CustomerDetails(customer_id="dora"))
    assert forget(BORIS.customer_id).signals == 2
    owners = [item["people"]["SS"] for item in shop.dump()["signals"] if "people" in item]
    assert owners == [[person("dora")]]
    assert register(CustomerDetails(customer_id="ivan")).outcome == "credited"


def test_a_customer_whom_nobody_brought_is_forgotten_too() -> None:
    open_shop()
    buy()
    assert forget("boris").is_new is True


def test_nobody_is_forgotten_by_a_slip_of_the_pen() -> None:
    open_shop()
    before = shop.dump()
    with pytest.raises(PersonNotFoundError):
        forget("nobody")
    assert shop.dump() == before


def test_to_forget_again_changes_nothing() -> None:
    open_shop()
    buy(clicks=[a_click_of()])
    forget()
    before = shop.dump()
    assert forget().is_new is False
    assert shop.dump() == before


@pytest.mark.parametrize("voids_rewards", [False, True])
def test_an_end_at_any_call_and_a_second_try_leave_one_effect(*, voids_rewards: bool) -> None:
    play_story()
    start = engine.copied_tables()

    def play() -> None:
        forget(BORIS.customer_id, voids_rewards=voids_rewards)

    calls, once = every_kill(play), shop.dump()
    assert calls > 6
    for at_call in range(1, calls + 1):
        for is_after in (False, True):
            engine.put_tables(start)
            forget_caches()
            with killed(at_call=at_call, is_after=is_after), pytest.raises(KilledError):
                play()
            play()
            assert shop.dump() == once


def test_what_is_reported_at_the_same_moment_leaves_nothing_behind() -> None:
    open_shop()
    register(BORIS)
    at_once(
        [
            lambda: forget(BORIS.customer_id).is_new,
            lambda: register(replace(BORIS, name=f"{BORIS.name} Junior"), order=True).is_new,
        ]
    )
    assert left_in(json.dumps(shop.dump())) == []
    assert_sound()


def test_second_level_and_milestones_end_with_whoever_is_forgotten() -> None:
    second = replace(shop.ADVOCATE_TENTH, rule_id="second", to=Side.SECOND_LEVEL)
    open_shop(shop.ADVOCATE_TENTH, second, FIRST)
    sign_up("clara", clicks=[a_click_of()])
    forget()
    buy("dora", clicks=[a_click_of("CLARA10")])
    assert purse_of("anna") == Purse()
    assert purse_of("clara") == Purse(held=1_500)
