"""Details that people give so that something reaches them: personal data, like their names.

What came out of a form is checked here: it becomes details, or says which fields are at fault.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from referrals.domain.countries import is_country
from referrals.domain.ibans import read_iban
from referrals.domain.ids import PersonId


class DetailsKind(StrEnum):
    """What details are for; the names stand in links and in the table."""

    SHIPPING = "shipping"
    PAYEE = "payee"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingDetails:
    """Where to send a gift; `extra` is a flat, a floor or a company, `country` two letters.

    `revision` is None until it is stored.
    """

    person_id: PersonId
    name: str
    street: str
    city: str
    country: str
    postal_code: str = ""
    extra: str = ""
    region: str = ""
    revision: int | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The address as lines of a label, its country last."""
        town = f"{self.postal_code} {self.city}".strip()
        lines = (self.name, self.extra, self.street, town, self.region, self.country)
        return tuple(line for line in lines if line)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeDetails:
    """Whom a bank is to pay. `revision` is None until it is stored."""

    person_id: PersonId
    name: str
    iban: str
    revision: int | None = None


class FieldFault(StrEnum):
    MISSING = "missing"
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    NO_COUNTRY = "no_country"
    NO_IBAN = "no_iban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """Why a form is no details yet: one fault a field, in the order of the form."""

    faults: Mapping[str, FieldFault]


Form = Mapping[str, str]

# How long each field may be. A label of a carrier has lines of 35 signs, and some people need two;
# a creditor's name has 70 in SEPA (ISO 20022), an IBAN 34 (ISO 13616) and eight spaces.
LONGEST: Mapping[DetailsKind, Mapping[str, int]] = {
    DetailsKind.SHIPPING: {
        "name": 70,
        "street": 70,
        "extra": 70,
        "postal_code": 16,
        "city": 70,
        "region": 70,
        "country": 2,
    },
    DetailsKind.PAYEE: {"holder": 70, "iban": 42},
}
_MAY_BE_EMPTY = frozenset({"extra", "region"})
# Where addresses have no postal code, or not everywhere. A country too many asks for one too few,
# one too few asks people for what they do not have.
_CODES = """
AE AG AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM DJ DM ER FJ GA GD GH GM GN GQ GY HK JM KI KM KN
KP LC ML MO MR MU MW NA NR NU PA QA RW SB SC SL SR ST SY TF TG TK TL TO TT TV UG VU YE ZW
"""
_WITHOUT_POSTAL_CODES = frozenset(_CODES.split())


def read_shipping(person_id: PersonId, form: Form) -> ShippingDetails | Incomplete:
    """Read the form of an address."""
    given = {name: plain(form.get(name, "")) for name in LONGEST[DetailsKind.SHIPPING]}
    country = given["country"]
    faults = _faults(DetailsKind.SHIPPING, given)
    if country in _WITHOUT_POSTAL_CODES and faults.get("postal_code") is FieldFault.MISSING:
        del faults["postal_code"]
    if not is_country(country):
        faults["country"] = FieldFault.NO_COUNTRY
    if faults:
        return Incomplete(faults=faults)
    return ShippingDetails(
        person_id=person_id,
        name=given["name"],
        street=given["street"],
        city=given["city"],
        country=country,
        postal_code=given["postal_code"],
        extra=given["extra"],
        region=given["region"],
    )


def read_payee(person_id: PersonId, form: Form) -> PayeeDetails | Incomplete:
    """Read the form of an account."""
    given = {name: plain(form.get(name, "")) for name in LONGEST[DetailsKind.PAYEE]}
    faults = _faults(DetailsKind.PAYEE, given)
    iban = read_iban(given["iban"])
    if iban is None:
        faults.setdefault("iban", FieldFault.NO_IBAN)
        return Incomplete(faults=faults)
    if faults:
        return Incomplete(faults=faults)
    return PayeeDetails(person_id=person_id, name=given["holder"], iban=iban)


def plain(text: str) -> str:
    """Give what was typed in one line, composed, with single spaces: fit for a label and a file."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _faults(kind: DetailsKind, given: Form) -> dict[str, FieldFault]:
    found = {name: _fault(name, given[name], longest) for name, longest in LONGEST[kind].items()}
    return {name: fault for name, fault in found.items() if fault is not None}


def _fault(name: str, text: str, longest: int) -> FieldFault | None:
    if not text:
        return None if name in _MAY_BE_EMPTY else FieldFault.MISSING
    if len(text) > longest:
        return FieldFault.TOO_LONG
    # letters or digits at least, and nothing that turns, hides or breaks what stands beside it
    is_readable = text.isprintable() and any(sign.isalnum() for sign in text)
    return None if is_readable else FieldFault.UNREADABLE
