"""From a mail to a page and back: an address for a gift, and no more news, in a real browser."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from infra.local.cloud import LocalCloud, Mail
from infra.local.shop_backend import fetch
from referrals.domain.ids import person_id
from referrals.domain.message_kinds import Purpose
from referrals.domain.rules import Flat, RewardKind, Trigger
from referrals.runtime import clock
from referrals.store import coupons, preferences
from referrals.usecases.apply_program import apply_program
from referrals.usecases.ship_gifts import iter_to_ship
from tests import shop
from tests.api import Api
from tests.shop import NOON, TEA

CHROMIUM = "/usr/bin/chromium"
TEAPOT = replace(
    shop.ADVOCATE_TENTH,
    rule_id="teapot",
    on=Trigger.ENROLMENT,
    kind=RewardKind.GIFT,
    reward=Flat(amount_minor=1_500),
    hold_days=0,
    pool="teapots",
    ships=True,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def up() -> Iterator[LocalCloud]:
    """Give a cloud that is served, in which Anna has earned a teapot and Boris signed up."""
    with LocalCloud(prefix="sarafan-journey-") as cloud:
        clock.set_source(lambda: NOON)
        cloud.serve()
        apply_program(shop.a_program(rules=[TEAPOT, shop.ADVOCATE_TENTH]), now=NOON)
        coupons.add(TEA, "teapots", "D1-1")
        api = Api(cloud)
        anna = {"program": "tea", "id": "anna", "email": "anna@customer.example", "code": "ANNA10"}
        api.post("/api/advocates", {**anna, "name": "Anna", "locale": "en"})
        api.post("/hooks/signup", {"program": "tea", "friend": {"id": "boris"}, "code": "ANNA10"})
        cloud.settle()
        yield cloud
        clock.set_source(None)


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        browser = chromium.new_context(viewport={"width": 380, "height": 800})
        opened = browser.new_page()
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        yield opened
        chromium.close()
    # a form that is shown again is a 400, which a browser mentions
    assert [each for each in complaints if "400" not in each] == []


def mail(up: LocalCloud, page: str) -> Mail:
    """Find the mail that has a link to a page of the portal, other than the one at its foot."""
    (found,) = [each for each in up.mails() if f"/portal/{page}/" in each.text]
    return found


def link(up: LocalCloud, page: str) -> str:
    match = re.search(rf"http://\S+/portal/{page}/\S+", mail(up, page).text)
    assert match is not None
    return match.group()


def test_an_address_out_of_a_mail_lets_the_gift_go_out(up: LocalCloud, page: Page) -> None:
    clock.set_source(lambda: NOON)
    page.goto(link(up, "details"))
    expect(page.get_by_role("heading", name="Where may we send your gift?")).to_be_visible()
    page.get_by_label("Name").fill("Anna Tee")
    page.get_by_label("Street and number").fill("Teestraße 1")
    page.get_by_label("Town").fill("Berlin")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text("Postal code: This is empty.")
    expect(page.get_by_label("Name")).to_have_value("Anna Tee")
    page.get_by_role("link", name="Postal code").click()
    expect(page.get_by_label("Postal code")).to_be_focused()
    page.get_by_label("Postal code").fill("10115")
    page.get_by_label("Country").select_option(label="Germany")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    clock.set_source(lambda: NOON + timedelta(minutes=1))
    up.run_schedules()
    up.settle()
    (parcel,) = iter_to_ship(TEA)
    assert parcel.parcel.unit == "D1-1"
    assert parcel.address is not None
    assert parcel.address.lines == ("Anna Tee", "Teestraße 1", "10115 Berlin", "DE")


def test_news_end_with_a_button_and_come_back_with_a_switch(up: LocalCloud, page: Page) -> None:
    anna = person_id("anna", key=up.secret("identity-key").encode())
    page.goto(link(up, "unsubscribe"))
    assert preferences.find(anna).off == frozenset()

    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert preferences.find(anna).off == {Purpose.NEWS}

    page.get_by_role("link", name="Choose which e-mails you get").click()
    news = page.get_by_label("News of your friends")
    expect(news).not_to_be_checked()
    expect(page.get_by_label("Ideas for sharing")).to_be_checked()
    news.check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_label("News of your friends")).to_be_checked()
    assert preferences.find(anna).off == frozenset()


def test_a_mailbox_ends_news_with_one_click(up: LocalCloud) -> None:
    anna = person_id("anna", key=up.secret("identity-key").encode())
    headers = mail(up, "unsubscribe").headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    answer = fetch(
        "POST",
        headers["List-Unsubscribe"].strip("<>"),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body="List-Unsubscribe=One-Click",
    )
    assert answer.status == 200
    assert preferences.find(anna).off == {Purpose.NEWS}
