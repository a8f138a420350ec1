"""Ids: derived, never drawn by lot."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.ids import derive, fingerprint, person_id

KEY = b"an identity key of this test suite"
PARTS = st.lists(st.text(max_size=20), max_size=5)


@given(PARTS)
def test_an_id_has_its_prefix_and_twenty_four_small_letters_and_digits(parts: list[str]) -> None:
    assert re.fullmatch(r"cnv_[a-z2-7]{24}", derive("cnv", *parts))


@given(PARTS, PARTS)
def test_ids_are_the_same_when_all_their_parts_are(one: list[str], other: list[str]) -> None:
    assert (derive("cnv", *one) == derive("cnv", *other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", "bc"), ("ab", "c"), id="cut elsewhere"),
        pytest.param(("a", "b"), ("a\x1fb",), id="joined by the separator"),
        pytest.param(("a", "b"), ("1:a\x1f1:b",), id="joined as they are hashed"),
        pytest.param(("a", ""), ("a",), id="an empty part more"),
        pytest.param(("a", "b"), ("b", "a"), id="the other way round"),
    ],
)
def test_parts_that_only_look_alike_make_other_ids(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert derive("cnv", *one) != derive("cnv", *other)


def test_ids_stay_what_they_were_in_earlier_versions() -> None:
    assert derive("cnv", "tea", "purchase", "order-1") == "cnv_uqi2zm7kyb5wkrhbj23epniu"
    assert person_id("customer-1", key=KEY) == "per_4q5yjif3dvqt5uonjorfhn67"
    assert fingerprint("{}", key=KEY) == "kn22qvxzdrca2p3ljwjc4urb"


@given(st.text(max_size=40))
def test_a_person_has_one_opaque_id(customer_id: str) -> None:
    given_id = person_id(customer_id, key=KEY)
    assert given_id == person_id(customer_id, key=KEY)
    assert re.fullmatch(r"per_[a-z2-7]{24}", given_id)


def test_without_the_key_nobody_can_tell_whose_id_it_is() -> None:
    assert person_id("customer-1", key=KEY) != person_id("customer-1", key=b"another key")


@given(st.text(max_size=40))
def test_a_person_and_a_body_of_the_same_text_share_no_hash(text: str) -> None:
    assert person_id(text, key=KEY).removeprefix("per_") != fingerprint(text, key=KEY)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_fingerprint_tells_a_contradiction_from_a_repetition(one: str, other: str) -> None:
    assert (fingerprint(one, key=KEY) == fingerprint(other, key=KEY)) is (one == other)
