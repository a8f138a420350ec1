"""`make demo`: the story and its numbers, the history, the pages and what hostile browsers send."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console

from infra.local import demo
from infra.local.demo import Demo, NotUnderstoodError, PortTakenError, Wishes, standing
from infra.local.history import (
    SEED,
    Bought,
    Enrolled,
    Followed,
    Refunded,
    SignedUp,
    happenings,
    invented_referrals,
    read_orders,
)
from infra.local.shop_backend import Answer, fetch
from infra.local.story import StoryFailedError
from infra.manifest import ROOT
from referrals.store.counters import list_of_code
from referrals.usecases.verify_ledger import verify_ledger

CHROMIUM = "/usr/bin/chromium"
# a headless one says so in its name, and the redirect takes it for a messenger
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SCRIPT = "<script>alert(1)</script>"
FORM = "application/x-www-form-urlencoded"
DAYS, SHARE = 5, 0.1


def a_console() -> Console:
    return Console(file=StringIO(), width=100, highlight=False, emoji=False, markup=False)


def what_was_told(out: Console) -> str:
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


@pytest.fixture(scope="module")
def out() -> Console:
    return a_console()


@pytest.fixture(scope="module")
def script_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build") / "demo.json"


@pytest.fixture(scope="module")
def up(out: Console, script_file: Path) -> Iterator[Demo]:
    """Give a demo that is up, some days of history and the story behind it."""
    wishes = Wishes(port=0, history_days=DAYS, referred_share=SHARE, script_file=script_file)
    with standing(wishes, out) as running:
        yield running


def get(up: Demo, path: str, **headers: str) -> Answer:
    return fetch("GET", up.shop.base_url + path, headers=headers)


def post(up: Demo, path: str, *, cookie: str = "", **fields: str) -> Answer:
    headers = {"Content-Type": FORM, "Cookie": cookie}
    return fetch("POST", up.shop.base_url + path, headers=headers, body=urlencode(fields))


# the story


def test_every_check_of_the_story_holds(up: Demo, out: Console) -> None:
    assert up.checks == 159
    assert "✗" not in what_was_told(out)


def test_the_story_tells_of_journals_balances_and_mails_in_a_hundred_columns(
    up: Demo, out: Console
) -> None:
    told = what_was_told(out)

    assert "4.80 EUR  tea expense → Anna held" in told
    assert "1.20 EUR  Anna held → tea expense" in told
    assert "Anna: credit 3.60 EUR" in told
    assert "to anna@customer.example: €3.60 of credit, added for you" in told
    assert "declined: self_referral" in told
    assert "declined: insufficient_credit; 1.00 EUR asked for, 0.60 EUR left" in told
    assert max(len(line) for line in told.splitlines()) <= 100


def test_the_story_tells_of_a_payout_that_is_in_doubt_and_of_books_that_differ(
    up: Demo, out: Console
) -> None:
    told = what_was_told(out)

    assert "10.00 EUR by tremendous: unknown" in told
    assert told.count("orders in its books: 1") == 2
    assert "10.00 EUR by tremendous: settled" in told
    assert "extra: ours nothing, theirs 50.00 EUR under pay_nobodyaskedforthis" in told
    assert "stopped: the books differ" in told


def test_nothing_that_logs_is_loaded_before_it_is_said_how() -> None:
    loaded = "import sys, infra.local.demo; print('referrals.runtime.observability' in sys.modules)"

    done = subprocess.run(  # noqa: S603 - this interpreter, with arguments of our own
        [sys.executable, "-c", loaded], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout == "False\n"


def test_a_script_finds_what_it_needs_to_call(up: Demo, script_file: Path) -> None:
    content = json.loads(script_file.read_text())

    assert content == {
        "base_url": up.shop.base_url,
        "api_key": up.shop.api_key,
        "webhook_secret": up.shop.webhook_secret,
        "program": "tea",
        "advocate": {"id": "anna", "code": "ANNA10", "link": f"{up.shop.base_url}/r/ANNA10"},
    }
    assert content["webhook_secret"].startswith("whsec_")


def test_hooks_are_signed_with_the_real_time_after_the_story(up: Demo) -> None:
    order = {"program": "tea", "order_id": "now", "friend": {"id": "stranger"}}

    answer = up.shop.report("purchase", {**order, "amount_minor": 100, "currency": "EUR"})

    assert (answer.status, answer.document["outcome"]) == (201, "waiting")


def test_a_story_that_differs_names_what_and_gives_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def differing(_wishes: Wishes, _out: Console) -> Iterator[Demo]:
        raise StoryFailedError(["her code: expected 'ANNA10', found 'X'"])
        yield

    monkeypatch.setattr(demo, "standing", differing)
    out = a_console()

    status = demo.run(Wishes(is_once=True, script_file=tmp_path / "demo.json"), out)

    assert status == 1
    assert "her code: expected 'ANNA10', found 'X'" in what_was_told(out)


@pytest.mark.parametrize(
    ("environment", "wishes"),
    [
        ({}, Wishes()),
        ({"PORT": "", "ONCE": "", "HISTORY": ""}, Wishes()),
        ({"PORT": "9000", "ONCE": "1"}, Wishes(port=9000, is_once=True)),
        ({"ONCE": "no", "HISTORY": "90d"}, Wishes(history_days=90)),
    ],
)
def test_the_environment_says_how_to_run(environment: dict[str, str], wishes: Wishes) -> None:
    assert Wishes.of(environment) == wishes


@pytest.mark.parametrize(
    "environment",
    [
        {"PORT": "http"},
        {"PORT": "70000"},
        {"HISTORY": "90"},
        {"HISTORY": "0d"},
        {"HISTORY": "183d"},
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(NotUnderstoodError):
        Wishes.of(environment)


def test_a_port_that_was_asked_for_and_is_taken_is_said(up: Demo, tmp_path: Path) -> None:
    port = int(up.shop.base_url.rpartition(":")[2])
    taken = Wishes(port=port, is_once=True, script_file=tmp_path / "demo.json")

    with pytest.raises(PortTakenError, match=f"port {port} is taken"):
        demo.serve(up.cloud, taken.port, {})


# the history


def test_days_of_real_orders_leave_sound_books(up: Demo) -> None:
    history = up.history
    assert history is not None

    assert (history.orders, history.purchases, history.refunds) == (402, 33, 1)
    assert (history.referrals, history.clicks) == (31, 95)
    assert history.rewards == {"held": 56}
    assert [top.friends for top in history.top] == [7, 7, 6, 3, 3]
    assert history.cost_minor == 52004
    assert verify_ledger().faults == ()


def test_the_clicks_of_the_history_are_counted(up: Demo) -> None:
    assert up.history is not None
    top = up.history.top[0]

    assert list_of_code(top.code)["total"].clicks == 16


def test_a_history_ends_where_the_days_end_and_begins_with_the_data() -> None:
    happened = happenings(90)

    assert happened[0].at.date() == date(2010, 12, 1)
    assert happened[-1].at.date() == date(2011, 2, 28)
    assert sum(isinstance(each, Bought) for each in happened) == 3384
    assert happened == happenings(90)
    assert [each.at for each in happened] == sorted(each.at for each in happened)


def test_friends_click_sign_up_and_buy_after_their_advocate_enrolled() -> None:
    enrolled: set[str] = set()
    clicked: set[str] = set()
    signed_up: set[str] = set()
    for happened in happenings(90):
        match happened:
            case Enrolled(customer_id=customer_id):
                enrolled.add(customer_id)
            case Followed(advocate_id=advocate_id, friend_id=friend_id):
                assert advocate_id in enrolled
                clicked.add(friend_id or "")
            case SignedUp(friend_id=friend_id):
                assert friend_id in clicked
                signed_up.add(friend_id)
            case Bought(customer_id=customer_id, is_referred=is_referred):
                assert is_referred == (customer_id in signed_up)
    assert len(signed_up) == 300


def test_refunds_are_mostly_partial_and_never_more_than_their_order() -> None:
    happened = happenings(90)
    paid = {each.order_id: each.amount_minor for each in happened if isinstance(each, Bought)}
    refunds = [each for each in happened if isinstance(each, Refunded)]

    assert len(refunds) == 182
    assert sum(each.amount_minor < paid[each.order_id] for each in refunds) == 172
    assert all(each.amount_minor <= paid[each.order_id] for each in refunds)


def test_a_few_bring_many_and_most_bring_none() -> None:
    customers = [order.customer_id for order in read_orders()]

    referrals = invented_referrals(customers, SEED)

    brought = Counter(referrals.values())
    assert (len(set(customers)), len(referrals), len(brought)) == (2718, 890, 239)
    assert [count for _, count in brought.most_common(5)] == [135, 46, 24, 23, 22]
    assert sum(count == 1 for count in brought.values()) == 117


# the pages


def test_the_first_page_shows_what_the_advocate_has(up: Demo) -> None:
    page = get(up, "/")

    assert page.status == 200
    assert "3.60 EUR" in page.body
    assert "all 159 checks held" in page.body
    assert "/portal/preferences/" in page.body
    assert "/api/advocates/anna/redemptions" in page.body
    assert "script" not in page.headers["content-security-policy"]


def test_the_inbox_finds_mails_and_shows_each_recipient_once(up: Demo) -> None:
    page = get(up, "/inbox?q=anna@customer.example")

    assert page.status == 200
    assert "€3.60 of credit, added for you" in page.body
    assert "anna@customer.example, anna@customer.example" not in page.body


def test_a_mail_shows_how_one_unsubscribes_from_it(up: Demo) -> None:
    mail = next(mail for mail in up.cloud.mails() if mail.subject == "Emil has joined us")

    page = get(up, f"/inbox/{mail.message_id}")

    assert "List-Unsubscribe" in page.body
    assert 'action="/portal/unsubscribe/' in page.body


def test_a_mail_that_is_awaited_leads_to_what_else_one_is_written(up: Demo) -> None:
    mail = next(mail for mail in up.cloud.mails() if mail.subject == "We have sent you €10")

    page = get(up, f"/inbox/{mail.message_id}")

    assert '<a href="/portal/preferences/' in page.body
    assert 'action="/portal/' not in page.body


def test_an_address_that_bounced_is_said_to_get_nothing_more(up: Demo) -> None:
    mail = next(mail for mail in up.cloud.mails() if mail.to == ("emil@customer.example",))

    page = get(up, f"/inbox/{mail.message_id}")

    assert "nothing more is sent there: bounce" in page.body


def test_a_complaint_out_of_the_inbox_reaches_us(up: Demo) -> None:
    mail = next(mail for mail in up.cloud.mails() if mail.to == ("dora@customer.example",))

    answer = post(up, f"/inbox/{mail.message_id}/complain")
    up.cloud.settle()

    assert answer.headers["location"] == f"/inbox/{mail.message_id}?told=complain"
    page = get(up, f"/inbox/{mail.message_id}")
    assert "nothing more is sent there: complaint" in page.body


def test_the_systems_outside_show_their_books(up: Demo) -> None:
    page = get(up, "/fakes")

    assert "CINEMA-" in page.body
    assert "pay_nobodyaskedforthis" in page.body
    assert "reward.fulfilled" in page.body


def test_what_the_receiver_is_to_do_wrong_is_said(up: Demo) -> None:
    post(up, "/fakes/misbehave", fake="receiver", name="shop", kind="busy")

    assert "Still to go wrong: POST busy" in get(up, "/fakes").body
    up.cloud.fakes.receiver.conduct("shop").behave()


def test_a_mail_is_shown_in_a_box_of_its_own(up: Demo) -> None:
    mail = up.cloud.mails()[-1]

    alone = get(up, f"/inbox/{mail.message_id}.html")

    policy = alone.headers["content-security-policy"]
    assert alone.status == 200
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy


def test_the_text_part_of_a_mail_can_be_read(up: Demo) -> None:
    mail = next(mail for mail in up.cloud.mails() if mail.to == ("anna@customer.example",))

    page = get(up, f"/inbox/{mail.message_id}?part=text")

    assert f"{up.shop.base_url}/r/ANNA10" in page.body
    assert "<iframe" not in page.body


def test_the_shop_keeps_the_click_in_a_cookie_of_its_own(up: Demo) -> None:
    link = get(up, "/r/ANNA10", **{"User-Agent": BROWSER}).headers["location"]

    page = fetch("GET", link)

    cookie = page.headers["set-cookie"]
    assert "A cup of tea on your friend" in page.body
    assert cookie.startswith("referral-tea=ANNA10.")
    assert "HttpOnly; SameSite=Lax" in cookie


def test_a_form_that_is_sent_twice_is_one_order(up: Demo) -> None:
    order = {"email": "twice@customer.example", "amount": "10", "order_id": "W-twice"}

    first = post(up, "/shop/tea/purchase", **order)
    again = post(up, "/shop/tea/purchase", **order)

    assert "purchase, 201" in first.body
    assert "purchase, 200" in again.body


def test_credit_is_spent_once_however_often_a_form_is_sent(up: Demo) -> None:
    spent = {"email": "anna@customer.example", "amount": "0.20", "redemption_id": "B-twice"}

    first = post(up, "/shop/tea/redemption", **spent)
    again = post(up, "/shop/tea/redemption", **spent)
    more = post(up, "/shop/tea/redemption", **{**spent, "amount": "9", "redemption_id": "B-much"})

    assert "redemption, 201" in first.body
    assert "redemption, 200" in again.body
    assert "0.40 EUR left" in again.body
    assert "asked for, insufficient credit; 0.40 EUR left" in more.body


def test_an_item_of_the_catalogue_is_shown_with_its_price_in_points(up: Demo) -> None:
    email = "anna@customer.example"

    page = post(up, "/shop/club/redemption", email=email, item="five-euro", redemption_id="I-2")

    assert "Five euro of credit, 100 points" in page.body
    assert "100 points</b> asked for, insufficient credit; 50 points left" in page.body


def test_the_shop_of_the_history_takes_pounds(up: Demo) -> None:
    page = get(up, "/shop/gifts")

    assert "For, in GBP" in page.body


def test_names_and_addresses_cannot_bring_markup_along(up: Demo) -> None:
    answers = [
        post(up, "/shop/tea/signup", name=SCRIPT, email="x@customer.example", code=SCRIPT),
        post(up, "/shop/tea/signup", name="X", email=SCRIPT),
        post(up, "/shop/tea/purchase", email=SCRIPT, amount="1", order_id=SCRIPT),
        post(up, "/shop/tea/refund", order_id=SCRIPT, refund_id=SCRIPT, amount=SCRIPT),
        get(up, f"/inbox?{urlencode({'q': SCRIPT})}"),
        get(up, f"/shop?{urlencode({'via': SCRIPT, 'click': SCRIPT})}"),
        get(up, "/shop", Cookie=f"customer={SCRIPT}; referral-tea={SCRIPT}.x"),
    ]

    assert [SCRIPT in answer.body for answer in answers] == [False] * len(answers)
    assert "&lt;script&gt;" in answers[4].body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("DELETE", "/inbox", 405),
        ("POST", "/demo.css", 405),
        ("POST", "/shop", 405),
        ("GET", "/shop/tea/signup", 405),
        ("GET", "/shop/nothing", 404),
        ("POST", "/shop/tea/steal", 404),
        ("GET", "/shop/tea/redemption", 405),
        ("POST", "/shop/tea/redemption", 400),
        ("POST", "/inbox/unknown/bounce", 404),
        ("GET", "/inbox/unknown/complain", 405),
        ("GET", "/inbox/unknown/forward", 404),
        ("POST", "/fakes/misbehave", 400),
        ("GET", "/shop/tea/signup/more", 404),
        ("GET", "/inbox/unknown", 404),
        ("GET", "/inbox/unknown.html", 404),
        ("GET", "/inbox?page=99999999999999999999", 200),
        ("GET", "/inbox?page=-1&q=%ff%00", 200),
        ("GET", "/shop?via=%0d%0aSet-Cookie:x&click=%00", 200),
        ("GET", "/shop/%2e%2e/%00", 404),
        ("HEAD", "/inbox", 200),
    ],
)
def test_odd_requests_are_answered_and_never_with_a_5xx(
    up: Demo, method: str, path: str, status: int
) -> None:
    answer = fetch(method, up.shop.base_url + path)

    assert answer.status == status
    assert "x" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("", {}, 400),
        ("email", {}, 400),
        ("email=a@customer.example&amount=1e9&order_id=1", {}, 400),
        ("email=a@customer.example&amount=-1&order_id=1", {}, 400),
        ("email=a@customer.example&amount=99999999999&order_id=1", {}, 400),
        ("email=%ED%A0%80&amount=1&order_id=%00", {}, 400),
        ("&".join(f"a{n}=1" for n in range(50)), {}, 400),
        ("email=" + "a" * 20_000, {}, 413),
        ("email=a@customer.example&amount=1&order_id=x", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("email=a@customer.example&amount=1&order_id=c", {"Cookie": "=;;=\x01; customer=%zz"}, 200),
    ],
)
def test_odd_forms_are_refused_by_name(
    up: Demo, body: str, headers: dict[str, str], status: int
) -> None:
    url = f"{up.shop.base_url}/shop/tea/purchase"

    answer = fetch("POST", url, headers={"Content-Type": FORM, **headers}, body=body)

    assert answer.status == status


# a real browser


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        browser = chromium.new_context(user_agent=BROWSER, viewport={"width": 1200, "height": 900})
        yield browser.new_page()
        chromium.close()


@pytest.mark.browser
def test_a_friend_follows_the_link_signs_up_buys_and_gets_a_mail(up: Demo, page: Page) -> None:
    complaints: list[Any] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{up.shop.base_url}/r/ANNA10?ch=whatsapp")
    expect(page.get_by_role("heading", name="A cup of tea on your friend")).to_be_visible()

    signup = page.locator("form[action='/shop/tea/signup']")
    signup.get_by_label("Name").fill("Clara")
    signup.get_by_label("E-mail").fill("clara@customer.example")
    signup.get_by_role("button", name="Sign up").click()
    expect(page.locator("#answer")).to_contain_text("5.00 EUR coupon for the friend")

    purchase = page.locator("form[action='/shop/tea/purchase']")
    expect(purchase.get_by_label("E-mail")).to_have_value("clara@customer.example")
    purchase.get_by_label("For, in EUR").fill("48,00")
    purchase.get_by_role("button", name="Buy").click()
    expect(page.locator("#answer")).to_contain_text("4.80 EUR credit for the advocate")

    wait_for_mail(up, "clara@customer.example", "Your coupon for €5")
    page.goto(f"{up.shop.base_url}/inbox?q=clara@customer.example")
    page.get_by_role("link", name=re.compile("Your coupon")).click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="Your coupon for €5")).to_be_visible()
    expect(mail.get_by_text("Hello Clara,")).to_be_visible()
    assert complaints == []


def wait_for_mail(up: Demo, to: str, subject: str) -> None:
    """Wait until the event sources, which run by themselves, have delivered."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(mail.to == (to,) and mail.subject == subject for mail in up.cloud.mails()):
            return
        time.sleep(0.1)
    pytest.fail(f"no mail {subject} came to {to}")
