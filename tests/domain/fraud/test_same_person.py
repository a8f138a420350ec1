"""`same_person`: one's own link, also behind another spelling of the customer id."""

import pytest

from referrals.domain.fraud.same_person import SAME_PERSON
from tests.domain.fraud.cases import ANNA, seen

CASES = [
    ("two customers with ids of their own", "c-1", "c-2", False),
    ("neighbouring ids of customers who joined together", "1041", "1042", False),
    ("a family at one domain", "anna@orlov.example", "boris@orlov.example", False),
    ("namesakes at two providers", "anna@mail.example", "anna@post.example", False),
    ("a dot counts outside Gmail", "a.nna@mail.example", "anna@mail.example", False),
    ("one id is the beginning of the other", "c-1", "c-11", False),
    ("nobody told an id", None, None, False),
    ("an id of blanks says nothing", " ", "  ", False),
    ("the same id with capitals", "anna@mail.example", "Anna@Mail.Example", True),
    ("the same id with a blank", "c-1", " c-1", True),
    ("the same id with a tag", "anna@mail.example", "anna+tea@mail.example", True),
    ("the same id with other dots at Gmail", "anna@gmail.com", "a.n.na@googlemail.com", True),
    ("the same id with a dot behind the domain", "anna@mail.example", "anna@mail.example.", True),
    ("a number with a blank in it", "10 41", "1041", True),
]


@pytest.mark.parametrize(("label", "advocate", "friend", "flags"), CASES, ids=[c[0] for c in CASES])
def test_it_flags_one_person_with_two_spellings(
    label: str, advocate: str | None, friend: str | None, *, flags: bool
) -> None:
    inputs = seen(SAME_PERSON, advocate_customer_id=advocate, friend_customer_id=friend)
    assert inputs == ({"is_same_id": False, "is_variant": True} if flags else None)


def test_it_flags_the_same_person_id_whatever_the_customer_ids_are() -> None:
    inputs = seen(SAME_PERSON, friend_id=ANNA, friend_customer_id=None)
    assert inputs == {"is_same_id": True, "is_variant": False}
