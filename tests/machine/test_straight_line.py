"""The straight line changes no answer: a story leaves the same items as over the long way."""

import pytest

from infra.local.straight_line import straight_line
from referrals.usecases.verify_ledger import verify_ledger
from tests import shop
from tests.conftest import fresh_tables
from tests.shop import LATER, a_click_of, buy, fulfil_all, give_back, sign_up


def _play() -> dict[str, object]:
    shop.open_shop()
    buy(order_id="A-0")
    sign_up(clicks=[a_click_of()])
    buy()
    give_back()
    fulfil_all("anna", now=LATER)
    fulfil_all("boris", now=LATER)
    give_back(refund_id="R-2", now=LATER)
    assert verify_ledger().faults == ()
    return dict(shop.dump())


@pytest.mark.usefixtures("tables")
def test_the_straight_line_leaves_what_the_long_way_leaves() -> None:
    long_way = _play()
    with straight_line(), fresh_tables():
        assert _play() == long_way
