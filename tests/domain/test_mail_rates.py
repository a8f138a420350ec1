"""When too many mails bounce or are complained about to go on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.mail_rates import Brake, MailRates, added, brake_of

COUNT = st.integers(min_value=0, max_value=5_000)


@pytest.mark.parametrize(
    ("sent", "bounced", "complained", "brake"),
    [
        pytest.param(0, 0, 0, None, id="nothing sent"),
        pytest.param(10_000, 0, 0, None, id="all is well"),
        pytest.param(1_000, 50, 0, Brake.BOUNCES, id="5 % bounce"),
        pytest.param(1_000, 49, 0, None, id="a little less than 5 %"),
        pytest.param(200, 10, 0, Brake.BOUNCES, id="ten of 200"),
        pytest.param(100, 9, 0, None, id="nine say nothing of a rate"),
        pytest.param(40, 10, 0, Brake.BOUNCES, id="a list of old addresses"),
        pytest.param(1_000, 0, 1, Brake.COMPLAINTS, id="0.1 % complain"),
        pytest.param(1_001, 0, 1, None, id="a little less than 0.1 %"),
        pytest.param(999, 0, 1, None, id="one among few is an accident"),
        pytest.param(300, 0, 2, None, id="two among few may be one"),
        pytest.param(300, 0, 3, Brake.COMPLAINTS, id="three are none"),
        pytest.param(100_000, 0, 99, None, id="many, of very many"),
        pytest.param(100_000, 0, 100, Brake.COMPLAINTS, id="0.1 % of very many"),
        pytest.param(1_000, 500, 500, Brake.COMPLAINTS, id="complaints are named first"),
        pytest.param(0, 12, 0, Brake.BOUNCES, id="all that bounced was sent before"),
    ],
)
def test_the_brake(sent: int, bounced: int, complained: int, brake: Brake | None) -> None:
    assert brake_of(MailRates(sent=sent, bounced=bounced, complained=complained)) is brake


@given(COUNT, COUNT, COUNT)
def test_without_bounces_and_complaints_nothing_brakes_and_more_of_them_never_release(
    sent: int, bounced: int, complained: int
) -> None:
    assert brake_of(MailRates(sent=sent)) is None
    rates = MailRates(sent=sent, bounced=bounced, complained=complained)
    worse = MailRates(sent=sent, bounced=bounced + 1, complained=complained + 1)
    assert brake_of(rates) is None or brake_of(worse) is not None


@given(COUNT, COUNT, COUNT)
def test_the_brake_is_on_above_the_limits_of_ses_when_there_is_enough_to_judge(
    sent: int, bounced: int, complained: int
) -> None:
    rates = MailRates(sent=sent, bounced=bounced, complained=complained)
    is_over = 20 * bounced >= sent or 1_000 * complained >= sent
    if brake_of(rates) is not None:
        assert is_over
    if sent >= 1_000 and is_over and (bounced or complained):
        assert brake_of(rates) is not None


def test_days_add_up() -> None:
    week = added([MailRates(sent=5, bounced=1), MailRates(sent=2, complained=3)])
    assert week == MailRates(sent=7, bounced=1, complained=3)


def test_rates_are_written_in_ten_thousandths() -> None:
    rates = MailRates(sent=2_000, bounced=101, complained=3)
    assert (rates.bounced_bps, rates.complained_bps) == (505, 15)
    assert MailRates(bounced=1).bounced_bps == 10_000
