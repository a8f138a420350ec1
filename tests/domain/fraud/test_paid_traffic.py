"""`paid_traffic`: who came by an advertisement was not brought by a friend."""

import pytest

from referrals.domain.fraud.paid_traffic import PAID_TRAFFIC
from tests.domain.fraud.cases import seen

SHOP = "https://shop.example/welcome"
CASES = [
    ("the landing page alone", SHOP, None),
    ("no page was told", None, None),
    ("a share link", f"{SHOP}?via=ANNA10&click=AQ", None),
    ("a link shared on Facebook", f"{SHOP}?via=ANNA10&fbclid=IwAR1", None),
    ("a link shared on Instagram", f"{SHOP}?igshid=1", None),
    ("a newsletter", f"{SHOP}?utm_source=news&utm_medium=email&mc_eid=1", None),
    ("a referral by the shop's own words", f"{SHOP}?utm_medium=referral", None),
    ("organic posts", f"{SHOP}?utm_source=facebook&utm_medium=social", None),
    ("an empty mark", f"{SHOP}?gclid=", None),
    ("a mark that is a value", f"{SHOP}?q=gclid", None),
    ("a free gift, whose name begins with p", f"{SHOP}?utm_medium=print", None),
    ("an advertisement with Google", f"{SHOP}?via=ANNA10&gclid=Cj0", (1, False)),
    ("the same on an iPhone", f"{SHOP}?gbraid=0AA", (1, False)),
    ("the same from an app", f"{SHOP}?wbraid=Cj", (1, False)),
    ("an advertisement with Microsoft", f"{SHOP}?msclkid=7c", (1, False)),
    ("an advertisement with Yandex", f"{SHOP}?yclid=12", (1, False)),
    ("a mark in capitals", f"{SHOP}?GCLID=Cj0", (1, False)),
    ("a mark in the page of an app", f"{SHOP}#/tea?gclid=Cj0", (1, False)),
    ("a campaign that says it is paid per click", f"{SHOP}?utm_medium=CPC", (0, True)),
    ("a campaign that says it is paid", f"{SHOP}?utm_medium=paid-social", (0, True)),
    ("both", f"{SHOP}?utm_medium=ppc&gclid=Cj0&gad_source=1", (2, True)),
]


@pytest.mark.parametrize(("label", "url", "expected"), CASES, ids=[case[0] for case in CASES])
def test_it_flags_the_marks_of_advertisements(
    label: str, url: str | None, expected: tuple[int, bool] | None
) -> None:
    inputs = seen(PAID_TRAFFIC, landing_url=url)
    found = None if inputs is None else (inputs["click_ids"], inputs["is_paid_medium"])
    assert found == expected
