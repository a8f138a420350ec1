"""Names that people typed: shown as a name or not at all, never as markup, a link or a header."""

import re
import unicodedata

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPACES = re.compile(r" +")
_LONGEST = 60
# More than a year's worth is a telephone number to a mail client.
_MOST_DIGITS = 4
_ODD_CHARACTERS = re.compile(r"[<>{}\[\]\\/|@:=%]")
# `evil.example` and `1.2.3.4`, but not `J. R. R. Tolkien` or `J.R.R. Tolkien`.
# U+3002 is a dot, too, in host names.
_HOST_NAME = re.compile(r"\S[.\u3002](\w{2,}|\d)")


def one_line(text: str) -> str:
    """Give `text` without line breaks and control or invisible characters, fit for a header."""
    visible = _BREAKS.sub(" ", text)
    if not visible.isprintable():
        # Python counts spaces other than the common one among what cannot be printed.
        visible = "".join(c for c in visible if c.isprintable() or c.isspace())
    return _SPACES.sub(" ", visible).strip()


def shown_name(typed: str | None) -> str | None:
    """Give a typed name of at most 60 characters, or None when it cannot be taken for a name.

    Mail clients make links of bare host names and of telephone numbers, so a sign-up form would be
    a way to send anybody a link in the shop's name: what looks like either is left out altogether.
    """
    # NFKC first: it turns look-alikes such as a full-width dot or solidus into what they look like.
    name = one_line(unicodedata.normalize("NFKC", typed or "")).strip(" ,;")
    has_letters = any(character.isalpha() for character in name)
    if not has_letters or _looks_like_address(name):
        return None
    return name[:_LONGEST].rstrip()


def first_name(typed: str | None) -> str | None:
    """Give the first word of a typed name: one friend need not read another's full name."""
    name = shown_name(typed)
    return name.split()[0].rstrip(",") if name else None


def _looks_like_address(name: str) -> bool:
    has_telephone = sum(character.isdigit() for character in name) > _MOST_DIGITS
    return has_telephone or bool(_ODD_CHARACTERS.search(name) or _HOST_NAME.search(name))
