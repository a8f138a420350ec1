"""Addresses and accounts out of forms: what is taken, what is not, and which field is at fault."""

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some

from referrals.domain.details import (
    LONGEST,
    DetailsKind,
    FieldFault,
    Incomplete,
    PayeeDetails,
    ShippingDetails,
    read_payee,
    read_shipping,
)
from referrals.domain.ids import PersonId

ANNA = PersonId("per_anna")
ADDRESS = {
    "name": "Anna Tee",
    "street": "Teestraße 1",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
ACCOUNT = {"holder": "Anna Tee", "iban": "DE89 3704 0044 0532 0130 00"}


def faults(given_details: object) -> dict[str, FieldFault]:
    assert isinstance(given_details, Incomplete)
    return dict(given_details.faults)


def test_an_address_is_kept_as_it_was_typed_but_for_spaces() -> None:
    address = read_shipping(ANNA, {**ADDRESS, "name": "  Anna \t Tee "})
    assert address == ShippingDetails(
        person_id=ANNA,
        name="Anna Tee",
        street="Teestraße 1",
        postal_code="10115",
        city="Berlin",
        country="DE",
    )


def test_the_lines_of_a_label_leave_out_what_is_empty() -> None:
    address = read_shipping(ANNA, {**ADDRESS, "extra": "c/o Samovar"})
    assert isinstance(address, ShippingDetails)
    assert address.lines == ("Anna Tee", "c/o Samovar", "Teestraße 1", "10115 Berlin", "DE")


@pytest.mark.parametrize("name", ["name", "street", "postal_code", "city"])
def test_a_field_that_is_needed_and_empty_is_named(name: str) -> None:
    assert faults(read_shipping(ANNA, {**ADDRESS, name: "  "})) == {name: FieldFault.MISSING}


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_form() -> None:
    assert list(faults(read_shipping(ANNA, {})).items()) == [
        ("name", FieldFault.MISSING),
        ("street", FieldFault.MISSING),
        ("postal_code", FieldFault.MISSING),
        ("city", FieldFault.MISSING),
        ("country", FieldFault.NO_COUNTRY),
    ]


@pytest.mark.parametrize("name", LONGEST[DetailsKind.SHIPPING])
def test_a_field_may_be_so_long_and_no_longer(name: str) -> None:
    longest = LONGEST[DetailsKind.SHIPPING][name]
    too_long = faults(read_shipping(ANNA, {**ADDRESS, name: "A" * (longest + 1)}))
    expected = FieldFault.NO_COUNTRY if name == "country" else FieldFault.TOO_LONG
    assert too_long == {name: expected}
    if name != "country":
        just_fits = read_shipping(ANNA, {**ADDRESS, name: "A" * longest})
        assert isinstance(just_fits, ShippingDetails)


@pytest.mark.parametrize("country", ["HK", "AE", "JM"])
def test_where_there_are_no_postal_codes_none_is_asked_for(country: str) -> None:
    address = read_shipping(ANNA, {**ADDRESS, "country": country, "postal_code": ""})
    assert isinstance(address, ShippingDetails)
    assert address.postal_code == ""


@pytest.mark.parametrize("country", ["", "XX", "Deutschland", "D", "ß", "1", "de"])
def test_a_country_is_one_of_the_list(country: str) -> None:
    assert faults(read_shipping(ANNA, {**ADDRESS, "country": country})) == {
        "country": FieldFault.NO_COUNTRY
    }


@pytest.mark.parametrize(
    "name", ["\u202eanna", "a\x00b", "\u200b", "-- //", "🫖", "a\ud800", "Anna\u2066"]
)
def test_what_turns_or_hides_the_rest_of_a_label_is_not_taken(name: str) -> None:
    assert faults(read_shipping(ANNA, {**ADDRESS, "name": name})) == {"name": FieldFault.UNREADABLE}


@pytest.mark.parametrize("name", ["Анна Чай", "Ștefan Țepeș", "O'Hara, J. (3/2)", "李小龍", "عمر"])
def test_names_of_all_the_world_are_taken(name: str) -> None:
    assert isinstance(read_shipping(ANNA, {**ADDRESS, "name": name}), ShippingDetails)


def test_an_account_is_kept_in_capitals_and_without_spaces() -> None:
    account = read_payee(ANNA, {**ACCOUNT, "iban": "de89 3704 0044 0532 0130 00"})
    assert account == PayeeDetails(person_id=ANNA, name="Anna Tee", iban="DE89370400440532013000")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"iban": "DE89 3704 0044 0532 0130 01"}, {"iban": FieldFault.NO_IBAN}),
        ({"iban": "4111 1111 1111 1111"}, {"iban": FieldFault.NO_IBAN}),
        ({"iban": ""}, {"iban": FieldFault.MISSING}),
        ({"iban": "DE" * 30}, {"iban": FieldFault.TOO_LONG}),
        ({"holder": ""}, {"holder": FieldFault.MISSING}),
        ({"holder": "", "iban": "x"}, {"holder": FieldFault.MISSING, "iban": FieldFault.NO_IBAN}),
    ],
)
def test_an_account_that_is_none_is_not_kept(
    changed: dict[str, str], expected: dict[str, FieldFault]
) -> None:
    assert faults(read_payee(ANNA, {**ACCOUNT, **changed})) == expected


@given(
    form=some.dictionaries(
        some.sampled_from(sorted({*LONGEST[DetailsKind.SHIPPING], "person_id", "revision", "x"})),
        some.text(max_size=100),
    )
)
def test_whatever_is_sent_becomes_an_address_in_single_lines_or_faults_of_its_fields(
    form: dict[str, str],
) -> None:
    address = read_shipping(ANNA, form)
    if isinstance(address, Incomplete):
        assert set(address.faults) <= set(LONGEST[DetailsKind.SHIPPING])
        return
    assert (address.person_id, address.revision) == (ANNA, None)
    assert all(line.isprintable() and len(line) <= 90 for line in address.lines)


def test_random_signs_are_never_an_account() -> None:
    made = random.Random(4)
    for _ in range(2_000):
        text = "".join(chr(made.randrange(32, sys.maxunicode)) for _ in range(made.randrange(40)))
        assert isinstance(read_payee(ANNA, {**ACCOUNT, "iban": text}), Incomplete)
