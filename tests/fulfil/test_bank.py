"""The file for the bank: whom, how much, and nothing that a spreadsheet would carry out."""

import csv
import io
from dataclasses import replace

import pytest

from referrals.domain.ids import DispatchId
from referrals.fulfil.bank import Transfer, bank_file

IBAN = "DE89370400440532013000"
ANNA = Transfer(
    payout_id=DispatchId("pay_1"),
    name="Anna Petrova",
    iban="de89 3704 0044 0532 0130 00",
    amount_minor=1_250,
    unit="EUR",
    reference="Samovar rewards",
)


def lines(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_transfer_is_one_line() -> None:
    assert bank_file([ANNA]).text == (
        "payout,name,iban,amount,currency,reference\r\n"
        "pay_1,Anna Petrova,DE89370400440532013000,12.50,EUR,Samovar rewards\r\n"
    )


def test_the_same_transfers_make_the_same_file_in_any_order() -> None:
    boris = replace(ANNA, payout_id=DispatchId("pay_2"), name="Boris", amount_minor=5)

    assert bank_file([boris, ANNA]) == bank_file([ANNA, boris])
    assert [line[0] for line in lines(bank_file([boris, ANNA]).text)] == [
        "payout",
        "pay_1",
        "pay_2",
    ]


@pytest.mark.parametrize(
    ("amount_minor", "unit", "text"),
    [
        (5, "EUR", "0.05"),
        (500, "JPY", "500"),
        (1_234, "KWD", "1.234"),
        (10**12, "EUR", "10000000000.00"),
    ],
)
def test_an_amount_is_decimal_text(amount_minor: int, unit: str, text: str) -> None:
    transfer = replace(ANNA, amount_minor=amount_minor, unit=unit)

    assert lines(bank_file([transfer]).text)[1][3:5] == [text, unit]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\u202e=1", "'=1"),
        ('Anna, "the" Great', 'Anna, "the" Great'),
        ("Anna\nPetrova", "Anna Petrova"),
        ("Анна Петрова", "Анна Петрова"),
        ("Anna = Petrova", "Anna = Petrova"),
        ("A" * 300, "A" * 70),
    ],
)
def test_a_name_is_text_and_no_formula(name: str, written: str) -> None:
    found = lines(bank_file([replace(ANNA, name=name)]).text)

    assert len(found) == 2
    assert found[1][1] == written


@pytest.mark.parametrize(
    ("transfer", "reason"),
    [
        (replace(ANNA, iban="DE89370400440532013001"), "the IBAN is none"),
        (replace(ANNA, iban=""), "the IBAN is none"),
        (replace(ANNA, name=" \n"), "there is no name"),
        (replace(ANNA, unit="points"), "it is no amount of money"),
        (replace(ANNA, amount_minor=0), "it is no amount of money"),
        (replace(ANNA, amount_minor=-1), "it is no amount of money"),
    ],
)
def test_what_cannot_be_transferred_is_left_out_with_its_reason(
    transfer: Transfer, reason: str
) -> None:
    other = replace(ANNA, payout_id=DispatchId("pay_2"))

    file = bank_file([transfer, other])

    assert file.left_out == (("pay_1", reason),)
    assert [line[0] for line in lines(file.text)] == ["payout", "pay_2"]


def test_no_transfers_make_a_file_with_its_heading() -> None:
    assert bank_file([]).text == "payout,name,iban,amount,currency,reference\r\n"
