"""Countries: the two letters that shops call them."""

import pytest
from babel import Locale

from referrals.domain.countries import COUNTRIES, is_country

# CLDR's own, and reserved ones that are parts or groups of countries
NO_COUNTRIES = {
    *("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"),
}


def test_the_countries_are_those_that_cldr_names() -> None:
    named = {code for code in map(str, Locale("en").territories) if len(code) == 2}
    assert named - NO_COUNTRIES == COUNTRIES


@pytest.mark.parametrize("code", ["DE", "GB", "RU", "US", "AX", "XK"])
def test_two_letters_of_a_country_are_one(code: str) -> None:
    assert is_country(code)


@pytest.mark.parametrize("code", ["", "de", "UK", "EU", "XX", "ZZ", "DEU", "D", "276"])
def test_other_letters_are_none(code: str) -> None:
    assert not is_country(code)
