"""Addresses, names and networks in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referrals.domain.fraud.addresses import (
    email_domain,
    normalized_email,
    normalized_name,
    normalized_network,
)

EMAILS = [
    ("as it is", "anna@mail.example", "anna@mail.example"),
    ("capitals", "Anna@Mail.Example", "anna@mail.example"),
    ("blanks around", "  anna@mail.example ", "anna@mail.example"),
    ("a tag", "anna+tea@mail.example", "anna@mail.example"),
    ("several tags", "anna+a+b@mail.example", "anna@mail.example"),
    ("nothing before the tag", "+tea@mail.example", "+tea@mail.example"),
    ("dots at Gmail", "a.n.n.a@gmail.com", "anna@gmail.com"),
    ("Gmail's other name", "anna@googlemail.com", "anna@gmail.com"),
    ("all of Gmail", "A.nna+tea@GoogleMail.com", "anna@gmail.com"),
    ("dots elsewhere count", "a.nna@mail.example", "a.nna@mail.example"),
    ("a dot behind the name", "anna.@mail.example", "anna@mail.example"),
    ("a dot behind the domain", "anna@mail.example.", "anna@mail.example"),
    ("full-width letters", "\uff41nna@mail.example", "anna@mail.example"),
    ("a domain with an umlaut", "anna@bücher.example", "anna@xn--bcher-kva.example"),
    ("the same in ASCII", "anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example"),
    ("an at in quotes", '"an@na"@mail.example', '"an@na"@mail.example'),
    ("a domain that cannot be", "anna@a..b", "anna@a..b"),
    ("no at", "anna", None),
    ("no name", "@mail.example", None),
    ("no domain", "anna@", None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("label", "address", "expected"), EMAILS, ids=[e[0] for e in EMAILS])
def test_an_address_is_brought_to_its_mailbox(
    label: str, address: str, expected: str | None
) -> None:
    assert normalized_email(address) == expected


@given(st.emails())
def test_a_normalised_address_stays_as_it_is(address: str) -> None:
    once = normalized_email(address)
    assert once is not None
    assert normalized_email(once) == once


@given(st.text())
def test_whatever_is_told_as_an_address_or_a_name_can_be_read(text: str) -> None:
    normalized_email(text)
    email_domain(text)
    normalized_name(text)
    normalized_network(text)


NAMES = [
    ("words in order", "Petrova Anna", ("anna", "petrova")),
    ("accents", "José Müller", ("jose", "muller")),
    ("a hyphen parts words", "Anna-Maria", ("anna", "maria")),
    ("an apostrophe does not", "O\u2019Neil", ("oneil",)),
    ("digits are left out", "Anna 2", ("anna",)),
    ("Russian", "Анна Ёлкина", ("анна", "елкина")),
    ("vowel signs of Devanagari stay", "\u0938\u0940\u0924\u093e", ("\u0938\u0940\u0924\u093e",)),
    ("nothing but signs", "!?", ()),
]


@pytest.mark.parametrize(("label", "name", "expected"), NAMES, ids=[n[0] for n in NAMES])
def test_a_name_is_brought_to_its_words(label: str, name: str, expected: tuple[str, ...]) -> None:
    assert normalized_name(name) == expected


NETWORKS = [
    ("IPv4", "203.0.113.9", "203.0.113.9"),
    ("blanks around", " 203.0.113.9 ", "203.0.113.9"),
    ("IPv4 written as IPv6", "::ffff:203.0.113.9", "203.0.113.9"),
    ("IPv6 is a household", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("the same household", "2001:0db8:0001:0002::9", "2001:db8:1:2::/64"),
    ("a proxy of the shop", "10.0.0.7", None),
    ("the machine itself", "127.0.0.1", None),
    ("a link-local address with its zone", "fe80::1%eth0", None),
    ("an IPv6 proxy", "fd00::1", None),
    ("no address", "unknown", None),
]


@pytest.mark.parametrize(("label", "address", "expected"), NETWORKS, ids=[n[0] for n in NETWORKS])
def test_an_ip_address_is_brought_to_its_network(
    label: str, address: str, expected: str | None
) -> None:
    assert normalized_network(address) == expected
