"""Everything that rewards, mails and webhooks ever do, so that each right is used once."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from infra.local.cloud import LocalCloud, Mail, forget_caches
from infra.local.fakes.conduct import Misbehaviour
from infra.local.pumps import StreamPump
from referrals.clients import client
from referrals.domain.catalogue import CatalogueItem
from referrals.domain.fraud.terms import FraudMode, FraudTerms
from referrals.domain.ids import ProgramId
from referrals.domain.payouts import PayoutProvider, PayoutSchedule, PayoutTerms
from referrals.domain.programs import BudgetTerms, PartnerTerms, Program, ReminderTerms
from referrals.domain.rules import Flat, RewardKind, Trigger
from referrals.runtime import clock
from referrals.store import coupons, webhooks
from referrals.usecases.apply_program import apply_program
from referrals.usecases.change_endpoint import add_endpoint
from tests import shop
from tests.api import Api
from tests.receivers import Receiver, receiving
from tests.shop import NOON

CLUB, TABLE = ProgramId("club"), ProgramId("table")
_ITEM = CatalogueItem(
    item_id="mug", name="A mug", points=50, kind=RewardKind.GIFT, amount_minor=700, pool="mugs"
)

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_UNREADABLE = {
    "day_shard": "2026-05-06#0",
    "position": "2026-05-06T12:00:00.000000+00:00#bat_unreadable",
    "body": "no list of events",
    "digest": "none",
}


def rewards_arrive(cloud: LocalCloud) -> None:
    """Let every kind of reward arrive, and everybody be told."""
    clock.set_source(lambda: NOON)
    base_url = cloud.serve()
    for program in (_club(base_url), _table(base_url)):
        apply_program(program, now=NOON)
    coupons.add(CLUB, "mugs", "MUG-1")
    api = Api(cloud)
    cloud.fakes.partners.conduct.misbehave(Misbehaviour.BUSY, times=1)
    with receiving() as receiver:
        add_endpoint(receiver.url, events=(), programs=(), description="", now=NOON)
        webhooks.forget_cached()
        _join_and_buy(api)
        _settle(cloud)
        _spend(api)
        _give_details(api, cloud)
        _settle(cloud)
        _enrol_for_a_gift(api)
        _settle(cloud)
        _give_account(api, cloud)
        _webhooks_fail(cloud, api, receiver)
    _pay_out(cloud)
    _mails_come_back(cloud)
    _the_stream_stands_still(cloud, api)
    _later(cloud)


def _club(base_url: str) -> Program:
    paid = replace(shop.ADVOCATE_TENTH, hold_days=0, reward=Flat(amount_minor=500))
    rules = [
        replace(paid, rule_id="points", kind=RewardKind.POINTS, reward=Flat(amount_minor=60)),
        replace(paid, rule_id="credit"),
        replace(paid, rule_id="cash", kind=RewardKind.CASH, expires_after_days=16),
        replace(paid, rule_id="code", kind=RewardKind.PARTNER, partner="acme"),
        replace(paid, rule_id="none", kind=RewardKind.COUPON, pool="empty"),
        replace(paid, rule_id="gift", kind=RewardKind.GIFT, ships=True, pool="teapots"),
        replace(paid, rule_id="again", hold_days=0, on=Trigger.RENEWAL, kind=RewardKind.CREDIT),
    ]
    return replace(
        shop.a_program(program_id=CLUB, rules=rules),
        catalogue=(_ITEM,),
        payouts=PayoutTerms(
            provider=PayoutProvider.TREMENDOUS, every=PayoutSchedule.DAILY, campaign_id="C-1"
        ),
        partners={"acme": PartnerTerms(url=f"{base_url}/fakes/partners/acme/codes")},
        reminders=ReminderTerms(after_days=(14,)),
        budget=BudgetTerms(total_minor=3_000),
        fraud=FraudTerms(modes={"same_email": FraudMode.REVIEW}),
    )


def _table(base_url: str) -> Program:
    """Thank for enrolling, and pay by bank."""
    thanks = replace(shop.ADVOCATE_COUPON, on=Trigger.ENROLMENT, hold_days=0)
    rules = [
        replace(thanks, rule_id="gift", kind=RewardKind.GIFT, ships=True, pool="cups"),
        replace(thanks, rule_id="code", kind=RewardKind.PARTNER, pool=None, partner="acme"),
        replace(thanks, rule_id="cash", kind=RewardKind.CASH, pool=None),
    ]
    return replace(
        shop.a_program(program_id=TABLE, rules=rules),
        payouts=PayoutTerms(provider=PayoutProvider.BANK, every=PayoutSchedule.DAILY),
        partners={"acme": PartnerTerms(url=f"{base_url}/fakes/partners/acme/codes")},
    )


def _enrol_for_a_gift(api: Api) -> None:
    """Reward two people for enrolling, one whose address is known and one without."""
    coupons.add(TABLE, "cups", "CUP-1")
    for name, gift in (("olga", "fulfilled"), ("nobody", "available")):
        person = {"program": TABLE, "id": name, "email": f"{name}@customer.example"}
        rewards = api.post("/api/advocates", person).json["rewards"]
        states = {each["kind"]: each["state"] for each in rewards}
        assert states == {"gift": gift, "partner": "fulfilling", "cash": "available"}


def _join_and_buy(api: Api) -> None:
    consent = {
        "given_at": "2026-05-01T10:00:00Z",
        "source": "checkout",
        "wording": "Text me when a reward is ready.",
    }
    olga = {
        "program": CLUB,
        "id": "olga",
        "email": "olga@customer.example",
        "name": "Olga",
        "code": "OLGA10",
        "phone": "+4915112345678",
        "sms_consent": consent,
    }
    assert api.post("/api/advocates", olga).status == 201
    pavel = {"id": "pavel", "email": "pavel@customer.example", "name": "Pavel"}
    signup = {"program": CLUB, "friend": pavel, "code": "OLGA10"}
    assert api.post("/hooks/signup", signup).json["outcome"] == "credited"
    order = {"program": CLUB, "order_id": "C-1", "currency": "EUR", "amount_minor": 5_000}
    assert api.post("/hooks/purchase", {**order, "friend": {"id": "pavel"}}).status == 201
    itself = {"id": "olga-too", "email": "olga@customer.example"}
    watched = {**order, "order_id": "C-2", "friend": itself, "code": "OLGA10"}
    assert api.post("/hooks/purchase", watched).status == 201


def _spend(api: Api) -> None:
    base = "/api/advocates/olga/redemptions"
    named = {"route": "/api/advocates/{customer_id}/redemptions"}
    parameters = {"customer_id": "olga"}
    for body in (
        {"redemption_id": "X-1", "amount_minor": 100, "currency": "EUR"},
        {"redemption_id": "X-2", "item": "mug"},
    ):
        spent = api.post(base, {"program": CLUB, **body}, parameters=parameters, **named)
        assert spent.json["outcome"] == "redeemed"
    restored = api.post(
        f"{base}/X-1/restore",
        {"program": CLUB},
        route="/api/advocates/{customer_id}/redemptions/{redemption_id}/restore",
        parameters={"customer_id": "olga", "redemption_id": "X-1"},
    )
    assert restored.json["outcome"] == "restored"


def _give_details(api: Api, cloud: LocalCloud) -> None:
    """Follow the links of the mails: an address for the gift, no more news, and all of it off."""
    coupons.add(CLUB, "teapots", "TEAPOT-1")
    forget_caches()
    links = _links(*cloud.mails())
    address = {"name": "Olga", "street": "Teestr. 1", "city": "Berlin", "postal_code": "10115"}
    forms = {"details": {**address, "country": "DE"}, "unsubscribe": {}}
    forms["preferences"] = {"shown": "news+ask", "news": "on", "ask": "on"}
    for use, fields in forms.items():
        _fill_in(api, use, next(each for each in links if f"/{use}/" in each), fields)


def _give_account(api: Api, cloud: LocalCloud) -> None:
    """Follow the link of a mail that asks for an account."""
    asking = next(mail for mail in cloud.mails() if "the account that we may" in mail.text)
    (link,) = (each for each in _links(asking) if "/details/" in each)
    _fill_in(api, "details", link, {"holder": "Olga", "iban": "DE89370400440532013000"})


def _links(*mails: Mail) -> list[str]:
    return [word for mail in mails for word in mail.text.split() if "/portal/" in word]


def _fill_in(api: Api, use: str, link: str, fields: dict[str, str]) -> None:
    """Look at a page, and send its form."""
    token = urlsplit(link).path.split("/")[-1]
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    for method in ("GET", "POST"):
        answer = api.call(
            method,
            f"/{use}/{token}",
            body if method == "POST" else None,
            route=f"/{use}/{{token}}",
            parameters={"token": token},
            headers=_FORM if method == "POST" else None,
            app="advocate_portal",
        )
        assert answer.status in {200, 303}, answer.body


def _webhooks_fail(cloud: LocalCloud, api: Api, receiver: Receiver) -> None:
    receiver.status = 500
    api.post("/api/advocates", {"program": CLUB, "id": "rosa", "email": "rosa@customer.example"})
    cloud.settle()
    receiver.status = 410
    _at(timedelta(minutes=3))
    _settle(cloud)


def _pay_out(cloud: LocalCloud) -> None:
    """Pay out with an answer that gets lost, and with books that differ."""
    cloud.fakes.payer.conduct.misbehave(Misbehaviour.HANG_UP, times=1)
    for hours in (24, 25, 26, 48):
        _at(timedelta(hours=hours))
        forget_caches()
        cloud.invoke("reward_dispatch", "queue_due_dispatches", {})
        cloud.settle()
        if hours == 26:
            cloud.fakes.payer.plant(external_id="pay_of_nobody", amount_minor=900, currency="EUR")
        _settle(cloud)


def _mails_come_back(cloud: LocalCloud) -> None:
    mail = cloud.mails()[-1]
    cloud.bounce(mail)
    cloud.complain(mail)
    cloud.answer_sms("+4915112345678", "STOP")
    cloud.settle()


def _the_stream_stands_still(cloud: LocalCloud, api: Api) -> None:
    """Let the sweep find two items: one that is announced, and one that cannot be."""
    for pump in cloud._pumps.sources:
        if isinstance(pump, StreamPump):
            pump.is_stopped = True
    client("dynamodb").put_item(
        TableName=f"{cloud.prefix}events",
        Item={name: {"S": value} for name, value in _UNREADABLE.items()},
    )
    api.post("/api/advocates", {"program": CLUB, "id": "toma", "email": "toma@customer.example"})
    cloud.settle()
    for hours in range(49, 57):
        _at(timedelta(hours=hours))
        cloud.run_schedules()
    cloud.settle()


def _later(cloud: LocalCloud) -> None:
    """Let reminders, summaries and what lapses be told of."""
    forget_caches()
    for days in (15, 28):
        _at(timedelta(days=days))
        _settle(cloud)


def _settle(cloud: LocalCloud) -> None:
    forget_caches()
    cloud.run_schedules()
    cloud.settle()


def _at(later: timedelta) -> None:
    clock.set_source(lambda: NOON + later)
