"""Which happening is told to whom, in which kind of message, and exactly once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.local import engine
from infra.local.cloud import LocalCloud, forget_caches
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.conversions import ReviewState
from referrals.domain.decisions import Reason
from referrals.domain.details import PayeeDetails
from referrals.domain.events import DomainEvent, EventName, event
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import ConversionId, PersonId, person_id
from referrals.domain.payouts import PayoutSchedule, PayoutTerms
from referrals.domain.programs import BudgetTerms, Experiment
from referrals.domain.reports import ChargebackReport, ChargebackStatus
from referrals.domain.rules import (
    Cap,
    Flat,
    Milestone,
    RewardKind,
    RewardRule,
    Side,
    Trigger,
)
from referrals.store import coupons, details, dispatches, events, friends_orders, messages
from referrals.store.transactions import commit
from referrals.usecases.announce_event import announce_event
from referrals.usecases.apply_program import apply_program
from referrals.usecases.attribute_by_hand import HandAttribution, attribute_by_hand
from referrals.usecases.confirm_hand_over import confirm_hand_over
from referrals.usecases.confirm_payout import confirm_payout, take_payout_back
from referrals.usecases.forget_person import forget_person
from referrals.usecases.give_details import give_payee
from referrals.usecases.record_chargeback import record_chargeback
from referrals.usecases.review_conversion import review_conversion
from referrals.usecases.start_payouts import start_payouts
from tests import shop
from tests.shop import (
    ADVOCATE_TENTH,
    FRIEND_THANKS,
    FRIEND_WELCOME,
    KEYS,
    LATER,
    MAIL_KEYS,
    NOON,
    TEA,
    buy,
    enrol,
    give_back,
    sign_up,
)

AT_ONCE = replace(ADVOCATE_TENTH, hold_days=0)
CASH = replace(AT_ONCE, rule_id="cash", kind=RewardKind.CASH)
POINTS = replace(AT_ONCE, rule_id="points", kind=RewardKind.POINTS, reward=Flat(amount_minor=50))
THIRD_FRIEND = RewardRule(
    rule_id="third",
    on=Trigger.MILESTONE,
    to=Side.ADVOCATE,
    kind=RewardKind.POINTS,
    reward=Flat(amount_minor=200),
    milestone=Milestone(at=(3,)),
)
TEAPOT = replace(
    AT_ONCE,
    rule_id="teapot",
    kind=RewardKind.GIFT,
    reward=Flat(amount_minor=2_000),
    pool="teapots",
    ships=True,
)
FOR_ENROLLING = replace(
    AT_ONCE, rule_id="start", on=Trigger.ENROLMENT, reward=Flat(amount_minor=100), hold_days=7
)
SECOND_LEVEL = replace(ADVOCATE_TENTH, rule_id="second", to=Side.SECOND_LEVEL)
SOON = NOON + timedelta(minutes=5)
BY_BANK = PayoutTerms(every=PayoutSchedule.DAILY)
IBAN = "DE89370400440532013000"


def opened(*rules: RewardRule, **terms: object) -> None:
    """Apply a program of these rules, and enrol Anna."""
    apply_program(replace(shop.a_program(rules=rules), **terms), now=NOON)  # type: ignore[arg-type]
    enrol("anna", code="ANNA10")


def who(customer_id: str) -> PersonId:
    return person_id(customer_id, key=KEYS.identity)


NAMES = {who(name): name for name in ("anna", "boris", "clara", "dora", "emil")}


def account_of(customer_id: str) -> PayeeDetails:
    return PayeeDetails(person_id=who(customer_id), name="Anna", iban=IBAN)


def fulfilled(*customers: str) -> None:
    for customer_id in customers:
        shop.fulfil_all(customer_id, now=NOON)


# the stories


def enrolled() -> None:
    opened(ADVOCATE_TENTH)


def enrolled_with_a_reward() -> None:
    opened(FOR_ENROLLING)


def a_friend_signs_up() -> None:
    opened(FRIEND_THANKS, ADVOCATE_TENTH)
    sign_up(codes=["ANNA10"])


def a_friend_signs_up_and_has_a_coupon_for_it() -> None:
    opened(FRIEND_WELCOME)
    coupons.add(TEA, "welcome", "TEA-1")
    sign_up(codes=["ANNA10"])
    fulfilled("boris")


def a_friend_signs_up_and_buys() -> None:
    opened(FRIEND_THANKS, ADVOCATE_TENTH)
    sign_up(codes=["ANNA10"])
    buy()


def a_friend_comes_with_an_order() -> None:
    opened(ADVOCATE_TENTH)
    buy(codes=["ANNA10"])


def credit_without_a_hold() -> None:
    opened(AT_ONCE)
    buy(codes=["ANNA10"])
    fulfilled("anna")


def an_order_below_the_minimum_and_another() -> None:
    opened(replace(ADVOCATE_TENTH, min_amount_minor=2_000))
    sign_up(codes=["ANNA10"])
    buy(amount_minor=1_900)
    buy(order_id="A-2", amount_minor=1_800, occurred_at=SOON)


def an_order_above_the_cap() -> None:
    opened(shop.capped(ADVOCATE_TENTH, Cap(rewards=1)))
    buy(codes=["ANNA10"])
    buy("dora", order_id="A-2", codes=["ANNA10"])


def orders_that_promise_advocates_nothing() -> None:
    opened(FRIEND_THANKS)
    buy(codes=["ANNA10"])
    buy(order_id="A-2", occurred_at=SOON)


def later_orders_where_the_first_alone_counts() -> None:
    opened(replace(ADVOCATE_TENTH, is_first_purchase_only=True))
    buy(codes=["ANNA10"])
    buy(order_id="A-2", occurred_at=SOON)


def an_order_in_the_holdout() -> None:
    opened(ADVOCATE_TENTH, experiment=Experiment(name="all", holdout_bps=10_000))
    buy(codes=["ANNA10"])


def an_order_over_the_budget() -> None:
    opened(ADVOCATE_TENTH, budget=BudgetTerms(total_minor=100))
    buy(codes=["ANNA10"])


def an_order_in_another_currency() -> None:
    opened(ADVOCATE_TENTH)
    sign_up(codes=["ANNA10"])
    buy(currency="USD")
    buy(order_id="A-2", currency="USD")


def ones_own_code() -> None:
    opened(ADVOCATE_TENTH)
    sign_up("anna", codes=["ANNA10"])


def three_friends() -> None:
    opened(THIRD_FRIEND)
    for number, friend in enumerate(("boris", "clara", "dora"), 1):
        buy(friend, order_id=f"A-{number}", codes=["ANNA10"])
        announce_all()
    fulfilled("anna")


def a_gift_that_ships() -> None:
    opened(TEAPOT)
    buy(codes=["ANNA10"])
    fulfilled("anna")


def cash_without_a_payee() -> None:
    opened(CASH, payouts=BY_BANK)
    buy(codes=["ANNA10"])
    buy(order_id="A-2")
    fulfilled("anna")


def cash_paid_out() -> None:
    cash_without_a_payee()
    commit(details.save_payee(account_of("anna")))
    start_payouts(now=NOON)
    (payout,) = dispatches.iter_all()
    confirm_payout(payout.dispatch_id, reference="T-7", actor="olga", now=NOON)


def cash_that_came_back() -> None:
    cash_paid_out()
    (payout,) = dispatches.iter_all()
    take_payout_back(payout.dispatch_id, reason="account closed", actor="olga", now=LATER)


def an_account_given_twice_and_changed() -> None:
    opened(CASH, payouts=BY_BANK)
    for iban in (IBAN, IBAN, "BG80BNBG96611020345678"):
        give_payee(replace(account_of("anna"), iban=iban), program_id=TEA, now=NOON)


def an_account_of_somebody_who_is_forgotten() -> None:
    opened(CASH, payouts=BY_BANK)
    give_payee(account_of("anna"), program_id=TEA, now=NOON)
    forget_person("anna", keys=KEYS, now=NOON)


def cash_handed_over_by_people() -> None:
    opened(CASH)
    buy(codes=["ANNA10"])
    fulfilled("anna")
    (key,) = shop.reward_keys("anna")
    confirm_hand_over(key, reference="T-8", actor="olga", now=NOON)


def a_refund_of_a_part() -> None:
    opened(ADVOCATE_TENTH)
    buy(codes=["ANNA10"])
    give_back()


def a_refund_of_all_before_and_after_the_hand_over() -> None:
    opened(AT_ONCE, FRIEND_THANKS)
    sign_up(codes=["ANNA10"])
    buy()
    fulfilled("anna")
    give_back(amount_minor=5_000)


def a_chargeback() -> None:
    credit_without_a_hold()
    record_chargeback(
        ChargebackReport(
            program_id=TEA,
            order_id="A-1",
            chargeback_id="C-1",
            amount_minor=5_000,
            currency="EUR",
            status=ChargebackStatus.OPENED,
            occurred_at=NOON,
            fingerprint="chargeback",
        ),
        now=NOON,
    )


def a_milestone_that_is_lost() -> None:
    opened(replace(THIRD_FRIEND, milestone=Milestone(at=(1,)), hold_days=14))
    buy(codes=["ANNA10"])
    give_back(amount_minor=5_000)


IN_REVIEW = {"fraud": FraudTerms(modes={"too_fast": FraudMode.REVIEW})}


def flagged() -> ConversionId:
    opened(ADVOCATE_TENTH, **IN_REVIEW)
    click = shop.a_click_of(at=NOON)
    buy(clicks=[click])
    (told,) = [each for each in events.iter_all() if each.name == "conversion.recorded"]
    return ConversionId(str(told.data["conversion_id"]))


def in_review() -> None:
    flagged()


def rejected_in_review() -> None:
    review_conversion(flagged(), ReviewState.REJECTED, actor="olga", reason="a ring", now=NOON)


def approved_in_review() -> None:
    review_conversion(flagged(), ReviewState.APPROVED, actor="olga", reason="known", now=NOON)


def a_catalogue_item() -> None:
    item = CatalogueItem(
        item_id="mug",
        name="A mug",
        points=50,
        kind=RewardKind.COUPON,
        amount_minor=900,
        pool="mugs",
    )
    opened(POINTS, catalogue=(item,))
    coupons.add(TEA, "mugs", "MUG-1")
    buy(codes=["ANNA10"])
    fulfilled("anna")
    shop.spend(item="mug")
    fulfilled("anna")


def somebody_brought_the_advocate() -> None:
    opened(ADVOCATE_TENTH, SECOND_LEVEL)
    sign_up("clara", codes=["ANNA10"])
    enrol("clara", code="CLARA10")
    buy("dora", codes=["CLARA10"])


def attributed_by_hand() -> None:
    opened(ADVOCATE_TENTH)
    attribute_by_hand(
        HandAttribution(
            program_id=TEA,
            friend_id=who("boris"),
            code="ANNA10",
            since=NOON,
            actor="olga",
            reason="she asked",
        ),
        now=NOON,
    )


def everybody_is_forgotten() -> None:
    a_friend_signs_up_and_buys()
    for customer_id in ("anna", "boris"):
        forget_person(customer_id, keys=KEYS, now=NOON)


def silenced() -> None:
    opened(FRIEND_THANKS, ADVOCATE_TENTH, silent_messages=("welcome", "friend_signed_up"))
    sign_up(codes=["ANNA10"])


STORIES: list[tuple[Callable[[], object], list[str]]] = [
    (enrolled, ["anna: welcome"]),
    (enrolled_with_a_reward, ["anna: reward_earned", "anna: welcome"]),
    (
        a_friend_signs_up,
        ["anna: friend_signed_up", "anna: welcome", "boris: friend_welcome"],
    ),
    (
        a_friend_signs_up_and_has_a_coupon_for_it,
        ["anna: friend_signed_up", "anna: welcome", "boris: reward_ready"],
    ),
    (
        a_friend_signs_up_and_buys,
        [
            "anna: friend_signed_up",
            "anna: reward_earned",
            "anna: welcome",
            "boris: friend_welcome",
            "boris: reward_earned",
        ],
    ),
    (a_friend_comes_with_an_order, ["anna: reward_earned", "anna: welcome"]),
    (credit_without_a_hold, ["anna: reward_ready", "anna: welcome"]),
    (
        an_order_below_the_minimum_and_another,
        ["anna: friend_bought", "anna: friend_signed_up", "anna: welcome", "boris: friend_welcome"],
    ),
    (an_order_above_the_cap, ["anna: friend_bought", "anna: reward_earned", "anna: welcome"]),
    (orders_that_promise_advocates_nothing, ["anna: friend_bought", "anna: welcome"]),
    (later_orders_where_the_first_alone_counts, ["anna: reward_earned", "anna: welcome"]),
    (an_order_in_the_holdout, ["anna: friend_bought", "anna: welcome"]),
    (an_order_over_the_budget, ["anna: friend_bought", "anna: welcome"]),
    (
        an_order_in_another_currency,
        [
            "anna: friend_signed_up",
            "anna: reward_declined",
            "anna: welcome",
            "boris: friend_welcome",
        ],
    ),
    (ones_own_code, ["anna: welcome"]),
    (
        three_friends,
        [
            "anna: friend_bought",
            "anna: friend_bought",
            "anna: milestone_near",
            "anna: milestone_reached",
            "anna: welcome",
        ],
    ),
    (a_gift_that_ships, ["anna: details_needed", "anna: welcome"]),
    (
        cash_without_a_payee,
        ["anna: details_needed", "anna: friend_bought", "anna: friend_bought", "anna: welcome"],
    ),
    (
        cash_paid_out,
        ["anna: friend_bought", "anna: friend_bought", "anna: payout_sent", "anna: welcome"],
    ),
    (
        cash_that_came_back,
        [
            # told of so late, the reward lacks an account again
            "anna: details_needed",
            "anna: friend_bought",
            "anna: friend_bought",
            "anna: payout_returned",
            "anna: payout_sent",
            "anna: welcome",
        ],
    ),
    (
        an_account_given_twice_and_changed,
        ["anna: payee_changed", "anna: payee_changed", "anna: welcome"],
    ),
    (an_account_of_somebody_who_is_forgotten, []),
    (
        cash_handed_over_by_people,
        ["anna: friend_bought", "anna: payout_sent", "anna: welcome"],
    ),
    (a_refund_of_a_part, ["anna: reward_earned", "anna: reward_taken_back", "anna: welcome"]),
    (
        a_refund_of_all_before_and_after_the_hand_over,
        [
            "anna: friend_signed_up",
            "anna: reward_ready",
            "anna: reward_taken_back",
            "anna: welcome",
            "boris: friend_welcome",
            "boris: reward_earned",
            "boris: reward_taken_back",
        ],
    ),
    (a_chargeback, ["anna: reward_ready", "anna: reward_taken_back", "anna: welcome"]),
    (
        a_milestone_that_is_lost,
        ["anna: milestone_reached", "anna: reward_taken_back", "anna: welcome"],
    ),
    (in_review, ["anna: welcome"]),
    (rejected_in_review, ["anna: welcome"]),
    (approved_in_review, ["anna: reward_earned", "anna: welcome"]),
    (
        a_catalogue_item,
        ["anna: reward_ready", "anna: reward_ready", "anna: welcome"],
    ),
    (
        somebody_brought_the_advocate,
        [
            "anna: friend_signed_up",
            "anna: reward_earned",
            "anna: welcome",
            "clara: friend_welcome",
            "clara: reward_earned",
            "clara: welcome",
        ],
    ),
    (attributed_by_hand, ["anna: friend_signed_up", "anna: welcome"]),
    (everybody_is_forgotten, []),
    (silenced, ["boris: friend_welcome"]),
]


@pytest.fixture(scope="module")
def standing_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(apps=[]) as started:
        yield started


@pytest.fixture(scope="module")
def empty_tables(standing_cloud: LocalCloud) -> Any:
    return engine.copied_tables()


@pytest.fixture
def cloud(standing_cloud: LocalCloud, empty_tables: Any) -> LocalCloud:
    """Give a cloud in which nothing has happened yet."""
    engine.put_tables(empty_tables)
    forget_caches()
    return standing_cloud


def announce_all() -> None:
    entries = sorted(events.iter_entries(), key=lambda each: each[0].position)
    for entry, _ in entries:
        for happened in events.read_body(entry.body):
            announce_event(happened, keys=MAIL_KEYS, now=LATER)


def told() -> list[str]:
    return sorted(
        f"{NAMES.get(PersonId(row.person_id), row.person_id)}: {row.kind}"
        for row in messages.MessageRow.scan()
        if row.sent_at is not None
    )


@pytest.mark.parametrize(("story", "expected"), STORIES, ids=lambda it: getattr(it, "__name__", ""))
def test_each_happening_is_told_once_to_whom_it_concerns(
    cloud: LocalCloud, story: Callable[[], object], expected: list[str]
) -> None:
    before = len(cloud.mails())
    story()
    announce_all()
    assert told() == expected
    announce_all()
    assert told() == expected
    assert len(cloud.mails()) - before == len(expected)


@pytest.mark.parametrize(
    ("story", "subject", "says"),
    [
        (a_friend_signs_up, "Welcome to Samovar", "Anna recommended us to you"),
        (a_friend_signs_up, "Welcome to Samovar", "When you order, this is for you: €3 of credit."),
        (
            an_order_below_the_minimum_and_another,
            "Boris has placed an order",
            "The order is below the minimum for this reward.",
        ),
        (an_order_over_the_budget, "A friend of yours has placed an order", "€5 of credit"),
        (three_friends, "3 orders thanks to you", "200 points"),
        (a_friend_signs_up_and_buys, "You have earned €5", "Boris"),
        (credit_without_a_hold, "€5 of credit, added for you", "You now have €5"),
        (a_catalogue_item, "Your coupon for €9", "MUG-1"),
        (a_chargeback, "Your reward was taken back", "charged back"),
        (a_chargeback, "Your reward was taken back", "set €5 off against your next rewards"),
        (a_refund_of_a_part, "Your reward has become smaller", "What is left of it: €4"),
        (cash_paid_out, "€10", "T-7"),
        (cash_without_a_payee, "Where may we send your €5?", "/details/"),
        (cash_that_came_back, "€10 came back to us", "the transfer came back. Nothing is lost"),
        (cash_that_came_back, "€10 came back to us", "We no longer use the one that we had"),
        (cash_that_came_back, "€10 came back to us", "/details/"),
        (
            an_account_given_twice_and_changed,
            "A new account for your payouts",
            "On May 4, 2026 at 12:00 PM UTC we were given a bank account",
        ),
    ],
)
def test_a_message_says_what_its_reader_has_to_know(
    cloud: LocalCloud, story: Callable[[], object], subject: str, says: str
) -> None:
    before = len(cloud.mails())
    story()
    announce_all()
    texts = [
        " ".join(mail.text.replace("\xa0", " ").split())
        for mail in cloud.mails()[before:]
        if subject in mail.subject.replace("\xa0", " ")
    ]
    assert any(says in text for text in texts), [each.subject for each in cloud.mails()[before:]]


def sent_back(again_minor: int) -> DomainEvent:
    """Make the event of ten euro that a provider sent back; so much of it goes out again."""
    return event(
        EventName.PAYOUT_RETURNED,
        cause="returned:pay_1",
        program_id=TEA,
        occurred_at=NOON,
        dispatch_id="pay_1",
        person_id=who("anna"),
        provider="tremendous",
        unit="EUR",
        amount_minor=1_000,
        again_minor=again_minor,
        reason="cancelled by olga",
    )


def test_what_a_provider_sends_back_has_no_form_as_it_goes_to_a_mailbox(cloud: LocalCloud) -> None:
    opened(CASH)
    before = len(cloud.mails())
    announce_event(sent_back(1_000), keys=MAIL_KEYS, now=LATER)
    (mail,) = cloud.mails()[before:]
    assert "We sent you €10, and the payout came back. Nothing is lost" in mail.text
    assert "/details/" not in mail.text + mail.html


def test_what_was_taken_back_of_money_that_came_back_is_not_promised_again(
    cloud: LocalCloud,
) -> None:
    opened(CASH)
    before = len(cloud.mails())
    announce_event(sent_back(600), keys=MAIL_KEYS, now=LATER)
    (mail,) = cloud.mails()[before:]
    assert "€6 of it is still yours. The rest was taken back" in mail.text
    assert "Nothing is lost" not in mail.text


def test_of_money_that_came_back_and_was_taken_back_altogether_nobody_is_told(
    cloud: LocalCloud,
) -> None:
    opened(CASH)
    before = len(cloud.mails())
    announce_event(sent_back(0), keys=MAIL_KEYS, now=LATER)
    assert cloud.mails()[before:] == []


@pytest.mark.parametrize(
    ("story", "kept"),
    [
        (cash_that_came_back, ("account closed", "olga", "3000")),
        (an_account_given_twice_and_changed, (IBAN, "DE89", "3000", "BG80", "5678")),
    ],
)
def test_neither_an_account_nor_an_operators_words_are_in_a_mail(
    cloud: LocalCloud, story: Callable[[], object], kept: tuple[str, ...]
) -> None:
    before = len(cloud.mails())
    story()
    announce_all()
    said = "".join(mail.subject + mail.text for mail in cloud.mails()[before:])
    assert [words for words in kept if words in said] == []


@pytest.mark.parametrize(
    "reason",
    [
        Reason.NO_SIGNUP_YET,
        Reason.NO_PURCHASE_YET,
        Reason.IN_REVIEW,
        Reason.SUSPECTED_FRAUD,
        Reason.HOLDOUT,
    ],
)
def test_what_is_not_the_last_word_or_not_for_them_is_told_to_nobody(
    cloud: LocalCloud, reason: Reason
) -> None:
    opened(ADVOCATE_TENTH)
    happened = event(
        EventName.CONVERSION_DECLINED,
        cause="A-1",
        program_id=TEA,
        occurred_at=NOON,
        reason=reason,
        advocate_id=who("anna"),
        friend_id=who("boris"),
    )
    announce_event(happened, keys=MAIL_KEYS, now=LATER)
    assert told() == []


def test_no_code_and_no_name_is_in_an_event(cloud: LocalCloud) -> None:
    a_catalogue_item()
    announce_all()
    bodies = "".join(message.body for message in cloud.topic_messages())
    assert "MUG-1" not in bodies
    assert "customer.example" not in bodies


def test_an_order_is_noted_for_its_month_once(cloud: LocalCloud) -> None:
    a_friend_signs_up_and_buys()
    buy(order_id="A-2", occurred_at=SOON)
    for _ in range(2):
        announce_all()
    today = NOON.date()
    assert friends_orders.count(TEA, who("anna"), first=today, last=today) == 2
    assert friends_orders.count(TEA, who("clara"), first=today, last=today) == 0


def test_an_order_in_review_is_noted_when_it_was_approved(cloud: LocalCloud) -> None:
    today = NOON.date()
    conversion_id = flagged()
    announce_all()
    assert friends_orders.count(TEA, who("anna"), first=today, last=today) == 0
    review_conversion(conversion_id, ReviewState.APPROVED, actor="olga", reason="known", now=NOON)
    announce_all()
    assert friends_orders.count(TEA, who("anna"), first=today, last=today) == 1
