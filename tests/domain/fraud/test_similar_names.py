"""`similar_names`: nearly the advocate's name, and not only the family's."""

import pytest

from referrals.domain.fraud.similar_names import SIMILAR_NAMES
from tests.domain.fraud.cases import seen

CASES = [
    ("strangers", "Anna Petrova", "Boris Orlov", None),
    ("a couple with one surname", "Anna Petrova", "Boris Petrov", None),
    ("siblings", "Anna Petrova", "Anya Petrova", None),
    ("sisters whose names differ by a letter", "Maria Petrova", "Marina Petrova", None),
    ("father and son with one surname", "John Smith", "Joseph Smith", None),
    ("namesakes with two surnames", "Anna Petrova", "Anna Orlova", None),
    ("two Annas without surnames", "Anna", "Anna", None),
    ("a first name against a whole one", "Anna", "Anna Petrova", None),
    ("a mother's middle name", "Anna Petrova", "Anna Maria Ivanova Petrova", None),
    ("no name was told", "Anna Petrova", None, None),
    ("an empty name", "Anna Petrova", "", None),
    ("the same name", "Anna Petrova", "Anna Petrova", 100),
    ("the same in capitals", "Anna Petrova", "ANNA  PETROVA", 100),
    ("the same the other way round", "Anna Petrova", "Petrova, Anna", 100),
    ("the same with a number", "Anna Petrova", "Anna Petrova 2", 100),
    ("the same with an accent", "Anna Petrova", "Ánna Pétrova", 100),
    ("the same with an apostrophe", "Ann O'Neil", "Ann ONeil", 100),
    ("a letter doubled", "Anna Petrova", "Anna Petrovva", 93),
    ("the same in another script", "Анна Петрова", "анна петрова", 100),
    ("a middle initial", "Alexandra Konstantinopolskaya", "Alexandra K Konstantinopolskaya", 96),
]


@pytest.mark.parametrize(
    ("label", "advocate", "friend", "percent"), CASES, ids=[case[0] for case in CASES]
)
def test_it_flags_names_that_are_nearly_one(
    label: str, advocate: str, friend: str | None, percent: int | None
) -> None:
    inputs = seen(SIMILAR_NAMES, advocate_name=advocate, friend_name=friend)
    assert inputs == (None if percent is None else {"percent": percent, "limit": 92})


def test_a_lower_limit_flags_siblings_too() -> None:
    inputs = seen(SIMILAR_NAMES, 75, advocate_name="Anna Petrova", friend_name="Anya Petrova")
    assert inputs == {"percent": 75, "limit": 75}
