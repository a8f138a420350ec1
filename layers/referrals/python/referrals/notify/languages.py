"""Languages of messages: which one a locale gets, its texts, how it writes numbers and dates.

English is what the templates say; every other language has a gettext catalog under `locales/`.
"""

import gettext
import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol

from referrals.domain.countries import COUNTRIES
from referrals.domain.money import EXPONENTS

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ru", "bg", "ro")

_LOCALES = Path(__file__).parent / "locales"


def catalog_path(language: str) -> Path:
    """Path of a language's catalog; English has none."""
    return _LOCALES / language / "messages.po"


def negotiate(locale: str) -> str:
    """Give the language for a locale such as `ru-RU` or `ru_RU.UTF-8`: English when in doubt."""
    language = re.split(r"[-_.]", locale.strip().lower())[0]
    return language if language in LANGUAGES else ENGLISH


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Load a language's texts, compiled in memory so that no binary lies beside its source."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    with catalog_path(language).open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def money(amount_minor: int, currency: str, *, language: str) -> str:
    """Write an amount of an ISO currency, a whole one without decimals: `€10`, `€2.50`.

    KeyError when the currency is unknown. Decimals are those of ISO 4217; CLDR, and with it Babel,
    would drop the fils of a dinar and the like.
    """
    exponent = EXPONENTS[currency]
    is_whole = amount_minor % 10**exponent == 0
    return format_currency(
        Decimal(amount_minor).scaleb(-exponent),
        currency,
        format=_money_pattern(currency, language, decimals=0 if is_whole else exponent),
        locale=language,
        currency_digits=False,
    )


def long_date(moment: datetime, *, language: str) -> str:
    """Write the UTC day of an aware time in words: `May 16, 2026` in English.

    Its spaces do not break: a line that ends in `16` and goes on with a month is hard to read.
    """
    written = format_date(moment.astimezone(UTC).date(), format="long", locale=language)
    return written.replace(" ", "\N{NO-BREAK SPACE}")


def time_of_day(moment: datetime, *, language: str) -> str:
    """Write the UTC time of day of an aware time: `9:30 AM UTC`; its spaces do not break."""
    written = format_time(moment.astimezone(UTC), format="short", tzinfo=UTC, locale=language)
    return f"{written} UTC".replace(" ", "\N{NO-BREAK SPACE}")


def month(day: date, *, language: str) -> str:
    """Write the month of a day as it stands alone: `May 2026`."""
    written = format_skeleton("yMMMM", day, locale=language)
    return written.replace(" ", "\N{NO-BREAK SPACE}")


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Give every country's code and name, as a list in that language is sorted."""
    names = Locale(language).territories
    return tuple(sorted(((code, names.get(code, code)) for code in COUNTRIES), key=_by_name))


def _by_name(country: tuple[str, str]) -> str:
    """Sort `Åland` and `Țările de Jos` where people look for them; Cyrillic sorts as it is."""
    letters = unicodedata.normalize("NFD", country[1].casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def number(count: int, *, language: str) -> str:
    return format_decimal(count, locale=language)


def share(part: int, whole: int, *, language: str) -> str:
    """Write a share in per cent, to two decimals at most; of nothing it is nothing."""
    ratio = Decimal(part) / Decimal(whole) if whole else Decimal(0)
    pattern = Locale(language).percent_formats[None].pattern
    return format_percent(ratio, format=pattern.replace("0", "0.##", 1), locale=language)


def _money_pattern(currency: str, language: str, *, decimals: int) -> str:
    pattern: str = Locale(language).currency_formats["standard"].pattern
    if get_currency_symbol(currency, locale=language)[-1].isalpha():
        # CLDR's alphaNextToNumber, which Babel does not read: `KWD 5`, but `€5`.
        pattern = pattern.replace("¤#", "¤\N{NO-BREAK SPACE}#")
    return pattern.replace(".00", f".{'0' * decimals}" if decimals else "")
