"""Text messages in words: one message each, in every language."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.message_kinds import MessageKind
from referrals.domain.text_messages import SMS_KINDS, fits_one
from referrals.notify.sms import SmsRefusedError, SmsValues, send_sms, written

LOCALES = ("en", "ru", "bg", "ro")
FIVE_EURO = SmsValues(shop_name="Samovar", amount_minor=500, unit="EUR")


@pytest.mark.parametrize(
    ("kind", "locale", "text"),
    [
        (
            MessageKind.REWARD_READY,
            "en",
            "Samovar: your reward of €5 is ready, see your e-mail. Reply STOP to end texts.",
        ),
        (
            MessageKind.REWARD_READY,
            "ru-RU",
            "Samovar: награда 5 € готова, см. письмо. СТОП — отписка",
        ),
        (
            MessageKind.PAYOUT_SENT,
            "en-GB",
            "Samovar: €5 is on its way to you, see your e-mail. Reply STOP to end texts.",
        ),
        (
            MessageKind.PAYOUT_SENT,
            "ru",
            "Samovar: выплата 5 € отправлена, см. письмо. СТОП — отписка",
        ),
    ],
)
def test_the_words(kind: MessageKind, locale: str, text: str) -> None:
    assert written(kind, locale=locale, values=FIVE_EURO) == text


def test_what_is_no_money_is_told_without_an_amount() -> None:
    points = SmsValues(shop_name="Samovar", amount_minor=50, unit="points")
    told = written(MessageKind.REWARD_READY, locale="en", values=points)
    assert told == "Samovar: your reward is ready, see your e-mail. Reply STOP to end texts."


def test_a_name_that_leaves_no_room_is_cut_before_the_amount_is_left_out() -> None:
    long_name = SmsValues(
        shop_name="Самовар и сушки на Невском", amount_minor=123_456_789, unit="RUB"
    )
    told = written(MessageKind.REWARD_READY, locale="ru", values=long_name)
    assert told.startswith("Самовар и ")
    assert "1 234 567,89 ₽" in told
    assert fits_one(told)


def test_every_kind_is_written_in_every_language() -> None:
    for kind in SMS_KINDS:
        told = {written(kind, locale=locale, values=FIVE_EURO) for locale in LOCALES}
        assert all(re.search("STOP|СТОП", text) for text in told)


@given(
    st.sampled_from(sorted(SMS_KINDS)),
    st.sampled_from(LOCALES),
    st.text(max_size=120),
    st.integers(min_value=0, max_value=10**12),
    st.sampled_from(["EUR", "RUB", "BGN", "RON", "KWD", "JPY", "USD"]),
)
def test_whatever_the_shop_is_called_a_text_goes_out_as_one(
    kind: MessageKind, locale: str, shop_name: str, amount_minor: int, unit: str
) -> None:
    values = SmsValues(shop_name=shop_name, amount_minor=amount_minor, unit=unit)
    told = written(kind, locale=locale, values=values)
    assert fits_one(told)
    assert told.endswith((".", "отписка", "край", "dezabonare"))


@pytest.mark.parametrize("number", ["", "0151123456", "+49 151", "anna@shop.example", "+1\n+2"])
def test_what_is_no_number_is_refused_without_a_call_and_not_named(number: str) -> None:
    with pytest.raises(SmsRefusedError) as raised:
        send_sms(number, "text")
    assert str(raised.value) == "the recipient is not a telephone number"
