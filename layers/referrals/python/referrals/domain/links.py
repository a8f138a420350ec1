"""Share links and their codes: short, said over the phone, typed by hand, never embarrassing."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referrals.domain.errors import CodeNotAllowedError
from referrals.domain.ids import PersonId, ProgramId

# Without vowels hardly any word forms, and without B8 I1L O0 S5 Z2 nothing looks like another:
# 21 signs are 4.39 bits each, twelve of them 52.7 bits.
ALPHABET = "CDFGHJKMNPQRTVWX34679"
CODE_LENGTH = 12
MIN_VANITY_LENGTH, MAX_VANITY_LENGTH = 3, 24

RESERVED = frozenset(
    {
        *("ADMIN", "API", "APPLE", "CONSOLE", "FAVICON", "HEALTH", "HELP", "HOOKS", "INBOX"),
        *("LOGIN", "PORTAL", "ROBOTS", "SHOP", "STATUS", "SUPPORT", "TRACK", "WELLKNOWN", "WWW"),
    }
)

# Roots, not a dictionary: what a shop would not print on a card, also with digits for letters.
_BAD_ROOTS = (
    *("ANAL", "ANUS", "ARSE", "BASTARD", "BITCH", "BLYAD", "BLYAT", "BOLLOCK", "COCK", "CUNT"),
    *("DICK", "DILDO", "FAGGOT", "FCK", "FUCK", "FUK", "HITLER", "HUI", "HUY", "JEBAT", "KIKE"),
    *("KKK", "KUNT", "KURVA", "MUDAK", "NAZI", "NGGR", "NIGGA", "NIGGER", "PENIS", "PIDOR"),
    *("PISS", "PIZD", "PORN", "PRICK", "PUSSY", "PUTA", "RAPE", "SCHEISS", "SHIT", "SHT", "SLUT"),
    *("SUKA", "TWAT", "VAGINA", "WANK", "WHORE", "XUI", "XUY"),
)
_MAY_CONTAIN = (
    *("ANALYST", "ANALYTIC", "ARSENAL", "CANAL", "COCKTAIL", "DICKENS", "DICKINSON", "DRAPE"),
    *("GRAPE", "HANCOCK", "HUYNH", "JANUS", "MANUSCRIPT", "PARSE", "PEACOCK", "REPUTA"),
)
# a 1 is read as an I and as an L
_DIGIT_LETTERS = (str.maketrans("01345789", "OIEASTBG"), str.maketrans("01345789", "OLEASTBG"))


class LinkStatus(StrEnum):
    """Whether a code works; one that is closed never does again, and is given to nobody else."""

    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLink:
    """An advocate's link; `code` is unique over all programs of a deployment."""

    code: str
    program_id: ProgramId
    advocate_id: PersonId
    status: LinkStatus
    created_at: datetime


def normalized(typed: str) -> str:
    """Bring a code into the form it is stored in: upper case, without spaces and dashes."""
    return "".join(typed.split()).replace("-", "").upper()


def is_code(text: str) -> bool:
    """Whether `text` has the form of a stored code, so that a look-up makes sense."""
    return text.isascii() and text.isalnum() and len(text) <= MAX_VANITY_LENGTH and bool(text)


def vanity_code(wished: str) -> str:
    """Check a code that an advocate wishes for and give its stored form.

    CodeNotAllowedError when it is too short or long, has other signs than letters and digits,
    belongs to the system, or would embarrass somebody.
    """
    code = normalized(wished)
    if not MIN_VANITY_LENGTH <= len(code) <= MAX_VANITY_LENGTH:
        raise CodeNotAllowedError(f"is not {MIN_VANITY_LENGTH} to {MAX_VANITY_LENGTH} signs long")
    if not is_code(code):
        raise CodeNotAllowedError("has other signs than the letters A to Z and digits")
    if code in RESERVED:
        raise CodeNotAllowedError("is reserved")
    if is_bad(code):
        raise CodeNotAllowedError("has a word in it that not everybody likes")
    return code


def generated_code(person_id: PersonId, program_id: ProgramId, *, attempt: int, key: bytes) -> str:
    """Give the code of an advocate: 52.7 bits that nobody without the key can guess.

    It derives from the advocate, so enrolling twice gives the same one; `attempt` counts on when
    a code is taken.
    """
    salt = 0
    while True:
        message = f"code:{program_id}:{person_id}:{attempt}:{salt}".encode()
        code = _spelled(hmac.digest(key, message, hashlib.sha256))
        if not is_bad(code):
            return code
        salt += 1


def is_bad(code: str) -> bool:
    """Whether a bad word stands in a code, also with digits for letters."""
    return any(_is_bad_word_in(code.translate(letters)) for letters in _DIGIT_LETTERS)


def _is_bad_word_in(read: str) -> bool:
    for harmless in _MAY_CONTAIN:
        read = read.replace(harmless, "")
    return any(root in read for root in _BAD_ROOTS)


def _spelled(digest: bytes) -> str:
    number = int.from_bytes(digest[:16], "big")  # 128 bits: the bias towards a sign is under 2^-75
    signs = []
    for _ in range(CODE_LENGTH):
        number, index = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[index])
    return "".join(signs)
