"""Money: minor units, basis points, one rounding rule."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from referrals.domain.money import (
    EXPONENTS,
    divided,
    in_proportion,
    is_currency,
    percent_of,
    shrunk,
    split,
    written,
)

AMOUNTS = st.integers(min_value=0, max_value=10**12)
ANY_NUMBER = st.integers(min_value=-(10**15), max_value=10**15)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12).filter(any)
DIVISORS = st.integers(min_value=1, max_value=10**9)


def test_the_currencies_are_those_of_iso_4217_that_have_minor_units() -> None:
    published = {each.code: each.exponent for each in Currency if each.exponent is not None}
    assert published == EXPONENTS


@pytest.mark.parametrize("code", ["EUR", "JPY", "KWD", "CLF", "XOF", "ZWG"])
def test_money_that_can_be_paid_is_a_currency(code: str) -> None:
    assert is_currency(code)


@pytest.mark.parametrize("code", ["XAU", "XXX", "XTS", "DEM", "BGN", "eur", "EURO", "", "points"])
def test_gold_test_codes_old_money_and_misspellings_are_no_currency(code: str) -> None:
    assert not is_currency(code)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [
        pytest.param(6, 3, 2, id="even"),
        pytest.param(7, 3, 2, id="down"),
        pytest.param(8, 3, 3, id="up"),
        pytest.param(1, 2, 0, id="half of one goes down to 0"),
        pytest.param(3, 2, 2, id="one and a half goes up to 2"),
        pytest.param(5, 2, 2, id="two and a half goes down to 2"),
        pytest.param(7, 2, 4, id="three and a half goes up to 4"),
        pytest.param(-1, 2, 0, id="minus a half goes up to 0"),
        pytest.param(-3, 2, -2, id="minus one and a half goes down to -2"),
        pytest.param(0, 7, 0, id="nothing"),
    ],
)
def test_a_half_is_rounded_to_the_even_neighbour(
    numerator: int, denominator: int, quotient: int
) -> None:
    assert divided(numerator, denominator) == quotient


@given(ANY_NUMBER, DIVISORS)
def test_rounding_is_never_off_by_more_than_a_half(numerator: int, denominator: int) -> None:
    error = abs(Fraction(numerator, denominator) - divided(numerator, denominator))
    assert error <= Fraction(1, 2)


@given(ANY_NUMBER)
def test_every_half_ends_on_an_even_number(whole: int) -> None:
    assert divided(2 * whole + 1, 2) % 2 == 0


@given(ANY_NUMBER, DIVISORS)
def test_rounding_treats_gains_and_losses_alike(numerator: int, denominator: int) -> None:
    assert divided(-numerator, denominator) == -divided(numerator, denominator)


@given(ANY_NUMBER, DIVISORS, st.integers(min_value=0, max_value=10**9))
def test_more_is_never_rounded_to_less(numerator: int, denominator: int, more: int) -> None:
    assert divided(numerator, denominator) <= divided(numerator + more, denominator)


@pytest.mark.parametrize(
    ("amount_minor", "rate_bps", "share_minor"),
    [
        pytest.param(10_000, 1_000, 1_000, id="a tenth of 100 euro"),
        pytest.param(9_999, 1_000, 1_000, id="a tenth of 99.99 euro"),
        pytest.param(25, 1_000, 2, id="a tenth of a quarter"),
        pytest.param(35, 1_000, 4, id="a tenth of 35 cents"),
        pytest.param(4, 1_000, 0, id="too little to share"),
        pytest.param(12_345, 10_000, 12_345, id="all of it"),
        pytest.param(10_000, 1, 1, id="a ten-thousandth"),
        pytest.param(10**12, 3_333, 333_300_000_000, id="ten thousand million"),
    ],
)
def test_a_percentage_is_counted_in_ten_thousandths(
    amount_minor: int, rate_bps: int, share_minor: int
) -> None:
    assert percent_of(amount_minor, rate_bps) == share_minor


@given(AMOUNTS, st.integers(min_value=0, max_value=10_000))
def test_a_share_is_never_more_than_the_whole(amount_minor: int, rate_bps: int) -> None:
    assert 0 <= percent_of(amount_minor, rate_bps) <= amount_minor


@pytest.mark.parametrize(
    ("part", "whole", "share_minor"),
    [
        pytest.param(7_500, 10_000, 750, id="three quarters"),
        pytest.param(1, 3, 333, id="a third"),
        pytest.param(2, 3, 667, id="two thirds"),
        pytest.param(10_000, 10_000, 1_000, id="all"),
        pytest.param(0, 10_000, 0, id="none"),
    ],
)
def test_an_amount_is_shared_in_proportion(part: int, whole: int, share_minor: int) -> None:
    assert in_proportion(1_000, part=part, whole=whole) == share_minor


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        pytest.param(10_000, (1,), (10_000,), id="all for one"),
        pytest.param(10_000, (1, 1), (5_000, 5_000), id="halves"),
        pytest.param(10_000, (1, 1, 1), (3_334, 3_333, 3_333), id="of thirds the first has more"),
        pytest.param(10_000, (2, 1), (6_667, 3_333), id="the larger remainder has more"),
        pytest.param(10_000, (70, 20), (7_778, 2_222), id="70 to 20"),
        pytest.param(10_000, (0, 1, 0), (0, 10_000, 0), id="nothing for no weight"),
        pytest.param(2, (1, 1, 1), (1, 1, 0), id="too few for all"),
        pytest.param(0, (3, 4), (0, 0), id="nothing to split"),
        pytest.param(100, (41, 34, 25), (41, 34, 25), id="no remainders"),
        pytest.param(
            26,
            (9_061, 7_179, 5_259, 3_319, 1_182),
            (9, 7, 5, 4, 1),
            id="26 seats: the fourth remainder is the largest",
        ),
    ],
)
def test_a_whole_is_split_by_largest_remainder(
    total: int, weights: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    assert split(total, weights) == parts


@given(AMOUNTS, WEIGHTS)
def test_the_parts_of_a_whole_add_up_to_it(total: int, weights: list[int]) -> None:
    assert sum(split(total, weights)) == total


@given(AMOUNTS, WEIGHTS)
def test_every_part_is_less_than_one_from_its_quota(total: int, weights: list[int]) -> None:
    for part, weight in zip(split(total, weights), weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@given(AMOUNTS, WEIGHTS)
def test_whoever_weighs_more_never_gets_less(total: int, weights: list[int]) -> None:
    by_weight = sorted(zip(weights, split(total, weights), strict=True))
    parts = [part for _, part in by_weight]
    assert parts == sorted(parts)


@given(AMOUNTS, WEIGHTS)
def test_of_equal_weights_the_earlier_gets_at_most_one_more(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    for weight in set(weights):
        equals = [part for part, each in zip(parts, weights, strict=True) if each == weight]
        assert equals == sorted(equals, reverse=True)
        assert equals[0] - equals[-1] <= 1


def test_parts_that_shrink_to_what_they_are_stay_what_they_are() -> None:
    assert shrunk((6, 6, 2), 14) == (6, 6, 2)


@pytest.mark.parametrize(
    ("total", "parts"),
    [
        pytest.param(13, (6, 5, 2), id="the first loses none"),
        pytest.param(11, (5, 5, 1), id="the smallest has one left"),
        pytest.param(10, (5, 4, 1), id="and no more again: largest remainders would give it two"),
        pytest.param(1, (1, 0, 0), id="the last unit to the first of the largest"),
        pytest.param(0, (0, 0, 0), id="to nothing"),
    ],
)
def test_parts_shrink_in_proportion(total: int, parts: tuple[int, ...]) -> None:
    assert shrunk((6, 6, 2), total) == parts


@given(st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=5), st.data())
def test_no_part_grows_as_the_whole_shrinks(parts: list[int], data: st.DataObject) -> None:
    whole = sum(parts) or 1
    parts = parts if sum(parts) else [1]
    total = data.draw(st.integers(min_value=1, max_value=whole))
    more, less = shrunk(parts, total), shrunk(parts, total - 1)
    assert (sum(more), sum(less)) == (total, total - 1)
    assert all(after <= before for after, before in zip(less, more, strict=True))
    assert shrunk(parts, whole) == tuple(parts)


def test_a_whole_is_not_split_among_nobody() -> None:
    with pytest.raises(ZeroDivisionError):
        split(10, (0, 0))


@pytest.mark.parametrize(
    ("amount_minor", "unit", "text"),
    [
        pytest.param(1_250, "GBP", "12.50 GBP", id="two digits"),
        pytest.param(5, "EUR", "0.05 EUR", id="less than one"),
        pytest.param(0, "EUR", "0.00 EUR", id="nothing"),
        pytest.param(-1_250, "EUR", "-12.50 EUR", id="a debt"),
        pytest.param(-5, "EUR", "-0.05 EUR", id="a small debt"),
        pytest.param(500, "JPY", "500 JPY", id="no digits"),
        pytest.param(1_234, "KWD", "1.234 KWD", id="three digits"),
        pytest.param(12_345, "CLF", "1.2345 CLF", id="four digits"),
        pytest.param(50, "points", "50 points", id="points"),
    ],
)
def test_an_amount_is_written_with_the_digits_of_its_currency(
    amount_minor: int, unit: str, text: str
) -> None:
    assert written(amount_minor, unit) == text
