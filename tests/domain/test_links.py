"""Share links: codes that people wish for and codes that are made for them."""

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.errors import CodeNotAllowedError
from referrals.domain.ids import PersonId, ProgramId
from referrals.domain.links import (
    ALPHABET,
    CODE_LENGTH,
    MAX_VANITY_LENGTH,
    generated_code,
    is_bad,
    is_code,
    normalized,
    vanity_code,
)
from tests.factories import ANNA, BORIS, TEA

KEY = b"an identity key of this test suite"
PEOPLE = st.text(min_size=1, max_size=40).map(PersonId)
PROGRAMS = st.text(min_size=1, max_size=40).map(ProgramId)
ATTEMPTS = st.integers(min_value=0, max_value=1_000)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("ANNA10", "ANNA10", id="as it is stored"),
        pytest.param("anna10", "ANNA10", id="small letters"),
        pytest.param("  anna 10\n", "ANNA10", id="spaces"),
        pytest.param("anna-10", "ANNA10", id="a dash"),
        pytest.param("a\u00a0b\u2003c", "ABC", id="spaces of other widths"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_typed_code_is_brought_into_its_stored_form(typed: str, code: str) -> None:
    assert normalized(typed) == code


@given(st.text(string.ascii_letters + string.digits + " -\t\u00a0\u00df", max_size=40))
def test_a_stored_form_stays_as_it_is(typed: str) -> None:
    once = normalized(typed)
    assert normalized(once) == once


@pytest.mark.parametrize("text", ["A", "ANNA10", "0", "X" * 24, "anna"])
def test_letters_and_digits_can_be_a_code(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize(
    "text", ["", "X" * 25, "ANNA 10", "ANNA-10", "../etc", "ANN\u0410", "\u0661\u0662", "A\x00"]
)
def test_anything_else_is_not_looked_up(text: str) -> None:
    assert not is_code(text)


@pytest.mark.parametrize(
    ("wished", "code"),
    [
        pytest.param("Anna-10", "ANNA10", id="name and number"),
        pytest.param("tea", "TEA", id="the shortest"),
        pytest.param("a" * 24, "A" * 24, id="the longest"),
        pytest.param("summer 2026", "SUMMER2026", id="two words"),
        pytest.param("Canal", "CANAL", id="a waterway"),
        pytest.param("grape", "GRAPE", id="a fruit"),
        pytest.param("peacock7", "PEACOCK7", id="a bird"),
        pytest.param("Dickens", "DICKENS", id="a writer"),
        pytest.param("apihelp", "APIHELP", id="more than a reserved word"),
    ],
)
def test_a_code_that_is_wished_for_is_given(wished: str, code: str) -> None:
    assert vanity_code(wished) == code


LENGTH = "is not 3 to 24 signs long"
SIGNS = "has other signs than the letters A to Z and digits"
RESERVED = "is reserved"
WORD = "has a word in it that not everybody likes"


@pytest.mark.parametrize(
    ("wished", "why"),
    [
        pytest.param("", LENGTH, id="nothing"),
        pytest.param("- - -", LENGTH, id="only dashes"),
        pytest.param("ab", LENGTH, id="too short"),
        pytest.param("a-b", LENGTH, id="too short without its dash"),
        pytest.param("a" * 25, LENGTH, id="too long"),
        pytest.param("8itch", WORD, id="an 8 for a B"),
        pytest.param("s1ut", WORD, id="a 1 for an L"),
        pytest.param("anna!", SIGNS, id="punctuation"),
        pytest.param("anna_10", SIGNS, id="an underscore"),
        pytest.param("\u0430\u043d\u043d\u0430", SIGNS, id="cyrillic"),
        pytest.param("ann\u0430", SIGNS, id="a letter that only looks like one"),
        pytest.param("\u0661\u0662\u0663", SIGNS, id="other digits"),
        pytest.param("tea\x00", SIGNS, id="a null"),
        pytest.param("\U0001f375\U0001f375\U0001f375", SIGNS, id="pictures"),
        pytest.param("admin", RESERVED, id="the system"),
        pytest.param("A-P-I", RESERVED, id="the system with dashes"),
        pytest.param("Portal", RESERVED, id="a page"),
        pytest.param("shitcode", WORD, id="a word"),
        pytest.param("5H1T", WORD, id="a word in digits"),
        pytest.param("f-u-c-k", WORD, id="a word in pieces"),
        pytest.param("fucanalck", WORD, id="a word around a harmless one"),
        pytest.param("pizd3c", WORD, id="a word of another language"),
    ],
)
def test_a_code_that_cannot_be_given_says_why(wished: str, why: str) -> None:
    with pytest.raises(CodeNotAllowedError) as refused:
        vanity_code(wished)
    assert [(fault.field, fault.says) for fault in refused.value.faults] == [("code", why)]


@given(st.text(max_size=40))
def test_a_wish_is_given_as_a_code_or_refused(wished: str) -> None:
    try:
        code = vanity_code(wished)
    except CodeNotAllowedError:
        return
    assert is_code(code)
    assert vanity_code(code) == code


def test_generated_codes_use_signs_that_cannot_be_taken_for_each_other() -> None:
    assert not set(ALPHABET) & set("AEIOUYB8I1LO0S5Z2")
    assert set(ALPHABET) <= set(string.ascii_uppercase + string.digits)
    assert len(set(ALPHABET)) == len(ALPHABET)


def test_generated_codes_have_more_than_fifty_bits() -> None:
    assert CODE_LENGTH * math.log2(len(ALPHABET)) >= 50


@given(PEOPLE, PROGRAMS, ATTEMPTS)
def test_a_generated_code_has_twelve_signs_of_its_alphabet(
    person_id: PersonId, program_id: ProgramId, attempt: int
) -> None:
    code = generated_code(person_id, program_id, attempt=attempt, key=KEY)
    assert len(code) == 12
    assert set(code) <= set("CDFGHJKMNPQRTVWX34679")


@given(PEOPLE, PROGRAMS, ATTEMPTS)
def test_the_same_advocate_is_given_the_same_code_again(
    person_id: PersonId, program_id: ProgramId, attempt: int
) -> None:
    first = generated_code(person_id, program_id, attempt=attempt, key=KEY)
    assert generated_code(person_id, program_id, attempt=attempt, key=KEY) == first


def test_a_generated_code_stays_what_it_was_in_earlier_versions() -> None:
    assert generated_code(ANNA, TEA, attempt=0, key=KEY) == "6HJQ6DGPGDN9"


@given(PEOPLE, PROGRAMS, ATTEMPTS)
def test_another_attempt_gives_another_code(
    person_id: PersonId, program_id: ProgramId, attempt: int
) -> None:
    first = generated_code(person_id, program_id, attempt=attempt, key=KEY)
    assert generated_code(person_id, program_id, attempt=attempt + 1, key=KEY) != first


def test_another_advocate_program_or_key_gives_another_code() -> None:
    codes = {
        generated_code(ANNA, TEA, attempt=0, key=KEY),
        generated_code(BORIS, TEA, attempt=0, key=KEY),
        generated_code(ANNA, ProgramId("coffee"), attempt=0, key=KEY),
        generated_code(ANNA, TEA, attempt=0, key=b"another key"),
    }
    assert len(codes) == 4


@given(PEOPLE, PROGRAMS, ATTEMPTS)
def test_a_generated_code_has_no_bad_word_in_it(
    person_id: PersonId, program_id: ProgramId, attempt: int
) -> None:
    assert not is_bad(generated_code(person_id, program_id, attempt=attempt, key=KEY))


def test_a_code_that_spells_a_bad_word_is_passed_over_for_the_next() -> None:
    # the first one of this attempt would have been QD66TQJDMFCK
    assert generated_code(ANNA, TEA, attempt=1_337, key=KEY) == "WMNGDHQCPGK7"


@given(PEOPLE, PROGRAMS, ATTEMPTS)
def test_a_generated_code_is_stored_as_it_is_typed(
    person_id: PersonId, program_id: ProgramId, attempt: int
) -> None:
    code = generated_code(person_id, program_id, attempt=attempt, key=KEY)
    assert normalized(code.lower()) == code
    assert len(code) <= MAX_VANITY_LENGTH


@pytest.mark.parametrize("name", ["COCKTAIL", "DICKINSON", "HUYNH88", "ANALYTICS", "ARSENAL1"])
def test_a_harmless_word_with_a_bad_one_inside_is_given(name: str) -> None:
    assert vanity_code(name) == name
