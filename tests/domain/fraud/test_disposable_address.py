"""`disposable_address`: mailboxes that live for minutes; which those are, the edge knows."""

import pytest

from referrals.domain.fraud.disposable_address import DISPOSABLE_ADDRESS
from referrals.usecases.fraud_signals import is_disposable
from tests.domain.fraud.cases import seen

CASES = [
    ("a large provider", "boris@gmail.com", False),
    ("an address at work", "boris.orlov@orlov-and-sons.example", False),
    ("a university's", "b.orlov@student.uni-example.de", False),
    ("a relay that hides an address and keeps it", "x7f3@privaterelay.appleid.com", False),
    ("a tag", "boris+tea@mail.ru", False),
    ("a provider whose name ends like a disposable one", "boris@mailinator-fans.example", False),
    ("a disposable name before the at", "mailinator.com@shop.example", False),
    ("no address at all", "", False),
    ("no domain", "boris@", False),
    ("a mailbox for minutes", "x1@mailinator.com", True),
    ("the same in capitals", "X1@Mailinator.COM", True),
    ("the same with a dot behind", "x1@mailinator.com.", True),
    ("the same on a subdomain", "x1@eu.mailinator.com", True),
    ("another provider of them", "x1@guerrillamail.com", True),
]


@pytest.mark.parametrize(("label", "email", "flags"), CASES, ids=[case[0] for case in CASES])
def test_it_flags_addresses_that_live_for_minutes(label: str, email: str, *, flags: bool) -> None:
    inputs = seen(DISPOSABLE_ADDRESS, is_disposable_address=is_disposable(email))
    assert inputs == ({"is_disposable": True} if flags else None)
