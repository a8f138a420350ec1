"""Numbers of bank accounts: what is one, and what a slip of the finger makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ibans import read_iban, shown_in_part

# of the SWIFT IBAN Registry, the examples of each country
EXAMPLES = (
    "AT611904300234573201",
    "BE68539007547034",
    "BG80BNBG96611020345678",
    "CH9300762011623852957",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "LT121000011101001000",
    "MD24AG000225100013104168",
    "MT84MALT011000012345MTLCAST001S",
    "NO9386011117947",
    "RO49AAAA1B31007593840000",
    "UA213223130000026007233566001",
)


@pytest.mark.parametrize("iban", EXAMPLES)
def test_an_example_of_the_registry_is_one(iban: str) -> None:
    assert read_iban(iban) == iban


@pytest.mark.parametrize(
    "written",
    [
        "de89 3704 0044 0532 0130 00",
        " DE89-3704-0044-0532-0130-00 ",
        "DE89\u00a0370400440532013000",
    ],
)
def test_it_is_read_however_it_is_written(written: str) -> None:
    assert read_iban(written) == "DE89370400440532013000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DE",
        "DE8937040044053201300",
        "DE893704004405320130000",
        "DE88370400440532013000",
        "US89370400440532013000",
        "XX89370400440532013000",
        "DE8937040044053201300\u0660",
        "DE8937040044053201300\uff10",
        "DE89370400440532013000; DROP",
        "=DE89370400440532013000",
        "89370400440532013000DE",
        "\N{LATIN SMALL LETTER SHARP S}E89370400440532013000",
    ],
)
def test_what_is_none_is_none(text: str) -> None:
    assert read_iban(text) is None


@given(
    iban=st.sampled_from(EXAMPLES), place=st.integers(2, 33), digit=st.sampled_from("0123456789")
)
def test_one_wrong_digit_is_always_noticed(iban: str, place: int, digit: str) -> None:
    place %= len(iban)
    is_other = iban[place].isdigit() and iban[place] != digit
    changed = iban[:place] + digit + iban[place + 1 :]

    assert not is_other or read_iban(changed) is None


@given(iban=st.sampled_from(EXAMPLES), place=st.integers(4, 32))
def test_two_digits_changed_about_are_always_noticed(iban: str, place: int) -> None:
    place = place % (len(iban) - 5) + 4
    first, second = iban[place], iban[place + 1]
    changed = iban[:place] + second + first + iban[place + 2 :]

    # a 1 and a B are 1 and 11: only of digits is it sure
    is_other = first != second and (first + second).isdigit()
    assert not is_other or read_iban(changed) is None


def test_check_digits_that_are_never_given_are_refused() -> None:
    # 2 and 99 leave the same remainder: only the one is a check number
    assert read_iban("DE02100100100006820101") == "DE02100100100006820101"
    assert read_iban("DE99100100100006820101") is None


def test_its_owner_knows_it_by_its_end() -> None:
    assert shown_in_part("DE89370400440532013000") == "DE…3000"
